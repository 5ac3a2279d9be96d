"""The names that a code object refers to: globals, attributes and imported modules."""

from __future__ import annotations

import dis
import types
from collections.abc import Iterator
from functools import cache

#: Names whose use in code lets it look up globals, and attributes of modules, by strings.
GLOBALS_BY_TEXT = {"globals", "eval", "exec"}
ATTRIBUTES_BY_TEXT = {"getattr", "vars", "__dict__", "eval", "exec"}


@cache
def names_in(code: types.CodeType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that a code object and the functions nested in it use.

    Returns
    -------
    globals : tuple of str
        With the strings in the code where it can look up globals by them.
    attributes : tuple of str
        Every name in the code, any of which may be an attribute.
    """
    names: list[str] = []
    attributes: list[str] = []
    strings: list[str] = []
    for one in _nested(code):
        attributes += one.co_names
        strings += [text for text in one.co_consts if isinstance(text, str)]
        names += [
            step.argval
            for step in dis.get_instructions(one)
            if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
        ]
    if not GLOBALS_BY_TEXT.isdisjoint(attributes):
        names += [text for text in strings if text.isidentifier()]
    return tuple(dict.fromkeys(names)), tuple(dict.fromkeys(attributes))


@cache
def imported_in(code: types.CodeType) -> tuple[str, ...]:
    """Modules that a code object and the functions nested in it import when they are called."""
    modules: list[str] = []
    for one in _nested(code):
        steps = dis.get_instructions(one)
        modules += [step.argval for step in steps if step.opname == "IMPORT_NAME"]
    return tuple(dict.fromkeys(modules))


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    """A code object and those among its constants, last one first, at any depth."""
    todo = [code]
    while todo:
        one = todo.pop()
        yield one
        todo += [inner for inner in one.co_consts if isinstance(inner, types.CodeType)]
