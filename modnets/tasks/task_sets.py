"""Several tasks of the same inputs, learned at once: the task id of a row says which one it is of.

A network of slots serves all of them.  A level has as many slots for a gate as the task that needs
most of them, so that the module of a slot can be the same for all tasks; what a slot reads, which
slots are the outputs and, where selection is learned, which module fills a slot differ from task to
task.  A slot that a task does not need reads nothing there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from modnets.checked import check_fields
from modnets.errors import require
from modnets.tasks.gates import Gate
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.task import Routing, Selection, Task

GateTable = tuple[int, ...]


@dataclass(frozen=True)
class TaskSet(Task):
    """Tasks that are learned at once by one network.

    A row is the input bits, then the one-hot task id.  Rows are ordered task by task.

    Parameters
    ----------
    graphs : sequence of FunctionGraph
        At least two, with the same numbers of inputs and outputs.
    name : str, optional
        By default the widths and the number of tasks, as in ``"6-5-2-2, 2 tasks"``.

    Raises
    ------
    ValueError
        If there are fewer than two, or they have different inputs or outputs.

    Examples
    --------
    >>> graphs = [FunctionGraph(4, [[f"{gate} 0 1", "XOR 2 3"]]) for gate in ("XOR", "AND")]
    >>> both = TaskSet(graphs)
    >>> both.name, both.n_inputs, both.slots
    ('4-3-2, 2 tasks', 6, (3,))
    """

    if TYPE_CHECKING:  # the fields as __post_init__ leaves them
        graphs: tuple[FunctionGraph, ...]
        name: str

        def __init__(self, graphs: Sequence[FunctionGraph], name: str | None = None) -> None: ...
    else:
        graphs: tuple[FunctionGraph, ...]
        name: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "graphs", "name")
        require(len(self.graphs) > 1, f"{len(self.graphs)} tasks in a set; allowed are 2 or more")
        ends = [(graph.n_inputs, graph.n_outputs) for graph in self.graphs]
        require(
            len(set(ends)) == 1 and self.graphs[0].enumerable,
            f"tasks of {ends} inputs and outputs; allowed are tasks of the same, up to 20 inputs",
        )
        if self.name is None:
            object.__setattr__(self, "name", f"{self.width_name}, {self.n_tasks} tasks")

    @property
    def n_tasks(self) -> int:
        """Number of tasks."""
        return len(self.graphs)

    @property
    def n_sources(self) -> int:
        """Number of input bits, without the task id."""
        return self.graphs[0].n_inputs

    @property
    def n_inputs(self) -> int:
        """Number of input bits, and of those of the one-hot task id."""
        return self.n_sources + self.n_tasks

    @property
    def n_outputs(self) -> int:
        """Number of output bits of each task."""
        return self.graphs[0].n_outputs

    @property
    def n_rows(self) -> int:
        """Number of rows of the truth table of one task."""
        return self.graphs[0].n_rows

    @property
    def n_counted(self) -> int:
        """Number of rows of each task that its split divides: that of the task with the fewest."""
        return min(graph.n_counted for graph in self.graphs)

    @property
    def has_dont_cares(self) -> bool:
        """Whether some outputs of a task are don't-cares."""
        return any(graph.has_dont_cares for graph in self.graphs)

    @property
    def input_labels(self) -> tuple[str, ...]:
        """The names of its inputs, where all tasks have the same."""
        return self._labels("input_labels", super().input_labels)

    @property
    def output_labels(self) -> tuple[str, ...]:
        """The names of its outputs, where all tasks have the same."""
        return self._labels("output_labels", super().output_labels)

    def _labels(self, kind: str, default: tuple[str, ...]) -> tuple[str, ...]:
        names = {getattr(graph, kind) for graph in self.graphs}
        return names.pop() if len(names) == 1 else default

    @property
    def enumerable(self) -> bool:
        """True: every row of every task is evaluated."""
        return True

    @property
    def has_structure(self) -> bool:
        """Whether the structure of every task is known."""
        return all(graph.has_structure for graph in self.graphs)

    @property
    def fan_in(self) -> int:
        """The most inputs that a sub-function reads."""
        return max(graph.fan_in for graph in self.graphs)

    @cached_property
    def _gates(self) -> tuple[tuple[Gate, ...], ...]:
        """The gate of each slot, [level][slot]."""
        levels = []
        for depth in range(max(len(graph.levels) for graph in self.graphs)):
            needed: dict[GateTable, tuple[Gate, int]] = {}
            for graph in self.graphs:
                nodes = graph.levels[depth] if depth < len(graph.levels) else ()
                gates = [node.gate for node in nodes]
                for gate in gates:
                    count = sum(other.table == gate.table for other in gates)
                    _, before = needed.get(gate.table, (gate, 0))
                    needed[gate.table] = gate, max(before, count)
            levels.append(tuple(gate for gate, count in needed.values() for _ in range(count)))
        return tuple(levels)

    @property
    def slots(self) -> tuple[int, ...]:
        """Number of slots in each level, enough for every task."""
        return tuple(map(len, self._gates)) if self.has_structure else ()

    @property
    def widths(self) -> tuple[int, ...]:
        """Inputs, slots in each level, outputs."""
        return (self.n_sources, *self.slots, self.n_outputs)

    def _slots_of(self, task: int) -> list[list[int]]:
        """The slot of each sub-function of a task, [level][node]."""
        slots = []
        for gates, level in zip(self._gates, self.graphs[task].levels, strict=False):
            free: dict[GateTable, list[int]] = {}
            for slot, gate in enumerate(gates):
                free.setdefault(gate.table, []).append(slot)
            slots.append([free[node.gate.table].pop(0) for node in level])
        return slots

    @cached_property
    def routing(self) -> tuple[Routing, ...]:
        """The true routing of each task, [task][level][slot] -> indices into the level below."""
        return tuple(self._routing(task) for task in range(self.n_tasks))

    def _routing(self, task: int) -> Routing:
        levels: list[list[tuple[int, ...]]] = [[()] * width for width in self.slots]
        below = list(range(self.n_sources))
        for level, slots, nodes in zip(
            levels, self._slots_of(task), self.graphs[task].levels, strict=False
        ):
            for slot, node in zip(slots, nodes, strict=True):
                level[slot] = tuple(below[source] for source in node.inputs)
            below = slots
        return tuple(map(tuple, levels))

    @cached_property
    def modules(self) -> tuple[Gate, ...]:
        """The distinct gates of all tasks: the true pool of shared modules."""
        pool = {gate.table: gate for gates in self._gates for gate in gates}
        return tuple(pool.values())

    @property
    def selection(self) -> tuple[Selection, ...]:
        """The true selection of each task, [task][level][slot] -> index into :attr:`modules`."""
        index = {module.table: number for number, module in enumerate(self.modules)}
        levels = tuple(tuple(index[gate.table] for gate in level) for level in self._gates)
        return (levels,) * self.n_tasks

    def places_of_outputs(self, every_level: bool = False) -> tuple[tuple[int, ...], ...]:
        """The slots that are the outputs, [task][output].

        Parameters
        ----------
        every_level : bool
            Give indices into the slots of all levels; else into those of the last level.

        Raises
        ------
        ValueError
            If a task has fewer levels, and outputs are read from the last one only.
        """
        outputs = []
        for task, graph in enumerate(self.graphs):
            depth = len(graph.levels)
            require(
                every_level or depth == len(self.slots),
                f"output_levels='last': a task of {self.name} has {depth} levels of "
                f"{len(self.slots)}; allowed is 'every'",
            )
            before = sum(self.slots[: depth - 1]) if every_level else 0
            slots = self._slots_of(task)[-1]
            outputs.append(tuple(before + slots[output] for output in graph.outputs))
        return tuple(outputs)

    def rows(self, index: np.ndarray | None = None) -> np.ndarray:
        """Rows by index: input bits, then the one-hot task id; see Task."""
        index = np.arange(self.n_tasks * self.n_rows) if index is None else np.asarray(index)
        task, row = np.divmod(index, self.n_rows)
        ids = np.eye(self.n_tasks, dtype=np.uint8)[task]
        return np.concatenate([self.graphs[0].rows(row), ids], axis=1)

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """The outputs of the task that each row is of; see Task."""
        bits, task = x[:, : self.n_sources], np.asarray(x)[:, self.n_sources :].argmax(axis=1)
        every = np.stack([graph.evaluate(bits) for graph in self.graphs])
        return every[task, np.arange(len(task))]

    def truth_table(self) -> np.ndarray:
        """The outputs for all rows of all tasks, task by task; see Task."""
        return np.concatenate([graph.truth_table() for graph in self.graphs])

    def to_dict(self) -> dict[str, Any]:
        """See Task."""
        return {"name": self.name, "tasks": [graph.to_dict() for graph in self.graphs]}

    @classmethod
    def from_dict(cls, spec: Mapping[str, Any]) -> TaskSet:
        """The set from the values of ``to_dict``."""
        return cls(tuple(map(FunctionGraph.from_dict, spec["tasks"])), name=spec["name"])

    def __str__(self) -> str:
        return str(self.name)
