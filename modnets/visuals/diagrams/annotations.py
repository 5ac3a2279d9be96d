"""What a modular network has found of its task, in the words of a diagram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modnets.models.gate_fits import fit_gates_of_runs, inputs_met
from modnets.models.modular import ModularNetwork
from modnets.models.recovery import match, nodes_of, true_edges
from modnets.models.structures import parameters_of, structures
from modnets.tasks.gates import bits_of
from modnets.tasks.task import Task
from modnets.visuals.diagrams.usage import Used

#: Gates as formulas: a is what is read at the left place, b at the next.
WORDS = {"FALSE": "=0", "TRUE": "=1", "NIMPLY": "a∧¬b", "CNIMPLY": "¬a∧b", "OTHER": "other"}
WORDS |= {"NOT_A": "=¬a", "NOT_B": "=¬b", "IMPLY": "¬a∨b", "CIMPLY": "a∨¬b"}
#: Below it a gate is not clear-cut, and is drawn with a question mark.
CLEAR = 0.5
#: Of a larger truth table so many rows, drawn at random, are enough to read a gate.
MAX_ROWS = 4096


@dataclass(frozen=True)
class Findings:
    """What a diagram tells of a network beside its task.

    Parameters
    ----------
    gates : list, [level][slot] -> what is written in it; nothing where no gate is read
    edges : list, optional, [row above the inputs][node] -> for each place that it reads: whether
        that is an edge of the task's graph.  The last row is the outputs.  None where the graph
        is not known.
    """

    gates: list[list[str]]
    edges: list[list[tuple[bool, ...]]] | None

    @classmethod
    def of(cls, network: ModularNetwork, graph: Task, task: int, used: Used) -> Findings:
        """What a network has found of one task; of what looks at images nothing is read.

        Parameters
        ----------
        network : ModularNetwork
        graph : Task
        task : int
        used : [level][slot] -> whether some path to an output uses it
            Of others no gate is read.
        """
        if network.image_level is not None:
            return cls([[""] * n_slots for n_slots in network.slots], None)
        parameters = parameters_of(network)
        found = structures(network, parameters)
        levels = fit_gates_of_runs(network, parameters, found, _rows_met(graph), task)
        gates = [
            [word_for(*read) if use else "" for *read, use in zip(*parts, strict=True)]
            for parts in (
                (level.names[0], level.clarity[0] * level.faithful[0], in_use)
                for level, in_use in zip(levels, used, strict=True)
            )
        ]
        one = graph.graphs[task] if graph.n_tasks > 1 else graph
        if not one.has_structure:
            return cls(gates, None)
        slots, _ = match(one, found, task)
        nodes = nodes_of([level[0] for level in slots], network.slots)
        return cls(gates, true_edges(one, found, task, nodes))


def word_for(name: str, clarity: float) -> str:
    """A gate as it is written in a slot.

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
    word = f"={name.lower()}" if len(name) == 1 else WORDS.get(name, name)
    return word if clarity >= CLEAR else f"{word}?"


def lines_of(
    findings: Findings, modules: Sequence[Sequence[str]], compact: bool
) -> list[list[list[str]]]:
    """What is written in each slot: the gate, and unless compact the module that fills it."""
    return [
        [
            [word for word in (gate, "" if compact else module) if word]
            for gate, module in zip(*level, strict=True)
        ]
        for level in zip(findings.gates, modules, strict=True)
    ]


def _rows_met(graph: Task) -> np.ndarray:
    """Rows of the truth table, shape (row, input), all inputs 0 first."""
    if 2**graph.n_sources <= MAX_ROWS:
        return inputs_met(graph)
    index = np.random.default_rng(0).integers(1, 2**graph.n_sources, MAX_ROWS - 1)
    return bits_of(np.concatenate([[0], index]), graph.n_sources)
