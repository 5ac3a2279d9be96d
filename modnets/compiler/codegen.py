"""A program of kernels as C++."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import fx

from modnets.compiler.elementwise import literal
from modnets.compiler.ir import Buffer
from modnets.compiler.lowering import Lowering, kind_of
from modnets.compiler.memory import _may_overwrite, _memory, _only_inside
from modnets.compiler.tracing import TensorSpec

TYPES = {"float": ("vec", "float"), "int": ("ivec", "int"), "mask": ("ivec", "int")}


def write_program(functions: Sequence[str], lanes: int) -> str:
    """The C++ of functions, with the vectors that they are written in.

    Parameters
    ----------
    functions : sequence of str
        See ``write_function``.
    lanes : int
        Replicas in a vector.
    """
    simd = Path(__file__).with_name("simd.h").read_text()
    return "\n".join([f"#define LANES {lanes}", simd, *functions])


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
    given = [
        Buffer(f"a{number}", one.shape, uniform=one.uniform) for number, one in enumerate(inputs)
    ]
    low = Lowering(graph, given)
    at: dict[str, str] = {}
    copies: list[str] = []
    extra = len(inputs)
    for number, output in enumerate(low.outputs):
        name = f"a{number}" if number < in_place else f"a{extra}"
        extra += number >= in_place
        free = number >= in_place or _may_overwrite(low.kernels, output, name)
        if free and output.buffer not in at:
            at[output.buffer] = name
        else:
            copies.append(f"  copy({name}, {output.buffer}, {low.sizes[output.buffer]});")
    kept = {output.buffer for output in low.outputs}
    unwanted = [_only_inside(kernel, low.kernels) - kept for kernel in low.kernels]
    bodies = [kernel.write(lanes, gone) for kernel, gone in zip(low.kernels, unwanted, strict=True)]
    total, places = _memory(low, set(at).union(*unwanted), kept)
    lines = [f"namespace {called} {{"]
    lines += [_constant(name, tensor) for name, tensor in low.constants.items()]
    lines += ["static void step(char** arguments, long rows, vec* work) {"]
    for number in range(extra):
        uniform = number < len(inputs) and inputs[number].uniform
        kind = "const float*" if uniform else "vec*"
        lines.append(f"  {kind} const a{number} = ({kind})arguments[{number}];")
    for name, place in places.items():
        kind = TYPES[low.kinds[name]][0]
        lines.append(f"  {kind}* const {name} = ({kind}*)(work + ({place}));")
    lines += [f"  vec* const {name} = {argument};" for name, argument in at.items()]
    lines += [line for body in bodies for line in body]
    lines += [*copies, "}", "}", RUN % {"name": called, "count": extra, "workspace": total}]
    return "\n".join(lines)


RUN = """
extern "C" long workspace_%(name)s(long rows) { return %(workspace)s; }

extern "C" void run_%(name)s(
    long steps, long rows, char** arguments, const long* strides, vec* work) {
  FlushTiny flush;
  char* now[%(count)s];
  memcpy(now, arguments, sizeof now);
  for (long s = 0; s < steps; s++) {
    %(name)s::step(now, rows, work);
    for (int i = 0; i < %(count)s; i++) now[i] += strides[i];
  }
}
"""


def _constant(name: str, tensor: torch.Tensor) -> str:
    kind = kind_of(tensor.dtype)
    numbers = ", ".join(literal(number, kind) for number in tensor.flatten().tolist())
    return f"static const {TYPES[kind][1]} {name}[] = {{{numbers}}};"
