"""Recovery of the true structure: the routing of many networks compared with a function graph.

Structures count as equal up to a permutation of slots and modules, the order of inputs of a
symmetric gate, and the complement of inner signals.

There are two measures.  Exact recovery: a slot *stands for* a sub-function if it reads slots that
stand for the sub-function's inputs, and if its signal is that of the sub-function, or the
complement; a graph is recovered if each output is read from a slot that stands for it.  Edge F1:
slots are matched with sub-functions of their level so that as many edges as possible agree.
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
    """The permutations of its inputs under which a gate is unchanged, or complemented.

    Parameters
    ----------
    gate : Gate
    signs_free : bool
        Whether inputs may be complemented too, as inner signals may.

    Returns
    -------
    list of tuple of int
        ``order[position]`` is the gate's input that this position reads.
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
    graph: FunctionGraph, wiring: Structures, task: int, gate_fits: Sequence[LevelGateFits] | None
) -> list[np.ndarray]:
    """Which sub-functions each slot stands for.

    Parameters
    ----------
    graph : FunctionGraph
    wiring : Structures
        Routing and selection of the networks.
    task : int
    gate_fits : sequence of LevelGateFits, optional
        With them signals are compared too, which imply the order of inputs; by default the routing
        alone is compared.

    Returns
    -------
    list of ndarray of bool, shape (run, slot, sub-function), one for each level of the graph
    """
    shape = (wiring.n_runs, graph.n_inputs, graph.n_inputs)
    below = np.broadcast_to(np.eye(graph.n_inputs, dtype=bool), shape)
    truth = _true_signals(graph) if gate_fits else []
    levels = []
    for level, nodes in enumerate(graph.levels):
        if level >= len(wiring.routing):
            break
        sources = wiring.routing[level][:, task]
        read = below[
            np.arange(wiring.n_runs)[:, None, None], sources
        ]  # (run, slot, position, node)
        n_read = (sources != NOTHING).sum(axis=2)
        now = np.zeros((*sources.shape[:2], len(nodes)), dtype=bool)
        for number, node in enumerate(nodes):
            k = node.gate.n_inputs
            if k > sources.shape[2]:
                continue
            orders = permutations(range(k)) if gate_fits else order_free(node.gate, level > 0)
            any_order = np.zeros(sources.shape[:2], dtype=bool)
            for order in orders:
                positions = [read[:, :, p, node.inputs[i]] for p, i in enumerate(order)]
                any_order |= np.logical_and.reduce(positions)
            now[..., number] = any_order & (n_read == k)
            if gate_fits:
                signals = gate_fits[level].signals
                now[..., number] &= (signals == truth[level][number]).all(axis=2)
        levels.append(now)
        below = now
    return levels


def is_recovered(
    graph: FunctionGraph, wiring: Structures, task: int, gate_fits: Sequence[LevelGateFits] | None
) -> np.ndarray:
    """Whether every output is read from a slot that stands for it, shape (run,).

    With gate fits the outputs must not be complemented, so that the whole table is solved.
    """
    levels = stands_for(graph, wiring, task, gate_fits)
    right = np.ones(wiring.n_runs, dtype=bool)
    if len(levels) < len(graph.levels):
        return ~right
    truth = graph.truth_table() if gate_fits else np.empty((0, 0))
    runs, nodes = np.arange(wiring.n_runs), np.array(wiring.readable)
    for output, node in enumerate(graph.outputs):
        level, slot = nodes[wiring.outputs[:, task, output]].T
        right &= (level == len(levels) - 1) & levels[-1][runs, _within(slot, levels[-1]), node]
        if gate_fits:
            values = gate_fits[len(levels) - 1].values
            bits = values[runs, _within(slot, levels[-1])] > 0
            right &= (bits == truth[:, output]).all(axis=1)
    return right


def _within(slot: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Slots of any level, clipped to indices of this one; those of other levels are masked out."""
    return np.minimum(slot, level.shape[1] - 1)


def _true_signals(graph: FunctionGraph) -> list[np.ndarray]:
    """The signal of each sub-function in normal form, [level] -> shape (sub-function, row)."""
    return [(level ^ level[:1]).T.astype(bool) for level in graph.values(inputs_met(graph))]


def match(
    graph: FunctionGraph, wiring: Structures, task: int
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
    edges = wiring.edges(task, graph.n_inputs)
    n_read = sum(level.sum(axis=(1, 2)) for level in edges) + wiring.outputs.shape[2]
    n_true = sum(node.gate.n_inputs for level in graph.levels for node in level)
    to_outputs = _output_edges(graph, wiring, task)
    slots, agree = best_matching(graph.routing, edges, to_outputs)
    return slots, 2 * agree / (n_read + n_true + graph.n_outputs)


def _output_edges(graph: FunctionGraph, wiring: Structures, task: int) -> np.ndarray:
    """Number of true edges to outputs if a slot is matched with a sub-function of the last level.

    Returns
    -------
    ndarray of int, shape (run, slot of the graph's last level, sub-function)
    """
    level = len(graph.levels) - 1
    n_slots = wiring.slots[level] if level < len(wiring.slots) else 0
    agree = np.zeros((wiring.n_runs, n_slots, len(graph.levels[-1])), dtype=int)
    nodes = np.array(wiring.readable)
    for output, node in enumerate(graph.outputs):
        at_level, slot = nodes[wiring.outputs[:, task, output]].T
        at = np.nonzero(at_level == level)[0]
        agree[at, slot[at], node] += 1
    return agree


@dataclass(frozen=True)
class Recovery:
    """A network compared with the graph of its task.

    Parameters
    ----------
    recovered : bool
        Whether routing and gates are those of the graph, and every row is right.
    routing_recovered : bool
        Whether the routing is that of the graph, whatever the gates.
    edge_f1 : float, in [0, 1]
    nodes : list, [level][slot] -> index of the sub-function that the slot is matched with, or None
    true_edges : list, [level][slot][position] -> whether that edge is one of the graph, under that
        matching.  The last level is that of the outputs.
    """

    recovered: bool
    routing_recovered: bool
    edge_f1: float
    nodes: list[list[int | None]]
    true_edges: list[list[tuple[bool, ...]]]


@checked
def compare(network: ModularNetwork, graph: Task | str, task: int = 0) -> Recovery:
    """Compare a network with the graph of its task.

    Parameters
    ----------
    network : ModularNetwork
        Without images.
    graph : FunctionGraph, TaskSet or str
    task : int
        Of several tasks, the one that is compared.

    Raises
    ------
    ValueError
        If the network does not fit the task, or the structure of the graph is not known.
    """
    true = graph_of(network, graph, task)
    require(true.has_structure, f"graph={true} has no known structure to compare with")
    parameters = parameters_of(network)
    wiring = structures(network, parameters)
    gate_fits = fit_gates_of_runs(network, parameters, wiring, inputs_met(true), task)
    exact = bool(is_recovered(true, wiring, task, gate_fits)[0])
    same_routing = exact or bool(is_recovered(true, wiring, task, None)[0])
    slots, f1 = match(true, wiring, task)
    nodes = nodes_of([level[0] for level in slots], network.slots)
    edges = true_edges(true, wiring, task, nodes)
    return Recovery(exact, same_routing, float(f1[0]), nodes, edges)


def nodes_of(slots: Sequence[np.ndarray], n_slots: Sequence[int]) -> list[list[int | None]]:
    """The sub-function of each slot, [level][slot], from the slot of each sub-function."""
    nodes: list[list[int | None]] = [[None] * n for n in n_slots]
    for level, of_nodes in enumerate(slots):
        for node, slot in enumerate(of_nodes):
            if slot >= 0:
                nodes[level][slot] = node
    return nodes


def true_edges(
    graph: FunctionGraph, wiring: Structures, task: int, nodes: Sequence[Sequence[int | None]]
) -> list[list[tuple[bool, ...]]]:
    """Which edges of the first network are true, [level][slot][position], the outputs last."""
    below: Sequence[int | None] = list(range(graph.n_inputs))
    result: list[list[tuple[bool, ...]]] = []
    for level, routing in enumerate(wiring.routing):
        true = graph.routing[level] if level < len(graph.levels) else ()
        edges: list[tuple[bool, ...]] = []
        for slot, sources in enumerate(routing[0, task].tolist()):
            node = nodes[level][slot]
            inputs = () if node is None else true[node]
            edges.append(tuple(below[s] in inputs for s in sources if s != NOTHING))
        result.append(edges)
        below = nodes[level]
    last = len(graph.levels) - 1
    ends = [wiring.readable[slot] for slot in wiring.outputs[0, task]]
    result.append(
        [
            (level == last and nodes[level][slot] == node,)
            for (level, slot), node in zip(ends, graph.outputs, strict=True)
        ]
    )
    return result
