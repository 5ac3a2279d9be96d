"""Trains chunks: in this process, in worker processes of this machine, or on any executor."""

from __future__ import annotations

import os
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError, Executor, Future
from multiprocessing import resource_tracker
from queue import SimpleQueue

import pandas as pd

from modnets.compiler.build_cache import get_ready
from modnets.config.shapes import shape_of, total_steps
from modnets.errors import first_line, require
from modnets.experiments.interruption import shielded
from modnets.experiments.planning import Chunk
from modnets.experiments.progress import Progress
from modnets.experiments.serialization import (
    ChunkSerializer,
    NotSerializable,
    SerializedChunk,
    check_serializable,
)
from modnets.hardware import cores
from modnets.models.identity import cached_digests
from modnets.provenance import machine
from modnets.training.engine import Trained
from modnets.training.watching import EvaluatedRuns
from modnets.worker_process import start_worker

#: From here on worker processes (3 s to start) pay: runs x steps, compiled or eager.  Compiled
#: steps of one process have a thread for each core too; workers share all the rest as well.
WORKERS_FROM = {True: 5_000_000, False: 100_000}
#: Environment variable: worker processes at most where a sweep is not told how many.
MOST_WORKERS = "MODNETS_WORKERS"
COMPILING = 1_000_000  # runs x steps that take as long as to compile a step
IN_FLIGHT = 1024  # chunks given to an executor and not done, so that it holds no more of them
ONE_AT_A_TIME = threading.Lock()  # of chunks in a worker
TRIES = 3  # of a chunk whose worker is lost, the last by itself


class ChunksLeft(Exception):
    """No worker is there to train the chunks that are left."""

    def __init__(self, chunks: Sequence[Chunk], reason: str) -> None:
        self.chunks, self.reason = chunks, reason
        super().__init__(reason)


class Watch:
    """A user's ``on_evaluation``, which looks on and ends nothing.

    Parameters
    ----------
    look : callable
    """

    def __init__(self, look: Callable[[EvaluatedRuns], object]) -> None:
        self.look = look

    def __call__(self, evaluated: EvaluatedRuns) -> None:
        self.look(evaluated)


def train_all(
    chunks: Sequence[Chunk],
    executor: Executor | None,
    workers: int | None,
    shown: Progress,
    watch: Watch | None = None,
) -> Generator[tuple[Chunk, Trained]]:
    """Train chunks here or on an executor; yields each as it is done.

    What a lost worker leaves is trained by others; what cannot be sent to any, in this process.
    Who looks on does so in the process that trains: this one, unless workers are asked for.

    Raises
    ------
    ChunksLeft
        After all that could be done, if workers were lost and the executor takes no more work.
    """
    if not chunks:
        return
    get_ready(compiled=any(chunk.compiled and chunk.device == "cpu" for chunk in chunks))
    threads = cores() if workers is None else 1
    here_only = executor is not None or watch is not None
    workers = workers or (1 if here_only else _useful_workers(chunks))
    if executor is None and workers == 1:
        for chunk in chunks:
            yield chunk, _train_here(chunk, shown, threads, watch)
        return
    here: list[tuple[Chunk, str]] = []
    left, reason = list(chunks), ""
    for attempt in range(TRIES):
        # A chunk that ends its worker takes others with it: at last each is tried by itself.
        together = [left] if attempt < TRIES - 1 else [[chunk] for chunk in left]
        left = []
        for batch in together:
            pool = executor if executor is not None else _local_pool(min(workers, len(batch)))
            serializer = ChunkSerializer(watch)
            for chunk, outcome in _completed(pool, batch, serializer, own=executor is None):
                if isinstance(outcome, Trained):
                    shown.advance(len(chunk.runs))
                    yield chunk, outcome
                elif isinstance(outcome, NotSerializable):
                    here.append((chunk, first_line(outcome)))
                else:
                    left.append(chunk)
                    reason = f"{type(outcome).__name__}: {first_line(outcome)}"
        if not left:
            break
    for why in dict.fromkeys(why for _, why in here):
        print(f"modnets: trained in this process, as it cannot travel: {why}", file=sys.stderr)
    for chunk, _ in here:
        yield chunk, _train_here(chunk, shown, threads, watch)
    if left:
        raise ChunksLeft(left, reason)


def _completed(
    pool: Executor, chunks: Sequence[Chunk], serializer: ChunkSerializer, *, own: bool
) -> Iterator[tuple[Chunk, Trained | BaseException]]:
    """Chunks with what came of them, each as it is done.

    On an interruption the rest is cancelled, and workers of our own are ended.
    """
    waiting, futures = iter(chunks), dict[Future, Chunk]()
    # concurrent.futures.wait() takes a lock of every future in turn, and where Ctrl-C comes between
    # two of them keeps it, so that the pool cannot be shut down.
    done = SimpleQueue[Future]()
    try:
        while True:
            yield from _give(pool, waiting, serializer, futures, done)
            if not futures:
                return
            future = done.get()
            chunk = futures.pop(future)
            yield chunk, _outcome(future, chunk)
    except BaseException:
        if own:
            pool.shutdown(wait=True, kill_workers=True)  # type: ignore[call-arg]  # of loky
        else:
            for future in futures:
                future.cancel()
        raise


def _give(
    pool: Executor,
    waiting: Iterator[Chunk],
    serializer: ChunkSerializer,
    futures: dict[Future, Chunk],
    done: SimpleQueue[Future],
) -> list[tuple[Chunk, BaseException]]:
    """Give chunks to an executor, as many as it may hold; those that it does not take, and why.

    Each future is put into ``done`` when it is.
    """
    refused: BaseException | None = None
    unsent: list[tuple[Chunk, BaseException]] = []
    with shielded():
        while len(futures) < IN_FLIGHT and (chunk := next(waiting, None)) is not None:
            try:
                message = serializer.serialize(chunk)
                if refused is None:
                    future = pool.submit(_train_there, message)
                    futures[future] = chunk
                    future.add_done_callback(done.put)
            except NotSerializable as error:
                unsent.append((chunk, error))
                continue
            except Exception as error:  # the executor takes no more work
                refused = error
            if refused is not None:
                unsent.append((chunk, refused))
    return unsent


def _outcome(future: Future, chunk: Chunk) -> Trained | BaseException:
    """What a worker handed back, or why there is nothing."""
    try:
        error = future.exception()
    except CancelledError as cancelled:
        return cancelled
    if error is None:
        return future.result()
    try:
        check_serializable(chunk)
    except NotSerializable as unserializable:
        return unserializable
    return error


def _train_there(message: SerializedChunk) -> Trained:
    """Train a chunk in a worker, in one thread; runs that fail are no loss of the worker.

    Where a worker has several threads, they take turns: a network of a user's own may draw from
    the generators that all of them share.

    Raises
    ------
    NotSerializable
        If a model cannot be unpacked there.
    """
    chunk = message.chunk_here()
    try:
        with ONE_AT_A_TIME, cached_digests(message.identities):
            trained = chunk.train(watch=message.watch_here())
            trained.machine = machine()
            return trained
    except Exception as error:
        return _failed(chunk, error)


def _train_here(chunk: Chunk, shown: Progress, threads: int, watch: Watch | None = None) -> Trained:
    report = Report(chunk, shown)
    try:
        return chunk.train(on_evaluation=report, threads=threads, watch=watch)
    except Exception as error:
        report(chunk.runs[0].epochs)
        return _failed(chunk, error)


class Report:
    """Tells the progress how far a chunk has come, at each of its evaluations."""

    def __init__(self, chunk: Chunk, shown: Progress) -> None:
        self.chunk, self.shown, self.last = chunk, shown, 0

    def __call__(self, epoch: int) -> None:
        self.shown.advance(len(self.chunk.runs) * (epoch - self.last) / self.chunk.runs[0].epochs)
        self.last = epoch


def _failed(chunk: Chunk, error: BaseException) -> Trained:
    text = "".join(traceback.format_exception(error))
    return Trained(pd.DataFrame(), {run.key: text for run in chunk.runs})


def _useful_workers(chunks: Sequence[Chunk]) -> int:
    """Number of processes for the work ahead: 1 where starting them would cost more."""
    shapes = {shape_of(chunk.runs[0]) for chunk in chunks if chunk.compiled}
    work = sum(len(chunk.runs) * total_steps(chunk.runs[0]) for chunk in chunks)
    work += COMPILING * len(shapes)
    on_cpu = all(chunk.device == "cpu" for chunk in chunks)
    if not on_cpu or work < WORKERS_FROM[bool(shapes)]:
        return 1
    return max(1, min(_most_workers(), len(chunks)))


def _most_workers() -> int:
    """Processes at most where a sweep chooses their number: ``MODNETS_WORKERS``, else cores."""
    text = os.environ.get(MOST_WORKERS, "")
    require(
        not text or (text.isdecimal() and int(text) > 0),
        f"{MOST_WORKERS}={text!r}; allowed is a whole number, at least 1",
    )
    return int(text) if text else cores()


def _local_pool(workers: int) -> Executor:
    """Worker processes that take models defined in a notebook and stay for the next sweep."""
    from loky import get_reusable_executor

    # Before 3.14 its start unblocks SIGINT, so that it may not fall to the first submit().
    resource_tracker.ensure_running()
    # Workers keep what they have prepared for each shape; where one starts anew, seconds are lost.
    warnings.filterwarnings("ignore", "A worker (was restarted|stopped) while", UserWarning)
    return get_reusable_executor(
        max_workers=workers, timeout=60, initializer=start_worker, initargs=(os.getpid(),)
    )
