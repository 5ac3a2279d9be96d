"""What a sweep will do: which runs are missing, and how they are put into chunks."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch

from modnets.compiler.build_cache import can_compile
from modnets.compiler.symbolic import ROW_STEP
from modnets.config.run_config import RunConfig
from modnets.config.shapes import padded_rows, shape_of, steps_per_epoch, total_steps
from modnets.errors import require, shown
from modnets.experiments.shards import keys_of_shard
from modnets.experiments.store import Store
from modnets.hardware import cores, lanes
from modnets.models.hard_choices import FEW_CANDIDATES
from modnets.models.identity import cached_digests
from modnets.training.cost_model import (
    COMPILE_FROM,
    COMPILE_FROM_ON_GPU,
    COMPILE_LANES,
    COMPILE_WITHIN,
    step_times,
)
from modnets.training.costs import memory_of
from modnets.training.engine import Trained, choose_device, train_chunk
from modnets.training.restarts import spans_of

CHUNK = 64  # of fewer than this the cost of each call shows
MAX_CHUNK = 256  # of many runs, and of all their starts; beyond it nothing is gained

#: The most that can be meant.
MOST = {"chunk": 2**16, "workers": 1024}

DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


@dataclass(frozen=True)
class Chunk:
    """Runs that train side by side, and how.

    Parameters
    ----------
    runs : tuple of RunConfig
    size : int
    compiled : bool
    device : str
    lanes : int, optional
        Replicas in a vector of a compiled step; see :func:`~modnets.training.engine.train_chunk`.
    """

    runs: tuple[RunConfig, ...]
    size: int
    compiled: bool
    device: str
    lanes: int | None = None

    def train(self, **keywords: Any) -> Trained:
        """Train these runs in this process."""
        return train_chunk(
            self.runs,
            chunk=self.size,
            compiled=self.compiled,
            lanes=self.lanes,
            device=self.device,
            **keywords,
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
    failed : set of str
        Keys of those that failed before, and are left out.
    """

    wanted: tuple[RunConfig, ...]
    done: frozenset[str]
    chunks: tuple[Chunk, ...]
    failed: frozenset[str] = frozenset()

    @property
    def n_to_do(self) -> int:
        """Number of runs to train."""
        return sum(len(chunk.runs) for chunk in self.chunks)

    def __str__(self) -> str:
        failed = f", {len(self.failed)} failed before" if self.failed else ""
        return f"{len(self.wanted)} runs: {len(self.done)} done, {self.n_to_do} to do{failed}"


def plan(
    runs: Iterable[RunConfig],
    store: str | Path | None = None,
    *,
    chunk: int | None = None,
    compiled: bool | None = None,
    device: str = "auto",
    shard: str | tuple[int, int] | None = None,
    retry_failed: bool = True,
) -> Plan:
    """What ``sweep`` would do with the same arguments, without doing it.

    How long steps take is estimated once, and kept beside the compiled code.

    Raises
    ------
    ValueError
        If an argument is wrong.
    StoreError
        If the store cannot be read.  Of single files that cannot be read just now a line tells;
        their runs count as to do, and a sweep would stop.
    """
    check_arguments(chunk=chunk, compiled=compiled, device=device)
    results = None if store is None else Store(store)
    wanted = checked_runs(runs)
    choose_device(str(device))
    held = set() if results is None else results.keys_read()
    failed = set() if results is None or retry_failed else set(results.failures())
    how: dict[str, Any] = {"chunk": chunk, "compiled": compiled, "device": device, "shard": shard}
    with cached_digests():
        return planned(wanted, held, failed, **how)


def planned(
    wanted: tuple[RunConfig, ...],
    held: Set[str],
    failed: Set[str] = frozenset(),
    *,
    chunk: int | None,
    compiled: bool | None,
    device: str,
    shard: str | tuple[int, int] | None = None,
) -> Plan:
    """The plan for runs, each once, of which a store holds some.

    Parameters
    ----------
    wanted : tuple of RunConfig
    held, failed : set of str
        Keys of runs that the store holds, and of those that are not tried again.
    chunk, compiled, device
        As in :func:`modnets.sweep`.
    shard : str or (int, int), optional
        Only this part of the runs, as ``"1/3"``; they train as they would among all.
    """
    device = str(choose_device(str(device)))
    # Chosen from all runs wanted, not from those left to do, so that a resumed sweep trains as
    # the interrupted one did.
    groups: dict[str, list[RunConfig]] = {}
    for run in wanted:
        groups.setdefault(shape_of(run), []).append(run)
    if shard is not None:
        mine = keys_of_shard(groups.values(), shard)
        wanted = tuple(run for run in wanted if run.key in mine)
    keys = {run.key for run in wanted}
    done = frozenset(keys & held)
    failed = frozenset((keys & failed) - held)
    to_do = keys - done - failed
    by_group = []
    for group in groups.values():
        missing = [run for run in group if run.key in to_do]
        if not missing:
            continue  # to choose takes long, as a step is traced
        size, width = choose(group, chunk, compiled, device)
        missing = _by_rows_and_graph(missing)
        most = min(size, max(1, max(size, MAX_CHUNK) // (group[0].final.restarts or 1)))
        parts = [tuple(missing[i : i + most]) for i in range(0, len(missing), most)]
        by_group.append([Chunk(part, size, width > 0, device, width or None) for part in parts])
    # First a chunk of each group, so that two workers never wait for the same compilation.
    chunks = [c for layer in itertools.zip_longest(*by_group) for c in layer if c is not None]
    return Plan(wanted, done, tuple(chunks), failed)


def _by_rows_and_graph(runs: Sequence[RunConfig]) -> list[RunConfig]:
    """Runs in an order that saves work: a vector takes the rows of its largest.

    Those of one graph stay together, as each graph is compared with its runs by itself.
    """
    numbers: dict[int, int] = {}
    order = [numbers.setdefault(id(run.graph), len(numbers)) for run in runs]
    steps = [-(-run.common.final.train_rows // ROW_STEP) for run in runs]
    return [runs[place] for place in np.lexsort((order, steps))]


def choose(
    group: Sequence[RunConfig], chunk: int | None, compiled: bool | None, device: str = "cpu"
) -> tuple[int, int]:
    """How all runs that a sweep wants of a shape train: chosen from all the work there is.

    Returns
    -------
    chunk : int
    lanes : int
        Replicas in a vector of a compiled step; 0 for tensor operations.
    """
    on_cpu, n_starts = device == "cpu", len(group) * (group[0].final.restarts or 1)
    work = steps_per_epoch(group[0]) * sum(
        math.ceil(len(group) * starts / CHUNK) * epochs for starts, epochs in spans_of(group[0])
    )
    if not on_cpu:
        is_long = work >= COMPILE_FROM_ON_GPU
        width = lanes() if compiled or (compiled is None and is_long) else 0
        return chunk or min(_most_on(device, group[0]), _power_of_two(n_starts)), width
    is_short = work < COMPILE_FROM and not _is_wide(group[0])
    if compiled is False or (compiled is None and (is_short or not can_compile())):
        width = 0
    else:
        # Small tensors are never faster one operation at a time; those of images are, at times.
        may_be_eager = compiled is None and group[0].graph.images is not None
        width = _fastest(group, chunk, may_be_eager=may_be_eager)
    if chunk is None and width:
        chunk = CHUNK
        while chunk < MAX_CHUNK and n_starts >= 4 * cores() * chunk:  # a few for each core
            chunk *= 2
    elif chunk is None:
        chunk = min(CHUNK, _power_of_two(n_starts))
    return chunk, width


def _is_wide(run: RunConfig) -> bool:
    """Whether tensors are so large that compiling pays from the first step.

    Where modules read many sources, each operation alone reads more memory than a cache holds.
    """
    final = run.final
    return final.is_modular and final.graph.images is None and final.graph.n_inputs > FEW_CANDIDATES


def _fastest(group: Sequence[RunConfig], chunk: int | None, *, may_be_eager: bool) -> int:
    """Replicas in a vector of the step that takes the least time; 0 for tensor operations.

    See ``training.cost_model``.
    """
    full, run = lanes(), group[0]
    evaluations = _steps_of_evaluations(run) / total_steps(run) if _is_wide(run) else 0.0
    if chunk == 1:
        return 1
    try:
        times = step_times(run)
    except Exception:  # of a user-defined network, where it is built: each run has its own failure
        return full
    seconds = {full: COMPILE_LANES, 1: COMPILE_WITHIN} | ({0: 0.0} if may_be_eager else {})
    for n_starts, epochs in spans_of(run):
        n_replicas = len(group) * n_starts
        steps = epochs * steps_per_epoch(run) * (1 + evaluations)
        calls = math.ceil(n_replicas / CHUNK) * times.eager_calls
        each = times.eager if n_replicas > 1 else times.eager_one
        of_a_step = {
            full: math.ceil(n_replicas / full) * times.lanes,
            1: n_replicas * times.within,
            0: calls + n_replicas * each,
        }
        for width in seconds:
            seconds[width] += steps * of_a_step[width] / 1e6
    return min(seconds, key=seconds.__getitem__)


def _steps_of_evaluations(run: RunConfig) -> int:
    """Training steps that take as long as a run's evaluations, which take no gradient."""
    final = run.final
    assert final.eval_every is not None  # resolved
    n_evaluations = 1 + math.ceil(final.epochs / final.eval_every)
    rows = final.evaluation_rows or final.graph.n_rows
    return n_evaluations * rows // (3 * padded_rows(run))


def _power_of_two(number: int) -> int:
    """The smallest power of two that is not below a number."""
    return 2 ** math.ceil(math.log2(number))


def _most_on(device: str, run: RunConfig) -> int:
    """Replicas that half of a GPU's free memory holds, as a power of two."""
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, _power_of_two(free // 2 // memory_of(run) + 1) // 2)


def checked_runs(runs: Iterable[RunConfig]) -> tuple[RunConfig, ...]:
    """The runs, each once.

    Raises
    ------
    ValueError
        If they are no list of RunConfig, or there are none.
    """
    allowed = "allowed is a list of RunConfig, as mn.grid gives"
    try:
        listed = list(runs)
    except TypeError:
        raise ValueError(f"runs={shown(runs)}; {allowed}") from None
    for index, run in enumerate(listed):
        if not isinstance(run, RunConfig):
            raise ValueError(f"runs[{index}]={shown(run)}; {allowed}")
    require(bool(listed), "runs=[]; allowed is at least one run")
    with cached_digests():
        return tuple({run.key: run for run in listed}.values())


def check_arguments(**arguments: Any) -> None:
    """Raise ValueError unless arguments by these names are of their types and in their ranges.

    Known are ``chunk``, ``workers``, ``compiled``, ``device``, ``progress``, ``retry_failed``.
    """
    for name in MOST:
        if arguments.get(name) is not None:
            value, most = arguments[name], MOST[name]
            whole = isinstance(value, Integral) and not isinstance(value, bool | np.bool_)
            least = value >= 1 if whole else True
            require(whole, f"{name}={shown(value)}; allowed is a whole number, 1 to {most}")
            require(least, f"{name}={value}; allowed is at least 1")
            require(value <= most, f"{name}={value}; allowed is at most {most}")
    for name in ("compiled", "progress", "retry_failed"):
        value = arguments.get(name)
        either = "True or False" + (" or None" if name == "compiled" else "")
        nothing = value is None and (name == "compiled" or name not in arguments)
        require(
            nothing or isinstance(value, bool | np.bool_),
            f"{name}={shown(value)}; allowed is {either}",
        )
    device = arguments.get("device", "auto")
    require(
        DEVICE.fullmatch(str(device)) is not None,
        f"device={shown(device)}: unknown; allowed is auto, cpu, cuda",
    )
