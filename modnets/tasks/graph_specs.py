"""Graphs as files and command lines give them: a name, a dict, or a family to draw from.

``FAMILIES_OF_GRAPHS`` is where a family of random graphs is added: its name, and the function of
its parameters that makes one graph.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from modnets.errors import in_a_line, one_of, require, shown
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.random_graphs import random_graph
from modnets.tasks.serialization import task_from_dict
from modnets.tasks.task import Task

#: Family -> what makes one of its graphs; ``{random: {widths: [6, 3, 2, 2], seed: 1}}`` in a study.
FAMILIES_OF_GRAPHS: dict[str, Callable[..., Task]] = {"random": random_graph}


def graph_from(value: Any, parameter: str = "graph") -> Task:
    """The task that a value of JSON or YAML stands for.

    Parameters
    ----------
    value : str, dict or Task
        A name; what ``to_dict`` of a task gives; ``{n_inputs: 6, levels: [[XOR 0 1, ...], ...]}``;
        or a family with its parameters, ``{random: {widths: [6, 3, 2, 2], seed: 1}}``.
    parameter : str
        For the error.

    Raises
    ------
    ValueError
        One line with what is allowed.
    """
    if isinstance(value, Task | str):
        return get_graph(value)
    require(
        isinstance(value, Mapping),
        f"{parameter}={shown(value)}; allowed is a name, as 6-3-2-2, or a dict",
    )
    if len(value) == 1:
        ((family, parameters),) = value.items()
        one_of("family of graphs", family, FAMILIES_OF_GRAPHS)
        make = FAMILIES_OF_GRAPHS[family]
        names = list(inspect.signature(make).parameters)
        require(
            isinstance(parameters, Mapping),
            f"{parameter}={shown(value)}; allowed are parameters of {family}: {', '.join(names)}",
        )
        for name in parameters:
            one_of(f"parameter of {family}", name, names)
        return _made(lambda: make(**parameters), parameter, value)
    return _made(lambda: _from_dict(value), parameter, value)


def _from_dict(spec: Mapping[str, Any]) -> Task:
    """A task from what its ``to_dict`` gives, or a graph from gates in words."""
    in_words = all(isinstance(node, str) for level in spec.get("levels", ()) for node in level)
    if "levels" in spec and in_words and "table" not in spec:
        for name in spec:
            one_of("entry of a graph", name, list(inspect.signature(FunctionGraph).parameters))
        return FunctionGraph(**spec)
    return task_from_dict(spec)


def _made(make: Callable[[], Task], parameter: str, value: Any) -> Task:
    try:
        return make()
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        said = f"no {error}" if isinstance(error, KeyError) else in_a_line(error)
        raise ValueError(f"{parameter}={shown(value)}: {said}") from None
