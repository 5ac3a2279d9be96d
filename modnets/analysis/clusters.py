"""Which runs stand for themselves: those that share a split or initial weights are not independent.

Whether a network solves its task depends mostly on the rows that it was shown, so that six runs on
one split tell little more than one.  The runs of a split are a cluster; a group of runs has as many
independent observations as clusters, and shares have an interval that knows of them: Wilson's
(1927), with the number of independent runs that would scatter as much (Kish, 1965) and Student's t.
With few clusters the scatter is hardly known, so one cluster that solves throughout and one that
never does are added to it, as Agresti and Coull (1998) add runs.

A split seed or init seed that is the same for all runs of a group makes no clusters: what is told
is then told of that split, or of those initial weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from modnets.errors import require

SEEDS = ["split_seed", "seed"]


@dataclass(frozen=True, eq=False)
class Clusters:
    """How the runs of a group hang together.

    Parameters
    ----------
    n_runs : int
    main : ndarray of int, shape (run,), optional
        The cluster of each run; None where each run stands for itself.
    other : ndarray of int, shape (run,), optional
        The seed that crosses the clusters, where it comes again too.
    """

    n_runs: int
    main: np.ndarray | None = None
    other: np.ndarray | None = None

    @classmethod
    def of(cls, runs: pd.DataFrame) -> Clusters:
        """Those of some runs, from their columns ``split_seed`` and ``seed``."""
        found = [np.unique(runs[name].to_numpy(), return_inverse=True)[1] for name in SEEDS]
        pairs = len(np.unique(np.stack(found), axis=1).T)
        levels = [int(codes.max(initial=0)) + 1 for codes in found]
        again = [c for c, n in zip(found, levels, strict=True) if 1 < n < len(runs)]
        if pairs == levels[0] == levels[1]:  # one seed, under two names
            again = again[:1]
        return cls(len(runs), *again)

    @property
    def count(self) -> int:
        """Independent observations: clusters, or runs where each stands for itself."""
        return self.n_runs if self.main is None else int(self.main.max()) + 1

    def effective(self, hits: np.ndarray) -> tuple[float, float]:
        """Independent runs that would scatter as much, and the quantile's degrees of freedom.

        Parameters
        ----------
        hits : ndarray of bool, shape (run,)

        Returns
        -------
        n, degrees : float
            At most the number of runs; infinite where each run stands for itself.
        """
        n, hits = self.n_runs, np.asarray(hits, float)
        if self.main is None:
            return float(n), np.inf
        count = self.count
        middle = (hits.sum() + 2) / (n + 4)
        least = middle * (1 - middle) / n
        middle, variance = _variance(hits, self.main, pure=1.0)
        if self.other is not None:
            variance += max(_variance(hits, self.other, pure=0.0)[1] - least, 0.0)
        variance = max(variance, least)
        return float(np.clip(middle * (1 - middle) / variance, 1, n)), count - 1.0


def _variance(hits: np.ndarray, codes: np.ndarray, pure: float) -> tuple[float, float]:
    """Mean, and its variance by clusters; with so many clusters of each pure kind added."""
    size = np.bincount(codes).astype(float)
    count, relative = len(size), size / size.mean()
    shares = np.bincount(codes, hits) / size
    middle = (hits.mean() * count + pure) / (count + 2 * pure)
    squares = relative**2 @ (shares - middle) ** 2 + pure * (middle**2 + (1 - middle) ** 2)
    return middle, squares / (count + 2 * pure - 1) / (count + 2 * pure)


def wilson_interval(
    n_hits: np.ndarray, n: np.ndarray, confidence: float = 0.95, degrees: float = np.inf
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of a share.

    Parameters
    ----------
    n_hits, n : float or ndarray of float, the same shape
        Runs that count, and all runs; more than 0 of them.
    confidence : float, in (0, 1)
    degrees : float
        Of Student's t, whose quantile takes the place of the normal one.

    Returns
    -------
    low, high : ndarray of float, in [0, 1]
    """
    n_hits, n = np.asarray(n_hits, float), np.asarray(n, float)
    require(bool((n > 0).all()), "n=0: a share needs at least 1 run")
    require(bool(((n_hits >= 0) & (n_hits <= n)).all()), "n_hits: allowed is 0 to n")
    z = quantile(confidence, degrees)
    share = n_hits / n
    middle = share + z**2 / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)
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
    # Whole numbers where each run stands for itself, so that 0 and n stay what they are.
    counted = float(hits.sum()) if n == len(hits) else min(n * hits.mean(), n)
    low, high = wilson_interval(counted, n, confidence, degrees)
    return float(low), float(high)


def quantile(confidence: float, degrees: float = np.inf) -> float:
    """Of the normal distribution, or of Student's t: so many deviations to either side."""
    tail = (1 - confidence) / 2
    return float(-ndtri(tail) if np.isinf(degrees) else -stdtrit(degrees, tail))
