"""Which buffers are needed at all, which can be written in place, and where each lies."""

from __future__ import annotations

from collections.abc import Sequence

from modnets.compiler.ir import Buffer
from modnets.compiler.kernels import Kernel
from modnets.compiler.lowering import LoweredGraph
from modnets.compiler.symbolic import Size


def can_overwrite(kernels: Sequence[Kernel], output: Buffer, name: str) -> bool:
    """Whether an output can be written where an input lies, as nothing reads that later."""
    first = next(i for i, kernel in enumerate(kernels) if output.name in kernel.writes)
    if any(name in kernel.reads for kernel in kernels[first + 1 :]):
        return False
    kernel = kernels[first]
    return all(
        kernel.reads_only(name, target.index(kernel.element()))
        for _, target in kernel.outputs
        if target.name == output.name
    )


def only_inside(kernel: Kernel, kernels: Sequence[Kernel]) -> set[str]:
    """Buffers that a kernel writes and no other one reads."""
    reads = (other.reads for other in kernels if other is not kernel)
    return kernel.writes.difference(*reads)


def offsets_of(
    graph: LoweredGraph, elsewhere: set[str], kept: set[str]
) -> tuple[Size, dict[str, Size]]:
    """Where each buffer lies in the workspace; memory is used again once nothing reads it.

    Parameters
    ----------
    graph : LoweredGraph
    elsewhere : set of str
        Buffers that need no memory there.
    kept : set of str
        Buffers that are read at the end.

    Returns
    -------
    Size
        Of the workspace, in elements.
    dict
        Buffer -> its offset, in elements.
    """
    last: dict[str, int] = {}
    for number, kernel in enumerate(graph.kernels):
        for name in kernel.reads | kernel.writes:
            last[name] = number
    free: dict[Size, list[Size]] = {}
    offsets: dict[str, Size] = {}
    total: Size = 0
    for number, kernel in enumerate(graph.kernels):
        for name in sorted(kernel.writes - elsewhere - set(offsets)):
            size = graph.sizes[name]
            if free.get(size):
                offsets[name] = free[size].pop()
            else:
                offsets[name], total = total, total + size
        for name in sorted(kernel.reads | kernel.writes):  # so that equal graphs have equal code
            if name in offsets and last[name] == number and name not in kept:
                free.setdefault(graph.sizes[name], []).append(offsets[name])
    return total, offsets
