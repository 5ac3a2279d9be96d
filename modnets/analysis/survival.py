"""Survival analysis of the time until runs solve the task, in epochs and in FLOPs.

A run that has not solved when its training ends might have done so later: its time is censored.
Curves are those of Kaplan and Meier (1958).  Their interval is Greenwood's, on the log(-log) scale
(Kalbfleisch and Prentice, 1980); where runs share seeds, it is widened to the effective sample size
(:mod:`modnets.analysis.clusters`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import CensoredData, ecdf

from modnets.analysis.clusters import SEEDS, Clusters
from modnets.analysis.intervals import critical_value, wilson_interval
from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.statistics import last_runs
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require

BY = ("graph", "kind", "train_rows")
UNITS = ("epoch", "flops")


@checked
def time_to_solve(
    results: pd.DataFrame,
    by: Sequence[str] = BY,
    *,
    costs: pd.DataFrame | None = None,
    pooled: Sequence[str] = (),
) -> pd.DataFrame:
    """When each run has solved the whole table for good.

    That is the first evaluated epoch from which on it is solved at every evaluation.  A run that
    solves the table and loses it again has not solved it: the last evaluation counts, here as
    elsewhere.  Between evaluations nothing is known, so a time is too long by less than
    ``eval_every``.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns.
    by : sequence of str
        Columns to keep, which make the groups later.
    costs : DataFrame, optional
        What :func:`~modnets.analysis.costs_of` returns for these runs; adds ``flops``.
    pooled : sequence of str
        Settings that may vary within a group.

    Returns
    -------
    DataFrame
        A row per run: ``run``, the columns of ``by``, ``split_seed``, ``seed``; ``ever``, whether
        it was solved at any evaluation; ``solved``, whether it stayed solved to the end; ``epoch``
        from which on it did or, where it did not, the last one (a censored time); ``flops``, the
        floating-point operations of training up to that epoch.

    Raises
    ------
    ValueError
        If ``costs`` lacks a run, or a setting varies within a group.
    """
    runs = last_runs(results, [*by, "solved"])
    refuse_pooling(runs, by, pooled)
    is_solved = results["solved"].astype(bool)
    last_unsolved = results[~is_solved].groupby("run")["epoch"].max()
    since = results["run"].map(last_unsolved).fillna(-1)
    first = results[results["epoch"] > since].groupby("run")["epoch"].min()
    times = runs[["run", *by, *SEEDS]].assign(solved=runs["solved"].astype(bool))
    times["ever"] = times["run"].isin(results.loc[is_solved, "run"])
    times["epoch"] = runs["run"].map(first).fillna(runs["epoch"]).astype(int)
    if costs is not None:
        epoch_flops = times["run"].map(costs.set_index("run")["epoch_flops"])
        n_missing = epoch_flops.isna().sum()
        require(n_missing == 0, f"costs lacks {n_missing} of {len(times)} runs")
        times["flops"] = times["epoch"] * epoch_flops.astype(int)
    return times


@checked
def kaplan_meier(
    times: pd.DataFrame,
    by: Sequence[str] = BY,
    *,
    units: Sequence[str] = UNITS,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """The share of runs that have solved the task, as a step function of time.

    Parameters
    ----------
    times : DataFrame
        What :func:`time_to_solve` returns.
    by : sequence of str
        Columns that make the groups.
    units : sequence of str
        Columns of times; those that the table lacks are left out.
    confidence : float, in (0, 1)
        Of the intervals.

    Returns
    -------
    DataFrame
        Sorted by ``by``, ``unit`` and ``time``; a row for time 0, and for each time at which a run
        solved or was censored: ``unit`` of the time; ``time``; the share ``solved`` from then on,
        with ``solved_low`` and ``solved_high``; ``at_risk``, the runs that had not solved before;
        ``n``, all runs of the group; and ``confidence``.  Where none has solved yet, and where all
        have, Greenwood's variance does not exist, and the interval is Wilson's of 0 of n, or of all
        those not censored before.

    Raises
    ------
    ValueError
        If a setting that is among the columns varies within a group.
    """
    refuse_pooling(times, by, name="times")
    curves = []
    for unit in units_of(times, units):
        for values, group in times.groupby(list(by), observed=True):
            x, solved = group[unit].to_numpy(float), group["solved"].to_numpy(bool)
            curve = _curve(x, solved, Clusters.of(group), confidence)
            keys = dict(zip(by, values, strict=True)) | {"unit": unit}
            curves.append(curve.assign(**keys, n=len(group), confidence=confidence))
    table = pd.concat(curves, ignore_index=True)
    order = [*by, "unit", "time"]
    columns = [*order, "solved", "solved_low", "solved_high", "at_risk", "n", "confidence"]
    return table.sort_values(order, kind="stable", ignore_index=True)[columns]


def units_of(times: pd.DataFrame, units: Sequence[str]) -> list[str]:
    """Those of the units that the table of times has."""
    present = [unit for unit in units if unit in times]
    require_columns(times, ["solved", *(present or units[:1])])
    require(len(times) > 0, "times is empty; there are no runs")
    return present


def _curve(
    x: np.ndarray, solved: np.ndarray, clusters: Clusters, confidence: float
) -> pd.DataFrame:
    """The Kaplan-Meier curve of one group: share solved by each time, its interval; at risk."""
    survival = ecdf(CensoredData.right_censored(x, ~solved)).sf
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The confidence interval is undefined", RuntimeWarning)
        interval = survival.confidence_interval(confidence, method="log-log")
    steps = np.union1d([0.0], survival.quantiles)
    share = 1 - survival.evaluate(steps)
    at_risk = (x >= steps[:, None]).sum(axis=1)
    uncensored = len(x) - (~solved & (x < steps[:, None])).sum(axis=1)
    effective = [clusters.effective(solved & (x <= time)) for time in steps]
    n = uncensored * np.array([size for size, _ in effective]) / len(x)
    degrees = effective[0][1]
    low, high = wilson_interval(np.where(share == 1, n, 0), n, confidence, degrees)
    inside = (share > 0) & (share < 1)
    # Greenwood's deviation on its scale, widened from n runs to the effective sample size.
    factor = critical_value(confidence, degrees) / critical_value(confidence)
    factor = factor * np.sqrt(uncensored / n)[inside]
    scale = [np.log(-np.log(c.evaluate(steps[inside]))) for c in (interval.low, interval.high)]
    center = np.log(-np.log(1 - share[inside]))
    ends = [1 - np.exp(-np.exp(center + factor * (end - center))) for end in scale]
    high[inside], low[inside] = ends
    columns = {"time": steps, "solved": share, "solved_low": low, "solved_high": high}
    return pd.DataFrame(columns | {"at_risk": at_risk})
