"""Graphs as files and command lines give them: a name, a dict, a family, a file of graphs.

Families are those of :data:`modnets.tasks.graph_families.FAMILIES`; what is added there is known
here too.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from modnets.errors import in_a_line, one_of, require, shown
from modnets.paths import expanded
from modnets.tasks.graph_families import FAMILIES, SEQUENCES, graphs, read_graphs
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.serialization import task_from_dict
from modnets.tasks.task import Task
from modnets.values import spelled_range

#: Names the graphs of a JSON file, as ``{file: graphs.json}``.
FILE = "file"
#: Of a random graph, in place of ``seed``: several, each fair as those of :func:`modnets.graphs`.
SEEDS = "seeds"

Made = TypeVar("Made")


def graph_from(value: Any, parameter: str = "graph", folder: Path | None = None) -> Task:
    """The one task that a value of JSON or YAML stands for.

    Parameters
    ----------
    value : str, dict or Task
        As for :func:`graphs_from`.
    parameter : str
        For the error.
    folder : Path, optional
        Where relative paths begin.

    Raises
    ------
    ValueError
        One line with what is allowed.
    """
    found = graphs_from(value, parameter, folder)
    require(
        len(found) == 1,
        f"{parameter}={shown(value)}: {len(found):,} graphs; allowed is one here, several along an "
        "axis",
    )
    return found[0]


def graphs_from(value: Any, parameter: str = "graph", folder: Path | None = None) -> list[Task]:
    """The tasks that a value of JSON or YAML stands for.

    Parameters
    ----------
    value : str, dict or Task
        A name; what ``to_dict`` of a task gives; ``{n_inputs: 6, levels: [[XOR 0 1, ...], ...]}``;
        a family with its parameters, ``{tree: {depth: [1, 2, 3]}}``; ``{file: graphs.json}``.
    parameter : str
        For the error.
    folder : Path, optional
        Where relative paths begin; by default the working folder.

    Raises
    ------
    ValueError
        One line with what is allowed.
    """
    if isinstance(value, Task | str):
        return [get_graph(value)]
    require(
        isinstance(value, Mapping),
        f"{parameter}={shown(value)}; allowed is a name, as 6-3-2-2, or a dict",
    )
    if len(value) != 1:
        return [_made(lambda: _from_dict(value), parameter, value)]
    ((family, parameters),) = value.items()
    if family == FILE:
        return _made(lambda: _of_file(parameters, folder), parameter, value)
    one_of("family of graphs", family, [*FAMILIES, FILE])
    names = _parameters_of(family)
    require(
        parameters is None or isinstance(parameters, Mapping),
        f"{parameter}={shown(value)}; allowed are parameters of {family}: {', '.join(names)}",
    )
    for name in parameters or {}:
        one_of(f"parameter of {family}", name, names)
    return _made(lambda: _of_family(family, parameters or {}), parameter, value)


def _parameters_of(family: str) -> list[str]:
    several = [SEEDS] if family == "random" else []
    return [*inspect.signature(FAMILIES[family]).parameters, *several]


def _of_family(family: str, parameters: Mapping[str, Any]) -> list[Task]:
    """The graphs of a family, for each combination of its parameters' values."""
    axes = {name: _axis(name, value) for name, value in parameters.items()}
    if family != "random":
        return graphs(family=family, **axes)
    require(not {"seed", SEEDS} <= axes.keys(), "seed and seeds; allowed is one or the other")
    if SEEDS in axes:
        require(
            type(parameters[SEEDS]) is not int,
            f"{SEEDS}={parameters[SEEDS]}; allowed is a range, as 0:{parameters[SEEDS]}, or a list",
        )
        return graphs(axes.pop(SEEDS), family, **axes)
    return graphs(axes.pop("seed", [0]), family, **{"balance": None} | axes)


def _axis(name: str, value: Any) -> Any:
    """The values that a parameter takes in turn, or the one it has where that is a sequence."""
    if name in SEQUENCES:
        return value
    entries = value if isinstance(value, list) else [value]
    found = [spelled_range(name, one) for one in entries]
    values = [one for some in found for one in (some if isinstance(some, list) else [some])]
    require(bool(values), f"{name}=[]; allowed is at least one value")
    return values


def _of_file(path: Any, folder: Path | None) -> list[Task]:
    found = read_graphs((folder or Path()) / expanded(path, FILE))
    require(bool(found), "there is no graph in it; allowed is a file of graphs")
    return found


def _from_dict(spec: Mapping[str, Any]) -> Task:
    """A task from what its ``to_dict`` gives, or a graph from gates in words."""
    in_words = all(isinstance(node, str) for level in spec.get("levels", ()) for node in level)
    if "levels" in spec and in_words and "table" not in spec:
        for name in spec:
            one_of("entry of a graph", name, list(inspect.signature(FunctionGraph).parameters))
        return FunctionGraph(**spec)
    return task_from_dict(spec)


def _made(make: Callable[[], Made], parameter: str, value: Any) -> Made:
    try:
        return make()
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        said = f"no {error}" if isinstance(error, KeyError) else in_a_line(error)
        raise ValueError(f"{parameter}={shown(value)}: {said}") from None
