"""Choices found by Gibbs sampling before the first step; weights alone are trained."""

from __future__ import annotations

from collections.abc import Sequence

from modnets.models.modular import ModularNetwork
from modnets.models.routing_methods.circuits import CircuitShape
from modnets.models.routing_methods.method import RoutingMethod, TrainingRows
from modnets.models.routing_methods.search import Annealing, FoundCircuit, search
from modnets.models.routing_methods.tables import start_at_tables


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
        self.with_tables = with_tables
        self.annealing = annealing or Annealing()

    def search(
        self, network: ModularNetwork, rows: Sequence[TrainingRows], seeds: Sequence[int]
    ) -> list[FoundCircuit]:
        """See :func:`modnets.models.routing_methods.search.search`."""
        return search(CircuitShape.of(network), rows, seeds, self.annealing)

    def start(self, network: ModularNetwork, found: FoundCircuit) -> None:
        """Choose as the circuit does, and maybe compute what its tables hold."""
        network.choose(found.structure)
        if self.with_tables:
            start_at_tables(network, found.tables, found.seed)

    def arithmetic(self, found: FoundCircuit) -> int:
        """Additions of the search."""
        return found.additions
