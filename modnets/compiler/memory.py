"""Which buffers are needed at all, which can be written in place, and where each lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modnets.compiler.ir import Buffer
from modnets.compiler.kernels import Kernel
from modnets.compiler.lowering import LoweredGraph
from modnets.compiler.row_blocks import Phases, has_rows
from modnets.compiler.symbolic import Size


@dataclass(frozen=True)
class Layout:
    """Where the buffers of a function lie.

    Parameters
    ----------
    homes : dict of str -> Buffer
        Output -> the argument whose memory it takes.
    copied : list of (Buffer, Buffer)
        Outputs that are copied at the end, and the arguments that take them.
    unneeded : dict of int -> set of str
        ``id`` of a kernel -> what it writes and only itself reads, which needs no memory.
    offsets : dict of str -> Size
        Of the other buffers in the workspace, in elements.
    total : Size
        Of the workspace, in elements.
    """

    homes: dict[str, Buffer]
    copied: list[tuple[Buffer, Buffer]]
    unneeded: dict[int, set[str]]
    offsets: dict[str, Size]
    total: Size


def layout_of(
    lowered: LoweredGraph, phases: Phases, places: Sequence[Buffer], in_place: int, lanes: int
) -> Layout:
    """Where the buffers of a function lie.

    Parameters
    ----------
    lowered : LoweredGraph
    phases : Phases
        Its kernels.
    places : sequence of Buffer
        The argument that takes each output.
    in_place : int
        The first outputs take the memory of inputs: how many.
    lanes : int
        With one, each block of rows has sums of its own, in the workspace.
    """
    sums = {target.name for target in phases.sums} if lanes == 1 else set()
    homes: dict[str, Buffer] = {}
    copied = []
    for number, (output, place) in enumerate(zip(lowered.outputs, places, strict=True)):
        is_free = number >= in_place or can_overwrite(phases, output, place.name)
        if is_free and output.name not in sums and output.name not in homes:
            homes[output.name] = place
        else:
            copied.append((output, place))
    kept = {output.name for output in lowered.outputs}
    unneeded = {id(kernel): only_inside(kernel, phases.all) - kept for kernel in phases.all}
    elsewhere = set(homes).union(*unneeded.values())
    total, offsets = offsets_of(phases, lowered.sizes, elsewhere, kept)
    return Layout(homes, copied, unneeded, offsets, total)


def can_overwrite(phases: Phases, output: Buffer, name: str) -> bool:
    """Whether an output can be written where an input lies, as nothing reads that later."""
    kernels = phases.all
    first = next(i for i, kernel in enumerate(kernels) if output.name in kernel.writes)
    if kernels[first] in phases.rows:  # they run again and again
        return False
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
    phases: Phases, sizes: Mapping[str, Size], elsewhere: set[str], kept: set[str]
) -> tuple[Size, dict[str, Size]]:
    """Where each buffer lies in the workspace; memory is used again once nothing reads it.

    Parameters
    ----------
    phases : Phases
        Kernels; those for blocks of rows run again and again.
    sizes : mapping of str -> Size
        Of each buffer, in elements.
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
    kernels = phases.all
    begin, end = len(phases.before), len(phases.before) + len(phases.rows)
    of_rows = {name for one in phases.rows if has_rows(one) for name in one.writes}
    last: dict[str, int] = {}
    for number, kernel in enumerate(kernels):
        for name in kernel.reads | kernel.writes:
            again = begin <= number < end and name not in of_rows
            last[name] = end - 1 if again else number
    free: dict[Size, list[Size]] = {}
    offsets: dict[str, Size] = {}
    total: Size = 0
    for number, kernel in enumerate(kernels):
        sums = {target.name for target in phases.sums} if number == begin else set()
        for name in sorted((kernel.writes | sums) - elsewhere - set(offsets)):
            size = sizes[name]
            if free.get(size):
                offsets[name] = free[size].pop()
            else:
                offsets[name], total = total, total + size
        ended = {name for name, at in last.items() if at == number}
        for name in sorted(ended):  # so that equal graphs have equal code
            if name in offsets and name not in kept:
                free.setdefault(sizes[name], []).append(offsets[name])
    return total, offsets
