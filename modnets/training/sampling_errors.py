"""Estimates over a whole table from a stratified sample of its rows, with their standard errors.

The strata are the parts of a run's split.  See W. G. Cochran, Sampling Techniques (3rd edition,
1977): means of the strata weighted by their sizes and the correction for finite populations
(section 5.3), and ratios (section 6.10) where rows have don't-cares, so that their bits do not all
count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Sample(NamedTuple):
    """The rows drawn from strata, of replicas: arrays of shape (replica, stratum).

    Parameters
    ----------
    counts, sizes : ndarray
        Rows drawn, and rows there are.
    weights, squares : ndarray
        Sums of the weight of the rows drawn, and of its square.
    totals : ndarray
        Sum of the weight of the rows there are.
    corrected : ndarray of bool, shape (stratum,)
        Whether the correction for finite populations holds: rows are drawn from ``sizes`` rows, and
        not from many more.
    """

    counts: np.ndarray
    sizes: np.ndarray
    weights: np.ndarray
    squares: np.ndarray
    totals: np.ndarray
    corrected: np.ndarray

    def of_rows(self) -> Sample:
        """The same, each row with a weight of 1."""
        return self._replace(weights=self.counts, squares=self.counts, totals=self.sizes)


def stratified(
    sample: Sample, sums: np.ndarray, squares: np.ndarray, products: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The sum of a value over all rows, divided by that of their weights, and its standard error.

    Parameters
    ----------
    sample : Sample
    sums, squares, products : ndarray, shape (..., replica, stratum)
        Of the value over the rows drawn, of its square, and of its product with the weight.

    Returns
    -------
    ratio, standard error : ndarray, shape (..., replica)
        No error comes from a stratum of which all rows, or one row, are drawn.
    """
    counts = sample.counts
    there, total = np.maximum(counts, 1.0), sample.totals.sum(axis=-1)
    ratios = np.divide(sums, sample.weights, out=np.zeros_like(sums), where=sample.weights > 0)
    residuals = squares - 2 * ratios * products + ratios**2 * sample.squares
    variance = np.maximum(residuals, 0.0) / np.maximum(counts - 1.0, 1.0)
    left = np.where(sample.corrected, 1.0 - counts / np.maximum(sample.sizes, 1.0), 1.0)
    of_sums = sample.sizes**2 * variance * left / there * (counts > 1)
    return (sample.totals * ratios).sum(axis=-1) / total, np.sqrt(of_sums.sum(axis=-1)) / total
