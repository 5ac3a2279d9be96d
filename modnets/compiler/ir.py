"""The intermediate representation: what a tensor of one replica is before code is written.

A tensor is in memory (:class:`Buffer`), or an expression that is fused into its consumers, so that
chains of operations need no memory.  Views are functions of indices, as in torch's inductor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from modnets.compiler.loop_builder import LoopBuilder
from modnets.compiler.loop_ir import (
    Accumulate,
    Apply,
    Declare,
    IndexValue,
    Kind,
    Literal,
    Load,
    Name,
    Operand,
    Operation,
    Scalar,
    Select,
)
from modnets.compiler.symbolic import (
    Index,
    IndexTest,
    LoopVariable,
    MultiIndex,
    Size,
    contiguous,
    flat,
    known,
    reshaped_strides,
)

#: Iterations of a reduction that are written out.
UNROLLED = 4
LARGEST_INT = 2**31 - 1  # integers have 32 bits here


class UnsupportedOperation(Exception):
    """An operation for which no code can be written."""


class Value:
    """A tensor of one replica.

    Parameters
    ----------
    shape : sequence of Size
    kind : Kind
    cost : int
        Operations for one element; 0 for what is only read.
    reduces : bool
        Whether an element takes a loop.

    Attributes
    ----------
    inputs : tuple of Value
        What it is computed from.
    """

    inputs: tuple[Value, ...] = ()

    def __init__(self, shape: Sequence[Size], kind: Kind, cost: int, reduces: bool = False) -> None:
        self.shape, self.kind = tuple(shape), kind
        self.cost, self.reduces = cost, reduces

    def emit(self, builder: LoopBuilder, elements: Sequence[MultiIndex]) -> list[Operand]:
        """Build what computes some elements."""
        raise NotImplementedError


class Buffer(Value):
    """A tensor in memory, without gaps.

    Parameters
    ----------
    name : str
    shape : sequence of Size
    kind : Kind
    offset : Size
        Where it begins, in elements.
    uniform : bool
        One number for all lanes.
    strides : sequence of Size, optional
        Where it is a slice of a larger one.
    """

    def __init__(
        self,
        name: str,
        shape: Sequence[Size],
        kind: Kind = "float",
        offset: Size = 0,
        uniform: bool = False,
        strides: Sequence[Size] | None = None,
    ) -> None:
        super().__init__(shape, kind, 0)
        self.name, self.offset, self.uniform = name, offset, uniform
        self.strides = contiguous(self.shape) if strides is None else tuple(strides)

    @property
    def is_contiguous(self) -> bool:
        """Whether its elements lie as those of a tensor without gaps, last axis fastest."""
        return self.strides == contiguous(self.shape)

    def slice(self, axis: int, start: Size, size: Size) -> Buffer:
        """A slice along an axis, to be written."""
        shape = (*self.shape[:axis], size, *self.shape[axis + 1 :])
        offset = self.offset + start * self.strides[axis]
        return Buffer(self.name, shape, self.kind, offset, strides=self.strides)

    def squeezed(self) -> Buffer:
        """The same memory without axes of size 1."""
        kept = [axis for axis, size in enumerate(self.shape) if size != 1]
        shape, strides = ([of[axis] for axis in kept] for of in (self.shape, self.strides))
        return Buffer(self.name, shape, self.kind, self.offset, self.uniform, strides)

    def at_last(self, place: int) -> Buffer:
        """One index of the last axis, which goes."""
        offset = self.offset + place * self.strides[-1]
        parts = self.shape[:-1], self.kind, offset, self.uniform, self.strides[:-1]
        return Buffer(self.name, *parts)

    def index(self, element: MultiIndex) -> Index:
        """Where an element lies in memory."""
        return flat(element, self.strides) + self.offset

    def emit(self, builder: LoopBuilder, elements: Sequence[MultiIndex]) -> list[Operand]:
        """See Value."""
        return [
            builder.let(Load(self.name, self.index(element), self.kind, self.uniform))
            for element in elements
        ]

    def __repr__(self) -> str:
        return self.name

    def reshaped(self, shape: Sequence[Size]) -> Buffer | None:
        """The same memory in another shape; None if no steps give that."""
        strides = reshaped_strides(self.shape, self.strides, tuple(shape))
        if strides is None:
            return None
        return Buffer(self.name, shape, self.kind, self.offset, self.uniform, strides)


class Pointwise(Value):
    """An operation on the elements of tensors of one shape.

    Parameters
    ----------
    operation : Operation
    shape, kind
        As for Value.
    inputs : sequence of Value
    scalars : sequence of Scalar
        Further operands, after the inputs.
    """

    def __init__(
        self,
        operation: Operation,
        shape: Sequence[Size],
        kind: Kind,
        inputs: Sequence[Value],
        scalars: Sequence[Scalar] = (),
    ) -> None:
        cost = operation.cost + sum(value.cost for value in inputs)
        super().__init__(shape, kind, cost, any(value.reduces for value in inputs))
        self.operation, self.inputs, self.scalars = operation, tuple(inputs), tuple(scalars)

    def __repr__(self) -> str:
        return self.operation.cpp.format(*self.inputs, *(scalar.number for scalar in self.scalars))

    def emit(self, builder: LoopBuilder, elements: Sequence[MultiIndex]) -> list[Operand]:
        """See Value."""
        columns = [value.emit(builder, elements) for value in self.inputs]
        return [
            builder.let(Apply(self.operation, (*operands, *self.scalars), self.kind))
            for operands in zip(*columns, strict=True)
        ]


class Constant(Value):
    """A tensor of one number.

    Raises
    ------
    UnsupportedOperation
        If an integer has more than 32 bits, or the number depends on the number of rows.
    """

    def __init__(self, number: float, shape: Sequence[Size], kind: Kind) -> None:
        super().__init__(shape, kind, 0)
        self.number = checked_number(number, kind)

    def __repr__(self) -> str:
        return repr(self.number)

    def emit(self, builder: LoopBuilder, elements: Sequence[MultiIndex]) -> list[Operand]:
        """See Value."""
        return [Literal(self.number, self.kind)] * len(elements)


class Arange(Value):
    """0, 1, 2, ... times ``step`` from ``start``."""

    def __init__(self, shape: Sequence[Size], start: int, step: int, kind: Kind) -> None:
        super().__init__(shape, kind, 0)
        self.start, self.step = start, step

    def __repr__(self) -> str:
        return f"arange{self.shape}"

    def emit(self, builder: LoopBuilder, elements: Sequence[MultiIndex]) -> list[Operand]:
        """See Value."""
        indices = [element[0] * self.step + self.start for element in elements]
        return [builder.let(IndexValue(index, self.kind)) for index in indices]


def arange(shape: Sequence[Size], start: int, step: int, kind: Kind) -> Value:
    """The tensor of one axis that counts from ``start`` in steps."""
    return (
        Constant(start, shape, kind) if tuple(shape) == (1,) else Arange(shape, start, step, kind)
    )


class View(Value):
    """Another tensor's elements at other indices.

    Parameters
    ----------
    shape : sequence of Size
    source : Value
    reindex : callable
        Index here -> index in the source.
    """

    def __init__(
        self, shape: Sequence[Size], source: Value, reindex: Callable[[MultiIndex], MultiIndex]
    ) -> None:
        super().__init__(shape, source.kind, source.cost, source.reduces)
        self.source, self.reindex = source, reindex
        self.inputs = (source,)

    def __repr__(self) -> str:
        return f"view({self.source})"

    def emit(self, builder: LoopBuilder, elements: Sequence[MultiIndex]) -> list[Operand]:
        """See Value."""
        return self.source.emit(builder, [self.reindex(element) for element in elements])


class FlattenedView(Value):
    """A tensor flattened to one axis, only to be written: its elements have no index of their own.

    Parameters
    ----------
    source : Value
    size : Size
    """

    def __init__(self, source: Value, size: Size) -> None:
        super().__init__((size,), source.kind, source.cost, source.reduces)
        self.source, self.inputs = source, (source,)

    def __repr__(self) -> str:
        return f"flattened({self.source})"


class WhereIndex(Value):
    """``inside`` (at a moved index) where tests of the index hold, ``outside`` elsewhere.

    Parameters
    ----------
    tests : callable
        Index -> tests, all of which have to hold.
    inside, outside : Value
    reindex : callable
        Index here -> index in ``inside``; it is used everywhere, so that it has to stay within.
    """

    def __init__(
        self,
        tests: Callable[[MultiIndex], tuple[IndexTest, ...]],
        inside: Value,
        outside: Value,
        reindex: Callable[[MultiIndex], MultiIndex],
    ) -> None:
        cost, reduces = inside.cost + outside.cost + 1, inside.reduces or outside.reduces
        super().__init__(outside.shape, outside.kind, cost, reduces)
        self.tests, self.inside, self.outside, self.reindex = tests, inside, outside, reindex
        self.inputs = (inside, outside)

    def __repr__(self) -> str:
        return f"where_index({self.inside}, {self.outside})"

    def emit(self, builder: LoopBuilder, elements: Sequence[MultiIndex]) -> list[Operand]:
        """See Value."""
        insides = self.inside.emit(builder, [self.reindex(element) for element in elements])
        outsides = self.outside.emit(builder, elements)
        return [
            builder.let(Select(self.tests(element), inside, outside, self.kind))
            for element, inside, outside in zip(elements, insides, outsides, strict=True)
        ]


class Reduction(Value):
    """A sum, product, maximum or minimum over the last axes of a tensor.

    Parameters
    ----------
    how : "sum", "prod", "amax" or "amin"
        Of integers and masks only "sum".
    source : Value
        Its last axes are reduced.
    n_axes : int
        How many axes are reduced.
    """

    def __init__(self, how: str, source: Value, n_axes: int) -> None:
        keep = len(source.shape) - n_axes
        kind: Kind = "int" if source.kind == "mask" else source.kind
        super().__init__(source.shape[:keep], kind, source.cost + 1, reduces=True)
        self.how, self.source, self.reduced = how, source, source.shape[keep:]
        self.inputs = (source,)

    def __repr__(self) -> str:
        return f"{self.how}({self.source})"

    def emit(self, builder: LoopBuilder, elements: Sequence[MultiIndex]) -> list[Operand]:
        """See Value."""
        names = [builder.fresh() for _ in elements]
        for name in names:
            builder.add(Declare(name, self.kind, self.how))

        def nest(axis: int, inner: MultiIndex) -> None:
            if axis < len(self.reduced):
                size = self.reduced[axis]
                if known(size) and size <= UNROLLED:
                    for number in range(size):
                        nest(axis + 1, (*inner, Index(constant=number)))
                    return
                with builder.reduction(size) as variable:
                    nest(axis + 1, (*inner, Index.of(LoopVariable(variable))))
                return
            operands = self.source.emit(builder, [(*element, *inner) for element in elements])
            for name, operand in zip(names, operands, strict=True):
                builder.add(Accumulate(name, self.how, operand))

        nest(0, ())
        return [Name(name, self.kind) for name in names]


def checked_number(number: float, kind: Kind) -> float:
    """A number that code of some kind can hold.

    Raises
    ------
    UnsupportedOperation
        If an integer has more than 32 bits, or the number depends on the number of rows.
    """
    if not isinstance(number, int | float):
        raise UnsupportedOperation(f"arithmetic with the number of rows: {number}")
    if kind == "int" and (not math.isfinite(number) or abs(number) > LARGEST_INT):
        raise UnsupportedOperation(f"{number} has more than 32 bits")
    return number
