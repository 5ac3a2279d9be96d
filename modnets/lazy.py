"""Public names that are imported on first use, as the type stub beside a module lists them.

The stub (``.pyi``) is the one list: type checkers, ``dir`` and the lookup at run time read it.  It
may give a name of its own to what it imports: ``from .plots import plot_solved as solved``.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import sys
import warnings
from collections.abc import Mapping
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

from modnets.imports import imported

PACKAGE = Path(__file__).parent
#: Modules of public names, in the order in which a name that is missing is looked for.
NAMESPACES = ("modnets", "modnets.tasks", "modnets.models", "modnets.analysis", "modnets.plot")
#: Version with which old names go.
NAMES_GO_WITH = "0.3"
#: Module that knows the words of settings and results; it is imported when a name is missing.
GLOSSARY = "modnets.glossary"


class UnknownName(AttributeError):
    """A name that a module lacks.  Near names are searched only when its message is read.

    Parameters
    ----------
    module, name : str
    """

    def __init__(self, module: str, name: str) -> None:
        super().__init__(module, name)
        self.module, self.missing = module, name

    def __str__(self) -> str:
        text = f"{shown_as(self.module)} has no {self.missing!r}"
        if self.missing.startswith("_"):
            return text
        names = near_names(self.missing, self.module)
        exact = [name for name in names if name.rpartition(".")[2] == self.missing]
        meaning = importlib.import_module(GLOSSARY).hint(self.missing)
        hints = [meaning] * bool(meaning)
        if exact or (names and not meaning):
            hints.append(f"did you mean {' or '.join(exact or names)}?")
        return "; ".join([text, *(hints or [f"dir({shown_as(self.module)}) lists all names"])])


def attach(module: str, old_names: Mapping[str, str] | None = None) -> tuple[Any, Any]:
    """The functions ``__getattr__`` and ``__dir__`` of a module with a stub beside it.

    Parameters
    ----------
    module : str
        Its full name.
    old_names : mapping of str to str, optional
        Names that it had in the version before -> where they are now, as ``"plot.heatmap"``.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name == "__all__":
            return list(exports(module))
        if not name.startswith("_"):
            if name in exports(module):
                value = _imported(*exports(module)[name])
                setattr(sys.modules[module], name, value)
                return value
            if old_names and name in old_names:
                new = f"mn.{old_names[name]}"
                message = f"mn.{name} is {new} now; the old name goes with version {NAMES_GO_WITH}"
                warnings.warn(message, FutureWarning, stacklevel=3)  # through modnets.__getattr__
                return public(old_names[name])
        raise UnknownName(module, name)

    def __dir__() -> list[str]:  # noqa: N807
        return sorted(exports(module))

    return __getattr__, __dir__


@cache
def exports(module: str) -> dict[str, tuple[str, str]]:
    """Public name of a module -> the module that defines it, and its name there."""
    stub = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".pyi")
    package = module.rpartition(".")[0]
    if not stub.is_file():
        stub, package = stub.with_suffix("") / "__init__.pyi", module
    names = {}
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            source = resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                names[alias.asname or alias.name] = source, alias.name
    return names


def public(name: str) -> Any:
    """The object of a public name, as ``"plot.heatmap"``."""
    namespace, _, last = f"modnets.{name}".rpartition(".")
    return _imported(*exports(namespace)[last])


def near_names(name: str, module: str = "modnets") -> list[str]:
    """Up to three public names like one that is missing, those of the module asked first.

    Examples
    --------
    >>> near_names("heat", "modnets.plot")
    ['mn.plot.heatmap']
    """
    spaces = sorted(NAMESPACES, key=lambda space: space != module)
    homes: dict[str, str] = {}
    for space in spaces:
        for one in exports(space):
            homes.setdefault(one.lower(), f"{shown_as(space)}.{one}")
    if name.lower() in homes:
        return [homes[name.lower()]]
    close = difflib.get_close_matches(name.lower(), homes, n=3, cutoff=0.7)
    here = [one for one in close if homes[one].rpartition(".")[0] == shown_as(module)]
    return [homes[one] for one in here or close]


def shown_as(module: str) -> str:
    """A module as users write it: ``mn.plot``."""
    return f"mn{module.removeprefix('modnets')}"


def _imported(module: str, name: str) -> Any:
    inner = f"{module}.{name}"
    if inner in NAMESPACES:
        return imported(inner)
    return getattr(imported(module), name)
