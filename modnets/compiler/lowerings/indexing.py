"""Rules for what is found by an index: gather and scatter, slices written, pads, extremes.

An index tensor may hold any integer in each lane.  An element is found among all candidates as the
sum of those that have its index, which costs as much as a product with a matrix of 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from modnets.compiler import views
from modnets.compiler.elementwise import arithmetic, convert, pointwise
from modnets.compiler.ir import (
    Buffer,
    Constant,
    FlattenedView,
    Pointwise,
    Reduction,
    UnsupportedOperation,
    Value,
    View,
    WhereIndex,
    arange,
)
from modnets.compiler.loop_ir import Kind, Operation, Scalar
from modnets.compiler.lowerings.registry import Context, lowers
from modnets.compiler.symbolic import (
    AtMost,
    InBounds,
    IndexTest,
    IsMultiple,
    MultiIndex,
    Size,
    product,
)

#: The operands are: one and another index, and what stands where they are equal (and where not).
WHERE_EQUAL = Operation("select({0} == {1}, {2}, {3})")
WHERE_EQUAL_ELSE_ZERO: dict[Kind, Operation] = {
    "float": Operation("select({0} == {1}, {2}, zero)"),
    "int": Operation("select({0} == {1}, {2}, isplat(0))"),
    "mask": Operation("select({0} == {1}, {2}, isplat(0))"),
}
#: An element, the extreme, its index, and the size of the axis.
INDEX_OF_EXTREME = Operation("select({0} == {1}, {2}, splat({3}))")
#: An index below 0 counts from the end of the axis.
FROM_END = Operation("select({0} < 0, {0} + (int)({1}), {0})")


@lowers("cat")
def _cat(ctx: Context, parts: Sequence[Value], axis: int = 0) -> Value:
    target = ctx.memory.allocate(ctx.shape, ctx.kind)
    axis %= len(ctx.shape)
    start: Size = 0
    for part in parts:
        size = part.shape[axis] if len(part.shape) == len(ctx.shape) else 0  # torch skips (0,)
        slice_ = target.slice(axis, start, size)
        if isinstance(part, FlattenedView):
            part = part.source
            slice_ = Buffer(target.name, part.shape, target.kind, start)
        if size != 0:
            ctx.memory.realize_into(convert(part, target.kind), slice_)
        start = start + size
    return target


@lowers("constant_pad_nd")
def _pad(ctx: Context, x: Value, widths: Sequence[int], number: float = 0) -> Value:
    """Widths stand before and after each axis, the last axis first; below 0 they cut."""
    for back, (before, after) in enumerate(zip(widths[::2], widths[1::2], strict=True)):
        axis = len(x.shape) - 1 - back
        size = x.shape[axis] + min(0, before) + min(0, after)
        x = views.slice_axis(x, axis, max(0, -before), size)
        shape = list(x.shape)
        shape[axis] = shape[axis] + max(0, before) + max(0, after)
        whole = Constant(number, shape, x.kind)
        x = _with_slice(ctx, x, whole, axis, max(0, before), x.shape[axis])
    return x


@lowers("slice_scatter")
def _slice_scatter(
    ctx: Context, x: Value, part: Value, axis: int = 0, start: Any = None, *rest: Any
) -> Value:
    step = rest[1] if len(rest) > 1 else 1
    start = views.normalized_start(start, x.shape[axis])
    return _with_slice(ctx, part, x, axis, start, part.shape[axis], step)


@lowers("select_scatter")
def _select_scatter(ctx: Context, x: Value, part: Value, axis: int, position: int) -> Value:
    start = views.normalized_start(position, x.shape[axis])
    return _with_slice(ctx, views.unsqueeze(part, axis), x, axis, start, 1)


def _with_slice(
    ctx: Context, part: Value, whole: Value, axis: int, start: Size, size: Size, step: int = 1
) -> Value:
    """A tensor with a slice of an axis replaced by another tensor."""
    part = convert(part, whole.kind)
    if part.shape == whole.shape:
        return part
    part = ctx.realize_for_reuse(part)
    axis %= len(whole.shape)

    def tests(element: MultiIndex) -> tuple[IndexTest, ...]:
        bounds = InBounds(element[axis], start, start + size * step)
        return (bounds, IsMultiple(element[axis] + start * -1, step)) if step != 1 else (bounds,)

    def reindex(element: MultiIndex) -> MultiIndex:
        index = element[axis].clipped(start, size, step)
        return (*element[:axis], index, *element[axis + 1 :])

    return WhereIndex(tests, part, whole, reindex)


@lowers("gather")
def _gather(ctx: Context, x: Value, axis: int, indices: Value, **_: Any) -> Value:
    if not x.shape:
        return ctx.expand(x, ctx.shape)
    axis %= len(x.shape)
    return _picked(ctx, x, axis, indices, _last_at(axis))


@lowers("index")
def _index(ctx: Context, x: Value, indices: Sequence[Value | None]) -> Value:
    """Indices of one axis; their axes take its place."""
    axis, which = _one_of(x, indices)
    rank = len(which.shape)
    which = View(ctx.shape, which, lambda element: element[axis : axis + rank])

    def reindex(element: MultiIndex) -> MultiIndex:
        return (*element[:axis], element[-1], *element[axis + rank : -1])

    return _picked(ctx, x, axis, which, reindex)


@lowers("index_select")
def _index_select(ctx: Context, x: Value, axis: int, indices: Value) -> Value:
    return _index(ctx, x, [*[None] * (axis % len(x.shape)), indices])


@lowers("embedding")
def _embedding(ctx: Context, x: Value, indices: Value, *_: Any) -> Value:
    return _index(ctx, x, [indices])


@lowers("index_put")
def _index_put(
    ctx: Context, x: Value, indices: Sequence[Value | None], part: Value, add: bool = False
) -> Value:
    """Something is added at indices of one axis."""
    if not add:
        raise UnsupportedOperation("index_put that does not add")
    axis, which = _one_of(x, indices)
    rank, axes = len(x.shape), which.shape
    part = ctx.expand(part, (*x.shape[:axis], *axes, *x.shape[axis + 1 :]))
    shape = (*x.shape, *axes)
    which = View(shape, which, lambda element: element[rank:])

    def reindex(element: MultiIndex) -> MultiIndex:
        return (*element[:axis], *element[rank:], *element[axis + 1 : rank])

    part = View(shape, ctx.realize_for_reuse(part), reindex)
    return _added(x, axis, which, part, len(axes))


@lowers("scatter_add")
def _scatter_add(ctx: Context, x: Value, axis: int, indices: Value, part: Value) -> Value:
    axis = _axis_alike(x, axis, indices)
    shape = (*x.shape, indices.shape[axis])
    which, part = (View(shape, ctx.realize_for_reuse(v), _last_at(axis)) for v in (indices, part))
    return _added(x, axis, which, part, 1)


@lowers("scatter")
def _scatter(ctx: Context, x: Value, axis: int, indices: Value, part: Any) -> Value:
    """One element is replaced along an axis."""
    axis = _axis_alike(x, axis, indices)
    if indices.shape[axis] != 1:
        raise UnsupportedOperation("scatter of more than one element along an axis")
    if isinstance(part, Value):
        part = convert(views.slice_axis(part, axis, 0, 1), x.kind)
    else:
        part = Constant(part, indices.shape, x.kind)
    indices, part = ctx.expand(indices, x.shape), ctx.expand(part, x.shape)
    values = [indices, _index_along(x.shape, axis), part, x]
    return pointwise(WHERE_EQUAL, x.kind, values, x.shape)


@lowers("argmax", "argmin")
def _arg_extreme(ctx: Context, x: Value, axis: int | None = None, keepdim: bool = False) -> Value:
    """The first index of the largest or smallest."""
    if axis is None:
        x, axis = ctx.reshape(x, (product(x.shape),)), 0
    return ctx.reshape(_extreme(ctx, f"a{ctx.name[-3:]}", x, axis)[1], ctx.shape)


@lowers("max", "min")
def _max_min(ctx: Context, x: Value, axis: int | None = None, keepdim: bool = False) -> Any:
    """Of all elements; or, along an axis, with indices too."""
    how = f"a{ctx.name}"
    if axis is None:
        return Reduction(how, convert(ctx.reshape(x, (product(x.shape),)), "float"), 1)
    results = _extreme(ctx, how, x, axis)
    shapes = [part.shape for part in ctx.node.meta["val"]]
    return [ctx.reshape(part, shape) for part, shape in zip(results, shapes, strict=True)]


@lowers("cumsum", "cumprod")
def _cumulated(ctx: Context, x: Value, axis: int, **_: Any) -> Value:
    """Reduced over all indices up to each."""
    if not x.shape:
        return x
    how = ctx.name.removeprefix("cum")
    x = ctx.realize_for_reuse(convert(x, "float" if how == "prod" else ctx.kind))
    axis %= len(x.shape)
    neutral = Constant(how == "prod", (*x.shape, x.shape[axis]), x.kind)

    def tests(element: MultiIndex) -> tuple[IndexTest, ...]:
        return (AtMost(element[-1], element[axis]),)

    return Reduction(how, WhereIndex(tests, x, neutral, _last_at(axis)), 1)


def _last_at(axis: int) -> Callable[[MultiIndex], MultiIndex]:
    """The last index, put where an axis is."""
    return lambda element: (*element[:axis], element[-1], *element[axis + 1 : -1])


def _index_along(shape: Sequence[Size], axis: int, kind: Kind = "int") -> Value:
    """For each element its index along an axis."""
    axis %= len(shape)
    count = arange((shape[axis],), 0, 1, kind)
    return View(shape, count, lambda element: (element[axis],))


def _where_equal(one: Value, other: Value, x: Value) -> Value:
    return pointwise(WHERE_EQUAL_ELSE_ZERO[x.kind], x.kind, [one, other, x], x.shape)


def _picked(
    ctx: Context,
    x: Value,
    axis: int,
    indices: Value,
    reindex: Callable[[MultiIndex], MultiIndex],
) -> Value:
    """The elements of a tensor that have some indices along an axis.

    ``reindex`` takes an index of the result, followed by that of a candidate, to one in the tensor.
    """
    shape = (*indices.shape, x.shape[axis])
    candidates = View(shape, ctx.realize_for_reuse(x), reindex)
    indices = views.expand(views.unsqueeze(ctx.realize_for_reuse(indices), -1), shape)
    return Reduction("sum", _where_equal(indices, _index_along(shape, -1), candidates), 1)


def _added(x: Value, axis: int, indices: Value, part: Value, n_axes: int) -> Value:
    """A tensor, and the sum over the last axes of all that has an element's index."""
    part = _where_equal(indices, _index_along(part.shape, axis), part)
    return arithmetic("add", [x, Reduction("sum", part, n_axes)], x.shape)


def _extreme(ctx: Context, how: str, x: Value, axis: int) -> tuple[Value, Value]:
    """The largest or smallest along an axis, and its first index."""
    x = ctx.realize_for_reuse(convert(x, "float"))
    order = [*range(len(x.shape))]
    order.append(order.pop(axis))
    x = views.permute(x, order)
    best = ctx.memory.realize_for_reuse(Reduction(how, x, 1))
    values = [x, views.unsqueeze(best, -1), _index_along(x.shape, -1, "float")]
    values = [views.expand(value, x.shape) for value in values]
    where = Pointwise(INDEX_OF_EXTREME, x.shape, "float", values, [Scalar(x.shape[-1])])
    return best, convert(Reduction("amin", where, 1), "int")


def _one_of(x: Value, indices: Sequence[Value | None]) -> tuple[int, Value]:
    """The axis that has indices, and these, counted from its beginning."""
    given = [(axis, which) for axis, which in enumerate(indices) if which is not None]
    if len(given) != 1 or given[0][1].kind != "int":
        raise UnsupportedOperation("elements by the indices of several axes, or by masks")
    ((axis, which),) = given
    return axis, Pointwise(FROM_END, which.shape, "int", [which], [Scalar(x.shape[axis])])


def _axis_alike(x: Value, axis: int, indices: Value) -> int:
    """An axis, but for which a tensor and its indices are of one shape."""
    axis %= max(1, len(x.shape))
    others = [[s for a, s in enumerate(v.shape) if a != axis] for v in (x, indices)]
    if others[0] != others[1] or not x.shape:
        raise UnsupportedOperation("scatter into a part of a tensor")
    return axis
