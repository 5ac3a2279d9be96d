"""Convolutions over the last two axes, as sums over windows of an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from modnets.compiler import elementwise, views
from modnets.compiler.elementwise import UnsupportedOperation
from modnets.compiler.ir import Reduction, Value
from modnets.compiler.symbolic import MultiIndex, Size

if TYPE_CHECKING:
    from modnets.compiler.lowering import Lowering


def convolution(low: Lowering, x: Value, weight: Value, bias: Value | None, *how: Any) -> Value:
    """``convolution`` of images, shape (row, channel, y, x), with kernels that move by one."""
    padding = _padding(*how)
    kernel = weight.shape[2:]
    found = _correlated(low, x, weight, kernel, padding)
    if bias is None:
        return found
    bias = views.unsqueeze(views.unsqueeze(bias, -1), -1)
    return elementwise.arithmetic("add", [low.expanded(bias, low.shape), found], low.shape)


def convolution_backward(
    low: Lowering, grads: Value, x: Value, weight: Value, _: Any, *how: Any
) -> list[Value | None]:
    """Gradients by the images, the kernels and the bias, where they are asked for."""
    *how, wanted = how
    padding, kernel = _padding(*how), weight.shape[2:]
    grads = low.realize_for_reuse(grads)
    found: list[Value | None] = [None, None, None]
    if wanted[0]:
        turned = low.realize_for_reuse(views.permute(views.flip(weight, [2, 3]), [1, 0, 2, 3]))
        back = [size - 1 - pad for size, pad in zip(kernel, padding, strict=True)]
        found[0] = _correlated(low, grads, turned, kernel, back)
    if wanted[1]:
        seen = _windows(low, x, grads.shape[2:], padding)  # (row, channel, i, j, y, x)
        seen = views.unsqueeze(views.permute(seen, [1, 2, 3, 0, 4, 5]), 0)
        each = views.permute(grads, [1, 0, 2, 3])  # (out, row, y, x)
        for _ in range(3):
            each = views.unsqueeze(each, 1)
        found[1] = _products(seen, each, 3)
    if wanted[2]:
        found[2] = Reduction("sum", views.permute(grads, [1, 0, 2, 3]), 3)
    return found


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


def _windows(low: Lowering, x: Value, size: Sequence[Size], padding: Sequence[int]) -> Value:
    """Windows of an image with a border of zeros, shape (row, channel, y, x, *size)."""
    x = low.realize_for_reuse(_bordered(low, x, padding) if any(padding) else x)
    return views.windows(views.windows(x, 2, size[0], 1), 3, size[1], 1)


def _bordered(low: Lowering, x: Value, padding: Sequence[int]) -> Value:
    """An image, shape (row, channel, y, x), with a border of zeros."""
    sizes = [size + 2 * pad for size, pad in zip(x.shape[2:], padding, strict=True)]
    around = elementwise.Constant(0, (*x.shape[:2], *sizes), x.kind)

    def inside(place: MultiIndex) -> str:
        ends = zip(place[2:], padding, x.shape[2:], strict=True)
        return " && ".join(
            elementwise.bounds_condition(index, pad, pad + size) for index, pad, size in ends
        )

    def move(place: MultiIndex) -> MultiIndex:
        ends = zip(place[2:], padding, x.shape[2:], strict=True)
        return (*place[:2], *(index.clipped(pad, size) for index, pad, size in ends))

    return elementwise.choose_by_place(inside, low.realize_for_reuse(x), around, move)


def _correlated(
    low: Lowering, x: Value, weight: Value, kernel: Sequence[Size], padding: Sequence[int]
) -> Value:
    """Each kernel, shape (out, in, i, j), laid on each window; shape (row, out, y, x)."""
    seen = _windows(low, x, kernel, padding)  # (row, in, y, x, i, j)
    seen = views.unsqueeze(views.permute(seen, [0, 2, 3, 1, 4, 5]), 1)
    weight = low.realize_for_reuse(weight)
    return _products(seen, views.unsqueeze(views.unsqueeze(weight, 1), 1), 3)


def _products(one: Value, other: Value, n_axes: int) -> Value:
    """The sum of products over the last axes."""
    sizes = zip(one.shape[::-1], other.shape[::-1], strict=False)
    shape = [b if a == 1 else a for a, b in sizes][::-1]
    longer = one if len(one.shape) > len(other.shape) else other
    shape = [*longer.shape[: len(longer.shape) - len(shape)], *shape]
    values = [views.expand(one, shape), views.expand(other, shape)]
    return Reduction("sum", elementwise.arithmetic("mul", values, shape), n_axes)
