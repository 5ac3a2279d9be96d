"""From a list of runs to a table: plan, train in chunks, store, resume."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pandas as pd

from modnets.config.run_config import RunConfig
from modnets.config.run_keys import SCHEMA_VERSION
from modnets.config.studies import Study
from modnets.experiments.clusters import check_executor, opened
from modnets.experiments.columns import DETAILS, with_measures
from modnets.experiments.executors import ChunksLeft, Watch, train_all
from modnets.experiments.failures import RunsFailed, WorkersLost
from modnets.experiments.interruption import interruption_in_one_line
from modnets.experiments.ordering import ordered
from modnets.experiments.planning import (
    Chunk,
    check_arguments,
    checked_runs,
    planned,
)
from modnets.experiments.progress import Progress
from modnets.experiments.result_digests import UNSTORED
from modnets.experiments.shards import read_shard
from modnets.experiments.slurm import check_jobs, in_jobs
from modnets.experiments.store import Store
from modnets.experiments.store_files import StoreError
from modnets.models.identity import cached_digests
from modnets.provenance import machine
from modnets.training.engine import Trained, choose_device
from modnets.training.watching import EvaluatedRuns, check_callable

COMPACT_EVERY = 128  # chunks stored


def sweep(
    runs: Iterable[RunConfig],
    store: str | Path | None = None,
    *,
    executor: str | Executor | None = None,
    workers: int | None = None,
    chunk: int | None = None,
    compiled: bool | None = None,
    device: str = "auto",
    progress: bool = True,
    on_evaluation: Callable[[EvaluatedRuns], object] | None = None,
    shard: str | tuple[int, int] | None = None,
    retry_failed: bool = True,
) -> pd.DataFrame:
    """Train runs, many side by side, and hand back their table.

    Parameters
    ----------
    runs : iterable of RunConfig
        See :func:`modnets.grid`, or :func:`modnets.study`, whose file is kept in the store.
    store : str or Path, optional
        Folder for the results.  Runs that it holds are not trained again; an interrupted sweep
        goes on with the same call.
    executor : str, concurrent.futures.Executor or distributed.Client, optional
        Where chunks are trained: "processes" of this machine, "dask" for workers of dask on it,
        "dask:tcp://host:port" for those of a scheduler, an executor of your own; or "slurm", for
        the jobs of an array, which go on when this returns.
    workers : int, optional
        Processes on this machine, one thread each; of "slurm" the number of jobs.  By default one
        for each core where the work is long or an executor is asked for, at most as many as the
        environment variable ``MODNETS_WORKERS`` says where it is set; where the work is short, this
        process alone, with a thread for each core once steps are compiled.
    chunk : int, optional
        Runs side by side, by default up to 64.
    compiled : bool, optional
        Compile the training step; by default where the work is long.
    device : str
        "auto" (a GPU where there is one), "cpu", "cuda".
    progress : bool
        Show runs done, rate and time left.
    on_evaluation : callable, optional
        Called at each evaluation of a chunk with its epoch, its runs, and their measures, arrays by
        column: ``lambda e: print(e.epoch, e.measures["test_bit_accuracy"].mean())``.  It only looks
        on, in this process; where ``workers`` or an executor are given it is pickled and called
        there.  Runs fail that it raises an error in.
    shard : str or (int, int), optional
        Only a part of the runs, as ``"1/3"``, for jobs that do not know of each other: the parts
        are disjoint, together all, and each run comes out as it would in one sweep of all.
    retry_failed : bool
        Whether runs that failed in an earlier sweep of the store are tried again.

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
        If an argument is wrong, or the store cannot be written; before anything is trained.
    StoreError
        If the store cannot be read or written any more, as when the disk is full; what was stored
        is kept.
    RunsFailed
        After all the others are done, if some runs could not be trained.
    WorkersLost
        If workers were lost and the executor takes no more work; all that is done is stored.
    NotSubmitted
        If Slurm did not take the jobs of "slurm".
    """
    return swept(
        runs,
        store,
        executor=executor,
        workers=workers,
        chunk=chunk,
        compiled=compiled,
        device=device,
        progress=progress,
        on_evaluation=on_evaluation,
        shard=shard,
        retry_failed=retry_failed,
    )


def swept(
    runs: Iterable[RunConfig],
    store: str | Path | None,
    *,
    executor: str | Executor | None = None,
    workers: int | None = None,
    chunk: int | None = None,
    compiled: bool | None = None,
    device: str = "auto",
    progress: bool = True,
    on_evaluation: Callable[[EvaluatedRuns], object] | None = None,
    shard: str | tuple[int, int] | None = None,
    retry_failed: bool = True,
    last: bool = False,
) -> pd.DataFrame:
    """As :func:`sweep`; ``last`` for only the last row of each run, of a store's table."""
    check_arguments(
        chunk=chunk,
        workers=workers,
        compiled=compiled,
        device=device,
        progress=progress,
        retry_failed=retry_failed,
    )
    check_executor(executor, workers)
    shard = None if shard is None else read_shard(shard)
    check_callable(on_evaluation)
    results = None if store is None else Store(store)
    if executor == "slurm":
        here = {
            "chunk": chunk,
            "compiled": compiled,
            "shard": shard,
            "on_evaluation": on_evaluation,
        }
        check_jobs(results, **here)
        assert results is not None
        line = in_jobs(runs, results, workers, device=device, retry_failed=retry_failed)
        print(f"modnets: {line}", file=sys.stderr)
        return results.table([run.key for run in runs], last=last)
    wanted = checked_runs(runs)
    how: dict[str, Any] = {"chunk": chunk, "compiled": compiled, "device": device, "shard": shard}
    choose_device(str(device))
    held: set[str] = set()
    failures: dict[str, tuple[RunConfig, str]] = {}
    kept: list[pd.DataFrame] = []

    def stands() -> str:
        done = sum(run.key in held for run in wanted)
        if results is None:
            return "nothing is stored, as no store was given"
        return f"{done} of {len(wanted)} runs are stored, and the same call goes on from there"

    with interruption_in_one_line(stands), cached_digests():
        held |= set() if results is None else results.clean_up()
        before = {} if results is None else results.failures()
        todo = planned(wanted, held, set() if retry_failed else set(before), **how)
        wanted = todo.wanted
        failures |= {
            run.key: (run, before[run.key].trace) for run in wanted if run.key in todo.failed
        }
        if results is not None and todo.chunks:
            results.check_writable()
            if isinstance(runs, Study):
                results.keep_study(runs.text)
        lost: ChunksLeft | None = None
        watch = None if on_evaluation is None else Watch(on_evaluation)
        with (
            opened(executor, workers, todo.chunks, watch) as (pool, processes),
            Progress(len(wanted), len(todo.done), show=progress) as shown,
            contextlib.closing(
                train_all(todo.chunks, pool, processes, shown, watch)
            ) as trained_parts,
        ):
            try:
                for number, (part, trained) in enumerate(trained_parts, start=1):
                    by_key = {run.key: run for run in part.runs}
                    failed = {k: (by_key[k], text) for k, text in trained.failures.items()}
                    failures |= failed
                    if results is not None and failed:
                        results.write_failures(failed)
                    if trained.table.empty:
                        continue
                    if results is None:
                        kept.append(trained.table)
                        continue
                    results.write(trained.table, provenance_of(part, trained))
                    held |= by_key.keys() - trained.failures.keys()
                    if number % COMPACT_EVERY == 0:
                        results.compact()
            except ChunksLeft as error:
                lost = error
        if results is not None:
            results.compact()
            results.forget_failures(held)
        table = _table(results, kept, wanted, last=last)
    if lost is not None:
        left = [run for part in lost.chunks for run in part.runs]
        raise WorkersLost(left, lost.reason, failures, None if results is not None else table)
    if results is not None:
        _check_whole(results, table, [run for run in wanted if run.key in held])
    if failures:
        raise RunsFailed(failures, None if results is not None else table)
    return table


def _table(
    results: Store | None,
    kept: Sequence[pd.DataFrame],
    wanted: Sequence[RunConfig],
    *,
    last: bool,
) -> pd.DataFrame:
    keys = [run.key for run in wanted]
    if results is not None:
        return results.table(keys, last=last)
    if not kept:
        return pd.DataFrame()
    table = with_measures(ordered(pd.concat(kept).drop(columns=list(DETAILS)), keys))
    UNSTORED.add(table)
    return table


def _check_whole(results: Store, table: pd.DataFrame, stored: Sequence[RunConfig]) -> None:
    """Raise StoreError if a run that was stored is not there any more."""
    there = set(table["run"].unique())
    missing = [run for run in stored if run.key not in there]
    if missing:
        raise StoreError(
            f"store={str(results.folder)!r} lacks {len(missing)} of {len(stored)} runs that were "
            f"stored there, as {missing[0]} ({missing[0].key}); the same call does them again"
        )


def provenance_of(part: Chunk, trained: Trained) -> dict[str, Any]:
    """How the runs of a chunk were made, for the file that holds their results."""
    return (
        {"schema_version": SCHEMA_VERSION}
        | (trained.machine or machine())
        | {
            "device": part.device,
            "chunk": part.size,
            "compiled": trained.compiled,
            "lanes": part.lanes,
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
    )
