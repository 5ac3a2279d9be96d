"""From a list of runs to a table: plan, train in chunks, store, resume."""

from __future__ import annotations

import itertools
import json
import math
import os
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from torch import nn

from modnets.errors import require
from modnets.models.registry import BUILT_IN, MODELS
from modnets.training.batches import steps_per_epoch
from modnets.training.config import RunConfig
from modnets.training.engine import Trained, choose_device, shape_of, train_chunk
from modnets.training.program import can_compile
from modnets.training.progress import Progress
from modnets.training.provenance import machine
from modnets.training.store import DETAILS, Store, ordered

CHUNK = 32  # measured: larger ones leave the cache, smaller ones pay more for each call
#: From here on compiling (10 to 20 s) pays: chunks x steps.
COMPILE_FROM = 6000
#: From here on worker processes (3 s to start) pay: chunks x steps, compiled or eager.
WORKERS_FROM = {True: 20_000, False: 6_000}
TRIES = 3  # of a chunk whose worker is lost


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


@dataclass(frozen=True)
class Chunk:
    """Runs that train side by side, and how."""

    runs: tuple[RunConfig, ...]
    size: int
    compiled: bool
    device: str

    @property
    def steps(self) -> int:
        """Optimizer steps from start to end."""
        return steps_per_epoch(self.runs[0]) * self.runs[0].epochs

    def train(self, **keywords: Any) -> Trained:
        """Train these runs in this process."""
        return train_chunk(
            self.runs, chunk=self.size, compiled=self.compiled, device=self.device, **keywords
        )


@dataclass(frozen=True)
class Plan:
    """What a sweep will do.

    Parameters
    ----------
    wanted : tuple of RunConfig
    done : set of str
        Keys of the wanted runs that the store holds.
    chunks : tuple of Chunk
        The others.
    """

    wanted: tuple[RunConfig, ...]
    done: frozenset[str]
    chunks: tuple[Chunk, ...]

    @property
    def n_to_do(self) -> int:
        """Number of runs to train."""
        return sum(len(chunk.runs) for chunk in self.chunks)

    def __str__(self) -> str:
        return f"{len(self.wanted)} runs: {len(self.done)} done, {self.n_to_do} to do"


def plan(
    runs: Iterable[RunConfig],
    store: str | Path | None = None,
    *,
    chunk: int | None = None,
    compiled: bool | None = None,
    device: str = "auto",
) -> Plan:
    """What ``sweep`` would do with the same arguments, without doing it."""
    wanted = tuple({run.key: run for run in runs}.values())
    require(bool(wanted), "runs=[]; allowed is at least one run")
    require(chunk is None or chunk >= 1, f"chunk={chunk}; allowed is at least 1")
    device = str(choose_device(device))
    done = Store(store).keys() if store is not None else set()
    # Chosen from all runs wanted, not from those left to do, so that a resumed sweep trains as
    # the interrupted one did.
    groups: dict[str, list[RunConfig]] = {}
    for run in wanted:
        groups.setdefault(shape_of(run), []).append(run)
    by_group = []
    for group in groups.values():
        size, group_compiled = _choose(group, chunk, compiled)
        missing = [run for run in group if run.key not in done]
        parts = [tuple(missing[i : i + size]) for i in range(0, len(missing), size)]
        by_group.append([Chunk(part, size, group_compiled, device) for part in parts])
    # First a chunk of each group, so that two workers never wait for the same compilation.
    chunks = [c for layer in itertools.zip_longest(*by_group) for c in layer if c is not None]
    present = frozenset(run.key for run in wanted if run.key in done)
    return Plan(wanted, present, tuple(chunks))


def _choose(
    group: Sequence[RunConfig], chunk: int | None, compiled: bool | None
) -> tuple[int, bool]:
    """Chunk size, and whether to compile, from all the work that a sweep wants of a shape."""
    steps = steps_per_epoch(group[0]) * group[0].epochs
    if compiled is None:
        compiled = math.ceil(len(group) / CHUNK) * steps >= COMPILE_FROM and can_compile()
    if chunk is None:
        chunk = CHUNK if compiled else min(CHUNK, 2 ** math.ceil(math.log2(len(group))))
    return chunk, compiled


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
        core where the work is long, and this process alone where it is short.
    chunk : int, optional
        Runs side by side, by default up to 32.
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
        for part, trained in _train_all(todo.chunks, executor, workers, shown):
            by_key = {run.key: run for run in part.runs}
            failures |= {k: (by_key[k], text) for k, text in trained.failures.items()}
            if trained.table.empty:
                continue
            if results is None:
                kept.append(trained.table)
            else:
                results.write(trained.table, _provenance(part, trained))
    if failures:
        raise RunsFailed(failures)
    keys = [run.key for run in todo.wanted]
    if results is not None:
        return results.table(keys)
    return ordered(pd.concat(kept).drop(columns=list(DETAILS)), keys)


def _provenance(part: Chunk, trained: Trained) -> dict[str, Any]:
    return machine() | {
        "device": part.device,
        "chunk": part.size,
        "compiled": trained.compiled,
        "threads": 1,
        "duration_s": round(trained.duration, 3),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "models": sorted({run.model for run in part.runs}),
        "seeds": sorted({run.seed for run in part.runs}),
        "split_seeds": sorted({run.split_seed for run in part.runs}),
    }


def _train_all(
    chunks: Sequence[Chunk], executor: Executor | None, workers: int | None, shown: Progress
) -> Iterator[tuple[Chunk, Trained]]:
    """Train chunks here or on an executor; yields each as it is done."""
    workers = workers or (_useful_workers(chunks) if executor is None else 1)
    if executor is None and workers == 1:
        for part in chunks:
            yield part, _train_here(part, shown)
        return
    tries = TRIES if executor is None else 1
    left = list(chunks)
    for attempt in range(1, tries + 1):
        lost: list[Chunk] = []
        pool = _local_pool(min(workers, len(left))) if executor is None else executor
        for part, future in _completed(pool, left, own=executor is None):
            error = future.exception()
            if isinstance(error, BrokenExecutor) and attempt < tries:
                lost.append(part)
                continue
            shown.advance(len(part.runs))
            yield part, _failed(part, error) if error is not None else future.result()
        if not lost:
            return
        left = lost


def _completed(
    pool: Executor, chunks: Sequence[Chunk], *, own: bool
) -> Iterator[tuple[Chunk, Future]]:
    """Chunks with their futures, each as it is done.

    On an interruption the rest is cancelled, and workers of our own are ended.
    """
    builders = {name: build for name, build in MODELS.items() if name not in BUILT_IN}
    futures = {pool.submit(_train_there, part, builders): part for part in chunks}
    pending = set(futures)
    try:
        while pending:
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield futures[future], future
    except BaseException:
        for future in pending:
            future.cancel()
        if own:
            pool.shutdown(wait=True, kill_workers=True)
        raise


def _train_there(part: Chunk, builders: dict[str, Any]) -> Trained:
    """Train a chunk in a worker, which does not know of the user's own models."""
    MODELS.update(builders)
    return part.train()


def _train_here(part: Chunk, shown: Progress) -> Trained:
    report = _Report(part, shown)
    try:
        return part.train(on_evaluation=report)
    except Exception as error:
        report(part.runs[0].epochs)
        return _failed(part, error)


class _Report:
    """Tells the progress how far a chunk has come, at each of its evaluations."""

    def __init__(self, part: Chunk, shown: Progress) -> None:
        self.part, self.shown, self.last = part, shown, 0

    def __call__(self, epoch: int) -> None:
        self.shown.advance(len(self.part.runs) * (epoch - self.last) / self.part.runs[0].epochs)
        self.last = epoch


def _failed(part: Chunk, error: BaseException) -> Trained:
    text = "".join(traceback.format_exception(error))
    return Trained(pd.DataFrame(), {run.key: text for run in part.runs})


def _useful_workers(chunks: Sequence[Chunk]) -> int:
    """Number of processes for the work ahead: 1 where starting them would cost more."""
    compiled = any(part.compiled for part in chunks)
    work = sum(part.steps for part in chunks)
    on_cpu = all(part.device == "cpu" for part in chunks)
    if not on_cpu or work < WORKERS_FROM[compiled]:
        return 1
    return max(1, min(cores(), len(chunks)))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _local_pool(workers: int) -> Executor:
    """Worker processes that take models defined in a notebook and stay for the next sweep."""
    from loky import get_reusable_executor

    return get_reusable_executor(max_workers=workers, timeout=60)


@dataclass
class TrainedRun:
    """One run to look at: its network with trained weights, and its table.

    Parameters
    ----------
    config : RunConfig
    network : nn.Module
    table : DataFrame
        One row per evaluated epoch.
    """

    config: RunConfig
    network: nn.Module
    table: pd.DataFrame

    @property
    def solved(self) -> bool:
        """Whether every row of the truth table is right at the end."""
        return bool(self.table["solved"].iloc[-1])

    @property
    def predicted(self) -> list[str]:
        """The truth table learned: per output a hexadecimal number, first row highest."""
        return self.table["predicted"].iloc[-1].split()

    @property
    def structure(self) -> dict[str, list] | None:
        """Routing, selection and outputs as learned, where the network has them."""
        text = self.table["structure"].iloc[-1]
        return json.loads(text) if isinstance(text, str) else None


def train(
    config: RunConfig,
    *,
    chunk: int = 1,
    compiled: bool = False,
    device: str = "auto",
    progress: bool = True,
) -> TrainedRun:
    """Train one run, for a person who wants to look at it.

    Parameters
    ----------
    config : RunConfig
    chunk : int
        The chunk of the sweep whose result is to be replayed bit for bit; 1 is quickest.
    compiled : bool
        Likewise.
    device : str
    progress : bool

    Returns
    -------
    TrainedRun
    """
    part = Chunk((config,), chunk, compiled, str(choose_device(device)))
    with Progress(1, show=progress) as shown:
        trained = part.train(keep_networks=True, on_evaluation=_Report(part, shown))
    if trained.failures:
        raise RunsFailed({config.key: (config, trained.failures[config.key])})
    return TrainedRun(config, trained.networks[0], trained.table)
