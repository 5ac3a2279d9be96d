"""Rules for views, sums, products and new tensors.

Names are those of torch's ``aten`` operations; arguments are theirs, with values for tensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modnets.compiler import elementwise, views
from modnets.compiler.elementwise import arithmetic, convert, pointwise
from modnets.compiler.ir import Constant, Pointwise, Reduction, UnsupportedOperation, Value, arange
from modnets.compiler.loop_ir import Operation, Scalar
from modnets.compiler.lowerings.registry import Context, lowers
from modnets.compiler.products import is_better_transposed, is_worthwhile
from modnets.compiler.symbolic import Size, known, product, size_of

SQUARE = elementwise.POWERS[2]
DIVIDE_EXACTLY = Operation("{0} / {1}")


@lowers("view", "_unsafe_view")
def _reshape(ctx: Context, x: Value, shape: Any) -> Value:
    return ctx.reshape(x, ctx.shape)


@lowers("permute")
def _permute(ctx: Context, x: Value, order: Sequence[int]) -> Value:
    return views.permute(x, order)


@lowers("t")
def _t(ctx: Context, x: Value) -> Value:
    return views.permute(x, range(len(x.shape))[::-1])


@lowers("transpose")
def _transpose(ctx: Context, x: Value, one: int, other: int) -> Value:
    order = list(range(len(x.shape)))
    order[one], order[other] = order[other], order[one]
    return views.permute(x, order)


@lowers("expand")
def _expand(ctx: Context, x: Value, *_: Any, **__: Any) -> Value:
    return ctx.expand(x, ctx.shape)


@lowers("unsqueeze")
def _unsqueeze(ctx: Context, x: Value, axis: int) -> Value:
    return views.unsqueeze(x, axis)


@lowers("squeeze")
def _squeeze(ctx: Context, x: Value, axes: Any = None) -> Value:
    axes = range(len(x.shape)) if axes is None else [axes] if isinstance(axes, int) else axes
    return views.squeeze(x, axes)


@lowers("select")
def _select(ctx: Context, x: Value, axis: int, number: int) -> Value:
    return views.select(x, axis, number)


@lowers("slice")
def _slice(ctx: Context, x: Value, axis: int = 0, start: Any = None, *rest: Any) -> Value:
    step = rest[1] if len(rest) > 1 else 1
    return views.slice_axis(
        x, axis, views.normalized_start(start, x.shape[axis]), ctx.shape[axis], step
    )


@lowers("repeat")
def _repeat(ctx: Context, x: Value, times: Sequence[int]) -> Value:
    return views.repeat(ctx.realize_for_reuse(x), times)


@lowers("unfold")
def _unfold(ctx: Context, x: Value, axis: int, size: int, step: int) -> Value:
    return views.windows(ctx.realize_for_reuse(x), axis, size, step)


@lowers("broadcast_in_dim")
def _broadcast(ctx: Context, x: Value, shape: Any, axes: Sequence[int]) -> Value:
    inner: list[Size] = [1] * len(ctx.shape)
    for axis, size in zip(axes, x.shape, strict=True):
        inner[axis] = size
    return ctx.expand(ctx.reshape(x, inner), ctx.shape)


@lowers("copy")
def _copy(ctx: Context, x: Value, source: Value, *_: Any) -> Value:
    return ctx.expand(source, ctx.shape)


@lowers("flip")
def _flip(ctx: Context, x: Value, axes: Sequence[int]) -> Value:
    return views.flip(x, axes)


@lowers("split_with_sizes", "split")
def _split(ctx: Context, x: Value, sizes: Any, axis: int = 0) -> list[Value]:
    x = ctx.realize_for_reuse(x) if x.reduces else x
    shapes = [size_of(part.shape[axis]) for part in ctx.node.meta["val"]]
    starts = [sum(shapes[:i]) for i in range(len(shapes))]
    return [views.slice_axis(x, axis, a, size) for a, size in zip(starts, shapes, strict=True)]


@lowers("unbind")
def _unbind(ctx: Context, x: Value, axis: int = 0) -> list[Value]:
    return [views.select(x, axis, number) for number in range(x.shape[axis])]


@lowers("clone", "alias", "detach", "lift_fresh_copy")
def _same(ctx: Context, x: Value, **_: Any) -> Value:
    return x


@lowers("_to_copy", "convert_element_type")
def _convert(ctx: Context, x: Value, *_: Any, **__: Any) -> Value:
    return convert(x, ctx.kind)


@lowers("full", "full_like", "new_full")
def _full(ctx: Context, shape: Any, number: Any, *rest: Any, **_: Any) -> Value:
    number = rest[0] if isinstance(number, list | tuple) else number
    if not isinstance(number, int | float):
        raise UnsupportedOperation(f"full of {number}")
    return Constant(number, ctx.shape, ctx.kind)


@lowers("scalar_tensor")
def _scalar(ctx: Context, number: float, **_: Any) -> Value:
    return Constant(number, (), ctx.kind)


@lowers("zeros", "zeros_like", "new_zeros", "empty", "empty_like", "empty_permuted", "new_empty")
def _zeros(ctx: Context, *_: Any, **__: Any) -> Value:
    return Constant(0, ctx.shape, ctx.kind)


@lowers("ones", "ones_like", "new_ones")
def _ones(ctx: Context, *_: Any, **__: Any) -> Value:
    return Constant(1, ctx.shape, ctx.kind)


@lowers("arange")
def _arange(ctx: Context, *limits: int, **_: Any) -> Value:
    start, step = (limits[0] if len(limits) > 1 else 0), (limits[2] if len(limits) > 2 else 1)
    return arange(ctx.shape, start, step, ctx.kind)


@lowers("sum", "mean", "amax", "amin", "prod", "any")
def _reduce(ctx: Context, x: Value, axes: Any = None, *_: Any, **__: Any) -> Value:
    name = ctx.name
    how = "sum" if name in ("mean", "any") else name
    if name != "sum":
        x = convert(x, "mask" if name == "any" else "float")
    reduced = _over(how, x, gone := _axes(x, axes))
    if name == "mean":
        reduced = _divided(reduced, _count(x, gone))
    return ctx.reshape(reduced, ctx.shape)


@lowers("var")
def _var(ctx: Context, x: Value, axes: Any = None, correction: float = 1.0) -> Value:
    gone = _axes(x, axes)
    mean = _divided(_over("sum", x, gone), _count(x, gone))
    kept = [1 if axis in gone else size for axis, size in enumerate(x.shape)]
    mean = ctx.expand(ctx.reshape(mean, kept), x.shape)
    away = arithmetic("sub", [x, mean], x.shape)
    squares = _over("sum", pointwise(SQUARE, "float", [away], x.shape), gone)
    return _divided(squares, _count(x, gone) - correction)


def _axes(x: Value, axes: Any) -> list[int]:
    axes = [axes] if isinstance(axes, int) else axes
    return [axis % max(1, len(x.shape)) for axis in axes or range(len(x.shape))]


def _over(how: str, x: Value, gone: Sequence[int]) -> Value:
    if not x.shape:
        return x
    order = [axis for axis in range(len(x.shape)) if axis not in gone]
    return Reduction(how, views.permute(x, [*order, *gone]), len(gone))


def _divided(x: Value, count: float) -> Value:
    """Divided by a number, correctly rounded."""
    return Pointwise(DIVIDE_EXACTLY, x.shape, "float", [x], [Scalar(float(count))])


def _count(x: Value, gone: Sequence[int]) -> float:
    count = product([x.shape[axis] for axis in gone])
    if not known(count):
        raise UnsupportedOperation("a mean over rows depends on how many they are")
    return float(count)


@lowers("mm", "bmm", "mv", "dot")
def _product(ctx: Context, a: Value, b: Value) -> Value:
    a, b = ctx.realize_for_reuse(a), ctx.realize_for_reuse(b)
    batch, inner = ctx.shape[:-2], a.shape[-1]
    if len(b.shape) == 1:
        b = views.unsqueeze(b, 1)
    if len(a.shape) == 1:
        a = views.unsqueeze(a, 0)
    if ctx.memory.products and is_worthwhile(product([*batch, a.shape[-2]]), inner, b.shape[-1]):
        return ctx.reshape(_multiplied(ctx, a, b), ctx.shape)
    shape = (*batch, a.shape[-2], b.shape[-1], inner)
    a = views.unsqueeze(a, -2)
    b = views.unsqueeze(views.permute(b, [*range(len(batch)), len(b.shape) - 1, -2]), -3)
    a, b = views.expand(a, shape), views.expand(b, shape)
    each = arithmetic("mul", [a, b], shape)
    return ctx.reshape(Reduction("sum", each, 1), ctx.shape)


def _multiplied(ctx: Context, a: Value, b: Value) -> Value:
    """The product of matrices by a kernel of its own, shape (batch, row, column)."""
    if len(a.shape) == 2:
        a, b = views.unsqueeze(a, 0), views.unsqueeze(b, 0)
    if is_better_transposed(a.shape[1], b.shape[2]):
        a, b = views.permute(b, [0, 2, 1]), views.permute(a, [0, 2, 1])
        return views.permute(_multiplied(ctx, a, b), [0, 2, 1])
    return ctx.memory.multiply(a, b)


@lowers("addmm")
def _addmm(ctx: Context, bias: Value, a: Value, b: Value, **scales: float) -> Value:
    result = _product(ctx, a, b)
    if scales.get("alpha", 1) != 1:
        result = ctx.scale(result, scales["alpha"])
    if scales.get("beta", 1) != 1:
        bias = ctx.scale(bias, scales["beta"])
    return arithmetic("add", [ctx.expand(bias, ctx.shape), result], ctx.shape)


@lowers("clamp", "clamp_min", "clamp_max")
def _clamp(ctx: Context, x: Value, low_end: Any = None, high_end: Any = None) -> Value:
    if ctx.name.endswith("max"):
        low_end, high_end = None, low_end
    for name, end in (("maximum", low_end), ("minimum", high_end)):
        if end is not None:
            x = arithmetic(name, [x, end], ctx.shape)
    return x


@lowers("pow")
def _pow(ctx: Context, x: Any, exponent: Any) -> Value:
    if isinstance(exponent, int | float):
        product_of_powers = elementwise.power(convert(x, "float"), exponent)
        if product_of_powers is not None:
            return product_of_powers
    return arithmetic("pow", [x, exponent], ctx.shape)
