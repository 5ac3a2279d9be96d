"""Where chunks are trained, from a word: processes of this machine, dask's workers, Slurm's jobs.

``processes``
    Worker processes of this machine, also for little work.
``dask``
    Workers of dask.distributed on this machine, started and ended with the sweep.
``dask:tcp://host:port``, ``dask:scheduler.json``
    Those of a scheduler that runs; by its address, or by the file it wrote.
``slurm``
    Jobs of a Slurm array, a shard each; see :mod:`modnets.experiments.slurm`.
"""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor

from modnets.errors import one_of, require, shown
from modnets.experiments.executors import Watch
from modnets.experiments.planning import Chunk
from modnets.experiments.serialization import check_travels
from modnets.hardware import cores

WORDS = ("processes", "dask", "dask:tcp://host:port", "dask:scheduler.json", "slurm")
EXTRA = "pip install 'modnets[cluster]'"


def check_executor(executor: object, workers: int | None = None) -> None:
    """Raise ValueError unless an executor is one, or a word for one that can be had.

    Parameters
    ----------
    executor : str, Executor, distributed.Client or None
    workers : int, optional
    """
    if isinstance(executor, str):
        kind, _, place = executor.partition(":")
        if not (kind == "dask" and place):
            one_of("executor", executor, WORDS)
            require(executor not in WORDS[2:4], f"executor={executor!r}: that is an example")
        require(
            kind != "dask" or importlib.util.find_spec("distributed") is not None,
            f"executor={shown(executor)} needs dask.distributed; allowed: {EXTRA}",
        )
        require(
            not place or workers is None,
            f"workers={workers}: executor={shown(executor)} has its own; allowed is None",
        )
        return
    is_one = callable(getattr(executor, "submit", None)) and not isinstance(executor, type)
    require(
        executor is None or is_one,
        f"executor={shown(executor)}; allowed is an executor as those of concurrent.futures, a "
        f"client of dask.distributed, or a word: {', '.join(WORDS)}",
    )


@contextlib.contextmanager
def opened(
    executor: str | Executor | None,
    workers: int | None,
    chunks: Sequence[Chunk],
    watch: Watch | None,
) -> Iterator[tuple[Executor | None, int | None]]:
    """What trains chunks, and on how many processes of our own; ended with the block.

    Raises
    ------
    ValueError
        If it cannot be had, or its workers cannot build what the chunks are made of.
    """
    if executor is None or not chunks:
        yield None, workers
    elif executor == "processes":
        yield None, workers or cores()
    elif not _is_of_dask(executor):
        assert not isinstance(executor, str)
        yield executor, workers
    else:
        from modnets.experiments.dask_workers import check_builds, dask_workers

        travelling = check_travels(chunks, watch)
        with dask_workers(executor, workers) as pool:
            for message in travelling:
                check_builds(pool.client, message)
            yield pool, workers


def _is_of_dask(executor: object) -> bool:
    """Whether an executor is a client of dask's or one's executor, or a word for such."""
    return isinstance(executor, str) or type(executor).__module__.startswith("distributed.")
