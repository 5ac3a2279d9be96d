"""The body of a kernel as a tree: nested loops, and in them named values, each computed once.

A tree is built by :class:`LoopBuilder` and rendered to C++ last, by ``cpp``.  An expression knows
the names and the loop variables that it depends on, so that the builder can place it in the
outermost loop that has them all.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal as OneOf
from typing import cast

from modnets.compiler.symbolic import InBounds, Index, IndexTest, Size, indices_of, known

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


def _operands(expression: Expression) -> tuple[Operand, ...]:
    if isinstance(expression, Apply):
        return expression.operands
    return (expression.inside, expression.outside) if isinstance(expression, Select) else ()


def _indices(expression: Expression) -> tuple[Index, ...]:
    if isinstance(expression, Load | IndexValue):
        return (expression.index,)
    tests = expression.tests if isinstance(expression, Select) else ()
    return tuple(index for test in tests for index in indices_of(test))


def _sizes(expression: Expression) -> Iterator[Size]:
    """Sizes that stand in it beside its indices."""
    if isinstance(expression, Select):
        for test in expression.tests:
            if isinstance(test, InBounds):
                yield from (test.low, test.high)
    for operand in _operands(expression):
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
    """Take an operand into a reduction."""

    name: str
    how: str
    operand: Operand


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
    shared : Size, optional
        How many elements it reads or computes: threads share it where they are many.
    """

    variable: str
    size: Size
    step: int
    body: list[Statement]
    wide: bool = False
    shared: Size | None = None


Statement = Let | Declare | Accumulate | Store | Multiply | Loop


@dataclass
class _Scope:
    """The body of a loop, and what has been computed in it.

    ``reductions`` are the loops of reductions in it, and ``done`` is how many of them the value
    that is built now has been through.
    """

    body: list[Statement] = field(default_factory=list)
    values: dict[Expression, Operand] = field(default_factory=dict)
    reductions: list[tuple[Loop, _Scope]] = field(default_factory=list)
    done: int = 0


class LoopBuilder:
    """Builds the loops of a kernel.

    A value is computed in the outermost loop that has all it needs; an expression that was computed
    before, in sight, is not computed again.
    """

    def __init__(self) -> None:
        self._scopes = [_Scope()]
        self._depths: dict[str, int] = {}  # of names and loop variables: the scope they stand in
        self._count = 0
        self.loads: list[Load] = []
        #: Loop variables that tests and numbers depend on.
        self.tested: set[str] = set()
        #: Whether anything depends on the number of rows.
        self.depends_on_rows = False

    @property
    def body(self) -> list[Statement]:
        """All that has been built."""
        return self._scopes[0].body

    def add(self, statement: Statement) -> None:
        """Add a statement to the innermost loop."""
        if isinstance(statement, Store):
            self.depends_on_rows |= statement.index.depends_on_rows()
        self._scopes[-1].body.append(statement)

    def fresh(self) -> str:
        """A new name in the innermost loop."""
        self._count += 1
        name = f"t{self._count}"
        self._depths[name] = len(self._scopes) - 1
        return name

    def let(self, expression: Expression) -> Operand:
        """The value of an expression, computed now or before."""
        if isinstance(expression, Load):
            self.loads.append(expression)
        else:
            self.tested.update(name for i in _indices(expression) for name in i.variables())
        depth = self._depth(expression)
        scope = self._scopes[depth]
        if expression not in scope.values:
            name = self.fresh()
            self._depths[name] = depth
            scope.values[expression] = Name(name, expression.kind)
            scope.body.append(Let(name, expression))
            self.depends_on_rows |= any(i.depends_on_rows() for i in _indices(expression))
            self.depends_on_rows |= not all(map(known, _sizes(expression)))
        return scope.values[expression]

    def remember(self, expression: Expression, operand: Operand) -> None:
        """Take an operand for the value of an expression from here on."""
        self._scopes[self._depth(expression)].values[expression] = operand

    def _depth(self, expression: Expression) -> int:
        """The outermost scope in which all that an expression depends on is known."""
        names = [o.name for o in _operands(expression) if isinstance(o, Name)]
        variables = (name for index in _indices(expression) for name in index.variables())
        return max((self._depths.get(name, 0) for name in (*names, *variables)), default=0)

    @contextlib.contextmanager
    def loop(self, variable: str, size: Size, step: int = 1, wide: bool = False) -> Iterator[None]:
        """A loop; what is named inside is out of sight after it."""
        self.depends_on_rows |= not known(size)
        self._depths[variable] = len(self._scopes)
        self._scopes.append(_Scope())
        yield
        inner = self._scopes.pop()
        self.add(Loop(variable, size, step, inner.body, wide))

    @contextlib.contextmanager
    def reduction(self, size: Size) -> Iterator[str]:
        """The loop of a reduction; gives its variable."""
        scope = self._scopes[-1]
        before = scope.reductions[scope.done : scope.done + 1]
        if before and before[0][0].size == size:
            ((loop, inner),) = before
            inner.done = 0
            self._scopes.append(inner)
            yield loop.variable
            self._scopes.pop()
            scope.done += 1
            return
        variable = f"k{self.fresh()}"
        with self.loop(variable, size):
            yield variable
            inner = self._scopes[-1]
        scope.reductions.append((cast(Loop, scope.body[-1]), inner))
        scope.done = len(scope.reductions)

    def share_loops(self) -> None:
        """Let the reductions of the next value go into the loops of those before, one by one.

        No reduction may need the result of another one.  Ends with :meth:`end_sharing`.
        """
        self._scopes[-1].done = 0

    def end_sharing(self) -> None:
        """Put what loops need before them, and what needs their results after them."""
        body = self._scopes[-1].body
        body[:] = _in_order(body)


def _in_order(body: Sequence[Statement]) -> list[Statement]:
    """Statements with loops that reduce: first what needs none of their results, last what does."""
    late = {one.name for one in body if isinstance(one, Declare)}
    first: list[Statement] = []
    loops: list[Statement] = []
    last: list[Statement] = []
    for one in body:
        if isinstance(one, Loop):
            loops.append(replace(one, body=_in_order(one.body)))
        elif isinstance(one, Let):
            names = {o.name for o in _operands(one.expression) if isinstance(o, Name)}
            late |= {one.name} if names & late else set()
            (last if names & late else first).append(one)
        else:
            (first if isinstance(one, Declare) else last).append(one)
    return [*first, *loops, *last] if loops else list(body)
