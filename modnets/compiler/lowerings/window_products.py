"""Convolutions of one replica as matrix products whose rows are the windows of an image.

No window is copied: where an element lies is a sum of where its window begins and of its place in
it, which is all that ``matmul.h`` asks for.  Channels lie side by side in what is written here, so
that vectors go over them.
"""

from __future__ import annotations

from collections.abc import Sequence

from modnets.compiler import views
from modnets.compiler.ir import Buffer, Constant, Value
from modnets.compiler.lowerings.registry import Memory
from modnets.compiler.products import is_worthwhile
from modnets.compiler.symbolic import Size, product

#: Axes of images, shape (row, channel, y, x), with the channels last.
CHANNELS_LAST = (0, 2, 3, 1)


def are_worthwhile(memory: Memory, result: Sequence[Size], weight: Value) -> bool:
    """Whether products of their own are worth it, for images of a shape that kernels give."""
    places = product([result[0], *result[2:]])
    inner = product(weight.shape[1:])
    return memory.products and is_worthwhile(places, inner, weight.shape[0])


def bordered(memory: Memory, x: Value, padding: Sequence[int]) -> Value:
    """Images in memory, with a border of zeros."""
    x = memory.realize(x) if x.cost or x.reduces else x
    if not any(padding):
        return x
    return memory.once(x, tuple(padding), lambda: _bordered(memory, x, padding))


def _bordered(memory: Memory, x: Value, padding: Sequence[int]) -> Value:
    sizes = [size + 2 * pad for size, pad in zip(x.shape[2:], padding, strict=True)]
    whole = _zeros(memory, (*x.shape[:2], *sizes))
    inside = whole
    for axis, pad in zip((2, 3), padding, strict=True):
        inside = inside.slice(axis, pad, x.shape[axis])
    memory.realize_into(x, inside)
    return whole


def correlated(memory: Memory, x: Value, weight: Value) -> Value:
    """Each kernel, shape (out, in, i, j), laid on each window; shape (row, out, y, x)."""
    windows = _windows(x, weight.shape[2:])  # (row, y, x, in, i, j)
    kernels = views.permute(weight, [1, 2, 3, 0])
    n_out = weight.shape[0]
    shape = (windows.shape[0], n_out, *windows.shape[1:3])
    result = memory.allocate(shape, "float", CHANNELS_LAST)
    target = _arranged(result, CHANNELS_LAST)
    memory.multiply_into(_single(windows), _single(kernels), _batch_of_one(target))
    return result


def by_kernels(memory: Memory, x: Value, grads: Value) -> Value:
    """The gradient by the kernels, shape (out, in, i, j)."""
    size = [a - b + 1 for a, b in zip(x.shape[2:], grads.shape[2:], strict=True)]
    windows = views.permute(_windows(x, size), [3, 4, 5, 0, 1, 2])  # (in, i, j, row, y, x)
    shape = (grads.shape[1], *windows.shape[:3])
    result = memory.allocate(shape, "float", (1, 2, 3, 0))
    grads = views.permute(grads, CHANNELS_LAST)
    target = _arranged(result, (1, 2, 3, 0))
    memory.multiply_into(_single(windows), _single(grads), _batch_of_one(target))
    return result


def by_images(memory: Memory, grads: Value, weight: Value, padding: Sequence[int]) -> Value:
    """The gradient by the images: what each place gives back, added where its window lies.

    For each row of the kernels a product, whose results are added to a row of all windows.  Windows
    side by side overlap, so that the product first goes down an image; images do not overlap, so
    that threads can share them.
    """
    n_rows, _, height, width = grads.shape
    n_in, *kernel = weight.shape[1:]
    sizes = [a + b - 1 for a, b in zip((height, width), kernel, strict=True)]
    whole = _zeros(memory, (n_rows, n_in, *sizes))
    row, channel, down, right = whole.strides
    shape = (kernel[0], n_rows, width, height, kernel[1] * n_in)
    target = Buffer(whole.name, shape, strides=(down, row, right, down, channel))
    kernels = memory.allocate(weight.shape, "float", (0, 2, 3, 1))
    memory.realize_into(weight, kernels)
    kernels = _arranged(kernels, (2, 0, 3, 1))  # (i, out, j, in)
    flat = kernels.reshaped((*kernels.shape[:2], kernel[1] * n_in))
    assert flat is not None  # there are no gaps
    each = views.unsqueeze(views.permute(grads, [0, 3, 2, 1]), 0)
    each = views.expand(each, (kernel[0], *each.shape[1:]))
    memory.multiply_into(each, flat, target, add=True)
    inside: Value = whole
    for axis, pad in zip((2, 3), padding, strict=True):
        inside = views.slice_axis(inside, axis, pad, whole.shape[axis] - 2 * pad)
    return inside


def _windows(x: Value, size: Sequence[Size]) -> Value:
    """Windows of images, shape (row, y, x, channel, *size)."""
    windows = views.windows(views.windows(x, 2, size[0], 1), 3, size[1], 1)
    return views.permute(windows, [0, 2, 3, 1, 4, 5])


def _zeros(memory: Memory, shape: Sequence[Size]) -> Buffer:
    """Images of zeros in memory."""
    zeros = memory.allocate(shape, "float", CHANNELS_LAST)
    return memory.realize_into(Constant(0, shape, "float"), zeros)


def _single(value: Value) -> Value:
    """A batch of one."""
    return views.unsqueeze(value, 0)


def _arranged(buffer: Buffer, order: Sequence[int]) -> Buffer:
    """A buffer with its axes in another order."""
    shape, strides = ([one[axis] for axis in order] for one in (buffer.shape, buffer.strides))
    return Buffer(buffer.name, shape, buffer.kind, buffer.offset, strides=strides)


def _batch_of_one(buffer: Buffer) -> Buffer:
    strides = (0, *buffer.strides)
    return Buffer(buffer.name, (1, *buffer.shape), buffer.kind, buffer.offset, strides=strides)
