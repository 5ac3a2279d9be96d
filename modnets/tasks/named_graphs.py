"""The graphs that have a name.

They are those of "How Can Knowledge of a Task's Modular Structure Improve Generalization and
Training Efficiency?" (TMLR 2025): depths 1, 2 and 3, and a control without structure.
"""

from __future__ import annotations

import numpy as np

from modnets.errors import one_of
from modnets.tasks.graphs import FunctionGraph


def _control() -> FunctionGraph:
    """Two random functions without structure, as published; first row in the highest bit."""
    outputs = (0x4F562F00AECBC2DF, 0x6FE4167AB65F5E9A)
    table = [[y >> (63 - row) & 1 for y in outputs] for row in range(64)]
    return FunctionGraph.from_table(np.array(table))


#: The named graphs.  Add your own: ``GRAPHS["mine"] = FunctionGraph(4, [["XOR 0 1", ...], ...])``.
GRAPHS: dict[str, FunctionGraph] = {
    "6-2-2": FunctionGraph(6, [["XOR 0 1", "XOR 2 3"]]),
    "6-3-2-2": FunctionGraph(6, [["XOR 0 1", "XOR 2 3", "XOR 4 5"], ["AND 0 1", "AND 1 2"]]),
    "6-3-3-2-2": FunctionGraph(
        6,
        [
            ["XOR 0 1", "XOR 2 3", "XOR 4 5"],
            ["AND 0 1", "AND 1 2", "AND 0 2"],
            ["OR 0 2", "OR 1 2"],
        ],
    ),
    "6-2": _control(),
}


def get_graph(graph: str | FunctionGraph) -> FunctionGraph:
    """A graph by its name in ``GRAPHS``; a graph itself is handed back.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if isinstance(graph, FunctionGraph):
        return graph
    one_of("graph", graph, GRAPHS)
    return GRAPHS[graph]
