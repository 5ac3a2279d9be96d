"""Sub-functions joined with the only one that reads them, where that is simpler to tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from modnets.discovery.nodes import Node, Outputs, all_nodes, values_of
from modnets.tasks.gates import all_rows


def joined(outputs: Outputs, most_inputs: int, score: Callable[[Outputs], float]) -> Outputs:
    """Join one node after the other with its only reader, and stop where the score is highest.

    An XOR of an XOR becomes an XOR of three: what a table cannot tell apart, in its simplest form.

    Parameters
    ----------
    outputs : tuple of Node
    most_inputs : int
        Of a node.
    score : callable
        Of outputs, to be made larger.
    """
    best, most = outputs, score(outputs)
    now = outputs
    while ways := [(score(way), number, way) for number, way in enumerate(_ways(now, most_inputs))]:
        reached, _, now = max(ways, key=lambda one: one[:2])
        if reached > most:
            best, most = now, reached
    return best


def _ways(outputs: Outputs, most_inputs: int) -> Iterator[Outputs]:
    readers = Counter(source for node in all_nodes(outputs) for source in node.sources)
    readers.update(outputs)
    for reader in all_nodes(outputs):
        for inner in reader.sources:
            if inner.sources and readers[inner] == 1:
                larger = _together(reader, inner)
                if len(larger.sources) <= most_inputs:
                    yield tuple(_replaced(node, reader, larger) for node in outputs)


def _together(reader: Node, inner: Node) -> Node:
    """A reader that reads the sources of a node in place of the node."""
    sources = list(dict.fromkeys(
        one for source in reader.sources
        for one in (inner.sources if source is inner or source == inner else (source,))
    ))  # fmt: skip
    stand_ins = {source: Node(place=place) for place, source in enumerate(sources)}
    leaf = Node(tuple(stand_ins[one] for one in inner.sources), inner.table)
    whole = Node(
        tuple(leaf if one == inner else stand_ins[one] for one in reader.sources), reader.table
    )
    table = values_of([whole], all_rows(len(sources)).astype(int))[:, 0]
    return Node(tuple(sources), tuple(np.asarray(table, int).tolist()))


def _replaced(node: Node, old: Node, new: Node) -> Node:
    if node == old:
        return new
    sources = tuple(_replaced(source, old, new) for source in node.sources)
    return Node(sources, node.table, node.place) if sources != node.sources else node
