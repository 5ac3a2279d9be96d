"""Annotations of a modular network's diagram: the gate of each slot, and which edges are true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from modnets.models.gate_fits import fit_gates_of_runs, inputs_met
from modnets.models.modular import ModularNetwork
from modnets.models.recovery import match, nodes_of, true_edges
from modnets.models.structures import parameters_of, structures
from modnets.tasks.gates import bits_of, drawn_bits
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.splits import MAX_INDEX
from modnets.tasks.task import Task
from modnets.tasks.task_sets import TaskSet
from modnets.visuals.diagrams.usage import Used

#: Gates as formulas: a is the input at the left, b the next one.
FORMULAS = {"FALSE": "=0", "TRUE": "=1", "NIMPLY": "a∧¬b", "CNIMPLY": "¬a∧b", "OTHER": "other"}
FORMULAS |= {"NOT_A": "=¬a", "NOT_B": "=¬b", "IMPLY": "¬a∨b", "CIMPLY": "a∨¬b"}
#: Below this clarity a gate is drawn with a question mark.
CLEAR = 0.5
#: Of a larger truth table a random sample of so many rows is enough to fit a gate.
MAX_ROWS = 4096


@dataclass(frozen=True)
class Findings:
    """What a network has learned of its task, as drawn in its diagram.

    Parameters
    ----------
    gates : list, [level][slot] -> text in it; empty where no gate is fitted
    edges : list, optional, [row above the inputs][node] -> for each of its inputs whether that is
        an edge of the task's graph.  The last row is the outputs.  None where the graph is not
        known.
    """

    gates: list[list[str]]
    edges: list[list[tuple[bool, ...]]] | None

    @classmethod
    def of(cls, network: ModularNetwork, graph: Task, task: int, used: Used) -> Findings:
        """The annotations of a network for one task; empty for networks with images.

        Parameters
        ----------
        network : ModularNetwork
        graph : Task
        task : int
        used : [level][slot] -> whether some path to an output uses it
            For others no gate is fitted.
        """
        if network.image_level is not None:
            return cls([[""] * n_slots for n_slots in network.slots], None)
        parameters = parameters_of(network)
        learned = structures(network, parameters)
        levels = fit_gates_of_runs(network, parameters, learned, _rows(graph), task)
        gates = [
            [
                word_for(name, clarity) if use else ""
                for name, clarity, use in zip(
                    level.names[0], level.clarity[0] * level.faithful[0], in_use, strict=True
                )
            ]
            for level, in_use in zip(levels, used, strict=True)
        ]
        of_task = graph.graphs[task] if isinstance(graph, TaskSet) else graph
        if not of_task.has_structure:
            return cls(gates, None)
        function_graph = cast("FunctionGraph", of_task)
        slots, _ = match(function_graph, learned, task)
        nodes = nodes_of([level[0] for level in slots], network.slots)
        return cls(gates, true_edges(function_graph, learned, task, nodes))


def word_for(name: str, clarity: float) -> str:
    """A gate as text in a slot.

    Parameters
    ----------
    name : str
        As :class:`~modnets.models.gate_fits.GateFit` has it.
    clarity : float, in [0, 1]

    Examples
    --------
    >>> word_for("XOR", 1.0), word_for("AND", 0.2), word_for("A", 0.9), word_for("NIMPLY", 0.9)
    ('XOR', 'AND?', '=a', 'a∧¬b')
    """
    word = f"={name.lower()}" if len(name) == 1 else FORMULAS.get(name, name)
    return word if clarity >= CLEAR else f"{word}?"


def lines_of(
    findings: Findings, modules: Sequence[Sequence[str]], compact: bool
) -> list[list[list[str]]]:
    """The lines in each slot: the gate, and unless compact the module that fills it."""
    return [
        [
            [text for text in (gate, "" if compact else module) if text]
            for gate, module in zip(*level, strict=True)
        ]
        for level in zip(findings.gates, modules, strict=True)
    ]


def _rows(graph: Task) -> np.ndarray:
    """Rows of the truth table, shape (row, input), all inputs 0 first."""
    if 2**graph.n_sources <= MAX_ROWS:
        return inputs_met(graph)
    total = min(2**graph.n_sources, MAX_INDEX)
    index = np.random.default_rng(0).integers(1, total, MAX_ROWS - 1)
    index = np.concatenate([[0], index])
    if graph.n_sources < MAX_INDEX.bit_length():
        return bits_of(index, graph.n_sources)
    rows = drawn_bits(index, graph.n_sources)
    rows[0] = 0
    return rows
