"""The body of a kernel as a tree: nested loops, and in them named values, each computed once.

A tree is built by ``loop_builder`` and rendered to C++ last, by ``cpp``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal as OneOf

from modnets.compiler.symbolic import InBounds, Index, IndexTest, Size, indices_of

#: Kinds of elements: 32-bit floats, 32-bit integers, and booleans as all bits or none.
Kind = OneOf["float", "int", "mask"]


@dataclass(frozen=True)
class Operation:
    """What is done with elements.

    Parameters
    ----------
    cpp : str
        Its C++, with ``{0}``, ``{1}``, ... for the operands.
    cost : int
        In additions.
    """

    cpp: str
    cost: int = 1


# Operands


@dataclass(frozen=True)
class Name:
    """A value computed before."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Literal:
    """One number for all lanes."""

    number: float
    kind: Kind
    sign: float = field(init=False)  # 0.0 and -0.0 are equal, and not the same

    def __post_init__(self) -> None:
        object.__setattr__(self, "sign", math.copysign(1, self.number))


@dataclass(frozen=True)
class Scalar:
    """A number that is no vector: a size, or a float."""

    number: Size | float


Operand = Name | Literal | Scalar


# Expressions


@dataclass(frozen=True)
class Load:
    """An element of a buffer; ``uniform``: one number for all lanes."""

    buffer: str
    index: Index
    kind: Kind
    uniform: bool = False


@dataclass(frozen=True)
class Apply:
    """An operation on operands."""

    operation: Operation
    operands: tuple[Operand, ...]
    kind: Kind


@dataclass(frozen=True)
class IndexValue:
    """An index as a number."""

    index: Index
    kind: Kind


@dataclass(frozen=True)
class Select:
    """One operand where all tests of indices hold, another one elsewhere."""

    tests: tuple[IndexTest, ...]
    inside: Operand
    outside: Operand
    kind: Kind


Expression = Load | Apply | IndexValue | Select


def operands_of(expression: Expression) -> tuple[Operand, ...]:
    """The operands of an expression."""
    if isinstance(expression, Apply):
        return expression.operands
    return (expression.inside, expression.outside) if isinstance(expression, Select) else ()


def indices_in(expression: Expression) -> tuple[Index, ...]:
    """The indices that stand in an expression."""
    if isinstance(expression, Load | IndexValue):
        return (expression.index,)
    tests = expression.tests if isinstance(expression, Select) else ()
    return tuple(index for test in tests for index in indices_of(test))


def sizes_of(expression: Expression) -> Iterator[Size]:
    """Sizes that stand in it beside its indices."""
    if isinstance(expression, Select):
        for test in expression.tests:
            if isinstance(test, InBounds):
                yield from (test.low, test.high)
    for operand in operands_of(expression):
        if isinstance(operand, Scalar) and not isinstance(operand.number, float):
            yield operand.number


# Statements


@dataclass(frozen=True)
class Let:
    """Name the value of an expression; ``held``: in a register, however often it is used."""

    name: str
    expression: Expression
    held: bool = False


@dataclass(frozen=True)
class Declare:
    """Start a reduction."""

    name: str
    kind: Kind
    how: str


@dataclass(frozen=True)
class Accumulate:
    """Take an operand into a reduction; ``wide``: the elements that a vector holds, or fewer."""

    name: str
    how: str
    operand: Operand
    wide: bool = False


@dataclass(frozen=True)
class Total:
    """Put the sum of the elements of a vector in place of each."""

    name: str


@dataclass(frozen=True)
class Store:
    """Write an element of a buffer; ``add``: to what is there, but in the first block of rows."""

    buffer: str
    index: Index
    operand: Operand
    add: bool = False


#: Nested axes that count as one, the last fastest: the size of each, and its step in memory.
Axes = tuple[tuple[Size, Size], ...]


@dataclass(frozen=True)
class Matrix:
    """A matrix in memory: where it begins, and how its rows and columns lie."""

    buffer: str
    start: Index
    rows: Axes
    columns: Axes


@dataclass(frozen=True)
class Multiply:
    """Write the product of two matrices where a third one lies; ``add``: to what is there."""

    target: Matrix
    left: Matrix
    right: Matrix
    add: bool = False


@dataclass(frozen=True)
class Loop:
    """A loop over a variable, from 0 up to a size.

    Parameters
    ----------
    variable : str
    size : Size
    step : int
    body : list of Statement
    wide : bool
        As many at once as a vector holds.
    reduces : bool
        Over what a reduction takes in, not over elements that are written.
    shared : Size, optional
        How many elements it reads or computes: threads share it where they are many.
    """

    variable: str
    size: Size
    step: int
    body: list[Statement]
    wide: bool = False
    reduces: bool = False
    shared: Size | None = None


Statement = Let | Declare | Accumulate | Total | Store | Multiply | Loop
