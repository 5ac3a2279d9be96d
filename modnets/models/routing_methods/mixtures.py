"""Choices among whole sets of sources, learned beside the weights."""

from __future__ import annotations

from modnets.models.routing_methods.method import RoutingMethod
from modnets.models.set_routing import (
    OutputsInOrder,
    SetRouting,
    SoftSelection,
    SoftSetRouting,
)


class MixturesMethod(RoutingMethod):
    """Mixes the outputs of modules for all sets of sources that a slot may read, in training.

    A slot has one softmax over sets of sources, and with shared modules one over the modules of the
    pool; its value is the sum of all modules' outputs for all sets, weighted by both.  Nothing is
    straight-through: as the run's temperature falls, the weights become one-hot, as they always are
    in evaluation.  Gumbel noise keeps a network from fitting the training rows by a mixture, from
    which no single set follows; it is what makes the method work.  Meant for settings such as
    ``gumbel=True, lr_routing=0.3, lr_selection=0.3, temperature=1.0, temperature_end=0.4,
    temperature_schedule="exponential"``.

    Where modules are each slot's own, a mixture fits the rows too well, and few tables are solved.
    """

    of_bits = True
    routing = SoftSetRouting
    selection = SoftSelection
    outputs = OutputsInOrder


class SetsMethod(RoutingMethod):
    """Straight-through choices as published, but of whole sets of sources.

    Forward a slot reads one set; its logits get the gradient of the mixture of a module's outputs
    for all sets, so that two sources are found together which alone, as those of an XOR, tell
    nothing.
    """

    of_bits = True
    routing = SetRouting
    outputs = OutputsInOrder
