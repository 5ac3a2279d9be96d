"""From a traced graph to kernels: what is computed where it is needed, and what is stored.

A tensor is stored if several operations need it and it takes work, if it would be computed again
for each element of a larger one, or if it is a result.  All else melts into what uses it.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

from modnets.compiler import elementwise, views
from modnets.compiler.elementwise import KINDS, UnsupportedOperation
from modnets.compiler.ir import Buffer, FlattenedView, Value, View
from modnets.compiler.kernels import Kernel, merged
from modnets.compiler.lowerings.core import RULES
from modnets.compiler.symbolic import Size, is_linear, product, size_of


class Lowering:
    """A graph of one replica as kernels.

    Parameters
    ----------
    graph : fx.GraphModule
        Pure tensor operations; see ``tracing.trace_one``.
    inputs : sequence of Buffer or None
        One for each placeholder.

    Raises
    ------
    UnsupportedOperation
        If there is an operation that is not known here.
    """

    def __init__(self, graph: fx.GraphModule, inputs: Sequence[Buffer | None]) -> None:
        self.graph = graph
        self.kernels: list[Kernel] = []
        self.sizes: dict[str, Size] = {}
        self.kinds: dict[str, str] = {}
        self.constants: dict[str, torch.Tensor] = {}
        self.values: dict[fx.Node, Any] = {}
        given = iter(inputs)
        for self.node in graph.graph.nodes:
            if self.node.op == "placeholder":
                self.values[self.node] = next(given)
            elif self.node.op == "get_attr":
                self.values[self.node] = self._constant(self.node.target)
            elif self.node.op == "call_function":
                self.values[self.node] = self._settled(self._call(self.node))
            else:
                self.outputs = [self._output(node) for node in self.node.args[0]]
        self.kernels = merged(self.kernels)

    def _call(self, node: fx.Node) -> Any:
        args, keywords = fx.node.map_arg((node.args, node.kwargs), self.values.__getitem__)
        if node.target is operator.getitem:
            return args[0][args[1]]
        try:
            found = self._value(self.name, args, keywords)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise UnsupportedOperation(f"{node.target} of these arguments: {error}") from error
        return elementwise.convert(found, self.kind) if isinstance(found, Value) else found

    def _value(self, name: str, args: Sequence[Any], keywords: dict[str, Any]) -> Any:
        if name in RULES:
            return RULES[name](self, *args, **keywords)
        if name not in elementwise.ELEMENTWISE or set(keywords) - {"alpha"}:
            raise UnsupportedOperation(f"{self.node.target} is not known")
        if keywords:
            args = (args[0], self.scaled(args[1], keywords["alpha"]))
        args = [self.expanded(a, self.shape) if isinstance(a, Value) else a for a in args]
        return elementwise.arithmetic(name, args, self.shape)

    @property
    def name(self) -> str:
        """The node's operation."""
        return elementwise.name_of(self.node)

    @property
    def shape(self) -> tuple[Size, ...]:
        """The shape of the node's result."""
        shape = tuple(size_of(size) for size in self.node.meta["val"].shape)
        if not is_linear(product(shape)):
            raise UnsupportedOperation(
                f"a tensor of shape {shape}: rows that meet rows, or some of them"
            )
        return shape

    @property
    def kind(self) -> str:
        """Its kind."""
        return kind_of(self.node.meta["val"].dtype)

    def scaled(self, operand: Any, factor: float) -> Any:
        """An operand times a number."""
        if isinstance(operand, Value):
            return elementwise.arithmetic("mul", [operand, factor], operand.shape)
        return operand * factor

    def _settled(self, value: Any) -> Any:
        """In memory, if several others need it and it takes work."""
        users = [u for u in self.node.users if u.op != "output"]
        takes_work = isinstance(value, Value) and (value.cost > 1 or value.reduces)
        return self.realize(value) if takes_work and len(users) > 1 else value

    def realize(self, value: Value) -> Value:
        """The value in memory; a view stays a view, of what is stored."""
        if isinstance(value, Buffer):
            return value
        if isinstance(value, View) and product(value.shape) == product(value.source.shape):
            value.source = self.realize(value.source)
            value.cost, value.reduces = 0, False
            return value
        return self.realize_into(value, self.buffer(value.shape, value.kind))

    def realize_into(self, value: Value, target: Buffer) -> Buffer:
        """The value in memory, at a given place."""
        self.kernels.append(Kernel(value, target))
        return target

    def buffer(self, shape: Sequence[Size], kind: str) -> Buffer:
        """New memory."""
        name = f"b{len(self.sizes)}"
        self.sizes[name], self.kinds[name] = product(shape), kind
        return Buffer(name, shape, kind)

    def realize_for_reuse(self, value: Value) -> Value:
        """A value whose elements are used again and again: stored if it takes any work."""
        return self.realize(value) if value.cost > 0 or value.reduces else value

    def expanded(self, value: Value, shape: Sequence[Size]) -> Value:
        """Broadcast to a shape."""
        if product(shape) != product(value.shape) and (value.reduces or value.cost > 1):
            value = self.realize_for_reuse(value)
        return views.expand(value, shape)

    def reshaped(self, value: Value, shape: Sequence[Size]) -> Value:
        """The same elements in another shape."""
        found = views.reshape(value, shape)
        if found is None and len(shape) == 1 and self._only_for_cat():
            return FlattenedView(value, shape[0])
        if found is None:
            target = self.buffer(value.shape, value.kind)
            found = views.reshape(self.realize_into(value, target), shape)
        return found

    def _only_for_cat(self) -> bool:
        users = list(self.node.users)
        return len(users) == 1 and users[0].target is torch.ops.aten.cat.default

    def _constant(self, name: str) -> Buffer:
        tensor = operator.attrgetter(name)(self.graph)
        buffer = f"c{len(self.constants)}"
        self.constants[buffer] = tensor
        return Buffer(buffer, tensor.shape, kind_of(tensor.dtype), uniform=True)

    def _output(self, node: fx.Node) -> Buffer:
        value = self.values[node]
        taken = {target.buffer for kernel in self.kernels for _, target in kernel.outputs}
        value = elementwise.convert(value, "float")
        if isinstance(value, Buffer) and value.buffer in taken:
            return value
        return self.realize_into(value, self.buffer(value.shape, "float"))


def kind_of(dtype: torch.dtype) -> str:
    """The kind of values of a torch type."""
    if dtype not in KINDS:
        raise UnsupportedOperation(
            f"{dtype} is not known; allowed are {', '.join(map(str, KINDS))}"
        )
    return KINDS[dtype]
