"""Sample complexity: how many training rows a kind of network needs, and how many it saves.

The share of runs that solve the task is made non-decreasing in the number of rows by isotonic
regression, and interpolated where it reaches the required share.  Intervals come from the bootstrap
of :mod:`modnets.analysis.intervals`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from modnets.analysis.clusters import Clusters
from modnets.analysis.intervals import Bootstrap
from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.statistics import last_runs
from modnets.checked import checked
from modnets.errors import require

SAVED = ("saved", "saved_low", "saved_high", "saved_is")


@checked
def sample_complexity(
    results: pd.DataFrame,
    share: float = 0.5,
    *,
    reference: str = "dense",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Training rows needed for a share of the runs to solve the task, and rows saved.

    The share solved is made non-decreasing in the number of rows (isotonic regression), and
    interpolated between the numbers tried, linearly in their logarithm.  Nothing is extrapolated: a
    share never reached needs infinitely many rows, one already reached at the fewest rows tried
    needs at most those.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns; each run enters at its last epoch.
    share : float, in (0, 1]
        Share of runs that have to solve the task.
    reference : str
        The kind of network that the others are compared with.
    confidence : float, in (0, 1)
        Of the intervals.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        A row per graph and kind, sorted: ``share``; ``rows`` needed, with ``rows_low`` and
        ``rows_high`` (infinite: more than the most rows tried); ``reached``, False where even the
        most rows tried do not suffice; ``at_most``, True where the fewest already do; ``saved``,
        rows that the reference needs more, with ``saved_low`` and ``saved_high`` (NaN: unknown);
        and ``saved_is``: "exact", "at least" or "at most" where one of the two numbers is known as
        a bound only, or "unknown"; a bound has no interval.

    Raises
    ------
    ValueError
        If a setting varies within a kind at a number of rows.
    """
    bootstrap = Bootstrap(confidence, resamples, seed)
    needed = rows_needed(results, share, bootstrap)
    rows = []
    for (graph, kind), own in needed.items():
        low, high = bootstrap.interval(own.draws, own.clusters)
        rows.append(
            {"graph": graph, "kind": kind, "share": share, "rows": own.rows}
            | {"rows_low": low, "rows_high": high, "reached": own.reached, "at_most": own.at_most}
            | rows_saved(own, needed.get((graph, reference)), bootstrap)
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class RowsNeeded:
    """Training rows that one kind of network needs on one graph.

    Parameters
    ----------
    rows : float
        Infinite where even the most rows tried do not suffice.
    draws : ndarray of float, shape (resample,)
        The same in each bootstrap resample; NaN where a resample holds none of its runs.
    tried : tuple of float
        The fewest and the most rows tried.
    clusters : int
        Independent observations among its runs.
    """

    rows: float
    draws: np.ndarray
    tried: tuple[float, float]
    clusters: int

    @property
    def reached(self) -> bool:
        """Whether the most rows tried suffice."""
        return bool(np.isfinite(self.rows))

    @property
    def at_most(self) -> bool:
        """Whether the fewest rows tried already suffice."""
        return self.rows == self.tried[0]


def rows_needed(
    results: pd.DataFrame, share: float, bootstrap: Bootstrap
) -> dict[tuple[str, str], RowsNeeded]:
    """Rows needed for each graph and kind, sorted; resamples are the same for all, so paired."""
    require(0 < share <= 1, f"share={share}; allowed is in (0, 1]")
    runs = last_runs(results, ["graph", "kind", "train_rows", "solved"])
    refuse_pooling(runs, ["graph", "kind", "train_rows"])
    all_weights = bootstrap.weights(runs)
    needed = {}
    for (graph, kind), group in runs.groupby(["graph", "kind"], observed=True):
        weights = all_weights[:, runs.index.get_indexer(group.index)]
        tried = np.unique(group["train_rows"].to_numpy())
        once = np.ones((1, len(group)), dtype=np.int64)
        draws, has_runs = np.full(len(weights), np.nan), weights.sum(axis=1) > 0
        draws[has_runs] = _interpolate_rows(group, tried, weights[has_runs], share)
        rows = float(_interpolate_rows(group, tried, once, share)[0])
        ends, n_clusters = (float(tried[0]), float(tried[-1])), Clusters.of(group).count
        needed[graph, kind] = RowsNeeded(rows, draws, ends, n_clusters)
    return needed


def rows_saved(
    own: RowsNeeded, other: RowsNeeded | None, bootstrap: Bootstrap
) -> dict[str, float | str]:
    """Rows that the other needs more than this one, with an interval; or a bound of them.

    Returns
    -------
    dict
        ``saved``, ``saved_low`` and ``saved_high`` (NaN: unknown), and ``saved_is``: "exact",
        "at least", "at most" or "unknown".
    """
    if own is other:
        return dict(zip(SAVED, (0.0, 0.0, 0.0, "exact"), strict=True))
    rows, kind = _bound(own, other)
    low = high = np.nan
    if other is not None and kind == "exact":
        with np.errstate(invalid="ignore"):  # two infinities have no difference: NaN, left out
            difference = other.draws - own.draws
        low, high = bootstrap.interval(difference, min(own.clusters, other.clusters))
    return dict(zip(SAVED, (rows, low, high, kind), strict=True))


def _interpolate_rows(
    group: pd.DataFrame, tried: np.ndarray, weights: np.ndarray, share: float
) -> np.ndarray:
    """Rows at which the isotonic share solved reaches ``share``, for each resample.

    Parameters
    ----------
    tried : ndarray of int, shape (point,)
        Numbers of training rows, ascending.
    weights : ndarray of int, shape (draw, run)

    Returns
    -------
    ndarray of float, shape (draw,)
    """
    at_point = (group["train_rows"].to_numpy()[:, None] == tried).astype(float)
    solved = group["solved"].to_numpy(float)
    total = weights @ at_point
    # A point without runs in a resample gets a negligible weight.
    total_or_tiny = np.maximum(total, 1e-9)
    fit = isotonic((weights * solved) @ at_point / total_or_tiny, total_or_tiny)
    enough = fit >= share - 1e-9
    first = enough.argmax(axis=1)
    draw = np.arange(len(fit))
    below = np.maximum(first - 1, 0)
    rise = fit[draw, first] - fit[draw, below]
    step = np.where(rise > 0, (share - fit[draw, below]) / np.where(rise > 0, rise, 1), 1.0)
    x = np.log2(tried)
    rows = 2 ** (x[below] + np.clip(step, 0, 1) * (x[first] - x[below]))
    rows = np.where(first == 0, tried[0], rows)
    return np.where(enough.any(axis=1), rows, np.inf)


def isotonic(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Isotonic regression: the nearest non-decreasing values by weighted squares, in each draw.

    Computed for all draws at once by the min-max formula: at each point the maximum, over starts up
    to it, of the least weighted mean from there to an end not before it.

    Parameters
    ----------
    values, weights : ndarray of float, shape (draw, point)
        Weights above 0.

    Returns
    -------
    ndarray of float, shape (draw, point)
    """
    zero = np.zeros((len(values), 1))
    sums = np.concatenate([zero, np.cumsum(values * weights, axis=1)], axis=1)
    totals = np.concatenate([zero, np.cumsum(weights, axis=1)], axis=1)
    fits = []
    for start in range(values.shape[1]):
        total = totals[:, start + 1 :] - totals[:, [start]]
        means = (sums[:, start + 1 :] - sums[:, [start]]) / total
        least = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        fits.append(np.pad(least, ((0, 0), (start, 0)), constant_values=-np.inf))
    return np.max(fits, axis=0)


def _bound(own: RowsNeeded, other: RowsNeeded | None) -> tuple[float, str]:
    """Rows that the other needs more than this one, and whether that is a bound."""
    if other is None:
        return np.nan, "unknown"
    if not own.reached:
        # This one needs more than the most tried; the other, where it reaches the share, fewer.
        return (other.rows - own.tried[1], "at most") if other.reached else (np.nan, "unknown")
    if not other.reached:
        return other.tried[1] - own.rows, "at least"
    if own.at_most and other.at_most:
        return np.nan, "unknown"
    kind = "at least" if own.at_most else "at most" if other.at_most else "exact"
    return other.rows - own.rows, kind
