"""Sweeps: plan, resume, failures, workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest
import torch

import modnets as mn
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.planning import CHUNK, choose, plan, planned
from modnets.experiments.progress import Progress
from modnets.experiments.single_run import train
from modnets.experiments.sweep import RunsFailed, sweep
from modnets.hardware import lanes
from modnets.models.registry import MODELS
from modnets.training.cost_model import COMPILE_FROM

BASE = RunConfig(model="shared", train_rows=16, epochs=4)


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True, check_dtype=False)


def test_table_is_tidy_and_in_the_order_of_the_runs() -> None:
    runs = grid(BASE, model=["shared", "dense"], seed=[4, 2, 3])
    table = sweep(runs, progress=False)
    assert list(dict.fromkeys(table["run"])) == [run.key for run in runs]
    assert table.groupby("run")["epoch"].apply(list).map(tuple).unique().tolist() == [
        (0, 1, 2, 3, 4)
    ]
    assert set(table["kind"]) == {"dense", "shared, learned"}
    assert table["solved"].dtype == bool


def test_a_resumed_sweep_equals_an_uninterrupted_one(store: Path) -> None:
    runs = grid(BASE, seed=range(7), train_rows=[8, 40])
    whole = sweep(runs, progress=False)
    size = plan(runs).chunks[0].size
    first = sweep(runs[:5], store, chunk=size, progress=False)
    assert set(first["run"]) == {run.key for run in runs[:5]}
    todo = plan(runs, store)
    assert str(todo) == "14 runs: 5 done, 9 to do"
    same(sweep(runs, store, progress=False), whole)
    before = {p: p.stat().st_mtime_ns for p in store.iterdir()}
    same(sweep(runs, store, progress=False), whole)  # nothing is done twice
    assert {p: p.stat().st_mtime_ns for p in store.iterdir()} == before
    same(sweep(runs[::-1], store, progress=False).tail(5).reset_index(drop=True), whole.head(5))


def test_damaged_results_are_done_again(store: Path, capsys: pytest.CaptureFixture) -> None:
    runs = grid(BASE, seed=range(3))
    whole = sweep(runs, store, progress=False)
    path = next(store.glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:200])
    same(sweep(runs, store, progress=False), whole)
    assert "set aside" in capsys.readouterr().err


def test_provenance_says_how_a_run_was_made(store: Path) -> None:
    sweep(grid(BASE, seed=range(3)), store, progress=False)
    (found,) = mn.Store(store).provenance()
    assert found["chunk"] == 4
    assert found["compiled"] is False
    assert found["torch"] == torch.__version__
    assert found["duration_s"] > 0
    assert {"git_commit", "git_clean", "seeds", "device", "processor"} <= set(found)


def test_chunk_and_compilation_follow_from_all_runs_wanted(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modnets.experiments.planning.can_compile", lambda: True)
    short = grid(BASE, seed=range(11))
    assert choose(short, None, None) == (16, 0)
    long = grid(RunConfig(train_rows=16, epochs=COMPILE_FROM // 2), seed=range(CHUNK + 1))
    assert choose(long, None, None) == (CHUNK, lanes())
    assert choose(long[:CHUNK], None, None) == (CHUNK, 0)
    assert choose(long, 8, False) == (8, 0)
    sweep(short[:9], store, chunk=16, progress=False)
    assert [(len(c.runs), c.size) for c in plan(short, store).chunks] == [(2, 16)]


def test_few_large_networks_do_not_fill_lanes_with_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("modnets.experiments.planning.can_compile", lambda: True)
    large = RunConfig(graph=mn.tasks.DigitPairs(), epochs=200)
    images = RunConfig(graph=mn.tasks.DigitPairs(), epochs=200, image_network="cnn")
    small = RunConfig(train_rows=16, epochs=COMPILE_FROM)
    seeds = range(lanes())
    assert choose([large], None, None) == (CHUNK, 1)
    assert choose([images], None, None) == (CHUNK, 1)  # its convolutions are matrix products
    assert choose(grid(large, seed=seeds), None, None) == (CHUNK, 1)
    assert choose(grid(images, seed=seeds), None, None) == (CHUNK, lanes())
    assert choose([small], None, None) == (CHUNK, lanes())


def test_a_plan_does_not_make_the_folder(store: Path) -> None:
    assert plan([BASE], store).n_to_do == 1
    assert not store.exists()


def test_the_first_chunks_are_of_different_shapes() -> None:
    runs = grid(BASE, model=["dense", "shared"], seed=range(5))
    models = [chunk.runs[0].model for chunk in plan(runs, chunk=2).chunks]
    assert models == ["dense", "shared"] * 3


class Fragile(torch.nn.Module):
    """Cannot be built for odd seeds."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        if config.seed % 2:
            raise RuntimeError(f"no luck with seed {config.seed}")
        self.linear = torch.nn.Linear(config.graph.n_inputs, config.graph.n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x)


def test_a_failed_run_stops_no_other(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "fragile", Fragile)
    runs = grid(RunConfig(model="fragile", train_rows=16, epochs=2), seed=range(4))
    with pytest.raises(RunsFailed, match=r"2 runs failed(.|\n)*no luck with seed 1") as caught:
        sweep(runs, store, progress=False)
    assert set(caught.value.failures) == {runs[1].key, runs[3].key}
    assert mn.Store(store).keys() == {runs[0].key, runs[2].key}
    assert plan(runs, store).n_to_do == 2


class Random(torch.nn.Module):
    """Draws random numbers inside, which no replica may."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(config.graph.n_inputs, config.graph.n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + torch.rand(())


def test_random_numbers_inside_a_network_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "random", Random)
    with pytest.raises(RunsFailed, match="random"):
        sweep([RunConfig(model="random", train_rows=16, epochs=2)], progress=False)


def test_workers_and_executors_give_the_same_bits(store: Path) -> None:
    runs = grid(BASE, model=["shared", "dense"], seed=range(3))
    here = sweep(runs, progress=False)
    with ThreadPoolExecutor(1) as executor:
        same(sweep(runs, executor=executor, progress=False), here)
    same(sweep(runs, store, workers=2, progress=False), here)
    same(sweep(runs, store, workers=2, progress=False), here)  # with nothing left to do


def test_a_model_of_ones_own_goes_to_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    namespace: dict = {"torch": torch, "__name__": "__main__"}
    source = (
        "class Mine(torch.nn.Linear):\n"
        "    def __init__(self, config): super().__init__(6, 2)\n"
        "    def forward(self, x): return super().forward(x)\n"
    )
    exec(source, namespace)  # as in a notebook cell: no module to import it from
    monkeypatch.setitem(MODELS, "mine", namespace["Mine"])
    runs = grid(RunConfig(model="mine", train_rows=16, epochs=2), seed=range(4))
    same(sweep(runs, workers=2, chunk=2, progress=False), sweep(runs, chunk=2, progress=False))


def linear(code: str) -> type:
    """A network defined as in a notebook cell, where its source may not be at hand."""
    namespace: dict = {"torch": torch, "__name__": "__main__"}
    head = "class Mine(torch.nn.Module):\n    def __init__(self, config):\n"
    head += "        super().__init__()\n"
    tail = "\n    def forward(self, x):\n        return self.net(x)\n"
    exec(f"{head}        self.net = {code}{tail}", namespace)
    return namespace["Mine"]


def test_an_edited_model_is_another_run(monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
    monkeypatch.setitem(MODELS, "mine", linear("torch.nn.Linear(6, 2)"))
    base = RunConfig(model="mine", train_rows=16, epochs=2)
    first = grid(base, seed=range(2))
    one = sweep(first, store, progress=False)
    deep = "torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 2))"
    monkeypatch.setitem(MODELS, "mine", linear(deep))
    second = grid(base, seed=range(2))
    other = sweep(second, store, progress=False)
    assert not set(one["run"]) & set(other["run"])
    monkeypatch.setitem(MODELS, "mine", linear("torch.nn.Linear(6, 2)"))
    assert [run.key for run in grid(base, seed=range(2))] == [run.key for run in first]


KILLED = """
import signal; signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
import sys, modnets as mn
runs = mn.grid(mn.RunConfig(model="dense", train_rows=16, epochs=300), seed=range(40))
mn.sweep(runs, sys.argv[1], chunk=4, workers=1, progress=False)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_what_was_complete_stays_after_a_kill(store: Path, how: signal.Signals) -> None:
    runs = grid(RunConfig(model="dense", train_rows=16, epochs=300), seed=range(40))
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(store)], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(store.glob("runs-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(process.pid, how)
    process.communicate(timeout=30)
    kept = mn.Store(store).keys()
    assert 0 < len(kept) < 40
    assert len(sweep(runs, store, chunk=4, progress=False)) == 40 * 21
    assert kept < mn.Store(store).keys()


def test_train_hands_back_the_network() -> None:
    run = RunConfig(model="shared", routing="known", train_rows=40, epochs=400)
    one = train(run, progress=False)
    assert one.solved
    assert repr(one) == (
        "<TrainedRun 6-3-2-2 shared, known 40 rows seed 0: solved after 400 epochs>"
    )
    assert one.structure["routing"] == [list(map(list, level)) for level in run.graph.routing]
    x = torch.tensor(run.graph.rows(), dtype=torch.float32)
    bits = (one.network(x) > 0).numpy()
    assert (bits == run.graph.truth_table()).all()
    assert int(one.predicted[0], 16).bit_count() == run.graph.truth_table()[:, 0].sum()


def test_a_row_of_a_sweep_is_replayed(store: Path) -> None:
    runs = grid(BASE, seed=range(7))
    table = sweep(runs, store, progress=False)
    size = mn.Store(store).provenance()[0]["chunk"]
    again = train(runs[3], chunk=size, progress=False).table
    there = table[table["run"] == runs[3].key]["train_loss"].tolist()
    assert again["train_loss"].tolist() == there


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"chunk": 0}, "chunk=0; allowed is at least 1"),
        ({"workers": 0}, "workers=0; allowed is at least 1"),
        ({"device": "tpu9"}, "device='tpu9'"),
        ({"device": "meta"}, "device='meta': unknown; allowed is auto, cpu, cuda"),
        ({"device": 5}, "device=5"),
        ({"chunk": "a"}, "chunk='a'; allowed is a whole number, 1 to 65536"),
        ({"chunk": True}, "chunk=True; allowed is a whole number"),
        ({"chunk": 10**12}, "chunk=1000000000000; allowed is at most 65536"),
        ({"workers": 1.5}, "workers=1.5; allowed is a whole number, 1 to 1024"),
        ({"workers": float("nan")}, "workers=nan; allowed is a whole number"),
        ({"compiled": "yes"}, "compiled='yes'; allowed is True or False or None"),
        ({"progress": None}, "progress=None; allowed is True or False"),
        ({"store": 5}, "store=5; allowed is a path"),
        ({"store": ""}, "store=''; allowed is a path"),
        ({"store": "a\0b"}, "allowed is a path"),
        ({"executor": 3}, "executor=3; allowed is an executor"),
        ({"executor": ThreadPoolExecutor}, "allowed is an executor"),
        ({"runs": BASE}, r"runs=.*; allowed is a list of RunConfig, as mn.grid gives"),
        ({"runs": 5}, "runs=5; allowed is a list of RunConfig"),
        ({"runs": "6-3-2-2"}, r"runs\[0\]='6'; allowed is a list of RunConfig"),
        ({"runs": [BASE, None]}, r"runs\[1\]=None; allowed is a list of RunConfig"),
    ],
)
def test_wrong_arguments(
    keywords: dict, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"runs": [BASE], "progress": False, "store": tmp_path / "results"} | keywords
    monkeypatch.setattr("modnets.experiments.sweep.train_all", lambda *_: pytest.fail("trained"))
    with pytest.raises(ValueError, match=message) as caught:
        sweep(given.pop("runs"), **given)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    known = {"runs": [BASE], "store": None, "chunk": None, "compiled": None, "device": "auto"}
    if keywords.keys() <= known.keys():
        given = known | keywords
        with pytest.raises(ValueError, match=message):
            plan(given.pop("runs"), **given)


def test_no_runs() -> None:
    with pytest.raises(ValueError, match=r"runs=\[\]"):
        sweep([])


def test_progress_prints_plain_lines_where_nobody_looks(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modnets.experiments.progress.LINE_EVERY", 0.0)
    with Progress(10, 4) as shown:
        shown.advance(3)
        shown.advance(3)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("7 of 10 runs done, 3 to do, ")
    assert lines[-1].startswith("10 of 10 runs done, 0 to do, ")
    assert len(lines) == 2  # the end is told once
    assert all("runs/s" in line and "s left" in line for line in lines)


def test_time_left_follows_the_present_rate(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 10))  # a look at the clock every 10 s
    monkeypatch.setattr("modnets.experiments.progress.time.monotonic", lambda: next(clock))
    shown = Progress(1000)
    for runs in [1] * 10 + [100] * 8:  # slow at first
        shown.advance(runs)
    last = capsys.readouterr().err.splitlines()[-1]
    assert "810 of 1000 runs done, 190 to do, 5.0 runs/s, 38 s left" in last


def test_of_runs_that_are_done_no_step_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = grid(BASE, model=["shared", "dense"], seed=range(3))
    asked = []

    def chosen(group: list[RunConfig], *how: object) -> tuple[int, int]:
        asked.append(group[0].model)
        return choose(group, *how)

    monkeypatch.setattr("modnets.experiments.planning.choose", chosen)
    held = {run.key for run in runs if run.model == "shared"}
    how = {"chunk": None, "compiled": None, "device": "cpu"}
    assert planned(tuple(runs), held, **how).n_to_do == 3
    assert asked == ["dense"]
