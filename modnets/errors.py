"""Errors for people: one line with the parameter, the value given, and what is allowed."""

from __future__ import annotations

import contextlib
import difflib
import reprlib
from collections.abc import Iterable

SHORT = reprlib.Repr()
SHORT.maxlevel, SHORT.maxdict, SHORT.maxlist, SHORT.maxtuple = 4, 6, 8, 8
SHORT.maxstring = SHORT.maxlong = SHORT.maxother = 60


def require(condition: bool, message: str) -> None:
    """Raise ``ValueError(message)`` unless the condition holds."""
    if not condition:
        raise ValueError(message)


def one_of(parameter: str, value: object, allowed: Iterable[object]) -> None:
    """Raise unless the value is among the allowed ones; a near miss is named.

    Raises
    ------
    ValueError
        ``unknown graph '6-3-2': did you mean '6-3-2-2'? allowed: ...``
    """
    allowed = list(allowed)
    with contextlib.suppress(TypeError):  # what has no hash is not compared: an array, a table
        hash(value)
        if value in allowed:
            return
    raise ValueError(
        f"unknown {parameter} {shown(value)}{nearest(value, allowed)}; "
        f"allowed: {', '.join(map(str, allowed))}"
    )


def first_line(error: BaseException) -> str:
    """What an error says, in one line; its kind, where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def in_a_line(error: BaseException, width: int = 1000) -> str:
    """All that an error says, in one line, cut where it is endless."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= width else f"{text[: width - 4]} ..."


def nearest(value: object, allowed: Iterable[object]) -> str:
    """``", did you mean 'x'?"`` for the allowed name closest to the value, or nothing."""
    names = [str(name) for name in allowed]
    close = difflib.get_close_matches(shown(value).strip("'\""), names, n=1, cutoff=0.5)
    return f", did you mean {close[0]!r}?" if close else ""


def shown(value: object, width: int = 60) -> str:
    """How a value is shown in an error: its notation, shortened, in one line."""
    try:
        if isinstance(value, str):
            value = value if len(value) <= width else f"{value[: width - 3]}..."
        text = repr(value) if isinstance(value, str) else SHORT.repr(value)
        text = " ".join(text.split())
    except Exception:  # whatever a foreign __repr__ raises
        text = f"<{type(value).__name__}>"
    return text if len(text) <= width + 2 else f"{text[: width - 4]} ..."
