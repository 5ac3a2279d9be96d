"""The source of a model of the user's own: an edited model is another one."""

from __future__ import annotations

import inspect
from types import CodeType
from typing import Any

from modnets.models.registry import BUILT_IN, MODELS


def source_of(model: str) -> str:
    """The source text of a model of the user's own, so that an edit is noticed; else nothing."""
    if model in BUILT_IN:
        return ""
    builder = MODELS[model]
    # Method by method: the source of a whole class is not to be had in a notebook.
    parts = vars(builder).values() if inspect.isclass(builder) else [builder]
    return "\n".join(_text(part) for part in parts if inspect.isroutine(part))


def _text(function: Any) -> str:
    """A function's source, or what it was compiled to where there is no source."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        return repr(function) if code is None else _compiled(code)


def _compiled(code: CodeType) -> str:
    consts = [_compiled(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {consts}"
