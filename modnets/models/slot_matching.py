"""Matching of slots with sub-functions under which as many edges as possible agree.

Edges join neighbouring levels only, so dynamic programming from the last level to the first, over
all matchings of each level, gives the best matching of a network.  If these are too many, one level
after the other is matched anew as long as more edges agree: a local optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import perm

import numpy as np
from scipy.optimize import linear_sum_assignment

#: Largest number of pairs of matchings of two neighbouring levels for the exact solution.
MAX_PAIRS = 20_000
#: Largest number of array elements at once in the exact solution.
MAX_ELEMENTS = 2**24

Routing = Sequence[Sequence[Sequence[int]]]


def best_matching(
    routing: Routing, edges: Sequence[np.ndarray], outputs: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """The matching under which as many edges as possible agree with the true routing.

    Parameters
    ----------
    routing : [level][sub-function] -> nodes of the level below
    edges : sequence of ndarray of bool, shape (run, slot, node below), one for each level
        Edges of the networks; those of the first level are from the inputs, which need no matching.
    outputs : ndarray of int, shape (run, slot, sub-function)
        Edges to outputs that agree if that slot of the graph's last level is so matched.

    Returns
    -------
    list of ndarray of int, shape (run, sub-function), one for each level
        The slot of each; -1 where there are more sub-functions than slots.
    ndarray of int, shape (run,)
        Edges that agree.
    """
    n_levels = min(len(routing), len(edges))
    gain = [
        np.zeros((*edges[n].shape[:2], len(routing[n])), dtype=np.int32) for n in range(n_levels)
    ]
    for number, inputs in enumerate(routing[0]):
        gain[0][..., number] = edges[0][..., list(inputs)].sum(axis=2)
    if n_levels == len(routing):
        gain[-1] += outputs
    ways = [_ways(one.shape[1], one.shape[2]) for one in gain]
    pairs = [a * b for a, b in zip(ways, [*ways[1:], 1], strict=True)]
    if max(pairs) <= MAX_PAIRS:
        return _exactly(routing, edges, gain, max(pairs))
    return _step_by_step(routing, edges, gain)


def _ways(n_slots: int, n_nodes: int) -> int:
    return perm(max(n_slots, n_nodes), min(n_slots, n_nodes))


def _matchings(n_slots: int, n_nodes: int) -> np.ndarray:
    """Every way to give each sub-function a slot of its own, shape (way, sub-function)."""
    slots = [*range(n_slots), *[-1] * max(0, n_nodes - n_slots)]
    return np.array(sorted(set(permutations(slots, n_nodes))), dtype=int)


def _exactly(
    routing: Routing, edges: Sequence[np.ndarray], gain: Sequence[np.ndarray], pairs: int
) -> tuple[list[np.ndarray], np.ndarray]:
    n_runs, step = len(edges[0]), max(1, MAX_ELEMENTS // (pairs * max(map(len, routing))))
    results = [
        _exactly_some(
            routing, [e[at : at + step] for e in edges], [g[at : at + step] for g in gain]
        )
        for at in range(0, n_runs, step)
    ]
    slots = [np.concatenate(level) for level in zip(*(one[0] for one in results), strict=True)]
    return slots, np.concatenate([one[1] for one in results])


def _exactly_some(
    routing: Routing, edges: Sequence[np.ndarray], gain: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], np.ndarray]:
    """The best of all matchings, from the last level to the first."""
    ways = [_matchings(one.shape[1], one.shape[2]) for one in gain]
    best = _taken(gain[-1], ways[-1]).sum(axis=2)  # (run, way)
    best_above: list[np.ndarray] = []
    for level in reversed(range(len(gain) - 1)):
        agree = _edges_by_node(routing[level + 1], edges[level + 1], ways[level])
        # (run, way here, way above): edges between both levels, and the best of all above
        both = sum(
            np.where(slots >= 0, agree[:, :, slots, node], 0)
            for node, slots in enumerate(ways[level + 1].T)
        )
        both = both + best[:, None, :]
        best_above.insert(0, both.argmax(axis=2))
        best = both.max(axis=2) + _taken(gain[level], ways[level]).sum(axis=2)
    runs, way = np.arange(len(best)), best.argmax(axis=1)
    slots = [ways[0][way]]
    for level, above in enumerate(best_above, start=1):
        way = above[runs, way]
        slots.append(ways[level][way])
    return slots, best.max(axis=1)


def _taken(gain: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """The gain of each sub-function in each matching, shape (run, way, sub-function)."""
    taken = gain[:, ways, np.arange(ways.shape[1])]
    return np.where(ways >= 0, taken, 0)


def _edges_by_node(
    above: Sequence[Sequence[int]], edges: np.ndarray, ways: np.ndarray
) -> np.ndarray:
    """Edges that agree if a slot above is matched with a node: (run, way below, slot, node)."""
    renamed = np.where(ways >= 0, edges[:, :, ways], False)  # (run, slot, way, node below)
    by_node = [renamed[..., list(inputs)].sum(axis=3) for inputs in above]
    return np.stack(by_node, axis=-1).transpose(0, 2, 1, 3)


def _step_by_step(
    routing: Routing, edges: Sequence[np.ndarray], gain: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Coordinate ascent: each level is matched with the others fixed; run by run."""
    results = [
        _one_step_by_step(routing, [e[run] for e in edges], [g[run] for g in gain])
        for run in range(len(edges[0]))
    ]
    slots = [np.stack(level) for level in zip(*(one[0] for one in results), strict=True)]
    return slots, np.array([one[1] for one in results])


def _one_step_by_step(
    routing: Routing, edges: Sequence[np.ndarray], gain: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], int]:
    n_levels = len(gain)
    slots = [np.full(one.shape[1], -1) for one in gain]
    before, agree = -1, 0
    while agree > before:
        before, agree = agree, 0
        for level in range(n_levels):
            value = gain[level].astype(int)
            if level:
                value = value + _with_below(routing[level], edges[level], slots[level - 1])
            total = value
            if level + 1 < n_levels:
                above = _with_above(
                    routing[level + 1], edges[level + 1], slots[level + 1], value.shape
                )
                total = value + above
            rows, columns = linear_sum_assignment(total, maximize=True)
            slots[level] = np.full(value.shape[1], -1)
            slots[level][columns] = rows
            agree += int(value[rows, columns].sum())
    return slots, agree


def _with_below(nodes: Sequence[Sequence[int]], edges: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Edges from the level below that agree, shape (slot, sub-function)."""
    renamed = np.where(slots >= 0, edges[:, slots], False)
    return np.stack([renamed[:, list(inputs)].sum(axis=1) for inputs in nodes], axis=1)


def _with_above(
    nodes: Sequence[Sequence[int]], edges: np.ndarray, slots: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Edges to the level above that agree, shape (slot, sub-function)."""
    agree = np.zeros(shape, dtype=int)
    for node, inputs in enumerate(nodes):
        if slots[node] >= 0:
            agree[:, list(inputs)] += edges[slots[node]][:, None]
    return agree
