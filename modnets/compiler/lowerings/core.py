"""How each operation that is not elementwise becomes a value: views, sums, products, new tensors.

Names are those of torch's ``aten`` operations; arguments are theirs, with values for tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from modnets.compiler import elementwise, views
from modnets.compiler.elementwise import UnsupportedOperation, pointwise
from modnets.compiler.ir import Reduction, Value
from modnets.compiler.lowerings import convolution, indexing
from modnets.compiler.symbolic import Size, known, product, size_of

if TYPE_CHECKING:
    from modnets.compiler.lowering import Lowering

RULES: dict[str, Callable[..., Any]] = {}


def lowers(*names: str) -> Callable:
    """Decorator: how operations of these names become values."""

    def add(function: Callable) -> Callable:
        RULES.update(dict.fromkeys(names, function))
        return function

    return add


@lowers("view", "_unsafe_view")
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
    step = rest[1] if len(rest) > 1 else 1
    return views.take(x, axis, views.beginning(start, x.shape[axis]), low.shape[axis], step)


@lowers("repeat")
def _repeat(low: Lowering, x: Value, times: Sequence[int]) -> Value:
    return views.repeat(low.realize_for_reuse(x), times)


@lowers("unfold")
def _unfold(low: Lowering, x: Value, axis: int, size: int, step: int) -> Value:
    return views.windows(low.realize_for_reuse(x), axis, size, step)


@lowers("broadcast_in_dim")
def _broadcast(low: Lowering, x: Value, shape: Any, axes: Sequence[int]) -> Value:
    inner: list[Size] = [1] * len(low.shape)
    for axis, size in zip(axes, x.shape, strict=True):
        inner[axis] = size
    return low.expanded(low.reshaped(x, inner), low.shape)


@lowers("copy")
def _copy(low: Lowering, x: Value, source: Value, *_: Any) -> Value:
    return low.expanded(source, low.shape)


@lowers("flip")
def _flip(low: Lowering, x: Value, axes: Sequence[int]) -> Value:
    return views.flip(x, axes)


@lowers("split_with_sizes", "split")
def _split(low: Lowering, x: Value, sizes: Any, axis: int = 0) -> list[Value]:
    x = low.realize_for_reuse(x) if x.reduces else x
    shapes = [size_of(part.shape[axis]) for part in low.node.meta["val"]]
    starts = [sum(shapes[:i]) for i in range(len(shapes))]
    return [views.take(x, axis, a, size) for a, size in zip(starts, shapes, strict=True)]


@lowers("unbind")
def _unbind(low: Lowering, x: Value, axis: int = 0) -> list[Value]:
    return [views.select(x, axis, number) for number in range(x.shape[axis])]


@lowers("clone", "alias", "detach", "lift_fresh_copy")
def _same(low: Lowering, x: Value, **_: Any) -> Value:
    return x


@lowers("_to_copy", "convert_element_type")
def _convert(low: Lowering, x: Value, *_: Any, **__: Any) -> Value:
    return elementwise.convert(x, low.kind)


@lowers("full", "full_like", "new_full")
def _full(low: Lowering, shape: Any, number: Any, *rest: Any, **_: Any) -> Value:
    number = rest[0] if isinstance(number, list | tuple) else number
    if not isinstance(number, int | float):
        raise UnsupportedOperation(f"full of {number}")
    return elementwise.Constant(number, low.shape, low.kind)


@lowers("scalar_tensor")
def _scalar(low: Lowering, number: float, **_: Any) -> Value:
    return elementwise.Constant(number, (), low.kind)


@lowers("zeros", "zeros_like", "new_zeros", "empty", "empty_like", "empty_permuted", "new_empty")
def _zeros(low: Lowering, *_: Any, **__: Any) -> Value:
    return elementwise.Constant(0, low.shape, low.kind)


@lowers("ones", "ones_like", "new_ones")
def _ones(low: Lowering, *_: Any, **__: Any) -> Value:
    return elementwise.Constant(1, low.shape, low.kind)


@lowers("arange")
def _arange(low: Lowering, *limits: int, **_: Any) -> Value:
    start, step = (limits[0] if len(limits) > 1 else 0), (limits[2] if len(limits) > 2 else 1)
    return elementwise.counting(low.shape, start, step, low.kind)


@lowers("sum", "mean", "amax", "amin", "prod", "any")
def _reduce(low: Lowering, x: Value, axes: Any = None, *_: Any, **__: Any) -> Value:
    name = low.name
    how = "sum" if name in ("mean", "any") else name
    if name != "sum":
        x = elementwise.convert(x, "mask" if name == "any" else "float")
    found = _over(how, x, gone := _axes(x, axes))
    if name == "mean":
        found = _shared(found, _count(x, gone))
    return low.reshaped(found, low.shape)


@lowers("var")
def _var(low: Lowering, x: Value, axes: Any = None, correction: float = 1.0) -> Value:
    gone = _axes(x, axes)
    mean = _shared(_over("sum", x, gone), _count(x, gone))
    kept = [1 if axis in gone else size for axis, size in enumerate(x.shape)]
    mean = low.expanded(low.reshaped(mean, kept), x.shape)
    away = elementwise.arithmetic("sub", [x, mean], x.shape)
    squares = _over("sum", pointwise("{0} * {0}", "float", [away], x.shape), gone)
    return _shared(squares, _count(x, gone) - correction)


def _axes(x: Value, axes: Any) -> list[int]:
    axes = [axes] if isinstance(axes, int) else axes
    return [axis % max(1, len(x.shape)) for axis in axes or range(len(x.shape))]


def _over(how: str, x: Value, gone: Sequence[int]) -> Value:
    if not x.shape:
        return x
    order = [axis for axis in range(len(x.shape)) if axis not in gone]
    return Reduction(how, views.permute(x, [*order, *gone]), len(gone))


def _shared(x: Value, count: float) -> Value:
    """Divided by a number, to the last bit."""
    return pointwise(f"{{0}} / {elementwise.literal(count, 'float')}", "float", [x], x.shape)


def _count(x: Value, gone: Sequence[int]) -> float:
    count = product([x.shape[axis] for axis in gone])
    if not known(count):
        raise UnsupportedOperation("a mean over rows depends on how many they are")
    return float(count)


@lowers("mm", "bmm", "mv", "dot")
def _product(low: Lowering, a: Value, b: Value) -> Value:
    a, b = low.realize_for_reuse(a), low.realize_for_reuse(b)
    batch, inner = low.shape[:-2], a.shape[-1]
    if len(b.shape) == 1:
        b = views.unsqueeze(b, 1)
    if len(a.shape) == 1:
        a = views.unsqueeze(a, 0)
    shape = (*batch, a.shape[-2], b.shape[-1], inner)
    a = views.unsqueeze(a, -2)
    b = views.unsqueeze(views.permute(b, [*range(len(batch)), len(b.shape) - 1, -2]), -3)
    a, b = views.expand(a, shape), views.expand(b, shape)
    each = elementwise.arithmetic("mul", [a, b], shape)
    return low.reshaped(Reduction("sum", each, 1), low.shape)


@lowers("addmm")
def _addmm(low: Lowering, bias: Value, a: Value, b: Value, **scales: float) -> Value:
    found = _product(low, a, b)
    if scales.get("alpha", 1) != 1:
        found = low.scaled(found, scales["alpha"])
    if scales.get("beta", 1) != 1:
        bias = low.scaled(bias, scales["beta"])
    return elementwise.arithmetic("add", [low.expanded(bias, low.shape), found], low.shape)


@lowers("clamp", "clamp_min", "clamp_max")
def _clamp(low: Lowering, x: Value, low_end: Any = None, high_end: Any = None) -> Value:
    if low.name.endswith("max"):
        low_end, high_end = None, low_end
    for name, end in (("maximum", low_end), ("minimum", high_end)):
        if end is not None:
            x = elementwise.arithmetic(name, [x, end], low.shape)
    return x


@lowers("pow")
def _pow(low: Lowering, x: Any, exponent: Any) -> Value:
    if isinstance(exponent, int | float):
        found = elementwise.power(elementwise.convert(x, "float"), exponent)
        if found is not None:
            return found
    return elementwise.arithmetic("pow", [x, exponent], low.shape)


RULES |= {
    "convolution": convolution.convolution,
    "convolution_backward": convolution.convolution_backward,
    "cat": indexing.cat,
    "constant_pad_nd": indexing.pad,
    "slice_scatter": indexing.slice_scatter,
    "select_scatter": indexing.select_scatter,
    "gather": indexing.gather,
    "index": indexing.index,
    "index_select": indexing.index_select,
    "embedding": indexing.embedding,
    "index_put": indexing.index_put,
    "scatter": indexing.scatter,
    "scatter_add": indexing.scatter_add,
    "argmax": indexing.arg_extreme,
    "argmin": indexing.arg_extreme,
    "max": indexing.extreme,
    "min": indexing.extreme,
    "cumsum": indexing.cumulated,
    "cumprod": indexing.cumulated,
}
