"""How much less a kind of network needs than another: time until runs solve, and what it costs.

Intervals of times come from the bootstrap of :mod:`modnets.analysis.intervals`: runs that share a
split or initial weights are not independent, and kinds are compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from modnets.analysis.clusters import Clusters
from modnets.analysis.intervals import percentiles, resampling_weights
from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.survival import BY, UNITS, units_of
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import one_of, require

COSTS = ("weights", "forward_flops", "wired_flops", "epoch_flops")


@checked
def relative_costs(
    costs: pd.DataFrame, by: Sequence[str] = BY, *, reference: str = "dense"
) -> pd.DataFrame:
    """What each kind costs, and as a share of what the reference does.

    Parameters
    ----------
    costs : DataFrame
        What :func:`~modnets.costs_of` returns.
    by : sequence of str
        Columns that make the groups, ``kind`` among them; runs of a group cost the same.
    reference : str
        The kind of network that the others are compared with.

    Returns
    -------
    DataFrame
        A row per group, sorted by ``by``: ``weights``, ``forward_flops``, ``wired_flops``,
        ``epoch_flops``, and each with ``_share``, over the reference's.

    Raises
    ------
    ValueError
        If the runs of a group differ in what they cost, or the reference is not there.
    """
    by, names = list(by), list(COSTS)
    require_columns(costs, [*by, *names])
    one_of("reference", reference, costs["kind"].unique())
    table = costs[[*by, *names]].drop_duplicates().sort_values(by, ignore_index=True)
    twice = table[table.duplicated(by)]
    require(twice.empty, f"runs differ in cost: {twice[by].head(1).to_dict('records')}")
    rest = [name for name in by if name != "kind"]
    others = table.loc[table["kind"] == reference, [*rest, *names]]
    pairs = table[by].merge(others, how="left", on=rest) if rest else others
    shares = table[names] / pairs[names].to_numpy()
    return table.join(shares.add_suffix("_share"))


@checked
def solve_times(
    times: pd.DataFrame,
    by: Sequence[str] = BY,
    *,
    units: Sequence[str] = UNITS,
    share: float = 0.5,
    reference: str | Sequence[str] = "dense",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """How long until a share of the runs have solved, and what is spent for each that does.

    Parameters
    ----------
    times : DataFrame
        What :func:`time_to_solve` returns.
    by : sequence of str
        Columns that make the groups, ``kind`` among them.
    units : sequence of str
        Columns of times; those that are not there are left out.
    share : float, in (0, 1]
        Of the runs; 0.5 gives the median time.
    reference : str or sequence of str
        The kind of network that the others are compared with; of several the one that takes the
        least time, in each group and each draw, as of a frontier of sizes.
    confidence : float, in (0, 1)
        Of the intervals.
    resamples, seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        A row per group and unit: ``n`` runs; ``n_solved``, to the end; ``n_ever``, at any
        evaluation; ``time`` at which that ``share`` have solved (infinite: not while they were
        trained); ``gain``, the reference's time over this one (infinite: the reference does not
        get there; 0: this one does not; NaN: neither does); ``spent``, the time of all runs over
        the number that solve, which is what a solution costs whoever starts anew each time that a
        run has not solved by its end.  Each of the three with ``_low`` and ``_high``.

    Raises
    ------
    ValueError
        If a setting that is among the columns varies within a group.
    """
    require(0 < share <= 1, f"share={share}; allowed is in (0, 1]")
    by = list(by)
    require("kind" in by, f"by={by}; allowed are columns with 'kind' among them")
    refuse_pooling(times, by, name="times")
    references = [reference] if isinstance(reference, str) else list(reference)
    times = times.reset_index(drop=True)
    # The first draw takes each run once: it gives the values, the others their intervals.
    once = np.ones((1, len(times)), dtype=np.int64)
    weights = np.concatenate([once, resampling_weights(times, resamples, seed)])
    grouped = dict(list(times.groupby(by, observed=True)))
    found = []
    for unit in units_of(times, units):
        drawn = {
            values: _reached(group, unit, weights[:, group.index], share)
            for values, group in grouped.items()
        }
        for values, group in grouped.items():
            row = dict(zip(by, values, strict=True))
            others = [drawn.get(tuple((row | {"kind": kind}).values())) for kind in references]
            others = [np.full(len(weights), np.nan), *(one for one in others if one is not None)]
            other, count = np.fmin.reduce(others), Clusters.of(group).count
            w = weights[:, group.index]
            with np.errstate(divide="ignore", invalid="ignore"):
                spent = (w @ group[unit].to_numpy(float)) / (w @ group["solved"].to_numpy(int))
                gain = other / drawn[values]
            row |= {"unit": unit, "share": share, "n": len(group)}
            row |= {"n_solved": int(group["solved"].sum()), "n_ever": int(group["ever"].sum())}
            for name, draws in {"time": drawn[values], "gain": gain, "spent": spent}.items():
                row |= _interval(name, draws, confidence, count)
            found.append(row)
    return pd.DataFrame(found).sort_values([*by, "unit"], kind="stable", ignore_index=True)


def _reached(group: pd.DataFrame, unit: str, weights: np.ndarray, share: float) -> np.ndarray:
    """The time at which Kaplan and Meier's curve reaches a share, for each draw, shape (draw,).

    Infinite where it does not; NaN where a draw has no run of the group.
    """
    x, solved = group[unit].to_numpy(float), group["solved"].to_numpy(bool)
    order = np.lexsort((~solved, x))  # who is given up at a time was at risk at that time
    x, solved, w = x[order], solved[order], weights[:, order]
    at_risk = w[:, ::-1].cumsum(axis=1)[:, ::-1]
    left = np.cumprod(1 - solved * w / np.maximum(at_risk, 1), axis=1)
    enough = 1 - left >= share - 1e-9
    times = np.where(enough.any(axis=1), x[enough.argmax(axis=1)], np.inf)
    return np.where(at_risk[:, 0] > 0, times, np.nan)


def _interval(name: str, draws: np.ndarray, confidence: float, clusters: int) -> dict[str, float]:
    """A value, the first draw, and the interval of those others that have one."""
    told = draws[1:][~np.isnan(draws[1:])]
    low, high = (np.nan, np.nan) if np.isnan(draws[0]) else percentiles(told, confidence, clusters)
    return {name: float(draws[0]), f"{name}_low": low, f"{name}_high": high}
