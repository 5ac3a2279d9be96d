"""Statistics of runs: shares and means with their intervals.

The unit is the run, at its last evaluation.  Outcomes are bimodal (solved or stuck), so they are
summarized by two numbers: the share of runs that solve the task, and the inter-quartile mean of
their accuracy (Agarwal et al., 2021).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from modnets.analysis.clusters import SEEDS, Clusters
from modnets.analysis.intervals import Bootstrap, interquartile_mean, share_interval
from modnets.analysis.pooling import refuse_pooling, varying_settings
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require
from modnets.tasks.data_sets import named_data_set
from modnets.tasks.named_graphs import GRAPHS, TASK_SETS, get_graph
from modnets.tasks.samples import Samples
from modnets.tasks.task import Task


@checked
def majority_floor(graph: str | Task) -> float:
    """Bit accuracy over the whole table of the best constant answer, the majority of each output.

    Parameters
    ----------
    graph : str or Task
        For a task set the majority is taken for each task; for digit pairs every pair counts once;
        for samples those that tests are drawn from; don't-cares do not count.

    Returns
    -------
    float, in [0.5, 1]

    Examples
    --------
    >>> majority_floor("6-3-2-2")
    0.75
    """
    task = get_graph(graph)
    table = task.tested if isinstance(task, Samples) else task.truth_table()
    table = np.asarray(table).reshape(task.n_tasks, -1, table.shape[1])
    if task.has_dont_cares:
        counts = [(table == bit).sum(axis=1) for bit in (0, 1)]
        return float(np.maximum(*counts).sum() / np.sum(counts))
    ones = table.mean(axis=1)
    return float(np.maximum(ones, 1 - ones).mean())


@checked
def last(results: pd.DataFrame) -> pd.DataFrame:
    """One row per run: its last evaluated epoch.  No epoch is selected by its accuracy.

    Parameters
    ----------
    results : DataFrame
        A row per run and evaluated epoch, with columns ``run`` and ``epoch``.

    Returns
    -------
    DataFrame
        The same columns, the runs in order of first appearance.
    """
    require_columns(results, ["run", "epoch"])
    results = results.reset_index(drop=True)
    return results.loc[results.groupby("run", sort=False)["epoch"].idxmax()].reset_index(drop=True)


@checked
def summarize(
    results: pd.DataFrame,
    by: Sequence[str] = ("graph", "kind", "train_rows"),
    *,
    measure: str = "test_bit_accuracy",
    share: str = "solved",
    pooled: Sequence[str] = (),
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Share solved and inter-quartile mean of a measure, with intervals, for each group of runs.

    Groups hold runs that differ in their seeds only: a setting that varies within a group, such as
    the ``options`` of a user-defined model, becomes a further column of ``by``.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns; each run enters at its last epoch.
    by : sequence of str
        Columns that make the groups.
    measure : str
        Column to average.
    share : str
        Column of true and false whose share is computed; what is called ``solved`` below.
    pooled : sequence of str
        Settings that may vary within a group, such as ``"train_rows"``.
    confidence : float, in (0, 1)
        Of all intervals.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        A row per group, sorted by ``by``: those columns, and the settings that varied; ``n``
        (runs), ``clusters`` (independent observations among them, see
        :mod:`modnets.analysis.clusters`), ``n_solved``, ``solved`` (share, in [0, 1]) with
        ``solved_low`` and ``solved_high`` (Wilson's interval, with regard to the clusters), the
        measure (inter-quartile mean) with ``_low`` and ``_high`` (bootstrap), and ``_mean``;
        ``confidence`` of the intervals; with ``graph`` in ``by`` also ``floor``, the bit accuracy
        of the majority answer (NaN for a task without a name in ``GRAPHS``, ``TASK_SETS`` or
        ``DATA_SETS``).
    """
    by = list(by)
    runs = last_runs(results, [*by, share, measure])
    by += varying_settings(runs, by, pooled)
    bootstrap = Bootstrap(confidence, resamples, seed)
    rows = []
    for values, group, weights in groups(runs, bootstrap.weights(runs), by):
        clusters, hits = Clusters.of(group), group[share].to_numpy(bool)
        row = dict(zip(by, values, strict=True)) | {"n": len(group), "clusters": clusters.count}
        row |= {f"n_{share}": int(hits.sum()), share: hits.mean()}
        low, high = share_interval(hits, clusters, confidence)
        row |= {f"{share}_low": low, f"{share}_high": high}
        x = group[measure].to_numpy(float)
        low, high = bootstrap.interval(interquartile_mean(x, weights), clusters.count)
        row |= {measure: float(interquartile_mean(x)), f"{measure}_low": low}
        rows.append(row | {f"{measure}_high": high, f"{measure}_mean": float(x.mean())})
    summary = pd.DataFrame(rows).assign(confidence=confidence)
    if "graph" in by:
        names = summary["graph"]
        known = GRAPHS | TASK_SETS
        named = [g for g in names.unique() if g in known or named_data_set(g) is not None]
        floors = {g: majority_floor(g) if g in named else np.nan for g in names.unique()}
        summary["floor"] = [floors[g] for g in names]
    return summary


@checked
def paired_difference(
    results: pd.DataFrame,
    measure: str = "test_bit_accuracy",
    *,
    by: Sequence[str] = ("graph", "kind", "train_rows"),
    reference: str = "dense",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """How much better each kind is than the reference on the same split seed and init seed.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns; each run enters at its last epoch.
    measure : str
        Column to compare; ``"solved"`` gives differences of shares.
    by : sequence of str
        Columns that make the groups; without ``train_rows``, pairs of all its values together.
    reference : str
        The kind of network that the others are compared with.
    confidence : float, in (0, 1)
        Of the intervals.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        A row per group, sorted by ``by``: those columns, ``n`` pairs, mean ``difference``, and its
        ``difference_low`` and ``difference_high``.

    Raises
    ------
    ValueError
        If a setting varies within a kind, or no run is of the reference kind.
    """
    keys = ["graph", "train_rows", *SEEDS]
    runs = last_runs(results, [*keys, "kind", measure])
    refuse_pooling(runs, list(dict.fromkeys([*by, "kind"])), ("graph", "train_rows"))
    runs[measure] = runs[measure].astype(float)
    others = runs.loc[runs["kind"] == reference, [*keys, measure]]
    require(
        len(others) > 0,
        f"reference={reference!r}; allowed: {', '.join(sorted(map(str, runs['kind'].unique())))}",
    )
    require(
        not others.duplicated(keys).any(),
        f"reference={reference!r} has several runs for the same graph, train_rows and seeds; "
        "keep the runs of one setting",
    )
    pairs = runs[runs["kind"] != reference].merge(others, on=keys, suffixes=("", "_reference"))
    pairs["difference"] = pairs[measure] - pairs[f"{measure}_reference"]
    bootstrap = Bootstrap(confidence, resamples, seed)
    by, rows = list(by), []
    for values, group, weights in groups(pairs, bootstrap.weights(pairs), by):
        x = group["difference"].to_numpy()
        means = weights @ x / weights.sum(axis=1)
        low, high = bootstrap.interval(means, Clusters.of(group).count)
        rows.append(
            dict(zip(by, values, strict=True))
            | {"n": len(group), "difference": float(x.mean())}
            | {"difference_low": low, "difference_high": high}
        )
    return pd.DataFrame(rows, columns=[*by, "n", "difference", "difference_low", "difference_high"])


def last_runs(results: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The last evaluation of each run, in an order that does not depend on that of the results."""
    require_columns(results, ["run", "epoch", *columns, *SEEDS])
    require(len(results) > 0, "results is empty; there are no runs to summarize")
    runs = last(results)
    order = [c for c in ("graph", "kind", "train_rows", *SEEDS, "run") if c in runs]
    return runs.sort_values(order, kind="stable", ignore_index=True)


def groups(
    runs: pd.DataFrame, weights: np.ndarray, by: list[str]
) -> Iterator[tuple[tuple, pd.DataFrame, np.ndarray]]:
    """Each group's values, its runs, and its weights in the resamples that hold any of its runs."""
    for values, group in runs.groupby(by, observed=True, dropna=False):
        w = weights[:, runs.index.get_indexer(group.index)]
        yield values, group, w[w.sum(axis=1) > 0]
