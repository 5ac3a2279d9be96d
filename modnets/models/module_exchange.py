"""Modules exchanged between networks: a slot takes the module of another network.

A gate here is what a module does to the bits that it reads, whether they are the high or the low
one of a signal's two values; so an XNOR that a level above reads as XOR is no XOR.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from modnets.checked import checked
from modnets.errors import require
from modnets.models.gate_fits import fit_gates_of_runs, graph_of, inputs_met
from modnets.models.modular import ModularNetwork
from modnets.models.signals import LevelGateFits
from modnets.models.slot_values import SlotLayers, slot_layers, slot_values
from modnets.models.structures import NOTHING, Structures, parameters_of, structures
from modnets.tasks.gate_names import NEVER
from modnets.tasks.task import Task


@dataclass(frozen=True)
class Exchange:
    """A slot of a network with the module of a slot of another network.

    Parameters
    ----------
    level, slot : int
    donor_level, donor_slot : int
        Where the module comes from.
    same_gate : bool
        Whether both modules compute one gate, for all bits that the slot meets.
    right : float, in [0, 1]
        Share of the rows with every output right.
    """

    level: int
    slot: int
    donor_level: int
    donor_slot: int
    same_gate: bool
    right: float


@checked
def exchange(
    network: ModularNetwork, donor: ModularNetwork, graph: Task | str, rows: Sequence[int]
) -> list[Exchange]:
    """Every used slot of a network with the module of every used slot of another, one at a time.

    Parameters
    ----------
    network : ModularNetwork
        Of one task, without images.
    donor : ModularNetwork
        With modules of the same shape.
    graph : Task or str
    rows : sequence of int
        Rows of the truth table that are evaluated, as those that the network was trained on.

    Raises
    ------
    ValueError
        If a network does not fit the task, or the shapes of modules differ.
    """
    task = graph_of(network, graph, 0)
    graph_of(donor, graph, 0)
    require(task.n_tasks == 1, f"graph={graph} has {task.n_tasks} tasks; allowed is one")
    kinds = [(one.pools[0].arch, one.binary_signals) for one in (network, donor)]
    require(
        kinds[0] == kinds[1], f"donor has modules of {kinds[1]}; allowed are those of {kinds[0]}"
    )
    both = [_read(one, inputs_met(task)) for one in (network, donor)]
    pairs = list(product(*(one.used for one in both)))
    wiring = both[0].wiring.of(np.zeros(len(pairs), dtype=int))
    layers = [
        [(np.repeat(w, len(pairs), axis=0), np.repeat(b, len(pairs), axis=0)) for w, b in level]
        for level in both[0].layers
    ]
    for number, ((level, slot), (from_level, from_slot)) in enumerate(pairs):
        for own, other in zip(layers[level], both[1].layers[from_level], strict=True):
            for part, given in zip(own, other, strict=True):
                part[number, slot] = given[0, from_slot]
    index = np.asarray(rows)
    values = slot_values(network, layers, wiring, task.rows(index))
    ends = [wiring.readable[end] for end in wiring.outputs[0, 0]]
    answers = np.stack([values[level][:, slot] > 0 for level, slot in ends], axis=2)
    wanted = task.targets(index)
    right = ((answers == wanted) | (wanted > 1)).all(axis=2).mean(axis=1)
    return [
        Exchange(*own, *other, _agree(both[0].gates[own], both[1].gates[other]), float(share))
        for (own, other), share in zip(pairs, right, strict=True)
    ]


@dataclass(frozen=True)
class _Read:
    """A network: its layers, and of each used slot the table of high and low bits."""

    wiring: Structures
    layers: list[SlotLayers]
    gates: dict[tuple[int, int], np.ndarray]

    @property
    def used(self) -> list[tuple[int, int]]:
        return list(self.gates)


def _read(network: ModularNetwork, x: np.ndarray) -> _Read:
    parameters = parameters_of(network)
    wiring = structures(network, parameters)
    levels = fit_gates_of_runs(network, parameters, wiring, x)
    gates, below = {}, np.zeros(network.n_inputs, dtype=bool)
    for level, (fits, used) in enumerate(
        zip(levels, wiring.used(0, network.n_inputs)[1:], strict=True)
    ):
        flipped = _is_flipped(fits)
        for slot in np.flatnonzero(used[0]).tolist():
            sources = wiring.routing[level][0, 0, slot]
            turned = np.where(sources == NOTHING, False, below[sources])
            gates[level, slot] = _turned(fits.tables[0, slot], turned, flipped[slot])
        below = flipped
    return _Read(wiring, slot_layers(network, parameters, wiring), gates)


def _is_flipped(fits: LevelGateFits) -> np.ndarray:
    """Whether a signal in normal form is 1 where the slot's value is low, shape (slot,)."""
    values, ones = fits.values[0].astype(float), fits.signals[0]
    of_ones = (values * ones).sum(axis=1) * (~ones).sum(axis=1)
    of_zeros = (values * ~ones).sum(axis=1) * ones.sum(axis=1)
    return of_ones < of_zeros


def _turned(table: np.ndarray, inputs: np.ndarray, output: bool) -> np.ndarray:
    """A table in normal form as that of high and low bits."""
    places = np.arange(len(table)) ^ int("".join("01"[bit] for bit in inputs.astype(int)), 2)
    turned = table[places]
    return np.where(turned == NEVER, NEVER, turned ^ int(output))


def _agree(own: np.ndarray, other: np.ndarray) -> bool:
    return bool(((own == other) | (own == NEVER)).all())
