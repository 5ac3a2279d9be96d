"""How each operation that is not elementwise becomes a value: views, sums, products, new tensors.

Names are those of torch's ``aten`` operations; arguments are theirs, with values for tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from modnets.training.compiler import operations, views
from modnets.training.compiler.indices import Place, Size, known, product, size_of
from modnets.training.compiler.operations import Unsupported, elementwise
from modnets.training.compiler.values import Flat, Reduction, Stored, Value

if TYPE_CHECKING:
    from modnets.training.compiler.lowering import Lowering

RULES: dict[str, Callable[..., Any]] = {}


def lowers(*names: str) -> Callable:
    """Decorator: how operations of these names become values."""

    def add(function: Callable) -> Callable:
        RULES.update(dict.fromkeys(names, function))
        return function

    return add


@lowers("view", "_unsafe_view", "reshape")
def _reshape(low: Lowering, x: Value, shape: Any) -> Value:
    return low.reshaped(x, low.shape)


@lowers("permute")
def _permute(low: Lowering, x: Value, order: Sequence[int]) -> Value:
    return views.permute(x, order)


@lowers("t")
def _t(low: Lowering, x: Value) -> Value:
    return views.permute(x, range(len(x.shape))[::-1])


@lowers("transpose")
def _transpose(low: Lowering, x: Value, one: int, other: int) -> Value:
    order = list(range(len(x.shape)))
    order[one], order[other] = order[other], order[one]
    return views.permute(x, order)


@lowers("expand")
def _expand(low: Lowering, x: Value, *_: Any, **__: Any) -> Value:
    return low.expanded(x, low.shape)


@lowers("unsqueeze")
def _unsqueeze(low: Lowering, x: Value, axis: int) -> Value:
    return views.unsqueeze(x, axis)


@lowers("squeeze")
def _squeeze(low: Lowering, x: Value, axes: Any = None) -> Value:
    axes = range(len(x.shape)) if axes is None else [axes] if isinstance(axes, int) else axes
    return views.squeeze(x, axes)


@lowers("select")
def _select(low: Lowering, x: Value, axis: int, number: int) -> Value:
    return views.select(x, axis, number)


@lowers("slice")
def _slice(low: Lowering, x: Value, axis: int = 0, start: Any = None, *rest: Any) -> Value:
    start = start or 0
    step = rest[1] if len(rest) > 1 else 1
    if known(start) and start < 0:
        start = x.shape[axis] + start
    return views.take(x, axis, start, low.shape[axis], step)


@lowers("flip")
def _flip(low: Lowering, x: Value, axes: Sequence[int]) -> Value:
    return views.flip(x, axes)


@lowers("split_with_sizes", "split")
def _split(low: Lowering, x: Value, sizes: Any, axis: int = 0) -> list[Value]:
    x = low.repeated(x) if x.reduces else x
    shapes = [size_of(part.shape[axis]) for part in low.node.meta["val"]]
    starts = [sum(shapes[:i]) for i in range(len(shapes))]
    return [views.take(x, axis, a, size) for a, size in zip(starts, shapes, strict=True)]


@lowers("unbind")
def _unbind(low: Lowering, x: Value, axis: int = 0) -> list[Value]:
    return [views.select(x, axis, number) for number in range(x.shape[axis])]


@lowers("clone", "alias", "detach", "lift_fresh_copy", "contiguous")
def _same(low: Lowering, x: Value, **_: Any) -> Value:
    return x


@lowers("_to_copy", "convert_element_type", "to")
def _convert(low: Lowering, x: Value, *_: Any, **__: Any) -> Value:
    return operations.convert(x, low.kind)


@lowers("full", "full_like", "new_full")
def _full(low: Lowering, shape: Any, number: Any, *rest: Any, **_: Any) -> Value:
    number = rest[0] if isinstance(number, list | tuple) else number
    if not isinstance(number, int | float):
        raise Unsupported(f"full of {number}")
    return operations.Constant(number, low.shape, low.kind)


@lowers("scalar_tensor")
def _scalar(low: Lowering, number: float, **_: Any) -> Value:
    return operations.Constant(number, (), low.kind)


@lowers("zeros", "zeros_like", "new_zeros", "empty", "empty_like", "empty_permuted", "new_empty")
def _zeros(low: Lowering, *_: Any, **__: Any) -> Value:
    return operations.Constant(0, low.shape, low.kind)


@lowers("ones", "ones_like", "new_ones")
def _ones(low: Lowering, *_: Any, **__: Any) -> Value:
    return operations.Constant(1, low.shape, low.kind)


@lowers("arange")
def _arange(low: Lowering, *limits: int, **_: Any) -> Value:
    start, step = (limits[0] if len(limits) > 1 else 0), (limits[2] if len(limits) > 2 else 1)
    return operations.counting(low.shape, start, step, low.kind)


@lowers("sum", "mean", "amax", "amin", "any")
def _reduce(low: Lowering, x: Value, axes: Any = None, *_: Any, **__: Any) -> Value:
    name = low.node.target._schema.name.split("::")[1]
    rank = len(x.shape)
    axes = [axes] if isinstance(axes, int) else axes
    gone = [axis % rank for axis in axes] if axes else list(range(rank))
    order = [axis for axis in range(rank) if axis not in gone] + gone
    how = {"amax": "amax", "amin": "amin"}.get(name, "sum")
    x = operations.convert(x, low.kind) if x.kind == "mask" and name == "mean" else x
    found: Value = x
    if gone:
        found = Reduction(how, views.permute(x, order), len(gone))
    if name == "mean":
        count = product([x.shape[axis] for axis in gone])
        if not known(count):
            raise Unsupported("a mean over rows depends on how many they are")
        found = operations.elementwise(f"{{0}} / {float(count)}f", "float", [found], found.shape)
    if name == "any":
        found = operations.convert(found, "mask")
    return low.reshaped(found, low.shape)


@lowers("mm", "bmm", "mv", "dot")
def _product(low: Lowering, a: Value, b: Value) -> Value:
    a, b = low.repeated(a), low.repeated(b)
    batch, inner = low.shape[:-2], a.shape[-1]
    if len(b.shape) == 1:
        b = views.unsqueeze(b, 1)
    if len(a.shape) == 1:
        a = views.unsqueeze(a, 0)
    shape = (*batch, a.shape[-2], b.shape[-1], inner)
    a = views.unsqueeze(a, -2)
    b = views.unsqueeze(views.permute(b, [*range(len(batch)), len(b.shape) - 1, -2]), -3)
    each = elementwise("{0} * {1}", "float", [a, b], shape)
    return low.reshaped(Reduction("sum", each, 1), low.shape)


@lowers("addmm")
def _addmm(low: Lowering, bias: Value, a: Value, b: Value, **scales: float) -> Value:
    found = _product(low, a, b)
    if scales.get("alpha", 1) != 1:
        found = low.scaled(found, scales["alpha"])
    if scales.get("beta", 1) != 1:
        bias = low.scaled(bias, scales["beta"])
    return operations.arithmetic("add", [low.expanded(bias, low.shape), found], low.shape)


@lowers("cat")
def _cat(low: Lowering, parts: Sequence[Value], axis: int = 0) -> Value:
    if len(low.shape) != 1:
        raise Unsupported("cat of more than one axis")
    target = low.buffer(low.shape, low.kind)
    start: Size = 0
    for part in parts:
        whole = part.source if isinstance(part, Flat) else part
        place = Stored(target.buffer, whole.shape, target.kind, start)
        low.store_at(operations.convert(whole, target.kind), place)
        start = start + part.shape[0]
    return target


@lowers("clamp", "clamp_min", "clamp_max")
def _clamp(low: Lowering, x: Value, low_end: Any = None, high_end: Any = None) -> Value:
    if low.node.target._schema.name.endswith("max"):
        low_end, high_end = None, low_end
    for name, end in (("maximum", low_end), ("minimum", high_end)):
        if end is not None:
            x = operations.arithmetic(name, [x, end], low.shape)
    return x


@lowers("pow")
def _pow(low: Lowering, x: Any, exponent: Any) -> Value:
    if isinstance(exponent, int | float):
        found = operations.power(operations.convert(x, "float"), exponent)
        if found is not None:
            return found
    return operations.arithmetic("pow", [x, exponent], low.shape)


@lowers("constant_pad_nd")
def _pad(low: Lowering, x: Value, widths: Sequence[int], number: float = 0) -> Value:
    found, pairs = x, list(zip(widths[::2], widths[1::2], strict=True))
    for back, (before, after) in enumerate(pairs):
        axis = len(x.shape) - 1 - back
        size = found.shape[axis]
        shape = list(found.shape)
        shape[axis] = size + before + after
        rest = operations.Constant(number, shape, x.kind)
        found = _placed(low, found, rest, axis, before, size)
    return found


@lowers("slice_scatter")
def _slice_scatter(
    low: Lowering, x: Value, part: Value, axis: int = 0, start: Any = 0, *rest: Any
) -> Value:
    if len(rest) > 1 and rest[1] != 1:
        raise Unsupported("slice_scatter with a step")
    return _placed(low, part, x, axis, start or 0, part.shape[axis])


@lowers("select_scatter")
def _select_scatter(low: Lowering, x: Value, part: Value, axis: int, number: int) -> Value:
    return _placed(low, views.unsqueeze(part, axis), x, axis, number, 1)


def _placed(low: Lowering, part: Value, whole: Value, axis: int, start: Size, size: Size) -> Value:
    """A tensor with a part of an axis replaced."""
    if part.shape == whole.shape:
        return part
    part = low.repeated(part)
    axis %= len(whole.shape)
    start = start if start >= 0 else whole.shape[axis] + start

    def inside(place: Place) -> str:
        return operations.place_condition(place[axis], start, start + size)

    def move(place: Place) -> Place:
        return (*place[:axis], place[axis].clipped(start, size), *place[axis + 1 :])

    return operations.choose_by_place(inside, part, whole, move)
