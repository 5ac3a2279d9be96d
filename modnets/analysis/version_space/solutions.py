"""The networks that compute a graph exactly, one by one.

A backward pass marks the states from which the graph can be reached; then all labelled networks are
built that pass through these only.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from modnets.analysis.version_space.bitsets import pack
from modnets.analysis.version_space.enumeration import States, all_ones
from modnets.analysis.version_space.spec import NetworkSpec, labelled_pools, narrowed, pools_of
from modnets.tasks.graphs import FunctionGraph


@dataclass(frozen=True)
class Slot:
    """What one slot of a network reads, what fills it, and its truth table as an integer."""

    reads: tuple[int, ...]
    gate: int
    module: int | None
    table: int


#: Pool of modules, and the truth table of each slot as an integer.
State = tuple[int, tuple[int, ...]]
Levels = tuple[tuple["Slot | None", ...], ...]


def as_integers(bitsets: np.ndarray) -> list[int]:
    """Each bitset as one integer of any size."""
    return [int.from_bytes(words.astype("<u8").tobytes(), "little") for words in bitsets]


def reaching(spec: NetworkSpec, levels: list[States], goal: np.ndarray) -> list[set[State]]:
    """For each level the states from which the goal can be reached.

    Parameters
    ----------
    goal : ndarray of int, shape (n,)
        States of the last level.
    """
    reached: list[set[State]] = []
    live = goal
    for level in range(len(levels) - 1, 0, -1):
        above, below = levels[level], levels[level - 1]
        indices = np.unique(above.slots[live])
        tables = dict(zip(indices.tolist(), as_integers(above.bitsets[indices]), strict=True))
        wanted = {(int(above.pool[row]), tuple(map(int, above.slots[row]))) for row in live}
        reached.insert(0, {(p, tuple(tables[s] for s in slots)) for p, slots in wanted})
        last = level == len(levels) - 1
        before = np.zeros(len(below.pool), bool)
        for pool, slots in wanted:
            fits = np.ones(len(before), bool) if last else below.pool == pool
            before |= fits & _has_options(spec, level - 1, above, slots, last)
        live = np.flatnonzero(before)
    return reached


def _arrangements(
    spec: NetworkSpec, level: int, tables: Sequence[int], last: bool
) -> list[dict[int, int]]:
    """Slot -> table, in each way in which the slots of a level may have those truth tables."""
    used = spec.used[level]
    if last:
        return [dict(zip(o, tables, strict=True)) for o in spec.output_choices[0]]
    if spec.routing or spec.interchangeable:
        return [{slot: tables[slot] for slot in used}]
    orders = sorted(set(itertools.permutations(tables)))
    return [dict(enumerate(order)) for order in orders]


def _has_options(
    spec: NetworkSpec, level: int, above: States, tables: Sequence[int], last: bool
) -> np.ndarray:
    """Which states of the level below have options with these truth tables, shape (state,).

    ``tables`` are indices in ``above.bitsets``.
    """
    n_states = len(next(iter(above.options.values())).starts) - 1
    result = np.zeros(n_states, bool)
    for arrangement in _arrangements(spec, level, tables, last):
        fits = np.ones(n_states, bool)
        for slot, table in arrangement.items():
            options, n_bitsets = above.options[slot], len(above.bitsets)
            state = np.repeat(np.arange(n_states), np.diff(options.starts))
            keys = state * n_bitsets + options.tables
            wanted = np.arange(n_states) * n_bitsets + table
            index = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            fits &= keys[index] == wanted
        result |= fits
    return result


class Builder:
    """Builds every labelled network that passes through the live states and computes the graph."""

    def __init__(
        self,
        spec: NetworkSpec,
        graph: FunctionGraph,
        live: list[set[State]],
    ) -> None:
        self.spec, self.live = spec, live
        self.ones = as_integers(all_ones(spec.n_inputs)[None])[0]
        self.inputs = tuple(as_integers(pack(graph.rows())))
        self.target = tuple(as_integers(pack(graph.truth_table())))

    def networks(self) -> Iterator[tuple[tuple[int, ...] | None, Levels, tuple[int, ...]]]:
        """Pool, [level][slot] and outputs of each network."""
        spec = self.spec
        if spec.own:
            yield from ((None, *rest) for rest in self._from(0, self.inputs, None, 0))
            return
        pools = pools_of(spec)[1].tolist()
        # States of the last level have no pool; with one level, all pools are tried.
        wanted = {pool for pool, _ in self.live[0]} if len(self.live) > 1 else set(pools)
        for pool, labelled in zip(pools, labelled_pools(spec).tolist(), strict=True):
            if pool in wanted:
                yield from (
                    (tuple(labelled), *rest) for rest in self._from(0, self.inputs, labelled, pool)
                )

    def _from(
        self, level: int, below: tuple[int, ...], gates: list[int] | None, pool: int
    ) -> Iterator[tuple[Levels, tuple[int, ...]]]:
        last = level == len(self.spec.slots) - 1
        for wanted, outputs in self._wanted(level, pool, last):
            choices = [
                self._slots(level, slot, wanted[slot], below, gates, last)
                if slot in wanted
                else [None]
                for slot in range(self.spec.slots[level])
            ]
            for slots in itertools.product(*choices):
                if last:
                    yield (slots,), outputs
                    continue
                tables = tuple(slot.table if slot else 0 for slot in slots)
                for rest, chosen in self._from(level + 1, tables, gates, pool):
                    yield (slots, *rest), chosen

    def _wanted(
        self, level: int, pool: int, last: bool
    ) -> Iterator[tuple[dict[int, int], tuple[int, ...]]]:
        """Slot -> table, in each way that leads to the graph; in the last level the outputs."""
        spec = self.spec
        if last:
            permutations = itertools.permutations(range(spec.slots[-1]), spec.n_outputs)
            for outputs in [spec.outputs] if spec.outputs else permutations:
                yield dict(zip(outputs, self.target, strict=True)), outputs
            return
        for live_pool, tables in sorted(self.live[level]):
            if live_pool == pool:
                orders = [tables] if spec.routing else set(itertools.permutations(tables))
                for order in sorted(orders):
                    yield {slot: order[slot] for slot in spec.used[level]}, ()

    def _slots(
        self,
        level: int,
        slot: int,
        table: int,
        below: tuple[int, ...],
        gates: list[int] | None,
        exact: bool,
    ) -> list[Slot]:
        """The choices of a slot that give a table or, if own and not exact, its negation."""
        spec = self.spec
        slots: list[Slot] = []
        both = spec.own and not exact
        for reads in spec.reads(level, slot):
            regions = self._regions([below[source] for source in reads])
            if gates is None:
                for wanted in (table, table ^ self.ones) if both else (table,):
                    slots += [Slot(reads, gate, None, wanted) for gate in _gates(regions, wanted)]
                continue
            for module in spec.modules(level, slot):
                gate = int(narrowed(np.array(gates[module]), spec.arity, len(reads)))
                if sum(region for row, region in enumerate(regions) if gate >> row & 1) == table:
                    slots.append(Slot(reads, gate, module, table))
        return slots

    def _regions(self, sources: list[int]) -> list[int]:
        """For each input row of a gate the rows of the table on which its inputs are that row."""
        regions = [self.ones]
        for source in sources:
            regions = [half for region in regions for half in (region & ~source, region & source)]
        return regions


def _gates(regions: list[int], table: int) -> list[int]:
    """The gates with this truth table; their value on input rows that never occur is free."""
    gates = [0]
    for row, region in enumerate(regions):
        if region & table == region:
            ones = [gate | 1 << row for gate in gates]
            gates = ones if region else gates + ones
        elif region & table:
            return []
    return gates
