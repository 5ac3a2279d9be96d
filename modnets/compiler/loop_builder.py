"""Builds the loops of a kernel as a tree of ``loop_ir``.

An expression knows the names and the loop variables that it depends on, so that it is placed in the
outermost loop that has them all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from modnets.compiler.loop_ir import (
    Declare,
    Expression,
    Let,
    Load,
    Loop,
    Name,
    Operand,
    Statement,
    Store,
    indices_in,
    operands_of,
    sizes_of,
)
from modnets.compiler.symbolic import Size, known


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
            self.tested.update(name for i in indices_in(expression) for name in i.variables())
        depth = self._depth(expression)
        scope = self._scopes[depth]
        if expression not in scope.values:
            name = self.fresh()
            self._depths[name] = depth
            scope.values[expression] = Name(name, expression.kind)
            scope.body.append(Let(name, expression))
            self.depends_on_rows |= any(i.depends_on_rows() for i in indices_in(expression))
            self.depends_on_rows |= not all(map(known, sizes_of(expression)))
        return scope.values[expression]

    def remember(self, expression: Expression, operand: Operand) -> None:
        """Take an operand for the value of an expression from here on."""
        self._scopes[self._depth(expression)].values[expression] = operand

    def _depth(self, expression: Expression) -> int:
        """The outermost scope in which all that an expression depends on is known."""
        names = [o.name for o in operands_of(expression) if isinstance(o, Name)]
        variables = (name for index in indices_in(expression) for name in index.variables())
        return max((self._depths.get(name, 0) for name in (*names, *variables)), default=0)

    @contextlib.contextmanager
    def loop(
        self,
        variable: str,
        size: Size,
        step: int = 1,
        *,
        wide: bool = False,
        reduces: bool = False,
    ) -> Iterator[None]:
        """A loop; what is named inside is out of sight after it."""
        self.depends_on_rows |= not known(size)
        self._depths[variable] = len(self._scopes)
        self._scopes.append(_Scope())
        yield
        inner = self._scopes.pop()
        self.add(Loop(variable, size, step, inner.body, wide, reduces))

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
        with self.loop(variable, size, reduces=True):
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
            names = {o.name for o in operands_of(one.expression) if isinstance(o, Name)}
            late |= {one.name} if names & late else set()
            (last if names & late else first).append(one)
        else:
            (first if isinstance(one, Declare) else last).append(one)
    return [*first, *loops, *last] if loops else list(body)
