"""Monolithic networks: a multi-layer perceptron, dense or randomly sparse."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modnets.errors import require


class MLP(nn.Module):
    """Linear layers with ReLU between them.

    Parameters
    ----------
    widths : sequence of int
        Units of each layer, from input to output.
    pruning_ratio : float, in [0, 100), percent
        Share of all weights that a random mask, fixed at the start, keeps at zero.  The threshold
        is one for the whole network; a unit left without inputs loses its bias too.

    Raises
    ------
    ValueError
        If the ratio is outside [0, 100).
    """

    def __init__(self, widths: Sequence[int], pruning_ratio: float = 0.0) -> None:
        super().__init__()
        require(
            0 <= pruning_ratio < 100,
            f"pruning_ratio={pruning_ratio}; allowed is in [0, 100), in percent",
        )
        self.widths = tuple(widths)
        self.layers = nn.ModuleList(nn.Linear(n_in, n_out) for n_in, n_out in pairwise(widths))
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
            self.register_buffer(f"bias_mask_{number}", weight_mask.amax(dim=1))

    def weights(self, number: int) -> tuple[Tensor, Tensor]:
        """Weight, shape (out, in), and bias, shape (out,), of a layer as the network uses them."""
        layer = self.layers[number]
        if not self.sparse:
            return layer.weight, layer.bias
        mask = self.get_buffer(f"weight_mask_{number}")
        return layer.weight * mask, layer.bias * self.get_buffer(f"bias_mask_{number}")

    def forward(self, x: Tensor) -> Tensor:
        """Logits, shape (row, output), for inputs of shape (row, input)."""
        for number in range(len(self.layers)):
            x = F.linear(x if number == 0 else F.relu(x), *self.weights(number))
        return x
