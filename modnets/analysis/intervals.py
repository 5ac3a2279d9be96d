"""Confidence intervals: of shares, and by the bootstrap of means and of what is read off curves.

=============================================  ====================================================
interval of                                    computed by
=============================================  ====================================================
a share of runs                                :func:`share_interval`: Wilson's (1927), with the
                                               effective sample size of the clusters, Student's t
a mean, difference, gap, time, number of rows  :meth:`Bootstrap.interval`
a Kaplan-Meier curve                           ``survival._curve``: Greenwood's, log(-log)
an exact curve, over splits                    ``version_space.curves.curve_of``: Student's t
a chance level, over sampled routings          ``chance.chance_level``: normal
=============================================  ====================================================

Runs that share a split seed or an init seed are not independent of each other.  The bootstrap
therefore draws split seeds and init seeds anew, each with replacement, and a run counts as often as
both of its seeds were drawn (the pigeonhole bootstrap of Owen, 2007, which is conservative).  The
resamples are the same for every group, so that differences between kinds are paired.  Intervals are
percentiles of the resamples: BCa is undefined where all runs agree, which here is common.  As so
few clusters vary less than what they were drawn from, the percentiles are taken further out (the
expanded percentile interval of Hesterberg, 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri, stdtrit

from modnets.analysis.clusters import SEEDS, Clusters
from modnets.analysis.tables import require_columns
from modnets.errors import require


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are computed by resampling seeds.

    Parameters
    ----------
    confidence : float, in (0, 1)
        Of the intervals.
    resamples : int
    seed : int
        Of the random generator that draws them.
    """

    confidence: float = 0.95
    resamples: int = 2000
    seed: int = 0

    def weights(self, runs: pd.DataFrame) -> np.ndarray:
        """How often each run counts in each resample, shape (resamples, run)."""
        return resampling_weights(runs, self.resamples, self.seed)

    def interval(self, draws: np.ndarray, clusters: float = np.inf) -> tuple[float, float]:
        """Low and high end of a statistic's interval, from its value in each resample."""
        return percentiles(draws, self.confidence, clusters)


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
    cumulated = np.cumsum(weights, axis=-1)
    upper = np.clip(cumulated, 0.25 * total, 0.75 * total)
    lower = np.clip(cumulated - weights, 0.25 * total, 0.75 * total)
    # Relative to the least value, so that equal values give that value to the last bit.
    excess = ((upper - lower) * (values - values[0])).sum(axis=-1)
    return values[0] + excess / (0.5 * total[..., 0])


def resampling_weights(runs: pd.DataFrame, resamples: int = 2000, seed: int = 0) -> np.ndarray:
    """How often each run counts in each resample; split and init seeds are drawn anew.

    Where each split seed occurs with one init seed only, and the other way round, the two are one
    seed, drawn once.

    Parameters
    ----------
    runs : DataFrame
        A row per run, with columns ``split_seed`` and ``seed``.
    resamples : int
    seed : int
        Of the random generator.

    Returns
    -------
    ndarray of int, shape (resamples, run)
    """
    require_columns(runs, SEEDS)
    rng = np.random.default_rng(seed)
    weights = np.ones((resamples, len(runs)), dtype=np.int64)
    pairs = runs[SEEDS].drop_duplicates()
    one_to_one = all(pairs[name].is_unique for name in SEEDS)
    for name in SEEDS[:1] if one_to_one else SEEDS:
        values, codes = np.unique(runs[name].to_numpy(), return_inverse=True)
        counts = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=resamples)
        weights *= counts[:, codes]
    return weights


def percentiles(
    draws: np.ndarray, confidence: float, clusters: float = np.inf
) -> tuple[float, float]:
    """The central interval of the draws; both ends are draws themselves, so infinities are kept.

    A draw that is NaN is left out.

    Parameters
    ----------
    draws : ndarray of float, shape (draw,)
    confidence : float, in (0, 1)
    clusters : float
        Independent observations that were resampled; the fewer, the further out the percentiles.

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
        deviations = critical_value(confidence, degrees) if clusters > 1 else np.inf
        tail = float(ndtr(-np.sqrt(clusters / degrees) * deviations))
    low, high = np.quantile(draws, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)


def wilson_interval(
    n_hits: ArrayLike, n: ArrayLike, confidence: float = 0.95, degrees: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of a share.

    Parameters
    ----------
    n_hits, n : float or ndarray of float, the same shape
        Runs that count, and all runs, more than 0.
    confidence : float, in (0, 1)
    degrees : float
        Degrees of freedom of Student's t; infinite for the normal distribution.

    Returns
    -------
    low, high : ndarray of float, in [0, 1]
    """
    n_hits, n = np.asarray(n_hits, float), np.asarray(n, float)
    require(bool((n > 0).all()), "n=0: a share needs at least 1 run")
    require(bool(((n_hits >= 0) & (n_hits <= n)).all()), "n_hits: allowed is 0 to n")
    z = critical_value(confidence, degrees)
    share = n_hits / n
    center = share + z**2 / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = (center - half) / (1 + z**2 / n), (center + half) / (1 + z**2 / n)
    return np.where(n_hits == 0, 0.0, low), np.where(n_hits == n, 1.0, high)


def share_interval(
    hits: np.ndarray, clusters: Clusters, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of the share of runs that count, with regard to their clusters.

    Parameters
    ----------
    hits : ndarray of bool, shape (run,)
    clusters : Clusters
    confidence : float, in (0, 1)

    Returns
    -------
    low, high : float, in [0, 1]
    """
    hits = np.asarray(hits, bool)
    n, degrees = clusters.effective(hits)
    # An exact integer where all runs are independent, so that 0 and n stay what they are.
    n_hits = float(hits.sum()) if n == len(hits) else min(n * hits.mean(), n)
    low, high = wilson_interval(n_hits, n, confidence, degrees)
    return float(low), float(high)


def critical_value(confidence: float, degrees: float = np.inf) -> float:
    """Standard deviations to either side that hold this share of a normal, or Student's t."""
    tail = (1 - confidence) / 2
    return float(-ndtri(tail) if np.isinf(degrees) else -stdtrit(degrees, tail))
