"""Sizes and places in tensors; the number of rows stays open until a program runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import sympy

#: A number of elements: known, or an expression in the number of rows.
Size = int | sympy.Expr

#: The number of rows, as it stands in the code; always a multiple of ROW_STEP.
ROWS = sympy.Symbol("rows", integer=True, positive=True)
ROW_STEP = 4
#: The number of rows while a graph is traced: a prime number that nothing else is a multiple of.
EXAMPLE_ROWS = 7919


def size_of(value: int) -> Size:
    """A size out of a traced graph."""
    times, rest = divmod(value, EXAMPLE_ROWS)
    return ROWS * times if value and rest == 0 else int(value)


def known(size: Size) -> bool:
    """Whether a size does not depend on the number of rows."""
    return isinstance(size, int)


def product(sizes: Iterable[Size]) -> Size:
    """Number of elements."""
    total: Size = 1
    for size in sizes:
        total = total * size
    return total


def contiguous(shape: Sequence[Size]) -> tuple[Size, ...]:
    """The strides of a tensor without gaps, last place fastest."""
    strides: list[Size] = []
    total: Size = 1
    for size in reversed(shape):
        strides.insert(0, total)
        total = total * size
    return tuple(strides)


@cache
def is_linear(size: Size) -> bool:
    """Whether a size is a whole number and a whole multiple of the number of rows."""
    if known(size):
        return True
    polynomial = size.as_poly(ROWS)
    return polynomial is not None and polynomial.degree() <= 1 and polynomial.domain.is_ZZ


class Index:
    """A place along one axis: a constant and multiples of loop variables.

    Parameters
    ----------
    parts : mapping of variable name -> Size
    constant : Size
    """

    __slots__ = ("constant", "parts")

    def __init__(self, parts: Mapping[str, Size] | None = None, constant: Size = 0) -> None:
        self.parts = dict(parts or {})
        self.constant = constant

    def __add__(self, other: Index | Size) -> Index:
        if not isinstance(other, Index):
            return Index(self.parts, self.constant + other)
        parts = dict(self.parts)
        for name, factor in other.parts.items():
            parts[name] = parts.get(name, 0) + factor
        return Index(parts, self.constant + other.constant)

    def __mul__(self, factor: Size) -> Index:
        if factor == 0:
            return Index()
        return Index({n: f * factor for n, f in self.parts.items()}, self.constant * factor)

    def clipped(self, start: Size, size: Size, step: int = 1) -> Index:
        """The place in a part of the axis, kept inside it; the part has every so many places."""
        inner = f"{self + start * -1}" if step == 1 else f"({self + start * -1}) / {step}"
        return Index({f"clip({inner}, {size})": 1})

    def __str__(self) -> str:
        parts = [n if f == 1 else f"({f})*{n}" for n, f in sorted(self.parts.items())]
        if self.constant != 0 or not parts:
            parts.append(f"({self.constant})")
        return " + ".join(parts)


MultiIndex = tuple[Index, ...]


def flat(place: MultiIndex, strides: Sequence[Size]) -> Index:
    """The place in memory, in elements."""
    total = Index()
    for index, stride in zip(place, strides, strict=True):
        total = total + index * stride
    return total
