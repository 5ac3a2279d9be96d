"""The version space of modular networks: all functions that a kind of network can express.

Each module may be any gate, that is any Boolean function of its inputs.  Of these functions those
that agree with the training rows are left; compared with trained networks they separate what the
rows do not determine (information gap) from what training does not find (optimisation gap).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import pandas as pd

from modnets.analysis.version_space.bitsets import pack
from modnets.analysis.version_space.curves import (
    Functions,
    Rows,
    answer,
    by_networks,
    curve_of,
    row_sets,
)
from modnets.analysis.version_space.enumeration import States, enumerate_levels
from modnets.analysis.version_space.spec import NetworkSpec
from modnets.analysis.version_space.symmetries import Solution, solutions_of
from modnets.checked import checked
from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Task

#: The most inputs of a table that is enumerated.
MOST_INPUTS = 12
#: The most solutions that are listed.
MOST_SOLUTIONS = 100_000


class VersionSpace:
    """The functions that a modular network can express; made by :func:`modular_version_space`.

    Functions are enumerated on first use.

    Parameters
    ----------
    run : RunConfig
        Of the network.

    Attributes
    ----------
    graph : FunctionGraph
    kind : str
        As in ``RunConfig.kind``.
    n_labelled : int
        Labelled networks: all choices of gates, and of learned routing, selection and outputs.
    n_functions_at_most : int
        Upper bound of the distinct functions: labelled networks, or all tables if these are fewer.
    """

    @checked
    def __init__(self, run: RunConfig) -> None:
        graph = run.graph
        if not (isinstance(graph, FunctionGraph) and run.is_modular):
            raise ValueError(
                f"no exact theory of {run.model} on {graph}; allowed are modular networks on one "
                "graph"
            )
        require(
            not graph.has_dont_cares,
            f"no exact theory of graph {graph}, which has don't-cares; allowed are graphs without",
        )
        _check_inputs(graph)
        require(
            run.final.output_levels == "last",
            f"output_levels={run.final.output_levels!r}; allowed is 'last'",
        )
        self.graph, self.kind, self.spec = graph, run.kind, NetworkSpec.of(run)
        self.n_labelled = self.spec.n_labelled
        self.n_functions_at_most = min(self.n_labelled, 2 ** (graph.n_rows * graph.n_outputs))

    def __repr__(self) -> str:
        return f"VersionSpace({self.graph}, {self.kind})"

    @property
    def n_functions(self) -> int:
        """Distinct functions.

        Raises
        ------
        ValueError
            If the networks are too many to enumerate; so do the methods below.
        """
        return len(self.functions.outputs) * self.functions.signs

    @property
    def n_solutions(self) -> int:
        """Labelled networks that compute the graph exactly."""
        functions = self.functions
        return int(functions.networks[functions.right].sum()) // functions.signs

    @cached_property
    def solutions(self) -> list[Solution]:
        """Those networks, and the symmetries by which each differs from the graph."""
        require(
            self.n_solutions <= MOST_SOLUTIONS,
            f"{self} has {self.n_solutions:,} solutions; allowed are {MOST_SOLUTIONS:,} to list",
        )
        return solutions_of(self.spec, self.graph, self._levels, self.functions.right)

    @cached_property
    def refusal(self) -> str | None:
        """Why it cannot be enumerated; None where it can."""
        try:
            _ = self._levels
        except ValueError as error:
            return str(error)
        return None

    @cached_property
    def _levels(self) -> list[States]:
        try:
            return enumerate_levels(self.spec)
        except ValueError as error:
            raise ValueError(
                f"{self} is too large to enumerate: {error}; "
                f"of its {self.n_labelled:.3g} labelled networks at most "
                f"{_short(self.n_functions_at_most)} are distinct functions"
            ) from None

    @cached_property
    def functions(self) -> Functions:
        """The distinct functions themselves."""
        last = self._levels[-1]
        signed = not self.spec.own
        target = pack(self.graph.truth_table())
        return Functions(self.graph.n_rows, last.bitsets, last.slots, last.networks, target, signed)

    def learning_curve(
        self, rows: Rows, *, draws: int = 500, seed: int = 0, weights: str = "functions"
    ) -> pd.DataFrame:
        """The functions left after training rows of the table, and their accuracy on others.

        Parameters
        ----------
        rows : iterable
            Numbers of rows, each drawn ``draws`` times without replacement, the draws nested and
            the same for every kind of network; or row sets, as arrays of row indices; or splits
            with keys ``train`` and ``test``, as ``RunConfig.split``.
        draws : int
        seed : int
            Of the draws.
        weights : "functions" or "networks"
            Whether each distinct function counts once, or each labelled network.

        Returns
        -------
        DataFrame
            A row per number of ``rows``, with ``draws``; the functions left (``left_mean``,
            ``left_median``, ``left_low`` and ``left_high``: 5 and 95 % of draws); ``bit_accuracy``
            and ``row_accuracy`` on rows not shown (of a split: on its test rows) of a function
            picked at random among those left, ``vote_bit_accuracy`` and ``vote_row_accuracy`` of a
            vote of all of them, ties counted half; ``single``, the share of draws in which one
            function is left; ``solved``, the chance that the pick is the graph; of each the
            standard error ``_se`` and the 95 % interval over the draws, ``_low`` and ``_high``.

        Raises
        ------
        ValueError
            If no network of this kind computes the graph.
        """
        return curve_of(self.answers(rows, draws=draws, seed=seed, weights=weights))

    def answers(
        self, rows: Rows, *, draws: int = 500, seed: int = 0, weights: str = "functions"
    ) -> pd.DataFrame:
        """The terms of the means of the learning curve: a row for each row set, in their order."""
        weighted, functions = by_networks(weights), self.functions
        require(len(functions.right) > 0, f"{self}: no network of this kind computes the graph")
        sets = row_sets(rows, self.graph.n_rows, draws, seed)
        return answer(sets, lambda train, test: functions.answers(train, test, weighted))


@checked
def modular_version_space(
    graph: str | FunctionGraph,
    shared: bool = True,
    routing: str = "known",
    selection: str | None = None,
    outputs: str | None = None,
    *,
    slots: tuple[int, ...] | None = None,
    shared_modules: int | None = None,
    arity: int | None = None,
) -> VersionSpace:
    """The functions that a kind of modular network can express, if modules may be any gate.

    Parameters
    ----------
    graph : str or FunctionGraph
        The task; known choices are those of its structure.
    shared : bool
        A pool of modules for all slots; else an own module for each.
    routing, selection, outputs : "known" or "learned"
        The last two by default as ``routing``.
    slots, shared_modules, arity : optional
        By default as the graph.

    Returns
    -------
    VersionSpace
        With ``n_labelled``, ``n_functions``, ``n_solutions``, ``solutions`` and
        ``learning_curve``.

    Raises
    ------
    ValueError
        If there is no such network, or the task is not one function graph.

    Examples
    --------
    >>> space = modular_version_space("6-3-2-2")
    >>> space.n_labelled, space.n_functions, [solution.modules for solution in space.solutions]
    (256, 100, [('XOR', 'AND'), ('XNOR', 'NOR')])
    """
    _check_inputs(get_graph(graph))
    choices: dict[str, Any] = {"routing": routing, "outputs": outputs}
    choices["selection"] = selection if shared else None
    run = RunConfig(
        graph=graph,
        model="shared" if shared else "modular",
        slots=slots,
        shared_modules=shared_modules if shared else None,
        arity=arity,
        **choices,
    )
    return VersionSpace(run)


def _short(number: int) -> str:
    """An integer in three digits, also beyond the range of float."""
    return f"{number:.3g}" if number < 2**1000 else f"2**{number.bit_length() - 1}"


def _check_inputs(graph: Task) -> None:
    """Raise ValueError where there are more inputs than can be enumerated."""
    require(
        graph.n_inputs <= MOST_INPUTS,
        f"graph {graph} has {graph.n_inputs} inputs; allowed are {MOST_INPUTS} to enumerate",
    )
