"""What each operation of a traced graph does to an element: the arithmetic.

Names are those of torch's ``aten`` operations.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx

from modnets.compiler.ir import Pointwise, Value, View
from modnets.compiler.symbolic import Index, MultiIndex, Size
from modnets.compiler.views import expand
from modnets.compiler.writer import Term, Writer


class UnsupportedOperation(Exception):
    """An operation that cannot be written as code for lanes."""


KINDS = {torch.bool: "mask", torch.int64: "int", torch.int32: "int", torch.float32: "float"}
LARGEST_INT = 2**31 - 1  # whole numbers have 32 bits here

#: Operations on floats: operands' text -> C++, and their cost.
FLOAT = {
    "div": ("divide({0}, {1})", 2),
    "exp": ("exp({0})", 8),
    "log": ("log({0})", 8),
    "log1p": ("log1p({0})", 8),
    "expm1": ("expm1({0})", 8),
    "tanh": ("tanh({0})", 8),
    "erf": ("erf({0})", 8),
    "sin": ("sin({0})", 8),
    "cos": ("cos({0})", 8),
    "atan": ("atan({0})", 8),
    "sinh": ("sinh({0})", 8),
    "cosh": ("cosh({0})", 8),
    "sigmoid": ("divide(one, one + exp(-{0}))", 10),
    "sqrt": ("root({0})", 2),
    "rsqrt": ("divide(one, root({0}))", 4),
    "reciprocal": ("divide(one, {0})", 2),
    "relu": ("larger({0}, zero)", 1),
    "maximum": ("largest({0}, {1})", 2),
    "minimum": ("smallest({0}, {1})", 2),
    "sign": ("select({0} > zero, one, select({0} < zero, -one, zero))", 2),
    "abs": ("larger({0}, -{0})", 1),
    "pow": ("pow({0}, {1})", 16),
    "floor": ("floor({0})", 1),
    "ceil": ("ceil({0})", 1),
    "trunc": ("trunc({0})", 1),
    "round": ("round({0})", 1),
}
#: What is asked of a float.
TESTS = {"isnan": "({0} != {0})", "isinf": "(larger({0}, -{0}) == all(INFINITY))"}
#: Operations on floats or whole numbers.
NUMERIC = {"add": "{0} + {1}", "sub": "{0} - {1}", "mul": "{0} * {1}", "neg": "-{0}"}
COMPARISONS = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
LOGIC = {"and": "{0} & {1}", "or": "{0} | {1}", "xor": "{0} ^ {1}", "not": "~{0}"}
#: Names of all operations that make each element from those at its place.
ELEMENTWISE = {*FLOAT, *NUMERIC, *COMPARISONS, *TESTS, "where"}
ELEMENTWISE |= {f"{how}_{word}" for how in ("logical", "bitwise") for word in LOGIC}


def name_of(node: fx.Node) -> str:
    """The operation of a node, as ``add``; nothing where it is none of torch's."""
    return getattr(node.target, "_opname", "")


def literal(number: float, kind: str) -> str:
    """A number as C++.

    Raises
    ------
    UnsupportedOperation
        If it has more than 32 bits, or depends on the number of rows.
    """
    if not isinstance(number, int | float):
        raise UnsupportedOperation(f"arithmetic with the number of rows: {number}")
    if kind == "mask":
        return "-1" if number else "0"
    if kind == "int":
        if abs(number) > LARGEST_INT:
            raise UnsupportedOperation(f"{number} has more than 32 bits")
        return str(int(number))
    if not math.isfinite(number):
        return f"{'-' if number < 0 else ''}{'NAN' if math.isnan(number) else 'INFINITY'}"
    number = struct.unpack("f", struct.pack("f", number))[0] if abs(number) < 3.4e38 else number
    return f"{float(number).hex()}f"


class Constant(Pointwise):
    """A tensor of one number."""

    def __init__(self, number: float, shape: Sequence[Size], kind: str) -> None:
        text = f"{'all' if kind == 'float' else 'iall'}({literal(number, kind)})"
        super().__init__(shape, kind, lambda writer, place: Term(text, kind), cost=0)
        self.number = number


def counting(shape: Sequence[Size], start: int, step: int, kind: str) -> Value:
    """0, 1, 2, ... times ``step`` from ``start``."""
    if tuple(shape) == (1,):
        return Constant(start, shape, kind)

    def write(writer: Writer, place: MultiIndex) -> Term:
        text = f"{place[0] * step + start}"
        return writer.let(kind, f"iall({text})" if kind == "int" else f"all({text})")

    return Pointwise(shape, kind, write, cost=0)


def convert(value: Value, kind: str) -> Value:
    """A tensor as floats, whole numbers or truths."""
    if value.kind == kind:
        return value
    text = {
        ("mask", "float"): "select({0}, one, zero)",
        ("int", "float"): "to_float({0})",
        ("mask", "int"): "({0} & 1)",
        ("int", "mask"): "({0} != 0)",
        ("float", "mask"): "({0} != 0)",
        ("float", "int"): "to_int({0})",
    }[value.kind, kind]
    return pointwise(text, kind, [value], value.shape)


def pointwise(
    text: str, kind: str, values: Sequence[Value], shape: Sequence[Size], cost: int = 1
) -> Value:
    """An operation written as text with {0}, {1}, ... for the operands."""

    def write(writer: Writer, place: MultiIndex, *terms: Term) -> Term:
        return writer.let(kind, text.format(*(term.text for term in terms)))

    return Pointwise(shape, kind, write, [expand(value, shape) for value in values], cost)


def choose_by_place(
    inside: Callable[[MultiIndex], str | None],
    one: Value,
    other: Value,
    move: Callable[[MultiIndex], MultiIndex],
) -> Value:
    """``one`` (at a moved place) where a condition on the place holds, ``other`` elsewhere."""

    class Chosen(Value):
        def terms(self, writer: Writer, places: Sequence[MultiIndex]) -> list[Term]:
            ones = one.terms(writer, [move(place) for place in places])
            others = other.terms(writer, places)
            found = []
            for place, a, b in zip(places, ones, others, strict=True):
                condition = inside(place)
                found.append(writer.let(self.kind, f"({condition}) ? {a.text} : {b.text}"))
            return found

    cost = one.cost + other.cost + 1
    return Chosen(other.shape, other.kind, cost, one.reduces or other.reduces)


def arithmetic(name: str, operands: Sequence[Any], shape: Sequence[Size]) -> Value:
    """The value of an operation of ELEMENTWISE."""
    same = _simplified(name, operands, shape)
    if same is not None:
        return same
    if name in FLOAT:
        text, cost = FLOAT[name]
        return pointwise(text, "float", _as(operands, "float", shape), shape, cost)
    if name in TESTS:
        return pointwise(TESTS[name], "mask", _as(operands, "float", shape), shape)
    kinds = {_kind(operand) for operand in operands}
    widest = next(kind for kind in ("float", "int", "mask") if kind in kinds)
    if name in NUMERIC:
        kind = "int" if widest == "mask" else widest
        return pointwise(NUMERIC[name], kind, _as(operands, kind, shape), shape)
    if name in COMPARISONS:
        kind = "int" if widest == "mask" else widest
        text = f"({{0}} {COMPARISONS[name]} {{1}})"
        return pointwise(text, "mask", _as(operands, kind, shape), shape)
    if name == "where":
        condition, *others = operands
        kinds = {_kind(operand) for operand in others}
        kind = next(kind for kind in ("float", "int", "mask") if kind in kinds)
        values = [*_as([condition], "mask", shape), *_as(others, kind, shape)]
        return pointwise("select({0}, {1}, {2})", kind, values, shape)
    how, _, word = name.partition("_")
    kind = "mask" if how == "logical" else widest
    return pointwise(f"({LOGIC[word]})", kind, _as(operands, kind, shape), shape)


def _simplified(name: str, operands: Sequence[Any], shape: Sequence[Size]) -> Value | None:
    """The value of an operation that does nothing: times one, plus zero, a choice that is made."""
    numbers = [_number(operand) for operand in operands]
    idle = {"mul": 1, "div": 1, "add": 0, "sub": 0}
    if name in idle and numbers[1] == idle[name] and isinstance(operands[0], Value):
        return expand(operands[0], shape)
    if name == "eq" and None not in numbers:
        return Constant(numbers[0] == numbers[1], shape, "mask")
    if name == "where" and numbers[0] is not None:
        chosen = operands[1 if numbers[0] else 2]
        return expand(chosen, shape) if isinstance(chosen, Value) else None
    return None


def _number(operand: Any) -> float | None:
    """The one number that an operand stands for."""
    while isinstance(operand, View):
        operand = operand.source
    if isinstance(operand, Constant):
        return operand.number
    return operand if isinstance(operand, int | float) else None


def _kind(operand: Any) -> str:
    if isinstance(operand, Value):
        return operand.kind
    return {bool: "mask", int: "int"}.get(type(operand), "float")


def _as(operands: Sequence[Any], kind: str, shape: Sequence[Size]) -> list[Value]:
    return [
        convert(operand, kind) if isinstance(operand, Value) else Constant(operand, shape, kind)
        for operand in operands
    ]


def power(value: Value, exponent: float) -> Value | None:
    """A small whole power as products; None for others."""
    texts = {1: "{0}", 2: "{0} * {0}", 3: "{0} * {0} * {0}", -1: "divide(one, {0})"}
    texts |= {0.5: "root({0})", -0.5: "divide(one, root({0}))", 4: "({0} * {0}) * ({0} * {0})"}
    if exponent not in texts:
        return None
    return pointwise(texts[exponent], "float", [value], value.shape)


def bounds_condition(index: Index, low: Size, high: Size) -> str:
    """Whether an index lies in [low, high), as text."""
    return f"{index} >= {low} && {index} < {high}"
