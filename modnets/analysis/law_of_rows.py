"""Training rows needed, as a law over function graphs: graphs are a random sample of tasks.

One logistic mixed model for each kind of network (:mod:`modnets.analysis.solved_curves`).
Intervals come from resampling graphs, each with the splits of its runs: that alone gives the
variance of two levels of sampling (Davison and Hinkley, Bootstrap Methods and their Application,
1997, section 3.8).  All kinds are resampled together, so that their ratio is paired.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from modnets.analysis.intervals import Bootstrap, critical_value
from modnets.analysis.kinds import ladder
from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.solved_curves import Counts, SolvedCurves
from modnets.analysis.statistics import last_runs
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import one_of, require

#: Shares solved whose rows are told.
SHARES = (0.5, 0.95)
#: Chance that an effect is found, with as many graphs as ``graphs_needed``.
POWER = 0.8
FEWEST_GRAPHS = 8


@dataclass(frozen=True, eq=False)
class RowsLaw:
    """What :func:`rows_law` found.

    Parameters
    ----------
    graphs : DataFrame
        A row per graph and kind: ``runs``, ``n_solved``; ``rows_50`` and ``rows_95``, training rows
        at which half and 95 % of the runs solve the task, with ``_low`` and ``_high``.  A graph's
        own runs and what the others tell are weighed (partial pooling); properties play no part.
    kinds : DataFrame
        A row per kind: ``graphs``; ``rows_50`` and ``rows_95`` of a typical graph, ``spread`` (what
        properties leave open: the standard deviation over graphs, octaves), ``steepness`` (logits
        for each doubling), ``ceiling`` (share solved with any number of rows), with intervals.
    effects : DataFrame
        A row per kind and property, and per kind with ``" / "`` and the reference in front: the
        ``effect`` on log2 of the rows, or of the ratio of the reference's rows to the kind's, for
        each unit of the property, with its interval; ``deviation``, the bootstrap's standard error;
        ``detectable``, the effect that so many graphs find with a chance of 0.8; and
        ``graphs_needed`` to find this one so.  Property ``mean``: the typical graph.
    correlations : DataFrame
        A row per kind other than the reference, and property: ``spearman`` of the property with
        the ratio of the rows of reference and kind, over graphs, with its interval.
    reference : str
    columns : tuple of str
        Properties in the law.
    """

    graphs: pd.DataFrame
    kinds: pd.DataFrame
    effects: pd.DataFrame
    correlations: pd.DataFrame
    reference: str
    columns: tuple[str, ...]
    centers: np.ndarray
    fits: dict[str, SolvedCurves]
    draws: dict[str, list[SolvedCurves]]
    related: dict[str, float]
    confidence: float

    @checked
    def predict(self, properties: pd.DataFrame, share: float = 0.5) -> pd.DataFrame:
        """Rows that new graphs need, and how much more the reference needs.

        Parameters
        ----------
        properties : DataFrame
            A row per graph, with the law's columns.
        share : float, in (0, 1)
            Share solved.

        Returns
        -------
        DataFrame
            A row per graph and kind: ``graph``, ``kind``, ``rows``, ``saved`` (rows of the
            reference over rows of the kind), each with ``_low`` and ``_high``: the interval holds
            the graph's own value with the law's confidence.
        """
        require(0 < share < 1, f"share={share}; allowed is in (0, 1)")
        x = design(properties, self.columns, self.centers)
        names = properties.get("graph", properties.index)
        chance = np.random.default_rng(0).standard_normal((2, len(self.draws[self.reference])))
        rows = []
        for kind, fit in self.fits.items():
            own = _octaves(self.draws[kind], x, share, chance[0])
            shared = self.related[kind]
            other = chance[0] * shared + chance[1] * np.sqrt(1 - shared**2)
            against = _octaves(self.draws[self.reference], x, share, other)
            middle = x @ fit.effects + fit.offset(share)
            reference = self.fits[self.reference]
            with np.errstate(invalid="ignore"):  # two infinities have no ratio
                saved = x @ reference.effects + reference.offset(share) - middle
                differences = against - own
            for at, name in enumerate(names):
                rows.append(
                    {"graph": name, "kind": kind, "rows": 2 ** middle[at]}
                    | self._ends("rows", 2 ** own[:, at])
                    | {"saved": 2 ** saved[at]}
                    | self._ends("saved", 2 ** differences[:, at])
                )
        return pd.DataFrame(rows)

    def _ends(self, name: str, draws: np.ndarray) -> dict[str, float]:
        low, high = Bootstrap(self.confidence).interval(draws)
        return {f"{name}_low": low, f"{name}_high": high}


@checked
def rows_law(
    results: pd.DataFrame,
    properties: pd.DataFrame | None = None,
    columns: Sequence[str] = (),
    *,
    reference: str = "dense",
    confidence: float = 0.95,
    resamples: int = 200,
    seed: int = 0,
) -> RowsLaw:
    """How many training rows kinds of networks need over many graphs, and what that depends on.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns; each run enters at its last epoch.
    properties : DataFrame, optional
        A row per graph, with columns ``graph`` and those named, as ``graph_properties`` gives.
    columns : sequence of str
        Properties that the law is made of; numbers.
    reference : str
        The kind of network that the others are compared with.
    confidence : float, in (0, 1)
        Of all intervals.
    resamples, seed : int
        Of the bootstrap over graphs and splits.

    Returns
    -------
    RowsLaw

    Raises
    ------
    ValueError
        With fewer than 8 graphs, a graph without properties, a property that does not vary or is
        not a number, or if a setting varies within a kind.
    """
    runs = last_runs(results, ["graph", "kind", "train_rows", "solved"])
    refuse_pooling(runs, ["graph", "kind", "train_rows"])
    kinds = ladder(runs["kind"])
    one_of("reference", reference, kinds)
    names = sorted(runs["graph"].unique())
    require(
        len(names) >= FEWEST_GRAPHS,
        f"results has {len(names)} graphs; allowed are at least {FEWEST_GRAPHS}",
    )
    columns = tuple(columns)
    table = _properties_of(names, properties, columns)
    centers = table.to_numpy(float).mean(axis=0)
    x = design(table, columns, centers)
    splits = np.unique(runs["split_seed"].to_numpy())
    by_kind = {kind: _Runs.of(runs[runs["kind"] == kind], names, splits) for kind in kinds}
    counts = {kind: one.counts(x) for kind, one in by_kind.items()}
    fits = {kind: SolvedCurves.fitted(one) for kind, one in counts.items()}
    draws = _resampled(by_kind, x, fits, resamples, seed)
    bootstrap = Bootstrap(confidence, resamples, seed)
    of_graphs = {kind: _of_graphs(by_kind[kind], names, confidence) for kind in kinds}
    frames = [frame.assign(kind=kind) for kind, frame in of_graphs.items()]
    graphs = pd.concat(frames, ignore_index=True)
    graphs.insert(1, "kind", graphs.pop("kind"))
    return RowsLaw(
        graphs,
        pd.DataFrame([_of_kind(kind, fits, draws, len(names), bootstrap) for kind in kinds]),
        _effects(kinds, reference, columns, fits, draws, len(names), bootstrap),
        _correlations(of_graphs, reference, table, bootstrap),
        reference,
        columns,
        centers,
        fits,
        draws,
        {kind: _related(fits, counts, kind, reference) for kind in kinds},
        confidence,
    )


@dataclass(frozen=True, eq=False)
class _Runs:
    """The runs of a kind, by codes of their graph, number of rows and split, shape (run,) each."""

    log_rows: np.ndarray  # shape (graph, point)
    graph: np.ndarray
    point: np.ndarray
    split: np.ndarray
    solved: np.ndarray

    @classmethod
    def of(cls, runs: pd.DataFrame, names: list[str], splits: np.ndarray) -> _Runs:
        graph = pd.Categorical(runs["graph"], names).codes.astype(int)
        point = runs.groupby("graph", observed=True)["train_rows"].rank("dense").to_numpy(int) - 1
        log_rows = np.zeros((len(names), point.max() + 1))
        log_rows[graph, point] = np.log2(runs["train_rows"].to_numpy(float))
        split = np.searchsorted(splits, runs["split_seed"].to_numpy())
        return cls(log_rows, graph, point, split, runs["solved"].to_numpy(float))

    def counts(
        self, x: np.ndarray, weights: np.ndarray | None = None, splits: np.ndarray | None = None
    ) -> Counts:
        """By graph and number of rows; graphs and splits count as often as their weights say."""
        each = np.ones(len(self.graph)) if splits is None else splits[self.split]
        code, shape = self.graph * self.log_rows.shape[1] + self.point, self.log_rows.shape
        solved, n = (
            np.bincount(code, each * one, self.log_rows.size).reshape(shape)
            for one in (self.solved, 1.0)
        )
        weights = np.ones(shape[0]) if weights is None else weights
        return Counts(self.log_rows, solved, n, x, weights)


def _resampled(
    runs: dict[str, _Runs],
    x: np.ndarray,
    fits: dict[str, SolvedCurves],
    resamples: int,
    seed: int,
) -> dict[str, list[SolvedCurves]]:
    """The fits to resamples, the same for every kind.

    A graph is drawn with all its splits.  Where graphs share split seeds, these are drawn anew too,
    so that a run counts as often as both.
    """
    rng, n_graphs = np.random.default_rng(seed), len(x)
    pairs = [np.stack([one.split, one.graph]) for one in runs.values()]
    of_split = np.unique(np.concatenate(pairs, axis=1), axis=1)[0]
    n_splits = int(of_split.max()) + 1
    shared = 1 < n_splits < len(of_split)
    draws: dict[str, list[SolvedCurves]] = {kind: [] for kind in runs}
    for _ in range(resamples):
        weights = rng.multinomial(n_graphs, np.full(n_graphs, 1 / n_graphs)).astype(float)
        splits = rng.multinomial(n_splits, np.full(n_splits, 1 / n_splits)) if shared else None
        for kind, one in runs.items():
            draws[kind].append(SolvedCurves.fitted(one.counts(x, weights, splits), fits[kind]))
    return draws


def _properties_of(
    names: list[str], properties: pd.DataFrame | None, columns: tuple[str, ...]
) -> pd.DataFrame:
    """The columns of each graph, in order."""
    if not columns:
        return pd.DataFrame(index=names)
    if properties is None:
        raise ValueError("properties is missing; allowed is a table with a row per graph")
    require_columns(properties, ["graph", *columns])
    table = properties.drop_duplicates("graph").set_index("graph")
    missing = [name for name in names if name not in table.index]
    require(not missing, f"properties has no row for graph {missing[:1]}; allowed: one for each")
    table = table.loc[names, list(columns)].astype(float)
    for name in columns:
        values = table[name]
        require(bool(np.isfinite(values).all()), f"properties: {name} is not finite for each graph")
        require(
            values.min() < values.max(), f"properties: {name} is {values.iloc[0]:g} for all graphs"
        )
    rank = np.linalg.matrix_rank(design(table, columns, table.to_numpy().mean(axis=0)))
    require(rank == len(columns) + 1, f"columns={columns}: one follows from the others")
    return table


def design(table: pd.DataFrame, columns: tuple[str, ...], centers: np.ndarray) -> np.ndarray:
    if not columns:
        return np.ones((len(table), 1))
    require_columns(table, columns)
    values = table[list(columns)].to_numpy(float)
    return np.column_stack([np.ones(len(values)), values - centers])


def _octaves(
    draws: list[SolvedCurves], x: np.ndarray, share: float, chance: np.ndarray
) -> np.ndarray:
    """Of new graphs, in each resample, shape (draw, graph)."""
    return np.array(
        [x @ d.effects + d.offset(share) + d.spread * z for d, z in zip(draws, chance, strict=True)]
    )


def _of_graphs(runs: _Runs, names: list[str], confidence: float) -> pd.DataFrame:
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


def _of_kind(
    kind: str,
    fits: dict[str, SolvedCurves],
    draws: dict[str, list[SolvedCurves]],
    n_graphs: int,
    bootstrap: Bootstrap,
) -> dict[str, object]:
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


def _effects(
    kinds: list[str],
    reference: str,
    columns: tuple[str, ...],
    fits: dict[str, SolvedCurves],
    draws: dict[str, list[SolvedCurves]],
    n_graphs: int,
    bootstrap: Bootstrap,
) -> pd.DataFrame:
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


def _correlations(
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


def _related(
    fits: dict[str, SolvedCurves], counts: dict[str, Counts], kind: str, reference: str
) -> float:
    """Correlation of what properties leave open, of a kind and the reference.

    Means of each graph's places are nearer to the middle than the places are; what that takes
    from their covariance is given back.
    """
    if kind == reference:
        return 1.0
    means, kept = [], 1.0
    for name in (kind, reference):
        fit = fits[name]
        places, shares = fit.middles(counts[name])
        mean = (places * shares).sum(axis=1) - counts[name].properties @ fit.effects
        kept *= max(mean.var() / fit.spread**2, 1e-3)
        means.append(mean)
    covariance = float(np.cov(*means)[0, 1]) / kept
    return float(np.clip(covariance / (fits[kind].spread * fits[reference].spread), -1, 1))
