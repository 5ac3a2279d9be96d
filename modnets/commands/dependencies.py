"""What a notebook depends on: the modules that its names come from, and their imports.

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
from modnets.source_files import dependencies, file_of, imported


def files_of(notebook: Notebook) -> list[Path]:
    """The files of the package that a notebook depends on, sorted.

    Parameters
    ----------
    notebook : Notebook
        What it takes of ``mn``, or imports from ``modnets``, counts.
    """
    tree = ast.parse("\n".join(cells_of(notebook)))
    taken = {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _of_mn(node)
    }
    roots = [path for name, path in public_names().items() if name in taken]
    return dependencies([*roots, *imported(tree)])


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
            line = getattr(error, "lineno", None)
            reason = f"line {line}, " if line else ""
            reason += getattr(error, "msg", None) or first_line(error)
            raise ValueError(
                f"{notebook.path}: code cell {number} is no Python ({reason}); allowed is what runs"
            ) from None
        yield text


@cache
def public_names() -> dict[str, Path]:
    """The names that ``modnets`` exports, with the files that define them."""
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text())
    lines = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    files = {n.name: file_of(f"modnets.{line.module}") for line in lines for n in line.names}
    return {name: path for name, path in files.items() if path is not None}


def _of_mn(node: ast.Attribute) -> bool:
    """Whether it is an attribute of ``mn``."""
    return isinstance(node.value, ast.Name) and node.value.id == "mn"
