"""How many training rows a kind of network needs, and how many it saves.

The share of runs that solve the task is made non-decreasing in the number of rows by isotonic
regression, and read off where it reaches the share asked for.  Intervals come from the same
bootstrap as in :mod:`modnets.analysis.intervals`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

from modnets.analysis.intervals import percentiles, resampling_weights
from modnets.analysis.statistics import groups, last_runs
from modnets.errors import require


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
    """
    require(0 < share <= 1, f"share={share}; allowed is in (0, 1]")
    runs = last_runs(results, ["graph", "kind", "train_rows", "solved"])
    weights = resampling_weights(runs, resamples, seed)
    found, draws = [], {}
    for (graph, kind), group, w in groups(runs, weights, ["graph", "kind"]):
        tried = np.unique(group["train_rows"].to_numpy())
        once = np.ones((1, len(group)), dtype=np.int64)
        rows = float(_rows_needed(group, tried, once, share)[0])
        draws[graph, kind] = _rows_needed(group, tried, w, share)
        low, high = percentiles(draws[graph, kind], confidence)
        found.append(
            {"graph": graph, "kind": kind, "share": share, "rows": rows}
            | {"rows_low": low, "rows_high": high, "reached": bool(np.isfinite(rows))}
            | {"at_most": bool(rows == tried[0]), "tried_most": float(tried[-1])}
        )
    by_kind = {(row["graph"], row["kind"]): row for row in found}
    for row in found:
        other = by_kind.get((row["graph"], reference))
        row["saved"], row["saved_is"] = _saved(row, other)
        row["saved_low"] = row["saved_high"] = 0.0 if row is other else np.nan
        if other is not None and row is not other and row["saved_is"] == "exact":
            pair = draws[row["graph"], reference], draws[row["graph"], row["kind"]]
            # Two infinities have no difference: such a draw tells nothing about rows saved.
            told = np.isfinite(pair[0]) | np.isfinite(pair[1])
            difference = pair[0][told] - pair[1][told]
            row["saved_low"], row["saved_high"] = percentiles(difference, confidence)
    order = ["graph", "kind", "share", "rows", "rows_low", "rows_high", "reached", "at_most"]
    order += ["saved", "saved_low", "saved_high", "saved_is"]
    return pd.DataFrame(found)[order]


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
    shares = (weights * solved) @ at / total_or_tiny
    fit = np.stack(
        [isotonic_regression(s, weights=t).x for s, t in zip(shares, total_or_tiny, strict=True)]
    )
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


def _saved(row: dict, other: dict | None) -> tuple[float, str]:
    """Rows that the other needs more than this one, and whether that is a bound."""
    if other is None:
        return np.nan, "unknown"
    if row is other:
        return 0.0, "exact"
    if not row["reached"]:
        # This one needs more than the most tried; the other, where it gets there, needs less.
        known = (other["rows"] - row["tried_most"], "at most")
        return known if other["reached"] else (np.nan, "unknown")
    if not other["reached"]:
        return other["tried_most"] - row["rows"], "at least"
    if row["at_most"] and other["at_most"]:
        return np.nan, "unknown"
    kind = "at least" if row["at_most"] else "at most" if other["at_most"] else "exact"
    return other["rows"] - row["rows"], kind
