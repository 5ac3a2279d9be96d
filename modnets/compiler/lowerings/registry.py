"""The rules by which operations of a traced graph are lowered, and what a rule is handed."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from modnets.compiler import views
from modnets.compiler.elementwise import arithmetic, kind_of, name_of
from modnets.compiler.ir import Buffer, FlattenedView, UnsupportedOperation, Value, View
from modnets.compiler.kernels import Kernel
from modnets.compiler.loop_ir import Kind
from modnets.compiler.products import MatrixProduct, in_memory, memory_order
from modnets.compiler.symbolic import Size, contiguous, is_linear, product, size_of

#: Operation, by its name in aten -> ``rule(context, *arguments)``, with values for tensors.
RULES: dict[str, Callable[..., Any]] = {}
#: Operations that take less than a vector's way to the second cache and back.
CHEAP = 4


def lowers(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the rule for operations of these names."""

    def register(rule: Callable[..., Any]) -> Callable[..., Any]:
        RULES.update(dict.fromkeys(names, rule))
        return rule

    return register


@dataclass
class Memory:
    """The kernels of a graph so far, and the buffers that they write.

    Parameters
    ----------
    kernels : list of Kernel
    sizes, kinds : dict
        Of each buffer.
    products : bool
        Whether matrix products are kernels of their own.
    """

    products: bool = False
    kernels: list[Kernel] = field(default_factory=list)
    sizes: dict[str, Size] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    #: Of each value that was realized, by its id: the value itself, and what it is now.
    _realized: dict[int, tuple[Value, Value]] = field(default_factory=dict)
    #: Of each value and what was made of it: the value itself, and that.
    _made: dict[tuple[int, Hashable], tuple[Value, Value]] = field(default_factory=dict)

    def allocate(
        self, shape: Sequence[Size], kind: Kind, order: Sequence[int] | None = None
    ) -> Buffer:
        """A new buffer; ``order``: of its axes in memory, the last of them side by side."""
        name = f"b{len(self.sizes)}"
        self.sizes[name], self.kinds[name] = product(shape), kind
        order = range(len(shape)) if order is None else order
        steps = dict(zip(order, contiguous([shape[axis] for axis in order]), strict=True))
        return Buffer(name, shape, kind, strides=[steps[axis] for axis in range(len(shape))])

    def once(self, value: Value, what: Hashable, make: Callable[[], Value]) -> Value:
        """What is made of a value, made at the first call."""
        if (id(value), what) not in self._made:
            self._made[id(value), what] = value, make()
        return self._made[id(value), what][1]

    def realize(self, value: Value) -> Value:
        """A value in memory; a view of all elements stays one, of what is in memory."""
        if isinstance(value, Buffer):
            return value
        if id(value) not in self._realized:
            self._realized[id(value)] = value, self._realize(value)
        return self._realized[id(value)][1]

    def _realize(self, value: Value) -> Value:
        if isinstance(value, View) and product(value.shape) == product(value.source.shape):
            return View(value.shape, self.realize(value.source), value.reindex)
        order = memory_order(value) if self.products else None
        return self.realize_into(value, self.allocate(value.shape, value.kind, order))

    def realize_into(self, value: Value, target: Buffer) -> Buffer:
        """A value in memory, in a given buffer."""
        self.kernels.append(Kernel(value, target))
        return target

    def multiply(self, left: Value, right: Value) -> Buffer:
        """The product of matrices, ``(batch, *row, *inner)`` and ``(batch, *inner, column)``."""
        n_rows = len(left.shape) - len(right.shape) + 1
        target = self.allocate((*left.shape[: 1 + n_rows], right.shape[-1]), "float")
        return self.multiply_into(left, right, target)

    def multiply_into(self, left: Value, right: Value, target: Buffer, add: bool = False) -> Buffer:
        """A product of matrices in a given buffer, or added to it; see ``MatrixProduct``."""
        left, right = (
            one if in_memory(one) else self.realize_into(one, self.allocate(one.shape, "float"))
            for one in (left, right)
        )
        self.kernels.append(MatrixProduct(left, right, target, add=add))
        return target

    def realize_for_reuse(self, value: Value) -> Value:
        """A value whose elements are used again and again: in memory if it takes any work."""
        return self.realize(value) if value.cost > 0 or value.reduces else value

    def realize_for_users(self, value: Any) -> Any:
        """A value that several operations use: in memory, but what is rather computed again."""
        if not isinstance(value, Value):
            return value
        return self.realize(value) if self.takes_work(value) else value

    def takes_work(self, value: Value) -> bool:
        """Whether to compute an element again takes longer than to write it and to read it."""
        return value.reduces or value.cost > (1 if self.products else CHEAP)

    def current(self, value: Any) -> Any:
        """A value as it is now: in memory, if it was realized."""
        found = self._realized.get(id(value))
        return value if found is None else found[1]


@dataclass(frozen=True)
class Context:
    """What the rule of an operation is handed beside its arguments.

    Parameters
    ----------
    node : fx.Node
        The operation in the graph.
    memory : Memory
    """

    node: fx.Node
    memory: Memory

    @property
    def name(self) -> str:
        """The operation, as ``sum``."""
        return name_of(self.node)

    @property
    def shape(self) -> tuple[Size, ...]:
        """The shape of the result."""
        shape = tuple(size_of(size) for size in self.node.meta["val"].shape)
        if not is_linear(product(shape)):
            raise UnsupportedOperation(
                f"a tensor of shape {shape}: rows that meet rows, or some of them"
            )
        return shape

    @property
    def kind(self) -> Kind:
        """The kind of the result."""
        return kind_of(self.node.meta["val"].dtype)

    def realize_for_reuse(self, value: Value) -> Value:
        """See :class:`Memory`."""
        return self.memory.realize_for_reuse(value)

    def scale(self, operand: Any, factor: float) -> Any:
        """An operand times a number."""
        if isinstance(operand, Value):
            return arithmetic("mul", [operand, factor], operand.shape)
        return operand * factor

    def expand(self, value: Value, shape: Sequence[Size]) -> Value:
        """Broadcast to a shape; what takes work is not computed again for each element."""
        if product(shape) != product(value.shape) and self.memory.takes_work(value):
            value = self.realize_for_reuse(value)
        return views.expand(value, shape)

    def reshape(self, value: Value, shape: Sequence[Size]) -> Value:
        """The same elements in another shape."""
        reshaped = views.reshape(value, shape)
        if reshaped is None and self.memory.products and value.cost and not value.reduces:
            reshaped = views.merged(value, shape, apart=memory_order(value)[-1])
        if reshaped is None and len(shape) == 1 and self._only_for_cat():
            return FlattenedView(value, shape[0])
        if reshaped is None:
            target = self.memory.allocate(value.shape, value.kind)
            reshaped = views.reshape(self.memory.realize_into(value, target), shape)
            assert reshaped is not None  # there are no gaps
        return reshaped

    def _only_for_cat(self) -> bool:
        users = list(self.node.users)
        return len(users) == 1 and users[0].target is torch.ops.aten.cat.default
