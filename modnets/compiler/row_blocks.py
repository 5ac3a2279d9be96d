"""Rows in blocks that stay in the cache: which kernels can run on some rows at a time.

In most networks no row meets another one, but in sums over all rows.  Then the rows of a step go
through its kernels block by block: first runs what depends on no row, then each block, its sums
added to those of the blocks before, and last what depends on the sums.  What rows need on the way
has memory for one block only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modnets.compiler.ir import (
    Buffer,
    FlattenedView,
    Pointwise,
    Reduction,
    Value,
    View,
)
from modnets.compiler.kernels import Kernel, fused
from modnets.compiler.loop_builder import LoopBuilder
from modnets.compiler.loop_ir import Apply, Let, Load, Loop, Scalar, Statement
from modnets.compiler.products import MatrixProduct
from modnets.compiler.symbolic import ROWS, LoopVariable, Size, known, size_at

#: Vectors that the first and the second cache may hold of what rows need on the way.
FIRST, SECOND = 512, 16384
#: Fewest and most rows of a block.
LEAST, MOST = 8, 256
#: Rows of a block within a replica, as many as ``matmul.h`` adds up at once.
WITHIN = 256


@dataclass(frozen=True)
class Phases:
    """The kernels of a function in the order in which they run.

    Parameters
    ----------
    before : list of Kernel
        What depends on no row.
    rows : list of Kernel
        What runs for each block of rows; those without an axis of rows add to sums.
    after : list of Kernel
        What depends on the sums.
    """

    before: list[Kernel]
    rows: list[Kernel]
    after: list[Kernel]

    @property
    def all(self) -> list[Kernel]:
        """The kernels of all phases."""
        return [*self.before, *self.rows, *self.after]

    @property
    def sums(self) -> list[Buffer]:
        """Where sums over rows are added up."""
        return [target for one in self.rows if not has_rows(one) for _, target in one.outputs]


def phases_of(
    kernels: Sequence[Kernel], arguments: Sequence[Buffer], outputs: Sequence[Buffer], lanes: int
) -> Phases | None:
    """The phases of a function, their kernels fused; None where its rows cannot go in blocks.

    Parameters
    ----------
    kernels : sequence of Kernel
    arguments : sequence of Buffer
        Its inputs and outputs; where they have rows, as the first axis.
    outputs : sequence of Buffer
        What kernels write of these.
    lanes : int
    """
    phases = _in_phases(kernels, arguments)
    if phases is None:
        return None
    before = set().union(*(kernel.writes for kernel in phases.before))
    if lanes == 1 and any(target.name in before for target in phases.sums):
        return None  # a buffer only a part of which is sums, where each block has its own
    by_row = {name for kernel in phases.rows if has_rows(kernel) for name in kernel.writes}
    with_rows = [output.name for output in outputs if output.name in by_row]
    if len(set(with_rows)) < len(with_rows):  # an output twice is copied, when all is done
        return None
    parts = phases.before, phases.rows, phases.after
    return Phases(*(fused(kernels, lanes > 1) for kernels in parts))


def _in_phases(kernels: Sequence[Kernel], arguments: Sequence[Buffer]) -> Phases | None:
    """The kernels in phases, as they are; None where rows need other rows."""
    if any(_has_size_of_rows(one.shape[1:]) for one in arguments):
        return None
    row_strides = {one.name: one.strides[0] for one in arguments if _has_size_of_rows(one.shape)}
    phases, summed = Phases([], [], []), set[str]()
    for kernel in kernels:
        if not has_rows(kernel) and not adds_rows(kernel):
            if kernel.reads & row_strides.keys():
                return None
            late = bool(kernel.reads & summed) or bool(kernel.writes & summed)
            (phases.after if late else phases.before).append(kernel)
            summed |= kernel.writes if late else set()
            continue
        if kernel.reads & summed or not _is_by_row(kernel, row_strides):
            return None
        if has_rows(kernel):
            axis = _row_axis(kernel)
            row_strides |= {target.name: target.strides[axis] for _, target in kernel.outputs}
        else:
            summed |= kernel.writes
        phases.rows.append(kernel)
    return phases if phases.rows else None


def block_rows(per_row: int, n_sums: int, lanes: int) -> int:
    """Rows of a block.

    What a row needs had best stay in the first cache; but each block reads weights and adds to sums
    again, so that it has to be large where these are many.  Within a replica, where products have
    blocks of their own, it is as many rows as a product adds up at once.

    Parameters
    ----------
    per_row : int
        Vectors that one row needs on the way; numbers, with one lane.
    n_sums : int
        Sums over rows.
    lanes : int
    """
    if lanes == 1:
        return WITHIN
    fitting = min(SECOND, FIRST + 8 * n_sums) // max(1, per_row)
    return max(LEAST, min(MOST, fitting // LEAST * LEAST))


def has_rows(kernel: Kernel) -> bool:
    """Whether a kernel has an axis of rows."""
    return _has_size_of_rows(kernel.shape)


def adds_rows(kernel: Kernel) -> bool:
    """Whether what a kernel writes is summed over rows."""
    if isinstance(kernel, MatrixProduct):
        return _has_size_of_rows(kernel.inner_shape)
    return any(contains_row_sum(value) for value, _ in kernel.outputs)


def _has_size_of_rows(shape: Sequence[Size]) -> bool:
    return not all(map(known, shape))


def _row_axis(kernel: Kernel) -> int:
    return next(axis for axis, size in enumerate(kernel.shape) if not known(size))


def contains_row_sum(value: Value) -> bool:
    """Whether a reduction over rows stands anywhere in a value."""
    if isinstance(value, Reduction) and _has_size_of_rows(value.reduced):
        return True
    return any(map(contains_row_sum, value.inputs))


def _is_linear(value: Value) -> bool:
    """Whether a value is linear in sums over rows, so that it can be added up over blocks."""
    if isinstance(value, View | FlattenedView):
        return _is_linear(value.source)
    if isinstance(value, Reduction):
        if value.how != "sum":
            return False
        if _has_size_of_rows(value.reduced):
            return not contains_row_sum(value.source)
        return _is_linear(value.source)
    if not isinstance(value, Pointwise):
        return False
    linear = [_is_linear(one) for one in value.inputs]
    plain = [not contains_row_sum(one) for one in value.inputs]
    operation = value.operation.cpp
    if operation in ("{0} + {1}", "{0} - {1}", "-{0}"):
        return all(linear)
    if operation == "{0} * {1}":
        return (linear[0] and plain[1]) or (plain[0] and linear[1])
    if operation in ("divide({0}, {1})", "{0} / {1}"):
        return linear[0] and all(plain[1:])
    return False


def _is_by_row(kernel: Kernel, row_strides: dict[str, Size]) -> bool:
    """Whether what a kernel does in a row depends on this row alone, but for sums over rows."""
    if isinstance(kernel, MatrixProduct):
        return _is_product_by_row(kernel, row_strides)
    sizes = [size for size in kernel.shape if not known(size)]
    if sizes not in ([], [ROWS]):
        return False
    if sizes and any(contains_row_sum(value) for value, _ in kernel.outputs):
        return False
    if not sizes and not all(_is_linear(value) for value, _ in kernel.outputs):
        return False
    builder = LoopBuilder()
    stores = kernel.stores(builder, [kernel.element()], set())
    loops = list(_loops(builder.body))
    if any(not known(loop.size) and loop.size != ROWS for loop in loops):
        return False
    variables = {loop.variable for loop in loops if loop.size == ROWS}
    variables |= {f"i{_row_axis(kernel)}"} if sizes else set()
    if variables & builder.tested or _has_size_as_number(builder.body):
        return False
    places = [*builder.loads, *(Load(s.buffer, s.index, "float") for s in stores if sizes)]
    strides = row_strides | {
        t.name: t.strides[_row_axis(kernel)] for _, t in kernel.outputs if sizes
    }
    return all(_is_in_row(place, variables, strides.get(place.buffer)) for place in places)


def _is_product_by_row(kernel: MatrixProduct, row_strides: dict[str, Size]) -> bool:
    """The same of a product of matrices."""
    over_rows = {variable.name: size for variable, size in kernel.sizes.items() if not known(size)}
    if kernel.add or [*over_rows.values()] != [ROWS]:
        return False
    target = kernel.target
    own = {} if adds_rows(kernel) else {target.name: target.strides[_row_axis(kernel)]}
    strides = row_strides | own
    places = kernel.left, kernel.right, kernel.place
    return all(_is_in_row(one, {*over_rows}, strides.get(one.buffer)) for one in places)


def _is_in_row(place: Load, variables: set[str], row_stride: Size | None) -> bool:
    """Whether an element of a buffer is in the row that a loop is at, if the buffer has rows."""
    inner = [atom.index for atom in place.index.parts if not isinstance(atom, LoopVariable)]
    if any(variables & set(index.variables()) or index.depends_on_rows() for index in inner):
        return False
    steps = [
        place.index.parts[LoopVariable(v)]
        for v in variables
        if LoopVariable(v) in place.index.parts
    ]
    if row_stride is None:
        return not steps and not place.index.depends_on_rows()
    if steps != [row_stride]:
        return False
    rest = size_at(place.index.constant, 0)  # without what is a multiple of the number of rows
    return known(row_stride) and 0 <= rest < row_stride


def _loops(body: Sequence[Statement]) -> Iterator[Loop]:
    for statement in body:
        if isinstance(statement, Loop):
            yield statement
            yield from _loops(statement.body)


def _has_size_as_number(body: Sequence[Statement]) -> bool:
    """Whether the number of rows itself is an operand."""
    for statement in body:
        if isinstance(statement, Loop) and _has_size_as_number(statement.body):
            return True
        if isinstance(statement, Let) and isinstance(statement.expression, Apply):
            numbers = (o.number for o in statement.expression.operands if isinstance(o, Scalar))
            if any(not isinstance(number, float) and not known(number) for number in numbers):
                return True
    return False
