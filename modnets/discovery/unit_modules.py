"""Modules of a pruned network, layer by layer, by what its units do with their sources.

The sources of a level are grouped by the cosine of their connectivity to the units of the next
hidden layer, with modularity against shuffled connections (:mod:`modnets.discovery.connectivity`);
a group's bit takes its place, and the next layer's units are looked at.  The connectivity of a
source with a unit is how much the unit's activation varies with it, which for an input is
proportional to the size of its weights, and is there for the bits of groups too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modnets.discovery.connectivity import Grouping, grouped
from modnets.discovery.decomposition import Parts, Response, Search, Way, losses
from modnets.discovery.inner_gates import gates_of


@dataclass(frozen=True, eq=False)
class UnitModules:
    """What the units of one network say.

    Parameters
    ----------
    ways : list of Way
        To compute the outputs.
    groupings : list of Grouping
        Of the sources of each level.
    """

    ways: list[Way]
    groupings: list[Grouping]


def unit_modules(search: Search, hidden: list[np.ndarray], seed: int) -> UnitModules:
    """Group sources by the units of one hidden layer after the other.

    Parameters
    ----------
    search : Search
        Of the network's response.
    hidden : list of ndarray, shape (combination, unit), one for each layer
        Activations for all combinations of the inputs.
    seed : int
        Of the shuffled connections.
    """
    rng, parts = np.random.default_rng(seed), search.start
    weights = parts.response.weights
    layers = [Response(activations, weights) for activations in hidden]
    groupings = []
    for number in range(len(layers)):
        if len(parts.sources) < 3 or not layers[number].values.any():
            break
        connections = np.sqrt(layers[number].effects(relative=False))
        groupings.append(grouped(connections, rng))
        if not groupings[-1].found:
            continue
        parts, layers = _with_groups(parts, layers, groupings[-1], search.most_inputs)
    grown = parts is not search.start
    return UnitModules(search.ends(parts) if grown else [], groupings)


def _with_groups(
    parts: Parts, layers: list[Response], grouping: Grouping, most_inputs: int
) -> tuple[Parts, list[Response]]:
    """With a bit in the place of each group of two sources or more."""
    before = parts.sources
    for group in grouping.sets():
        if not 2 <= len(group) <= most_inputs or len(group) >= len(parts.sources):
            continue
        chosen = tuple(parts.sources.index(before[place]) for place in group)
        lost = losses(parts.response, (chosen,))[0]
        table = gates_of(len(chosen))[int(lost.argmin())]
        layers = [one.merged(chosen, table) for one in layers]
        parts = parts.replaced(chosen, table, float(lost.min()))
    return parts, layers
