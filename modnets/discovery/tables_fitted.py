"""Gates read anew from the training rows, given what each sub-function reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.discovery.evidence import Rows
from modnets.discovery.nodes import Node, Outputs, all_nodes

#: Times that all tables are gone over, at most.
PASSES = 4


def fitted(outputs: Outputs, rows: Rows) -> Outputs:
    """The same wiring with tables that leave as few training errors, or fewer.

    One table after the other, from the outputs down, becomes the best one given all others: a row
    asks for the bit of its entry with which its outputs are right.
    """
    circuit = _Circuit(outputs, rows)
    least = circuit.errors()
    for _ in range(PASSES):
        if not least:
            break
        before = least
        for at in reversed(circuit.inner):
            circuit.improve(at)
        least = circuit.errors()
        if least == before:
            break
    return circuit.outputs()


class _Circuit:
    """Nodes in order with tables that change, and their bits on the training rows."""

    def __init__(self, outputs: Outputs, rows: Rows) -> None:
        self.rows, self.order = rows, all_nodes(outputs)
        index = {node: at for at, node in enumerate(self.order)}
        self.reads = [[index[source] for source in node.sources] for node in self.order]
        self.tables = [np.array(node.table, int) for node in self.order]
        self.inner = [at for at, node in enumerate(self.order) if node.sources]
        self.ends = [index[node] for node in outputs]
        leaves = [rows.x[:, node.place] for node in self.order]
        self.values: list[np.ndarray] = leaves  # those of inner nodes are replaced
        self._upward(self.inner)

    def _corners(self, at: int) -> np.ndarray:
        """The entry of a node's table that each row asks for."""
        corner = self.values[self.reads[at][0]]
        for source in self.reads[at][1:]:
            corner = 2 * corner + self.values[source]
        return corner

    def _upward(self, nodes: Sequence[int]) -> None:
        for at in nodes:
            self.values[at] = self.tables[at][self._corners(at)]

    def wrong(self) -> np.ndarray:
        """Wrong outputs of each row."""
        found = np.stack([self.values[end] for end in self.ends], axis=1)
        return ((found != self.rows.y) & self.rows.counted).sum(axis=1)

    def errors(self) -> int:
        """Wrong outputs of all rows."""
        return int(self.wrong().sum())

    def improve(self, at: int) -> None:
        """Give a node the best table, given all others; entries that do not matter stay."""
        corner, size = self._corners(at), len(self.tables[at])
        above = [one for one in self.inner if one > at]
        errors = []
        for bit in (0, 1):
            self.values[at] = np.full(len(corner), bit)
            self._upward(above)
            errors.append(np.bincount(corner, self.wrong(), size))
        low, high = errors
        table = self.tables[at]
        self.tables[at] = np.where(low < high, 0, np.where(high < low, 1, table))
        self._upward([at, *above])

    def outputs(self) -> Outputs:
        """The nodes of the outputs as they are now."""
        made: list[Node] = []
        for node, sources, table in zip(self.order, self.reads, self.tables, strict=True):
            read = tuple(made[at] for at in sources)
            made.append(Node(read, tuple(table.tolist())) if read else node)
        return tuple(made[end] for end in self.ends)
