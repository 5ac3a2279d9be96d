"""Sums within one replica, of what lies side by side in memory: a vector takes as much as it holds.

Each lane has a sum of its own, and at the end all are added up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from modnets.compiler.loop_ir import (
    Accumulate,
    Declare,
    Expression,
    Let,
    Literal,
    Load,
    Loop,
    Name,
    Statement,
    Total,
    indices_in,
)
from modnets.compiler.symbolic import TYPICAL_ROWS, WIDTH, Index, LoopVariable, size_at


def share_of_time(body: Sequence[Statement]) -> float | None:
    """The time that wide sums take, as a share of that with plain numbers; None where none can be.

    Parameters
    ----------
    body : sequence of Statement
        The loops of a kernel.
    """
    loops = list(_innermost(body))
    if not loops or not all(map(_can_be_wide, loops)):
        return None
    steps = [
        one.expression.index.parts.get(LoopVariable(loop.variable), 0)
        for loop in loops
        for one in loop.body
        if isinstance(one, Let) and isinstance(one.expression, Load)
    ]
    times = [1 if step in (0, 1) else WIDTH for step in steps]
    return sum(times) / (WIDTH * len(times)) if times else None


def with_wide_sums(body: Sequence[Statement]) -> list[Statement]:
    """The loops of a kernel, the innermost ones of its sums over vectors."""
    declared, result = _declared(body), list[Statement]()
    last = {name: place for place, one in enumerate(body) for name in _summed([one])}
    for place, one in enumerate(body):
        result.append(_with_wide_sums(one) if isinstance(one, Loop) else one)
        result += [Total(name) for name in declared if last.get(name) == place]
    return result


def _with_wide_sums(loop: Loop) -> Loop:
    """A loop, over vectors if it is the innermost one of a sum."""
    if not loop.reduces or any(_innermost(loop.body)):
        return replace(loop, body=with_wide_sums(loop.body))
    own = _declared(loop.body)
    body = [
        replace(one, wide=one.name not in own) if isinstance(one, Accumulate) else one
        for one in loop.body
    ]
    return replace(loop, body=body, wide=True)


def _innermost(body: Sequence[Statement]) -> Iterator[Loop]:
    """The loops of reductions that have no other ones inside."""
    for one in body:
        if isinstance(one, Loop):
            inner = [*_innermost(one.body)]
            yield from inner or ([one] if one.reduces else [])


def _can_be_wide(loop: Loop) -> bool:
    """Whether all that is taken out of a loop are sums of numbers, long enough to fill vectors."""
    own = _declared(loop.body)
    given = [one for one in loop.body if isinstance(one, Accumulate) and one.name not in own]
    values = [one.expression for one in loop.body if isinstance(one, Let)]
    are_sums = all(
        one.how == "sum" and isinstance(one.operand, Name | Literal) and one.operand.kind == "float"
        for one in given
    )
    is_long = size_at(loop.size, TYPICAL_ROWS) >= WIDTH
    return is_long and are_sums and all(_is_linear(one, loop.variable) for one in values)


def _is_linear(value: Expression, variable: str) -> bool:
    """Whether neighbours lie at even steps in memory, and no test or number depends on which."""
    if not isinstance(value, Load):
        return all(variable not in index.variables() for index in indices_in(value))
    bent = [atom for atom in value.index.parts if not isinstance(atom, LoopVariable)]
    return all(variable not in Index.of(atom).variables() for atom in bent)


def _declared(body: Sequence[Statement]) -> list[str]:
    """Names of the reductions that start here."""
    return [one.name for one in body if isinstance(one, Declare)]


def _summed(body: Sequence[Statement]) -> set[str]:
    """Names of what the innermost loops add to."""
    inside = (one for loop in _innermost(body) for one in loop.body)
    return {one.name for one in inside if isinstance(one, Accumulate)}
