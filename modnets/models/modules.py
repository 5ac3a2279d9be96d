"""The modules of a modular network: small MLPs of one shape, their weights stacked.

Values have shape (source, row), of signals of several channels (channel, source, row).  Products
are written as multiply and sum: matrices of 2 x 12 are too small for a library's matrix products,
and a compiler turns the sums into loops.  What slots read of many sources is a matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modnets.models.hard_choices import FEW_CANDIDATES

#: Weight and bias of each layer.
Layers = list[tuple[Tensor, Tensor]]


class Modules(nn.Module):
    """Small MLPs of one shape, their weights stacked.

    Parameters
    ----------
    count : int
        Number of modules.
    arch : sequence of int
        Units of each layer, as in ``(2, 12, 1)``.
    """

    def __init__(self, count: int, arch: Sequence[int]) -> None:
        super().__init__()
        self.count, self.arch = count, tuple(arch)
        self.weight, self.bias = map(nn.ParameterList, zip(*empty_layers(count, arch), strict=True))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weights and biases anew, from the same distribution as nn.Linear."""
        draw(self.layers())

    def layers(self) -> Layers:
        """Weight, shape (module, out, in), and bias, shape (module, out), of each layer."""
        return list(zip(self.weight, self.bias, strict=True))

    def layers_of(self, choice: Tensor) -> Layers:
        """The layers of the module of each slot, by a one-hot choice of shape (slot, module)."""
        return [
            ((choice[..., None, None] * weight).sum(dim=1), (choice[..., None] * bias).sum(dim=1))
            for weight, bias in self.layers()
        ]


def empty_layers(count: int, arch: Sequence[int]) -> Layers:
    """Weights and biases of so many modules, not yet drawn."""
    return [
        (torch.empty(count, n_out, n_in), torch.empty(count, n_out))
        for n_in, n_out in pairwise(arch)
    ]


@torch.no_grad()
def draw(layers: Layers) -> Layers:
    """Draw weights and biases in place, from the same distribution as nn.Linear."""
    for weight, bias in layers:
        bound = weight.shape[-1] ** -0.5
        weight.uniform_(-bound, bound)
        bias.uniform_(-bound, bound)
    return layers


def compute(layers: Layers, x: Tensor) -> Tensor:
    """The output of modules.

    Parameters
    ----------
    layers : list of (weight, shape (module, out, in), and bias, shape (module, out))
    x : Tensor, shape (..., module or 1, in, row)
        Inputs that it lacks at the end are zero: the first level reads channel 0 alone.

    Returns
    -------
    Tensor, shape (..., module, row); of modules with several outputs (channel, ..., module, row)
    """
    for number, (weight, bias) in enumerate(layers):
        x = x if number == 0 else F.relu(x)
        read_by = weight if x.shape[-2] == weight.shape[-1] else weight[..., : x.shape[-2]]
        x = (read_by[..., None] * x[..., None, :, :]).sum(dim=-2) + bias[..., None]
    return x[..., 0, :] if x.shape[-2] == 1 else x.movedim(-2, 0)


def read(choice: Tensor, values: Tensor) -> Tensor:
    """The inputs of each slot.

    Parameters
    ----------
    choice : Tensor, shape (slot, position, source, row or 1)
    values : Tensor, shape ([channel], source, row)

    Returns
    -------
    Tensor, shape (slot, [channel x] position, row)
    """

    def read_one(values: Tensor) -> Tensor:
        if choice.shape[2] > FEW_CANDIDATES and choice.shape[3] == 1:
            return (choice.flatten(0, 1)[..., 0] @ values).unflatten(0, choice.shape[:2])
        return (choice * values).sum(dim=2)

    return of_channels(read_one, values)


def of_channels(read_one: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """What is read of each channel, shape (slot, position, row), one after the other in axis 1."""
    if values.dim() == 2:
        return read_one(values)
    return torch.cat([read_one(channel) for channel in values], dim=1)
