"""A million runs on a hundred workers: the formulas of the docs, held to small studies."""

from __future__ import annotations

import pickle
import sys
import tracemalloc
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import scale

import modnets as mn
from modnets.experiments import compaction
from modnets.experiments.planning import checked_runs, planned
from modnets.experiments.serialization import ChunkSerializer
from modnets.experiments.sweep import sweep
from modnets.paths import ROOT

BASE = mn.RunConfig(graph="6-3-2-2", model="modular", train_rows=48, epochs=20, eval_every=1)


def test_the_docs_say_what_the_formulas_do() -> None:
    assert scale.text(1_000_000, 100) in (ROOT / "docs" / "clusters.md").read_text()


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """The file of a chunk of 64 runs with 21 evaluations each, and their table."""
    folder = tmp_path_factory.mktemp("stored")
    table = sweep(mn.grid(BASE, seed=range(64)), folder, chunk=64, compiled=False, progress=False)
    (path,) = mn.Store(folder).files()
    assert len(table) == 64 * 21
    return path, table


def test_bytes_of_a_run(stored: tuple[Path, pd.DataFrame]) -> None:
    path, table = stored
    last = mn.Store(path.parent).table(last=True)
    assert last["epoch"].tolist() == [20] * 64
    runs = checked_runs(mn.grid(BASE, seed=range(64)))
    (chunk,) = planned(runs, set(), chunk=64, compiled=False, device="cpu").chunks
    sent = len(pickle.dumps(ChunkSerializer().serialize(chunk)))
    keys = {run.key for run in runs}
    sizes = {
        "SENT": sent / 64,
        "STORED": path.stat().st_size / 64,
        "TABLED": table.memory_usage(deep=True).sum() / 64,
        "LAST": last.memory_usage(deep=True).sum() / 64,
        "KEY": (sys.getsizeof(keys) + sum(map(sys.getsizeof, keys))) / 64,
    }
    tracemalloc.start()
    listed = checked_runs(mn.grid(BASE, seed=range(100, 1100)))
    sizes["LISTED"] = tracemalloc.get_traced_memory()[0] / len(listed)
    tracemalloc.stop()
    assert dict.fromkeys(sizes, True) == {
        name: size <= getattr(scale, name) <= 2 * size for name, size in sizes.items()
    }, sizes


def test_files_of_many_workers_stay_few(
    stored: tuple[Path, pd.DataFrame], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every, chunk, n_workers, n_chunks = 4, 2, 5, 150
    monkeypatch.setattr(compaction, "FULL", 2**17)
    monkeypatch.setattr(scale, "FULL", 2**17)
    monkeypatch.setattr(scale, "COMPACT_EVERY", every)
    rows = pq.read_table(stored[0]).to_pandas()
    results, sizes, counts = mn.Store(store), [], []
    first = rows[rows["run"].isin(rows["run"].unique()[:chunk])]
    for number in range(n_chunks):  # workers take turns, and begin to merge all at once
        names = {
            key: f"{number:012x}{place:04x}" for place, key in enumerate(first["run"].unique())
        }
        path = results.write(first.assign(run=first["run"].map(names)), {"runs": chunk})
        sizes.append(path.stat().st_size)
        counts.append(len(results.files()))
        if (number // n_workers + 1) % every == 0:
            results.compact()
    results.compact()
    wanted = scale.Scale(chunk * n_chunks, n_workers, chunk, stored=min(sizes) / chunk)
    assert wanted.chunks == n_chunks
    assert max(counts) <= wanted.at_most < n_chunks
    assert len(results.files()) <= wanted.at_the_end
    assert len(results.keys()) == chunk * n_chunks
    assert sum(path.stat().st_size for path in results.files()) <= sum(sizes)
