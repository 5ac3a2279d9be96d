"""Views: the elements of a tensor, seen at other indices."""

from __future__ import annotations

from collections.abc import Sequence

from modnets.compiler.ir import Buffer, Value, View
from modnets.compiler.symbolic import Index, Modulo, MultiIndex, Size, known, product


def expand(value: Value, shape: Sequence[Size]) -> Value:
    """Broadcast to a shape, by the usual rules."""
    shape = tuple(shape)
    if value.shape == shape:
        return value
    new = len(shape) - len(value.shape)
    stretched = [
        small == 1 and large != 1 for small, large in zip(value.shape, shape[new:], strict=True)
    ]

    def reindex(element: MultiIndex) -> MultiIndex:
        return tuple(
            Index() if flat else index for flat, index in zip(stretched, element[new:], strict=True)
        )

    return View(shape, value, reindex)


def permute(value: Value, order: Sequence[int]) -> Value:
    """Axes in another order."""
    order = [axis % len(order) for axis in order]
    if order == sorted(order):
        return value

    def reindex(element: MultiIndex) -> MultiIndex:
        return tuple(element[order.index(axis)] for axis in range(len(order)))

    return View([value.shape[axis] for axis in order], value, reindex)


def unsqueeze(value: Value, axis: int) -> Value:
    """A new axis of size 1."""
    axis %= len(value.shape) + 1
    shape = (*value.shape[:axis], 1, *value.shape[axis:])
    return View(shape, value, lambda element: (*element[:axis], *element[axis + 1 :]))


def squeeze(value: Value, axes: Sequence[int]) -> Value:
    """Without axes of size 1."""
    gone = {axis % len(value.shape) for axis in axes} if value.shape else set()
    gone = {axis for axis in gone if value.shape[axis] == 1}
    kept = [axis for axis in range(len(value.shape)) if axis not in gone]

    def reindex(element: MultiIndex) -> MultiIndex:
        here = iter(element)
        return tuple(Index() if axis in gone else next(here) for axis in range(len(value.shape)))

    return View([value.shape[axis] for axis in kept], value, reindex)


def normalized_start(start: Size | None, size: Size) -> Size:
    """Where a slice of an axis begins; an index below 0 counts from its end."""
    start = 0 if start is None else start
    if not known(start):
        return start
    if start < 0:
        return max(0, size + start) if known(size) else size + start
    return min(start, size) if known(size) else start


def select(value: Value, axis: int, position: Size) -> Value:
    """One index of an axis, which goes."""
    axis %= len(value.shape)
    index = Index(constant=normalized_start(position, value.shape[axis]))
    shape = (*value.shape[:axis], *value.shape[axis + 1 :])
    return View(shape, value, lambda element: (*element[:axis], index, *element[axis:]))


def slice_axis(value: Value, axis: int, start: Size, size: Size, step: int = 1) -> Value:
    """A slice of an axis."""
    axis %= len(value.shape)
    if start == 0 and size == value.shape[axis] and step == 1:
        return value
    shape = (*value.shape[:axis], size, *value.shape[axis + 1 :])

    def reindex(element: MultiIndex) -> MultiIndex:
        return (*element[:axis], element[axis] * step + start, *element[axis + 1 :])

    return View(shape, value, reindex)


def repeat(value: Value, times: Sequence[int]) -> Value:
    """Several times along each axis, also along new ones in front."""
    new = len(times) - len(value.shape)
    sizes = (*[1] * new, *value.shape)

    def reindex(element: MultiIndex) -> MultiIndex:
        pairs = zip(element[new:], value.shape, strict=True)
        return tuple(Index.of(Modulo(index, size)) for index, size in pairs)

    return View([size * n for size, n in zip(sizes, times, strict=True)], value, reindex)


def windows(value: Value, axis: int, size: int, step: int) -> Value:
    """Windows of an axis that overlap; the index within one is a new last axis."""
    axis %= len(value.shape)
    count = (value.shape[axis] - size) // step + 1
    shape = (*value.shape[:axis], count, *value.shape[axis + 1 :], size)

    def reindex(element: MultiIndex) -> MultiIndex:
        return (*element[:axis], element[axis] * step + element[-1], *element[axis + 1 : -1])

    return View(shape, value, reindex)


def flip(value: Value, axes: Sequence[int]) -> Value:
    """Axes backwards."""
    flipped = {axis % len(value.shape) for axis in axes}

    def reindex(element: MultiIndex) -> MultiIndex:
        return tuple(
            index * -1 + (size - 1) if axis in flipped else index
            for axis, (index, size) in enumerate(zip(element, value.shape, strict=True))
        )

    return View(value.shape, value, reindex)


def reshape(value: Value, shape: Sequence[Size]) -> Value | None:
    """The same elements in another shape.

    None if axes would have to be merged, which only a tensor in memory allows.
    """
    shape = tuple(shape)
    if shape == value.shape:
        return value
    if isinstance(value, Buffer):
        return value.reshaped(shape)
    groups = _split_groups(value.shape, shape)
    if groups is None:
        return None

    def reindex(element: MultiIndex) -> MultiIndex:
        indices = []
        for axes in groups:
            index, stride = Index(), 1
            for axis in reversed(axes):
                index = index + element[axis] * stride
                stride = stride * shape[axis]
            indices.append(index)
        return tuple(indices)

    return View(shape, value, reindex)


def merged(value: Value, shape: Sequence[Size], apart: int) -> Value | None:
    """The same elements in a shape that merges axes, each found by division.

    None if the shape does not only merge axes, or merges the one that has to stay apart.
    """
    groups = _split_groups(shape, value.shape)
    if groups is None or [apart] not in groups:
        return None
    if not all(known(value.shape[axis]) for axes in groups if len(axes) > 1 for axis in axes):
        return None

    def reindex(element: MultiIndex) -> MultiIndex:
        indices = dict.fromkeys(range(len(value.shape)), Index())
        for index, axes in zip(element, groups, strict=True):
            inner = 1
            for axis in reversed(axes):
                size = value.shape[axis]
                first, last = axis == axes[0], inner == 1
                within = index if first else Index.of(Modulo(index, inner * size))
                indices[axis] = within if last else within.clipped(0, size, inner)
                inner = inner * size
        return tuple(indices[axis] for axis in range(len(value.shape)))

    return View(shape, value, reindex)


def _split_groups(old: Sequence[Size], new: Sequence[Size]) -> list[list[int]] | None:
    """For each old axis the new axes that it is split into; None if some were merged."""
    groups, axis = [], 0
    for size in old:
        group: list[int] = []
        while product([new[a] for a in group]) != size:
            if axis == len(new):
                return None
            group.append(axis)
            axis += 1
            if len(group) > len(new):
                return None
        groups.append(group)
    rest = range(axis, len(new))
    return groups if all(new[a] == 1 for a in rest) else None
