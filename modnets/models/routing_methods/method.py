"""What a way to learn choices is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from modnets.models.modular import ModularNetwork
from modnets.models.routing import Routing, Selection


class TrainingRows(NamedTuple):
    """The training rows of a run, all that a routing method sees of its task.

    Parameters
    ----------
    x : ndarray, shape (row, input)
    y : ndarray, shape (row, output)
        0, 1, or 2 for a don't-care.
    """

    x: np.ndarray
    y: np.ndarray


class RoutingMethod:
    """How the choices of a network are learned: routing, selection and outputs.

    This one is the published method: straight-through choices by logits that are drawn from N(0, 1)
    and learned beside the weights.  Others differ in one or more of its parts.

    Attributes
    ----------
    routing, selection : type
        The estimators: classes of a level's choice of sources and of modules.  Where routing is a
        SetRouting, it is a choice among sets, and the outputs of modules are mixed.
    outputs : type or None
        That of the output routing where slots of the last level are alike, their sources and
        modules not known; by default the class of routing.
    fixed : bool
        Whether choices stay as they are before the first step; weights alone are trained then.
    of_bits : bool
        Whether it works for tasks of bits only: one task, no images.
    changes_modules : bool
        Whether modules start at other weights than those drawn, or taken from another run.
    """

    routing: type[Routing] = Routing
    selection: type[Selection] = Selection
    outputs: type[Routing] | None = None
    fixed = False
    of_bits = False
    changes_modules = False

    def look(self, network: ModularNetwork) -> Any:
        """What the search of a run is told of its own network before the first step; None here.

        Parameters
        ----------
        network : ModularNetwork
            With the weights that were drawn, or taken from another run.
        """
        return None

    def search(
        self,
        network: ModularNetwork,
        rows: Sequence[TrainingRows],
        seeds: Sequence[int],
        seen: Sequence[Any] | None = None,
    ) -> Sequence[Any]:
        """What each of many runs of one shape starts from; None by default.

        Parameters
        ----------
        network : ModularNetwork
            Of this shape, with the choices that are known.
        rows : sequence of TrainingRows
            Of each run.  Test and validation rows are not at hand.
        seeds : sequence of int
            Of each run: all random numbers are to follow from it.  What is found for a run may not
            depend on the others.
        seen : sequence, optional
            What ``look`` gave for the network of each run, handed over where a method has its own.
        """
        return [None] * len(rows)

    def start(self, network: ModularNetwork, found: Any) -> None:
        """Change a network, its weights and logits drawn, before the first step; by default not.

        Parameters
        ----------
        network : ModularNetwork
            To be changed in place.
        found
            What ``search`` gave for this run.
        """

    def arithmetic(self, found: Any) -> int:
        """Floating-point operations of the search for a run."""
        return 0
