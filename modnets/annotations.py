"""Conversion of values to the types that annotations name, by the text of the annotation.

The text alone is read, so that no module has to be imported for its types.
"""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from modnets.errors import require
from modnets.values import boolean, integer, number

#: Aliases of types.
ALIASES = {"Config": "RunConfig", "Known": "Sequence", "Builder": "Callable"}
#: Annotations -> what the function itself allows.
SPELT_OUT = {
    "Sequence[Axes] | None": "Sequence[Axes | None] | None",  # the function checks how many
    "str | FunctionGraph": "str | Task",  # the function checks which graphs
    "Spaces": "Sequence[tuple[VersionSpace | DenseVersionSpace, Sequence[RunConfig]]]",
}
TASKS = ("str | FunctionGraph", "str | Task", "Task | str")
MAX_ITEMS = 10_000_000  # of a list; an iterator may have no end
#: Types as an error describes them.
WORDS = {
    "int": "a whole number",
    "float": "a finite number",
    "bool": "True or False",
    "str": "a word",
    "Path": "a path",
    "DataFrame": "a table (pandas DataFrame)",
    "ndarray": "an array",
    "Axes": "axes of matplotlib",
    "Figure": "a figure of matplotlib",
    "Module": "a network (torch.nn.Module)",
    "Callable": "a function",
    "RunConfig": "a RunConfig",
}


@functools.cache
def options_of(kind: str) -> tuple[str, ...]:
    """The members of a union: ``Sequence[int | None] | None`` -> Sequence[int | None], None."""
    return tuple(option.strip() for option in _split(SPELT_OUT.get(kind, kind), "|"))


@functools.cache
def outer_and_inner(option: str) -> tuple[str, tuple[str, ...]]:
    """``Sequence[str]`` -> Sequence, (str,)."""
    outer, _, rest = option.partition("[")
    outer = outer.rsplit(".", 1)[-1]
    inner = _split(rest.removesuffix("]"), ",")
    return ALIASES.get(outer, outer), tuple(kind.strip() for kind in inner if kind.strip())


def _split(text: str, separator: str) -> list[str]:
    """Split a text at a character, but not inside brackets."""
    pieces, depth = [""], 0
    for letter in text:
        depth += (letter in "[(") - (letter in "])")
        if letter == separator and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += letter
    return pieces


def read_as(option: str, value: Any) -> Any:
    """A value converted to one type; ValueError or TypeError if it is of another."""
    outer, inner = outer_and_inner(option)
    if outer in ("Any", "object"):
        return value
    if outer == "None":
        require(value is None, "")
        return value
    if outer in READERS:
        return READERS[outer](value)
    if outer in ("Sequence", "Iterable", "tuple", "list"):
        return _items(outer, inner, value)
    if outer in ("Mapping", "dict"):
        require(isinstance(value, Mapping), "")
        for key, entry in value.items():
            if inner:
                _read_any(inner[0], key)
                _read_any(inner[1], entry)
        return value
    if outer == "Callable":
        require(callable(value), "")
        return value
    if outer == "type":
        require(isinstance(value, type), "")
        require(any(kind.__name__ == inner[0] for kind in value.__mro__), "")
        return value
    require(not isinstance(value, type), "")
    require(any(kind.__name__ == outer for kind in type(value).__mro__), "")
    return value


def in_words(kind: str) -> str:
    """What an annotation allows, in words."""
    if kind in TASKS:
        return "the name of a graph, or a task"
    return " or ".join(dict.fromkeys(_option_in_words(option) for option in options_of(kind)))


def _option_in_words(option: str) -> str:
    outer, inner = outer_and_inner(option)
    if outer in ("Sequence", "Iterable", "tuple", "list"):
        if not inner or inner[0] == "Any":
            return "a list"
        return f"a list, each {in_words(inner[0])}"
    if outer in ("Mapping", "dict"):
        return "a dict" + (f", each value {in_words(inner[1])}" if len(inner) > 1 else "")
    if outer == "None":
        return "None"
    if outer == "type":
        return f"a class, {inner[0]} or one derived from it"
    return WORDS.get(outer, f"a {outer}")


def _read_any(kind: str, value: Any) -> Any:
    for option in options_of(kind):
        try:
            return read_as(option, value)
        except (TypeError, ValueError, OverflowError):
            continue
    raise ValueError(kind)


def _items(outer: str, inner: tuple[str, ...], value: Any) -> Any:
    require(not isinstance(value, str | bytes | Mapping | type), "")
    require(type(value).__name__ != "DataFrame", "")
    require(outer == "Iterable" or not isinstance(value, set | frozenset), "")
    if hasattr(value, "ndim"):
        require(value.ndim > 0 and (value.ndim == 1 or outer != "Iterable"), "")
    require(hasattr(value, "__len__") or outer == "Iterable", "")
    if hasattr(value, "__len__"):
        require(len(value) <= MAX_ITEMS, "")
    entries: Iterable[Any] = value
    fixed = outer == "tuple" and "..." not in inner
    if fixed and inner:
        require(len(value) == len(inner), "")
        items = [_read_any(kind, entry) for kind, entry in zip(inner, entries, strict=True)]
    elif inner and inner[0] != "Any":
        items = [_read_any(inner[0], entry) for entry in entries]
    else:
        items = list(entries)
    same = isinstance(value, list | tuple) and all(map(operator.is_, items, value))
    if outer == "tuple":
        return value if same and isinstance(value, tuple) else tuple(items)
    return value if same else items


def _number(value: Any) -> float:
    """A number; an int stays an int."""
    return integer(value) if type(value) is int else number(value)


def _word(value: Any) -> str:
    require(isinstance(value, str), "")
    return value


def _path(value: Any) -> Any:
    require(isinstance(value, os.PathLike), "")
    return value


def _array(value: Any) -> Any:
    """An array; a list becomes an array of objects, as of axes."""
    if isinstance(value, list | tuple):
        import numpy as np

        array = np.empty(len(value), dtype=object)
        for index, entry in enumerate(value):
            array[index] = entry
        return array
    require(type(value).__name__ == "ndarray", "")
    return value


READERS: dict[str, Callable[[Any], Any]] = {
    "int": integer,
    "float": _number,
    "bool": boolean,
    "str": _word,
    "Path": _path,
    "ndarray": _array,
}
