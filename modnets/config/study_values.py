"""Values of settings as a study's file or a command line gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from modnets.config.grid import TOGETHER
from modnets.config.run_config import RunConfig
from modnets.config.settings import GRAPH_SETTINGS, NAMES
from modnets.config.validation import RANGES, REQUIRED_WORDS, SETTING_TYPES, WORDS, coerce
from modnets.config.yaml_text import from_yaml
from modnets.errors import one_of, require, shown
from modnets.models.hooks import HOOKS
from modnets.models.losses import LOSSES
from modnets.models.registry import MODELS
from modnets.tasks.graph_families import MAX_GRAPHS
from modnets.tasks.graph_specs import graph_from, graphs_from
from modnets.tasks.task import Task
from modnets.values import plain, spelled_range

WIDTHS = re.compile(r"\d+(-\d+)*")


def kind_of(name: str) -> Any:
    """The type of a setting, or of those that an axis stands for."""
    return SETTING_TYPES[TOGETHER.get(name, (name,))[0]].kind


def one_value(name: str, value: Any, folder: Path | None = None) -> Any:
    """A value of a setting: widths may be ``3-2``, graphs a name or a dict, numbers a text.

    Paths of files of graphs begin at ``folder``.
    """
    kind = kind_of(name)
    if name in GRAPH_SETTINGS and value is not None:
        return graph_from(value, name, folder)
    if name == "pretrained" and isinstance(value, Mapping):
        for inner in value:
            one_of("setting in pretrained", inner, NAMES)
        return RunConfig(**{n: one_value(n, inner, folder) for n, inner in value.items()})
    if kind is tuple:
        if isinstance(value, str) and WIDTHS.fullmatch(value):
            return tuple(map(int, value.split("-")))
        if isinstance(value, int) and not isinstance(value, bool):
            return (value,)
    return tuple(value) if isinstance(value, list) else value


def axis_values(name: str, value: Any, folder: Path | None = None) -> list[Any]:
    """The values along an axis: of a list each, of ``0:6`` or ``{range: [0, 6]}`` each number.

    A family of graphs, or a file of them, stands for each of its graphs.

    Raises
    ------
    ValueError
        One line with what is allowed.
    """
    if name in GRAPH_SETTINGS:
        return _graphs_along(name, value, folder)
    if kind_of(name) is int:
        value = spelled_range(name, value)
        require(
            not isinstance(value, Mapping),
            f"{name}={shown(value)}; allowed is a list, or a range, as {{range: [0, 6]}}",
        )
    if isinstance(value, list) or (isinstance(value, tuple) and kind_of(name) is not tuple):
        require(bool(value), f"{name}=[]; allowed is at least one value")
        ranged = kind_of(name) is int
        return [
            one
            for entry in value
            for one in (
                axis_values(name, entry)
                if ranged and isinstance(entry, str | Mapping)
                else [one_value(name, entry, folder)]
            )
        ]
    return [one_value(name, value, folder)]


def _graphs_along(name: str, value: Any, folder: Path | None) -> list[Any]:
    entries = value if isinstance(value, list | tuple) else [value]
    require(bool(entries), f"{name}=[]; allowed is at least one value")
    found: list[Any] = []
    for entry in entries:
        found += [None] if entry is None else graphs_from(entry, name, folder)
        require(len(found) <= MAX_GRAPHS, f"{name}: allowed are at most {MAX_GRAPHS:,} graphs")
    return found


def check_alone(name: str, value: Any) -> None:
    """Raise unless a setting may have a value, whatever the others are."""
    value = coerce(name, value)
    if value is None:
        return
    named: dict[str, Iterable[str]] = {"model": MODELS, "loss": LOSSES, **WORDS, **REQUIRED_WORDS}
    if name in named:
        one_of(name, value, named[name])
    for hook in value if name == "on_evaluation" else ():
        one_of(name, hook, HOOKS)
    if isinstance(value, int | float):
        allowed = RANGES[name]
        require(value in allowed, f"{name}={value}; allowed is {allowed}")


def written(value: Any) -> Any:
    """A value as YAML has it: tasks as dicts, ranges as ``0:6``, tuples as lists."""
    if isinstance(value, Task | RunConfig):
        return value.to_dict()
    if isinstance(value, range):
        return f"{value.start}:{value.stop}:{value.step}"
    if isinstance(value, Mapping):
        return {name: written(entry) for name, entry in value.items()}
    return [written(one) for one in value] if isinstance(value, list | tuple) else plain(value)


def from_words(name: str, text: str) -> Any:
    """What a command line gives for a setting: ``dense,shared``, ``0:20``, ``3-2``, ``[1, 2]``.

    Raises
    ------
    ValueError
        If it is no YAML.
    """
    whole = text.lstrip().startswith(("[", "{", '"', "'"))
    parts = [text] if whole or "," not in text else text.split(",")
    values = [from_yaml(part, name) for part in parts]
    return values[0] if len(values) == 1 else values
