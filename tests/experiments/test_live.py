"""Training that can be watched: what comes out is what a sweep gives, however it was stopped."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from modnets.compiler.build_cache import (
    NotCompiledError,
    can_compile,
    load_library,
    without_compiling,
)
from modnets.config.run_config import RunConfig
from modnets.experiments import live as room
from modnets.experiments.live import Live
from modnets.experiments.single_run import train
from modnets.experiments.store import Store
from modnets.experiments.sweep import RunsFailed, sweep
from modnets.models.registry import MODELS
from modnets.models.structures import parameters_of, structures
from modnets.training.restoring import from_structure

KINDS = ({"model": "dense"}, {"model": "shared", "routing": "learned"})


def wanted(epochs: int = 12, **settings: object) -> list[RunConfig]:
    base = RunConfig(train_rows=20, epochs=epochs, eval_every=3, record="every", **settings)
    return [replace(base, seed=s, split_seed=s, **kind) for kind in KINDS for s in range(3)]


def ordered(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values(["run", "epoch"], ignore_index=True)


@pytest.mark.parametrize("compiled", [False, True])
def test_what_is_stored_is_what_a_sweep_stores(tmp_path: Path, compiled: bool) -> None:
    if compiled and not can_compile():
        pytest.skip("no C++ compiler")
    runs, stores = wanted(), (tmp_path / "live", tmp_path / "sweep")
    Live(runs, stores[0], compiled=compiled, chunk=4).train()
    sweep(runs, stores[1], compiled=compiled, chunk=4, workers=1, progress=False)
    tables = [Store(store).table() for store in stores]
    pd.testing.assert_frame_equal(*tables, check_exact=True)
    details = [Store(store).details(every=True) for store in stores]
    pd.testing.assert_frame_equal(*details, check_exact=True)
    assert {found["compiled"] for found in Store(stores[0]).provenance()} == {compiled}


def test_stopped_at_every_evaluation_it_comes_to_the_same(tmp_path: Path) -> None:
    live = Live(wanted(), tmp_path / "stopped", compiled=False)
    stops = 0
    while not live.is_done:
        seen = threading.Event()
        live.start(lambda seen=seen: (seen.set(), live._stop.set()), lambda: None)
        assert seen.wait(60)
        live.stop()
        assert not live.running
        stops += 1
    assert stops == 2 * 5  # evaluations at 0, 3, 6, 9 and 12, of two parts
    Live(wanted(), tmp_path / "through", compiled=False).train()
    tables = [Store(tmp_path / name).table() for name in ("stopped", "through")]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_nothing_is_left_behind() -> None:
    before = threading.enumerate()
    live, told = Live(wanted(epochs=3000), compiled=False), []
    going = threading.Event()
    live.start(going.set, lambda: told.append("end"))
    assert going.wait(60)
    with pytest.raises(ValueError, match="goes on already"):
        live.start(going.set, lambda: None)
    live.stop()
    assert told == ["end"]
    assert threading.enumerate() == before
    assert 0 <= live.share < 1
    assert live.error is None


def test_measures_and_records_are_those_of_the_table() -> None:
    live = Live(wanted(), compiled=False)
    assert live.measures("solved").empty
    assert live.record(live.runs[0].key, 12) == {}
    assert live.network(live.runs[0].key, 12) is None
    live.train()
    table = pd.concat([part.trained.table for part in live.parts])
    found = live.measures("test_bit_accuracy", "solved")
    same = ordered(table)[["run", "kind", "epoch", "test_bit_accuracy", "solved"]]
    pd.testing.assert_frame_equal(ordered(found), same, check_dtype=False)
    run = live.runs[-1].key
    for epoch, at in ((0, 0), (4, 3), (12, 12), (99, 12)):
        row = table[(table["run"] == run) & (table["epoch"] == at)].iloc[0]
        expected = {"epoch": at, "structure": row["structure"], "predicted": row["predicted"]}
        assert live.record(run, epoch) == expected


def test_networks_are_those_that_were_trained() -> None:
    live = Live(wanted(), compiled=False, chunk=4)
    live.train()
    run = live.runs[1]
    alone = train(run, chunk=4, compiled=False, progress=False)
    for name, value in live.network(run.key, 12).state_dict().items():
        assert torch.equal(value, alone.network.state_dict()[name])
    assert live.chunk_of(run.key) == (4, False)
    first = live.network(run.key, 2)
    fresh = Live([run], compiled=False)
    fresh.parts[0].advance()
    kept = fresh.network(run.key, 0)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), kept.parameters(), strict=True)
    )


@pytest.mark.parametrize("graph", ["6-3-2-2", "three tasks"])
@pytest.mark.parametrize("output_levels", ["last", "every"])
def test_choices_are_rebuilt_from_what_was_recorded(graph: str, output_levels: str) -> None:
    run = RunConfig(
        graph=graph, model="shared", epochs=4, train_rows=20, output_levels=output_levels
    )
    trained = train(run, progress=False)
    network = from_structure(run, trained.structure)
    found, real = (structures(one, parameters_of(one)) for one in (network, trained.network))
    assert found.plain() == real.plain()
    assert from_structure(replace(run, routing="known"), trained.structure).noise_size == 0
    with pytest.raises(ValueError, match="networks with slots"):
        from_structure(RunConfig(), trained.structure)


def test_what_the_store_holds_is_not_stored_twice(tmp_path: Path) -> None:
    runs = wanted()
    sweep(runs[:2], tmp_path, compiled=False, progress=False)
    before = Store(tmp_path).table()
    Live(runs, tmp_path, compiled=False).train()
    table = Store(tmp_path).table()
    assert len(table["run"].unique()) == 6
    kept = table[table["run"].isin(before["run"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, before, check_exact=True)
    assert sum(found["runs"] for found in Store(tmp_path).provenance()) >= 6


def test_a_run_that_fails_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_config: RunConfig) -> None:
        raise RuntimeError("no network today")

    monkeypatch.setitem(MODELS, "broken", broken)
    runs = [*wanted(), RunConfig(model="broken", epochs=12, train_rows=20)]
    live = Live(runs, tmp_path, compiled=False)
    with pytest.raises(RunsFailed, match="no network today"):
        live.train()
    assert live.is_done
    assert Store(tmp_path).keys() == {run.key for run in runs[:-1]}
    again = Live(runs, tmp_path, compiled=False)
    again.start(lambda: None, lambda: None)
    again.join()
    assert isinstance(again.error, RunsFailed)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "KEPT", 100_000)  # bytes: some evaluations
    live = Live(wanted(epochs=30, batch_size=None)[:3], compiled=False)
    live.train()
    (part,) = live.parts
    assert part.n_bytes <= 100_000 or len(part.parameters) == 1
    assert len(part.parameters) < 11
    assert max(part.parameters) == 30
    assert live.network(live.runs[0].key, 30) is not None


def test_how_far_it_is() -> None:
    live = Live(wanted(), compiled=False)
    assert live.share == 0
    assert np.isnan(live.seconds_left)
    shares: list[float] = []
    live.train(lambda: shares.append(live.share))
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert live.epoch == 12
    assert live.seconds_left == 0


def test_nobody_waits_for_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODNETS_CACHE", str(tmp_path))
    called: list[int] = []
    with without_compiling(), pytest.raises(NotCompiledError):
        load_library("never compiled", lambda: called.append(1))
    assert called == []
