"""What every network has to be: an nn.Module whose parameters have known, equal shapes."""

from __future__ import annotations

from typing import Any

from torch import nn

from modnets.errors import require
from modnets.models.network_digests import shapes_of
from modnets.models.registry import Config


def check_is_network(network: Any, config: Config) -> None:
    """Raise unless it is an nn.Module with parameters of known sizes.

    Raises
    ------
    ValueError
        Also if a parameter or buffer is complex, or on the meta device.
    """
    name = f"model {config.model!r}"
    require(
        isinstance(network, nn.Module),
        f"{name} built a {type(network).__name__}; allowed is an nn.Module",
    )
    parameters = dict(network.named_parameters())
    require(bool(parameters), f"{name} has no parameters to train; allowed is at least one")
    tensors = parameters | dict(network.named_buffers())
    lazy = [key for key, tensor in tensors.items() if nn.parameter.is_lazy(tensor)]
    require(
        not lazy,
        f"{name}: the size of {', '.join(lazy)} is not given; allowed are layers whose sizes are, "
        "as Linear in place of LazyLinear",
    )
    odd = [key for key, tensor in tensors.items() if tensor.is_meta or tensor.is_complex()]
    require(
        not odd,
        f"{name}: {', '.join(odd)} is {tensors[odd[0]].dtype if odd else ''} on "
        f"{tensors[odd[0]].device if odd else ''}; allowed are real numbers in memory",
    )


def check_same_shapes(
    network: nn.Module, shapes: dict[str, tuple[int, ...]], config: Config
) -> None:
    """Raise ValueError unless a network has the shapes of the networks that it is batched with."""
    check_is_network(network, config)
    own = shapes_of(network)
    differ = sorted(name for name in {*own, *shapes} if own.get(name) != shapes.get(name))
    require(
        not differ,
        f"model {config.model!r}: {', '.join(differ[:3])} has another shape for another seed; "
        "allowed are shapes that follow from the config without its seed",
    )
