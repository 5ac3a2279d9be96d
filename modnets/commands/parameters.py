"""The notebooks and their parameters, and values for them read from the command line."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import nbformat
from papermill import inspect_notebook

from modnets.errors import nearest, require
from modnets.paths import FIGURES, expanded

#: Named outright, so that the file of a notebook need not name a kernel.
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
SUFFIXES = (".svg", ".png", ".csv")
WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list, as [1, 2] or 1,2",
}


@dataclass(frozen=True)
class Parameter:
    """A line of a notebook's parameters cell: ``name: kind = default  # meaning``."""

    name: str
    kind: str
    default: Any
    meaning: str

    def read(self, text: str) -> Any:
        """The value that a word of the command line stands for, in the type of the default.

        Raises
        ------
        ValueError
            ``parameter epochs='x'; allowed is a whole number``
        """
        readers: dict[str, Callable[[str], Any]] = {
            "int": int,
            "float": float,
            "bool": _truth,
            "list": self._items,
        }
        try:
            return readers.get(self.kind, str)(text)
        except (ValueError, SyntaxError, TypeError):
            raise ValueError(
                f"parameter {self.name}={text!r}; allowed is {WORDS[self.kind]}"
                + (f" with entries like {self.default[0]!r}" if self._has_items else "")
            ) from None

    @property
    def _has_items(self) -> bool:
        return self.kind == "list" and bool(self.default)

    def _items(self, text: str) -> list[Any]:
        """A list in Python's or JSON's notation, or its entries with commas between."""
        try:
            found = _literal(text)
        except (ValueError, SyntaxError):
            found = [_literal_or_word(part) for part in text.split(",")]
        items = list(found) if isinstance(found, list | tuple) else [found]
        if self._has_items:
            like = {type(entry) for entry in self.default}
            like |= {int} if float in like else set()
            require(all(type(item) in like for item in items), text)
        return items


@dataclass(frozen=True)
class Notebook:
    """A notebook by the path of its file."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the file, without ending."""
        return self.path.stem

    @cached_property
    def content(self) -> nbformat.NotebookNode:
        """The notebook, its kernel set to Python's own."""
        try:
            content = nbformat.read(self.path, as_version=4)
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0][:80]
            raise ValueError(f"{self.path} is no notebook ({reason})") from None
        content.metadata["kernelspec"] = KERNEL
        return content

    @cached_property
    def question(self) -> str:
        """Its first heading."""
        texts = (cell.source for cell in self.content.cells if cell.cell_type == "markdown")
        lines = (line for text in texts for line in text.splitlines())
        return next((line.lstrip("# ") for line in lines if line.startswith("#")), "")

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The lines of the cell tagged ``parameters``, as papermill sees them."""
        found = {}
        for name, seen in inspect_notebook(self.content).items():
            default = _literal_or_word(seen["default"])
            kind = seen["inferred_type_name"]
            kind = kind if kind in (*WORDS, "str") else type(default).__name__
            found[name] = Parameter(name, kind, default, seen["help"])
        return found

    @property
    def has_figure(self) -> bool:
        """Whether it draws one; metadata ``{"modnets": {"figure": false}}`` say it does not."""
        return self.content.metadata.get("modnets", {}).get("figure", True)

    def figure_files(self, values: dict[str, Any]) -> list[Path]:
        """The files of its figure: drawing, picture, and the numbers behind them.

        Parameters
        ----------
        values : dict
            Parameters that differ from their defaults; ``figure_folder`` is the one that matters.
        """
        if not self.has_figure:
            return []
        default = self.parameters.get("figure_folder")
        folder = values.get("figure_folder", default.default if default else "")
        base = self.path.parent / folder if folder else FIGURES
        return [base / f"{self.name}{suffix}" for suffix in SUFFIXES]

    def read(self, words: dict[str, str]) -> dict[str, Any]:
        """The values of those parameters that this notebook has.

        Raises
        ------
        ValueError
            If a value does not fit the type of the parameter's default.
        """
        values = {}
        for name, text in words.items():
            if name in self.parameters:
                value = self.parameters[name].read(text)
                if name.endswith(("_folder", "_path")) and value:
                    # The user's shell means her working folder, not the notebook's.
                    value = str(expanded(value, name).absolute())
                values[name] = value
        return values


def find_notebooks(folder: Path) -> dict[str, Notebook]:
    """Name -> notebook, for the notebooks of a folder."""
    return {path.stem: Notebook(path) for path in sorted(folder.glob("*.ipynb"))}


def check_parameters(notebooks: list[Notebook], names: list[str]) -> None:
    """Raise unless each name is a parameter of at least one of the notebooks.

    Raises
    ------
    ValueError
        ``unknown parameter 'depht', did you mean 'depth'?``
    """
    known = sorted({name for notebook in notebooks for name in notebook.parameters})
    for name in names:
        require(
            name in known,
            f"unknown parameter {name!r}{nearest(name, known)}; allowed: {', '.join(known)}",
        )


def _truth(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    require(text.lower() in words, text)
    return words[text.lower()]


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return json.loads(text)


def _literal_or_word(text: str) -> Any:
    try:
        return _literal(text.strip())
    except (ValueError, SyntaxError):
        return text.strip()
