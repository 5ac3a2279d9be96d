"""Matrix products of one replica by ``matmul.h``, where the vector goes over columns.

With a replica in each lane a product is a sum like any other.  Where a replica fills vectors by
itself, its products are kernels of their own, between matrices in memory: all but the smallest
networks have most of their arithmetic there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modnets.compiler.ir import Buffer, Value
from modnets.compiler.kernels import Kernel
from modnets.compiler.loop_builder import LoopBuilder
from modnets.compiler.loop_ir import Axes, Load, Loop, Matrix, Multiply, Statement
from modnets.compiler.symbolic import (
    TYPICAL_ROWS,
    WIDTH,
    Index,
    LoopVariable,
    MultiIndex,
    Size,
    product,
    size_at,
)

#: Multiplications from which a product is worth a call.
SMALLEST = 1024

#: Axes that the rows of a product can consist of, and its inner axis.
MOST_AXES = 3

BATCH, COLUMN = LoopVariable("batch"), LoopVariable("column")
ROW, INNER = (
    tuple(LoopVariable(f"{name}{axis}") for axis in range(MOST_AXES)) for name in ("row", "inner")
)


class MatrixProduct(Kernel):
    """The product of two matrices, or of as many pairs as there are in a batch.

    Parameters
    ----------
    left, right : Value, shape ``(batch, *row, *inner)`` and ``(batch, *inner, column)``
        Matrices in memory; see :func:`located`.
    target : Buffer, shape ``(batch, *row, column)``
        Its columns lie side by side.
    add : bool
        Add to what is there.  Rows may overlap then, but not along their first axis.

    Raises
    ------
    ValueError
        If a matrix is not in memory.
    """

    reduces, is_small = True, False

    def __init__(self, left: Value, right: Value, target: Buffer, *, add: bool = False) -> None:
        self.rows = ROW[: len(target.shape) - 2]
        self.inner = INNER[: len(right.shape) - 2]
        places = (
            located(left, (BATCH, *self.rows, *self.inner)),
            located(right, (BATCH, *self.inner, COLUMN)),
        )
        if None in places:
            raise ValueError("a matrix that is not in memory")
        self.left, self.right = (place for place in places if place is not None)
        self.shape, self.inner_shape = target.shape, right.shape[1:-1]
        self.target, self.add = target, add
        self.outputs = [(target, target)]
        self.loads = {self.left, self.right}

    def __repr__(self) -> str:
        return f"{self.target}{self.shape} = {self.left.buffer} @ {self.right.buffer}"

    @property
    def sizes(self) -> dict[LoopVariable, Size]:
        """The size of each of its axes."""
        axes = (BATCH, *self.rows, COLUMN), self.inner
        shapes = self.shape, self.inner_shape
        return {v: n for part in zip(axes, shapes, strict=True) for v, n in zip(*part, strict=True)}

    @property
    def place(self) -> Load:
        """Where its elements go."""
        element = tuple(map(Index.of, (BATCH, *self.rows, COLUMN)))
        return Load(self.target.name, self.target.index(element), "float")

    def fuse(self, other: Kernel) -> bool:
        """Nothing is taken in."""
        return False

    def within(self, unneeded: set[str]) -> tuple[list[Statement], bool]:
        """See Kernel; the vector goes over columns in ``matmul.h``."""
        return self.loops(1, unneeded), False

    def loops(
        self, lanes: int, unneeded: set[str], *, wide: int | None = None, add: bool = False
    ) -> list[Statement]:
        """See Kernel; lanes is 1."""
        batch, *_ = self.shape
        sizes = self.sizes
        left = _matrix(self.left, self.rows, self.inner, sizes)
        right = _matrix(self.right, self.inner, (COLUMN,), sizes)
        target = _matrix(self.place, self.rows, (COLUMN,), sizes)
        return [Loop(BATCH.name, batch, 1, [Multiply(target, left, right, self.add)])]


def located(value: Value, axes: tuple[LoopVariable, ...]) -> Load | None:
    """Where the elements of a tensor lie, by the variables of its axes; None if not in memory."""
    builder = LoopBuilder()
    element: MultiIndex = tuple(map(Index.of, axes))
    value.emit(builder, [element])
    loads = builder.loads
    if value.cost or value.reduces or value.kind != "float" or len(loads) != 1:
        return None
    return loads[0] if set(loads[0].index.parts) <= set(axes) else None


def in_memory(value: Value) -> bool:
    """Whether a tensor lies in memory, each axis with a step of its own."""
    axes = tuple(LoopVariable(f"axis{number}") for number in range(len(value.shape)))
    return located(value, axes) is not None


def memory_order(value: Value) -> list[int]:
    """The order of axes, the last side by side, in which most of what a tensor is made of lies."""
    builder = LoopBuilder()
    axes = [LoopVariable(f"axis{number}") for number in range(len(value.shape))]
    value.emit(builder, [tuple(map(Index.of, axes))])
    orders: list[tuple[int, ...]] = []
    for load in dict.fromkeys(builder.loads):
        steps = [_largest_step(load.index, axis) for axis in axes]
        if all(step or size == 1 for step, size in zip(steps, value.shape, strict=True)):
            orders.append(tuple(sorted(range(len(axes)), key=lambda axis: -steps[axis])))
    return [*max(orders, key=lambda order: orders.count(order))] if orders else [*range(len(axes))]


def _largest_step(index: Index, variable: LoopVariable) -> int:
    """The largest step in memory that goes with a variable, by itself or in a clip or modulus."""
    steps = [
        size_at(factor, TYPICAL_ROWS)
        for atom, factor in index.parts.items()
        if atom == variable or variable.name in Index.of(atom).variables()
    ]
    return max(steps, default=0)


def _matrix(
    place: Load,
    rows: Sequence[LoopVariable],
    columns: Sequence[LoopVariable],
    sizes: Mapping[LoopVariable, Size],
) -> Matrix:
    """Where the elements of a matrix lie, from where one of them does."""
    index, gone = place.index, {*rows, *columns}
    start = Index({a: f for a, f in index.parts.items() if a not in gone}, index.constant)
    return Matrix(place.buffer, start, _axes(index, rows, sizes), _axes(index, columns, sizes))


def _axes(
    index: Index, variables: Sequence[LoopVariable], sizes: Mapping[LoopVariable, Size]
) -> Axes:
    """Nested axes with their steps, as few of them as can be."""
    axes: list[tuple[Size, Size]] = []
    for variable in variables:
        size, step = sizes[variable], index.parts.get(variable, 0)
        if axes and axes[-1][1] == step * size:
            axes[-1] = axes[-1][0] * size, step
        elif size != 1:
            axes.append((size, step))
    return tuple([(1, 0)] * (MOST_AXES - len(axes)) + axes)


def is_worthwhile(rows: Size, inner: Size, columns: Size) -> bool:
    """Whether a product is worth a call."""
    return size_at(product([rows, inner, columns]), TYPICAL_ROWS) >= SMALLEST


def is_better_transposed(rows: Size, columns: Size) -> bool:
    """Whether the vector better goes over rows, as there are fewer columns than it has lanes."""
    rows, columns = size_at(rows, TYPICAL_ROWS), size_at(columns, TYPICAL_ROWS)
    return columns <= WIDTH // 2 and rows > columns
