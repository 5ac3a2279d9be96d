"""The C++ of compiled functions: memory, kernels, and how they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import sympy
import torch
from torch import fx

from modnets.compiler import cpp
from modnets.compiler.elementwise import kind_of
from modnets.compiler.ir import Buffer, checked_number
from modnets.compiler.kernels import TYPICAL_ROWS, Kernel, fused
from modnets.compiler.loop_ir import Loop
from modnets.compiler.lowering import LoweredGraph, lower
from modnets.compiler.memory import can_overwrite, offsets_of, only_inside
from modnets.compiler.products import MatrixProduct
from modnets.compiler.row_blocks import Phases, block_rows, has_rows, phases_of
from modnets.compiler.symbolic import (
    ROWS,
    LoopVariable,
    Size,
    known,
    product,
    size_at,
    substituted,
)
from modnets.compiler.tracing import TensorSpec
from modnets.hardware import lanes as vector_width

#: The number of rows in a block, as it stands in the code.
BLOCK = cast(int, sympy.Symbol("block", integer=True, positive=True))


#: Elements from which threads share a kernel.
SHARED = 2**15


def write_program(functions: Sequence[str], lanes: int) -> str:
    """The C++ of functions, with the vectors that they are written in.

    Parameters
    ----------
    functions : sequence of str
        See ``write_function``.
    lanes : int
        Replicas in a vector; 1 to vectorize within a replica.
    """
    names = ("intrinsics.h", "prelude.h", "simd.h", "team.h", "matmul.h")
    *first, simd, team, matmul = (Path(__file__).with_name(name).read_text() for name in names)
    parts = [f"#define LANES {lanes}", simd]
    if lanes == 1:
        parts = ["namespace scalar {", *parts, "#undef LANES", "}", "namespace wide {"]
        parts += [f"#define LANES {vector_width()}", simd, "}", team, matmul]
    return "\n".join([*first, "namespace simd {", *parts, *functions, "}  // namespace simd"])


def write_function(
    called: str,
    graph: fx.GraphModule,
    inputs: Sequence[TensorSpec],
    in_place: int,
    lanes: int,
    many_rows: bool = False,
) -> str:
    """The C++ of a traced graph.

    Parameters
    ----------
    called : str
    graph : fx.GraphModule
    inputs : sequence of TensorSpec
    in_place : int
        How many outputs take the memory of the inputs of the same number; the other outputs follow
        the inputs as arguments.
    lanes : int
        Replicas in a vector.
    many_rows : bool
        Let rows go in blocks that fit the cache, where they can; see ``row_blocks``.

    Returns
    -------
    str
        With a function ``run_NAME(steps, rows, arguments, strides, workspace)`` and a function
        ``workspace_NAME(rows)``, the number of vectors that it needs.

    Raises
    ------
    UnsupportedOperation
        If an operation cannot be written.
    """
    arguments = [
        Buffer(f"a{number}", spec.shape, uniform=spec.uniform) for number, spec in enumerate(inputs)
    ]
    lowered = lower(graph, arguments, products=lanes == 1)
    places, outputs = list(arguments), []
    for number, output in enumerate(lowered.outputs):
        if number >= in_place:
            places.append(Buffer(f"a{len(places)}", output.shape))
        outputs.append((output, places[number] if number < in_place else places[-1]))
    phases = _phases(lowered, places) if many_rows and lanes > 1 else None
    in_blocks = phases is not None
    phases = phases or Phases([], [], fused(lowered.kernels))
    homes: dict[str, Buffer] = {}  # buffer -> the argument whose memory it takes
    copied = []
    for number, (output, place) in enumerate(outputs):
        is_free = number >= in_place or can_overwrite(phases, output, place.name)
        if is_free and output.name not in homes:
            homes[output.name] = place
        else:
            copied.append((output, place))
    kept = {output.name for output in lowered.outputs}
    unneeded = {id(kernel): only_inside(kernel, phases.all) - kept for kernel in phases.all}
    elsewhere = set(homes).union(*unneeded.values())
    total, offsets = offsets_of(phases, lowered.sizes, elsewhere, kept)

    types = {kind: names[0 if lanes > 1 else 1] for kind, names in cpp.TYPES.items()}
    pointers, of_rows = _Pointers(), _Pointers()
    for number, place in enumerate(places):
        by_block = in_blocks and not all(map(known, place.shape))
        start = f" + first * {place.strides[0]}" if by_block else ""
        kind = "const float" if place.uniform else types["float"]
        (of_rows if by_block else pointers).add(place.name, kind, f"arguments[{number}]", start)
    size = BLOCK if in_blocks else ROWS
    for name, offset in offsets.items():
        start = f"work + ({substituted(offset, size)})"
        pointers.add(name, types[lowered.kinds[name]], start)
    for name, place in homes.items():
        (of_rows if place.name in of_rows.names else pointers).add(name, types["float"], place.name)

    lines = [f"namespace {called} {{"]
    lines += [_constant(name, tensor) for name, tensor in lowered.constants.items()]
    taken = f"char** arguments, {types['float']}* work"
    block = f"const long block = {_block_rows(total, phases)};" if in_blocks else ""
    if in_blocks:  # a function by itself, so that no address is computed ahead of all loops
        lines += [f"static OUTLINE void some_rows({taken}, long first, long rows, long block) {{"]
        lines += [*pointers.lines, *of_rows.lines]
        for kernel in phases.rows:
            lines += _kernel(kernel, lanes, unneeded[id(kernel)], add=not has_rows(kernel))
        lines += ["}"]
    team = "" if lanes > 1 else ", Team& team"
    lines += [f"static void step({taken}, long rows{team}) {{"]
    lines += [f"  {block}"] if block else []
    lines += pointers.lines
    for kernel in phases.before:
        lines += _kernel(kernel, lanes, unneeded[id(kernel)])
    if in_blocks:
        lines += ["  for (long first = 0; first < rows; first += block) {"]
        lines += ["    const long n = rows - first < block ? rows - first : block;"]
        lines += ["    some_rows(arguments, work, first, n, block);", "  }"]
    for kernel in phases.after:
        lines += _kernel(kernel, lanes, unneeded[id(kernel)])
    for output, place in copied:
        size_of_output = f"({lowered.sizes[output.name]}) * sizeof *{output.name}"
        lines.append(f"  memcpy({place.name}, {output.name}, {size_of_output});")
    run = RUN % {
        "name": called,
        "count": len(places),
        "block": f"{block} " if block else "",
        "workspace": substituted(total, size),
        "vec": types["float"],
        "team": "" if lanes > 1 else "Team team(threads);",
        "with_team": "" if lanes > 1 else ", team",
    }
    return "\n".join([*lines, "}", "}", run])


class _Pointers:
    """Declarations of where buffers lie."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.lines: list[str] = []

    def add(self, name: str, kind: str, start: str, offset: str = "") -> None:
        """Declare a pointer to elements of some type."""
        self.names.add(name)
        start = start if start in self.names else f"({kind}*)({start}){offset}"
        self.lines.append(f"  {kind}* const {name} = {start};")


def _phases(lowered: LoweredGraph, places: Sequence[Buffer]) -> Phases | None:
    """The kernels in phases, each fused; None where rows cannot go in blocks."""
    phases = phases_of(lowered.kernels, places)
    if phases is None:
        return None
    by_row = {name for kernel in phases.rows if has_rows(kernel) for name in kernel.writes}
    with_rows = [output.name for output in lowered.outputs if output.name in by_row]
    if len(set(with_rows)) < len(with_rows):  # an output twice is copied, when all is done
        return None
    return Phases(fused(phases.before), fused(phases.rows), fused(phases.after))


def _block_rows(total: Size, phases: Phases) -> str:
    """The number of rows in a block: what they need on the way stays in the cache."""
    per_row = size_at(total, 1) - size_at(total, 0)
    most = block_rows(per_row, int(sum(product(one.shape) for one in phases.sums)))
    return f"rows < {most} ? rows : {most}"


def _kernel(kernel: Kernel, lanes: int, unneeded: set[str], add: bool = False) -> list[str]:
    """The lines of a kernel, in a block with the names of the buffers that it writes."""
    names = " ".join(sorted(kernel.writes - unneeded))
    wide = kernel.wide_axis() if lanes == 1 else None
    body = kernel.loops(lanes, unneeded, wide=wide, add=add)
    if lanes == 1 and not isinstance(kernel, MatrixProduct) and _is_large(kernel):
        body = [replace(one, shared=True) if isinstance(one, Loop) else one for one in body]
    variable = None if wide is None else LoopVariable(f"i{wide}")
    lines = list(cpp.statements(body, 2, variable))
    if lanes == 1:
        lines.insert(0, f"    using namespace {'scalar' if wide is None else 'wide'};")
    return [f"  {{  // {names}", *lines, f"  }}  // {names}"]


def _is_large(kernel: Kernel) -> bool:
    """Whether threads had better share a kernel; each element is computed by itself."""
    return size_at(product(kernel.shape), TYPICAL_ROWS) >= SHARED


def _constant(name: str, tensor: torch.Tensor) -> str:
    kind = kind_of(tensor.dtype)
    numbers = [checked_number(number, kind) for number in tensor.flatten().tolist()]
    text = ", ".join(cpp.number(number, kind) for number in numbers)
    return f"static const {cpp.TYPES[kind][1]} {name}[] = {{{text}}};"


RUN = """
extern "C" long workspace_%(name)s(long rows) { %(block)sreturn %(workspace)s; }

extern "C" void run_%(name)s(
    long steps, long rows, char** arguments, const long* strides, %(vec)s* work,
    long threads) {
  FlushSubnormals flush;
  %(team)s
  char* now[%(count)s];
  memcpy(now, arguments, sizeof now);
  for (long s = 0; s < steps; s++) {
    %(name)s::step(now, work, rows%(with_team)s);
    for (int i = 0; i < %(count)s; i++) now[i] += strides[i];
  }
}
"""
