"""Knowledge that is wrong: a graph with some of its edges, gates or distinct gates changed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.checked import checked
from modnets.errors import require
from modnets.tasks.gates import SubFunction
from modnets.tasks.graphs import FunctionGraph


@checked(edges=(0, 10_000), gates=(0, 10_000), modules=(1, 10_000))
def perturbed_graph(
    graph: FunctionGraph,
    *,
    edges: int = 0,
    gates: int = 0,
    modules: int | None = None,
    seed: int = 0,
) -> FunctionGraph:
    """A graph that is wrong in places; as ``knowledge`` of a run, what is known wrongly.

    Of a graph that is known, networks take the sources of slots, the slots that are outputs, and
    which slots share a module; not what gates compute.

    Parameters
    ----------
    graph : FunctionGraph
        With levels.
    edges : int
        Sources of sub-functions that are replaced by another node of the same level, one that the
        sub-function does not read.
    gates : int
        Sub-functions that get another one of the graph's gates, with as many inputs; sharing is
        then wrong.
    modules : int, optional
        Distinct gates that are left at most: those beyond are taken for the first ones in turn.
    seed : int
        Of what is drawn.

    Returns
    -------
    FunctionGraph
        With the same shape.

    Raises
    ------
    ValueError
        If there are not as many edges or gates that can be wrong.
    """
    require(graph.has_structure, f"graph={graph.name!r}; allowed is a graph with levels")
    rng = np.random.default_rng(seed)
    levels = [list(level) for level in graph.levels]
    _rewire(levels, graph.n_inputs, edges, rng)
    _replace_gates(levels, gates, rng)
    if modules is not None:
        _merge(levels, modules)
    said = {"edges": edges, "gates": gates, "modules": modules or 0}
    told = ", ".join(f"{count} {name}" for name, count in said.items() if count)
    name = f"{graph.name} ({told or 'unchanged'} {seed})"
    return FunctionGraph(graph.n_inputs, levels, outputs=graph.outputs, name=name)


def _rewire(
    levels: list[list[SubFunction]], n_inputs: int, edges: int, rng: np.random.Generator
) -> None:
    below = [n_inputs, *map(len, levels[:-1])]
    places = [
        (depth, slot, place)
        for depth, level in enumerate(levels)
        for slot, node in enumerate(level)
        for place in range(len(node.inputs))
        if below[depth] > len(node.inputs)
    ]
    require(edges <= len(places), f"edges={edges}; allowed is 0 to {len(places)}")
    for at in rng.permutation(len(places))[:edges]:
        depth, slot, place = places[at]
        node = levels[depth][slot]
        others = np.setdiff1d(np.arange(below[depth]), node.inputs)
        sources = list(node.inputs)
        sources[place] = int(rng.choice(others))
        levels[depth][slot] = SubFunction(node.gate, tuple(sources))


def _replace_gates(levels: list[list[SubFunction]], gates: int, rng: np.random.Generator) -> None:
    every = list(dict.fromkeys(node.gate for level in levels for node in level))
    others = {
        gate: [one for one in every if one != gate and one.n_inputs == gate.n_inputs]
        for gate in every
    }
    places = [
        (depth, slot)
        for depth, level in enumerate(levels)
        for slot, node in enumerate(level)
        if others[node.gate]
    ]
    require(gates <= len(places), f"gates={gates}; allowed is 0 to {len(places)}")
    for at in rng.permutation(len(places))[:gates]:
        depth, slot = places[at]
        node = levels[depth][slot]
        some = others[node.gate]
        levels[depth][slot] = SubFunction(some[rng.integers(len(some))], node.inputs)


def _merge(levels: Sequence[list[SubFunction]], modules: int) -> None:
    every = list(dict.fromkeys(node.gate for level in levels for node in level))
    for level in levels:
        for slot, node in enumerate(level):
            same = [one for one in every[:modules] if one.n_inputs == node.gate.n_inputs]
            if node.gate not in every[:modules] and same:
                taken = same[every.index(node.gate) % len(same)]
                level[slot] = SubFunction(taken, node.inputs)
