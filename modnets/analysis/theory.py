"""What can be known exactly: the functions that a kind of network can express, before any training.

Each module may be any gate, that is any Boolean function of its inputs.  Of the functions that this
makes, those that agree with the rows shown are left; drawn beside trained networks they tell apart
what the rows do not say (information gap) and what training does not find (optimisation gap).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
import pandas as pd

from modnets.analysis.enumeration import enumerate_levels
from modnets.analysis.learning_curves import Functions, Rows, by_networks, curve_of, row_sets
from modnets.analysis.signals import pack
from modnets.analysis.structures import Structure
from modnets.analysis.symmetries import Solution, solutions_of
from modnets.errors import require
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import get_graph
from modnets.training.config import RunConfig

#: Inputs of a table that is enumerated, at most.
MOST_INPUTS = 12
#: Solutions that are listed, at most.
MOST_SOLUTIONS = 100_000


class VersionSpace:
    """The functions that a modular network can express; made by :func:`version_space`.

    Nothing is enumerated before it is asked for.

    Parameters
    ----------
    run : RunConfig
        Its network.

    Attributes
    ----------
    graph : FunctionGraph
    kind : str
        As ``RunConfig.kind`` spells it.
    n_labelled : int
        Labelled networks: all choices of gates, and of what is learned.
    n_functions_at_most : int
        Bound on the distinct functions: labelled networks, or all tables where these are fewer.
    """

    def __init__(self, run: RunConfig) -> None:
        graph = run.graph
        require(
            isinstance(graph, FunctionGraph) and run.is_modular,
            f"no exact theory of {run.model} on {graph}; allowed are modular networks on one graph",
        )
        require(
            graph.n_inputs <= MOST_INPUTS,
            f"graph {graph} has {graph.n_inputs} inputs; allowed are {MOST_INPUTS} to enumerate",
        )
        require(
            run.final.output_levels == "last",
            f"output_levels={run.final.output_levels!r}; allowed is 'last'",
        )
        self.graph, self.kind, self.structure = graph, run.kind, Structure.of(run)
        self.n_labelled = self.structure.n_labelled
        self.n_functions_at_most = min(self.n_labelled, 2 ** (graph.n_rows * graph.n_outputs))

    def __repr__(self) -> str:
        return f"VersionSpace({self.graph}, {self.kind})"

    @property
    def n_functions(self) -> int:
        """Distinct functions.

        Raises
        ------
        ValueError
            As all that follows, if the networks are too many to enumerate.
        """
        return len(self.functions.outputs) * self.functions.signs

    @property
    def n_solutions(self) -> int:
        """Labelled networks that compute the graph exactly."""
        functions = self.functions
        return int(functions.networks[functions.right].sum()) // functions.signs

    @cached_property
    def solutions(self) -> list[Solution]:
        """Those networks one by one, and by which symmetries each differs from the graph."""
        require(
            self.n_solutions <= MOST_SOLUTIONS,
            f"{self} has {self.n_solutions:,} solutions; allowed are {MOST_SOLUTIONS:,} to list",
        )
        return solutions_of(self.structure, self.graph, self._levels, self.functions.right)

    @cached_property
    def refusal(self) -> str | None:
        """Why it cannot be enumerated; None where it can."""
        try:
            _ = self._levels
        except ValueError as error:
            return str(error)
        return None

    @cached_property
    def _levels(self) -> list:
        try:
            return enumerate_levels(self.structure)
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
        signed = not self.structure.own
        target = pack(self.graph.truth_table())
        return Functions(self.graph.n_rows, last.signals, last.slots, last.networks, target, signed)

    def learning_curve(
        self, rows: Rows, *, draws: int = 500, seed: int = 0, weights: str = "functions"
    ) -> pd.DataFrame:
        """What is left after some rows of the table were shown, and how right it is on others.

        Parameters
        ----------
        rows : iterable
            Numbers of rows, each drawn ``draws`` times without replacement, the draws nested and
            the same for every kind of network; or row sets, as arrays of row numbers; or splits
            with parts ``train`` and ``test``, as ``RunConfig.split``.
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
            standard error ``_se``.

        Raises
        ------
        ValueError
            If no network of this kind computes the graph.
        """
        by, functions = by_networks(weights), self.functions
        require(len(functions.right) > 0, f"{self}: no network of this kind computes the graph")
        sets = row_sets(rows, self.graph.n_rows, draws, seed)
        return curve_of(sets, lambda train, asked: functions.answers(train, asked, by))


class EveryTable:
    """All truth tables of a graph's size; made by :func:`every_table`.

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

    def __init__(self, graph: FunctionGraph) -> None:
        require(isinstance(graph, FunctionGraph), f"graph {graph}; allowed is one function graph")
        self.graph, self.kind, self.n_solutions = graph, "dense", 1
        self.n_functions = 2 ** (graph.n_rows * graph.n_outputs)
        self.n_labelled = self.n_functions_at_most = self.n_functions
        self.solutions: list[Solution] = []
        self.refusal = None

    def __repr__(self) -> str:
        return f"EveryTable({self.graph})"

    def learning_curve(
        self, rows: Rows, *, draws: int = 500, seed: int = 0, weights: str = "functions"
    ) -> pd.DataFrame:
        """As :meth:`VersionSpace.learning_curve`: the rows shown say nothing about others."""
        by_networks(weights)
        n_outputs, n_rows = self.graph.n_outputs, self.graph.n_rows

        def answers(train: np.ndarray, asked: np.ndarray) -> dict[str, float]:
            bits = float((n_rows - len(train)) * n_outputs)
            with np.errstate(over="ignore"):
                left = np.exp2(bits)
            half, rows_right = 0.5, 0.5**n_outputs
            right = dict.fromkeys(("bit_accuracy", "vote_bit_accuracy"), half)
            right |= dict.fromkeys(("row_accuracy", "vote_row_accuracy"), rows_right)
            return {"left": left, **right, "single": 0.0, "solved": np.exp2(-bits)}

        return curve_of(row_sets(rows, n_rows, draws, seed), answers)


def version_space(
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
        The task; what is known is its structure.
    shared : bool
        A pool of modules for all slots; else one of its own for each.
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
        If there is no such network, or it is none of one function graph.

    Examples
    --------
    >>> space = version_space("6-3-2-2")
    >>> space.n_labelled, space.n_functions, [found.modules for found in space.solutions]
    (256, 100, [('XOR', 'AND'), ('XNOR', 'NOR')])
    """
    run = RunConfig(
        graph=graph,
        model="shared" if shared else "modular",
        routing=routing,
        selection=selection if shared else None,
        outputs=outputs,
        slots=slots,
        shared_modules=shared_modules if shared else None,
        arity=arity,
    )
    return VersionSpace(run)


def every_table(graph: str | FunctionGraph) -> EveryTable:
    """What a dense network can express: every truth table, in the form of a version space.

    Parameters
    ----------
    graph : str or FunctionGraph

    Returns
    -------
    EveryTable
    """
    return EveryTable(get_graph(graph))


def exact_curves(runs: Iterable[RunConfig], *, weights: str = "functions") -> pd.DataFrame:
    """The exact curves of the kinds of network in a sweep, on exactly the splits that they have.

    Parameters
    ----------
    runs : iterable of RunConfig
    weights : "functions" or "networks"
        As :meth:`VersionSpace.learning_curve` takes it.

    Returns
    -------
    DataFrame
        A row per graph, kind and ``train_rows``, with the columns of a learning curve; kinds that
        cannot be counted (sparse ones, and those too large to enumerate) are left out.
    """
    found = []
    groups: dict[tuple, dict[tuple, RunConfig]] = {}
    for run in runs:
        final = run.final
        group = groups.setdefault((run.graph, run.kind, final.slots, final.shared_modules), {})
        group.setdefault((final.train_rows, run.split_seed), run)
    for (graph, kind, *_), members in groups.items():
        first = next(iter(members.values()))
        if not (first.is_modular or kind == "dense") or not isinstance(graph, FunctionGraph):
            continue
        space = VersionSpace(first) if first.is_modular else EveryTable(graph)
        if space.refusal is None:
            curve = space.learning_curve([run.split for run in members.values()], weights=weights)
            curve.insert(0, "kind", kind)
            curve.insert(0, "graph", str(graph))
            found.append(curve.rename(columns={"rows": "train_rows"}))
    require(bool(found), "runs: no kind of network that can be counted")
    return pd.concat(found, ignore_index=True)


def _short(number: int) -> str:
    """A large number in few digits, also where no float holds it."""
    return f"{number:.3g}" if number < 2**1000 else f"2**{number.bit_length() - 1}"
