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
from modnets.config.run_config import RunConfig
from modnets.config.shapes import shape_of, total_steps
from modnets.errors import require, shown
from modnets.experiments.store import Store
from modnets.hardware import cores, lanes
from modnets.models.identity import cached_digests
from modnets.training.costs import arithmetic_of, memory_of
from modnets.training.engine import Trained, choose_device, train_chunk

CHUNK = 64  # of fewer than this the cost of each call shows
MAX_CHUNK = 256  # of many runs; beyond it nothing is gained
#: From here on compiling (1 to 4 s) pays: chunks x steps.
COMPILE_FROM = 1000
#: What calling the operations of a step one by one takes, as arithmetic in that time.
EAGER_STEP = 2e8

#: The most that can be meant.
MOST = {"chunk": 2**16, "workers": 1024}

DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


@dataclass(frozen=True)
class Chunk:
    """Runs that train side by side, and how."""

    runs: tuple[RunConfig, ...]
    size: int
    compiled: bool
    device: str

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
    """What ``sweep`` would do with the same arguments, without doing it.

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
    with cached_digests():
        return planned(wanted, held, chunk=chunk, compiled=compiled, device=device)


def planned(
    wanted: tuple[RunConfig, ...],
    held: Set[str],
    *,
    chunk: int | None,
    compiled: bool | None,
    device: str,
) -> Plan:
    """The plan for runs, each once, of which a store holds some."""
    device = str(choose_device(str(device)))
    done = frozenset(run.key for run in wanted if run.key in held)
    # Chosen from all runs wanted, not from those left to do, so that a resumed sweep trains as
    # the interrupted one did.
    groups: dict[str, list[RunConfig]] = {}
    for run in wanted:
        groups.setdefault(shape_of(run), []).append(run)
    by_group = []
    for group in groups.values():
        size, group_compiled = choose(group, chunk, compiled, device)
        missing = [run for run in group if run.key not in done]
        # A vector takes the rows of its largest.
        missing.sort(key=lambda run: run.common.final.train_rows)
        parts = [tuple(missing[i : i + size]) for i in range(0, len(missing), size)]
        by_group.append([Chunk(part, size, group_compiled, device) for part in parts])
    # First a chunk of each group, so that two workers never wait for the same compilation.
    chunks = [c for layer in itertools.zip_longest(*by_group) for c in layer if c is not None]
    return Plan(wanted, done, tuple(chunks))


def choose(
    group: Sequence[RunConfig], chunk: int | None, compiled: bool | None, device: str = "cpu"
) -> tuple[int, bool]:
    """Chunk size, and whether to compile, from all the work that a sweep wants of a shape."""
    on_cpu = device == "cpu"
    if compiled is None:
        work = math.ceil(len(group) / CHUNK) * total_steps(group[0])
        compiled = work >= COMPILE_FROM and (not on_cpu or (can_compile() and _fills_lanes(group)))
    if chunk is None and not on_cpu:
        chunk = min(_most_on(device, group[0]), _power_of_two(len(group)))
    elif chunk is None and compiled:
        chunk = CHUNK
        while chunk < MAX_CHUNK and len(group) >= 4 * cores() * chunk:  # a few for each core
            chunk *= 2
    elif chunk is None:
        chunk = min(CHUNK, _power_of_two(len(group)))
    return chunk, compiled


def _fills_lanes(group: Sequence[RunConfig]) -> bool:
    """Whether lanes that stay empty cost less than what a step costs that is not compiled.

    Empty lanes are computed too, which matters only for the large networks that see images.
    """
    empty = -len(group) % lanes()
    return group[0].graph.images is None or empty * arithmetic_of(group[0]) < EAGER_STEP


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

    Those known are ``chunk``, ``workers``, ``compiled``, ``device``, ``progress``, ``executor``.
    """
    for name in MOST:
        if arguments.get(name) is not None:
            value, most = arguments[name], MOST[name]
            whole = isinstance(value, Integral) and not isinstance(value, bool | np.bool_)
            least = value >= 1 if whole else True
            require(whole, f"{name}={shown(value)}; allowed is a whole number, 1 to {most}")
            require(least, f"{name}={value}; allowed is at least 1")
            require(value <= most, f"{name}={value}; allowed is at most {most}")
    for name in ("compiled", "progress"):
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
    executor = arguments.get("executor")
    require(
        executor is None
        or (callable(getattr(executor, "submit", None)) and not _is_class(executor)),
        f"executor={shown(executor)}; allowed is an executor as those of concurrent.futures",
    )


def _is_class(value: object) -> bool:
    return isinstance(value, type)
