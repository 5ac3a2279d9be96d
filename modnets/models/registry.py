"""The models by name, and how to add one.

A model is one network: an ``nn.Module`` whose ``forward(x)`` maps rows, shape (row, input), to
logits, shape (row, output).  It may also take ``temperature`` and ``noise``; see
:class:`modnets.models.modular.ModularNetwork`.  A builder makes it from a run's config::

    @mn.register("skip")
    class Skip(nn.Module):
        def __init__(self, config):
            super().__init__()
            self.inner = nn.Linear(config.graph.n_inputs, config.options.get("hidden", 12))
            ...
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from modnets.checked import checked
from modnets.errors import require
from modnets.models.images import ImageLevel
from modnets.models.modular import ModularNetwork
from modnets.models.monolithic import CNN, MLP, Monolithic
from modnets.models.random_states import ALONE
from modnets.models.routing import Routing
from modnets.models.routing_methods.method import RoutingMethod
from modnets.models.routing_methods.registry import PUBLISHED, ROUTING_METHODS

Config = Any  # a RunConfig, of a package that imports this one
Builder = Callable[[Config], nn.Module]


def _monolithic(config: Config) -> nn.Module:
    task, ratio = config.graph, config.pruning_ratio or 0.0
    widths = (*config.hidden, task.n_outputs)
    if config.image_network == "cnn":
        return CNN(task.side, (task.n_images, *config.channels), widths, ratio)
    return MLP((task.n_inputs, *widths), ratio)


def _modular(config: Config) -> nn.Module:
    known, every_level = config.known_graph, config.output_levels == "every"
    method = ROUTING_METHODS[config.routing_method or PUBLISHED]
    with_images = known.images is not None
    return ModularNetwork(
        config.image_slots * known.bits if with_images else known.n_sources,
        config.slots,
        known.n_outputs,
        (config.arity, *config.module_hidden, 1),
        n_shared=config.shared_modules,
        **known_choices(config),
        n_tasks=known.n_tasks,
        every_level=every_level,
        image_level=_image_level(config) if with_images else None,
        routing_type=method.routing,
        selection_type=method.selection,
        output_type=_output_type(config, method),
        fixed=method.fixed,
        signal_size=config.signal_size or 1,
        binary_signals=config.signals == "binary",
    )


def _output_type(config: Config, method: RoutingMethod) -> type[Routing]:
    alike = config.routing == "learned" and config.selection != "known"
    return method.routing if method.outputs is None else method.outputs if alike else Routing


def known_choices(config: Config) -> dict[str, Any]:
    """What of its structure a modular network knows: routing, selection, outputs, or None."""
    known = config.known_graph
    every_level = config.output_levels == "every"
    return {
        "routing": known.routing if config.routing == "known" else None,
        "selection": known.selection if config.selection == "known" else None,
        "outputs": known.places_of_outputs(every_level) if config.outputs == "known" else None,
    }


def _image_level(config: Config) -> ImageLevel:
    task, n_shared = config.graph, config.shared_image_modules or None

    def module() -> Monolithic:
        if config.image_network == "cnn":
            return CNN(task.side, (1, *config.channels), (task.bits,))
        return MLP((task.side**2, *config.image_hidden, task.bits))

    return ImageLevel(
        task.n_images,
        config.image_slots,
        [module() for _ in range(n_shared or config.image_slots)],
        shared=n_shared is not None,
        routing=task.image_routing if config.image_routing == "known" else None,
        selection=task.image_selection if config.image_selection == "known" else None,
    )


#: Name -> builder, first those of the paper.
MODELS: dict[str, Builder] = {
    "dense": _monolithic,
    "sparse": _monolithic,
    "modular": _modular,
    "shared": _modular,
}
#: Names of the models of modnets itself.
BUILT_IN = tuple(MODELS)


@checked
def register(name: str) -> Callable[[Builder], Builder]:
    """Decorator that adds a model: a class or function that takes a config, gives an nn.Module.

    Registering a name again replaces the model, so that a notebook cell can be run twice.  A run's
    key includes all code and values that the network can reach, in your own files or notebook; data
    that it reads from files is not included, so pass such data as ``options``.

    Networks train as in a loop with ``torch.optim``: parameters that require no gradient, or get
    none, stay as they are.  Many networks train as one batch; those that keep a state in forward
    (BatchNorm, counters), mix rows in training, or that torch cannot vectorise train one after the
    other, and a message says why.  Refused in one line: random numbers drawn in forward (Dropout),
    mixing rows in evaluation, changes of anything outside of the network.  Forward may give
    ``(logits, penalty)``: in training the penalty, of shape (), is added to the mean loss.  A
    network that takes noise has ``noise_size`` and ``forward(x, noise=None)``; with
    ``gumbel=True`` it gets Gumbel(0, 1) numbers in training.

    Raises
    ------
    ValueError
        If the name is that of a built-in model.
    """
    require(name not in BUILT_IN, f"model name {name!r} is taken; allowed is any other")

    def add(builder: Builder) -> Builder:
        MODELS[name] = builder
        return builder

    return add


@checked
def n_weights(model: nn.Module) -> int:
    """Number of weights of a network: all parameters but biases, without those pruned.

    Counts module weights and routing logits as the paper does: 86, 206 and 323 for modular
    networks with learned routing at depths 1, 2 and 3; 288, 2,880 and 5,472 for dense ones.
    """
    weights = sum(p.numel() for name, p in model.named_parameters() if "bias" not in name)
    masks = [mask for name, mask in model.named_buffers() if name.startswith("weight_mask")]
    return weights - sum(int((mask == 0).sum()) for mask in masks)


@checked
def build(config: Config, seed: int, again: nn.Module | None = None) -> nn.Module:
    """The network of a run, its initial weights drawn from ``seed`` alone.

    The random states of torch, numpy and Python are restored.

    Parameters
    ----------
    config : RunConfig
    seed : int
    again : nn.Module, optional
        A network of the same shape that is no longer needed: a built-in one is initialised in
        place, a tenth of the work, and knows the choices of this run's graph.
    """
    generator = torch.default_generator  # that of nn.Linear and other layers
    with ALONE:
        state = generator.get_state()
        try:
            generator.manual_seed(seed)
            if config.model not in BUILT_IN:
                with numpy_and_python_seeded(seed):
                    return MODELS[config.model](config.final)
            if again is not None:
                again.reset_parameters()  # type: ignore[operator]  # each built-in one has it
                if isinstance(again, ModularNetwork):
                    again.know(**known_choices(config.final))
                return again
            return MODELS[config.model](config.final)
        finally:
            generator.set_state(state)


@contextlib.contextmanager
def numpy_and_python_seeded(seed: int) -> Iterator[None]:
    """Seed the global generators of numpy and Python, which a user's builder may draw from."""
    states = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        np.random.seed(seed % 2**32)  # noqa: NPY002
        random.seed(seed)
        yield
    finally:
        np.random.set_state(states[0])  # noqa: NPY002
        random.setstate(states[1])
