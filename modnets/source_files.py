"""Which files of the package a piece of code depends on, derived from its imports.

What is cached on disk (machine code, figures) is made anew when one of these files changes.  They
are read as text, so that nothing has to run.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from modnets.paths import PACKAGE

#: An import in a file of the package, as the formatter leaves them: module and names, or modules.
IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(modnets[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)"
    r"|import[ \t]+([^\n]*))",
    re.MULTILINE,
)
COMMENT = re.compile(r"#[^\n]*")
#: A text in quotes that may name a file: one word with an ending.
FILE_NAME = re.compile(r"""["']([A-Za-z_]\w*\.\w+)["']""")


def dependencies(roots: Iterable[Path]) -> list[Path]:
    """Files of the package and all files that they import or read, also indirectly, sorted.

    Parameters
    ----------
    roots : iterable of Path
        Python files of the package.
    """
    todo, found = list(roots), set()
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo += _direct(path) if path.suffix == ".py" else ()
    return sorted(found)


@cache
def source_digest(*roots: Path) -> str:
    """A hash of the content of files of the package, and of all that they depend on."""
    digest = hashlib.sha256()
    for path in dependencies(roots):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def imported(tree: ast.AST) -> Iterator[Path]:
    """The files of the package that a piece of code imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "modnets":
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from filter(None, map(file_of, [str(node.module), *names]))
        if isinstance(node, ast.Import):
            yield from filter(None, (file_of(alias.name) for alias in node.names))


def file_of(module: str) -> Path | None:
    """The file of a module of the package; None for other modules and for packages."""
    first, *parts = module.split(".")
    path = PACKAGE.joinpath(*parts).with_suffix(".py")
    return path if first == "modnets" and parts and path.is_file() else None


@cache
def _direct(path: Path) -> tuple[Path, ...]:
    """What a file imports, and the files beside it that its code names, as ``"simd.h"``.

    Found by search in the text: syntax trees of two hundred files take a second.
    """
    text = path.read_text(encoding="utf-8")
    modules: list[str] = []
    for module, some, plain in IMPORT.findall(text):
        names = COMMENT.sub("", some or plain).strip("() \n").split(",")
        words = [name.split()[0] for name in names if name.strip()]
        modules += [module, *(f"{module}.{word}" for word in words)] if module else words
    beside = map(path.with_name, set(FILE_NAME.findall(text)))
    return (*filter(None, map(file_of, modules)), *filter(Path.is_file, beside))
