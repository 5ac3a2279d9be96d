"""Intervals of means and of what is read off curves, by the bootstrap.

Runs that share a split seed or an init seed are not independent of each other.  The bootstrap
therefore draws split seeds and init seeds anew, each with replacement, and a run counts as often as
both of its seeds were drawn (the pigeonhole bootstrap of Owen, 2007, which errs on the wide side).
The draws are the same for every group, so that differences between kinds are paired.  Intervals are
percentiles of the draws: BCa is undefined where all runs agree, which here is common.  As so few
clusters scatter less than what they were drawn from, the percentiles are taken further out (the
expanded percentile interval of Hesterberg, 2015).  Shares have :mod:`modnets.analysis.clusters`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from modnets.analysis.clusters import SEEDS, quantile
from modnets.errors import require, shown


def need(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise ValueError unless a frame has these columns."""
    missing = [name for name in columns if name not in frame]
    require(
        not missing,
        f"missing columns {shown(missing, 300)}; allowed is a table that has them; there are "
        f"{', '.join(map(str, frame.columns))[:600]}",
    )


def interquartile_mean(values: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """The mean of the middle half of the values; a value on the border counts in part.

    Parameters
    ----------
    values : ndarray of float, shape (run,)
    weights : ndarray of float, at least 0, shape (..., run), optional
        How often each value counts; by default once.

    Returns
    -------
    ndarray of float, shape (...)
    """
    values = np.asarray(values, float)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, float)
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[..., order]
    total = weights.sum(axis=-1, keepdims=True)
    reached = np.cumsum(weights, axis=-1)
    inside = np.clip(reached, 0.25 * total, 0.75 * total)
    before = np.clip(reached - weights, 0.25 * total, 0.75 * total)
    # Counted from the least value, so that equal values give that value to the last bit.
    excess = ((inside - before) * (values - values[0])).sum(axis=-1)
    return values[0] + excess / (0.5 * total[..., 0])


def resampling_weights(runs: pd.DataFrame, resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """How often each run counts in each bootstrap draw; split and init seeds are drawn anew.

    Where each split seed goes with one init seed only, and the other way round, the two are one
    seed, drawn once.

    Parameters
    ----------
    runs : DataFrame
        A row per run, with columns ``split_seed`` and ``seed``.
    resamples : int
        Number of draws.
    seed : int
        Of the draws.

    Returns
    -------
    ndarray of int, shape (resamples, run)
    """
    need(runs, SEEDS)
    rng = np.random.default_rng(seed)
    weights = np.ones((resamples, len(runs)), dtype=np.int64)
    pairs = runs[SEEDS].drop_duplicates()
    one_to_one = all(pairs[name].is_unique for name in SEEDS)
    for name in SEEDS[:1] if one_to_one else SEEDS:
        levels, place = np.unique(runs[name].to_numpy(), return_inverse=True)
        times = rng.multinomial(len(levels), np.full(len(levels), 1 / len(levels)), size=resamples)
        weights *= times[:, place]
    return weights


def percentiles(
    draws: np.ndarray, confidence: float, clusters: float = np.inf
) -> tuple[float, float]:
    """The middle share of the draws; a draw itself at either end, so that infinities are kept.

    A draw that is NaN tells nothing, and is left out.

    Parameters
    ----------
    draws : ndarray of float, shape (draw,)
    confidence : float, in (0, 1)
    clusters : float
        Independent observations that were drawn from; the fewer, the further out the percentiles.

    Returns
    -------
    low, high : float
    """
    draws = draws[~np.isnan(draws)]
    if len(draws) == 0:
        return np.nan, np.nan
    tail = (1 - confidence) / 2
    if np.isfinite(clusters):
        degrees = max(clusters - 1, 1e-9)
        out = quantile(confidence, degrees) if clusters > 1 else np.inf
        tail = float(ndtr(-np.sqrt(clusters / degrees) * out))
    low, high = np.quantile(draws, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)
