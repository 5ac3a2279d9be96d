"""Trains chunks: in this process, in worker processes of this machine, or on any executor."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Any

import pandas as pd

from modnets.models.registry import BUILT_IN, MODELS
from modnets.training.batches import total_steps
from modnets.training.compilation import get_ready
from modnets.training.engine import Trained
from modnets.training.planning import Chunk, cores
from modnets.training.progress import Progress
from modnets.training.replicas import shape_of

#: From here on worker processes (3 s to start) pay: runs x steps, compiled or eager.  Compiled
#: steps of one process have a thread for each core too; workers share all the rest as well.
WORKERS_FROM = {True: 5_000_000, False: 100_000}
COMPILING = 1_000_000  # runs x steps that take as long as to compile a step
TRIES = 3  # of a chunk whose worker is lost


def train_all(
    chunks: Sequence[Chunk], executor: Executor | None, workers: int | None, shown: Progress
) -> Iterator[tuple[Chunk, Trained]]:
    """Train chunks here or on an executor; yields each as it is done."""
    if not chunks:
        return
    get_ready(compiled=any(part.compiled and part.device == "cpu" for part in chunks))
    threads = cores() if workers is None else 1
    workers = workers or (_useful_workers(chunks) if executor is None else 1)
    if executor is None and workers == 1:
        for part in chunks:
            yield part, _train_here(part, shown, threads)
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
    """Train a chunk in a worker, in one thread; it does not know of the user's own models."""
    MODELS.update(builders)
    return part.train()


def _train_here(part: Chunk, shown: Progress, threads: int) -> Trained:
    report = Report(part, shown)
    try:
        return part.train(on_evaluation=report, threads=threads)
    except Exception as error:
        report(part.runs[0].epochs)
        return _failed(part, error)


class Report:
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
    shapes = {shape_of(part.runs[0]) for part in chunks if part.compiled}
    work = sum(len(part.runs) * total_steps(part.runs[0]) for part in chunks)
    work += COMPILING * len(shapes)
    on_cpu = all(part.device == "cpu" for part in chunks)
    if not on_cpu or work < WORKERS_FROM[bool(shapes)]:
        return 1
    return max(1, min(cores(), len(chunks)))


def _local_pool(workers: int) -> Executor:
    """Worker processes that take models defined in a notebook and stay for the next sweep."""
    from loky import get_reusable_executor

    return get_reusable_executor(
        max_workers=workers, timeout=60, initializer=_end_with, initargs=(os.getpid(),)
    )


def _end_with(parent: int) -> None:
    """End this worker soon after the process that started it, even if that was killed."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
