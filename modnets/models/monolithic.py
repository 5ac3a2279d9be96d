"""Monolithic networks: a multi-layer perceptron or a convolutional network, dense or sparse."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modnets.checked import checked
from modnets.errors import require

#: Smallest side of an image, in pixels, for kernels of 5 x 5 without padding; smaller images have
#: kernels of 3 x 3 with zero padding.
LARGE_SIDE = 16


class Monolithic(nn.Module):
    """Layers in sequence; a random mask may keep some of their weights at zero.

    Parameters
    ----------
    layers : sequence of nn.Linear or nn.Conv2d
    pruning_ratio : float, in [0, 100), percent
        Share of all weights of the network that a random mask, fixed at initialisation, keeps at
        zero; a unit without inputs loses its bias too.

    Raises
    ------
    ValueError
        If the ratio is outside [0, 100).
    """

    layers: Sequence[nn.Linear | nn.Conv2d]  # an nn.ModuleList

    def __init__(self, layers: Sequence[nn.Linear | nn.Conv2d], pruning_ratio: float = 0.0) -> None:
        super().__init__()
        require(
            0 <= pruning_ratio < 100,
            f"pruning_ratio={pruning_ratio}; allowed is in [0, 100), in percent",
        )
        self.layers = cast("Sequence[nn.Linear | nn.Conv2d]", nn.ModuleList(layers))
        self.sparse = pruning_ratio > 0
        self.pruning_ratio = pruning_ratio
        self._draw_mask()

    def reset_parameters(self) -> None:
        """Draw weights, biases and the mask anew, in the order in which they were drawn first."""
        for layer in self.layers:
            layer.reset_parameters()
        self._draw_mask()

    def _draw_mask(self) -> None:
        if not self.sparse:
            return
        sizes = [layer.weight.numel() for layer in self.layers]
        n_pruned = round(sum(sizes) * self.pruning_ratio / 100)
        keep = torch.ones(sum(sizes))
        keep[torch.randperm(sum(sizes))[:n_pruned]] = 0.0
        for number, mask in enumerate(keep.split(sizes)):
            weight_mask = mask.reshape(self.layers[number].weight.shape)
            self.register_buffer(f"weight_mask_{number}", weight_mask)
            self.register_buffer(f"bias_mask_{number}", weight_mask.flatten(1).amax(dim=1))

    def weights(self, number: int) -> tuple[Tensor, Tensor]:
        """Weight, shape (out, in, ...), and bias, shape (out,), of a layer, with its mask."""
        layer = self.layers[number]
        weight, bias = layer.weight, layer.bias
        assert bias is not None
        if not self.sparse:
            return weight, bias
        mask = self.get_buffer(f"weight_mask_{number}")
        return weight * mask, bias * self.get_buffer(f"bias_mask_{number}")

    def _linear(self, x: Tensor, first: int = 0) -> Tensor:
        """The linear layers from layer ``first`` on, with ReLU between them; shape (row, unit)."""
        for number in range(first, len(self.layers)):
            x = F.linear(x if number == first else F.relu(x), *self.weights(number))
        return x


class MLP(Monolithic):
    """Linear layers with ReLU between them.

    Parameters
    ----------
    widths : sequence of int
        Units of each layer, from input to output.
    pruning_ratio : float, in [0, 100), percent
        See Monolithic.
    """

    @checked
    def __init__(self, widths: Sequence[int], pruning_ratio: float = 0.0) -> None:
        layers = [nn.Linear(n_in, n_out) for n_in, n_out in pairwise(widths)]
        super().__init__(layers, pruning_ratio)
        self.widths = tuple(widths)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (row, output), for inputs of shape (row, input)."""
        return self._linear(x)


def kernel_of(side: int) -> tuple[int, int]:
    """Side of the kernels, and width of the zero padding, for images of a side, in pixels."""
    return (5, 0) if side >= LARGE_SIDE else (3, 1)


def sides(side: int, channels: Sequence[int]) -> list[int]:
    """Side of an image, in pixels, before and after each convolution with pooling.

    Raises
    ------
    ValueError
        If a side is odd before pooling.
    """
    kernel, padding = kernel_of(side)
    result = [side]
    for number in range(1, len(channels) + 1):
        after = result[-1] + 2 * padding - kernel + 1
        require(
            after >= 2 and after % 2 == 0,
            f"channels={tuple(channels)}: after convolution {number} an image of "
            f"{side} x {side} has a side of {after}; allowed is an even number",
        )
        result.append(after // 2)
    return result


class CNN(Monolithic):
    """Convolutions, each with ReLU and 2 x 2 max pooling, then linear layers.

    Kernels are 5 x 5 without padding, as on the 28 x 28 images of the paper; on smaller images
    3 x 3 with zero padding.

    Parameters
    ----------
    side : int
        Pixels along each side of an image.
    channels : sequence of int
        Images in a row, then channels of each convolution.
    widths : sequence of int
        Units of the linear layers, without their inputs.
    pruning_ratio : float, in [0, 100), percent
        See Monolithic.

    Raises
    ------
    ValueError
        If a side is odd before pooling.
    """

    @checked
    def __init__(
        self,
        side: int,
        channels: Sequence[int],
        widths: Sequence[int],
        pruning_ratio: float = 0.0,
    ) -> None:
        self.image_shape = (channels[0], side, side)
        kernel, self.padding = kernel_of(side)
        layers: list[nn.Linear | nn.Conv2d] = [
            nn.Conv2d(n_in, n_out, kernel, padding=self.padding)
            for n_in, n_out in pairwise(channels)
        ]
        self.n_convolutions = len(layers)
        units = (channels[-1] * sides(side, channels[1:])[-1] ** 2, *widths)
        layers += [nn.Linear(n_in, n_out) for n_in, n_out in pairwise(units)]
        super().__init__(layers, pruning_ratio)

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (row, output), for pixels of shape (row, image x side x side)."""
        x = x.unflatten(1, self.image_shape)
        for number in range(self.n_convolutions):
            x = F.relu(F.conv2d(x, *self.weights(number), padding=self.padding))
            half = x.shape[-1] // 2
            x = x.unflatten(3, (half, 2)).unflatten(2, (half, 2)).amax(dim=(3, 5))
        return self._linear(x.flatten(1), self.n_convolutions)
