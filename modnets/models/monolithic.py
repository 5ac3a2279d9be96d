"""Monolithic networks: a multi-layer perceptron or a convolutional network, dense or sparse."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modnets.checked import checked
from modnets.errors import require

#: From this side of an image on kernels are 5 x 5; on smaller ones 3 x 3 with a border of zeros.
LARGE_SIDE = 16


class Monolithic(nn.Module):
    """Layers one after the other, of whose weights a random mask may keep some at zero.

    Parameters
    ----------
    layers : sequence of nn.Linear or nn.Conv2d
    pruning_ratio : float, in [0, 100), percent
        Share of all weights that a random mask, fixed at the start, keeps at zero.  The threshold
        is one for the whole network; a unit left without inputs loses its bias too.

    Raises
    ------
    ValueError
        If the ratio is outside [0, 100).
    """

    def __init__(self, layers: Sequence[nn.Module], pruning_ratio: float = 0.0) -> None:
        super().__init__()
        require(
            0 <= pruning_ratio < 100,
            f"pruning_ratio={pruning_ratio}; allowed is in [0, 100), in percent",
        )
        self.layers = nn.ModuleList(layers)
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
        for number, part in enumerate(keep.split(sizes)):
            weight_mask = part.reshape(self.layers[number].weight.shape)
            self.register_buffer(f"weight_mask_{number}", weight_mask)
            self.register_buffer(f"bias_mask_{number}", weight_mask.flatten(1).amax(dim=1))

    def weights(self, number: int) -> tuple[Tensor, Tensor]:
        """Weight, shape (out, in, ...), and bias, shape (out,), of a layer as it is used."""
        layer = self.layers[number]
        if not self.sparse:
            return layer.weight, layer.bias
        mask = self.get_buffer(f"weight_mask_{number}")
        return layer.weight * mask, layer.bias * self.get_buffer(f"bias_mask_{number}")

    def _linear(self, x: Tensor, first: int = 0) -> Tensor:
        """The linear layers from one on, with ReLU between them; shape (row, unit)."""
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
    """Side of the kernels, and width of the border of zeros, for images of a side."""
    return (5, 0) if side >= LARGE_SIDE else (3, 1)


def sides(side: int, channels: Sequence[int]) -> list[int]:
    """Side of an image at first, and after each convolution and halving.

    Raises
    ------
    ValueError
        If an image cannot be halved so often.
    """
    kernel, border = kernel_of(side)
    found = [side]
    for number in range(1, len(channels) + 1):
        left = found[-1] + 2 * border - kernel + 1
        require(
            left >= 2 and left % 2 == 0,
            f"channels={tuple(channels)}: after convolution {number} an image of "
            f"{side} x {side} has a side of {left}; allowed is an even number",
        )
        found.append(left // 2)
    return found


class CNN(Monolithic):
    """Convolutions, each with ReLU and the maximum of 2 x 2 neighbours, then linear layers.

    Kernels are 5 x 5 without a border, as on the 28 x 28 images of the paper; on images too small
    for them 3 x 3 with a border of zeros.

    Parameters
    ----------
    side : int
        Pixels along each side of an image.
    channels : sequence of int
        Images side by side in a row, then channels of each convolution.
    widths : sequence of int
        Units of the linear layers, without what they read.
    pruning_ratio : float, in [0, 100), percent
        See Monolithic.

    Raises
    ------
    ValueError
        If an image cannot be halved so often.
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
        kernel, self.border = kernel_of(side)
        layers: list[nn.Module] = [
            nn.Conv2d(n_in, n_out, kernel, padding=self.border)
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
            x = F.relu(F.conv2d(x, *self.weights(number), padding=self.border))
            half = x.shape[-1] // 2
            x = x.unflatten(3, (half, 2)).unflatten(2, (half, 2)).amax(dim=(3, 5))
        return self._linear(x.flatten(1), self.n_convolutions)
