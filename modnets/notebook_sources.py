"""What a notebook or script depends on: the modules that its names come from, and their imports.

Read from the text of the files, so that nothing has to run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from modnets.errors import first_line
from modnets.lazy import NAMESPACES, exports
from modnets.notebook_files import Notebook
from modnets.old_names import OLD_NAMES
from modnets.source_files import dependencies, file_of, imported


def files_of(notebook: Notebook) -> list[Path]:
    """The files of the package that a notebook depends on, sorted.

    Parameters
    ----------
    notebook : Notebook
        Public names that it uses (``mn.x``, ``mn.plot.x``), and what it imports from ``modnets``.
    """
    return files_of_code("\n".join(cells_of(notebook)))


def files_of_code(code: str) -> list[Path]:
    """The files of the package that some Python code depends on, sorted.

    Raises
    ------
    SyntaxError
        If it is no Python.
    """
    tree = ast.parse(code)
    files = [file_of(module) for module in _modules_of_names(tree)]
    return dependencies([*filter(None, files), *imported(tree)])


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


def _modules_of_names(tree: ast.AST) -> Iterator[str]:
    """The modules that define the public names that code uses or imports."""
    aliases = {"mn": "modnets"}  # variable -> namespace
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in NAMESPACES:
                    first = alias.name.split(".")[0]
                    aliases[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module in NAMESPACES:
            for alias in node.names:
                if f"{node.module}.{alias.name}" in NAMESPACES:
                    aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield from _definition(node.module, alias.name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            namespace = _namespace(node.value, aliases)
            if namespace is not None:
                yield from _definition(namespace, node.attr)


def _namespace(node: ast.expr, aliases: dict[str, str]) -> str | None:
    """The namespace that an expression stands for: ``mn``, ``mn.plot``."""
    if isinstance(node, ast.Name):
        return aliases.get(node.id)
    if isinstance(node, ast.Attribute):
        inner = f"{_namespace(node.value, aliases)}.{node.attr}"
        return inner if inner in NAMESPACES else None
    return None


def _definition(namespace: str, name: str) -> Iterator[str]:
    """The module that defines a public name; of an old name that of the new one."""
    if namespace == "modnets" and name in OLD_NAMES:
        space, _, name = OLD_NAMES[name].partition(".")
        namespace = f"modnets.{space}"
    if name in exports(namespace):
        yield exports(namespace)[name][0]
