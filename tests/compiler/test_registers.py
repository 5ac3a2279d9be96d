"""What a tile reads again stays in a register, and nothing is computed in another order."""

from __future__ import annotations

import pytest

from modnets.compiler.loop_ir import (
    Accumulate,
    Apply,
    Declare,
    Let,
    Load,
    Loop,
    Name,
    Operation,
    Statement,
    Store,
)
from modnets.compiler.registers import with_held_loads
from modnets.compiler.symbolic import Index, LoopVariable

TIMES = Operation("{0} * {1}")


def load(name: str, buffer: str) -> Let:
    return Let(name, Load(buffer, Index.of(LoopVariable("k")), "float"))


def tile(rows: int, columns: int) -> list[Statement]:
    """A loop over k that adds to rows x columns sums: all reads first, then products, then sums."""
    left, right = [f"l{i}" for i in range(rows)], [f"r{j}" for j in range(columns)]
    pairs = [(one, other) for one in left for other in right]
    body: list[Statement] = [load(name, name) for name in (*left, *right)]
    for one, other in pairs:
        operands = Name(one, "float"), Name(other, "float")
        body.append(Let(f"{one}{other}", Apply(TIMES, operands, "float")))
    body += [Accumulate(f"s{a}{b}", "sum", Name(f"{a}{b}", "float")) for a, b in pairs]
    return [Loop("k", 36, 1, body)]


def inner(statements: list[Statement]) -> list[Statement]:
    (loop,) = statements
    assert isinstance(loop, Loop)
    return loop.body


@pytest.mark.parametrize(
    ("rows", "columns", "registers", "held"),
    [
        (4, 3, 16, {"l0", "l1", "l2", "l3", "r0", "r1", "r2"}),  # 12 sums, 3 right, 1 left in turn
        (4, 4, 32, {f"{side}{i}" for side in "lr" for i in range(4)}),
        (4, 3, 15, {"l0", "l1", "l2", "l3", "r0", "r1"}),  # a register less, a vector less
        (4, 3, 12, set()),  # sums take all
        (8, 1, 16, {"r0"}),  # those used once are read where they are used
        (4, 4, 0, set()),
    ],
)
def test_what_is_used_again_is_held_while_there_are_registers(
    rows: int, columns: int, registers: int, held: set[str]
) -> None:
    body = inner(with_held_loads(tile(rows, columns), registers))
    assert {one.name for one in body if isinstance(one, Let) and one.held} == held


def test_values_are_named_just_before_their_use_and_sums_keep_their_order() -> None:
    before, after = inner(tile(4, 3)), inner(with_held_loads(tile(4, 3), 16))
    order = [one for one in before if isinstance(one, Accumulate)]
    assert [one for one in after if isinstance(one, Accumulate)] == order
    assert len(after) == len(before)
    named: set[str] = set()
    for one in after:
        if isinstance(one, Let) and isinstance(one.expression, Apply):
            assert {o.name for o in one.expression.operands if isinstance(o, Name)} <= named
        if isinstance(one, Accumulate):
            assert isinstance(one.operand, Name)
            assert one.operand.name in named
        named |= {one.name} if isinstance(one, Let) else set()
    places = [place for place, one in enumerate(after) if isinstance(one, Let)]
    assert places[-1] > len(after) - 3  # and not all before the first sum


def test_memory_is_read_before_it_is_written() -> None:
    body: list[Statement] = [
        Declare("s", "float", "sum"),
        load("old", "a"),
        load("x", "b"),
        Accumulate("s", "sum", Name("x", "float")),
        Store("a", Index.of(LoopVariable("k")), Name("s", "float")),
        Store("c", Index.of(LoopVariable("k")), Name("old", "float")),
    ]
    after = with_held_loads(body, 16)
    assert after.index(body[1]) < after.index(body[4])


def test_loops_without_sums_stay_as_they_are() -> None:
    body: list[Statement] = [
        load("x", "a"),
        load("y", "b"),
        Store("c", Index(), Name("y", "float")),
        Store("d", Index(), Name("x", "float")),
    ]
    assert with_held_loads(body, 16) == body
