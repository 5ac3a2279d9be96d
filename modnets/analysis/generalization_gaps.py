"""Trained networks against the exact version space, on the same training rows.

The error of a kind of network has two parts.  Information gap: the error of a function picked at
random among all that the kind can express and that fit the training rows; the rows determine no
more.  Optimisation gap: the error of the trained networks beyond that.  It is negative where
training prefers the right one among the functions that fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import pandas as pd

from modnets.analysis.clusters import Clusters
from modnets.analysis.intervals import Bootstrap
from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.statistics import groups, last_runs
from modnets.analysis.tables import require_columns
from modnets.analysis.version_space.dense import DenseVersionSpace
from modnets.analysis.version_space.modular import VersionSpace
from modnets.checked import checked
from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.tasks.graphs import FunctionGraph

POINT = ["graph", "kind", "train_rows"]

#: Each space with a run for each split.
Spaces = list[tuple[VersionSpace | DenseVersionSpace, list[RunConfig]]]


@checked
def version_spaces(runs: Iterable[RunConfig]) -> Spaces:
    """The version space of each graph and kind of network in a sweep.

    Parameters
    ----------
    runs : iterable of RunConfig
        Left out are sparse networks, user-defined models, other tasks than one graph, networks with
        the structure of another task, and graphs with don't-cares.

    Returns
    -------
    list of (VersionSpace or DenseVersionSpace, list of RunConfig)
        With a run for each split on which the kind is trained.
    """
    by_network: dict[tuple, dict[tuple, RunConfig]] = {}
    for run in runs:
        final, graph = run.final, run.graph
        countable = run.known_graph == graph if run.is_modular else run.model == "dense"
        if countable and isinstance(graph, FunctionGraph) and not graph.has_dont_cares:
            sizes = final.slots, final.shared_modules, final.arity, final.output_levels
            splits = by_network.setdefault((graph, run.kind, *sizes), {})
            splits.setdefault((final.train_rows, final.split_seed), run)
    pairs = []
    for splits in by_network.values():
        members = list(splits.values())
        first = members[0]
        space = (
            VersionSpace(first)
            if first.is_modular
            else DenseVersionSpace(cast("FunctionGraph", first.graph))
        )
        pairs.append((space, members))
    return pairs


@checked
def exact_counts(spaces: Spaces) -> pd.DataFrame:
    """How many networks and functions each kind of network has.

    Parameters
    ----------
    spaces : list
        What :func:`version_spaces` returns.

    Returns
    -------
    DataFrame
        A row per graph and kind: ``labelled`` networks, distinct ``functions``, and ``solutions``,
        the labelled networks that compute the graph; integers of any size, the last two None
        where the networks are too many to enumerate.
    """
    rows = []
    for space, _ in spaces:
        row = {"graph": str(space.graph), "kind": space.kind, "labelled": space.n_labelled}
        enumerable = space.refusal is None
        row["functions"] = space.n_functions if enumerable else None
        row["solutions"] = space.n_solutions if enumerable else None
        rows.append(row)
    return pd.DataFrame(rows, dtype=object)


@checked
def exact_answers(spaces: Spaces, *, weights: str = "functions") -> pd.DataFrame:
    """Exact accuracies on each split of a sweep, for each kind of network.

    Parameters
    ----------
    spaces : list
        What :func:`version_spaces` returns.
    weights : "functions" or "networks"
        As :meth:`VersionSpace.learning_curve` takes it.

    Returns
    -------
    DataFrame
        A row per graph, kind, ``train_rows`` and ``split_seed``: ``left``, the functions that fit
        the training rows, and what :meth:`VersionSpace.learning_curve` has means of, on the test
        rows.  Kinds that are too large to enumerate are left out.

    Raises
    ------
    ValueError
        If no kind can be enumerated.
    """

    def answers(space: VersionSpace | DenseVersionSpace, members: list[RunConfig]) -> pd.DataFrame:
        table = space.answers([run.split for run in members], weights=weights)
        table.insert(0, "split_seed", [run.split_seed for run in members])
        return table

    return _of_enumerated(spaces, answers)


@checked
def exact_curves(
    spaces: Spaces,
    rows: Iterable[int] | None = None,
    *,
    draws: int = 1000,
    seed: int = 0,
    weights: str = "functions",
) -> pd.DataFrame:
    """Exact learning curves of kinds of networks, over many more random splits than trained on.

    Parameters
    ----------
    spaces : list
        What :func:`version_spaces` returns.
    rows : iterable of int, optional
        Numbers of training rows; by default those of the sweep.
    draws, seed : int
        Sets of training rows of each number, nested, and the same for every kind.
    weights : "functions" or "networks"
        As :meth:`VersionSpace.learning_curve` takes it.

    Returns
    -------
    DataFrame
        A row per graph, kind and ``train_rows``, with the columns of a learning curve, each measure
        with its 95 % interval over the draws, ``_low`` and ``_high``.  Kinds that are too large to
        enumerate are left out.

    Raises
    ------
    ValueError
        If no kind can be enumerated.
    """

    def curve(space: VersionSpace | DenseVersionSpace, members: list[RunConfig]) -> pd.DataFrame:
        tried = sorted({run.final.train_rows for run in members} if rows is None else rows)
        return space.learning_curve(tried, draws=draws, seed=seed, weights=weights)

    return _of_enumerated(spaces, curve)


def _of_enumerated(spaces: Spaces, table_of: Callable[..., pd.DataFrame]) -> pd.DataFrame:
    """A table of each kind that can be enumerated, below each other, with graph and kind."""
    tables = []
    for space, members in spaces:
        if space.refusal is None:
            table = table_of(space, members).rename(columns={"rows": "train_rows"})
            table.insert(0, "kind", space.kind)
            table.insert(0, "graph", str(space.graph))
            tables.append(table)
    require(bool(tables), "spaces: no kind of network that can be counted")
    return pd.concat(tables, ignore_index=True)


@checked
def gaps(
    results: pd.DataFrame,
    answers: pd.DataFrame,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """The error of trained networks, split into information gap and optimisation gap.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns; each run enters at its last epoch.
    answers : DataFrame
        What :func:`exact_answers` returns for the same runs.
    confidence : float, in (0, 1)
        Of all intervals.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        A row per graph, kind and ``train_rows``, sorted: ``n`` runs; mean ``test_bit_accuracy``
        and share ``solved`` of the runs; ``information_gap`` and ``optimisation_gap``, means over
        runs, each with ``_low`` and ``_high``: they add up to 1 minus the accuracy; ``single``,
        the share of runs whose rows leave a single function; ``confidence``.  The gaps of kinds
        that cannot be enumerated are NaN.

    Raises
    ------
    ValueError
        If a setting varies within a kind at a number of rows.
    """
    keys = [*POINT, "split_seed"]
    require_columns(answers, [*keys, "bit_accuracy", "single"])
    runs = last_runs(results, [*POINT, "test_bit_accuracy", "solved"])
    exact = answers[keys].assign(exact=answers["bit_accuracy"], single=answers["single"])
    require(not exact.duplicated(keys).any(), "answers holds several rows for a kind and split")
    refuse_pooling(runs, POINT)
    # The results have another column ``bit_accuracy``, over the whole table.
    runs = runs[[*keys, "seed", "test_bit_accuracy", "solved"]].merge(exact, on=keys, how="left")
    runs["information_gap"] = 1 - runs["exact"]
    runs["optimisation_gap"] = runs["exact"] - runs["test_bit_accuracy"]
    bootstrap = Bootstrap(confidence, resamples, seed)
    rows = []
    for values, group, weights in groups(runs, bootstrap.weights(runs), POINT):
        row = dict(zip(POINT, values, strict=True)) | {"n": len(group)}
        row |= {name: group[name].mean() for name in ("test_bit_accuracy", "solved")}
        for name in ("information_gap", "optimisation_gap"):
            gap = group[name].to_numpy()
            means = weights @ gap / weights.sum(axis=1)
            low, high = bootstrap.interval(means, Clusters.of(group).count)
            row |= {name: gap.mean(), f"{name}_low": low, f"{name}_high": high}
        rows.append(row | {"single": group["single"].mean(), "confidence": confidence})
    return pd.DataFrame(rows)
