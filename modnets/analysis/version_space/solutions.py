"""The networks that compute a graph exactly, one by one.

From the outputs back to the inputs the states that can still become the graph are marked; then all
labelled networks are built that pass through these alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from modnets.analysis.version_space.bitsets import pack
from modnets.analysis.version_space.enumeration import States, everywhere
from modnets.analysis.version_space.spec import NetworkSpec, labelled_pools, narrowed, pools_of
from modnets.tasks.graphs import FunctionGraph


@dataclass(frozen=True)
class Slot:
    """What one slot of a network reads, what fills it, and the signal that it gives."""

    reads: tuple[int, ...]
    gate: int
    module: int | None
    signal: int


Levels = tuple[tuple["Slot | None", ...], ...]


def as_numbers(signals: np.ndarray) -> list[int]:
    """Each signal as one integer of any size."""
    return [int.from_bytes(words.astype("<u8").tobytes(), "little") for words in signals]


def reaching(
    structure: NetworkSpec, levels: list[States], goal: np.ndarray
) -> list[set[tuple[int, tuple[int, ...]]]]:
    """By level the states from which the goal can be reached: pool, and the signals of its slots.

    Parameters
    ----------
    goal : ndarray of int, shape (n,)
        States of the last level.
    """
    found, live = [], goal
    for level in range(len(levels) - 1, 0, -1):
        above, below = levels[level], levels[level - 1]
        numbers = as_numbers(above.signals[np.unique(above.slots[live])])
        named = dict(zip(np.unique(above.slots[live]).tolist(), numbers, strict=True))
        wanted = {(int(above.pool[row]), tuple(map(int, above.slots[row]))) for row in live}
        found.insert(0, {(p, tuple(named[s] for s in slots)) for p, slots in wanted})
        last = level == len(levels) - 1
        before = np.zeros(len(below.pool), bool)
        for pool, slots in wanted:
            fits = np.ones(len(before), bool) if last else below.pool == pool
            before |= fits & _can_be(structure, level - 1, above, slots, last)
        live = np.flatnonzero(before)
    return found


def _arrangements(
    structure: NetworkSpec, level: int, signals: Sequence[int], last: bool
) -> list[dict[int, int]]:
    """Slot -> signal, in each way in which the slots of a level may have those signals."""
    used = structure.used[level]
    if last:
        return [dict(zip(o, signals, strict=True)) for o in structure.output_places[0]]
    if structure.routing or structure.alike:
        return [{slot: signals[slot] for slot in used}]
    orders = sorted(set(itertools.permutations(signals)))
    return [dict(enumerate(order)) for order in orders]


def _can_be(
    structure: NetworkSpec, level: int, above: States, signals: Sequence[int], last: bool
) -> np.ndarray:
    """Which states of the level below have options that give these signals, shape (state,)."""
    found = False
    for arrangement in _arrangements(structure, level, signals, last):
        fits = True
        for slot, signal in arrangement.items():
            of, n_signals = above.options[slot], len(above.signals)
            state = np.repeat(np.arange(len(of.starts) - 1), np.diff(of.starts))
            keys = state * n_signals + of.signals
            asked = np.arange(len(of.starts) - 1) * n_signals + signal
            place = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
            fits = fits & (keys[place] == asked)
        found = found | fits
    return found


class Builder:
    """Builds every labelled network that passes through the given states and ends in the graph."""

    def __init__(
        self,
        structure: NetworkSpec,
        graph: FunctionGraph,
        live: list[set[tuple[int, tuple[int, ...]]]],
    ) -> None:
        self.structure, self.live = structure, live
        self.ones = as_numbers(everywhere(structure.n_inputs)[None])[0]
        self.inputs = tuple(as_numbers(pack(graph.rows())))
        self.target = tuple(as_numbers(pack(graph.truth_table())))

    def networks(self) -> Iterator[tuple[tuple[int, ...] | None, Levels, tuple[int, ...]]]:
        """Pool, [level][slot] and outputs of each network."""
        structure = self.structure
        if structure.own:
            yield from ((None, *rest) for rest in self._from(0, self.inputs, None, 0))
            return
        _, place = pools_of(structure)
        # Of the last level pools are forgotten; with one level, all of them may do.
        wanted = {pool for pool, _ in self.live[0]} if len(self.live) > 1 else set(place.tolist())
        for pool, labelled in zip(place.tolist(), labelled_pools(structure).tolist(), strict=True):
            if pool in wanted:
                yield from (
                    (tuple(labelled), *rest) for rest in self._from(0, self.inputs, labelled, pool)
                )

    def _from(
        self, level: int, below: tuple[int, ...], gates: list[int] | None, pool: int
    ) -> Iterator[tuple[Levels, tuple[int, ...]]]:
        last = level == len(self.structure.slots) - 1
        for wanted, outputs in self._wanted(level, pool, last):
            choices = [
                self._slots(level, slot, wanted[slot], below, gates, last)
                if slot in wanted
                else [None]
                for slot in range(self.structure.slots[level])
            ]
            for slots in itertools.product(*choices):
                if last:
                    yield (slots,), outputs
                    continue
                signals = tuple(slot.signal if slot else 0 for slot in slots)
                for rest, outputs_ in self._from(level + 1, signals, gates, pool):
                    yield (slots, *rest), outputs_

    def _wanted(
        self, level: int, pool: int, last: bool
    ) -> Iterator[tuple[dict[int, int], tuple[int, ...]]]:
        """Slot -> signal, in each way that leads to the graph; in the last level the outputs."""
        structure = self.structure
        if last:
            n_slots = range(structure.slots[-1])
            places = itertools.permutations(n_slots, structure.n_outputs)
            for outputs in [structure.outputs] if structure.outputs else places:
                yield dict(zip(outputs, self.target, strict=True)), outputs
            return
        for of, signals in sorted(self.live[level]):
            if of == pool:
                orders = [signals] if structure.routing else set(itertools.permutations(signals))
                for order in sorted(orders):
                    yield {slot: order[slot] for slot in structure.used[level]}, ()

    def _slots(
        self,
        level: int,
        slot: int,
        signal: int,
        below: tuple[int, ...],
        gates: list[int] | None,
        exact: bool,
    ) -> list[Slot]:
        """What a slot may choose to give a signal; with own modules inside also its negation."""
        structure, found = self.structure, []
        both = structure.own and not exact
        for reads in structure.reads(level, slot):
            regions = self._regions([below[place] for place in reads])
            if structure.own:
                for wanted in (signal, signal ^ self.ones) if both else (signal,):
                    fitting = _gates_that_give(regions, wanted)
                    found += [Slot(reads, gate, None, wanted) for gate in fitting]
                continue
            for module in structure.modules(level, slot):
                gate = int(narrowed(np.array(gates[module]), structure.arity, len(reads)))
                if sum(region for row, region in enumerate(regions) if gate >> row & 1) == signal:
                    found.append(Slot(reads, gate, module, signal))
        return found

    def _regions(self, sources: list[int]) -> list[int]:
        """For each input row of a gate the rows of the table on which its inputs are that."""
        found = [self.ones]
        for source in sources:
            found = [part for region in found for part in (region & ~source, region & source)]
        return found


def _gates_that_give(regions: list[int], signal: int) -> list[int]:
    """The gates that are 1 on just those regions; what they do where none is is free."""
    gates = [0]
    for row, region in enumerate(regions):
        if region & signal == region:
            ones = [gate | 1 << row for gate in gates]
            gates = ones if region else gates + ones
        elif region & signal:
            return []
    return gates
