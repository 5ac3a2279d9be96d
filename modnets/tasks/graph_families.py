"""Many function graphs at once: drawn at random, or of a named family.

The families: ``random`` (see :func:`~modnets.tasks.random_graphs.random_graph`), ``published`` (the
named graphs), ``tree`` (complete trees), ``chain``, ``parity`` (of a few inputs among others that
play no part), and ``retina``, the task of Kashtan and Alon, "Spontaneous evolution of modularity
and network motifs" (PNAS, 2005).
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from modnets.checked import checked
from modnets.errors import one_of, require, shown
from modnets.tasks.gates import Gate, SubFunction, all_rows, gate
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS
from modnets.tasks.random_graphs import random_graph

MAX_GRAPHS = 100_000


def _tree(depth: int = 2, gates: Sequence[str] = ("XOR", "AND")) -> FunctionGraph:
    """A complete tree over 2**depth inputs; level n has gate n, the last one goes on."""
    require(1 <= depth <= 9, f"depth={depth}; allowed is 1 to 9")
    names = [gates[min(level, len(gates) - 1)] for level in range(depth)]
    levels = [
        [f"{name} {2 * node} {2 * node + 1}" for node in range(2 ** (depth - 1 - level))]
        for level, name in enumerate(names)
    ]
    return FunctionGraph(2**depth, levels, name=f"tree {depth} {'-'.join(names)}")


def _chain(length: int = 4, gates: Sequence[str] = ("XOR",)) -> FunctionGraph:
    """Input after input joins what was computed before; those that wait are copied."""
    require(2 <= length <= 100, f"length={length}; allowed is 2 to 100")
    names = [gates[step % len(gates)] for step in range(length - 1)]
    levels = []
    for step, name in enumerate(names):
        waiting = [SubFunction(gate("AND", 1), (2 + n,)) for n in range(length - 2 - step)]
        levels.append([SubFunction(gate(name), (0, 1)), *waiting])
    return FunctionGraph(length, levels, outputs=(0,), name=f"chain {length} {'-'.join(gates)}")


def _parity(size: int = 3, inputs: int = 8) -> FunctionGraph:
    """The parity of the first inputs; the others play no part."""
    require(2 <= size <= 20, f"size={size}; allowed is 2 to 20")
    require(size <= inputs, f"inputs={inputs}; allowed is at least size={size}")
    levels = [["XOR " + " ".join(map(str, range(size)))]]
    return FunctionGraph(inputs, levels, name=f"parity {size} of {inputs}")


def _retina(goal: str = "AND") -> FunctionGraph:
    """Four pixels left, four right; whether there is an object at both sides, or at one.

    An object is there with three or four black pixels, or with one or two in the outer column and
    none in the other.  Of each side pixels 0 and 2 are the left column, 1 and 3 the right one.
    """
    one_of("goal", goal, ["AND", "OR"])
    rows = all_rows(4)
    sides = {}
    for side, outer in (("LEFT", (0, 2)), ("RIGHT", (1, 3))):
        black, there = rows.sum(axis=1), rows[:, outer].sum(axis=1)
        table = (black >= 3) | ((there >= 1) & (there == black))
        sides[side] = Gate(side, tuple(int(bit) for bit in table))
    level = [SubFunction(sides["LEFT"], (0, 1, 2, 3)), SubFunction(sides["RIGHT"], (4, 5, 6, 7))]
    return FunctionGraph(8, [level, [f"{goal} 0 1"]], name=f"retina {goal}")


def _published(name: str) -> FunctionGraph:
    one_of("name", name, [*GRAPHS])
    return GRAPHS[name]


#: Name -> what makes one of its graphs from settings.
FAMILIES: dict[str, Callable[..., FunctionGraph]] = {
    "random": random_graph,
    "published": _published,
    "tree": _tree,
    "chain": _chain,
    "parity": _parity,
    "retina": _retina,
}


@checked
def graphs(seeds: int | Iterable[int] = 100, family: str = "random", **settings: Any) -> list:
    """Function graphs of a family, for ``mn.grid(graph=...)``.

    Parameters
    ----------
    seeds : int or iterable of int
        Of random graphs: how many, or their seeds.
    family : str
        ``random``, ``published``, ``tree``, ``chain``, ``parity`` or ``retina``.
    **settings
        A list stands for its values in turn, in every combination; where a value is itself a
        sequence (``widths``, ``gates``, ``balance``), only a list of such does.  Random graphs take
        what ``mn.tasks.random_graph`` takes, and are fair tasks by default: outputs have a share of
        ones of 0.1 to 0.9.  ``published`` takes ``name``; ``tree`` takes ``depth`` and ``gates``,
        by level; ``chain`` takes ``length`` and ``gates``; ``parity`` ``size`` and ``inputs``;
        ``retina`` ``goal``, AND or OR.

    Returns
    -------
    list of FunctionGraph
        Each with a name of its own.

    Examples
    --------
    >>> [graph.name for graph in graphs(family="retina", goal=["AND", "OR"])]
    ['retina AND', 'retina OR']
    """
    one_of("family", family, [*FAMILIES])
    if family == "random":
        require("widths" in settings, "widths is missing; allowed are inputs, levels, outputs")
        settings = {"balance": (0.1, 0.9)} | settings
        settings["seed"] = list(range(seeds)) if isinstance(seeds, int) else list(seeds)
    if family == "published":
        settings = {"name": [name for name in GRAPHS if GRAPHS[name].has_structure]} | settings
    axes = {n: one if _is_axis(n, one) else [one] for n, one in settings.items()}
    points = [dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values())]
    require(0 < len(points) <= MAX_GRAPHS, f"{len(points)} graphs; allowed are 1 to {MAX_GRAPHS:,}")
    try:
        found = [FAMILIES[family](**point) for point in points]
    except TypeError as error:
        raise ValueError(f"graphs of family {family!r}: {error}") from None
    several = [name for name, axis in axes.items() if len(axis) > 1 and name not in NAMED]
    if family != "random" or not several:
        return found
    return [
        _renamed(graph, ", ".join(f"{name} {shown(point[name])}" for name in several))
        for graph, point in zip(found, points, strict=True)
    ]


#: Settings whose values are sequences.
SEQUENCES = ("widths", "gates", "balance")


def _is_axis(name: str, value: Any) -> bool:
    """Whether a setting's value stands for several."""
    several = [list, tuple, dict] if name in SEQUENCES else [object]
    return isinstance(value, list) and all(isinstance(one, tuple(several)) for one in value)


#: Settings that the name of a random graph tells of.
NAMED = ("widths", "seed")


def _renamed(graph: FunctionGraph, text: str) -> FunctionGraph:
    return FunctionGraph(graph.n_inputs, graph.levels, graph.outputs, None, f"{graph.name} {text}")


@checked
def write_graphs(graphs: Sequence[FunctionGraph], path: str | Path) -> None:
    """Write graphs to a JSON file, from which :func:`read_graphs` gives them again."""
    Path(path).write_text(json.dumps([graph.to_dict() for graph in graphs], indent=1))


@checked
def read_graphs(path: str | Path) -> list:
    """The graphs of a JSON file."""
    try:
        return [FunctionGraph.from_dict(one) for one in json.loads(Path(path).read_text())]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"path={str(path)!r}: {error}; allowed is a file of graphs") from None
