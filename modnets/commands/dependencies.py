"""What a notebook depends on: the rooms that its names come from, and all that these import.

Read from the text of the files, so that nothing has to run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from modnets.commands.parameters import Notebook
from modnets.errors import first_line
from modnets.paths import PACKAGE

#: What rooms read that Python does not import.
BESIDE = {"training/compiler/source.py": ["training/compiler/vectors.h"]}


def files_of(notebook: Notebook) -> list[Path]:
    """The files of the package that a notebook depends on, sorted.

    Parameters
    ----------
    notebook : Notebook
        What it takes of ``mn``, or imports from ``modnets``, counts.
    """
    tree = ast.parse("\n".join(cells_of(notebook)))
    taken = {node.attr for node in ast.walk(tree) if _is_taken(node)}
    todo = [room for name, room in public_names().items() if name in taken]
    todo += imported(tree)
    found: set[Path] = set()
    while todo:
        room = todo.pop()
        if room not in found:
            found.add(room)
            todo += imported(ast.parse(room.read_text()))
    beside = [PACKAGE / extra for room, extras in BESIDE.items() for extra in extras
              if PACKAGE / room in found]  # fmt: skip
    return sorted(found | set(beside))


def cells_of(notebook: Notebook) -> Iterator[str]:
    """The code of its cells, IPython's magics as calls.

    Raises
    ------
    ValueError
        If a cell is no Python.
    """
    code = (cell.source for cell in notebook.content.cells if cell.cell_type == "code")
    for number, source in enumerate(code, start=1):
        try:
            text = TransformerManager().transform_cell(source)
            ast.parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
            reason = f"line {error.lineno}, " if getattr(error, "lineno", None) else ""
            reason += getattr(error, "msg", None) or first_line(error)
            raise ValueError(
                f"{notebook.path}: code cell {number} is no Python ({reason}); allowed is what runs"
            ) from None
        yield text


def imported(tree: ast.AST) -> Iterator[Path]:
    """The rooms that a piece of code imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "modnets":
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from filter(None, map(_room, [node.module, *names]))
        if isinstance(node, ast.Import):
            yield from filter(None, (_room(alias.name) for alias in node.names))


@cache
def public_names() -> dict[str, Path]:
    """The names that ``modnets`` hands on, with the rooms in which they live."""
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text())
    lines = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    rooms = {alias.name: _room(f"modnets.{line.module}") for line in lines for alias in line.names}
    return {name: room for name, room in rooms.items() if room is not None}


def _room(module: str) -> Path | None:
    """The file of a module of the package; None for other modules and for packages."""
    first, *parts = module.split(".")
    path = PACKAGE.joinpath(*parts).with_suffix(".py")
    return path if first == "modnets" and parts and path.is_file() else None


def _is_taken(node: ast.AST) -> bool:
    """Whether it is a name out of ``mn``."""
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "mn"
    )
