"""Matrix products of one replica by ``matmul.h``, where the vector goes over columns.

With a replica in each lane a product is a sum like any other.  Where a replica fills vectors by
itself, its products are kernels of their own, between matrices in memory: all but the smallest
networks have most of their arithmetic there.
"""

from __future__ import annotations

from modnets.compiler.ir import Buffer, Value
from modnets.compiler.kernels import TYPICAL_ROWS, WIDTH, Kernel
from modnets.compiler.loop_ir import Load, Loop, LoopBuilder, Matrix, Multiply, Statement
from modnets.compiler.symbolic import (
    Atom,
    Index,
    LoopVariable,
    MultiIndex,
    Size,
    flat,
    product,
    size_at,
)

#: Multiplications from which a product is worth a call.
SMALLEST = 1024

BATCH, ROW, COLUMN, INNER = map(LoopVariable, ("batch", "row", "column", "inner"))


class MatrixProduct(Kernel):
    """The product of two matrices, or of as many pairs as there are in a batch.

    Parameters
    ----------
    left, right : Value, shape (batch, row, inner) and (batch, inner, column)
        Matrices in memory; see :func:`located`.
    target : Buffer, shape (batch, row, column)

    Raises
    ------
    ValueError
        If a matrix is not in memory.
    """

    reduces, is_small = True, False

    def __init__(self, left: Value, right: Value, target: Buffer) -> None:
        places = located(left, (BATCH, ROW, INNER)), located(right, (BATCH, INNER, COLUMN))
        if None in places:
            raise ValueError("a matrix that is not in memory")
        self.left, self.right = (place for place in places if place is not None)
        self.shape, self.inner = target.shape, left.shape[-1]
        self.target = target
        self.outputs = [(target, target)]
        self.loads = {self.left, self.right}

    def __repr__(self) -> str:
        return f"{self.target}{self.shape} = {self.left.buffer} @ {self.right.buffer}"

    def fuse(self, other: Kernel) -> bool:
        """Nothing is taken in."""
        return False

    def wide_axis(self) -> None:
        """None: the vector goes over columns in ``matmul.h``."""

    def loops(
        self, lanes: int, unneeded: set[str], *, wide: int | None = None, add: bool = False
    ) -> list[Statement]:
        """See Kernel; lanes is 1."""
        batch, rows, columns = self.shape
        left = Matrix(self.left.buffer, *_steps(self.left.index, ROW, INNER))
        right = Matrix(self.right.buffer, *_steps(self.right.index, INNER, COLUMN))
        start = flat((Index.of(BATCH), Index(), Index()), self.target.strides) + self.target.offset
        sizes = rows, self.inner, columns
        multiply = Multiply(self.target.name, start, left, right, sizes)
        return [Loop(BATCH.name, batch, 1, [multiply])]


def located(value: Value, axes: tuple[LoopVariable, ...]) -> Load | None:
    """Where the elements of a tensor lie, by the variables of its axes; None if not in memory."""
    builder = LoopBuilder()
    element: MultiIndex = tuple(map(Index.of, axes))
    value.emit(builder, [element])
    loads = builder.loads
    if value.cost or value.reduces or value.kind != "float" or len(loads) != 1:
        return None
    return loads[0] if set(loads[0].index.parts) <= set(axes) else None


def _steps(index: Index, row: Atom, column: Atom) -> tuple[Index, Size, Size]:
    """Where a matrix begins, and how far its rows and columns are apart."""
    steps = [index.parts.get(atom, 0) for atom in (row, column)]
    start = Index({a: f for a, f in index.parts.items() if a not in (row, column)}, index.constant)
    return start, steps[0], steps[1]


def is_worthwhile(rows: Size, inner: Size, columns: Size) -> bool:
    """Whether a product is worth a call."""
    return size_at(product([rows, inner, columns]), TYPICAL_ROWS) >= SMALLEST


def is_better_transposed(rows: Size, columns: Size) -> bool:
    """Whether the vector better goes over rows, as there are fewer columns than it has lanes."""
    rows, columns = size_at(rows, TYPICAL_ROWS), size_at(columns, TYPICAL_ROWS)
    return columns <= WIDTH // 2 and rows > columns
