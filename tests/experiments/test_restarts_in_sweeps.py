"""Runs with restarts in sweeps, stores, chunks, and while somebody looks on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch

from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.live import Live
from modnets.experiments.planning import MAX_CHUNK, choose, plan
from modnets.experiments.single_run import train
from modnets.experiments.sweep import sweep
from modnets.training.restarts import starts_of

RUN = RunConfig(model="shared", train_rows=20, epochs=18, eval_every=2, restarts=4)


def test_a_sweep_stores_them_as_runs_with_their_cost(tmp_path: Path) -> None:
    base, how = replace(RUN, model="dense", hidden=(4,)), {"chunk": 16, "compiled": False}
    runs = [*grid(base, seeds=range(3)), *grid(replace(base, restarts=None), seeds=range(3))]
    table = sweep(runs, progress=False, **how)
    sweep(runs[:2], tmp_path, progress=False, **how)
    stored = sweep(runs, tmp_path, progress=False, **how)
    pd.testing.assert_frame_equal(stored, table, check_exact=True, check_dtype=False)
    last = table.groupby("run").last()
    with_them = [run.key for run in runs[:3]]
    assert last.loc[with_them, "flops"].gt(0).all()
    assert last.loc[with_them, "start"].isin(range(4)).all()
    assert last.drop(with_them)[["start", "flops", "restarts"]].isna().all(axis=None)
    plain = sweep(runs[3:], progress=False, **how)
    assert not {"start", "flops"} & set(plain.columns)
    measures = ["run", "epoch", "train_loss", "test_loss", "solved"]
    same = table[table["run"].isin(plain["run"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(same[measures], plain[measures], check_exact=True)


def test_chunks_hold_as_many_runs_as_their_starts_allow() -> None:
    base = replace(RUN, epochs=1000)
    for restarts, most in ((None, 64), (2, 64), (9, 28), (27, 9), (100, 2), (729, 1)):
        runs = grid(replace(base, restarts=restarts), seeds=range(130))
        chunks = plan(runs, compiled=False, device="cpu").chunks
        assert max(len(chunk.runs) for chunk in chunks) == most
        assert most * (restarts or 1) <= max(MAX_CHUNK, restarts or 1)
        assert sum(len(chunk.runs) for chunk in chunks) == 130
        assert {chunk.size for chunk in chunks} == {64}
    assert choose([RUN], None, compiled=False) == (4, 0)


def test_what_is_looked_at_is_the_start_that_is_left() -> None:
    run = replace(RUN, record="every", seed=3, restarts=9)
    live = Live([run], compiled=False, chunk=2)
    (part,), leaders = live.parts, []
    while not live.is_done:
        part.advance()
        leaders.append(part.starts.leader(run).seed)
        assert len(live.measures("train_loss")) == len(leaders)
        network = live.network(run.key, part.epoch)
        assert live.record(run.key, part.epoch)["epoch"] == part.epoch
    assert len(set(leaders)) > 1  # another one led at first
    trained = train(run, chunk=2, progress=False)
    table = trained.table
    start = starts_of(run)[int(table["start"].iloc[-1])]
    alone = train(start, chunk=2, progress=False)
    pd.testing.assert_series_equal(table["test_loss"], alone.table["test_loss"])
    assert live.measures("test_loss")["test_loss"].tolist() == table["test_loss"].tolist()
    for epoch in (0, 2, 18):
        row = table[table["epoch"] == epoch].iloc[0]
        assert live.record(run.key, epoch)["structure"] == row["structure"]
    for found, expected in (
        (network, trained.network),
        (live.network(run.key, 18), alone.network),
        (live.network(run.key, 0), alone.untrained),
        (trained.untrained, alone.untrained),
    ):
        for name, value in expected.state_dict().items():
            assert torch.equal(found.state_dict()[name], value)
    assert part.trained.table["predicted"].iloc[-1] == table["predicted"].iloc[-1]
