"""What a sweep will take in time and memory, from a short calibration on this machine."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from modnets.config.run_config import RunConfig
from modnets.config.shapes import total_steps
from modnets.experiments.columns import schema
from modnets.experiments.planning import CHUNK, Chunk, choose
from modnets.hardware import cores
from modnets.training.costs import memory_of
from modnets.training.engine import choose_device

#: Seconds after which no further shape is measured; those left are estimated from one that was.
PATIENCE = 3.0
#: Epochs of the first trial, which compiles and warms up.
FIRST_EPOCHS = 8
#: A trial that counts takes about so long.
TRIAL = 0.4  # s
#: Bytes of a value in a table: pandas and what it is made from.
PER_VALUE = 16


@dataclass(frozen=True)
class Estimate:
    """What the runs to do will take.

    Parameters
    ----------
    seconds : float
    memory : float
        Of all processes at once, at most; unit: bytes.
    table : float
        Of these, the table that the sweep hands back.
    measured : int
        Shapes of runs that were timed, of ``shapes``.
    shapes : int
    """

    seconds: float
    memory: float
    table: float
    measured: int
    shapes: int


def estimate(
    groups: Mapping[str, tuple[RunConfig, int]],
    share: float = 1.0,
    *,
    workers: int | None = None,
    chunk: int | None = None,
    device: str = "auto",
) -> Estimate:
    """Time and memory of a sweep, from trials of a few epochs of its largest shapes.

    Parameters
    ----------
    groups : dict
        Shape -> a run of it, and how many the study has.
    share : float, in [0, 1]
        Of the runs, those that are to do.
    workers, chunk, device
        As those of the sweep.
    """
    device = str(choose_device(device))
    steps = {name: count * share * total_steps(run) for name, (run, count) in groups.items()}
    seconds: dict[str, float] = {}
    memory, table = 0.0, 0.0
    started = time.perf_counter()
    for name in sorted(steps, key=steps.__getitem__, reverse=True):
        run, count = groups[name]
        if not seconds or time.perf_counter() - started < PATIENCE:
            size, lanes = choose([run] * count, chunk, None, device)
            tried = min(size, CHUNK)
            part = Chunk((run,) * tried, tried, lanes > 0, device, lanes or None)
            seconds[name] = _per_run(part) * count * share
            memory = max(memory, memory_of(run) * size)
        evaluations = -(-run.epochs // run.final.eval_every) + 1
        table += count * share * evaluations * len(schema()) * PER_VALUE
    each = sum(seconds.values()) / sum(steps[name] for name in seconds)
    whole = sum(seconds.get(name, each * steps[name]) for name in steps)
    processes = min(workers or cores(), cores())
    return Estimate(
        seconds=whole * cores() / processes,
        memory=_own_memory() * (1 + (workers or 0)) + memory * processes + table,
        table=table,
        measured=len(seconds),
        shapes=len(groups),
    )


def _per_run(part: Chunk) -> float:
    """Seconds that a run takes among those of a chunk, evaluations and all."""
    run = part.runs[0]

    def timed(epochs: int) -> float:
        # Evaluated as often for each epoch as the run itself is, and once at the start.
        every = max(1, round(run.final.eval_every * epochs / run.epochs))
        short = replace(
            run, epochs=epochs, eval_every=every, pretrained=None, transferred=None
        )  # what it starts from is trained once, and counted by itself
        runs = tuple(short.with_seeds(seed=seed) for seed in range(part.size))
        begun = time.perf_counter()
        trained = replace(part, runs=runs).train(threads=cores())
        return (time.perf_counter() - begun) if not trained.failures else 0.0

    epochs = min(run.epochs, FIRST_EPOCHS)
    timed(epochs)
    first = timed(epochs)
    if first <= 0 or run.epochs == epochs:
        return first / part.size
    more = min(run.epochs, max(2 * epochs, int(epochs * TRIAL / first)))
    second = timed(more)
    slope = max(0.0, second - first) / (more - epochs)
    return (second + slope * (run.epochs - more)) / part.size


def _own_memory() -> float:
    """Bytes that this process has taken."""
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
