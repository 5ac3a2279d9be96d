"""Initial networks of runs, one after the other; built-in ones with all parameters in one row.

Building an ``nn.Module`` takes as long as training it for a thousand steps; the weights of built-in
networks are therefore drawn in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from modnets.config.run_config import RunConfig
from modnets.models.network_digests import attribute_digests, combined_digest
from modnets.models.registry import BUILT_IN, build
from modnets.training.random_streams import stream_seed
from modnets.training.step import TrainingStep


@dataclass(frozen=True)
class InitialState:
    """A run's initial parameters, shape (parameter,), and its buffers.

    Of a user-defined network the network too, and the digest of its other attributes.
    """

    flat: Tensor
    buffers: dict[str, Tensor]
    network: nn.Module | None = None
    attributes: str = ""


def initial_state_of(network: nn.Module, training_step: TrainingStep) -> InitialState:
    """The initial state of a user-defined network."""
    buffers = {name: part.clone() for name, part in training_step.buffers_of(network).items()}
    attributes = combined_digest(attribute_digests(network))
    return InitialState(training_step.parameters_of(network), buffers, network, attributes)


def networks_of(starts: Sequence[InitialState]) -> list[nn.Module]:
    """The networks of user-defined initial states."""
    networks = [start.network for start in starts if start.network is not None]
    assert len(networks) == len(starts)
    return networks


class NetworkInitializer:
    """The network of one run after the other."""

    def __init__(self) -> None:
        self.network: nn.Module | None = None
        self.flat = torch.empty(0)

    def draw(self, config: RunConfig) -> nn.Module:
        """The network of a run with its initial weights; good until the next one is drawn."""
        final = config.final
        again = self.network if config.model in BUILT_IN else None
        network = build(final, stream_seed(final.seed, "weights"), again)
        if network is not self.network:
            self.network = network
            if config.model in BUILT_IN:
                self.flat = lay_flat(network)
        return network

    def start(self) -> InitialState:
        """The initial state of the network drawn last."""
        assert self.network is not None  # drawn before
        return InitialState(self.flat.clone(), dict(self.network.named_buffers()))


def lay_flat(network: nn.Module) -> Tensor:
    """Put a network's parameters into one row, shape (parameter,), in which they stay."""
    parameters = list(network.parameters())
    flat = torch.cat([parameter.detach().reshape(-1) for parameter in parameters])
    parts = flat.split([parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.data = part.view(parameter.shape)
    return flat
