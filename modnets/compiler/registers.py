"""Which vectors that a tile reads stay in registers while it uses them.

A tile of sums reads a few vectors and multiplies each with several others.  Left to themselves,
compilers read a vector again in each multiply-add that uses it; but a core reads only two vectors
while it does two multiply-adds, so that reading takes longer than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from modnets.compiler.loop_ir import (
    Accumulate,
    Apply,
    Let,
    Load,
    Loop,
    Name,
    Operand,
    Select,
    Statement,
    Store,
)


def with_held_loads(body: Sequence[Statement], registers: int) -> list[Statement]:
    """The statements, with vectors held in registers where a reduction uses them again and again.

    Parameters
    ----------
    body : sequence of Statement
    registers : int
        Vector registers of the processor.  Those that sums leave free are taken, but for one
        through which all else passes.
    """
    result: list[Statement] = [
        replace(one, body=with_held_loads(one.body, registers)) if isinstance(one, Loop) else one
        for one in body
    ]
    sums = {one.name for one in result if isinstance(one, Accumulate)}
    if not sums or any(isinstance(one, Loop) for one in result):
        return result
    result = _as_needed(result)
    names = _held(result, registers - len(sums))
    return [
        replace(one, held=True) if isinstance(one, Let) and one.name in names else one
        for one in result
    ]


def _held(body: Sequence[Statement], free: int) -> set[str]:
    """Names of the loaded vectors that free registers can hold, one of which all others share."""
    again = _used_again(body)
    passing = {name for name, apart in again.items() if not apart}
    staying = [name for name in again if name not in passing]
    return {*staying[: free - 1], *passing} if free > 1 else set()


def _as_needed(body: Sequence[Statement]) -> list[Statement]:
    """The same statements, each value named just before it is used; all before memory changes."""
    waiting = {one.name: one for one in body if isinstance(one, Let)}
    result: list[Statement] = []

    def place(statement: Statement) -> None:
        for operand in _operands(statement):
            if isinstance(operand, Name) and operand.name in waiting:
                place(waiting.pop(operand.name))
        result.append(statement)

    for one in body:
        while isinstance(one, Store) and waiting:
            place(waiting.pop(next(iter(waiting))))
        if not isinstance(one, Let):
            place(one)
    return result


def _used_again(body: Sequence[Statement]) -> dict[str, bool]:
    """Loaded vectors that are used more than once -> whether there is other work in between."""
    again: dict[str, bool] = {}
    for load in body:
        if not isinstance(load, Let) or not isinstance(load.expression, Load):
            continue
        name = Name(load.name, load.expression.kind)
        uses = [place for place, other in enumerate(body) if name in _operands(other)]
        if len(uses) > 1:
            between = body[uses[0] : uses[-1]]
            sums = sum(isinstance(one, Accumulate) for one in between)
            again[load.name] = sums >= len(uses)
    return again


def _operands(statement: Statement) -> tuple[Operand, ...]:
    """What a statement takes of what was named before."""
    if isinstance(statement, Accumulate | Store):
        return (statement.operand,)
    expression = statement.expression if isinstance(statement, Let) else None
    if isinstance(expression, Apply):
        return expression.operands
    return (expression.inside, expression.outside) if isinstance(expression, Select) else ()
