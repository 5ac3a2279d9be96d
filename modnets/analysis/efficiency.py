"""How much less a kind of network needs than another: time to solve, and what it costs.

Intervals of times come from the bootstrap of :mod:`modnets.analysis.intervals`: runs that share a
split or initial weights are not independent, and kinds are compared on the same resamples.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from modnets.analysis.clusters import Clusters
from modnets.analysis.intervals import Bootstrap
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
    """What each kind costs, absolute and as a share of the reference.

    Parameters
    ----------
    costs : DataFrame
        What :func:`~modnets.analysis.costs_of` returns.
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
        If the runs of a group differ in cost, or no run is of the reference kind.
    """
    by, measures = list(by), list(COSTS)
    require_columns(costs, [*by, *measures])
    one_of("reference", reference, costs["kind"].unique())
    table = costs[[*by, *measures]].drop_duplicates().sort_values(by, ignore_index=True)
    repeated = table[table.duplicated(by)]
    require(repeated.empty, f"runs differ in cost: {repeated[by].head(1).to_dict('records')}")
    rest = [name for name in by if name != "kind"]
    others = table.loc[table["kind"] == reference, [*rest, *measures]]
    pairs = table[by].merge(others, how="left", on=rest) if rest else others
    shares = table[measures] / pairs[measures].to_numpy()
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
    """Time until a share of the runs have solved, and the time spent for each that does.

    Parameters
    ----------
    times : DataFrame
        What :func:`time_to_solve` returns.
    by : sequence of str
        Columns that make the groups, ``kind`` among them.
    units : sequence of str
        Columns of times; those that the table lacks are left out.
    share : float, in (0, 1]
        Of the runs; 0.5 gives the median time.
    reference : str or sequence of str
        The kind of network that the others are compared with; of several the one that takes the
        least time, in each group and each resample, as on a Pareto frontier of sizes.
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
        reach the share; 0: this one does not; NaN: neither does); ``spent``, the time of all runs
        over the number that solve, the expected cost of a solution with restarts: a new run each
        time that one has not solved by its end.  Each of the three with ``_low`` and ``_high``.

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
    bootstrap = Bootstrap(confidence, resamples, seed)
    # Row 0 takes each run once: it gives the values, the resamples behind it their intervals.
    once = np.ones((1, len(times)), dtype=np.int64)
    all_weights = np.concatenate([once, bootstrap.weights(times)])
    grouped = dict(list(times.groupby(by, observed=True)))
    rows = []
    for unit in units_of(times, units):
        reached = {
            values: _time_reached(group, unit, all_weights[:, group.index], share)
            for values, group in grouped.items()
        }
        never = np.full(len(all_weights), np.nan)
        for values, group in grouped.items():
            row = dict(zip(by, values, strict=True))
            keys = [tuple((row | {"kind": kind}).values()) for kind in references]
            least = np.fmin.reduce([never, *(reached[key] for key in keys if key in reached)])
            weights, n_clusters = all_weights[:, group.index], Clusters.of(group).count
            with np.errstate(divide="ignore", invalid="ignore"):
                n_solved = weights @ group["solved"].to_numpy(int)
                spent = (weights @ group[unit].to_numpy(float)) / n_solved
                gain = least / reached[values]
            row |= {"unit": unit, "share": share, "n": len(group)}
            row |= {"n_solved": int(group["solved"].sum()), "n_ever": int(group["ever"].sum())}
            for name, draws in {"time": reached[values], "gain": gain, "spent": spent}.items():
                row |= _with_interval(name, draws, bootstrap, n_clusters)
            rows.append(row)
    return pd.DataFrame(rows).sort_values([*by, "unit"], kind="stable", ignore_index=True)


def _time_reached(group: pd.DataFrame, unit: str, weights: np.ndarray, share: float) -> np.ndarray:
    """The time at which the Kaplan-Meier curve reaches a share, for each draw, shape (draw,).

    Infinite where it does not; NaN where a draw has no run of the group.
    """
    x, solved = group[unit].to_numpy(float), group["solved"].to_numpy(bool)
    order = np.lexsort((~solved, x))  # a run censored at a time is at risk at that time
    x, solved, w = x[order], solved[order], weights[:, order]
    at_risk = w[:, ::-1].cumsum(axis=1)[:, ::-1]
    survival = np.cumprod(1 - solved * w / np.maximum(at_risk, 1), axis=1)
    enough = 1 - survival >= share - 1e-9
    times = np.where(enough.any(axis=1), x[enough.argmax(axis=1)], np.inf)
    return np.where(at_risk[:, 0] > 0, times, np.nan)


def _with_interval(
    name: str, draws: np.ndarray, bootstrap: Bootstrap, n_clusters: int
) -> dict[str, float]:
    """A value, which is the first draw, and the interval of the others; NaN where it is NaN."""
    low = high = np.nan
    if not np.isnan(draws[0]):
        low, high = bootstrap.interval(draws[1:], n_clusters)
    return {name: float(draws[0]), f"{name}_low": low, f"{name}_high": high}
