"""Whether the intervals of a law over graphs hold what they say: studies simulated from a law."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from modnets.analysis.intervals import wilson_interval
from modnets.analysis.law_of_rows import RowsLaw, design, rows_law
from modnets.checked import checked


@checked(splits=(1, 10_000), between_splits=(0, 10))
def simulate_law(
    law: RowsLaw,
    properties: pd.DataFrame,
    train_rows: Sequence[int],
    splits: int = 4,
    *,
    between_splits: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Runs as a law says that they would end, on graphs with these properties.

    Parameters
    ----------
    law : RowsLaw
    properties : DataFrame
        A row per graph, with ``graph`` and the law's columns.
    train_rows : sequence of int
    splits : int
        Runs of each kind and graph at each number of rows, each with a split of its own.
    between_splits : float
        Standard deviation of splits of a graph, octaves; more than the law itself assumes.
    seed : int

    Returns
    -------
    DataFrame
        ``graph``, ``kind``, ``train_rows``, ``split_seed``, ``seed``, ``solved``, ``run`` and
        ``epoch``, as ``rows_law`` takes it.
    """
    rng = np.random.default_rng(seed)
    x = design(properties, law.columns, law.centers)
    log_rows = np.log2(np.asarray(train_rows, float))
    names, size = properties["graph"].to_numpy(), (len(x), splits, len(log_rows))
    common = rng.standard_normal(len(x))
    of_splits = between_splits * rng.standard_normal((len(x), splits))
    parts = []
    for kind, fit in law.fits.items():
        shared = law.related[kind]
        own = shared * common + np.sqrt(1 - shared**2) * rng.standard_normal(len(x))
        middles = (x @ fit.effects + fit.spread * own)[:, None] + of_splits
        chance = fit.ceiling * expit(fit.steepness * (log_rows - middles[..., None]))
        graph, split, point = (axis.ravel() for axis in np.indices(size))
        seeds = graph * splits + split
        of_kind = {"graph": names[graph], "kind": kind, "train_rows": np.take(train_rows, point)}
        of_kind |= {"split_seed": seeds, "seed": seeds}
        parts.append(pd.DataFrame(of_kind | {"solved": (rng.random(size) < chance).ravel()}))
    return pd.concat(parts, ignore_index=True).assign(epoch=0).rename_axis("run").reset_index()


@checked(studies=(1, 100_000))
def law_coverage(
    law: RowsLaw,
    properties: pd.DataFrame,
    train_rows: Sequence[int],
    splits: int = 4,
    *,
    studies: int = 100,
    between_splits: float = 0.0,
    resamples: int = 100,
) -> pd.DataFrame:
    """How often intervals hold the truth, in studies simulated from a law.

    Parameters
    ----------
    law, properties, train_rows, splits, between_splits
        As of :func:`simulate_law`.
    studies : int
        Simulated studies.
    resamples : int
        Of the bootstrap in each.

    Returns
    -------
    DataFrame
        A row per kind and property of the law's effects: ``truth``, ``studies``, and ``coverage``
        with its Wilson interval.
    """
    truth = law.effects.set_index(["kind", "property"])["effect"]
    hits = pd.Series(0, truth.index)
    for study in range(studies):
        runs = simulate_law(
            law, properties, train_rows, splits, between_splits=between_splits, seed=study
        )
        again = rows_law(
            runs,
            properties,
            law.columns,
            reference=law.reference,
            confidence=law.confidence,
            resamples=resamples,
            seed=study,
        )
        # Effects are of properties around their means: the same here, as the graphs are.
        ends = again.effects.set_index(["kind", "property"])
        hits += (ends["effect_low"] <= truth) & (truth <= ends["effect_high"])
    low, high = wilson_interval(hits.to_numpy(), np.full(len(hits), studies))
    found = {"truth": truth, "coverage": hits / studies}
    found |= {"coverage_low": low, "coverage_high": high}
    return pd.DataFrame(found).reset_index().assign(studies=studies)
