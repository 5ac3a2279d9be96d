"""Error messages for users: one line with the parameter, its value, and what is allowed."""

from __future__ import annotations

import contextlib
import difflib
import reprlib
from collections.abc import Iterable

#: Notation of a value in an error, shortened.
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
    with contextlib.suppress(TypeError):  # unhashable values are not compared: arrays, tables
        hash(value)
        if value in allowed:
            return
    raise ValueError(
        f"unknown {parameter} {shown(value)}{nearest(value, allowed)}; "
        f"allowed: {', '.join(map(str, allowed))}"
    )


def first_line(error: BaseException) -> str:
    """The first line of an error's message; its type where it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def in_a_line(error: BaseException, width: int = 1000) -> str:
    """An error's message in one line of at most ``width`` characters; its type if it has none."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= width else f"{text[: width - 4]} ..."


def nearest(value: object, allowed: Iterable[object]) -> str:
    """``", did you mean 'x'?"`` for the allowed name closest to the value, or nothing."""
    names = [str(name) for name in allowed]
    close = difflib.get_close_matches(shown(value).strip("'\""), names, n=1, cutoff=0.5)
    return f", did you mean {close[0]!r}?" if close else ""


def shown(value: object, width: int = 60) -> str:
    """A value as an error shows it: its repr, shortened, in one line."""
    try:
        if isinstance(value, str):
            value = value if len(value) <= width else f"{value[: width - 3]}..."
        text = repr(value) if isinstance(value, str) else SHORT.repr(value)
        text = " ".join(text.split())
    except Exception:  # whatever the __repr__ of another library raises
        text = f"<{type(value).__name__}>"
    return text if len(text) <= width + 2 else f"{text[: width - 4]} ..."
