"""Which buffers are needed at all, which can be written in place, and where each lies."""

from __future__ import annotations

from collections.abc import Sequence

from modnets.compiler.ir import Buffer
from modnets.compiler.kernels import Kernel
from modnets.compiler.lowering import Lowering
from modnets.compiler.symbolic import Size


def _may_overwrite(kernels: Sequence[Kernel], output: Buffer, name: str) -> bool:
    """Whether an output can be written where an input lies, as nobody needs that later."""
    first = next(i for i, kernel in enumerate(kernels) if output.buffer in kernel.writes)
    if any(name in kernel.reads for kernel in kernels[first + 1 :]):
        return False
    kernel = kernels[first]
    return all(
        kernel.at_place(name, str(target.place(kernel.place())))
        for _, target in kernel.outputs
        if target.buffer == output.buffer
    )


def _only_inside(kernel: Kernel, kernels: Sequence[Kernel]) -> set[str]:
    """Buffers that a kernel writes and no other one reads."""
    needed = set().union(*(other.reads for other in kernels if other is not kernel))
    return kernel.writes - needed


def _memory(low: Lowering, elsewhere: set[str], kept: set[str]) -> tuple[Size, dict[str, Size]]:
    """Where each buffer lies in the workspace; memory is used again once nobody reads it."""
    last: dict[str, int] = {}
    for number, kernel in enumerate(low.kernels):
        for name in kernel.reads | kernel.writes:
            last[name] = number
    free: dict[Size, list[Size]] = {}
    places: dict[str, Size] = {}
    total: Size = 0
    for number, kernel in enumerate(low.kernels):
        for name in sorted(kernel.writes - elsewhere):
            if name in places:
                continue
            size = low.sizes[name]
            if free.get(size):
                places[name] = free[size].pop()
            else:
                places[name], total = total, total + size
        for name in kernel.reads | kernel.writes:
            if name in places and last[name] == number and name not in kept:
                free.setdefault(low.sizes[name], []).append(places[name])
    return total, places
