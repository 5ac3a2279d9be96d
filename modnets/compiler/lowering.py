"""From a traced graph to kernels: what is fused into its consumers, and what is realized.

A tensor is realized, that is computed into a buffer, if several operations need it or it would be
computed again for each element of a larger one, and that takes longer than to write and to read it;
and if it is a result.  All else is fused into its consumers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from modnets.compiler import elementwise
from modnets.compiler.ir import Buffer, UnsupportedOperation, Value
from modnets.compiler.kernels import Kernel
from modnets.compiler.loop_ir import Kind
from modnets.compiler.lowerings import convolution, core, indexing  # noqa: F401  they register
from modnets.compiler.lowerings.registry import RULES, Context, Memory
from modnets.compiler.symbolic import Size


@dataclass(frozen=True)
class LoweredGraph:
    """A graph of one replica as kernels.

    Parameters
    ----------
    kernels : list of Kernel
        In the order in which they run.
    outputs : list of Buffer
    sizes, kinds : dict
        Of each buffer that kernels write.
    constants : dict of Tensor
        Buffers that hold constants of the graph.
    """

    kernels: list[Kernel]
    outputs: list[Buffer]
    sizes: dict[str, Size]
    kinds: dict[str, Kind]
    constants: dict[str, torch.Tensor]


def lower(
    graph: fx.GraphModule, inputs: Sequence[Buffer], *, products: bool = False
) -> LoweredGraph:
    """The kernels of a graph of one replica.

    Parameters
    ----------
    graph : fx.GraphModule
        Pure tensor operations; see :func:`~modnets.compiler.tracing.trace_one`.
    inputs : sequence of Buffer
        One for each placeholder.
    products : bool
        Matrix products as kernels of their own; see ``products``.

    Raises
    ------
    UnsupportedOperation
        If there is an operation for which no rule is known.
    """
    memory = Memory(products)
    constants: dict[str, torch.Tensor] = {}
    values: dict[fx.Node, Any] = {}
    outputs: list[Buffer] = []
    given = iter(inputs)
    for node in graph.graph.nodes:
        if node.op == "placeholder":
            values[node] = next(given)
        elif node.op == "get_attr":
            tensor = operator.attrgetter(node.target)(graph)
            name = f"c{len(constants)}"
            constants[name] = tensor
            kind = elementwise.kind_of(tensor.dtype)
            values[node] = Buffer(name, tensor.shape, kind, uniform=True)
        elif node.op == "call_function":
            value = _lower(Context(node, memory), lambda inner: memory.current(values[inner]))
            values[node] = memory.realize_for_users(value) if _is_reused(node) else value
        else:
            outputs = [_output(memory.current(values[inner]), memory) for inner in node.args[0]]
    return LoweredGraph(memory.kernels, outputs, memory.sizes, memory.kinds, constants)


def _lower(context: Context, value_of: Callable[[fx.Node], Any]) -> Any:
    """The value, or the values, of one operation."""
    node = context.node
    arguments: Any = fx.node.map_arg((node.args, node.kwargs), value_of)
    args, keywords = arguments
    if node.target is operator.getitem:
        return args[0][args[1]]
    try:
        result = _apply_rule(context, args, keywords)
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise UnsupportedOperation(f"{node.target} of these arguments: {error}") from error
    return elementwise.convert(result, context.kind) if isinstance(result, Value) else result


def _apply_rule(context: Context, args: Sequence[Any], keywords: dict[str, Any]) -> Any:
    name = context.name
    if name in RULES:
        return RULES[name](context, *args, **keywords)
    if name not in elementwise.ELEMENTWISE or set(keywords) - {"alpha"}:
        raise UnsupportedOperation(f"{context.node.target} is not known")
    if keywords:
        args = (args[0], context.scale(args[1], keywords["alpha"]))
    shape = context.shape
    operands = [context.expand(a, shape) if isinstance(a, Value) else a for a in args]
    return elementwise.arithmetic(name, operands, shape)


def _is_reused(node: fx.Node) -> bool:
    """Whether several other operations need a value."""
    return sum(user.op != "output" for user in node.users) > 1


def _output(value: Value, memory: Memory) -> Buffer:
    """A result, as floats in a buffer that a kernel writes."""
    written = {target.name for kernel in memory.kernels for _, target in kernel.outputs}
    value = elementwise.convert(value, "float")
    if isinstance(value, Buffer) and value.name in written and value.is_contiguous:
        return value
    return memory.realize_into(value, memory.allocate(value.shape, "float"))
