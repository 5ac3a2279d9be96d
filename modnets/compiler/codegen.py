"""The C++ of compiled functions: memory, kernels, and how they are called."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import fx

from modnets.compiler import cpp
from modnets.compiler.elementwise import kind_of
from modnets.compiler.ir import Buffer, checked_number
from modnets.compiler.kernels import Kernel
from modnets.compiler.lowering import lower
from modnets.compiler.symbolic import LoopVariable
from modnets.compiler.memory import can_overwrite, offsets_of, only_inside
from modnets.compiler.tracing import TensorSpec
from modnets.hardware import lanes as vector_width


def write_program(functions: Sequence[str], lanes: int) -> str:
    """The C++ of functions, with the vectors that they are written in.

    Parameters
    ----------
    functions : sequence of str
        See ``write_function``.
    lanes : int
        Replicas in a vector; 1 to vectorize within a replica.
    """
    prelude, simd, matmul = (
        Path(__file__).with_name(name).read_text() for name in ("prelude.h", "simd.h", "matmul.h")
    )
    parts = [f"#define LANES {lanes}", simd]
    if lanes == 1:
        parts = ["namespace scalar {", *parts, "#undef LANES", "}", "namespace wide {"]
        parts += [f"#define LANES {vector_width()}", simd, "}", matmul]
    return "\n".join([prelude, "namespace simd {", *parts, *functions, "}  // namespace simd"])


def write_function(
    called: str, graph: fx.GraphModule, inputs: Sequence[TensorSpec], in_place: int, lanes: int
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
    kernels = lowered.kernels
    in_arguments: dict[str, str] = {}  # buffer -> the argument whose memory it takes
    copies: list[str] = []
    n_arguments = len(inputs)
    for number, output in enumerate(lowered.outputs):
        argument = f"a{number}" if number < in_place else f"a{n_arguments}"
        n_arguments += number >= in_place
        is_free = number >= in_place or can_overwrite(kernels, output, argument)
        if is_free and output.name not in in_arguments:
            in_arguments[output.name] = argument
        else:
            size = f"{lowered.sizes[output.name]} * sizeof *{output.name}"
            copies.append(f"  memcpy({argument}, {output.name}, ({size}));")
    kept = {output.name for output in lowered.outputs}
    unneeded = [only_inside(kernel, kernels) - kept for kernel in kernels]
    total, offsets = offsets_of(lowered, set(in_arguments).union(*unneeded), kept)
    lines = [f"namespace {called} {{"]
    lines += [_constant(name, tensor) for name, tensor in lowered.constants.items()]
    elements = {kind: types[0 if lanes > 1 else 1] for kind, types in cpp.TYPES.items()}
    vec = elements["float"]
    lines += [f"static void step(char** arguments, long rows, {vec}* work) {{"]
    for number in range(n_arguments):
        uniform = number < len(inputs) and inputs[number].uniform
        declared = "const float*" if uniform else f"{vec}*"
        lines.append(f"  {declared} const a{number} = ({declared})arguments[{number}];")
    for name, offset in offsets.items():
        declared = elements[lowered.kinds[name]]
        lines.append(f"  {declared}* const {name} = ({declared}*)(work + ({offset}));")
    lines += [f"  {vec}* const {name} = {argument};" for name, argument in in_arguments.items()]
    for kernel, skipped in zip(kernels, unneeded, strict=True):
        lines += _kernel(kernel, lanes, skipped)
    run = RUN % {"name": called, "count": n_arguments, "workspace": total, "vec": vec}
    return "\n".join([*lines, *copies, "}", "}", run])


def _kernel(kernel: Kernel, lanes: int, unneeded: set[str]) -> list[str]:
    """The lines of a kernel, in a block with the names of the buffers that it writes."""
    names = " ".join(sorted(kernel.writes - unneeded))
    wide = kernel.wide_axis() if lanes == 1 else None
    body = kernel.loops(lanes, unneeded, wide)
    variable = None if wide is None else LoopVariable(f"i{wide}")
    lines = list(cpp.statements(body, 2, variable))
    if lanes == 1:
        lines.insert(0, f"    using namespace {'scalar' if wide is None else 'wide'};")
    return [f"  {{  // {names}", *lines, f"  }}  // {names}"]


def _constant(name: str, tensor: torch.Tensor) -> str:
    kind = kind_of(tensor.dtype)
    numbers = [checked_number(number, kind) for number in tensor.flatten().tolist()]
    text = ", ".join(cpp.number(number, kind) for number in numbers)
    return f"static const {cpp.TYPES[kind][1]} {name}[] = {{{text}}};"


RUN = """
extern "C" long workspace_%(name)s(long rows) { return %(workspace)s; }

extern "C" void run_%(name)s(
    long steps, long rows, char** arguments, const long* strides, %(vec)s* work) {
  FlushSubnormals flush;
  char* now[%(count)s];
  memcpy(now, arguments, sizeof now);
  for (long s = 0; s < steps; s++) {
    %(name)s::step(now, rows, work);
    for (int i = 0; i < %(count)s; i++) now[i] += strides[i];
  }
}
"""
