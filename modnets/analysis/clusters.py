"""Clusters of runs: those that share a split or initial weights are not independent.

Whether a network solves its task depends mostly on the rows that it was shown, so six runs on one
split say little more than one.  The runs of a split are a cluster; a group of runs has as many
independent observations as clusters.  For a share they come to an effective sample size, the number
of independent runs with the same variance (Kish, 1965).  With few clusters that variance is hardly
known, so one cluster that solves throughout and one that never does are added to it, as Agresti and
Coull (1998) add runs.  The intervals that follow are in :mod:`modnets.analysis.intervals`.

A split seed or init seed that is the same for all runs of a group makes no clusters: results are
then conditional on that split, or on those initial weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

#: Columns of the seeds of a run.
SEEDS = ["split_seed", "seed"]


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which runs of a group are not independent, as they share a seed.

    Parameters
    ----------
    n_runs : int
    main : ndarray of int, shape (run,), optional
        The cluster of each run; None where all runs are independent.
    other : ndarray of int, shape (run,), optional
        The code of the other seed, crossed with the clusters, where runs share it too.
    """

    n_runs: int
    main: np.ndarray | None = None
    other: np.ndarray | None = None

    @classmethod
    def of(cls, runs: pd.DataFrame) -> Clusters:
        """The clusters of some runs, from their columns ``split_seed`` and ``seed``."""
        codes = [np.unique(runs[name].to_numpy(), return_inverse=True)[1] for name in SEEDS]
        n_pairs = len(np.unique(np.stack(codes), axis=1).T)
        n_values = [int(c.max(initial=0)) + 1 for c in codes]
        shared = [c for c, n in zip(codes, n_values, strict=True) if 1 < n < len(runs)]
        if n_pairs == n_values[0] == n_values[1]:  # one seed, under two names
            shared = shared[:1]
        return cls(len(runs), *shared)

    @property
    def count(self) -> int:
        """Independent observations: clusters, or runs where all are independent."""
        return self.n_runs if self.main is None else int(self.main.max()) + 1

    def effective(self, hits: np.ndarray) -> tuple[float, float]:
        """Effective sample size of a share, and the degrees of freedom of its critical value.

        Parameters
        ----------
        hits : ndarray of bool, shape (run,)
            Which runs count.

        Returns
        -------
        n : float
            At most the number of runs.
        degrees : float
            Infinite where all runs are independent.
        """
        n, hits = self.n_runs, np.asarray(hits, float)
        if self.main is None:
            return float(n), np.inf
        center = (hits.sum() + 2) / (n + 4)
        binomial_variance = center * (1 - center) / n
        center, variance = _variance(hits, self.main, pure=1.0)
        if self.other is not None:
            crossed = _variance(hits, self.other, pure=0.0)[1]
            variance += max(crossed - binomial_variance, 0.0)
        variance = max(variance, binomial_variance)
        return float(np.clip(center * (1 - center) / variance, 1, n)), self.count - 1.0


def _variance(hits: np.ndarray, codes: np.ndarray, pure: float) -> tuple[float, float]:
    """A share and its variance between clusters; so many pure clusters of each outcome added."""
    size = np.bincount(codes).astype(float)
    count, relative = len(size), size / size.mean()
    shares = np.bincount(codes, hits) / size
    center = (hits.mean() * count + pure) / (count + 2 * pure)
    squares = relative**2 @ (shares - center) ** 2 + pure * (center**2 + (1 - center) ** 2)
    return center, squares / (count + 2 * pure - 1) / (count + 2 * pure)
