"""What routings drawn at random would give: worked out over all of them, or sampled.

Slots of a level have no names, and where no gate of a level cares for the order of its inputs that
order says nothing: so unordered choices stand for all that they are, each with its weight.  That
leaves few enough to look at every one, but for large or wide networks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations, combinations_with_replacement, permutations
from math import comb, factorial, perm, prod

import numpy as np
import pandas as pd

from modnets.analysis.intervals import critical_value, wilson_interval
from modnets.checked import checked
from modnets.errors import one_of, require
from modnets.models.recovery import is_recovered, match, order_free
from modnets.models.structures import Structures, readable_slots
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import get_graph

#: Routings that are looked at one by one, at most; of more some are drawn.
MOST_ROUTINGS = 200_000
AT_ONCE = 20_000
MEASURES = ("routing_recovered", "edge_f1", "irrelevant_reads", "unused_slots")

#: Choices and the weight of each.
Weighted = tuple[np.ndarray, np.ndarray]


@checked(arity=(1, 1_000_000))
def chance_level(
    graph: str | FunctionGraph,
    *,
    slots: tuple[int, ...] | None = None,
    arity: int | None = None,
    routing: str = "learned",
    outputs: str = "learned",
    draws: int = 10_000,
    seed: int = 0,
) -> pd.Series:
    """What routings drawn at random would give of the measures of structure.

    Parameters
    ----------
    graph : str or FunctionGraph
        With known structure.
    slots : tuple of int, optional
        Slots in each level; by default as the graph.
    arity : int, optional
        Inputs that a slot reads; by default the graph's fan-in.
    routing, outputs : "learned" or "known"
        What is known is not drawn; known routing needs the graph's slots.
    draws, seed : int
        Where the routings are too many to look at every one, so many are drawn.

    Returns
    -------
    Series
        Means of ``routing_recovered``, ``edge_f1``, ``irrelevant_reads``, ``unused_slots``;
        ``exact``, 1 if they are those of all routings and 0 if of a sample; each with ``_low`` and
        ``_high``, its 95 % interval, which is the mean itself where it is exact; ``draws``,
        routings that were looked at.

    Raises
    ------
    ValueError
        If the structure of the graph is not known, or a slot would read more than there is.
    """
    graph = get_graph(graph)
    require(
        isinstance(graph, FunctionGraph) and graph.has_structure,
        f"graph={graph}; allowed is a function graph with known structure",
    )
    slots = graph.slots if slots is None else slots
    arity = graph.fan_in if arity is None else arity
    for name, value in (("routing", routing), ("outputs", outputs)):
        one_of(name, value, ("learned", "known"))
    n_levels, n_outputs = len(graph.slots), graph.n_outputs
    require(
        len(slots) == n_levels and slots[-1] >= n_outputs,
        f"slots={slots}; allowed are {n_levels} levels, the last of {n_outputs} or more",
    )
    require(
        routing == "learned" or slots == graph.slots,
        f"slots={slots} with routing='known'; allowed are those of the graph, {graph.slots}",
    )
    below = (graph.n_inputs, *slots)
    for level, sources in enumerate(below[:-1] if routing == "learned" else ()):
        require(arity <= sources, f"arity={arity}; level {level + 1} has {sources} sources")
    size = _count(graph, slots, arity, routing, outputs)
    exact = size <= MOST_ROUTINGS
    if exact:
        parts = _every(graph, slots, arity, routing, outputs)
    else:
        parts = iter([_drawn(graph, slots, arity, routing, outputs, draws, seed)])
    found, weights = [], []
    for levels, ends, weight in parts:
        found.append(_measures(graph, Structures(levels, ends, readable_slots(slots, False))))
        weights.append(weight)
    values, weight = np.concatenate(found, axis=1), np.concatenate(weights)
    means = values @ (weight / weight.sum())
    told = dict(zip(MEASURES, map(float, means), strict=True))
    told |= {"exact": float(exact), "draws": float(values.shape[1])}
    n = values.shape[1]
    for name, of_draw, mean in zip(MEASURES, values, means, strict=True):
        half = 0.0 if exact or n < 2 else critical_value(0.95) * of_draw.std(ddof=1) / np.sqrt(n)
        ends = mean - half, mean + half
        if name == "routing_recovered" and not exact:
            ends = wilson_interval(of_draw.sum(), n)
        told |= {f"{name}_low": float(ends[0]), f"{name}_high": float(ends[1])}
    return pd.Series(told)


def _measures(graph: FunctionGraph, found: Structures) -> np.ndarray:
    """The measures of each routing, shape (measure, routing)."""
    first = found.edges(0, graph.n_inputs)[0]
    irrelevant = first[..., list(graph.irrelevant_inputs)].any(axis=2).sum(axis=1)
    in_use = found.used(0, graph.n_inputs)[1:]
    return np.stack(
        [
            is_recovered(graph, found, 0, None).astype(float),
            match(graph, found, 0)[1],
            irrelevant / first.any(axis=2).sum(axis=1),
            1 - np.concatenate(in_use, axis=1).mean(axis=1),
        ]
    )


def _ordered(graph: FunctionGraph, level: int) -> bool:
    """Whether a gate of that level cares for the order of its inputs."""
    nodes = graph.levels[level] if level < len(graph.levels) else ()
    gates = {node.gate for node in nodes}
    return any(len(order_free(g, level > 0)) < factorial(g.n_inputs) for g in gates)


def _count(
    graph: FunctionGraph, slots: tuple[int, ...], arity: int, routing: str, outputs: str
) -> int:
    """Weighted choices that all routings come to."""
    below, sizes = graph.n_inputs, []
    for level, n_slots in enumerate(slots):
        if routing == "learned":
            one = (perm if _ordered(graph, level) else comb)(below, arity)
            free = outputs == "learned" or level < len(slots) - 1
            sizes.append(comb(one + n_slots - 1, n_slots) if free else one**n_slots)
        below = n_slots
    sizes.append(perm(below, graph.n_outputs) if outputs == "learned" else 1)
    return prod(sizes)


def _every(
    graph: FunctionGraph, slots: tuple[int, ...], arity: int, routing: str, outputs: str
) -> Iterator[tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]]:
    """All routings, some at a time: levels, outputs, and the weight of each."""
    below, choices = graph.n_inputs, []
    for level, n_slots in enumerate(slots):
        if routing == "known":
            one = _known(graph, level)
            choices.append((one[None], np.ones(1)))
        else:
            kind = permutations if _ordered(graph, level) else combinations
            one = np.array(list(kind(range(below), arity)))
            free = outputs == "learned" or level < len(slots) - 1
            choices.append(_of_level(one, n_slots, free))
        below = n_slots
    ends = np.array(graph.outputs)[None]
    if outputs == "learned":
        ends = np.array(list(permutations(range(below), graph.n_outputs)))
    choices.append((ends, np.ones(len(ends))))
    sizes = [len(weights) for _, weights in choices]
    for start in range(0, prod(sizes), AT_ONCE):
        numbers = np.arange(start, min(start + AT_ONCE, prod(sizes)))
        places = np.unravel_index(numbers, sizes)
        taken = [c[place][:, None] for (c, _), place in zip(choices, places, strict=True)]
        weight = prod(w[place] for (_, w), place in zip(choices, places, strict=True))
        yield tuple(taken[:-1]), taken[-1], weight


def _of_level(one: np.ndarray, n_slots: int, free: bool) -> Weighted:
    """What all slots of a level read; free of names where what reads them is drawn too."""
    numbers = range(len(one))
    if not free:
        sets = np.stack(np.meshgrid(*[numbers] * n_slots, indexing="ij"), axis=-1)
        return one[sets.reshape(-1, n_slots)], np.ones(len(one) ** n_slots)
    sets = list(combinations_with_replacement(numbers, n_slots))
    orders = [factorial(n_slots) / prod(map(factorial, Counter(s).values())) for s in sets]
    return one[np.array(sets)], np.array(orders)


def _known(graph: FunctionGraph, level: int) -> np.ndarray:
    """What the slots of a level read in the graph, shape (slot, place)."""
    one = [[node.inputs for node in graph.levels[level]]]
    return Structures.from_plain([{"routing": one, "outputs": [0]}]).routing[0][0, 0]


def _drawn(
    graph: FunctionGraph,
    slots: tuple[int, ...],
    arity: int,
    routing: str,
    outputs: str,
    draws: int,
    seed: int,
) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    """Routings drawn at random, as all of them come."""
    rng, below, levels = np.random.default_rng(seed), graph.n_inputs, []
    for level, n_slots in enumerate(slots):
        if routing == "known":
            one = _known(graph, level)
            levels.append(np.broadcast_to(one, (draws, 1, *one.shape)))
        else:
            levels.append(_distinct(rng, (draws, 1, n_slots), below, arity))
        below = n_slots
    ends = _distinct(rng, (draws, 1), below, graph.n_outputs)
    if outputs == "known":
        ends = np.broadcast_to(np.array(graph.outputs), ends.shape)
    return tuple(levels), ends, np.ones(draws)


def _distinct(
    rng: np.random.Generator, shape: tuple[int, ...], candidates: int, count: int
) -> np.ndarray:
    """Distinct candidates at random, in random order, shape (*shape, count)."""
    return rng.random((*shape, candidates)).argsort(axis=-1)[..., :count]
