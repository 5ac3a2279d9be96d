"""What each operation of a traced graph does to an element: the arithmetic.

Names are those of torch's ``aten`` operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import fx

from modnets.compiler.ir import Constant, Pointwise, UnsupportedOperation, Value, View
from modnets.compiler.loop_ir import Kind, Operation
from modnets.compiler.symbolic import Size
from modnets.compiler.views import expand

KINDS: dict[torch.dtype, Kind] = {
    torch.bool: "mask",
    torch.int64: "int",
    torch.int32: "int",
    torch.float32: "float",
}

#: Operations on floats.
FLOAT = {
    "div": Operation("divide({0}, {1})", 2),
    "exp": Operation("exp({0})", 8),
    "log": Operation("log({0})", 8),
    "log1p": Operation("log1p({0})", 8),
    "expm1": Operation("expm1({0})", 8),
    "tanh": Operation("tanh({0})", 8),
    "erf": Operation("erf({0})", 8),
    "sin": Operation("sin({0})", 8),
    "cos": Operation("cos({0})", 8),
    "atan": Operation("atan({0})", 8),
    "sinh": Operation("sinh({0})", 8),
    "cosh": Operation("cosh({0})", 8),
    "sigmoid": Operation("divide(one, one + exp(-{0}))", 10),
    "sqrt": Operation("sqrt({0})", 2),
    "rsqrt": Operation("divide(one, sqrt({0}))", 4),
    "reciprocal": Operation("divide(one, {0})", 2),
    "relu": Operation("fmax({0}, zero)", 1),
    "maximum": Operation("maximum({0}, {1})", 2),
    "minimum": Operation("minimum({0}, {1})", 2),
    "sign": Operation("select({0} > zero, one, select({0} < zero, -one, zero))", 2),
    "abs": Operation("fmax({0}, -{0})", 1),
    "pow": Operation("pow({0}, {1})", 16),
    "floor": Operation("floor({0})", 1),
    "ceil": Operation("ceil({0})", 1),
    "trunc": Operation("trunc({0})", 1),
    "round": Operation("round({0})", 1),
}
#: Tests of floats.
TESTS = {
    "isnan": Operation("mask({0} != {0})"),
    "isinf": Operation("mask(fmax({0}, -{0}) == splat(INFINITY))"),
}
#: Operations on floats or integers.
NUMERIC = {
    "add": Operation("{0} + {1}"),
    "sub": Operation("{0} - {1}"),
    "mul": Operation("{0} * {1}"),
    "neg": Operation("-{0}"),
}
COMPARISONS = {
    "eq": Operation("mask({0} == {1})"),
    "ne": Operation("mask({0} != {1})"),
    "lt": Operation("mask({0} < {1})"),
    "le": Operation("mask({0} <= {1})"),
    "gt": Operation("mask({0} > {1})"),
    "ge": Operation("mask({0} >= {1})"),
}
LOGIC = {
    "and": Operation("({0} & {1})"),
    "or": Operation("({0} | {1})"),
    "xor": Operation("({0} ^ {1})"),
    "not": Operation("(~{0})"),
}
WHERE = Operation("select({0}, {1}, {2})")
#: Names of all operations that make each element from those at its index.
ELEMENTWISE = {*FLOAT, *NUMERIC, *COMPARISONS, *TESTS, "where"}
ELEMENTWISE |= {f"{how}_{word}" for how in ("logical", "bitwise") for word in LOGIC}

#: (From, to) -> how elements are converted.
CONVERSIONS: dict[tuple[Kind, Kind], Operation] = {
    ("mask", "float"): Operation("select({0}, one, zero)"),
    ("int", "float"): Operation("to_float({0})"),
    ("mask", "int"): Operation("({0} & 1)"),
    ("int", "mask"): Operation("mask({0} != 0)"),
    ("float", "mask"): Operation("mask({0} != 0)"),
    ("float", "int"): Operation("to_int({0})"),
}
#: Exponent -> the power as products, with the one operand as often as it is needed.
POWERS = {
    1: Operation("{0}"),
    2: Operation("{0} * {0}"),
    3: Operation("{0} * {0} * {0}"),
    4: Operation("({0} * {0}) * ({0} * {0})"),
    -1: Operation("divide(one, {0})"),
    0.5: Operation("sqrt({0})"),
    -0.5: Operation("divide(one, sqrt({0}))"),
}


def name_of(node: fx.Node) -> str:
    """The operation of a node, as ``add``; empty where it is none of torch's."""
    return getattr(node.target, "_opname", "")


def kind_of(dtype: torch.dtype) -> Kind:
    """The kind of the elements of a torch type.

    Raises
    ------
    UnsupportedOperation
        If there is none.
    """
    if dtype not in KINDS:
        raise UnsupportedOperation(
            f"{dtype} is not known; allowed are {', '.join(map(str, KINDS))}"
        )
    return KINDS[dtype]


def pointwise(
    operation: Operation, kind: Kind, values: Sequence[Value], shape: Sequence[Size]
) -> Value:
    """An operation on elements, its operands broadcast to a shape."""
    return Pointwise(operation, shape, kind, [expand(value, shape) for value in values])


def convert(value: Value, kind: Kind) -> Value:
    """A tensor as floats, integers or masks."""
    if value.kind == kind:
        return value
    return pointwise(CONVERSIONS[value.kind, kind], kind, [value], value.shape)


def arithmetic(name: str, operands: Sequence[Any], shape: Sequence[Size]) -> Value:
    """The value of an operation of ELEMENTWISE, of values and numbers."""
    same = _simplified(name, operands, shape)
    if same is not None:
        return same
    if name in FLOAT:
        return pointwise(FLOAT[name], "float", _as(operands, "float", shape), shape)
    if name in TESTS:
        return pointwise(TESTS[name], "mask", _as(operands, "float", shape), shape)
    widest = _widest(operands)
    if name in NUMERIC:
        kind: Kind = "int" if widest == "mask" else widest
        return pointwise(NUMERIC[name], kind, _as(operands, kind, shape), shape)
    if name in COMPARISONS:
        kind = "int" if widest == "mask" else widest
        return pointwise(COMPARISONS[name], "mask", _as(operands, kind, shape), shape)
    if name == "where":
        condition, *others = operands
        kind = _widest(others)
        values = [*_as([condition], "mask", shape), *_as(others, kind, shape)]
        return pointwise(WHERE, kind, values, shape)
    how, _, word = name.partition("_")
    kind = "mask" if how == "logical" else widest
    return pointwise(LOGIC[word], kind, _as(operands, kind, shape), shape)


def power(value: Value, exponent: float) -> Value | None:
    """A small whole power as products; None for others."""
    if exponent not in POWERS:
        return None
    return pointwise(POWERS[exponent], "float", [value], value.shape)


def _simplified(name: str, operands: Sequence[Any], shape: Sequence[Size]) -> Value | None:
    """The value of an operation that does nothing: times one, plus zero, a settled choice."""
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


def _widest(operands: Sequence[Any]) -> Kind:
    kinds = {_kind(operand) for operand in operands}
    return next(kind for kind in cast(tuple[Kind, ...], ("float", "int", "mask")) if kind in kinds)


def _kind(operand: Any) -> Kind:
    if isinstance(operand, Value):
        return operand.kind
    if isinstance(operand, bool):
        return "mask"
    return "int" if isinstance(operand, int) else "float"


def _as(operands: Sequence[Any], kind: Kind, shape: Sequence[Size]) -> list[Value]:
    return [
        convert(operand, kind) if isinstance(operand, Value) else Constant(operand, shape, kind)
        for operand in operands
    ]
