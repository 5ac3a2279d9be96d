"""Is the true structure found?  The routing of many networks against that of a function graph.

Slots and modules have no names of their own, a symmetric gate does not care for the order of its
inputs, and a signal is as good as its complement: structures that differ in these are the same.

Two questions are asked.  Whether the graph is found exactly: a slot *stands for* a sub-function if
it reads slots that stand for the sub-function's inputs, and if its signal is the sub-function's, or
the complement; a graph is recovered if each output is read from a slot that stands for it.  And how
near it is: slots are matched with sub-functions of their level so that most edges agree, which
gives the share of edges found (F1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from modnets.checked import checked
from modnets.errors import require
from modnets.models.gate_fits import LevelGateFits, fit_gates_of_runs, graph_of, inputs_met
from modnets.models.modular import ModularNetwork
from modnets.models.slot_matching import best_matching
from modnets.models.structures import NOTHING, Structures, parameters_of, structures
from modnets.tasks.gates import Gate
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.task import Task


def order_free(gate: Gate, signs_free: bool) -> list[tuple[int, ...]]:
    """The orders of inputs in which a gate is still itself.

    Parameters
    ----------
    gate : Gate
    signs_free : bool
        Whether its inputs may be negated, as inner signals may.

    Returns
    -------
    list of tuple of int
        ``order[place]`` is the gate's input that this place reads.
    """
    table = np.array(gate.table).reshape((2,) * gate.n_inputs)
    forms = [table]
    if signs_free:
        for axis in range(gate.n_inputs):
            forms += [np.flip(form, axis) for form in forms]
    forms += [1 - form for form in forms]
    return [
        order
        for order in permutations(range(gate.n_inputs))
        if any(np.array_equal(table.transpose(order), form) for form in forms)
    ]


def stands_for(
    graph: FunctionGraph, found: Structures, task: int, gate_fits: Sequence[LevelGateFits] | None
) -> list[np.ndarray]:
    """Which sub-functions each slot stands for.

    Parameters
    ----------
    graph : FunctionGraph
    found : Structures
    task : int
    gate_fits : sequence of LevelGateFits, optional
        With them a slot's signal counts too, and then the order of its inputs says nothing more;
        without them the wiring alone is compared.

    Returns
    -------
    list of ndarray of bool, shape (run, slot, sub-function), one for each level of the graph
    """
    shape = (found.n_runs, graph.n_inputs, graph.n_inputs)
    below = np.broadcast_to(np.eye(graph.n_inputs, dtype=bool), shape)
    truth = _true_signals(graph) if gate_fits else None
    levels = []
    for level, nodes in enumerate(graph.levels):
        if level >= len(found.routing):
            break
        sources = found.routing[level][:, task]
        read = below[np.arange(found.n_runs)[:, None, None], sources]  # (run, slot, place, node)
        n_read = (sources != NOTHING).sum(axis=2)
        now = np.zeros((*sources.shape[:2], len(nodes)), dtype=bool)
        for number, node in enumerate(nodes):
            k = node.gate.n_inputs
            if k > sources.shape[2]:
                continue
            orders = permutations(range(k)) if gate_fits else order_free(node.gate, level > 0)
            any_order = np.zeros(sources.shape[:2], dtype=bool)
            for order in orders:
                places = [read[:, :, p, node.inputs[i]] for p, i in enumerate(order)]
                any_order |= np.logical_and.reduce(places)
            now[..., number] = any_order & (n_read == k)
            if gate_fits:
                signals = gate_fits[level].signals
                now[..., number] &= (signals == truth[level][number]).all(axis=2)
        levels.append(now)
        below = now
    return levels


def is_recovered(
    graph: FunctionGraph, found: Structures, task: int, gate_fits: Sequence[LevelGateFits] | None
) -> np.ndarray:
    """Whether every output is read from a slot that stands for it, shape (run,).

    With read-outs the outputs must have the right sign too: the whole table is solved.
    """
    levels = stands_for(graph, found, task, gate_fits)
    right = np.ones(found.n_runs, dtype=bool)
    if len(levels) < len(graph.levels):
        return ~right
    truth = graph.truth_table() if gate_fits else None
    runs, nodes = np.arange(found.n_runs), np.array(found.readable)
    for output, node in enumerate(graph.outputs):
        level, slot = nodes[found.outputs[:, task, output]].T
        right &= (level == len(levels) - 1) & levels[-1][runs, _within(slot, levels[-1]), node]
        if gate_fits:
            values = gate_fits[len(levels) - 1].values
            bits = values[runs, _within(slot, levels[-1])] > 0
            right &= (bits == truth[:, output]).all(axis=1)
    return right


def _within(slot: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Slots of another level, which are sorted out elsewhere, as some slot of this one."""
    return np.minimum(slot, level.shape[1] - 1)


def _true_signals(graph: FunctionGraph) -> list[np.ndarray]:
    """The signal of each sub-function in normal form, [level] -> shape (sub-function, row)."""
    return [(level ^ level[:1]).T.astype(bool) for level in graph.values(inputs_met(graph))]


def match(
    graph: FunctionGraph, found: Structures, task: int
) -> tuple[list[np.ndarray], np.ndarray]:
    """The best matching of sub-functions with slots of their level, and its edge F1.

    Returns
    -------
    list of ndarray of int, shape (run, sub-function), one for each level
        The slot matched with each; -1 where there are too few slots.
    ndarray, shape (run,)
        Harmonic mean of the shares of true edges found and of edges found that are true, those
        to the outputs included.  Edges of slots that no output uses do not count.
    """
    edges = found.edges(task, graph.n_inputs)
    n_read = sum(level.sum(axis=(1, 2)) for level in edges) + found.outputs.shape[2]
    n_true = sum(node.gate.n_inputs for level in graph.levels for node in level)
    shown = _output_edges(graph, found, task)
    slots, agree = best_matching(graph.routing, edges, shown)
    return slots, 2 * agree / (n_read + n_true + graph.n_outputs)


def _output_edges(graph: FunctionGraph, found: Structures, task: int) -> np.ndarray:
    """Edges to outputs that agree where a slot is matched with a sub-function of the last level.

    Returns
    -------
    ndarray of int, shape (run, slot of the graph's last level, sub-function)
    """
    level = len(graph.levels) - 1
    n_slots = found.slots[level] if level < len(found.slots) else 0
    agree = np.zeros((found.n_runs, n_slots, len(graph.levels[-1])), dtype=int)
    nodes = np.array(found.readable)
    for output, node in enumerate(graph.outputs):
        at_level, slot = nodes[found.outputs[:, task, output]].T
        at = np.nonzero(at_level == level)[0]
        agree[at, slot[at], node] += 1
    return agree


@dataclass(frozen=True)
class Recovery:
    """One network beside the graph of its task.

    Parameters
    ----------
    recovered : bool
        Whether it is the graph: wiring, what each slot computes, and every row right.
    routing_recovered : bool
        Whether its wiring alone is the graph's.
    edge_f1 : float, in [0, 1]
    nodes : list, [level][slot] -> number of the sub-function that the slot is matched with, or None
    true_edges : list, [row above the inputs][node] -> for each place that it reads: whether that
        edge is one of the graph, under that matching.  The last row is the outputs.
    """

    recovered: bool
    routing_recovered: bool
    edge_f1: float
    nodes: list[list[int | None]]
    true_edges: list[list[tuple[bool, ...]]]


@checked
def compare(network: ModularNetwork, graph: Task | str, task: int = 0) -> Recovery:
    """One network beside the graph of its task.

    Parameters
    ----------
    network : ModularNetwork
        Without images.
    graph : FunctionGraph, TaskSet or str
    task : int
        Of several tasks, the one that is looked at.

    Raises
    ------
    ValueError
        If the network does not fit the task, or the structure of the graph is not known.
    """
    graph = graph_of(network, graph, task)
    require(graph.has_structure, f"graph={graph} has no known structure to compare with")
    parameters = parameters_of(network)
    found = structures(network, parameters)
    gate_fits = fit_gates_of_runs(network, parameters, found, inputs_met(graph), task)
    exact = bool(is_recovered(graph, found, task, gate_fits)[0])
    wired = exact or bool(is_recovered(graph, found, task, None)[0])
    slots, f1 = match(graph, found, task)
    nodes = nodes_of([level[0] for level in slots], network.slots)
    return Recovery(exact, wired, float(f1[0]), nodes, true_edges(graph, found, task, nodes))


def nodes_of(slots: Sequence[np.ndarray], n_slots: Sequence[int]) -> list[list[int | None]]:
    """The sub-function of each slot, [level][slot], from the slot of each sub-function."""
    nodes: list[list[int | None]] = [[None] * n for n in n_slots]
    for level, places in enumerate(slots):
        for node, slot in enumerate(places):
            if slot >= 0:
                nodes[level][slot] = node
    return nodes


def true_edges(
    graph: FunctionGraph, found: Structures, task: int, nodes: Sequence[Sequence[int | None]]
) -> list[list[tuple[bool, ...]]]:
    """Which edges of the first of some networks are true, [row above the inputs][node][place]."""
    below, rows = list(range(graph.n_inputs)), []
    for level, routing in enumerate(found.routing):
        true = graph.routing[level] if level < len(graph.levels) else ()
        rows.append([])
        for slot, sources in enumerate(routing[0, task].tolist()):
            node = nodes[level][slot]
            wanted = () if node is None else true[node]
            rows[-1].append(tuple(below[s] in wanted for s in sources if s != NOTHING))
        below = nodes[level]
    last = len(graph.levels) - 1
    ends = [found.readable[place] for place in found.outputs[0, task]]
    wanted = zip(ends, graph.outputs, strict=True)
    rows.append([(level == last and nodes[level][slot] == node,) for (level, slot), node in wanted])
    return rows
