"""How many training rows a kind of network needs, and how many it saves.

The share of runs that solve the task is made non-decreasing in the number of rows by isotonic
regression, and read off where it reaches the share asked for.  Intervals come from the same
bootstrap as in :mod:`modnets.analysis.intervals`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from modnets.analysis.clusters import Clusters
from modnets.analysis.intervals import percentiles, resampling_weights
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

    The share solved is made non-decreasing in the number of rows (isotonic regression), and read
    off between the numbers tried, linearly in their logarithm.  Nothing is extrapolated: a share
    never reached needs infinitely many rows, one already reached at the fewest rows tried needs
    at most those.

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
    resamples : int
        Bootstrap draws.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        A row per graph and kind, sorted: ``share``; ``rows`` needed, with ``rows_low`` and
        ``rows_high`` (infinite: more than the most rows tried); ``reached``, False where even the
        most rows tried do not do; ``at_most``, True where the fewest already do; ``saved``, rows
        that the reference needs more, with ``saved_low`` and ``saved_high`` (NaN: not to be told);
        and ``saved_is``: "exact", "at least", "at most" or "unknown", as one of the two numbers is
        known as a bound only; a bound has no interval.

    Raises
    ------
    ValueError
        If a setting varies within a kind at a number of rows.
    """
    found = needs(results, share, resamples=resamples, seed=seed)
    rows = []
    for (graph, kind), own in found.items():
        low, high = percentiles(own.draws, confidence, own.clusters)
        rows.append(
            {"graph": graph, "kind": kind, "share": share, "rows": own.rows}
            | {"rows_low": low, "rows_high": high, "reached": own.reached, "at_most": own.at_most}
            | saved(own, found.get((graph, reference)), confidence)
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True, eq=False)
class Need:
    """Training rows that one kind of network needs on one graph.

    Parameters
    ----------
    rows : float
        Infinite where even the most rows tried do not do.
    draws : ndarray of float, shape (draw,)
        The same in each bootstrap draw; NaN where a draw holds none of its runs.
    tried : tuple of float
        The fewest and the most rows tried.
    clusters : int
        Independent seeds behind it.
    """

    rows: float
    draws: np.ndarray
    tried: tuple[float, float]
    clusters: int

    @property
    def reached(self) -> bool:
        """Whether the most rows tried do."""
        return bool(np.isfinite(self.rows))

    @property
    def at_most(self) -> bool:
        """Whether the fewest rows tried already do."""
        return self.rows == self.tried[0]


def needs(
    results: pd.DataFrame, share: float, *, resamples: int, seed: int
) -> dict[tuple[str, str], Need]:
    """Rows needed by each graph and kind, sorted; draws are the same for all, so that they pair."""
    require(0 < share <= 1, f"share={share}; allowed is in (0, 1]")
    runs = last_runs(results, ["graph", "kind", "train_rows", "solved"])
    refuse_pooling(runs, ["graph", "kind", "train_rows"])
    weights = resampling_weights(runs, resamples, seed)
    found = {}
    for (graph, kind), group in runs.groupby(["graph", "kind"], observed=True):
        w = weights[:, runs.index.get_indexer(group.index)]
        tried = np.unique(group["train_rows"].to_numpy())
        once = np.ones((1, len(group)), dtype=np.int64)
        draws, drawn = np.full(len(w), np.nan), w.sum(axis=1) > 0
        draws[drawn] = _rows_needed(group, tried, w[drawn], share)
        rows = float(_rows_needed(group, tried, once, share)[0])
        ends, n_seeds = (float(tried[0]), float(tried[-1])), Clusters.of(group).count
        found[graph, kind] = Need(rows, draws, ends, n_seeds)
    return found


def saved(own: Need, other: Need | None, confidence: float) -> dict[str, float | str]:
    """Rows that the other needs more than this one, with an interval; or a bound of them.

    Returns
    -------
    dict
        ``saved``, ``saved_low`` and ``saved_high`` (NaN: not to be told), and ``saved_is``:
        "exact", "at least", "at most" or "unknown".
    """
    if own is other:
        return dict(zip(SAVED, (0.0, 0.0, 0.0, "exact"), strict=True))
    rows, kind = _bound(own, other)
    low = high = np.nan
    if kind == "exact":
        with np.errstate(invalid="ignore"):  # two infinities have no difference, and tell nothing
            least = min(own.clusters, other.clusters)
            low, high = percentiles(other.draws - own.draws, confidence, least)
    return dict(zip(SAVED, (rows, low, high, kind), strict=True))


def _rows_needed(
    group: pd.DataFrame, tried: np.ndarray, weights: np.ndarray, share: float
) -> np.ndarray:
    """Rows at which the isotonic share solved reaches the given one, for each draw.

    ``tried`` has shape (point,), ``weights`` (draw, run); the result has shape (draw,).
    """
    at = (group["train_rows"].to_numpy()[:, None] == tried).astype(float)
    solved = group["solved"].to_numpy(float)
    total = weights @ at
    # A point without runs in a draw keeps no weight worth the name.
    total_or_tiny = np.maximum(total, 1e-9)
    fit = isotonic((weights * solved) @ at / total_or_tiny, total_or_tiny)
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
    """The non-decreasing values nearest to the given ones, by weighted squares, in each draw.

    Worked out for all draws at once from its closed form: at each point the largest, over
    beginnings up to it, of the least mean from there to an end not before it.

    Parameters
    ----------
    values, weights : ndarray of float, shape (draw, point)
        Weights above 0.

    Returns
    -------
    ndarray of float, shape (draw, point)
    """
    none = np.zeros((len(values), 1))
    sums = np.concatenate([none, np.cumsum(values * weights, axis=1)], axis=1)
    totals = np.concatenate([none, np.cumsum(weights, axis=1)], axis=1)
    fits = []
    for begin in range(values.shape[1]):
        total = totals[:, begin + 1 :] - totals[:, [begin]]
        means = (sums[:, begin + 1 :] - sums[:, [begin]]) / total
        least = np.minimum.accumulate(means[:, ::-1], axis=1)[:, ::-1]
        fits.append(np.pad(least, ((0, 0), (begin, 0)), constant_values=-np.inf))
    return np.max(fits, axis=0)


def _bound(own: Need, other: Need | None) -> tuple[float, str]:
    """Rows that the other needs more than this one, and whether that is a bound."""
    if other is None:
        return np.nan, "unknown"
    if not own.reached:
        # This one needs more than the most tried; the other, where it gets there, needs less.
        known = (other.rows - own.tried[1], "at most")
        return known if other.reached else (np.nan, "unknown")
    if not other.reached:
        return other.tried[1] - own.rows, "at least"
    if own.at_most and other.at_most:
        return np.nan, "unknown"
    kind = "at least" if own.at_most else "at most" if other.at_most else "exact"
    return other.rows - own.rows, kind
