"""Loops that compute tensors and write them: fused where they run over one shape, and tiled."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from modnets.compiler import views
from modnets.compiler.ir import UNROLLED, Buffer, FlattenedView, Pointwise, Reduction, Value, View
from modnets.compiler.loop_builder import LoopBuilder
from modnets.compiler.loop_ir import Load, Operand, Statement, Store
from modnets.compiler.registers import with_held_loads
from modnets.compiler.symbolic import (
    ROW_STEP,
    ROWS,
    TYPICAL_ROWS,
    WIDTH,
    Index,
    LoopVariable,
    MultiIndex,
    Size,
    known,
    product,
    size_at,
)
from modnets.compiler.wide_sums import share_of_time, with_wide_sums

#: Vector registers, and sums that are held in them at once, by the number of lanes.
REGISTERS = {16: 32, 8: 16, 1: 0}
ACCUMULATORS = {16: 16, 8: 12, 1: 8}
MAX_TILE = 8
#: How much faster wide sums have to be than elements side by side.
TIMES_FASTER = 2
#: Sums that share a loop.
MAX_JOINT = 8
#: Elements, none of them of a row, that are not worth the code of a tile.
SMALL = 256


class Kernel:
    """A nest of loops over the elements of one shape, that writes one or more tensors.

    Parameters
    ----------
    value : Value
        What is computed.
    target : Buffer
        Where it goes.
    """

    def __init__(self, value: Value, target: Buffer) -> None:
        self.shape = value.shape
        self.outputs = [(value, target)]
        self.reduces = value.reduces
        #: Whether its outputs are sums that share a loop; see :meth:`joined`.
        self.joint = False
        builder = LoopBuilder()
        value.emit(builder, [self.element()])
        #: What one element reads.
        self.loads = set(builder.loads)
        over_rows = builder.depends_on_rows or not all(map(known, self.shape))
        self.is_small = not over_rows and product(self.shape) <= SMALL

    def __repr__(self) -> str:
        return "; ".join(f"{target}{self.shape} = {value}" for value, target in self.outputs)

    def element(self, offsets: Mapping[int, int] | None = None) -> MultiIndex:
        """The element that the innermost loop is at, moved by an offset along some axes."""
        offsets = offsets or {}
        return tuple(
            Index() if size == 1 else Index({LoopVariable(f"i{axis}"): 1}, offsets.get(axis, 0))
            for axis, size in enumerate(self.shape)
        )

    @property
    def reads(self) -> set[str]:
        """Names of the buffers that are read from outside."""
        return {load.buffer for load in self.loads} - self.writes

    @property
    def writes(self) -> set[str]:
        """Names of the buffers that are written."""
        return {target.name for _, target in self.outputs}

    def fuse(self, other: Kernel) -> bool:
        """Take in the kernel that comes next, if its elements need only the same ones here."""
        if other.shape != self.shape or other.reduces:
            return False
        written = {(target.name, target.index(self.element())) for _, target in self.outputs}
        shared = [load for load in other.loads if load.buffer in self.writes]
        if any((load.buffer, load.index) not in written for load in shared):
            return False
        if self.reduces and not shared:
            return False
        self.outputs += other.outputs
        self.loads |= other.loads
        return True

    def joined(self, other: Kernel) -> Kernel | None:
        """Both as one, if they are sums that read the same in one loop; None if they are not.

        As of the gradients of a module: each reads what its units give and the gradient of its
        output.  Of two shapes, one of which has a short axis more, that becomes several outputs.
        """
        axes = {tuple(_summed(value)) for kernel in (self, other) for value, _ in kernel.outputs}
        if len(axes) > 1 or None in axes.union(*axes) or () in axes or self.writes & other.reads:
            return None
        if not self._read_in_sums() & other._read_in_sums():
            return None
        shapes = [[size for size in kernel.shape if size != 1] for kernel in (self, other)]
        shape = min(shapes, key=len)
        outputs = [one for kernel in (self, other) for one in kernel._outputs_of(shape)]
        if len(outputs) > MAX_JOINT or any(list(value.shape) != shape for value, _ in outputs):
            return None
        first, *others = (Kernel(value, target) for value, target in outputs)
        first.outputs, first.joint = outputs, True
        first.loads.update(*(one.loads for one in others))
        return first

    def _read_in_sums(self) -> set[str]:
        """Names of the buffers of which a sum reads other elements in each step of its loop."""
        own = {f"i{axis}" for axis in range(len(self.shape))}
        return {load.buffer for load in self.loads if set(load.index.variables()) - own}

    def _outputs_of(self, shape: Sequence[Size]) -> list[tuple[Value, Buffer]]:
        """The outputs without axes of size 1, and without a short axis more than a shape has."""
        outputs = []
        for value, target in self.outputs:
            axes = range(len(value.shape))
            value, target = views.squeeze(value, axes), target.squeezed()
            short = value.shape[len(shape) :]
            if len(short) == 1 and known(short[0]) and short[0] <= UNROLLED:
                places = range(short[0])
                outputs += [(views.select(value, -1, n), target.at_last(n)) for n in places]
            else:
                outputs.append((value, target))
        return outputs

    def reads_only(self, buffer: str, index: Index) -> bool:
        """Whether all that is read of a buffer stands at one index."""
        return all(load.index == index for load in self.loads if load.buffer == buffer)

    def _wide_axis(self) -> tuple[int | None, float]:
        """The axis along which a vector of one replica best holds elements, and its time.

        That is as a share of the time with plain numbers.  The axis is None where those are as
        fast, or an index is not linear in any axis.
        """
        places = [load.index for load in self.loads if not load.uniform or load.index.parts]
        places += [target.index(self.element()) for _, target in self.outputs]
        best, least, curved = None, float(len(places)), self._not_linear_in()
        for axis, size in enumerate(self.shape):
            variable = LoopVariable(f"i{axis}")
            if size == 1 or variable.name in curved:
                continue
            steps = [place.parts.get(variable, 0) for place in places]
            elements = size_at(size, TYPICAL_ROWS)
            vectors = -(-elements // WIDTH)
            cost = sum(1 if step in (0, 1) else WIDTH for step in steps) * vectors / elements
            if cost < least:
                best, least = axis, cost
        return best, least / max(1, len(places))

    def _not_linear_in(self) -> set[str]:
        """Loop variables in which some index is not linear, or that a test depends on."""
        builder = LoopBuilder()
        self.stores(builder, [self.element()], set())
        inner = _atoms([load.index for load in builder.loads])
        return builder.tested.union(*(index.variables() for index in inner))

    def loops(
        self, lanes: int, unneeded: set[str], *, wide: int | None = None, add: bool = False
    ) -> list[Statement]:
        """Its loops; buffers that are named as unneeded are not written.

        Parameters
        ----------
        lanes : int
            Replicas in a vector.
        unneeded : set of str
        wide : int, optional
            The axis along which a vector holds elements.
        add : bool
            Add to what is in the buffers.
        """
        tile = {} if wide is not None else self._tile(lanes)
        builder = LoopBuilder()
        looped = [axis for axis, size in enumerate(self.shape) if size != 1]
        if wide is not None:
            looped = [*(axis for axis in looped if axis != wide), wide]

        def nest(depth: int) -> None:
            if depth < len(looped):
                axis = looped[depth]
                step = tile.get(axis, 1)
                with builder.loop(f"i{axis}", self.shape[axis], step, wide=axis == wide):
                    nest(depth + 1)
                return
            axes = sorted(tile, key=lambda axis: -tile[axis])  # what comes again are the fewer
            offsets = itertools.product(*(range(tile[axis]) for axis in axes))
            elements = [self.element(dict(zip(axes, offset, strict=True))) for offset in offsets]
            for store in self.stores(builder, elements, unneeded):
                builder.add(replace(store, add=add))  # last, as a tensor may be changed in place

        nest(0)
        return with_held_loads(builder.body, REGISTERS[lanes]) if tile else builder.body

    def within(self, unneeded: set[str]) -> tuple[list[Statement], bool]:
        """Its loops where a replica fills vectors by itself, and whether they fill any.

        A vector holds elements, or what a sum takes in where that is faster by far: as in sums over
        rows that lie side by side, of units that do not.
        """
        plain, (axis, time) = self.loops(1, unneeded), self._wide_axis()
        if self.reduces and all(target.kind == "float" for _, target in self.outputs):
            share = share_of_time(plain)
            if share is not None and TIMES_FASTER * share < time:
                return with_wide_sums(plain), True
        return (plain, False) if axis is None else (self.loops(1, unneeded, wide=axis), True)

    def stores(
        self, builder: LoopBuilder, elements: Sequence[MultiIndex], unneeded: set[str]
    ) -> list[Store]:
        stores = []
        for value, target in self.outputs:
            if self.joint:
                builder.share_loops()
            operands: list[Operand] = value.emit(builder, elements)
            for element, operand in zip(elements, operands, strict=True):
                index = target.index(element)
                builder.remember(Load(target.name, index, target.kind), operand)
                if target.name not in unneeded:
                    stores.append(Store(target.name, index, operand))
        if self.joint:
            builder.end_sharing()
        return stores

    def _tile(self, lanes: int) -> dict[int, int]:
        """Elements computed at once, axis -> number, so that what is read serves several."""
        if not self.reduces or self.is_small:
            return {}
        variables = [frozenset(load.index.variables()) for load in self.loads]
        best: dict[int, int] = {}
        best_cost = float("inf")
        axes = [axis for axis, size in enumerate(self.shape) if size != 1]
        for pair in itertools.combinations_with_replacement(axes, 2):
            for factors in itertools.product(*(divisors(self.shape[axis]) for axis in pair)):
                tile = dict(zip(pair, factors, strict=True))
                count = math.prod(tile.values())
                if count * (len(self.outputs) if self.joint else 1) > ACCUMULATORS[lanes]:
                    continue
                cost = _loads_of(tile, variables) / count + max(0, 8 - count) / 20
                if cost < best_cost - 1e-9:
                    best, best_cost = tile, cost
        return best


def _atoms(places: Sequence[Index]) -> Iterator[Index]:
    """What stands in clips and moduli."""
    for place in places:
        yield from (atom.index for atom in place.parts if not isinstance(atom, LoopVariable))


def _loads_of(tile: dict[int, int], variables: Sequence[frozenset[str]]) -> int:
    """How many elements a tile reads, from the loop variables of what one element reads."""
    return sum(
        math.prod(factor for axis, factor in tile.items() if f"i{axis}" in names)
        for names in variables
    )


def divisors(size: Size) -> Sequence[int]:
    """Numbers of elements into which an axis falls without rest."""
    whole = size if known(size) else ROW_STEP if size == ROWS else 1
    return [n for n in range(1, MAX_TILE + 1) if whole % n == 0]


def _summed(value: Value) -> Iterator[tuple[Size, ...] | None]:
    """Over which axes each sum in a value goes; None where something else takes a loop."""
    if isinstance(value, Reduction) and value.how == "sum" and not value.source.reduces:
        yield value.reduced
    elif isinstance(value, View | FlattenedView | Pointwise):
        for one in value.inputs:
            yield from _summed(one)
    elif value.reduces:
        yield None


def fused(kernels: Sequence[Kernel], jointly: bool = False) -> list[Kernel]:
    """Neighbours as one nest of loops, where that changes nothing.

    Parameters
    ----------
    kernels : sequence of Kernel
    jointly : bool
        Sums that read the same in one loop too.
    """
    result: list[Kernel] = []
    for kernel in kernels:
        if result and result[-1].fuse(kernel):
            continue
        joint = result[-1].joined(kernel) if result and jointly else None
        if joint is not None:
            result[-1] = joint
        else:
            result.append(kernel)
    return result
