"""By which symmetries a network that computes a graph exactly differs from the graph itself."""

from __future__ import annotations

from dataclasses import dataclass

from modnets.analysis.version_space.bitsets import pack
from modnets.analysis.version_space.enumeration import everywhere
from modnets.analysis.version_space.solutions import Builder, Levels, as_numbers, reaching
from modnets.analysis.version_space.spec import NetworkSpec
from modnets.tasks.gates import TWO_INPUT_GATES
from modnets.tasks.graphs import FunctionGraph

Place = tuple[int, int]  # level, counted from 1, and slot
NAMES = {table: name for name, table in TWO_INPUT_GATES.items()}


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
        As :class:`~modnets.ModularNetwork` takes them; None where ``gates`` has None.
    negated : tuple of (level, slot)
        Inner slots that say the opposite of what the graph's slot says; levels count from 1.
    renamed : tuple of (level, slot, slot of the graph)
        Slots that say what another one says in the graph.
    swapped : tuple of (level, slot)
        Slots that read the same as in the graph in another order.
    modules_renamed : tuple of (module of the graph, module)
        Modules that stand where another one does in the graph.
    other : tuple of (level, slot)
        Slots that say, even up to negation, what no slot of the graph says, or that read something
        else: with such the network is none of the graph's mirror images.
    networks : int
        Labelled networks that it stands for: more than 1 where slots may be anything.
    """

    gates: tuple[tuple[str | None, ...], ...]
    modules: tuple[str, ...] | None
    routing: tuple
    selection: tuple | None
    outputs: tuple[int, ...]
    negated: tuple[Place, ...]
    renamed: tuple[tuple[int, int, int], ...]
    swapped: tuple[Place, ...]
    modules_renamed: tuple[tuple[int, int], ...]
    other: tuple[Place, ...]
    networks: int


def solutions_of(
    structure: NetworkSpec, graph: FunctionGraph, levels: list, goal: list[int]
) -> list[Solution]:
    """Every network that computes the graph.

    Parameters
    ----------
    levels : list of States
        What :func:`~modnets.analysis.version_space.enumeration.enumerate_levels` gives.
    goal : sequence of int
        States of the last level that are the graph.
    """
    build = Builder(structure, graph, reaching(structure, levels, goal))
    truth = [as_numbers(pack(level)) for level in graph.values(graph.rows())]
    return [
        _described(structure, graph, truth, pool, slots, outputs)
        for pool, slots, outputs in (build.networks() if len(goal) else ())
    ]


def _described(
    structure: NetworkSpec,
    graph: FunctionGraph,
    truth: list[list[int]],
    pool: tuple[int, ...] | None,
    levels: Levels,
    outputs: tuple[int, ...],
) -> Solution:
    """A network with the symmetries by which it differs."""
    ones = as_numbers(everywhere(structure.n_inputs)[None])[0]
    says: list[dict[int, int | None]] = [{place: place for place in range(structure.n_inputs)}]
    found: dict[str, list] = {n: [] for n in ("negated", "renamed", "swapped", "other")}
    modules, networks = set(), 1
    for number, slots in enumerate(levels, start=1):
        known, stands = truth[number - 1] if number <= len(truth) else [], {}
        if number == len(levels) == len(truth):
            stands = dict(zip(outputs, graph.outputs, strict=True))
        for slot, own in enumerate(slots):
            if own is None:
                networks *= structure.n_choices(number - 1)
                continue
            networks *= 2 ** (2**structure.arity - 2 ** len(own.reads)) if structure.own else 1
            like = [i for i, s in enumerate(known) if own.signal in (s, s ^ ones)]
            free = [i for i in like if i not in stands.values()] or like
            place = stands.setdefault(slot, slot if slot in like else free[0] if free else None)
            node = None if place is None else graph.levels[number - 1][place]
            read = tuple(says[-1].get(source) for source in own.reads)
            if node is None or None in read or sorted(read) != sorted(node.inputs):
                found["other"].append((number, slot))
                continue
            if own.signal != known[place]:
                found["negated"].append((number, slot))
            if place != slot:
                found["renamed"].append((number, slot, place))
            if read != node.inputs:
                found["swapped"].append((number, slot))
            if own.module is not None and own.module != graph.selection[number - 1][place]:
                modules.add((graph.selection[number - 1][place], own.module))
        says.append(stands)
    names = {n: tuple(places) for n, places in found.items()}
    return Solution(
        gates=tuple(tuple(s and name_of_gate(s.gate, len(s.reads)) for s in of) for of in levels),
        modules=pool and tuple(name_of_gate(gate, structure.arity) for gate in pool),
        routing=tuple(tuple(s and s.reads for s in of) for of in levels),
        selection=pool and tuple(tuple(s and s.module for s in of) for of in levels),
        outputs=outputs,
        modules_renamed=tuple(sorted(modules)),
        networks=networks,
        **names,
    )


def name_of_gate(gate: int, n_inputs: int) -> str:
    """Its name, or of other than two inputs its table."""
    table = tuple(gate >> row & 1 for row in range(2**n_inputs))
    return NAMES.get(table) or "".join(map(str, table))
