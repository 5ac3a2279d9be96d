"""How elements are found by a number or their place: gather and scatter, parts, pads, maxima.

A number may be any whole number of each lane.  An element is found among all candidates as the
sum of those that have its number, which takes as long as a product with a matrix of 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from modnets.compiler import elementwise, views
from modnets.compiler.elementwise import Constant, UnsupportedOperation, convert, pointwise
from modnets.compiler.ir import Buffer, FlattenedView, Reduction, Value, View
from modnets.compiler.symbolic import MultiIndex, Size, product

if TYPE_CHECKING:
    from modnets.compiler.lowering import Lowering


def cat(low: Lowering, parts: Sequence[Value], axis: int = 0) -> Value:
    """Tensors behind each other along an axis."""
    target = low.buffer(low.shape, low.kind)
    axis %= len(low.shape)
    start: Size = 0
    for part in parts:
        size = part.shape[axis] if len(part.shape) == len(low.shape) else 0  # torch skips (0,)
        place = target.part(axis, start, size)
        if isinstance(part, FlattenedView):
            part = part.source
            place = Buffer(target.buffer, part.shape, target.kind, start)
        if size != 0:
            low.realize_into(elementwise.convert(part, target.kind), place)
        start = start + size
    return target


def pad(low: Lowering, x: Value, widths: Sequence[int], number: float = 0) -> Value:
    """``constant_pad_nd``: widths before and after each axis, the last one first."""
    for back, (before, after) in enumerate(zip(widths[::2], widths[1::2], strict=True)):
        axis = len(x.shape) - 1 - back
        x = views.take(x, axis, max(0, -before), x.shape[axis] + min(0, before) + min(0, after))
        shape = list(x.shape)
        shape[axis] = shape[axis] + max(0, before) + max(0, after)
        x = _placed(low, x, Constant(number, shape, x.kind), axis, max(0, before), x.shape[axis])
    return x


def slice_scatter(
    low: Lowering, x: Value, part: Value, axis: int = 0, start: Any = None, *rest: Any
) -> Value:
    """A tensor with a part of an axis replaced, or with every so many places of it."""
    step = rest[1] if len(rest) > 1 else 1
    start = views.beginning(start, x.shape[axis])
    return _placed(low, part, x, axis, start, part.shape[axis], step)


def select_scatter(low: Lowering, x: Value, part: Value, axis: int, number: int) -> Value:
    """A tensor with one place of an axis replaced."""
    start = views.beginning(number, x.shape[axis])
    return _placed(low, views.unsqueeze(part, axis), x, axis, start, 1)


def _placed(
    low: Lowering, part: Value, whole: Value, axis: int, start: Size, size: Size, step: int = 1
) -> Value:
    part = convert(part, whole.kind)
    if part.shape == whole.shape:
        return part
    part = low.realize_for_reuse(part)
    axis %= len(whole.shape)

    def inside(place: MultiIndex) -> str:
        found = elementwise.bounds_condition(place[axis], start, start + size * step)
        return f"{found} && ({place[axis] + start * -1}) % {step} == 0" if step != 1 else found

    def move(place: MultiIndex) -> MultiIndex:
        return (*place[:axis], place[axis].clipped(start, size, step), *place[axis + 1 :])

    return elementwise.choose_by_place(inside, part, whole, move)


def gather(low: Lowering, x: Value, axis: int, numbers: Value, **_: Any) -> Value:
    """The element that each number says, along an axis."""
    if not x.shape:
        return low.expanded(x, low.shape)
    axis %= len(x.shape)
    return _picked(low, x, axis, numbers, _last_at(axis))


def index(low: Lowering, x: Value, numbers: Sequence[Value | None]) -> Value:
    """Places of one axis, that the numbers say; their axes take its place."""
    axis, which = _one_of(x, numbers)
    rank = len(which.shape)
    which = View(low.shape, which, lambda place: place[axis : axis + rank])

    def at(place: MultiIndex) -> MultiIndex:
        return (*place[:axis], place[-1], *place[axis + rank : -1])

    return _picked(low, x, axis, which, at)


def index_select(low: Lowering, x: Value, axis: int, numbers: Value) -> Value:
    """Places of an axis."""
    return index(low, x, [None] * (axis % len(x.shape)) + [numbers])


def embedding(low: Lowering, x: Value, numbers: Value, *_: Any) -> Value:
    """Rows of a table."""
    return index(low, x, [numbers])


def index_put(
    low: Lowering, x: Value, numbers: Sequence[Value | None], part: Value, add: bool = False
) -> Value:
    """A tensor to which something is added at places of one axis."""
    if not add:
        raise UnsupportedOperation("index_put that does not add")
    axis, which = _one_of(x, numbers)
    rank, axes = len(x.shape), which.shape
    part = low.expanded(part, (*x.shape[:axis], *axes, *x.shape[axis + 1 :]))
    shape = (*x.shape, *axes)
    which = View(shape, which, lambda place: place[rank:])

    def at(place: MultiIndex) -> MultiIndex:
        return (*place[:axis], *place[rank:], *place[axis + 1 : rank])

    return _added(low, x, axis, which, View(shape, low.realize_for_reuse(part), at), len(axes))


def scatter_add(low: Lowering, x: Value, axis: int, numbers: Value, part: Value) -> Value:
    """A tensor to which each number's element is added, along an axis."""
    axis = _axis_alike(x, axis, numbers)
    shape = (*x.shape, numbers.shape[axis])
    which, part = (View(shape, low.realize_for_reuse(v), _last_at(axis)) for v in (numbers, part))
    return _added(low, x, axis, which, part, 1)


def scatter(low: Lowering, x: Value, axis: int, numbers: Value, part: Any) -> Value:
    """A tensor with one element replaced along an axis."""
    axis = _axis_alike(x, axis, numbers)
    if numbers.shape[axis] != 1:
        raise UnsupportedOperation("scatter of more than one element along an axis")
    if isinstance(part, Value):
        part = convert(views.take(part, axis, 0, 1), x.kind)
    else:
        part = Constant(part, numbers.shape, x.kind)
    values = [low.expanded(numbers, x.shape), _counted(x.shape, axis), low.expanded(part, x.shape)]
    return pointwise("select({0} == {1}, {2}, {3})", x.kind, [*values, x], x.shape)


def arg_extreme(low: Lowering, x: Value, axis: int | None = None, keepdim: bool = False) -> Value:
    """``argmax`` and ``argmin``: the first place of the largest or smallest."""
    if axis is None:
        x, axis = low.reshaped(x, (product(x.shape),)), 0
    return low.reshaped(_extreme(low, f"a{low.name[-3:]}", x, axis)[1], low.shape)


def extreme(low: Lowering, x: Value, axis: int | None = None, keepdim: bool = False) -> Any:
    """``max`` and ``min``; along an axis they have places too."""
    how = f"a{low.name}"
    if axis is None:
        x = convert(low.reshaped(x, (product(x.shape),)), "float")
        return Reduction(how, x, 1)
    found = _extreme(low, how, x, axis)
    shapes = [part.shape for part in low.node.meta["val"]]
    return [low.reshaped(part, shape) for part, shape in zip(found, shapes, strict=True)]


def cumulated(low: Lowering, x: Value, axis: int, **_: Any) -> Value:
    """``cumsum`` and ``cumprod``: over all places up to each."""
    if not x.shape:
        return x
    how = low.name.removeprefix("cum")
    x = low.realize_for_reuse(convert(x, "float" if how == "prod" else low.kind))
    axis %= len(x.shape)
    rest = Constant(how == "prod", (*x.shape, x.shape[axis]), x.kind)

    def inside(place: MultiIndex) -> str:
        return f"{place[-1]} <= {place[axis]}"

    return Reduction(how, elementwise.choose_by_place(inside, x, rest, _last_at(axis)), 1)


def _last_at(axis: int) -> Callable[[MultiIndex], MultiIndex]:
    """The last place of some, put where an axis is."""
    return lambda place: (*place[:axis], place[-1], *place[axis + 1 : -1])


def _counted(shape: Sequence[Size], axis: int, kind: str = "int") -> Value:
    """For each element its place along an axis."""
    axis %= len(shape)
    count = elementwise.counting((shape[axis],), 0, 1, kind)
    return View(shape, count, lambda place: (place[axis],))


def _where_equal(one: Value, other: Value, x: Value) -> Value:
    zero = "zero" if x.kind == "float" else "iall(0)"
    text = f"select({{0}} == {{1}}, {{2}}, {zero})"
    return pointwise(text, x.kind, [one, other, x], x.shape)


def _picked(
    low: Lowering, x: Value, axis: int, numbers: Value, at: Callable[[MultiIndex], MultiIndex]
) -> Value:
    """The elements of a tensor that have some numbers along an axis.

    ``at`` moves a place of the result, followed by that of a candidate, to one in the tensor.
    """
    shape = (*numbers.shape, x.shape[axis])
    candidates = View(shape, low.realize_for_reuse(x), at)
    numbers = views.expand(views.unsqueeze(low.realize_for_reuse(numbers), -1), shape)
    return Reduction("sum", _where_equal(numbers, _counted(shape, -1), candidates), 1)


def _added(low: Lowering, x: Value, axis: int, numbers: Value, part: Value, n_axes: int) -> Value:
    """A tensor, and the sum over the last axes of all that has a place's number."""
    part = _where_equal(numbers, _counted(part.shape, axis), part)
    return elementwise.arithmetic("add", [x, Reduction("sum", part, n_axes)], x.shape)


def _extreme(low: Lowering, how: str, x: Value, axis: int) -> tuple[Value, Value]:
    """The largest or smallest along an axis, and its first place."""
    x = low.realize_for_reuse(convert(x, "float"))
    order = [*range(len(x.shape))]
    order.append(order.pop(axis))
    x = views.permute(x, order)
    best = low.realize_for_reuse(Reduction(how, x, 1))
    text = f"select({{0}} == {{1}}, {{2}}, all({x.shape[-1]}))"
    values = [x, views.unsqueeze(best, -1), _counted(x.shape, -1, "float")]
    return best, convert(Reduction("amin", pointwise(text, "float", values, x.shape), 1), "int")


def _one_of(x: Value, numbers: Sequence[Value | None]) -> tuple[int, Value]:
    """The axis that has numbers, and these, counted from its beginning."""
    given = [(axis, which) for axis, which in enumerate(numbers) if which is not None]
    if len(given) != 1 or given[0][1].kind != "int":
        raise UnsupportedOperation("elements by the numbers of several axes, or by truths")
    ((axis, which),) = given
    text = f"select({{0}} < 0, {{0}} + (int)({x.shape[axis]}), {{0}})"
    return axis, pointwise(text, "int", [which], which.shape)


def _axis_alike(x: Value, axis: int, numbers: Value) -> int:
    """An axis, but for which a tensor and its numbers are of one shape."""
    axis %= max(1, len(x.shape))
    others = [[s for a, s in enumerate(v.shape) if a != axis] for v in (x, numbers)]
    if others[0] != others[1] or not x.shape:
        raise UnsupportedOperation("scatter into a part of a tensor")
    return axis
