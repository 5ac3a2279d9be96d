"""What a modular network may choose, counted: the labelled networks of a kind, in closed form."""

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

#: Labelled pools of shared modules, at most.
MOST_POOLS = 1_000_000


@dataclass(frozen=True)
class NetworkSpec:
    """The sizes of a modular network, and what is known of its choices (None: learned).

    Parameters
    ----------
    n_inputs, n_outputs, arity : int
    slots : tuple of int
        By level.
    pool : int, optional
        Size of the pool of shared modules; without it each slot has its own module.
    routing, selection, outputs : optional
        As :class:`~modnets.ModularNetwork` takes them.
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
        """The structure of a run's network."""
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
    def alike(self) -> bool:
        """Whether the slots of a level may all choose the same."""
        return self.routing is None and (self.own or self.selection is None)

    @property
    def n_gates(self) -> int:
        """What a module can be."""
        return 2 ** (2**self.arity)

    @property
    def n_sources(self) -> tuple[int, ...]:
        """By level what its slots can read."""
        return (self.n_inputs, *self.slots[:-1])

    def n_choices(self, level: int) -> int:
        """Labelled choices of one slot: what it reads in which order, and what fills it."""
        reads = 1 if self.routing else math.perm(self.n_sources[level], self.arity)
        if self.own:
            return reads * self.n_gates
        return reads * (1 if self.selection else self.pool)

    @property
    def n_labelled(self) -> int:
        """All networks, every choice counted."""
        found = 1 if self.own else self.n_gates**self.pool
        for level, n_slots in enumerate(self.slots):
            found *= self.n_choices(level) ** n_slots
        return found * (1 if self.outputs else math.perm(self.slots[-1], self.n_outputs))

    @property
    def output_places(self) -> tuple[list[tuple[int, ...]], int]:
        """The slots that outputs may be, and how many choices of them each stands for."""
        if self.outputs:
            return [self.outputs], 1
        if self.alike:
            return [tuple(range(self.n_outputs))], math.perm(self.slots[-1], self.n_outputs)
        return list(itertools.permutations(range(self.slots[-1]), self.n_outputs)), 1

    @cached_property
    def used(self) -> tuple[tuple[int, ...], ...]:
        """[level] -> slots that an output may depend on."""
        places, _ = self.output_places
        found = [tuple(sorted(set(itertools.chain(*places))))]
        for level in range(len(self.slots) - 1, 0, -1):
            read = set(range(self.slots[level - 1]))
            if self.routing:
                read = {place for slot in found[0] for place in self.routing[level][slot]}
            found.insert(0, tuple(sorted(read)))
        return tuple(found)

    def reads(self, level: int, slot: int) -> list[tuple[int, ...]]:
        """What a slot may read, in every order."""
        if self.routing:
            return [self.routing[level][slot]]
        return list(itertools.permutations(range(self.n_sources[level]), self.arity))

    def modules(self, level: int, slot: int) -> list[int]:
        """Which modules of the pool may fill a slot."""
        return [self.selection[level][slot]] if self.selection else list(range(self.pool))


def pools_of(structure: NetworkSpec) -> tuple[np.ndarray, np.ndarray]:
    """What the modules of the pool can be, equivalent pools once.

    Where selection is learned the order of the modules does not matter, and where routing is
    learned it does not matter which of its inputs a gate calls its first.

    Returns
    -------
    pools : ndarray of int64, shape (pool, module)
        Gates, as :func:`~modnets.analysis.version_space.bitsets.apply_gates` numbers them.
    place : ndarray of int, shape (labelled pool,)
        Of each labelled pool, first module first, the one that stands for it.
    """
    if structure.own:
        return np.zeros((1, 0), np.int64), np.zeros(1, np.int64)
    count = structure.n_gates**structure.pool
    require(
        count <= MOST_POOLS,
        f"{count:,} pools of {structure.pool} modules; allowed are {MOST_POOLS:,}",
    )
    gates = np.arange(structure.n_gates)
    if not structure.routing:
        gates = _least_of_orders(structure.arity)
    pools = gates[labelled_pools(structure)]
    if not structure.selection:
        pools = np.sort(pools, axis=1)
    pools, place = np.unique(pools, axis=0, return_inverse=True)
    return pools, place.reshape(-1)


def labelled_pools(structure: NetworkSpec) -> np.ndarray:
    """Every pool of modules, shape (labelled pool, module)."""
    return np.indices((structure.n_gates,) * structure.pool).reshape(structure.pool, -1).T


def _least_of_orders(arity: int) -> np.ndarray:
    """Of the gates that each gate becomes when its inputs change places, the least."""
    rows = all_rows(arity)
    bits = bits_of(np.arange(2 ** (2**arity)), 2**arity)[:, ::-1]  # column i: bit i
    turned = [
        bits[:, index_of(rows[:, list(order)])] for order in itertools.permutations(range(arity))
    ]
    return np.min([index_of(table[:, ::-1]) for table in turned], axis=0)


def narrowed(gates: np.ndarray, arity: int, n_inputs: int) -> np.ndarray:
    """Gates whose last inputs read zero, as gates of the others."""
    found = np.zeros_like(gates)
    for row in range(2**n_inputs):
        found |= (gates >> (row << (arity - n_inputs)) & 1) << row
    return found
