"""Loops, indices and numbers rendered as C++: the last step, from which nothing is read again."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from typing import cast

from modnets.compiler.loop_ir import (
    Accumulate,
    Apply,
    Axes,
    Declare,
    Expression,
    IndexValue,
    Kind,
    Let,
    Literal,
    Load,
    Loop,
    Matrix,
    Multiply,
    Name,
    Operand,
    Scalar,
    Select,
    Statement,
    Store,
    Total,
)
from modnets.compiler.symbolic import (
    AtMost,
    Atom,
    Clip,
    InBounds,
    Index,
    IndexTest,
    LoopVariable,
    Size,
)

#: Kind -> the C++ types of a vector, and of one number.
TYPES: dict[Kind, tuple[str, str]] = {
    "float": ("vec", "float"),
    "int": ("ivec", "int"),
    "mask": ("ivec", "int"),
}
#: Along which loop variables a vector holds elements; None where it has a lane for each replica,
#: and for plain numbers.
Wide = frozenset[LoopVariable] | None
#: Elements below which one thread does all of a loop; see ``team.h``.
FEW_ELEMENTS = 2**15
#: How a reduction starts and goes on: {a} is what is there, {x} what comes.
REDUCTIONS = {
    "sum": ("zero", "{a} += {x}"),
    "prod": ("one", "{a} *= {x}"),
    "amax": ("splat(-INFINITY)", "{a} = maximum({a}, {x})"),
    "amin": ("splat(INFINITY)", "{a} = minimum({a}, {x})"),
}


def number(value: float, kind: Kind) -> str:
    """A number, to the last bit; see :func:`~modnets.compiler.ir.checked_number`."""
    if kind == "mask":
        return "-1" if value else "0"
    if kind == "int":
        return str(int(value))
    if not math.isfinite(value):
        return f"{'-' if value < 0 else ''}{'NAN' if math.isnan(value) else 'INFINITY'}"
    value = struct.unpack("f", struct.pack("f", value))[0] if abs(value) < 3.4e38 else value
    return f"{float(value).hex()}f"


def index(value: Index) -> str:
    """An index, its parts in alphabetical order."""
    factors = sorted((_atom(atom), factor) for atom, factor in value.parts.items())
    parts = [text if factor == 1 else f"({_size(factor)})*{text}" for text, factor in factors]
    if value.constant != 0 or not parts:
        parts.append(f"({_size(value.constant)})")
    return " + ".join(parts)


@cache
def _size(size: Size) -> str:
    """A size as it stands in code; sympy takes a while to write one."""
    return str(size)


def _atom(atom: Atom) -> str:
    if isinstance(atom, LoopVariable):
        return atom.name
    inner = index(atom.index)
    if isinstance(atom, Clip):
        return f"clip({inner if atom.step == 1 else f'({inner}) / {atom.step}'}, {atom.size})"
    return f"(({inner}) % ({atom.size}))"


def _test(test: IndexTest) -> str:
    left = index(test.index)
    if isinstance(test, InBounds):
        return f"{left} >= {test.low} && {left} < {test.high}"
    return (
        f"{left} <= {index(test.limit)}"
        if isinstance(test, AtMost)
        else (f"({left}) % {test.of} == 0")
    )


def _operand(operand: Operand) -> str:
    if isinstance(operand, Name):
        return operand.name
    if isinstance(operand, Literal):
        return _splat(number(operand.number, operand.kind), operand.kind)
    assert isinstance(operand, Scalar)
    value = operand.number
    return number(value, "float") if isinstance(value, float) else str(value)


def _splat(text: str, kind: Kind) -> str:
    return f"{'splat' if kind == 'float' else 'isplat'}({text})"


def _step(place: Index, wide: Wide) -> Size:
    """How far apart in memory the elements lie that a vector holds."""
    return next((place.parts[one] for one in wide or () if one in place.parts), 0)


def _expression(expression: Expression, wide: Wide) -> str:
    if isinstance(expression, Load):
        place = index(expression.index)
        step = _step(expression.index, wide)
        if step == 1:
            return f"load({expression.buffer} + {place}, n)"
        if step != 0:
            return f"load({expression.buffer} + {place}, {step}, n)"
        element = f"{expression.buffer}[{place}]"
        is_one = expression.uniform or wide is not None
        return _splat(element, expression.kind) if is_one else element
    if isinstance(expression, Apply):
        return expression.operation.cpp.format(*map(_operand, expression.operands))
    if isinstance(expression, IndexValue):
        return _splat(index(expression.index), expression.kind)
    assert isinstance(expression, Select)
    tests = " && ".join(map(_test, expression.tests))
    return f"({tests}) ? {_operand(expression.inside)} : {_operand(expression.outside)}"


def statements(body: Sequence[Statement], depth: int, wide: Wide = None) -> Iterator[str]:
    """The lines of statements, indented by two spaces for each level of depth.

    Parameters
    ----------
    body : sequence of Statement
    depth : int
    wide : set of LoopVariable, optional
        Along which a vector holds elements, in the loops around; else it has a lane for each
        replica, or is a number.
    """
    indent = "  " * depth
    for added, group in itertools.groupby(body, lambda one: isinstance(one, Store) and one.add):
        if added:  # but in the first block of rows
            stores = [cast(Store, one) for one in group]
            yield f"{indent}if (first) {{"
            yield from (f"{indent}  {_line(one, wide)}" for one in stores)
            yield f"{indent}}} else {{"
            yield from (f"{indent}  {_line(replace(one, add=False), wide)}" for one in stores)
            yield f"{indent}}}"
            continue
        yield from _statements(group, depth, wide)


def _statements(body: Iterable[Statement], depth: int, wide: Wide) -> Iterator[str]:
    indent = "  " * depth
    for statement in body:
        if not isinstance(statement, Loop):
            yield indent + _line(statement, wide)
            continue
        name, size, step = statement.variable, statement.size, statement.step
        shared = statement.shared is not None
        begin, end = ("begin", "end") if shared else ("0", str(size))
        if shared:
            grain = "LANES" if statement.wide else str(step)
            grain = f"{statement.shared} < {FEW_ELEMENTS} ? {size} : {grain}"
            yield f"{indent}team.loop({size}, {grain}, [&](long begin, long end) {{"
        if statement.wide:
            yield f"{indent}for_each({begin}, {end}, [&](long {name}, auto n) INLINE {{"
        else:
            advance = f"++{name}" if step == 1 else f"{name} += {step}"
            yield f"{indent}for (long {name} = {begin}; {name} < {end}; {advance}) {{"
        inner = (wide or frozenset()) | {LoopVariable(name)} if statement.wide else wide
        yield from statements(statement.body, depth + 1, inner)
        yield indent + ("});" if statement.wide else "}")
        if shared:
            yield f"{indent}}});"


def _line(statement: Let | Declare | Accumulate | Total | Store | Multiply, wide: Wide) -> str:
    if isinstance(statement, Let):
        expression = statement.expression
        declared, value = TYPES[expression.kind][0], _expression(expression, wide)
        if statement.held:
            return f"{declared} {statement.name} = {value}; HOLD({statement.name});"
        return f"const {declared} {statement.name} = {value};"
    if isinstance(statement, Declare):
        start = "izero" if statement.kind == "int" else REDUCTIONS[statement.how][0]
        return f"{TYPES[statement.kind][0]} {statement.name} = {start};"
    if isinstance(statement, Accumulate):
        operand = _operand(statement.operand)
        if not isinstance(statement.operand, Scalar) and statement.operand.kind == "mask":
            operand = f"({operand} & 1)"
        if statement.wide:
            operand = f"keep({operand}, n)"
        return REDUCTIONS[statement.how][1].format(a=statement.name, x=operand) + ";"
    if isinstance(statement, Total):
        return f"{statement.name} = splat(total({statement.name}));"
    if isinstance(statement, Multiply):
        target = statement.target
        operands = f"{target.buffer} + {index(target.start)}, {_axes(target.rows)}"
        operands += "".join(f", {_matrix(one)}" for one in (statement.left, statement.right))
        return f"matmul(team, {operands}, {str(statement.add).lower()});"
    place, value = index(statement.index), _operand(statement.operand)
    if wide is None:
        sign = "+=" if statement.add else "="
        return f"{statement.buffer}[{place}] {sign} {value};"
    step = _step(statement.index, wide)
    if step == 0:
        return f"{statement.buffer}[{place}] = lane_of({value}, 0);"
    to = f"{statement.buffer} + {place}"
    return f"store({to}, {value}, n);" if step == 1 else f"store({to}, {step}, {value}, n);"


def _matrix(matrix: Matrix) -> str:
    axes = f"{_axes(matrix.rows)}, {_axes(matrix.columns)}"
    return f"Matrix{{{matrix.buffer} + {index(matrix.start)}, {axes}}}"


def _axes(axes: Axes) -> str:
    sizes, steps = (", ".join(map(str, numbers)) for numbers in zip(*axes, strict=True))
    return f"Axes{{{{{sizes}}}, {{{steps}}}}}"
