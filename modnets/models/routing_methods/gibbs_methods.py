"""Choices found by Gibbs sampling before the first step; weights alone are trained, if at all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.models.modular import ModularNetwork
from modnets.models.routing_methods.circuits import CircuitShape
from modnets.models.routing_methods.method import RoutingMethod, TrainingRows
from modnets.models.routing_methods.search import Annealing, FoundCircuit, search
from modnets.models.routing_methods.tables import start_at_tables, tables_of


class GibbsMethod(RoutingMethod):
    """Searches hard choices, tables in place of modules, and then trains the modules.

    Parameters
    ----------
    with_tables : bool
        Whether modules start at the tables that were found; else at random, as others do.
    annealing : Annealing, optional
        How long is searched.
    """

    fixed = True
    of_bits = True

    def __init__(self, with_tables: bool, annealing: Annealing | None = None) -> None:
        self.with_tables = self.changes_modules = with_tables
        self.annealing = annealing or Annealing()

    def search(
        self,
        network: ModularNetwork,
        rows: Sequence[TrainingRows],
        seeds: Sequence[int],
        seen: Sequence[np.ndarray] | None = None,
    ) -> list[FoundCircuit]:
        """See :func:`modnets.models.routing_methods.search.search`; ``seen`` are its tables."""
        return search(CircuitShape.of(network), rows, seeds, self.annealing, seen)

    def start(self, network: ModularNetwork, found: FoundCircuit) -> None:
        """Choose as the circuit does, and maybe compute what its tables hold."""
        network.choose(found.structure)
        if self.with_tables:
            start_at_tables(network, found.tables, found.seed)

    def arithmetic(self, found: FoundCircuit) -> int:
        """Additions of the search."""
        return found.additions


class GivenTablesMethod(GibbsMethod):
    """Searches hard choices among modules as they are: those of a pool of another task, say.

    Parameters
    ----------
    annealing : Annealing, optional
        How long is searched.
    """

    def __init__(self, annealing: Annealing | None = None) -> None:
        super().__init__(with_tables=False, annealing=annealing or Annealing(sweeps=30, rounds=2))

    def look(self, network: ModularNetwork) -> np.ndarray:
        """The tables that its modules compute."""
        return tables_of(network)
