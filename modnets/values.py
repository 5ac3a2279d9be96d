"""Plain values: whatever stands for a number, a word or a list, as Python's own.

numpy's, torch's and decimal's numbers are taken at the shortest decimal that gives them, so that
``numpy.float32(0.1)`` is 0.1 and names the same run.  Each reader raises ``ValueError`` or
``TypeError`` for what is none; the caller says in a line what is allowed.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from modnets.errors import require

#: Whole numbers are at most this: more does not fit into the columns of a table.
MAX_WHOLE = 2**63 - 1
#: Lists inside of lists, at most.
MAX_DEPTH = 32


def scalar(value: Any) -> Any:
    """The number in an array or tensor without axes; any other value as it is."""
    if hasattr(value, "ndim") and hasattr(value, "dtype"):
        require(value.ndim == 0, "an array")
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            return _of_tensor(value, torch)
        return value[()] if type(value).__name__ == "ndarray" else value
    return value


def _of_tensor(value: Any, torch: Any) -> Any:
    exact = value.item()
    if value.dtype.is_floating_point and math.isfinite(exact):
        decimals = (float(f"{exact:.{digits}g}") for digits in range(1, 18))
        return next(d for d in decimals if torch.tensor(d, dtype=value.dtype).item() == exact)
    return exact


def whole(value: Any) -> int:
    """A whole number from -(2**63 - 1) to 2**63 - 1; 3.0 is one, True and "3" are none."""
    if type(value) is not int:
        value = scalar(value)
        require(isinstance(value, Real | Decimal) and not _is_truth(value), "no number")
    require(isinstance(value, Integral) or math.isfinite(value), "not finite")
    found = int(value)
    require(found == value and abs(found) <= MAX_WHOLE, "not whole, or too large")
    return found


def number(value: Any) -> float:
    """A finite number, at the shortest decimal that gives it."""
    if type(value) is float:
        require(math.isfinite(value), "not finite")
        return value
    value = scalar(value)
    require(isinstance(value, Real | Decimal) and not _is_truth(value), "no number")
    short = type(value).__module__ == "numpy" and not isinstance(value, Integral | float)
    found = float(str(value)) if short else float(value)
    require(math.isfinite(found), "not finite")
    return found


def truth(value: Any) -> bool:
    """True or False; 0 and 1 stand for them."""
    value = scalar(value)
    require(isinstance(value, Real) or _is_truth(value), "no truth value")
    require(value in (0, 1), "neither")
    return bool(value)


def plain(value: Any, depth: int = 0) -> Any:
    """A value of JSON, its lists and dicts copied to the bottom and frozen.

    Whole numbers stay whole, and 6.0 stays 6.0: a network may take them differently.
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
    if _is_truth(value):
        return bool(value)
    return whole(value) if isinstance(value, Integral) else number(value)


def thawed(value: Any) -> Any:
    """Dicts and lists that can be changed, from those that ``plain`` froze."""
    if isinstance(value, dict):
        return {name: thawed(entry) for name, entry in value.items()}
    return [thawed(entry) for entry in value] if isinstance(value, list) else value


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool", "bool_")


def _frozen(self: Any, *_: Any, **__: Any) -> Any:
    raise TypeError("options of a run cannot be changed; dataclasses.replace makes another run")


class FrozenList(list):
    """A list that stays as it is; equal to a plain one."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _frozen
    append = extend = insert = pop = remove = clear = sort = reverse = _frozen

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self),)


class FrozenDict(dict):
    """A dict that stays as it is; equal to a plain one."""

    __setitem__ = __delitem__ = __ior__ = _frozen
    pop = popitem = clear = update = setdefault = _frozen

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)
