"""C++ files of the package that do what Python beside them does, in a fraction of its time."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, cast

from modnets.compiler.build_cache import NotCompiledError, compiler, load_library
from modnets.errors import first_line

#: Doubles as numpy has them: a fused multiply-add rounds once where it rounds twice.
AS_NUMPY = "-ffp-contract=off"


def c_function(source: Path, name: str, what: str, level: str) -> Callable[[Any], int] | None:
    """A function of a C++ file; None where there is no machine code of it, or no compiler.

    Parameters
    ----------
    source : Path
    name : str
        Of the function, which takes a pointer and hands back 64 bits, or nothing.
    what : str
        What goes without machine code where it cannot be compiled, which a line says once.
    level : str
        How much is optimized.
    """
    try:
        return _loaded(source, name, what, level) if compiler() else None
    except NotCompiledError:  # it may be allowed next time
        return None


@cache
def _loaded(source: Path, name: str, what: str, level: str) -> Callable[[Any], int] | None:
    text = source.read_text()
    try:
        library = load_library(text, lambda: text, f"{level} {AS_NUMPY}")
    except RuntimeError as error:
        print(f"modnets: {what} without machine code: {first_line(error)}", file=sys.stderr)
        return None
    function = library[name]
    function.restype, function.argtypes = ctypes.c_ulonglong, [ctypes.c_void_p]
    return cast("Callable[[Any], int]", function)
