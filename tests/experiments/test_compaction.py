"""Small files of a store become few, and nothing is lost whenever that ends."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import modnets as mn
from modnets import leftovers
from modnets.experiments import compaction
from modnets.experiments.store import Store, load
from modnets.training.engine import train_chunk

BASE = mn.RunConfig(graph="6-2-2", train_rows=16, epochs=2, eval_every=1)
RUNS = mn.grid(BASE, seed=range(20))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return train_chunk(RUNS, chunk=32).table


@pytest.fixture
def results(store: Path, table: pd.DataFrame) -> Store:
    """A store of a file for each run."""
    results = Store(store)
    for place, (_, part) in enumerate(table.groupby("run", sort=False)):
        results.write(part, {"place": place})
    return results


def test_files_are_merged_and_nothing_changes(results: Store) -> None:
    whole, details, keys = results.table(), results.details(), results.keys()
    made = results.provenance()
    assert len(results.files()) == 20
    results.compact()
    assert len(results.files()) == 1
    assert results.table().equals(whole)
    assert results.details().equals(details)
    assert results.keys() == keys
    assert sorted(p["place"] for p in results.provenance()) == sorted(p["place"] for p in made)
    (path,) = results.files()
    results.compact()
    assert results.files() == [path]  # few files stay as they are


def test_merged_files_know_which_rows_were_made_how(results: Store, table: pd.DataFrame) -> None:
    results.compact()
    (path,) = results.files()
    parts = compaction._parts(compaction.store_files.read(path))
    order = {run.key: place for place, run in enumerate(RUNS)}
    assert sorted(made["place"] for _, made in parts) == list(range(20))
    for part, made in parts:
        assert {order[key] for key in part["run"].to_pylist()} == {made["place"]}


def test_runs_that_stand_twice_are_merged_to_one(results: Store, table: pd.DataFrame) -> None:
    whole = results.table()
    results.write(table, {"again": True})
    assert results.table().equals(whole)
    results.compact()
    assert results.table().equals(whole)
    while len(results.files()) > 1:  # the larger file is of another size
        compaction._merge(results.folder, results.files())
    rows = [
        len(part) for part, _ in compaction._parts(compaction.store_files.read(*results.files()))
    ]
    assert sum(rows) == len(whole)


class Killed(BaseException):
    """Ends a process, as far as its own code can tell."""


@pytest.mark.parametrize("last", range(0, 24, 3))
def test_an_end_at_any_step_loses_and_doubles_nothing(
    results: Store, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, details = results.table(), results.details()
    steps = iter(range(10**6))

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink"):
            function = getattr(Path, name)

            def step(
                self: Path, *given: object, function: object = function, **named: object
            ) -> object:
                if next(steps) >= last:
                    raise Killed
                return function(self, *given, **named)

            patch.setattr(Path, name, step)
        with contextlib.suppress(Killed):
            results.compact()
    assert results.table().equals(whole)
    assert results.details().equals(details)
    results.compact()
    assert results.table().equals(whole)


def test_what_cannot_be_merged_stays(results: Store, capsys: pytest.CaptureFixture) -> None:
    damaged = results.files()[0]
    damaged.write_bytes(b"something else")
    results.compact()
    assert damaged in results.files()
    assert len(results.files()) == 2
    assert len(results.keys()) == 19


def test_a_sweep_merges_as_it_goes(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modnets.experiments.sweep.COMPACT_EVERY", 4)
    monkeypatch.setattr(compaction, "MANY", 4)
    whole = mn.sweep(RUNS, progress=False, chunk=32)
    found = mn.sweep(RUNS, store, progress=False, chunk=1, compiled=False)
    assert len(list(store.iterdir())) < 8
    assert len(Store(store).provenance()) == 20
    assert found["run"].tolist() == whole["run"].tolist()
    assert mn.plan(RUNS, store).n_to_do == 0


DRILL = """
import sys, modnets as mn
from modnets.experiments import compaction, sweep
compaction.MANY = sweep.COMPACT_EVERY = 3
runs = mn.grid(mn.RunConfig(graph="6-2-2", train_rows=16, epochs=2, eval_every=1), seed=range(20))
while True:
    mn.sweep(runs, sys.argv[1], chunk=2, workers=1, compiled=False, progress=False)
    for path in mn.Store(sys.argv[1]).files()[1:]:
        path.unlink()
"""


def test_a_sweep_killed_while_it_stores_and_merges(store: Path) -> None:
    whole = mn.sweep(RUNS, chunk=2, compiled=False, progress=False)
    process = subprocess.Popen([sys.executable, "-c", DRILL, str(store)])
    deadline = time.monotonic() + 120
    while not list(store.glob("runs-*")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.37)
    process.kill()
    process.wait()
    kept = Store(store).table()
    wanted = whole[whole["run"].isin(kept["run"])].sort_values(["run", "epoch"], ignore_index=True)
    pd.testing.assert_frame_equal(kept, wanted, check_exact=True, check_dtype=False)
    found = mn.sweep(RUNS, store, chunk=2, compiled=False, progress=False)
    pd.testing.assert_frame_equal(found, whole, check_exact=True, check_dtype=False)
    assert not list(store.glob(".runs-*"))


# What killed processes leave


def test_leftovers_of_the_dead_are_cleared_and_no_others(store: Path) -> None:
    process = subprocess.Popen(["sleep", "60"])
    here, own = leftovers._machine(), leftovers._state(process.pid)[1]
    names = {
        f".runs-{leftovers.mark()}": True,
        f".runs-{here}-{process.pid}-{own}-01234567": True,
        f".runs-{here}-{process.pid}-{own + 1}-01234567": False,  # its number is another's now
        f".runs-0123456789ab-{process.pid}-{own}-01234567": True,  # of another machine
        ".runs-0123456789abcdef.parquet.0123456789abcdef": True,  # of an earlier version, young
        ".runs-fedcba9876543210.parquet.0123456789abcdef": False,  # and old
        ".note": True,
    }
    store.mkdir()
    for name in names:
        (store / name).write_text("half")
    day = time.time() - leftovers.OLD - 60
    os.utime(store / ".runs-fedcba9876543210.parquet.0123456789abcdef", (day, day))
    Store(store).clean_up()
    left = {path.name for path in store.iterdir()}
    assert left == {name for name, stays in names.items() if stays}
    process.kill()
    process.wait()
    Store(store).clean_up()
    assert f".runs-{here}-{process.pid}-{own}-01234567" not in os.listdir(store)


def test_many_runs_are_read_from_few_files(results: Store) -> None:
    whole = load(results.folder)
    keys = list(dict.fromkeys(whole["run"]))[::-2]
    results.compact()
    found = results.table(keys)
    assert list(dict.fromkeys(found["run"])) == keys
    assert found["epoch"].tolist() == [0, 1, 2] * len(keys)
