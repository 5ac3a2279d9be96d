"""The version space of a dense network, which can express every truth table: in closed form."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from modnets.analysis.version_space.curves import Rows, answer, by_networks, curve_of, row_sets
from modnets.analysis.version_space.symmetries import Solution
from modnets.checked import checked
from modnets.errors import require
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import MAX_TABLE_INPUTS


class DenseVersionSpace:
    """All truth tables of a graph's size; made by :func:`dense_version_space`.

    Parameters
    ----------
    graph : FunctionGraph

    Attributes
    ----------
    kind : str
        ``"dense"``: a network that is wide enough can express each of them.
    n_labelled, n_functions, n_functions_at_most : int
        Two to the number of bits of a table.
    n_solutions : int
        One.
    solutions : list
        Empty: a table has no gates.
    """

    @checked
    def __init__(self, graph: FunctionGraph) -> None:
        require(isinstance(graph, FunctionGraph), f"graph {graph}; allowed is one function graph")
        require(
            not graph.has_dont_cares,
            f"no exact theory of graph {graph}, which has don't-cares; allowed are graphs without",
        )
        require(
            graph.enumerable,
            f"graph {graph} has {graph.n_inputs} inputs; allowed are up to {MAX_TABLE_INPUTS}",
        )
        self.graph, self.kind, self.n_solutions = graph, "dense", 1
        self.n_functions = 2 ** (graph.n_rows * graph.n_outputs)
        self.n_labelled = self.n_functions_at_most = self.n_functions
        self.solutions: list[Solution] = []
        self.refusal = None

    def __repr__(self) -> str:
        return f"DenseVersionSpace({self.graph})"

    def learning_curve(
        self, rows: Rows, *, draws: int = 500, seed: int = 0, weights: str = "functions"
    ) -> pd.DataFrame:
        """As :meth:`VersionSpace.learning_curve`: training rows determine nothing about others."""
        return curve_of(self.answers(rows, draws=draws, seed=seed, weights=weights))

    def answers(
        self, rows: Rows, *, draws: int = 500, seed: int = 0, weights: str = "functions"
    ) -> pd.DataFrame:
        """The terms of the means of the learning curve: a row for each row set, in their order."""
        by_networks(weights)
        n_outputs, n_rows = self.graph.n_outputs, self.graph.n_rows

        def guess(train: np.ndarray, test: np.ndarray) -> dict[str, float]:
            bits = float((n_rows - len(train)) * n_outputs)
            with np.errstate(over="ignore"):
                left = np.exp2(bits)
            accuracies = dict.fromkeys(("bit_accuracy", "vote_bit_accuracy"), 0.5)
            accuracies |= dict.fromkeys(("row_accuracy", "vote_row_accuracy"), 0.5**n_outputs)
            return {"left": left, **accuracies, "single": 0.0, "solved": np.exp2(-bits)}

        return answer(row_sets(rows, n_rows, draws, seed), guess)


@checked
def dense_version_space(graph: str | FunctionGraph) -> DenseVersionSpace:
    """What a dense network can express: every truth table, in the form of a version space.

    Parameters
    ----------
    graph : str or FunctionGraph

    Returns
    -------
    DenseVersionSpace
    """
    return DenseVersionSpace(cast("FunctionGraph", get_graph(graph)))
