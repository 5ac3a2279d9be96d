"""A run's network at some time: from its parameters, or from its recorded choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.models.modular import ModularNetwork
from modnets.models.routing import Choice, Routing
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

    The logits of a learned choice are 1 for the first candidate, less for each later rank, and -1
    for what is not chosen.

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
    tasks = range(network.n_tasks)

    def of(name: str, task: int) -> Any:
        return structure[name][task] if network.n_tasks > 1 else structure[name]

    with torch.no_grad():
        for task in tasks:
            for level, routing in enumerate(network.routing):
                _choose(routing, of("routing", task)[level], task)
            if network.shared:
                for level, selection in enumerate(network.selection):
                    _choose(selection, [[module] for module in of("selection", task)[level]], task)
            _choose(network.output_routing, [of("outputs", task)], task)
    return network.eval()


def _choose(choice: Choice, slots: list[list[int]], task: int) -> None:
    """Make a learned choice take these candidates, in their order, for each slot."""
    if choice.known:
        return
    logits = choice.logits[..., task] if choice.task_axis else choice.logits
    logits.fill_(-1.0)
    arity = choice.arity if isinstance(choice, Routing) else 1
    for slot, candidates in enumerate(slots):
        for rank, candidate in enumerate(candidates):
            logits[candidate, slot] = 1.0 - rank / arity
