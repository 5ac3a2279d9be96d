"""Which slot stands for which sub-function: the matching under which most edges agree.

Edges join neighbouring levels only, so the best matching of a whole network is found level by
level, from the last to the first, over all ways to match each of them.  Where those are too many,
one level after the other is matched anew as long as more edges agree: a local optimum.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import perm

import numpy as np
from scipy.optimize import linear_sum_assignment

#: Pairs of ways to match two neighbouring levels, up to which all of them are tried.
MAX_PAIRS = 20_000
#: Numbers held at once while they are.
MAX_NUMBERS = 2**24

Routing = Sequence[Sequence[Sequence[int]]]


def best_matching(
    routing: Routing, edges: Sequence[np.ndarray], outputs: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray]:
    """The matching under which most edges agree with the true routing.

    Parameters
    ----------
    routing : [level][sub-function] -> nodes of the level below
    edges : sequence of ndarray of bool, shape (run, slot, node below), one for each level
        Edges found; of the first level from the inputs, which are matched with themselves.
    outputs : ndarray of int, shape (run, slot, sub-function)
        Edges to outputs that agree where that slot of the last true level is so matched.

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
    places = [*range(n_slots), *[-1] * max(0, n_nodes - n_slots)]
    return np.array(sorted(set(permutations(places, n_nodes))), dtype=int)


def _exactly(
    routing: Routing, edges: Sequence[np.ndarray], gain: Sequence[np.ndarray], pairs: int
) -> tuple[list[np.ndarray], np.ndarray]:
    n_runs, step = len(edges[0]), max(1, MAX_NUMBERS // (pairs * max(map(len, routing))))
    parts = [
        _exactly_some(
            routing, [e[at : at + step] for e in edges], [g[at : at + step] for g in gain]
        )
        for at in range(0, n_runs, step)
    ]
    slots = [np.concatenate(level) for level in zip(*(part[0] for part in parts), strict=True)]
    return slots, np.concatenate([part[1] for part in parts])


def _exactly_some(
    routing: Routing, edges: Sequence[np.ndarray], gain: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], np.ndarray]:
    """The best of all matchings, from the last level to the first."""
    ways = [_matchings(one.shape[1], one.shape[2]) for one in gain]
    best = _taken(gain[-1], ways[-1]).sum(axis=2)  # (run, way)
    choices: list[np.ndarray] = []
    for level in reversed(range(len(gain) - 1)):
        agree = _edges_by_node(routing[level + 1], edges[level + 1], ways[level])
        # (run, way here, way above): edges between both levels, and the best of all above
        both = sum(
            np.where(slots >= 0, agree[:, :, slots, node], 0)
            for node, slots in enumerate(ways[level + 1].T)
        )
        both = both + best[:, None, :]
        choices.insert(0, both.argmax(axis=2))
        best = both.max(axis=2) + _taken(gain[level], ways[level]).sum(axis=2)
    runs, way = np.arange(len(best)), best.argmax(axis=1)
    slots = [ways[0][way]]
    for level, choice in enumerate(choices, start=1):
        way = choice[runs, way]
        slots.append(ways[level][way])
    return slots, best.max(axis=1)


def _taken(gain: np.ndarray, ways: np.ndarray) -> np.ndarray:
    """What each sub-function gains in each way, shape (run, way, sub-function)."""
    taken = gain[:, ways, np.arange(ways.shape[1])]
    return np.where(ways >= 0, taken, 0)


def _edges_by_node(
    above: Sequence[Sequence[int]], edges: np.ndarray, ways: np.ndarray
) -> np.ndarray:
    """Edges that agree if a slot above stands for a node: (run, way below, slot, node)."""
    renamed = np.where(ways >= 0, edges[:, :, ways], False)  # (run, slot, way, node below)
    by_node = [renamed[..., list(inputs)].sum(axis=3) for inputs in above]
    return np.stack(by_node, axis=-1).transpose(0, 2, 1, 3)


def _step_by_step(
    routing: Routing, edges: Sequence[np.ndarray], gain: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], np.ndarray]:
    """Each level matched anew, the others held, as long as more edges agree; run by run."""
    found = [
        _one_step_by_step(routing, [e[run] for e in edges], [g[run] for g in gain])
        for run in range(len(edges[0]))
    ]
    slots = [np.stack(level) for level in zip(*(one[0] for one in found), strict=True)]
    return slots, np.array([one[1] for one in found])


def _one_step_by_step(
    routing: Routing, edges: Sequence[np.ndarray], gain: Sequence[np.ndarray]
) -> tuple[list[np.ndarray], int]:
    n_levels = len(gain)
    slots = [np.full(one.shape[1], -1) for one in gain]
    before, agree = -1, 0
    while agree > before:
        before, agree = agree, 0
        for level in range(n_levels):
            worth = gain[level].astype(int)
            if level:
                worth = worth + _with_below(routing[level], edges[level], slots[level - 1])
            now = worth
            if level + 1 < n_levels:
                above = _with_above(
                    routing[level + 1], edges[level + 1], slots[level + 1], worth.shape
                )
                now = worth + above
            rows, columns = linear_sum_assignment(now, maximize=True)
            slots[level] = np.full(worth.shape[1], -1)
            slots[level][columns] = rows
            agree += int(worth[rows, columns].sum())
    return slots, agree


def _with_below(nodes: Sequence[Sequence[int]], edges: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Edges from the level below that agree, shape (slot, sub-function)."""
    renamed = np.where(slots >= 0, edges[:, slots], False)
    return np.stack([renamed[:, list(inputs)].sum(axis=1) for inputs in nodes], axis=1)


def _with_above(
    nodes: Sequence[Sequence[int]], edges: np.ndarray, slots: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Edges to the level above that agree, shape (slot, sub-function)."""
    worth = np.zeros(shape, dtype=int)
    for node, inputs in enumerate(nodes):
        if slots[node] >= 0:
            worth[:, list(inputs)] += edges[slots[node]][:, None]
    return worth
