"""A program of kernels as C++."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import fx

from modnets.training.compiler.indices import Size
from modnets.training.compiler.kernels import Kernel
from modnets.training.compiler.lowering import Lowering, kind_of
from modnets.training.compiler.operations import literal
from modnets.training.compiler.tracing import Input
from modnets.training.compiler.values import Stored

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
    vectors = Path(__file__).with_name("vectors.h").read_text()
    return "\n".join([f"#define LANES {lanes}", vectors, *functions])


def write_function(
    called: str, graph: fx.GraphModule, inputs: Sequence[Input], in_place: int, lanes: int
) -> str:
    """The C++ of a traced graph.

    Parameters
    ----------
    called : str
    graph : fx.GraphModule
    inputs : sequence of Input
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
    Unsupported
        If an operation cannot be written.
    """
    given = [
        Stored(f"a{number}", one.shape, uniform=one.uniform) for number, one in enumerate(inputs)
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


def _may_overwrite(kernels: Sequence[Kernel], output: Stored, name: str) -> bool:
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


def _constant(name: str, tensor: torch.Tensor) -> str:
    kind = kind_of(tensor.dtype)
    numbers = ", ".join(literal(number, kind) for number in tensor.flatten().tolist())
    return f"static const {TYPES[kind][1]} {name}[] = {{{numbers}}};"
