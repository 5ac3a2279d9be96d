"""What a network holds: parameters, buffers, and what else lies in its modules."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from modnets.errors import require
from modnets.models.reach import Reach, held

Config = Any  # a RunConfig, whose room stands on a floor above

#: Of a module, what is no plain attribute.
INTERNAL = ("training", "_parameters", "_buffers", "_modules", "_is_full_backward_hook")


def shapes_of(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shape of each parameter and buffer."""
    named = [*network.named_parameters(), *network.named_buffers()]
    return {name: tuple(part.shape) for name, part in named}


def attributes_of(network: nn.Module) -> dict[str, str]:
    """The digest of each thing that a network holds beside parameters and buffers."""
    named = [network.named_parameters(), network.named_buffers(), network.named_modules()]
    names = {id(part): name for every in named for name, part in every}

    def stand_in(value: Any) -> Any:
        if type(value).__module__ == "modnets.config.run_config":
            return "config"  # differs from run to run; what the network does with it is tried
        return names.get(id(value), value)  # a list of its own parameters, as RNNs have

    return {
        f"{name}.{key}".removeprefix("."): Reach(stand_in).digest(held(key, value))
        for name, module in network.named_modules()
        for key, value in vars(module).items()
        if key not in INTERNAL and not ("_hooks" in key and not value)
    }


def digest_of(attributes: dict[str, str]) -> str:
    """One digest for all of them."""
    return Reach().digest(attributes)


def check_is_network(network: Any, config: Config) -> None:
    """Raise unless it is an nn.Module with parameters of known sizes."""
    name = f"model {config.model!r}"
    require(
        isinstance(network, nn.Module),
        f"{name} built a {type(network).__name__}; allowed is an nn.Module",
    )
    parameters = dict(network.named_parameters())
    require(bool(parameters), f"{name} has no parameters to train; allowed is at least one")
    named = parameters | dict(network.named_buffers())
    lazy = [key for key, part in named.items() if nn.parameter.is_lazy(part)]
    require(
        not lazy,
        f"{name}: the size of {', '.join(lazy)} is not given; allowed are layers whose sizes are, "
        "as Linear in place of LazyLinear",
    )
    odd = [key for key, part in named.items() if part.is_meta or part.is_complex()]
    require(
        not odd,
        f"{name}: {', '.join(odd)} is {named[odd[0]].dtype if odd else ''} on "
        f"{named[odd[0]].device if odd else ''}; allowed are real numbers in memory",
    )


def check_alike(network: nn.Module, shapes: dict[str, tuple[int, ...]], config: Config) -> None:
    """Raise unless a network has the shapes that the runs beside it have."""
    check_is_network(network, config)
    found = shapes_of(network)
    differ = sorted(n for n in {*found, *shapes} if found.get(n) != shapes.get(n))
    require(
        not differ,
        f"model {config.model!r}: {', '.join(differ[:3])} has another shape for another seed; "
        "allowed are shapes that follow from the config without its seed",
    )


def type_of(network: nn.Module) -> torch.dtype:
    """In which rows are handed over: that of the parameters, where they have one in common."""
    found = {part.dtype for part in network.parameters() if part.is_floating_point()}
    return found.pop() if len(found) == 1 else torch.float32


def other_types(network: nn.Module) -> str | None:
    found = {str(part.dtype) for part in network.parameters() if part.dtype != torch.float32}
    return f"parameters are of {', '.join(sorted(found))}" if found else None


def values_of(network: nn.Module) -> dict[str, str]:
    """The digest of each parameter and buffer."""
    named = [*network.named_parameters(), *network.named_buffers()]
    return {name: Reach().digest(part) for name, part in named}
