"""Statistics of runs: shares, means and rows needed, with intervals; frame in, frame out.

The unit is the run, at its last checkpoint.  Outcomes are bimodal (solved or stuck), so two numbers
tell them: the share of runs that solve the task, with Wilson's score interval (1927), and the
inter-quartile mean (Agarwal et al., 2021), with a seeded bootstrap interval.

Runs that share a split seed or an init seed are not independent of each other.  The bootstrap
therefore draws split seeds and init seeds anew, each with replacement, and a run counts as often as
both of its seeds were drawn (the pigeonhole bootstrap of Owen, 2007, which errs on the wide side).
The draws are the same for every group, so that differences between kinds are paired.  Intervals are
percentiles of the draws: BCa is undefined where all runs agree, which here is common.  Wilson's
interval takes the runs as independent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import ndtri

from modnets.errors import require
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, get_graph

SEEDS = ["split_seed", "seed"]


def majority_floor(graph: str | FunctionGraph) -> float:
    """Bit accuracy over the whole table of the best constant answer, chosen for each output.

    Parameters
    ----------
    graph : str or FunctionGraph

    Returns
    -------
    float, in [0.5, 1]

    Examples
    --------
    >>> majority_floor("6-3-2-2")
    0.75
    """
    ones = get_graph(graph).truth_table().mean(axis=0)
    return float(np.maximum(ones, 1 - ones).mean())


def last(results: pd.DataFrame) -> pd.DataFrame:
    """One row per run: its last evaluated epoch.  No checkpoint is picked by its accuracy.

    Parameters
    ----------
    results : DataFrame
        A row per run and evaluated epoch, with columns ``run`` and ``epoch``.

    Returns
    -------
    DataFrame
        The same columns, the runs in order of first appearance.
    """
    _need(results, ["run", "epoch"])
    results = results.reset_index(drop=True)
    return results.loc[results.groupby("run", sort=False)["epoch"].idxmax()].reset_index(drop=True)


def wilson_interval(
    n_hits: np.ndarray, n: np.ndarray, confidence: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of a share.

    Parameters
    ----------
    n_hits, n : int or ndarray of int, the same shape
        Runs that count, and all runs; at least 1 of them.
    confidence : float, in (0, 1)

    Returns
    -------
    low, high : ndarray of float, in [0, 1]
    """
    n_hits, n = np.asarray(n_hits, float), np.asarray(n, float)
    require(bool((n > 0).all()), "n=0: a share needs at least 1 run")
    require(bool(((n_hits >= 0) & (n_hits <= n)).all()), "n_hits: allowed is 0 to n")
    z = -ndtri((1 - confidence) / 2)
    share = n_hits / n
    middle = share + z**2 / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)
    return np.where(n_hits == 0, 0.0, low), np.where(n_hits == n, 1.0, high)


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
    _need(runs, SEEDS)
    rng = np.random.default_rng(seed)
    weights = np.ones((resamples, len(runs)), dtype=np.int64)
    for name in SEEDS:
        levels, place = np.unique(runs[name].to_numpy(), return_inverse=True)
        times = rng.multinomial(len(levels), np.full(len(levels), 1 / len(levels)), size=resamples)
        weights *= times[:, place]
    return weights


def summarize(
    results: pd.DataFrame,
    by: Sequence[str] = ("graph", "kind", "train_rows"),
    *,
    measure: str = "test_bit_accuracy",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Share solved and inter-quartile mean of a measure, with intervals, for each group of runs.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns; each run enters at its last epoch.
    by : sequence of str
        Columns that make the groups.
    measure : str
        Column to average.
    confidence : float, in (0, 1)
        Of all intervals.
    resamples : int
        Bootstrap draws.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        A row per group, sorted by ``by``: those columns, ``n`` (runs), ``n_solved``, ``solved``
        (share, in [0, 1]) with ``solved_low`` and ``solved_high``, the measure (inter-quartile
        mean) with ``_low`` and ``_high``, and ``_mean``; ``confidence`` of the intervals; with
        ``graph`` in ``by`` also ``floor``, the bit accuracy of the majority answer (NaN for a
        graph not in ``GRAPHS``).
    """
    by = list(by)
    runs = _runs(results, [*by, "solved", measure])
    weights = resampling_weights(runs, resamples, seed)
    rows = []
    for values, group, w in _groups(runs, weights, by):
        x = group[measure].to_numpy(float)
        low, high = _percentiles(interquartile_mean(x, w), confidence)
        rows.append(
            dict(zip(by, values, strict=True))
            | {"n": len(group), "n_solved": int(group["solved"].sum())}
            | {measure: float(interquartile_mean(x)), f"{measure}_low": low}
            | {f"{measure}_high": high, f"{measure}_mean": float(x.mean())}
        )
    summary = pd.DataFrame(rows)
    low, high = wilson_interval(summary["n_solved"], summary["n"], confidence)
    place = summary.columns.get_loc("n_solved") + 1
    summary.insert(place, "solved", summary["n_solved"] / summary["n"])
    summary.insert(place + 1, "solved_low", low)
    summary.insert(place + 2, "solved_high", high)
    summary["confidence"] = confidence
    if "graph" in by:
        names = summary["graph"]
        floors = {g: majority_floor(g) if g in GRAPHS else np.nan for g in names.unique()}
        summary["floor"] = [floors[g] for g in names]
    return summary


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
    runs = _runs(results, ["graph", "kind", "train_rows", "solved"])
    weights = resampling_weights(runs, resamples, seed)
    found, draws = [], {}
    for (graph, kind), group, w in _groups(runs, weights, ["graph", "kind"]):
        tried = np.unique(group["train_rows"].to_numpy())
        once = np.ones((1, len(group)), dtype=np.int64)
        rows = float(_rows_needed(group, tried, once, share)[0])
        draws[graph, kind] = _rows_needed(group, tried, w, share)
        low, high = _percentiles(draws[graph, kind], confidence)
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
            row["saved_low"], row["saved_high"] = _percentiles(difference, confidence)
    order = ["graph", "kind", "share", "rows", "rows_low", "rows_high", "reached", "at_most"]
    order += ["saved", "saved_low", "saved_high", "saved_is"]
    return pd.DataFrame(found)[order]


def paired_difference(
    results: pd.DataFrame,
    measure: str = "test_bit_accuracy",
    *,
    reference: str = "dense",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """How much better each kind is than the reference on the same split seed and init seed.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns; each run enters at its last epoch.
    measure : str
        Column to compare; ``"solved"`` gives differences of shares.
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
        A row per graph, kind and number of training rows: ``n`` pairs, mean ``difference``, and
        its ``difference_low`` and ``difference_high``.
    """
    pair = ["graph", "train_rows", *SEEDS]
    runs = _runs(results, [*pair, "kind", measure])
    runs[measure] = runs[measure].astype(float)
    others = runs.loc[runs["kind"] == reference, [*pair, measure]]
    require(
        len(others) > 0,
        f"reference={reference!r}; allowed: {', '.join(sorted(map(str, runs['kind'].unique())))}",
    )
    require(
        not others.duplicated(pair).any(),
        f"reference={reference!r} has several runs for the same graph, train_rows and seeds; "
        "keep the runs of one setting",
    )
    pairs = runs[runs["kind"] != reference].merge(others, on=pair, suffixes=("", "_reference"))
    pairs["difference"] = pairs[measure] - pairs[f"{measure}_reference"]
    weights = resampling_weights(pairs, resamples, seed)
    by, rows = ["graph", "kind", "train_rows"], []
    for values, group, w in _groups(pairs, weights, by):
        x = group["difference"].to_numpy()
        low, high = _percentiles(w @ x / w.sum(axis=1), confidence)
        rows.append(
            dict(zip(by, values, strict=True))
            | {"n": len(group), "difference": float(x.mean())}
            | {"difference_low": low, "difference_high": high}
        )
    return pd.DataFrame(rows, columns=[*by, "n", "difference", "difference_low", "difference_high"])


def _need(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in frame]
    require(not missing, f"missing columns {missing}; there are {list(frame.columns)}")


def _runs(results: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The last checkpoints, in an order that does not depend on that of the results."""
    _need(results, ["run", "epoch", *columns, *SEEDS])
    require(len(results) > 0, "results is empty; there are no runs to summarize")
    runs = last(results)
    order = [c for c in ("graph", "kind", "train_rows", *SEEDS, "run") if c in runs]
    return runs.sort_values(order, kind="stable", ignore_index=True)


def _groups(
    runs: pd.DataFrame, weights: np.ndarray, by: list[str]
) -> Iterator[tuple[tuple, pd.DataFrame, np.ndarray]]:
    """Each group's values, its runs, and its weights in the draws that hold any of its runs."""
    for values, group in runs.groupby(by, observed=True):
        w = weights[:, runs.index.get_indexer(group.index)]
        yield values, group, w[w.sum(axis=1) > 0]


def _percentiles(draws: np.ndarray, confidence: float) -> tuple[float, float]:
    """The middle share of the draws; a draw itself at either end, so that infinities are kept."""
    if len(draws) == 0:
        return np.nan, np.nan
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)


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
