"""Exponents of power laws: least squares of logarithms, with intervals by the bootstrap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from modnets.analysis.intervals import Bootstrap
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require


@checked
def power_laws(
    points: pd.DataFrame,
    x: str,
    y: str,
    by: Sequence[str] = (),
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """The exponent with which y grows as a power of x, in each group of points.

    Parameters
    ----------
    points : DataFrame
        A row per observation, such as a graph.
    x, y : str
        Columns of numbers above 0.
    by : sequence of str
        Columns that make the groups.
    confidence : float, in (0, 1)
    resamples, seed : int
        Of the bootstrap, which draws observations anew among those of the same x.

    Returns
    -------
    DataFrame
        A row per group: ``exponent`` with ``exponent_low`` and ``exponent_high``; ``at_1``, what
        the law says y is at x = 1; ``n`` observations.  NaN where x does not vary.

    Raises
    ------
    ValueError
        If a number is not finite and above 0.
    """
    require_columns(points, [x, y, *by])
    for name in (x, y):
        values = points[name].to_numpy(float)
        right = np.isfinite(values) & (values > 0)
        require(bool(right.all()), f"points: {name} holds {values[~right][:1]}; allowed is above 0")
    bootstrap = Bootstrap(confidence, resamples, seed)
    rows = []
    grouped = points.groupby(list(by), observed=True) if by else [((), points)]
    for values, group in grouped:
        of_x, of_y = (np.log2(group[name].to_numpy(float)) for name in (x, y))
        slope, height = _line(of_x, of_y[None, :])
        drawn = _line(of_x, of_y[_drawn(of_x, bootstrap)])[0]
        low, high = bootstrap.interval(drawn, len(group))
        rows.append(
            dict(zip(by, values, strict=True))
            | {"exponent": float(slope[0]), "exponent_low": low, "exponent_high": high}
            | {"at_1": float(2 ** height[0]), "n": len(group)}
        )
    return pd.DataFrame(rows)


def _line(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slopes and heights at 0 of lines through points, y of shape (line, point)."""
    away = x - x.mean()
    spread = away @ away
    slope = y @ away / spread if spread > 0 else np.full(len(y), np.nan)
    return slope, y.mean(axis=1) - slope * x.mean()


def _drawn(x: np.ndarray, bootstrap: Bootstrap) -> np.ndarray:
    """Indices of observations, shape (resample, observation), each of the same x as there."""
    rng = np.random.default_rng(bootstrap.seed)
    drawn = np.empty((bootstrap.resamples, len(x)), dtype=np.int64)
    for value in np.unique(x):
        here = np.flatnonzero(x == value)
        if len(here) > 1:
            drawn[:, here] = rng.choice(here, (bootstrap.resamples, len(here)))
        else:
            drawn[:, here] = here
    return drawn
