"""The named graphs, sets of tasks and data sets.

Graphs and sets of tasks are those of "How Can Knowledge of a Task's Modular Structure Improve
Generalization and Training Efficiency?" (TMLR 2025): depths 1, 2 and 3, a control without
structure, and two sets of tasks that are learned at once.
"""

from __future__ import annotations

import numpy as np

from modnets.checked import checked
from modnets.errors import one_of
from modnets.tasks.data_sets import DATA_SETS, named_data_set
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.task import Task
from modnets.tasks.task_sets import TaskSet


def _control() -> FunctionGraph:
    """Two published random functions without structure; row 0 is the most significant bit."""
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


def _tasks() -> tuple[FunctionGraph, ...]:
    """The three tasks of the sets, which share a level of ANDs and differ in what they read."""
    one = [["OR 0 2", "OR 3 4", "OR 1 5"], ["AND 0 1", "AND 2 1"]]
    two = [["OR 0 2", "XOR 4 5", "XOR 0 1", "OR 3 4"], ["AND 0 1", "AND 2 3"]]
    return (
        GRAPHS["6-3-2-2"],
        FunctionGraph(6, one, name="6-3-2-2 of ORs"),
        FunctionGraph(6, two, name="6-4-2-2 of ORs and XORs"),
    )


#: The named sets of tasks, of two and of three.
TASK_SETS: dict[str, TaskSet] = {
    "two tasks": TaskSet((_tasks()[0], _tasks()[2]), name="two tasks"),
    "three tasks": TaskSet(_tasks(), name="three tasks"),
}


@checked
def get_graph(graph: str | Task) -> Task:
    """A task by its name in ``GRAPHS``, ``TASK_SETS`` or ``DATA_SETS``; a task itself as it is.

    Raises
    ------
    ValueError
        If the name is unknown.
    """
    if isinstance(graph, Task):
        return graph
    named = GRAPHS | TASK_SETS
    if graph in named:
        return named[graph]
    samples = named_data_set(graph)
    if samples is None:
        one_of("graph", graph, [*named, *DATA_SETS])
    assert samples is not None
    return samples
