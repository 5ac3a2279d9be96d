"""The choices of a modular network: number of labelled networks of a kind, in closed form.

A labelled network is one assignment of all choices: what each slot reads and in which order, which
module fills it, which gate each module is.  Different ones may compute the same function.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.tasks.gates import all_rows, bits_of, index_of
from modnets.tasks.task import Routing, Selection

#: The most labelled pools of shared modules.
MOST_POOLS = 1_000_000


@dataclass(frozen=True)
class NetworkSpec:
    """The sizes of a modular network, and its known choices (None: learned).

    Parameters
    ----------
    n_inputs, n_outputs, arity : int
    slots : tuple of int
        In each level.
    pool : int, optional
        Size of the pool of shared modules; without it each slot has its own module.
    routing, selection, outputs : optional
        As :class:`~modnets.models.ModularNetwork` takes them.
    """

    n_inputs: int
    slots: tuple[int, ...]
    n_outputs: int
    arity: int
    pool: int | None
    routing: Routing | None
    selection: Selection | None
    outputs: tuple[int, ...] | None

    @classmethod
    def of(cls, run: RunConfig) -> NetworkSpec:
        """The spec of a run's network."""
        final, known, shared = run.final, run.known_graph, run.model == "shared"
        return cls(
            n_inputs=final.graph.n_inputs,
            slots=final.slots,
            n_outputs=final.graph.n_outputs,
            arity=final.arity,
            pool=final.shared_modules if shared else None,
            routing=known.routing if final.routing == "known" else None,
            selection=known.selection if shared and final.selection == "known" else None,
            outputs=known.places_of_outputs() if final.outputs == "known" else None,
        )

    @property
    def own(self) -> bool:
        """Whether each slot has a module of its own."""
        return self.pool is None

    @property
    def interchangeable(self) -> bool:
        """Whether all slots of a level have the same choices."""
        return self.routing is None and (self.own or self.selection is None)

    @property
    def n_gates(self) -> int:
        """Gates that a module can be."""
        return 2 ** (2**self.arity)

    @property
    def n_sources(self) -> tuple[int, ...]:
        """Sources that the slots of each level can read."""
        return (self.n_inputs, *self.slots[:-1])

    def n_choices(self, level: int) -> int:
        """Labelled choices of one slot: what it reads in which order, and what fills it."""
        n_reads = 1 if self.routing else math.perm(self.n_sources[level], self.arity)
        if self.pool is None:
            return n_reads * self.n_gates
        return n_reads * (1 if self.selection else self.pool)

    @property
    def n_labelled(self) -> int:
        """Labelled networks: the product of all choices."""
        count = 1 if self.pool is None else self.n_gates**self.pool
        for level, n_slots in enumerate(self.slots):
            count *= self.n_choices(level) ** n_slots
        return count * (1 if self.outputs else math.perm(self.slots[-1], self.n_outputs))

    @property
    def output_choices(self) -> tuple[list[tuple[int, ...]], int]:
        """Slots of the last level that may be the outputs, and how many choices each stands for."""
        if self.outputs:
            return [self.outputs], 1
        if self.interchangeable:
            return [tuple(range(self.n_outputs))], math.perm(self.slots[-1], self.n_outputs)
        return list(itertools.permutations(range(self.slots[-1]), self.n_outputs)), 1

    @cached_property
    def used(self) -> tuple[tuple[int, ...], ...]:
        """[level] -> slots that an output may depend on."""
        outputs, _ = self.output_choices
        used = [tuple(sorted(set(itertools.chain(*outputs))))]
        for level in range(len(self.slots) - 1, 0, -1):
            read = set(range(self.slots[level - 1]))
            if self.routing:
                read = {source for slot in used[0] for source in self.routing[level][slot]}
            used.insert(0, tuple(sorted(read)))
        return tuple(used)

    def reads(self, level: int, slot: int) -> list[tuple[int, ...]]:
        """Sources that a slot may read, in every order."""
        if self.routing:
            return [self.routing[level][slot]]
        return list(itertools.permutations(range(self.n_sources[level]), self.arity))

    def modules(self, level: int, slot: int) -> list[int]:
        """Which modules of the pool may fill a slot."""
        return [self.selection[level][slot]] if self.selection else list(range(self.pool or 0))


def pools_of(spec: NetworkSpec) -> tuple[np.ndarray, np.ndarray]:
    """The gates that the modules of the pool can be, equivalent pools once.

    Where selection is learned the order of the modules does not matter, and where routing is
    learned the order of a gate's inputs does not.

    Returns
    -------
    pools : ndarray of int64, shape (pool, module)
        Gates, encoded as in :func:`~modnets.analysis.version_space.bitsets.apply_gates`.
    inverse : ndarray of int, shape (labelled pool,)
        For each labelled pool, as :func:`labelled_pools` orders them, the equivalent one in
        ``pools``.
    """
    if spec.pool is None:
        return np.zeros((1, 0), np.int64), np.zeros(1, np.int64)
    count = spec.n_gates**spec.pool
    require(
        count <= MOST_POOLS,
        f"{count:,} pools of {spec.pool} modules; allowed are {MOST_POOLS:,}",
    )
    gates = np.arange(spec.n_gates)
    if not spec.routing:
        gates = _least_of_orders(spec.arity)
    pools = gates[labelled_pools(spec)]
    if not spec.selection:
        pools = np.sort(pools, axis=1)
    pools, inverse = np.unique(pools, axis=0, return_inverse=True)
    return pools, inverse.reshape(-1)


def labelled_pools(spec: NetworkSpec) -> np.ndarray:
    """Every pool of modules, shape (labelled pool, module)."""
    assert spec.pool is not None
    shape: tuple[int, ...] = (spec.n_gates,) * spec.pool
    return np.stack(np.unravel_index(np.arange(math.prod(shape)), shape), axis=1)


def _least_of_orders(arity: int) -> np.ndarray:
    """For each gate the least of the gates that it becomes when its inputs are permuted."""
    rows = all_rows(arity)
    bits = bits_of(np.arange(2 ** (2**arity)), 2**arity)[:, ::-1]  # column i: bit i
    permuted = [
        bits[:, index_of(rows[:, list(order)])] for order in itertools.permutations(range(arity))
    ]
    return np.min([index_of(table[:, ::-1]) for table in permuted], axis=0)


def narrowed(gates: np.ndarray, arity: int, n_inputs: int) -> np.ndarray:
    """Gates whose last inputs read zero, as gates of the others."""
    narrow = np.zeros_like(gates)
    for row in range(2**n_inputs):
        narrow |= (gates >> (row << (arity - n_inputs)) & 1) << row
    return narrow
