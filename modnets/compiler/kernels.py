"""Loops that compute tensors and store them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

from modnets.compiler.ir import Buffer, Value
from modnets.compiler.symbolic import ROW_STEP, ROWS, Index, Size, known, product
from modnets.compiler.writer import Load, Writer

#: Sums that are held in vector registers at once, by the number of lanes (registers).
ACCUMULATORS = {16: 16, 8: 12}
MAX_TILE = 8
#: Elements, none of them of a row, that are not worth the code of a tile.
SMALL = 256


class Kernel:
    """A nest of loops over the elements of one shape, that stores one or more tensors.

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
        self.loads = self._look()

    def _look(self) -> set[Load]:
        """What one element reads."""
        writer = Writer()
        place = self.place()
        for value, _ in self.outputs:
            value.terms(writer, [place])
        with_rows = str(ROWS) in " ".join([*writer.lines, *map(str, self.shape)])
        self.is_small = not with_rows and product(self.shape) <= SMALL
        return set(writer.loads)

    def place(self, offsets: Mapping[int, int] | None = None) -> tuple[Index, ...]:
        """The element that the innermost loop is at."""
        offsets = offsets or {}
        return tuple(
            Index() if size == 1 else Index({f"i{axis}": 1}, offsets.get(axis, 0))
            for axis, size in enumerate(self.shape)
        )

    @property
    def reads(self) -> set[str]:
        """Names of the buffers that are read from outside."""
        return {load.buffer for load in self.loads} - self.writes

    @property
    def writes(self) -> set[str]:
        """Names of the buffers that are written."""
        return {target.buffer for _, target in self.outputs}

    def absorb(self, other: Kernel) -> bool:
        """Take in the kernel that comes next, if its elements need only the same ones here."""
        if other.shape != self.shape or other.reduces:
            return False
        stored = {(t.buffer, str(t.place(self.place()))) for _, t in self.outputs}
        shared = [load for load in other.loads if load.buffer in self.writes]
        if any((load.buffer, load.place) not in stored for load in shared):
            return False
        if self.reduces and not shared:
            return False
        self.outputs += other.outputs
        self.loads |= other.loads
        return True

    def at_place(self, buffer: str, place: str) -> bool:
        """Whether all that is read of a buffer is what stands at that place."""
        return all(load.place == place for load in self.loads if load.buffer == buffer)

    def write(self, lanes: int, unwanted: set[str]) -> list[str]:
        """The code; tensors named as unwanted are not stored."""
        tile = self._tile(lanes)
        writer = Writer()
        with_loops = [axis for axis, size in enumerate(self.shape) if size != 1]

        def nest(number: int) -> None:
            if number < len(with_loops):
                axis = with_loops[number]
                with writer.loop(f"i{axis}", self.shape[axis], tile.get(axis, 1)):
                    nest(number + 1)
                return
            axes = list(tile)
            offsets = itertools.product(*(range(tile[axis]) for axis in axes))
            places = [self.place(dict(zip(axes, offset, strict=True))) for offset in offsets]
            stores = []
            for value, target in self.outputs:
                terms = value.terms(writer, places)
                for place, term in zip(places, terms, strict=True):
                    expression = f"{target.buffer}[{target.place(place)}]"
                    writer.remember(expression, term)
                    if target.buffer not in unwanted:
                        stores.append(f"{expression} = {term.text};")
            for line in stores:  # last, as a tensor may be changed in place
                writer.write(line)

        nest(0)
        names = " ".join(sorted(self.writes - unwanted))
        return [f"  {{  // {names}", *writer.lines, f"  }}  // {names}"]

    def _tile(self, lanes: int) -> dict[int, int]:
        """Elements computed at once, axis -> number, so that what is read serves several."""
        if not self.reduces or self.is_small:
            return {}
        best, best_cost = {}, float("inf")
        axes = [axis for axis, size in enumerate(self.shape) if size != 1]
        for pair in itertools.combinations_with_replacement(axes, 2):
            for factors in itertools.product(*(divisors(self.shape[axis]) for axis in pair)):
                tile = dict(zip(pair, factors, strict=True))
                count = math.prod(tile.values())
                if count > ACCUMULATORS[lanes]:
                    continue
                cost = self._loads_of(tile) / count + max(0, 8 - count) / 20
                if cost < best_cost - 1e-9:
                    best, best_cost = tile, cost
        return best

    def _loads_of(self, tile: dict[int, int]) -> int:
        total = 0
        for load in self.loads:
            number = 1
            for axis, factor in tile.items():
                number *= factor if f"i{axis}" in load.variables else 1
            total += number
        return total


def divisors(size: Size) -> Sequence[int]:
    """Numbers of elements into which an axis falls without rest."""
    whole = size if known(size) else ROW_STEP if size == ROWS else 1
    return [n for n in range(1, MAX_TILE + 1) if whole % n == 0]


def merged(kernels: Sequence[Kernel]) -> list[Kernel]:
    """Neighbours of one shape as one nest of loops, where that changes nothing."""
    result: list[Kernel] = []
    for kernel in kernels:
        if not (result and result[-1].absorb(kernel)):
            result.append(kernel)
    return result
