"""A run's network at some time: from its parameters, or from its recorded choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.models.modular import ModularNetwork
from modnets.training.initialization import NetworkInitializer
from modnets.training.step import TrainingStep


def rebuilt(config: RunConfig, values: Tensor, training_step: TrainingStep) -> nn.Module:
    """The network of a run with parameters that it had while it trained.

    Parameters
    ----------
    config : RunConfig
    values : Tensor, shape (parameter,) or more
        Its trained parameters, followed by its buffers if they are kept too.
    training_step : TrainingStep
        Of the run.

    Returns
    -------
    nn.Module
        A network of its own.
    """
    network = NetworkInitializer().draw(config).eval()
    named = dict(network.named_parameters())
    parts = [named[name].detach() for name in training_step.names]
    parts += training_step.buffers_of(network).values()
    sizes = [part.numel() for part in parts]
    values = values.detach().cpu()
    n_parts = len(training_step.names) if len(values) == sum(training_step.sizes) else len(parts)
    for part, new in zip(parts, values.split(sizes[:n_parts]), strict=False):
        part.copy_(new.view(part.shape))
    return network


def from_structure(config: RunConfig, structure: Mapping[str, Any]) -> ModularNetwork:
    """A network with the recorded choices of a run; its weights are not the run's.

    The logits of learned choices are as :meth:`~modnets.models.routing.Choice.choose` sets them.

    Parameters
    ----------
    config : RunConfig
        Of a network with slots, and without images.
    structure : dict
        As ``structure`` of the run's results, parsed.

    Raises
    ------
    ValueError
        If the network has no slots, or reads images.
    """
    network = NetworkInitializer().draw(config)
    require(
        type(network) is ModularNetwork and network.image_level is None,
        f"model={config.model!r} on {config.graph}; allowed are networks with slots, of bits",
    )
    assert isinstance(network, ModularNetwork)
    network.choose(structure)
    return network.eval()
