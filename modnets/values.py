"""Conversion to built-in types: numbers, strings and lists of Python, numpy, torch and decimal.

Floating-point numbers of other libraries become the shortest decimal that rounds to them, so that
``numpy.float32(0.1)`` is 0.1 and gives the same run key.  Each function raises ``ValueError`` or
``TypeError`` for a value of another type; the caller says in one line what is allowed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from modnets.errors import require, shown

#: Largest integer, in absolute value: that of an int64 column.
MAX_INTEGER = 2**63 - 1
#: Numbers that a range may stand for: each is a run.
MAX_RANGE = 1_000_000
#: Largest depth of nested lists and dicts.
MAX_DEPTH = 32


def scalar(value: Any) -> Any:
    """The number in a zero-dimensional array or tensor; any other value as it is."""
    if hasattr(value, "ndim") and hasattr(value, "dtype"):
        require(value.ndim == 0, "an array")
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            return _shortest_decimal(value, torch)
        return value[()] if type(value).__name__ == "ndarray" else value
    return value


def _shortest_decimal(value: Any, torch: Any) -> Any:
    exact = value.item()
    if value.dtype.is_floating_point and math.isfinite(exact):
        decimals = (float(f"{exact:.{digits}g}") for digits in range(1, 18))
        return next(d for d in decimals if torch.tensor(d, dtype=value.dtype).item() == exact)
    return exact


def integer(value: Any) -> int:
    """An integer from -(2**63 - 1) to 2**63 - 1; 3.0 is one, True and "3" are none."""
    if type(value) is not int:
        value = scalar(value)
        require(isinstance(value, Real | Decimal) and not _is_bool(value), "no number")
    require(isinstance(value, Integral) or math.isfinite(value), "not finite")
    result = int(value)
    require(result == value and abs(result) <= MAX_INTEGER, "not whole, or too large")
    return result


def whole_range(text: str) -> list[int]:
    """A whole number, or the numbers of a range with its end left out: ``0:20``, ``0:20:2``.

    Raises
    ------
    ValueError
        What is allowed; an empty range is not.
    """
    allowed = "whole numbers, or a range such as 0:20 or 0:20:2"
    parts = []
    for part in text.split(":"):
        try:
            parts.append(integer(int(part)))
        except ValueError:
            most = f", at most {MAX_INTEGER}" if part.strip().lstrip("+-").isdecimal() else ""
            raise ValueError(f"allowed is {allowed}{most}") from None
    if len(parts) == 1:
        return parts
    require(
        len(parts) <= 3 and 0 not in parts[2:] and bool(range(*parts)), f"allowed are {allowed}"
    )
    first, end, step = (*parts, 1)[:3]
    count = -((first - end) // step) if step > 0 else -((end - first) // -step)
    require(count <= MAX_RANGE, f"{count:,} numbers; allowed are at most {MAX_RANGE:,}")
    return list(range(*parts))


def spelled_range(name: str, value: Any) -> Any:
    """The numbers that ``0:6``, ``{range: [0, 6]}`` or a range stand for; others as they are.

    Raises
    ------
    ValueError
        If it is meant as a range and stands for no numbers.
    """
    if isinstance(value, range):
        return list(value)
    if isinstance(value, Mapping) and [*value] == ["range"]:
        ends = value["range"]
        allowed = f"{name}={shown(value)}; allowed is a list, or a range, as {{range: [0, 6]}}"
        require(isinstance(ends, list | tuple) and 2 <= len(ends) <= 3, allowed)
        value = ":".join(map(str, ends))
    elif not isinstance(value, str) or ":" not in value:
        return value
    try:
        return whole_range(value)
    except ValueError as error:
        raise ValueError(f"{name}={shown(value)}; {error}") from None


def number(value: Any) -> float:
    """A finite number, as the shortest decimal that rounds to it."""
    if type(value) is float:
        require(math.isfinite(value), "not finite")
        return value
    value = scalar(value)
    require(isinstance(value, Real | Decimal) and not _is_bool(value), "no number")
    short = type(value).__module__ == "numpy" and not isinstance(value, Integral | float)
    result = float(str(value)) if short else float(value)
    require(math.isfinite(result), "not finite")
    return result


def boolean(value: Any) -> bool:
    """True or False; 0 and 1 are converted."""
    value = scalar(value)
    require(isinstance(value, Real) or _is_bool(value), "no truth value")
    require(value in (0, 1), "neither")
    return bool(value)


def plain(value: Any, depth: int = 0) -> Any:
    """A JSON value; its lists and dicts are deep copies, and immutable.

    Integers stay integers, and 6.0 stays 6.0: a network may treat them differently.
    """
    require(depth <= MAX_DEPTH, "too deep")
    if value is None or isinstance(value, str):
        return value if value is None else str(value)
    if isinstance(value, Mapping):
        require(all(isinstance(name, str) for name in value), "keys are words")
        return FrozenDict({str(k): plain(v, depth + 1) for k, v in value.items()})
    if hasattr(value, "ndim") and hasattr(value, "tolist") and value.ndim > 0:
        value = list(value)
    if isinstance(value, list | tuple):
        return FrozenList(plain(v, depth + 1) for v in value)
    value = scalar(value)
    if _is_bool(value):
        return bool(value)
    return integer(value) if isinstance(value, Integral) else number(value)


def thawed(value: Any) -> Any:
    """Mutable dicts and lists, from those that ``plain`` made immutable."""
    if isinstance(value, dict):
        return {name: thawed(entry) for name, entry in value.items()}
    return [thawed(entry) for entry in value] if isinstance(value, list) else value


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")


def _frozen(self: Any, *_: Any, **__: Any) -> Any:
    raise TypeError("options of a run cannot be changed; dataclasses.replace makes another run")


class FrozenList(list):
    """An immutable list; equal to a list of the same entries."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _frozen
    append = extend = insert = pop = remove = clear = sort = reverse = _frozen

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self),)


class FrozenDict(dict):
    """An immutable dict; equal to a dict of the same entries."""

    __setitem__ = __delitem__ = __ior__ = _frozen
    pop = popitem = clear = update = setdefault = _frozen

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)
