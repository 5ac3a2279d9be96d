"""Choices of the first level that start from the data: sets of inputs that tell of the outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from modnets.models.modular import ModularNetwork
from modnets.models.routing_methods.candidates import information, sets_of_inputs
from modnets.models.routing_methods.circuits import WORD, CircuitShape, RowBits
from modnets.models.routing_methods.method import RoutingMethod, TrainingRows
from modnets.models.routing_methods.random_numbers import CountedRandom
from modnets.models.set_routing import OutputsInOrder, SetRouting


class DrawnSets(NamedTuple):
    """What was drawn for a run.

    Parameters
    ----------
    sets : list of tuple of int, [slot] -> inputs
    additions : int
        Arithmetic of the information of all sets.
    """

    sets: list[tuple[int, ...]]
    additions: int


class InformationMethod(RoutingMethod):
    """Starts the first level at sets of inputs with much information about the outputs.

    On the training rows, the rows times the mutual information of a set of inputs with an output is
    the logarithm of how much better the set predicts it than nothing does.  Each slot draws a set,
    with probability exp(weight x rows x information, summed over outputs), of those that no earlier
    slot has drawn, and its logits begin at this choice.  Upper levels begin at random, and from
    there all is learned beside the weights; with a rate of about ``lr_routing=0.01``, as a larger
    one leaves the start before the modules have learned.

    Parameters
    ----------
    of_sets : bool
        Whether slots choose among whole sets of sources, straight-through, and not as published
        among single ones.
    weight : float, >= 0
        Of the information; 0 draws at random.
    """

    of_bits = True
    outputs = OutputsInOrder

    def __init__(self, of_sets: bool = True, weight: float = 4.0) -> None:
        self.weight = weight
        if of_sets:
            self.routing = SetRouting

    def search(
        self,
        network: ModularNetwork,
        rows: Sequence[TrainingRows],
        seeds: Sequence[int],
        seen: Sequence[Any] | None = None,
    ) -> Sequence[Any]:
        """The sets that each run draws; None where the first level is known."""
        if network.routing[0].known:
            return [None] * len(rows)
        shape = CircuitShape.of(network)
        return [self._draw(shape, one, seed) for one, seed in zip(rows, seeds, strict=True)]

    def _draw(self, shape: CircuitShape, rows: TrainingRows, seed: int) -> DrawnSets:
        bits = RowBits([rows])
        (sets,) = sets_of_inputs(shape, bits)
        weighted = self.weight * len(rows.x) * information(sets, bits, 0)
        uniform = CountedRandom([seed], n_chains=1).uniform(len(sets))[0, 0]
        order = np.argsort(np.log(-np.log(uniform)) - weighted, kind="stable")  # Gumbel, top k
        drawn = np.resize(order, shape.slots[0])  # again from the first where slots outnumber sets
        additions = 2 * len(sets) * shape.corners * shape.n_outputs * bits.x.shape[-1] * WORD
        return DrawnSets([tuple(one) for one in sets[drawn].tolist()], additions)

    def start(self, network: ModularNetwork, found: DrawnSets | None) -> None:
        """Choose what was drawn."""
        if found is not None:
            network.routing[0].choose(found.sets)

    def arithmetic(self, found: DrawnSets | None) -> int:
        """Additions of the information."""
        return 0 if found is None else found.additions
