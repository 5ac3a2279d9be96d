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

from modnets.analysis.graph_runs import GraphRuns, resampled
from modnets.analysis.intervals import Bootstrap
from modnets.analysis.kinds import ladder
from modnets.analysis.law_tables import correlations_table, effects_table, of_graphs_table, of_kind
from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.solved_curves import Counts, SolvedCurves
from modnets.analysis.statistics import last_runs
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import one_of, require

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
    centers : ndarray of float, shape (property,)
        Their means over graphs, around which effects are.
    fits, draws : dict
        The curves of each kind, and those of each resample.
    related : dict
        Correlation of each kind with the reference in what properties leave open.
    confidence : float
        Of the intervals.
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
    by_kind = {kind: GraphRuns.of(runs[runs["kind"] == kind], names, splits) for kind in kinds}
    counts = {kind: one.counts(x) for kind, one in by_kind.items()}
    fits = {kind: SolvedCurves.fitted(one) for kind, one in counts.items()}
    draws = resampled(by_kind, x, fits, resamples, seed)
    bootstrap = Bootstrap(confidence, resamples, seed)
    of_graphs = {kind: of_graphs_table(by_kind[kind], names, confidence) for kind in kinds}
    frames = [frame.assign(kind=kind) for kind, frame in of_graphs.items()]
    graphs = pd.concat(frames, ignore_index=True)
    graphs.insert(1, "kind", graphs.pop("kind"))
    return RowsLaw(
        graphs,
        pd.DataFrame([of_kind(kind, fits, draws, len(names), bootstrap) for kind in kinds]),
        effects_table(kinds, reference, columns, fits, draws, len(names), bootstrap),
        correlations_table(of_graphs, reference, table, bootstrap),
        reference,
        columns,
        centers,
        fits,
        draws,
        {kind: _related(fits, counts, kind, reference) for kind in kinds},
        confidence,
    )


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
    """A 1 and the properties of each graph, around their centers, shape (graph, 1 + property)."""
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
