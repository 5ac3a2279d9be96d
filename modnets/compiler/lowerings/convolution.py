"""Rules for convolutions over the last two axes, as sums over windows of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modnets.compiler import views
from modnets.compiler.elementwise import arithmetic
from modnets.compiler.ir import Constant, Reduction, UnsupportedOperation, Value, WhereIndex
from modnets.compiler.lowerings import window_products
from modnets.compiler.lowerings.registry import Context, lowers
from modnets.compiler.symbolic import InBounds, IndexTest, MultiIndex, Size


@lowers("convolution")
def _convolution(ctx: Context, x: Value, weight: Value, bias: Value | None, *how: Any) -> Value:
    """Of images, shape (row, channel, y, x), with kernels that move by one."""
    padding = _padding(*how)
    if window_products.are_worthwhile(ctx.memory, ctx.shape, weight):
        bordered = window_products.bordered(ctx.memory, x, padding)
        correlated = window_products.correlated(ctx.memory, bordered, weight)
    else:
        correlated = _correlated(ctx, x, weight, weight.shape[2:], padding)
    if bias is None:
        return correlated
    bias = views.unsqueeze(views.unsqueeze(bias, -1), -1)
    return arithmetic("add", [ctx.expand(bias, ctx.shape), correlated], ctx.shape)


@lowers("convolution_backward")
def _convolution_backward(
    ctx: Context, grads: Value, x: Value, weight: Value, _: Any, *how: Any
) -> list[Value | None]:
    """Gradients by the images, the kernels and the bias, where they are asked for."""
    *geometry, wanted = how
    padding, kernel = _padding(*geometry), weight.shape[2:]
    grads = ctx.realize_for_reuse(grads)
    gradients: list[Value | None] = [None, None, None]
    products = window_products.are_worthwhile(ctx.memory, grads.shape, weight)
    if wanted[0] and products:
        gradients[0] = window_products.by_images(ctx.memory, grads, weight, padding)
    elif wanted[0]:
        flipped = ctx.realize_for_reuse(views.permute(views.flip(weight, [2, 3]), [1, 0, 2, 3]))
        back = [size - 1 - pad for size, pad in zip(kernel, padding, strict=True)]
        gradients[0] = _correlated(ctx, grads, flipped, kernel, back)
    if wanted[1] and products:
        bordered = window_products.bordered(ctx.memory, x, padding)
        gradients[1] = window_products.by_kernels(ctx.memory, bordered, grads)
    elif wanted[1]:
        windows = _windows(ctx, x, grads.shape[2:], padding)  # (row, channel, i, j, y, x)
        windows = views.unsqueeze(views.permute(windows, [1, 2, 3, 0, 4, 5]), 0)
        each = views.permute(grads, [1, 0, 2, 3])  # (out, row, y, x)
        for _ in range(3):
            each = views.unsqueeze(each, 1)
        gradients[1] = _products(windows, each, 3)
    if wanted[2]:
        gradients[2] = Reduction("sum", views.permute(grads, [1, 0, 2, 3]), 3)
    return gradients


def _padding(
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Sequence[int]:
    plain = set(stride) == set(dilation) == {1} and not transposed and groups == 1
    if not plain or len(padding) != 2:
        raise UnsupportedOperation("a convolution with steps, gaps or groups, or not of images")
    return padding


def _windows(ctx: Context, x: Value, size: Sequence[Size], padding: Sequence[int]) -> Value:
    """Windows of an image with a border of zeros, shape (row, channel, y, x, *size)."""
    x = ctx.realize_for_reuse(_bordered(ctx, x, padding) if any(padding) else x)
    return views.windows(views.windows(x, 2, size[0], 1), 3, size[1], 1)


def _bordered(ctx: Context, x: Value, padding: Sequence[int]) -> Value:
    """An image, shape (row, channel, y, x), with a border of zeros."""
    sizes = [size + 2 * pad for size, pad in zip(x.shape[2:], padding, strict=True)]
    around = Constant(0, (*x.shape[:2], *sizes), x.kind)

    def tests(element: MultiIndex) -> tuple[IndexTest, ...]:
        ends = zip(element[2:], padding, x.shape[2:], strict=True)
        return tuple(InBounds(index, pad, pad + size) for index, pad, size in ends)

    def reindex(element: MultiIndex) -> MultiIndex:
        ends = zip(element[2:], padding, x.shape[2:], strict=True)
        return (*element[:2], *(index.clipped(pad, size) for index, pad, size in ends))

    return WhereIndex(tests, ctx.realize_for_reuse(x), around, reindex)


def _correlated(
    ctx: Context, x: Value, weight: Value, kernel: Sequence[Size], padding: Sequence[int]
) -> Value:
    """Each kernel, shape (out, in, i, j), laid on each window; shape (row, out, y, x)."""
    windows = _windows(ctx, x, kernel, padding)  # (row, in, y, x, i, j)
    windows = views.unsqueeze(views.permute(windows, [0, 2, 3, 1, 4, 5]), 1)
    weight = ctx.realize_for_reuse(weight)
    return _products(windows, views.unsqueeze(views.unsqueeze(weight, 1), 1), 3)


def _products(one: Value, other: Value, n_axes: int) -> Value:
    """The sum of products over the last axes."""
    sizes = zip(one.shape[::-1], other.shape[::-1], strict=False)
    shape = [b if a == 1 else a for a, b in sizes][::-1]
    longer = one if len(one.shape) > len(other.shape) else other
    shape = [*longer.shape[: len(longer.shape) - len(shape)], *shape]
    values = [views.expand(one, shape), views.expand(other, shape)]
    return Reduction("sum", arithmetic("mul", values, shape), n_axes)
