"""Intervals of runs that share splits: how often they hold what is true, in simulations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from modnets.analysis.clusters import Clusters
from modnets.analysis.intervals import (
    critical_value,
    interquartile_mean,
    percentiles,
    resampling_weights,
    share_interval,
    wilson_interval,
)
from modnets.analysis.statistics import paired_difference, summarize
from modnets.analysis.survival import kaplan_meier, time_to_solve

SHARES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95)


def seeds(splits: int, inits: int) -> pd.DataFrame:
    """Splits crossed with initial weights; with one of them, each split has its own."""
    split = np.repeat(np.arange(splits), inits)
    seed = split if inits == 1 else np.tile(np.arange(inits), splits)
    return pd.DataFrame({"split_seed": split, "seed": seed})


def drawn(
    rng: np.random.Generator, share: float, splits: int, inits: int, alike: float, n: int
) -> np.ndarray:
    """Runs that solve; those of a split are so much alike (intraclass correlation), shape (n, run).

    The chance that runs of a split solve is drawn from a beta distribution.
    """
    chance = np.full((n, splits, 1), share)
    if alike:
        scale = 1 / alike - 1
        chance = rng.beta(share * scale, (1 - share) * scale, size=(n, splits, 1))
    return (rng.random((n, splits, inits)) < chance).reshape(n, -1)


def logistic(
    rng: np.random.Generator, share: float, splits: int, inits: int, spread: float, n: int
) -> tuple[np.ndarray, float]:
    """The same with normal effects of split and initial weights on the log-odds; true share."""
    both = np.hypot(spread, spread / 3)
    grid = scipy.stats.norm.ppf((np.arange(2000) + 0.5) / 2000) * both
    middle = scipy.special.logit(share)
    truth = scipy.special.expit(middle + grid).mean()
    odds = middle + spread * rng.normal(size=(n, splits, 1))
    odds = odds + spread / 3 * rng.normal(size=(n, 1, inits))
    return (rng.random((n, splits, inits)) < scipy.special.expit(odds)).reshape(n, -1), truth


def held(hits: np.ndarray, runs: pd.DataFrame, truth: float) -> float:
    """How often the interval of the share holds what is true."""
    clusters = Clusters.of(runs)
    each, counts = np.unique(hits, axis=0, return_counts=True)
    inside = [low <= truth <= high for low, high in (share_interval(h, clusters) for h in each)]
    return float(np.average(inside, weights=counts))


@pytest.mark.parametrize(("splits", "inits"), [(36, 1), (6, 6), (12, 3), (8, 4), (60, 1)])
@pytest.mark.parametrize("alike", [0.0, 0.3, 0.6, 0.9])
def test_the_interval_of_a_share_holds_it(splits: int, inits: int, alike: float) -> None:
    rng = np.random.default_rng(3)
    runs = seeds(splits, inits)
    coverages = [held(drawn(rng, p, splits, inits, alike, 400), runs, p) for p in SHARES]
    assert np.mean(coverages) >= 0.93
    assert min(coverages) >= 0.90  # a simulation of 400 errs by 0.013


@pytest.mark.parametrize(("splits", "inits"), [(6, 6), (12, 3)])
@pytest.mark.parametrize("spread", [1.0, 2.0, 4.0])
def test_it_holds_it_where_initial_weights_count_too(
    splits: int, inits: int, spread: float
) -> None:
    rng = np.random.default_rng(4)
    coverages = []
    for share in SHARES:
        hits, truth = logistic(rng, share, splits, inits, spread, 400)
        coverages.append(held(hits, seeds(splits, inits), truth))
    assert np.mean(coverages) >= 0.93


def test_wilsons_interval_of_all_runs_does_not() -> None:
    """What it is all about: 6 splits x 6 seeds, alike as dense networks on a split are."""
    rng = np.random.default_rng(5)
    hits = drawn(rng, 0.5, 6, 6, 0.8, 2000).sum(axis=1)
    low, high = wilson_interval(hits, np.full(2000, 36))
    assert np.mean((low <= 0.5) & (high >= 0.5)) < 0.75


@pytest.mark.parametrize(("splits", "inits"), [(36, 1), (6, 6), (12, 3)])
@pytest.mark.parametrize("alike", [0.0, 0.5, 0.9])
def test_the_bootstrap_holds_mean_and_inter_quartile_mean(
    splits: int, inits: int, alike: float
) -> None:
    """Normal values: mean and inter-quartile mean are both 0."""
    rng, runs = np.random.default_rng(6), seeds(splits, inits)
    weights, count = resampling_weights(runs, 1000), Clusters.of(runs).count
    within = [[], []]
    for _ in range(250):
        x = np.sqrt(alike) * rng.normal(size=(splits, 1))
        x = (x + np.sqrt(1 - alike) * rng.normal(size=(splits, inits))).ravel()
        means = weights @ x / weights.sum(axis=1)
        for index, draws in enumerate((means, interquartile_mean(x, weights))):
            low, high = percentiles(draws, 0.95, count)
            within[index].append(low <= 0 <= high)
    assert np.mean(within[0]) >= 0.92  # a simulation of 250 errs by 0.014
    assert np.mean(within[1]) >= 0.92


def test_who_shares_no_seeds_stands_for_itself() -> None:
    alone, crossed = Clusters.of(seeds(9, 1)), Clusters.of(seeds(3, 4))
    assert (alone.count, alone.main, alone.other) == (9, None, None)
    assert crossed.count == 3
    assert crossed.other is not None
    one_split = Clusters.of(pd.DataFrame({"split_seed": [40] * 5, "seed": range(5)}))
    assert (one_split.count, one_split.main) == (5, None)  # told of that split
    one_init = Clusters.of(pd.DataFrame({"split_seed": range(5), "seed": [0] * 5}))
    assert (one_init.count, one_init.main) == (5, None)
    again = pd.concat([seeds(9, 1)] * 3)  # the same seeds with three numbers of rows
    assert (Clusters.of(again).count, Clusters.of(again).other) == (9, None)


def test_runs_that_agree_within_splits_count_as_one() -> None:
    runs = seeds(12, 5)
    hits = runs["split_seed"] % 2 == 0
    n, degrees = Clusters.of(runs).effective(hits)
    assert 10 < n < 14
    assert degrees == 11
    spread = np.random.default_rng(0).random(60) < 0.5
    assert Clusters.of(runs).effective(spread)[0] > 20
    low, high = share_interval(np.zeros(60, bool), Clusters.of(runs))
    assert low == 0
    assert 0.2 < high < 0.4  # none of 12, not none of 60


def test_wilsons_interval_takes_students_quantile() -> None:
    assert critical_value(0.95) == pytest.approx(scipy.stats.norm.ppf(0.975))
    assert critical_value(0.9, 5) == pytest.approx(scipy.stats.t.ppf(0.95, 5))
    narrow, wide = wilson_interval(5.5, 11, 0.9), wilson_interval(5.5, 11, 0.9, 5)
    assert wide[0] < narrow[0] < 0.5 < narrow[1] < wide[1]


def test_percentiles_lie_further_out_the_fewer_clusters_were_drawn() -> None:
    draws = np.random.default_rng(0).normal(size=100_000)
    ends = [percentiles(draws, 0.95, count)[1] for count in (2, 6, 36, np.inf)]
    assert ends == sorted(ends, reverse=True)
    assert ends[1] == pytest.approx(np.sqrt(6 / 5) * scipy.stats.t.ppf(0.975, 5), abs=0.15)
    assert ends[3] == pytest.approx(1.96, abs=0.02)
    assert percentiles(draws, 0.95, 1) == (draws.min(), draws.max())


def results(splits: int, inits: int, alike: float = 0.9) -> pd.DataFrame:
    """Results of two kinds of network, evaluated twice."""
    rng, result = np.random.default_rng(8), []
    for kind in ("dense", "shared, known"):
        hits = drawn(rng, 0.5, splits, inits, alike, 1)[0]
        runs = seeds(splits, inits).assign(kind=kind, graph="6-3-2-2", train_rows=16, solved=hits)
        runs["run"] = [f"{kind} {number}" for number in range(len(runs))]
        runs["test_bit_accuracy"] = np.where(hits, 1.0, rng.uniform(0.5, 0.9, len(runs)))
        result += [runs.assign(epoch=10, solved=False), runs.assign(epoch=20)]
    return pd.concat(result, ignore_index=True)


def test_tables_find_the_clusters_by_themselves() -> None:
    crossed, alone = results(6, 6), results(36, 1)
    widths = []
    for table in (crossed, alone):
        row = summarize(table, resamples=300).set_index("kind").loc["dense"]
        km = kaplan_meier(time_to_solve(table)).query("kind == 'dense'").iloc[-1]
        pair = paired_difference(table, resamples=300).iloc[0]
        ends = [(row, "solved"), (row, "test_bit_accuracy"), (km, "solved"), (pair, "difference")]
        widths.append([one[f"{name}_high"] - one[f"{name}_low"] for one, name in ends])
        assert row["clusters"] == (6 if table is crossed else 36)
    assert (np.array(widths[0]) > 1.2 * np.array(widths[1])).all()
