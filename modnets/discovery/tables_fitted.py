"""Gates read anew from the training rows, given what each sub-function reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.discovery.evidence import Rows
from modnets.discovery.nodes import Node, Outputs, all_nodes

#: Times that all entries of all tables are gone over, at most.
PASSES = 3


def fitted(outputs: Outputs, rows: Rows) -> Outputs:
    """The same wiring with tables that leave fewer training errors, or none.

    One entry of one table after the other is turned over where that leaves fewer errors.
    """
    order = all_nodes(outputs)
    index = {node: at for at, node in enumerate(order)}
    reads = [[index[source] for source in node.sources] for node in order]
    tables = [np.array(node.table) for node in order]
    ends = [index[node] for node in outputs]
    values = [rows.x[:, node.place] for node in order]  # those of inner nodes are replaced
    inner = [at for at, node in enumerate(order) if node.sources]

    def errors() -> int:
        for at in inner:
            corner = values[reads[at][0]]
            for source in reads[at][1:]:
                corner = 2 * corner + values[source]
            values[at] = tables[at][corner]
        wrong = [
            np.count_nonzero((values[end] != rows.y[:, o]) & rows.counted[:, o])
            for o, end in enumerate(ends)
        ]
        return int(sum(wrong))

    least = errors()
    for _ in range(PASSES):
        before = least
        for at in inner:
            for entry in range(len(tables[at])):
                if not least:
                    return _rebuilt(order, reads, tables, ends)
                tables[at][entry] ^= 1
                now = errors()
                if now < least:
                    least = now
                else:
                    tables[at][entry] ^= 1
        if least == before:
            break
    return _rebuilt(order, reads, tables, ends)


def _rebuilt(
    order: Sequence[Node],
    reads: Sequence[Sequence[int]],
    tables: Sequence[np.ndarray],
    ends: Sequence[int],
) -> Outputs:
    made: list[Node] = []
    for node, sources, table in zip(order, reads, tables, strict=True):
        read = tuple(made[at] for at in sources)
        made.append(Node(read, tuple(table.tolist())) if read else node)
    return tuple(made[end] for end in ends)
