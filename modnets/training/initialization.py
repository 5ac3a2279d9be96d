"""Initial networks of runs, one after the other; built-in ones with all parameters in one row.

Building an ``nn.Module`` takes as long as training it for a thousand steps; the weights of built-in
networks are therefore drawn in place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from modnets.config.run_config import RunConfig
from modnets.models.modular import ModularNetwork
from modnets.models.network_digests import attribute_digests, combined_digest
from modnets.models.registry import BUILT_IN, build, known_choices
from modnets.models.routing_methods.method import RoutingMethod, TrainingRows
from modnets.models.routing_methods.registry import ROUTING_METHODS
from modnets.tasks.task import Task
from modnets.training.random_streams import stream_seed
from modnets.training.step import TrainingStep

#: The parameters of a trained network by name, those of a user-defined one with its buffers.
EndState = Mapping[str, Tensor]
#: By the keys of the runs that were trained.
EndStates = Mapping[str, EndState]


@dataclass(frozen=True)
class InitialState:
    """A run's initial parameters, shape (parameter,), and its buffers.

    Of a user-defined network the network too, and the digest of its other attributes.  Where
    training goes on from here, what its optimizer keeps: ``states``, each shape (parameter,), or
    the optimizer of a plain loop.
    """

    flat: Tensor
    buffers: dict[str, Tensor]
    network: nn.Module | None = None
    attributes: str = ""
    states: tuple[Tensor, ...] = ()
    optimizer: torch.optim.Optimizer | None = None


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


@dataclass(frozen=True)
class Found:
    """What a run's routing method found before the first step."""

    method: RoutingMethod
    found: Any


def searched(configs: Sequence[RunConfig], earlier: EndStates | None = None) -> list[Found | None]:
    """What the routing method of runs of one shape finds on the training rows of each.

    None for those that learn their choices beside their weights, have none, or take those of the
    network that they start from.

    Parameters
    ----------
    configs : sequence of RunConfig
    earlier : dict, optional
        What runs start from, by the keys of those trained before.
    """
    finals = [config.final for config in configs]
    if finals[0].routing_method is None or finals[0].transferred == "all":
        return [None] * len(configs)
    method = ROUTING_METHODS[finals[0].routing_method]
    results: list[Found | None] = [None] * len(configs)
    seen = _seen(method, configs, earlier)
    for places in by_knowledge(finals):
        some = [finals[place] for place in places]
        rows = [training_rows(final) for final in some]
        seeds = [stream_seed(final.seed, "routing") for final in some]
        network = cast("ModularNetwork", build(some[0], seed=0))
        told = {} if seen is None else {"seen": [seen[place] for place in places]}
        all_found = method.search(network, rows, seeds, **told)
        for place, found in zip(places, all_found, strict=True):
            results[place] = Found(method, found)
    return results


def _seen(
    method: RoutingMethod, configs: Sequence[RunConfig], earlier: EndStates | None
) -> list[Any] | None:
    """What a method sees of the network of each run before its search; None where it does not."""
    if type(method).look is RoutingMethod.look:
        return None
    initializer = NetworkInitializer(earlier)
    return [method.look(cast("ModularNetwork", initializer.draw(one))) for one in configs]


def by_knowledge(finals: Sequence[RunConfig]) -> list[list[int]]:
    """Places of runs of one shape, together where they know the same, as a search takes them."""
    places: dict[str, list[int]] = {}
    for place, final in enumerate(finals):
        places.setdefault(str(known_choices(final)), []).append(place)
    return list(places.values())


def training_rows(final: RunConfig) -> TrainingRows:
    """The training rows of a run."""
    task, index = cast("Task", final.graph), final.split["train"]
    return TrainingRows(task.rows(index), task.targets(index))


def initial_network(config: RunConfig, earlier: EndStates | None = None) -> nn.Module:
    """The network of a run before its first step.

    Parameters
    ----------
    config : RunConfig
    earlier : dict, optional
        What runs start from, by the keys of those trained before.
    """
    (found,) = searched([config], earlier)
    return NetworkInitializer(earlier).draw(config, found)


class NetworkInitializer:
    """The network of one run after the other.

    Parameters
    ----------
    earlier : dict, optional
        What runs start from, by the keys of those trained before.  Without it a network that is to
        start from another is as it would be without; its buffers alone are right.
    """

    def __init__(self, earlier: EndStates | None = None) -> None:
        self.earlier = earlier or {}
        self.network: nn.Module | None = None
        self.flat = torch.empty(0)

    def draw(self, config: RunConfig, found: Any = None) -> nn.Module:
        """The network of a run with its initial weights; good until the next one is drawn.

        Parameters
        ----------
        config : RunConfig
        found
            What its routing method found, see :func:`searched`, from which it starts.
        """
        final = config.final
        again = self.network if config.model in BUILT_IN else None
        network = build(final, stream_seed(_first_stage(final).seed, "weights"), again)
        if network is not self.network:
            self.network = network
            if config.model in BUILT_IN:
                self.flat = lay_flat(network)
        if final.pretrained is not None and self.earlier:
            take(network, self.earlier[final.pretrained.key], final)
        if final.initial_scale is not None:
            scale_weights(network, final.initial_scale)
        if found is not None:
            with torch.no_grad():
                found.method.start(network, found.found)
        return network

    def start(self) -> InitialState:
        """The initial state of the network drawn last."""
        assert self.network is not None  # drawn before
        return InitialState(self.flat.clone(), dict(self.network.named_buffers()))


def _first_stage(final: RunConfig) -> RunConfig:
    """The run in whose network the whole of a run's network began; what is drawn but not trained,
    as the masks of a sparse one, is drawn there.
    """
    while final.transferred == "all":
        final = cast("RunConfig", final.pretrained).final
    return final


def take(network: nn.Module, state: EndState, final: RunConfig) -> None:
    """Give a network the weights of a trained one, and its choices unless they are drawn anew.

    Raises
    ------
    ValueError
        If parts of a user-defined network are of other shapes.
    """
    parts: dict[str, Tensor] = dict(network.named_parameters())
    if final.model not in BUILT_IN:
        parts |= dict(network.named_buffers())
    elif final.transferred == "modules":
        parts = {name: part for name, part in parts.items() if not _is_logit(network, name)}
    with torch.no_grad():
        for name, part in parts.items():
            given = state.get(name)
            if given is None or given.shape != part.shape:
                raise ValueError(
                    f"pretrained: {name} has shape {None if given is None else tuple(given.shape)};"
                    f" allowed is {tuple(part.shape)}, as in model {final.model!r} of this run"
                )
            part.copy_(given)


def _is_logit(network: nn.Module, name: str) -> bool:
    """Whether a parameter is the logits of a choice."""
    logits = getattr(network, "learning_rates", {})
    return any(part in logits for part in name.split("."))


def scale_weights(network: nn.Module, scale: float) -> None:
    """Multiply a network's parameters, but for the logits of choices."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not _is_logit(network, name):
                parameter.mul_(scale)


def lay_flat(network: nn.Module) -> Tensor:
    """Put a network's parameters into one row, shape (parameter,), in which they stay."""
    parameters = list(network.parameters())
    flat = torch.cat([parameter.detach().reshape(-1) for parameter in parameters])
    parts = flat.split([parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.data = part.view(parameter.shape)
    return flat
