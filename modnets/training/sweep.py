"""From a list of runs to a table: plan, train in chunks, store, resume."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pandas as pd

from modnets.errors import require
from modnets.training.config import RunConfig
from modnets.training.engine import Trained
from modnets.training.planning import Chunk, plan
from modnets.training.progress import Progress
from modnets.training.provenance import machine
from modnets.training.store import DETAILS, Store, ordered
from modnets.training.workers import train_all


class RunsFailed(RuntimeError):
    """Some runs of a sweep could not be trained; all the others are done and stored.

    Parameters
    ----------
    failures : dict
        Run key -> (config, traceback).
    """

    def __init__(self, failures: dict[str, tuple[RunConfig, str]]) -> None:
        self.failures = failures
        by_trace: dict[str, list[RunConfig]] = {}
        for config, trace in failures.values():
            by_trace.setdefault(trace, []).append(config)
        parts = [
            f"{len(configs)} x {configs[0]} ({configs[0].key}):\n{trace}"
            for trace, configs in by_trace.items()
        ]
        super().__init__(f"{len(failures)} runs failed\n" + "\n".join(parts))


def sweep(
    runs: Iterable[RunConfig],
    store: str | Path | None = None,
    *,
    executor: Executor | None = None,
    workers: int | None = None,
    chunk: int | None = None,
    compiled: bool | None = None,
    device: str = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Train runs, many side by side, and hand back their table.

    Parameters
    ----------
    runs : iterable of RunConfig
        See :func:`modnets.grid`.
    store : str or Path, optional
        Folder for the results.  Runs that it holds are not trained again; an interrupted sweep
        goes on with the same call.
    executor : concurrent.futures.Executor, optional
        Where chunks are trained, as ``dask.distributed.Client().get_executor(pure=False)``.
    workers : int, optional
        Without an executor: processes on this machine, one thread each.  By default one for each
        core where the work is long; where it is short, this process alone, with a thread for each
        core once steps are compiled.
    chunk : int, optional
        Runs side by side, by default up to 64.
    compiled : bool, optional
        Compile the training step; by default where the work is long.
    device : str
        "auto" (a GPU where there is one), "cpu", "cuda".
    progress : bool
        Show runs done, rate and time left.

    Returns
    -------
    DataFrame
        Tidy: one row per run and evaluated epoch, runs in the order given.  Columns: ``run`` (its
        key), ``kind``, every setting, ``epoch``, loss (nats), ``bit_accuracy`` and
        ``row_accuracy`` in [0, 1] of ``train_``, ``validation_`` and ``test_`` rows and of the
        whole table, and ``solved``.

    Raises
    ------
    ValueError
        If an argument is wrong, or the store cannot be written.
    RunsFailed
        After all the others are done, if some runs could not be trained.
    """
    todo = plan(runs, store, chunk=chunk, compiled=compiled, device=device)
    require(workers is None or workers >= 1, f"workers={workers}; allowed is at least 1")
    results = Store(store) if store is not None else None
    kept: list[pd.DataFrame] = []
    failures: dict[str, tuple[RunConfig, str]] = {}
    with Progress(len(todo.wanted), len(todo.done), show=progress) as shown:
        for part, trained in train_all(todo.chunks, executor, workers, shown):
            by_key = {run.key: run for run in part.runs}
            failures |= {k: (by_key[k], text) for k, text in trained.failures.items()}
            if trained.table.empty:
                continue
            if results is None:
                kept.append(trained.table)
            else:
                results.write(trained.table, provenance_of(part, trained))
    if failures:
        raise RunsFailed(failures)
    keys = [run.key for run in todo.wanted]
    if results is not None:
        return results.table(keys)
    return ordered(pd.concat(kept).drop(columns=list(DETAILS)), keys)


def provenance_of(part: Chunk, trained: Trained) -> dict[str, Any]:
    """How the runs of a chunk were made, for the file that holds their results."""
    return machine() | {
        "device": part.device,
        "chunk": part.size,
        "compiled": trained.compiled,
        "threads": trained.threads,
        "duration_s": round(trained.duration, 3),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "runs": len(part.runs),
        "models": sorted({run.model for run in part.runs}),
        "kinds": sorted({run.kind for run in part.runs}),
        "image_networks": sorted({run.final.image_network or "" for run in part.runs}),
        "seeds": sorted({run.seed for run in part.runs}),
        "split_seeds": sorted({run.split_seed for run in part.runs}),
    }
