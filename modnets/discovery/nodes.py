"""Sub-functions as nodes that read other nodes, and the function graph that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from modnets.tasks.gate_names import name_of
from modnets.tasks.gates import Gate, SubFunction
from modnets.tasks.graphs import FunctionGraph

#: The table of a gate that hands on its only input.
COPY = (0, 1)


@dataclass(frozen=True)
class Node:
    """An input, or a sub-function of other nodes.

    Parameters
    ----------
    sources : tuple of Node
        What it reads; empty for an input.
    table : tuple of {0, 1}
        Its output for each combination of sources, in lexicographic order; empty for an input.
    place : int
        Of an input, its index.
    """

    sources: tuple[Node, ...] = ()
    table: tuple[int, ...] = ()
    place: int = -1

    @cached_property
    def depth(self) -> int:
        """Levels up to here; 0 for an input."""
        return 1 + max(source.depth for source in self.sources) if self.sources else 0

    @cached_property
    def _hash(self) -> int:
        return hash((self.sources, self.table, self.place))

    def __hash__(self) -> int:
        return self._hash


#: Nodes of the outputs of a circuit.
Outputs = tuple[Node, ...]
#: What a node reads, whatever its gates: an input's index, or the set of its sources' wirings.
Wiring = Any


def inputs(n_inputs: int) -> list[Node]:
    """The inputs of a task."""
    return [Node(place=place) for place in range(n_inputs)]


def all_nodes(outputs: Sequence[Node]) -> list[Node]:
    """All nodes below outputs and these, each once, sources before their readers."""
    found: dict[Node, None] = {}

    def add(node: Node) -> None:
        if node not in found:
            for source in node.sources:
                add(source)
            found[node] = None

    for node in outputs:
        add(node)
    return list(found)


class Layout:
    """Nodes in levels, with copies where one reads over more than a level.

    Parameters
    ----------
    outputs : sequence of Node

    Attributes
    ----------
    slots : list of list of (tuple of int, table)
        By level: what each slot reads in the level below, and its table.
    ends : list of int
        The slots of the last level that are outputs.
    """

    def __init__(self, outputs: Sequence[Node]) -> None:
        alike = len(set(outputs)) < len(outputs)  # a level of copies tells them apart
        depth = max(1, *(node.depth for node in outputs)) + alike
        self.slots: list[list[tuple[tuple[int, ...], tuple[int, ...]]]] = [[] for _ in range(depth)]
        self._places: list[dict[Any, int]] = [{} for _ in range(depth)]
        self.ends = [
            self._place(node, depth, number if alike else None)
            for number, node in enumerate(outputs)
        ]

    def _place(self, node: Node, level: int, apart: int | None = None) -> int:
        """The slot of a level, 0 for the inputs, that holds a node."""
        if level == 0:
            return node.place
        places, key = self._places[level - 1], (node, apart)
        if key not in places:
            if node.depth == level:
                reads = tuple(self._place(source, level - 1) for source in node.sources)
                filled = reads, node.table
            else:
                filled = (self._place(node, level - 1),), COPY
            places[key] = len(self.slots[level - 1])
            self.slots[level - 1].append(filled)
        return places[key]


def laid_out(outputs: Sequence[Node]) -> tuple[list[list[tuple[int, ...]]], list[int]]:
    """What the slots of each level read, and which of the last level are outputs."""
    layout = Layout(outputs)
    return [[reads for reads, _ in level] for level in layout.slots], layout.ends


def graph_of(outputs: Sequence[Node], n_inputs: int, name: str) -> FunctionGraph:
    """The function graph of output nodes, the slots of a level in the order of what they read."""
    layout = Layout(outputs)
    levels, moved = [], list(range(n_inputs))
    for level in layout.slots:
        slots = [_in_order(tuple(moved[place] for place in reads), t) for reads, t in level]
        order = sorted(range(len(slots)), key=slots.__getitem__)
        moved = [order.index(place) for place in range(len(slots))]
        ordered = [slots[place] for place in order]
        levels.append([SubFunction(Gate(name_of(table), table), reads) for reads, table in ordered])
    return FunctionGraph(n_inputs, levels, outputs=[moved[end] for end in layout.ends], name=name)


def _in_order(
    reads: tuple[int, ...], table: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The same sub-function with its sources in ascending order."""
    order = sorted(range(len(reads)), key=reads.__getitem__)
    cube = np.array(table).reshape((2,) * len(reads)).transpose(order)
    return tuple(reads[place] for place in order), tuple(cube.ravel().tolist())


def nodes_of(graph: FunctionGraph) -> Outputs:
    """The nodes of a graph's outputs, without copies."""
    below: list[Node] = inputs(graph.n_inputs)
    for level in graph.levels:
        below = [
            below[one.inputs[0]]
            if one.gate.table == COPY
            else Node(tuple(below[source] for source in one.inputs), one.gate.table)
            for one in level
        ]
    return tuple(below[place] for place in graph.outputs)


def wiring_of(node: Node) -> Wiring:
    """What a node reads, whatever its gates, the order of its sources and the names of slots."""
    return frozenset(map(wiring_of, node.sources)) if node.sources else node.place


def edges_of(outputs: Sequence[Node]) -> set[tuple[Wiring, Wiring]]:
    """The edges of a circuit, as (wiring of source, wiring of reader).

    The reader of an output's node is ``"y0"``, ``"y1"``, ...
    """
    known = {node: wiring_of(node) for node in all_nodes(outputs)}
    found = {(known[node], f"y{number}") for number, node in enumerate(outputs)}
    return found | {(known[source], known[node]) for node in known for source in node.sources}


def in_words(wiring: Wiring) -> str:
    """A wiring as text, as ``((x0 x1)(x2 x3))``."""
    if not isinstance(wiring, frozenset):
        return wiring if isinstance(wiring, str) else f"x{wiring}"
    plain = sorted(one for one in wiring if not isinstance(one, frozenset))
    inner = sorted(in_words(one) for one in wiring if isinstance(one, frozenset))
    return f"({' '.join([*(f'x{one}' for one in plain), *inner])})"


def values_of(outputs: Sequence[Node], x: np.ndarray) -> np.ndarray:
    """The bits of output nodes for rows {0, 1} of shape (row, input), shape (row, output)."""
    known: dict[Node, np.ndarray] = {}
    for node in all_nodes(outputs):
        if not node.sources:
            known[node] = np.asarray(x[:, node.place], int)
            continue
        index = known[node.sources[0]]
        for source in node.sources[1:]:
            index = 2 * index + known[source]
        known[node] = np.array(node.table)[index]
    return np.stack([known[node] for node in outputs], axis=1)
