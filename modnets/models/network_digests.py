"""What a network holds: shapes, dtypes, and digests of its parameters, buffers and attributes."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from modnets.models.object_hasher import ObjectHasher, attribute_value

#: Attributes that nn.Module itself sets.
INTERNAL = ("training", "_parameters", "_buffers", "_modules", "_is_full_backward_hook")


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shape of each parameter and buffer."""
    named = [*network.named_parameters(), *network.named_buffers()]
    return {name: tuple(tensor.shape) for name, tensor in named}


def tensor_digests(network: nn.Module) -> dict[str, str]:
    """The digest of each parameter and buffer."""
    named = [*network.named_parameters(), *network.named_buffers()]
    return {name: ObjectHasher().digest(tensor) for name, tensor in named}


def attribute_digests(network: nn.Module) -> dict[str, str]:
    """The digest of each attribute that is no parameter, buffer or submodule."""
    named = [network.named_parameters(), network.named_buffers(), network.named_modules()]
    names = {id(item): name for group in named for name, item in group}

    def stand_in(value: Any) -> Any:
        if type(value).__module__ == "modnets.config.run_config":
            return "config"  # differs from run to run; what the network does with it is checked
        return names.get(id(value), value)  # a list of its own parameters, as RNNs have

    return {
        f"{name}.{key}".removeprefix("."): ObjectHasher(stand_in).digest(
            attribute_value(key, value)
        )
        for name, module in network.named_modules()
        for key, value in vars(module).items()
        if key not in INTERNAL and not ("_hooks" in key and not value)
    }


def combined_digest(digests: dict[str, str]) -> str:
    """One digest of several, by name."""
    return ObjectHasher().digest(digests)


def input_dtype(network: nn.Module) -> torch.dtype:
    """The dtype of the rows that a network takes: that which its parameters share, or float32."""
    dtypes = {tensor.dtype for tensor in network.parameters() if tensor.is_floating_point()}
    return dtypes.pop() if len(dtypes) == 1 else torch.float32


def non_float32(network: nn.Module) -> str | None:
    """Which dtypes other than float32 its parameters have, in words; None if they have none."""
    dtypes = {str(tensor.dtype) for tensor in network.parameters() if tensor.dtype != torch.float32}
    return f"parameters are of {', '.join(sorted(dtypes))}" if dtypes else None
