"""Shards of a study, failures that are noted, and files of studies in a store."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import nn

import modnets as mn
from modnets.experiments.planning import plan, planned
from modnets.experiments.shards import read_shard
from modnets.experiments.store import Store
from modnets.models.registry import MODELS

BASE = mn.RunConfig(graph="6-2-2", train_rows=16, epochs=2, eval_every=1)
RUNS = mn.grid(BASE, model=["dense", "modular"], train_rows=[8, 16], seed=range(11))


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True, check_dtype=False)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
def test_shards_are_disjoint_complete_and_even(count: int) -> None:
    parts = [plan(RUNS, shard=(number, count)).wanted for number in range(1, count + 1)]
    assert sum(map(len, parts)) == len(RUNS)
    assert {run.key for part in parts for run in part} == {run.key for run in RUNS}
    for model in ("dense", "modular"):
        sizes = [sum(run.model == model for run in part) for part in parts]
        assert max(sizes) - min(sizes) <= 1


def test_a_shard_does_not_depend_on_what_is_done_and_trains_as_the_whole_would() -> None:
    whole = plan(RUNS)
    ways = {(chunk.size, chunk.compiled, chunk.lanes) for chunk in whole.chunks}
    for number in (1, 2, 3):
        held = {run.key for run in RUNS[::2]}
        part = planned(
            tuple(RUNS), held, chunk=None, compiled=None, device="cpu", shard=(number, 3)
        )
        assert part.wanted == plan(RUNS, shard=f"{number}/3").wanted
        assert part.done == {run.key for run in part.wanted} & held
        assert {(chunk.size, chunk.compiled, chunk.lanes) for chunk in part.chunks} <= ways


def test_shards_in_any_order_are_one_sweep(store: Path) -> None:
    whole = mn.sweep(RUNS, progress=False)
    for number in (2, 3, 1, 2):
        part = mn.sweep(RUNS, store, shard=(number, 3), progress=False)
        same(part, whole[whole["run"].isin(set(part["run"]))].reset_index(drop=True))
    assert mn.plan(RUNS, store).n_to_do == 0
    same(mn.sweep(RUNS, store, progress=False), whole)


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1", "1/2/3", "a/b", (1,), 3, "1/-2", "-1/-2"])
def test_a_wrong_shard_is_one_line(shard: object) -> None:
    with pytest.raises(ValueError, match="allowed is i/n, i from 1 to n, as 1/3"):
        mn.sweep(RUNS, shard=shard, progress=False)
    assert read_shard("2/3") == (2, 3)


STUDY = """
base: {graph: 6-2-2, train_rows: 16, epochs: 60}
axes: {model: [dense, modular], seeds: 0:15}
"""
SHARD = """
import sys, modnets as mn
from modnets.experiments import sweep
sweep.COMPACT_EVERY = 2
mn.sweep(mn.study(sys.argv[1]), sys.argv[2], shard=sys.argv[3], chunk=4, compiled=False, workers=1,
         progress=False)
"""


def test_three_processes_with_kills_equal_one_sweep(store: Path, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    how = {"chunk": 4, "compiled": False, "workers": 1, "progress": False}
    whole = mn.sweep(mn.study(path), **how)

    def start(number: int) -> subprocess.Popen:
        line = [sys.executable, "-c", SHARD, str(path), str(store), f"{number}/3"]
        return subprocess.Popen(line, start_new_session=True)

    processes = [start(number) for number in (1, 2, 3)]
    deadline = time.monotonic() + 120
    while len(list(store.glob("runs-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    for process, number in zip(processes, (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL),
                               strict=True):  # fmt: skip
        os.kill(process.pid, number)
        process.wait(timeout=60)
    kept = Store(store).table()
    kept_of_whole = whole[whole["run"].isin(kept["run"])]
    same(kept, kept_of_whole.sort_values(["run", "epoch"], ignore_index=True))
    assert [process.wait(timeout=120) for process in [*map(start, (3, 1, 2))]] == [0, 0, 0]
    assert mn.plan(mn.study(path), store).n_to_do == 0
    same(mn.sweep(mn.study(path), store, **how), whole)
    assert list(Store(store).studies().values()) == [STUDY]


# Failures


class Broken(nn.Module):
    """Fails for one seed, until it is mended."""

    broken = True

    def __init__(self, config: mn.RunConfig) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 2)
        if self.broken:
            raise RuntimeError("its wires are crossed")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[mn.RunConfig]:
    """Runs of which those of one's own network fail."""
    monkeypatch.setitem(MODELS, "broken", Broken)
    return mn.grid(BASE, model=["dense", "broken"], seed=range(2))


def test_failures_are_noted_and_left_out_until_they_are_to_be_tried_again(
    store: Path, broken: list[mn.RunConfig]
) -> None:
    with pytest.raises(mn.RunsFailed):
        mn.sweep(broken, store, progress=False)
    noted = Store(store).failures()
    assert set(noted) == {run.key for run in broken if run.model == "broken"}
    for failure in noted.values():
        assert failure.reason == "RuntimeError: its wires are crossed"
        assert "Traceback" in failure.trace
        assert mn.RunConfig.from_dict(failure.config).key in noted
    left_out = mn.plan(broken, store, retry_failed=False)
    assert str(left_out) == "4 runs: 2 done, 0 to do, 2 failed before"
    assert str(mn.plan(broken, store)) == "4 runs: 2 done, 2 to do"
    with pytest.raises(mn.RunsFailed, match=r"2 x .*wires are crossed"):
        mn.sweep(broken, store, progress=False, retry_failed=False)
    assert Store(store).failures() == noted
    with pytest.raises(mn.RunsFailed):
        mn.sweep(broken, store, progress=False)
    assert len(list(store.glob("failed-*"))) == 1


def test_what_succeeds_later_is_no_failure_any_more(store: Path) -> None:
    runs = tuple(RUNS[:3])
    Store(store).write_failures({run.key: (run, "Traceback\n  x\nOSError: once") for run in runs})
    assert mn.plan(runs, store, retry_failed=False).n_to_do == 0
    mn.sweep(runs, store, progress=False)
    assert Store(store).failures() == {}
    assert list(store.glob("failed-*")) == []


def test_notes_that_cannot_be_read_count_as_none(store: Path) -> None:
    store.mkdir()
    for number, text in enumerate(("", "[1]", '{"a": 1}', '{"a": {"x": 1}}', "\xff")):
        (store / f"failed-{number}.json").write_text(text)
    assert Store(store).failures() == {}
    assert set(mn.sweep(RUNS[:1], store, progress=False)["run"]) == {RUNS[0].key}


def test_a_study_is_kept_once_and_one_that_was_changed_is_not_read(store: Path) -> None:
    for changes in ({}, {"seeds": "0:2"}, {}):
        study = mn.study({"base": {"graph": "6-2-2", "epochs": 1}, "axes": {"seeds": "0:1"}})
        mn.sweep(study.with_settings(changes), store, progress=False)
    kept = Store(store).studies()
    assert len(kept) == 2
    found = [{run.key for run in mn.study(store / name)} for name in kept]
    assert set(itertools.chain(*found)) == Store(store).keys()
    path = store / next(iter(kept))
    path.write_text(path.read_text() + "\n")
    assert len(Store(store).studies()) == 1
