"""Tables of a law over graphs: rows that each needs, kinds, effects of properties, correlations."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from modnets.analysis.graph_runs import GraphRuns
from modnets.analysis.intervals import Bootstrap, critical_value
from modnets.analysis.solved_curves import SolvedCurves

#: Shares solved whose rows are told.
SHARES = (0.5, 0.95)
#: Chance that an effect is found, with as many graphs as ``graphs_needed``.
POWER = 0.8


def of_graphs_table(runs: GraphRuns, names: list[str], confidence: float) -> pd.DataFrame:
    """Rows that each graph needs, by its own runs and those of the others; not by properties."""
    counts = runs.counts(np.ones((len(names), 1)))
    fit = SolvedCurves.fitted(counts)
    places, shares = fit.middles(counts)
    below = shares.cumsum(axis=1) - shares / 2
    tail = (1 - confidence) / 2
    ends = [
        np.array([np.interp(q, b, p) for b, p in zip(below, places, strict=True)])
        for q in (tail, 1 - tail)
    ]
    middle = (places * shares).sum(axis=1)
    columns = {"graph": names, "runs": counts.runs.sum(axis=1).astype(int)}
    columns["n_solved"] = counts.solved.sum(axis=1).astype(int)
    for share in SHARES:
        offset = fit.offset(share)
        for name, value in zip(("", "_low", "_high"), (middle, *ends), strict=True):
            columns[f"rows_{100 * share:.0f}{name}"] = 2 ** (value + offset)
    return pd.DataFrame(columns)


def of_kind(
    kind: str,
    fits: dict[str, SolvedCurves],
    draws: dict[str, list[SolvedCurves]],
    n_graphs: int,
    bootstrap: Bootstrap,
) -> dict[str, object]:
    """The row of a kind: its typical graph, and its curves, with intervals."""
    row: dict[str, object] = {"kind": kind, "graphs": n_graphs}
    statistics = {
        f"rows_{100 * share:.0f}": lambda f, share=share: 2 ** (f.effects[0] + f.offset(share))
        for share in SHARES
    }
    statistics |= {
        name: lambda f, name=name: getattr(f, name) for name in ("spread", "steepness", "ceiling")
    }
    for name, of in statistics.items():
        ends = bootstrap.interval(np.array([of(draw) for draw in draws[kind]], float), n_graphs)
        row |= {name: float(of(fits[kind])), f"{name}_low": ends[0], f"{name}_high": ends[1]}
    return row


def effects_table(
    kinds: list[str],
    reference: str,
    columns: tuple[str, ...],
    fits: dict[str, SolvedCurves],
    draws: dict[str, list[SolvedCurves]],
    n_graphs: int,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Effects of properties on each kind, and on the reference's rows by those of the others."""

    def of(kind: str) -> tuple[np.ndarray, np.ndarray]:
        return fits[kind].effects, np.array([draw.effects for draw in draws[kind]])

    rows = []
    others = [kind for kind in kinds if kind != reference]
    for kind in kinds + [f"{reference} / {kind}" for kind in others]:
        effects, drawn = of(kind.removeprefix(f"{reference} / "))
        if kind not in kinds:
            top, top_drawn = of(reference)
            effects, drawn = top - effects, top_drawn - drawn
        for at, name in enumerate(("mean", *columns)):
            rows.append(
                {"kind": kind, "property": name}
                | _tested(float(effects[at]), drawn[:, at], n_graphs, bootstrap)
            )
    return pd.DataFrame(rows)


def _tested(
    effect: float, draws: np.ndarray, n_graphs: int, bootstrap: Bootstrap
) -> dict[str, float]:
    """An effect with its interval, and what a study of so many graphs can find."""
    low, high = bootstrap.interval(draws, n_graphs)
    deviation = float(draws.std(ddof=1))
    needed = critical_value(bootstrap.confidence) + critical_value(2 * POWER - 1)
    graphs = n_graphs * (needed * deviation / effect) ** 2 if effect else np.inf
    return {
        "effect": effect,
        "effect_low": low,
        "effect_high": high,
        "deviation": deviation,
        "detectable": needed * deviation,
        "graphs_needed": float(np.ceil(graphs)),
    }


def correlations_table(
    of_graphs: dict[str, pd.DataFrame],
    reference: str,
    table: pd.DataFrame,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
    """Spearman's, with graphs resampled."""
    rng, n_graphs = np.random.default_rng(bootstrap.seed), len(table)
    picked = rng.integers(n_graphs, size=(bootstrap.resamples, n_graphs))
    top = _middles(of_graphs[reference])
    rows = []
    for kind, frame in of_graphs.items():
        if kind == reference:
            continue
        saved = top - _middles(frame)
        for name in table.columns:
            values = table[name].to_numpy()
            draws = np.array([_spearman(values[one], saved[one]) for one in picked])
            low, high = bootstrap.interval(draws, n_graphs)
            rows.append(
                {"kind": kind, "property": name, "spearman": _spearman(values, saved)}
                | {"spearman_low": low, "spearman_high": high, "graphs": n_graphs}
            )
    return pd.DataFrame(rows)


def _middles(of_graphs: pd.DataFrame) -> np.ndarray:
    return np.log2(of_graphs["rows_50"].to_numpy())


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    a, b = rankdata(a), rankdata(b)
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size else np.nan
