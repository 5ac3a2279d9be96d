"""The C++ of compiled functions: memory, kernels, and how they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import cast

import sympy
import torch
from torch import fx

from modnets.compiler import cpp
from modnets.compiler.elementwise import kind_of
from modnets.compiler.ir import Buffer, checked_number
from modnets.compiler.kernels import Kernel, fused
from modnets.compiler.loop_ir import Kind, Loop
from modnets.compiler.lowering import LoweredGraph, lower
from modnets.compiler.memory import Layout, layout_of
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


def write_program(functions: Sequence[str], lanes: int) -> str:
    """The C++ of functions, with the vectors that they are written in.

    Parameters
    ----------
    functions : sequence of str
        See ``write_function``.
    lanes : int
        Replicas in a vector; 1 to vectorize within a replica.
    """
    names = ("intrinsics.h", "prelude.h", "simd.h", "team.h", "matmul.h", "row_blocks.h")
    texts = [Path(__file__).with_name(name).read_text() for name in names]
    *first, simd, team, matmul, row_blocks = texts
    parts = [f"#define LANES {lanes}", simd]
    if lanes == 1:
        parts = ["namespace scalar {", *parts, "#undef LANES", "}", "namespace wide {"]
        parts += [f"#define LANES {vector_width()}", simd, "}", team, matmul]
    parts = ["namespace simd {", *parts, row_blocks, *functions, "}  // namespace simd"]
    return "\n".join([*first, *parts])


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
    places = arguments[:in_place]  # of outputs
    for output in lowered.outputs[in_place:]:
        arguments.append(Buffer(f"a{len(arguments)}", output.shape))
        places.append(arguments[-1])
    phases = phases_of(lowered.kernels, arguments, lowered.outputs, lanes) if many_rows else None
    in_blocks = phases is not None
    phases = phases or Phases([], [], fused(lowered.kernels, lanes > 1))
    layout = layout_of(lowered, phases, places, in_place, lanes)
    return _Function(called, arguments, lowered, phases, layout, lanes, in_blocks).text()


@dataclass(frozen=True)
class _Function:
    """The parts of a function's C++."""

    name: str
    arguments: Sequence[Buffer]
    lowered: LoweredGraph
    phases: Phases
    layout: Layout
    lanes: int
    in_blocks: bool

    def text(self) -> str:
        """Its namespace, and the two functions that are called from outside."""
        constants = [_constant(*one) for one in self.lowered.constants.items()]
        total = substituted(self.layout.total, BLOCK if self.in_blocks else ROWS)
        run = RUN % {
            "name": self.name,
            "count": len(self.arguments),
            "block": f"{self.block} " if self.block else "",
            "workspace": total,
            "regions": "rows <= block ? 1 : 1 + threads" if self.has_regions else "1",
            "vec": self.vec,
            "team": "Team team(threads);" if self.lanes == 1 else "",
            "with_team": ", team" if self.lanes == 1 else "",
        }
        step = [*(self._some_rows() if self.in_blocks else []), *self._step(total)]
        return "\n".join([f"namespace {self.name} {{", *constants, *step, "}", run])

    @property
    def vec(self) -> str:
        """The type of a vector."""
        return self._type("float")

    @property
    def has_regions(self) -> bool:
        """Whether blocks of rows have sums of their own; see ``row_blocks.h``."""
        return self.in_blocks and self.lanes == 1

    @property
    def block(self) -> str:
        """Declares the number of rows in a block: what they need on the way stays in the cache."""
        if not self.in_blocks:
            return ""
        total, sums = self.layout.total, sum(product(one.shape) for one in self.phases.sums)
        most = block_rows(size_at(total, 1) - size_at(total, 0), int(sums), self.lanes)
        return f"const long block = rows < {most} ? rows : {most};"

    def _type(self, kind: Kind) -> str:
        return cpp.TYPES[kind][0 if self.lanes > 1 else 1]

    def _some_rows(self) -> list[str]:
        """What runs for a block of rows, by itself so that no address is computed ahead of it."""
        given = f"{self._given}, {self.vec}* own, long first, long rows, long block{self._team}"
        pointers, of_rows = self._pointers
        lines = [f"static OUTLINE void some_rows({given}) {{", *pointers, *of_rows]
        for kernel in self.phases.rows:
            lines += self._kernel(kernel, add=self.lanes > 1 and not has_rows(kernel))
        return [*lines, "}"]

    def _step(self, total: Size) -> list[str]:
        """A step: what comes before the rows, these, and what comes after."""
        lines = [f"static void step({self._given}, long rows{self._team}) {{"]
        lines += [f"  {self.vec}* const own = work;"]
        lines += [f"  {self.block}"] if self.block else []
        lines += self._pointers[0]
        for kernel in self.phases.before:
            lines += self._kernel(kernel)
        lines += self._blocks(total) if self.in_blocks else []
        for kernel in self.phases.after:
            lines += self._kernel(kernel)
        for output, place in self.layout.copied:
            size = f"({self.lowered.sizes[output.name]}) * sizeof *{output.name}"
            lines.append(f"  memcpy({place.name}, {output.name}, {size});")
        return [*lines, "}"]

    def _blocks(self, total: Size) -> list[str]:
        """The call of ``row_blocks.h``."""
        if not self.has_regions:
            call = "some_rows(arguments, work, own, first, n, block);"
            return [f"  in_blocks(rows, block, [&](long first, long n) {{ {call} }});"]
        names = sorted({target.name for target in self.phases.sums})
        added = " ".join(f"add({name}, {self.lowered.sizes[name]});" for name in names)
        return [
            f"  auto block_of = [&](long first, long n, {self.vec}* own{self._team}) {{",
            "    some_rows(arguments, work, own, first, n, block, team);",
            "  };",
            f"  auto sums = [&](auto add) {{ {added} }};",
            f"  in_blocks(team, rows, block, work, {total}, block_of, sums);",
        ]

    @property
    def _given(self) -> str:
        return f"char** arguments, {self.vec}* work"

    @property
    def _team(self) -> str:
        return ", Team& team" if self.lanes == 1 else ""

    @cached_property
    def _pointers(self) -> tuple[list[str], list[str]]:
        """Where buffers lie, and apart from them where a block of rows of an argument lies."""
        pointers, of_rows = _Pointers(), _Pointers()
        for number, place in enumerate(self.arguments):
            has_blocks = self.in_blocks and not all(map(known, place.shape))
            start = f" + first * {place.strides[0]}" if has_blocks else ""
            kind = "const float" if place.uniform else self.vec
            (of_rows if has_blocks else pointers).add(
                place.name, kind, f"arguments[{number}]", start
            )
        size = BLOCK if self.in_blocks else ROWS
        by_block = {name for kernel in self.phases.rows for name in kernel.writes}
        for name, offset in self.layout.offsets.items():
            region = "own" if name in by_block else "work"
            start = f"{region} + ({substituted(offset, size)})"
            pointers.add(name, self._type(self.lowered.kinds[name]), start)
        for name, place in self.layout.homes.items():
            where = of_rows if place.name in of_rows.names else pointers
            where.add(name, self.vec, place.name)
        return pointers.lines, of_rows.lines

    def _kernel(self, kernel: Kernel, add: bool = False) -> list[str]:
        """The lines of a kernel, in a block with the names of the buffers that it writes."""
        unneeded = self.layout.unneeded[id(kernel)]
        names = " ".join(sorted(kernel.writes - unneeded))
        if self.lanes == 1:
            lines = self._within(kernel, unneeded)
        else:
            lines = list(cpp.statements(kernel.loops(self.lanes, unneeded, add=add), 2))
        return [f"  {{  // {names}", *lines, f"  }}  // {names}"]

    def _within(self, kernel: Kernel, unneeded: set[str]) -> list[str]:
        """The lines of a kernel where a replica fills vectors by itself; threads share loops."""
        body, is_wide = kernel.within(unneeded)
        if not isinstance(kernel, MatrixProduct):
            work = _elements(kernel)
            body = [
                replace(one, shared=work) if isinstance(one, Loop) and not one.reduces else one
                for one in body
            ]
        lines = [f"    using namespace {'wide' if is_wide else 'scalar'};"]
        return [*lines, *cpp.statements(body, 2, frozenset() if is_wide else None)]


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


def _elements(kernel: Kernel) -> Size | None:
    """Elements that a kernel reads or computes; None if they are few for any number of rows."""
    elements = product(kernel.shape) * (1 if has_rows(kernel) or not adds_rows(kernel) else ROWS)
    return None if known(elements) and elements < cpp.FEW_ELEMENTS else elements


def _constant(name: str, tensor: torch.Tensor) -> str:
    kind = kind_of(tensor.dtype)
    numbers = [checked_number(number, kind) for number in tensor.flatten().tolist()]
    text = ", ".join(cpp.number(number, kind) for number in numbers)
    return f"static const {cpp.TYPES[kind][1]} {name}[] = {{{text}}};"


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
