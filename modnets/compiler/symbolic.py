"""Sizes and indices: whole numbers, and expressions in the number of rows and loop variables.

The number of rows stays open until a compiled function runs, so that one serves all splits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

import sympy

if TYPE_CHECKING:
    Size = int  # their arithmetic is that of whole numbers
else:
    #: A number of elements: known, or an expression in the number of rows.
    Size = int | sympy.Expr

#: The number of rows, as it stands in the code; always a multiple of ROW_STEP.
ROWS = cast(int, sympy.Symbol("rows", integer=True, positive=True))
ROW_STEP = 4
#: The number of rows while a graph is traced: a prime number that nothing else is a multiple of.
EXAMPLE_ROWS = 7919
#: Elements that a vector holds, and a number of rows, to choose what it holds by.
WIDTH, TYPICAL_ROWS = 16, 64


def size_of(value: int) -> Size:
    """A size out of a traced graph."""
    times, rest = divmod(value, EXAMPLE_ROWS)
    return ROWS * times if value and rest == 0 else int(value)


def known(size: Size) -> bool:
    """Whether a size does not depend on the number of rows."""
    return isinstance(size, int)


def size_at(size: Size, rows: int) -> int:
    """A size, given the number of rows."""
    return int(size) if known(size) else int(cast(sympy.Expr, size).subs(ROWS, rows))


def substituted(size: Size, rows: Size) -> Size:
    """A size with something else in place of the number of rows."""
    return size if known(size) else cast(sympy.Expr, size).subs(ROWS, rows)


def product(sizes: Iterable[Size]) -> Size:
    """Number of elements."""
    total: Size = 1
    for size in sizes:
        total = total * size
    return total


def contiguous(shape: Sequence[Size]) -> tuple[Size, ...]:
    """The strides of a tensor without gaps, last axis fastest."""
    strides: list[Size] = []
    total: Size = 1
    for size in reversed(shape):
        strides.insert(0, total)
        total = total * size
    return tuple(strides)


def reshaped_strides(
    shape: Sequence[Size], strides: Sequence[Size], new: Sequence[Size]
) -> tuple[Size, ...] | None:
    """The strides of a tensor in another shape; None if it would have to be moved."""
    if tuple(strides) == contiguous(shape):
        return contiguous(new)
    pieces: list[tuple[Size, Size]] = []  # of axes without gaps between: size, step of the last
    for size, step in zip(shape, strides, strict=True):
        if size != 1 and pieces and pieces[-1][1] == size * step:
            pieces[-1] = pieces[-1][0] * size, step
        elif size != 1:
            pieces.append((size, step))
    result: list[Size] = []
    whole, step = pieces.pop() if pieces else (1, 1)
    done: Size = 1
    for size in reversed(new):
        if size != 1 and done == whole and pieces:
            (whole, step), done = pieces.pop(), 1
        result.insert(0, done * step)
        done = done * size
        if size_at(done, 1) > size_at(whole, 1):
            return None
    return tuple(result) if done == whole and not pieces else None


@cache
def is_linear(size: Size) -> bool:
    """Whether a size is a whole number and a whole multiple of the number of rows."""
    if known(size):
        return True
    polynomial = cast(sympy.Expr, size).as_poly(ROWS)
    return polynomial is not None and polynomial.degree() <= 1 and polynomial.domain.is_ZZ


@dataclass(frozen=True)
class LoopVariable:
    """The variable of a loop."""

    name: str


@dataclass(frozen=True)
class Clip:
    """``index // step``, kept in [0, size)."""

    index: Index
    size: Size
    step: int = 1


@dataclass(frozen=True)
class Modulo:
    """``index % size``."""

    index: Index
    size: Size


Atom = LoopVariable | Clip | Modulo


class Index:
    """An index along one axis: a constant and multiples of loop variables, clips and moduli.

    Parameters
    ----------
    parts : mapping of Atom -> Size, optional
        What each atom is multiplied by.
    constant : Size
    """

    __slots__ = ("_hash", "constant", "parts")

    def __init__(self, parts: Mapping[Atom, Size] | None = None, constant: Size = 0) -> None:
        self.parts = dict(parts or {})
        self.constant = constant
        self._hash: int | None = None  # worked out when asked for: most are steps on the way

    @classmethod
    def of(cls, atom: Atom) -> Index:
        """An atom by itself."""
        return cls({atom: 1})

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Index)
            and self.constant == other.constant
            and self.parts == other.parts
        )

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((frozenset(self.parts.items()), self.constant))
        return self._hash

    def __add__(self, other: Index | Size) -> Index:
        if not isinstance(other, Index):
            return Index(self.parts, self.constant + other)
        parts = dict(self.parts)
        for atom, factor in other.parts.items():
            parts[atom] = parts.get(atom, 0) + factor
        return Index(parts, self.constant + other.constant)

    def __mul__(self, factor: Size) -> Index:
        if factor == 0:
            return Index()
        return Index({a: f * factor for a, f in self.parts.items()}, self.constant * factor)

    def clipped(self, start: Size, size: Size, step: int = 1) -> Index:
        """The index within a slice from ``start`` of every ``step``-th element, kept inside it."""
        return Index.of(Clip(self + start * -1, size, step))

    def variables(self) -> Iterator[str]:
        """Names of the loop variables in it."""
        for atom in self.parts:
            if isinstance(atom, LoopVariable):
                yield atom.name
            else:
                yield from atom.index.variables()

    def depends_on_rows(self) -> bool:
        """Whether the number of rows stands in it."""
        if not all(known(size) for size in (self.constant, *self.parts.values())):
            return True
        inner = [atom for atom in self.parts if not isinstance(atom, LoopVariable)]
        return any(not known(atom.size) or atom.index.depends_on_rows() for atom in inner)


MultiIndex = tuple[Index, ...]


def flat(indices: MultiIndex, strides: Sequence[Size]) -> Index:
    """The offset in memory, in elements."""
    parts: dict[Atom, Size] = {}
    constant: Size = 0
    for index, stride in zip(indices, strides, strict=True):
        if stride != 0:
            for atom, factor in index.parts.items():
                parts[atom] = parts.get(atom, 0) + factor * stride
            constant = constant + index.constant * stride
    return Index(parts, constant)


@dataclass(frozen=True)
class InBounds:
    """Whether an index lies in [low, high)."""

    index: Index
    low: Size
    high: Size


@dataclass(frozen=True)
class IsMultiple:
    """Whether an index is a multiple of a number."""

    index: Index
    of: int


@dataclass(frozen=True)
class AtMost:
    """Whether an index is at most another one."""

    index: Index
    limit: Index


IndexTest = InBounds | IsMultiple | AtMost


def indices_of(test: IndexTest) -> tuple[Index, ...]:
    """The indices that a test looks at."""
    return (test.index, test.limit) if isinstance(test, AtMost) else (test.index,)
