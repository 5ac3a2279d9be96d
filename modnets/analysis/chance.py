"""Chance level of the routing measures: over all routings by enumeration, or over a sample.

Slots of a level are interchangeable, and where all gates of a level are symmetric the order of
their inputs is too: so only unordered choices are enumerated, each weighted by the number of
ordered ones that it stands for.  That leaves few enough to enumerate, except for large networks.
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

#: The most routings that are enumerated; of more a sample is drawn.
MOST_ROUTINGS = 200_000
#: Routings evaluated at once.
BATCH = 20_000
MEASURES = ("routing_recovered", "edge_f1", "irrelevant_reads", "unused_slots")

#: Routings of one level, and the weight of each.
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
    """The expected routing measures of routings drawn uniformly at random.

    Parameters
    ----------
    graph : str or FunctionGraph
        With known structure.
    slots : tuple of int, optional
        Slots in each level; by default as the graph.
    arity : int, optional
        Inputs that a slot reads; by default the graph's fan-in.
    routing, outputs : "learned" or "known"
        A known choice is not drawn; known routing needs the graph's slots.
    draws, seed : int
        Size and seed of the sample, where the routings are too many to enumerate.

    Returns
    -------
    Series
        Means of ``routing_recovered``, ``edge_f1``, ``irrelevant_reads``, ``unused_slots``;
        ``exact``, 1 if they are those of all routings and 0 if of a sample; each with ``_low`` and
        ``_high``, its 95 % interval, which is the mean itself where it is exact; ``draws``,
        routings that were evaluated.

    Raises
    ------
    ValueError
        If the structure of the graph is not known, or a slot would read more sources than exist.
    """
    task = get_graph(graph)
    if not (isinstance(task, FunctionGraph) and task.has_structure):
        raise ValueError(f"graph={task}; allowed is a function graph with known structure")
    graph = task
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
        batches = _enumerate(graph, slots, arity, routing, outputs)
    else:
        batches = iter([_sample(graph, slots, arity, routing, outputs, draws, seed)])
    measures, weights = [], []
    for levels, ends, weight in batches:
        measures.append(_measures(graph, Structures(levels, ends, readable_slots(slots, False))))
        weights.append(weight)
    values, weight = np.concatenate(measures, axis=1), np.concatenate(weights)
    means = values @ (weight / weight.sum())
    n = values.shape[1]
    row = dict(zip(MEASURES, map(float, means), strict=True))
    row |= {"exact": float(exact), "draws": float(n)}
    for name, of_draw, mean in zip(MEASURES, values, means, strict=True):
        half = 0.0 if exact or n < 2 else critical_value(0.95) * of_draw.std(ddof=1) / np.sqrt(n)
        low, high = mean - half, mean + half
        if name == "routing_recovered" and not exact:
            low, high = wilson_interval(of_draw.sum(), n)
        row |= {f"{name}_low": float(low), f"{name}_high": float(high)}
    return pd.Series(row)


def _measures(graph: FunctionGraph, routings: Structures) -> np.ndarray:
    """The measures of each routing, shape (measure, routing)."""
    first = routings.edges(0, graph.n_inputs)[0]
    irrelevant = first[..., list(graph.irrelevant_inputs)].any(axis=2).sum(axis=1)
    in_use = routings.used(0, graph.n_inputs)[1:]
    return np.stack(
        [
            is_recovered(graph, routings, 0, None).astype(float),
            match(graph, routings, 0)[1],
            irrelevant / first.any(axis=2).sum(axis=1),
            1 - np.concatenate(in_use, axis=1).mean(axis=1),
        ]
    )


def _ordered(graph: FunctionGraph, level: int) -> bool:
    """Whether a gate of that level depends on the order of its inputs."""
    nodes = graph.levels[level] if level < len(graph.levels) else ()
    gates = {node.gate for node in nodes}
    return any(len(order_free(g, level > 0)) < factorial(g.n_inputs) for g in gates)


def _count(
    graph: FunctionGraph, slots: tuple[int, ...], arity: int, routing: str, outputs: str
) -> int:
    """Number of unordered routings to enumerate."""
    below, sizes = graph.n_inputs, []
    for level, n_slots in enumerate(slots):
        if routing == "learned":
            one = (perm if _ordered(graph, level) else comb)(below, arity)
            free = outputs == "learned" or level < len(slots) - 1
            sizes.append(comb(one + n_slots - 1, n_slots) if free else one**n_slots)
        below = n_slots
    sizes.append(perm(below, graph.n_outputs) if outputs == "learned" else 1)
    return prod(sizes)


def _enumerate(
    graph: FunctionGraph, slots: tuple[int, ...], arity: int, routing: str, outputs: str
) -> Iterator[tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]]:
    """All routings, in batches: levels, outputs, and the weight of each."""
    below = graph.n_inputs
    choices: list[Weighted] = []
    for level, n_slots in enumerate(slots):
        if routing == "known":
            choices.append((_known(graph, level)[None], np.ones(1)))
        else:
            kind = permutations if _ordered(graph, level) else combinations
            reads = np.array(list(kind(range(below), arity)))
            interchangeable = outputs == "learned" or level < len(slots) - 1
            choices.append(_of_level(reads, n_slots, interchangeable))
        below = n_slots
    ends = np.array(graph.outputs)[None]
    if outputs == "learned":
        ends = np.array(list(permutations(range(below), graph.n_outputs)))
    choices.append((ends, np.ones(len(ends))))
    sizes = [len(weights) for _, weights in choices]
    for start in range(0, prod(sizes), BATCH):
        flat = np.arange(start, min(start + BATCH, prod(sizes)))
        indices = np.unravel_index(flat, sizes)
        taken = [c[index][:, None] for (c, _), index in zip(choices, indices, strict=True)]
        weights = [w[index] for (_, w), index in zip(choices, indices, strict=True)]
        yield tuple(taken[:-1]), taken[-1], np.prod(weights, axis=0)


def _of_level(reads: np.ndarray, n_slots: int, interchangeable: bool) -> Weighted:
    """The routings of a level, from the candidates ``reads`` of one slot.

    Slots are interchangeable where the choices that read them are drawn too.
    """
    indices = range(len(reads))
    if not interchangeable:
        grid = np.stack(np.meshgrid(*[indices] * n_slots, indexing="ij"), axis=-1)
        return reads[grid.reshape(-1, n_slots)], np.ones(len(reads) ** n_slots)
    multisets = list(combinations_with_replacement(indices, n_slots))
    orders = [factorial(n_slots) / prod(map(factorial, Counter(s).values())) for s in multisets]
    return reads[np.array(multisets)], np.array(orders)


def _known(graph: FunctionGraph, level: int) -> np.ndarray:
    """What the slots of a level read in the graph, shape (slot, input)."""
    routing = [[node.inputs for node in graph.levels[level]]]
    return Structures.from_plain([{"routing": routing, "outputs": [0]}]).routing[0][0, 0]


def _sample(
    graph: FunctionGraph,
    slots: tuple[int, ...],
    arity: int,
    routing: str,
    outputs: str,
    draws: int,
    seed: int,
) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    """Routings drawn at random, in the form of :func:`_enumerate`."""
    rng, below, levels = np.random.default_rng(seed), graph.n_inputs, []
    for level, n_slots in enumerate(slots):
        if routing == "known":
            reads = _known(graph, level)
            levels.append(np.broadcast_to(reads, (draws, 1, *reads.shape)))
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
    """Distinct candidates drawn at random, in random order, shape (*shape, count)."""
    return rng.random((*shape, candidates)).argsort(axis=-1)[..., :count]
