"""Whether a graph's table tells its wiring: another may compute the same, as for an AND of ANDs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import pandas as pd

from modnets.checked import checked
from modnets.config.run_config import RunConfig
from modnets.errors import require, shown
from modnets.models.modular import ModularNetwork
from modnets.models.recovery import is_recovered
from modnets.models.registry import build
from modnets.models.routing_methods.circuits import CircuitShape
from modnets.models.routing_methods.search import Annealing, search
from modnets.models.structures import Structures
from modnets.tasks.graphs import FunctionGraph
from modnets.training.random_streams import stream_seed

#: Inputs up to which circuits are searched on the whole table.
MAX_INPUTS = 12


@checked(searches=(1, 10_000))
def identifiable(graphs: Iterable[FunctionGraph], *, searches: int = 8) -> pd.DataFrame:
    """Whether the whole table of each graph tells its wiring, up to the order of slots.

    Circuits of as many sub-functions as the graph has are searched on the whole table,
    independently of each other; gates may be any.

    Parameters
    ----------
    graphs : iterable of FunctionGraph
        With levels, of 2 to 12 inputs.
    searches : int
        Circuits searched for each.

    Returns
    -------
    DataFrame
        A row for each: ``graph`` (its name); ``found``, circuits that compute the table; ``same``,
        how many of them have the graph's wiring; ``identifiable``, a bool: all have.  False is
        certain where a circuit was found; True says that no search found another wiring.
    """
    rows = []
    for graph in graphs:
        require(
            isinstance(graph, FunctionGraph)
            and graph.has_structure
            and graph.n_inputs <= MAX_INPUTS,
            f"graphs has {shown(graph)}; allowed: graphs with levels, of up to {MAX_INPUTS} inputs",
        )
        network = build(RunConfig(graph=graph, model="modular").final, seed=0)
        shape = CircuitShape.of(cast("ModularNetwork", network))
        table = (graph.rows(), graph.truth_table())
        seeds = [stream_seed(seed, "routing") for seed in range(searches)]
        circuits = search(shape, [table] * searches, seeds, Annealing())
        fitting = [one.structure for one in circuits if one.errors == 0]
        same = 0
        if fitting:
            same = int(is_recovered(graph, Structures.from_plain(fitting), 0, None).sum())
        rows.append(
            {"graph": graph.name, "found": len(fitting), "same": same}
            | {"identifiable": bool(fitting) and same == len(fitting)}
        )
    return pd.DataFrame(rows)
