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
from modnets.compiler.kernels import Kernel, fused
from modnets.compiler.loop_ir import Loop
from modnets.compiler.lowering import LoweredGraph, lower
from modnets.compiler.memory import can_overwrite, offsets_of, only_inside
from modnets.compiler.products import MatrixProduct
from modnets.compiler.row_blocks import (
    Phases,
    adds_rows,
    block_rows,
    has_rows,
    phases_of,
)
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

#: Elements below which one thread does all of a kernel; see ``team.h``.
FEW_ELEMENTS = 2**15
#: The number of rows in a block, as it stands in the code.
BLOCK = cast(int, sympy.Symbol("block", integer=True, positive=True))


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
        team = f"static const long FEW_ELEMENTS = {FEW_ELEMENTS};\n{team}"
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
        With a function ``run_NAME(steps, rows, arguments, strides, workspace, threads)`` and a
        function ``workspace_NAME(rows, threads)``, the number of vectors that it needs.

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
    phases = _phases(lowered, places, lanes) if many_rows else None
    in_blocks = phases is not None
    phases = phases or Phases([], [], fused(lowered.kernels))
    by_block = {name for kernel in phases.rows for name in kernel.writes}
    sums = {target.name for target in phases.sums} if lanes == 1 else set()
    homes: dict[str, Buffer] = {}  # buffer -> the argument whose memory it takes
    copied = []
    for number, (output, place) in enumerate(outputs):
        is_free = number >= in_place or can_overwrite(phases, output, place.name)
        is_free = is_free and output.name not in sums
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
        has_blocks = in_blocks and not all(map(known, place.shape))
        start = f" + first * {place.strides[0]}" if has_blocks else ""
        kind = "const float" if place.uniform else types["float"]
        (of_rows if has_blocks else pointers).add(place.name, kind, f"arguments[{number}]", start)
    size = BLOCK if in_blocks else ROWS
    for name, offset in offsets.items():
        region = "own" if name in by_block else "work"
        start = f"{region} + ({substituted(offset, size)})"
        pointers.add(name, types[lowered.kinds[name]], start)
    for name, place in homes.items():
        (of_rows if place.name in of_rows.names else pointers).add(name, types["float"], place.name)

    lines = [f"namespace {called} {{"]
    lines += [_constant(name, tensor) for name, tensor in lowered.constants.items()]
    vec, team = types["float"], "" if lanes > 1 else ", Team& team"
    taken = f"char** arguments, {vec}* work"
    block = f"const long block = {_block_rows(total, phases, lanes)};" if in_blocks else ""
    if in_blocks:  # a function by itself, so that no address is computed ahead of all loops
        some = f"{taken}, {vec}* own, long first, long rows, long block{team}"
        lines += [f"static OUTLINE void some_rows({some}) {{"]
        lines += [*pointers.lines, *of_rows.lines]
        for kernel in phases.rows:
            add = lanes > 1 and not has_rows(kernel)
            lines += _kernel(kernel, lanes, unneeded[id(kernel)], add=add)
        lines += ["}"]
    lines += [f"static void step({taken}, long rows{team}) {{", f"  {vec}* const own = work;"]
    lines += [f"  {block}"] if block else []
    lines += pointers.lines
    for kernel in phases.before:
        lines += _kernel(kernel, lanes, unneeded[id(kernel)])
    if in_blocks:
        lines += [
            (BLOCKS if lanes > 1 else SHARED_BLOCKS)
            % {
                "total": substituted(total, size),
                "add_sums": " ".join(f"add({sum}, {lowered.sizes[sum]});" for sum in sorted(sums)),
            }
        ]
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
        "regions": "rows <= block ? 1 : 1 + threads" if in_blocks and lanes == 1 else "1",
        "vec": vec,
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


def _phases(lowered: LoweredGraph, places: Sequence[Buffer], lanes: int) -> Phases | None:
    """The kernels in phases, each fused; None where rows cannot go in blocks."""
    phases = phases_of(lowered.kernels, places)
    if phases is None:
        return None
    before = set().union(*(kernel.writes for kernel in phases.before))
    if lanes == 1 and any(target.name in before for target in phases.sums):
        return None  # a buffer only a part of which is sums
    by_row = {name for kernel in phases.rows if has_rows(kernel) for name in kernel.writes}
    with_rows = [output.name for output in lowered.outputs if output.name in by_row]
    if len(set(with_rows)) < len(with_rows):  # an output twice is copied, when all is done
        return None
    return Phases(fused(phases.before), fused(phases.rows), fused(phases.after))


def _block_rows(total: Size, phases: Phases, lanes: int) -> str:
    """The number of rows in a block: what they need on the way stays in the cache."""
    per_row = size_at(total, 1) - size_at(total, 0)
    most = block_rows(per_row, int(sum(product(one.shape) for one in phases.sums)), lanes)
    return f"rows < {most} ? rows : {most}"


def _kernel(kernel: Kernel, lanes: int, unneeded: set[str], add: bool = False) -> list[str]:
    """The lines of a kernel, in a block with the names of the buffers that it writes."""
    names = " ".join(sorted(kernel.writes - unneeded))
    wide = kernel.wide_axis() if lanes == 1 else None
    body = kernel.loops(lanes, unneeded, wide=wide, add=add)
    if lanes == 1 and not isinstance(kernel, MatrixProduct):
        work = _elements(kernel)
        body = [replace(one, shared=work) if isinstance(one, Loop) else one for one in body]
    variable = None if wide is None else LoopVariable(f"i{wide}")
    lines = list(cpp.statements(body, 2, variable))
    if lanes == 1:
        lines.insert(0, f"    using namespace {'scalar' if wide is None else 'wide'};")
    return [f"  {{  // {names}", *lines, f"  }}  // {names}"]


def _elements(kernel: Kernel) -> Size | None:
    """Elements that a kernel reads or computes; None if they are few for any number of rows."""
    elements = product(kernel.shape) * (1 if has_rows(kernel) or not adds_rows(kernel) else ROWS)
    return None if known(elements) and elements < FEW_ELEMENTS else elements


def _constant(name: str, tensor: torch.Tensor) -> str:
    kind = kind_of(tensor.dtype)
    numbers = [checked_number(number, kind) for number in tensor.flatten().tolist()]
    text = ", ".join(cpp.number(number, kind) for number in numbers)
    return f"static const {cpp.TYPES[kind][1]} {name}[] = {{{text}}};"


#: Rows block by block: all add to the same sums.
BLOCKS = """
  for (long first = 0; first < rows; first += block) {
    const long n = rows - first < block ? rows - first : block;
    some_rows(arguments, work, own, first, n, block);
  }"""
#: The same within a replica.  Each block has sums of its own, which are added up in the order of
#: blocks, so that threads can take blocks; where these are too few, threads share each of them.
SHARED_BLOCKS = """
  auto rows_of = [&](long number, float* own, Team& team) {
    const long first = number * block, n = rows - first < block ? rows - first : block;
    some_rows(arguments, work, own, first, n, block, team);
  };
  auto add_sums_of = [&](long number, const float* own) {
    auto add = [&](float* to, long size) {
      const float* from = own + (to - work);
      for (long i = 0; i < size; i++) to[i] = number == 0 ? from[i] : to[i] + from[i];
    };
    %(add_sums)s
  };
  const long total = %(total)s, blocks = (rows + block - 1) / block;
  if (blocks == 1) rows_of(0, work, team);
  else if (blocks < 2 * team.threads)
    for (long number = 0; number < blocks; number++) {
      rows_of(number, work + total, team);
      add_sums_of(number, work + total);
    }
  else
    team.in_turn(
        blocks,
        [&](long number, long place) {
          Team alone(1);
          rows_of(number, work + (1 + place) * total, alone);
        },
        [&](long number, long place) { add_sums_of(number, work + (1 + place) * total); });"""

RUN = """
extern "C" long workspace_%(name)s(long rows, long threads) {
  %(block)sreturn (%(workspace)s) * (%(regions)s);
}

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
