"""The symmetries by which networks that compute a graph exactly differ from the graph itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from modnets.analysis.version_space.bitsets import pack
from modnets.analysis.version_space.enumeration import States, all_ones
from modnets.analysis.version_space.solutions import Builder, Levels, as_integers, reaching
from modnets.analysis.version_space.spec import NetworkSpec
from modnets.tasks.gates import TWO_INPUT_GATES
from modnets.tasks.graphs import FunctionGraph

SlotIndex = tuple[int, int]  # level, counted from 1, and slot
NAMES: dict[tuple[int, ...], str] = {table: name for name, table in TWO_INPUT_GATES.items()}


@dataclass(frozen=True)
class Solution:
    """One network that computes a graph exactly.

    Parameters
    ----------
    gates : tuple of tuple of str or None
        [level][slot] -> the gate that fills it; None for a slot that no output depends on, which
        may be anything.
    modules : tuple of str, optional
        The gates of the shared pool.
    routing, selection, outputs : tuple
        As :class:`~modnets.models.ModularNetwork` takes them; None where ``gates`` has None.
    negated : tuple of (level, slot)
        Inner slots whose output is the negation of the graph's; levels count from 1.
    renamed : tuple of (level, slot, slot of the graph)
        Slots that compute what another slot does in the graph.
    swapped : tuple of (level, slot)
        Slots that read the same as in the graph in another order.
    modules_renamed : tuple of (module of the graph, module)
        Modules in the role of another module of the graph.
    other : tuple of (level, slot)
        Slots that compute what no slot of the graph does, even up to negation, or that read other
        sources: with such the network is not symmetric to the graph.
    networks : int
        Labelled networks that it stands for: more than 1 where slots may be anything.
    """

    gates: tuple[tuple[str | None, ...], ...]
    modules: tuple[str, ...] | None
    routing: tuple
    selection: tuple | None
    outputs: tuple[int, ...]
    negated: tuple[SlotIndex, ...]
    renamed: tuple[tuple[int, int, int], ...]
    swapped: tuple[SlotIndex, ...]
    modules_renamed: tuple[tuple[int, int], ...]
    other: tuple[SlotIndex, ...]
    networks: int


def solutions_of(
    spec: NetworkSpec, graph: FunctionGraph, levels: list[States], goal: np.ndarray
) -> list[Solution]:
    """Every network that computes the graph.

    Parameters
    ----------
    levels : list of States
        From :func:`~modnets.analysis.version_space.enumeration.enumerate_levels`.
    goal : ndarray of int, shape (n,)
        States of the last level that are the graph.
    """
    builder = Builder(spec, graph, reaching(spec, levels, goal))
    truth = [as_integers(pack(level)) for level in graph.values(graph.rows())]
    return [
        _described(spec, graph, truth, pool, slots, outputs)
        for pool, slots, outputs in (builder.networks() if len(goal) else ())
    ]


def _described(
    spec: NetworkSpec,
    graph: FunctionGraph,
    truth: list[list[int]],
    pool: tuple[int, ...] | None,
    levels: Levels,
    outputs: tuple[int, ...],
) -> Solution:
    """A network with the symmetries by which it differs."""
    ones = as_integers(all_ones(spec.n_inputs)[None])[0]
    # Slot -> the slot of the graph that it corresponds to, or None.
    below: dict[int, int | None] = {source: source for source in range(spec.n_inputs)}
    negated: list[SlotIndex] = []
    renamed: list[tuple[int, int, int]] = []
    swapped: list[SlotIndex] = []
    other: list[SlotIndex] = []
    modules, networks = set(), 1
    for level, slots in enumerate(levels, start=1):
        known = truth[level - 1] if level <= len(truth) else []
        roles: dict[int, int | None] = {}
        if level == len(levels) == len(truth):
            roles = dict(zip(outputs, graph.outputs or (), strict=True))
        for index, slot in enumerate(slots):
            if slot is None:
                networks *= spec.n_choices(level - 1)
                continue
            networks *= 2 ** (2**spec.arity - 2 ** len(slot.reads)) if spec.own else 1
            equal = [i for i, table in enumerate(known) if slot.table in (table, table ^ ones)]
            free = [i for i in equal if i not in roles.values()] or equal
            default = index if index in equal else free[0] if free else None
            role = roles.setdefault(index, default)
            reads = tuple(below.get(source) for source in slot.reads)
            node = None if role is None else graph.levels[level - 1][role]
            if (
                role is None
                or node is None
                or None in reads
                or Counter(reads) != Counter(node.inputs)
            ):
                other.append((level, index))
                continue
            if slot.table != known[role]:
                negated.append((level, index))
            if role != index:
                renamed.append((level, index, role))
            if reads != node.inputs:
                swapped.append((level, index))
            if slot.module is not None and slot.module != graph.selection[level - 1][role]:
                modules.add((graph.selection[level - 1][role], slot.module))
        below = roles
    return Solution(
        gates=tuple(
            tuple(
                None if slot is None else name_of_gate(slot.gate, len(slot.reads)) for slot in slots
            )
            for slots in levels
        ),
        modules=None if pool is None else tuple(name_of_gate(gate, spec.arity) for gate in pool),
        routing=tuple(tuple(slot and slot.reads for slot in slots) for slots in levels),
        selection=pool and tuple(tuple(slot and slot.module for slot in slots) for slots in levels),
        outputs=outputs,
        negated=tuple(negated),
        renamed=tuple(renamed),
        swapped=tuple(swapped),
        modules_renamed=tuple(sorted(modules)),
        other=tuple(other),
        networks=networks,
    )


def name_of_gate(gate: int, n_inputs: int) -> str:
    """The name of a gate of two inputs, of others its truth table."""
    table = tuple(gate >> row & 1 for row in range(2**n_inputs))
    return NAMES.get(table) or "".join(map(str, table))
