"""Runs one after the other: how soon a stage adapts, and what earlier stages lose by it.

Stages are as :func:`modnets.in_sequence` gives them; a chain is a run of the last one with those
that it starts from.  Chains are the independent observations: intervals come from resampling them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from modnets.analysis.clusters import Clusters
from modnets.analysis.intervals import Bootstrap, share_interval
from modnets.analysis.statistics import last
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.config.pretraining import stages_of, without_reuse
from modnets.config.run_config import RunConfig
from modnets.errors import require

#: Columns that identify a run's place in its chain.
PLACE = ["chain", "stage"]


@checked
def chains(runs: Iterable[RunConfig]) -> pd.DataFrame:
    """Where runs stand in their chains.

    Parameters
    ----------
    runs : iterable of RunConfig

    Returns
    -------
    DataFrame
        A row per run: ``run`` (its key); ``chain`` (the key of the run that its chain begins with,
        in which weights were drawn); ``stage`` (1 for that run).
    """
    rows = []
    for run in runs:
        stages = list(stages_of(run))
        rows.append((run.key, stages[-1].key, len(stages)))
    return pd.DataFrame(rows, columns=["run", *PLACE]).drop_duplicates("run", ignore_index=True)


@checked
def adaptation(
    results: pd.DataFrame,
    by: Sequence[str] = ("kind", "stage"),
    *,
    measure: str = "test_bit_accuracy",
    level: float = 0.95,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """How many epochs runs take to reach a level, and how many of them do.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns: a row per run and evaluated epoch; merged with :func:`chains` for the
        column ``stage``.
    by : sequence of str
        Columns that make the groups.
    measure : str
        An accuracy, of rows that were not shown by default.
    level : float
        What it has to reach, at one evaluation.
    confidence : float, in (0, 1)
        Of the intervals.
    resamples, seed : int
        Of the bootstrap, over splits and seeds.

    Returns
    -------
    DataFrame
        A row per group: ``n`` (runs); ``adapted`` (share of runs that reach the level), with
        ``adapted_low`` and ``adapted_high``; ``epochs`` (median of the first epoch at which they
        do, infinite where fewer than half do), with ``epochs_low`` and ``epochs_high``.
    """
    require_columns(results, ["run", "epoch", "split_seed", "seed", measure, *by])
    bootstrap = Bootstrap(confidence, resamples, seed)
    rows = []
    for values, group in results.groupby(list(by), sort=True, observed=True):
        runs = group.drop_duplicates("run").set_index("run")
        reached = group[group[measure] >= level].groupby("run")["epoch"].min()
        epochs = reached.reindex(runs.index).fillna(np.inf).to_numpy(float)
        clusters = Clusters.of(runs)
        adapted = share_interval(np.isfinite(epochs), clusters, confidence)
        draws = _medians(epochs, bootstrap.weights(runs))
        middle = float(_medians(epochs, np.ones((1, len(epochs))))[0])
        low, high = bootstrap.interval(draws, clusters.count)
        names = _named(by, values)
        share = {"adapted": float(np.isfinite(epochs).mean())}
        share |= dict(zip(("adapted_low", "adapted_high"), adapted, strict=True))
        ends = {"epochs": middle, "epochs_low": low, "epochs_high": high}
        rows.append(names | {"n": len(runs)} | share | ends)
    return pd.DataFrame(rows)


def _medians(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The lower median of values that count so often, shape (resample,); NaN where none does."""
    order = np.argsort(values, kind="stable")
    cumulated = np.cumsum(weights[:, order], axis=1)
    total = cumulated[:, -1:]
    found = values[order][(cumulated >= 0.5 * total).argmax(axis=1)]
    return np.where(total[:, 0] > 0, found, np.nan)


@checked
def revisits(stages: Iterable[Iterable[RunConfig]], *, transferred: str = "all") -> list:
    """Runs that ask the networks of each stage for the tasks of all stages before.

    They leave weights as they are, and are to be read at epoch 0, or at the end where choices are
    searched anew among the modules of the later stage.

    Parameters
    ----------
    stages : iterable of lists of RunConfig
        As :func:`modnets.in_sequence` gives them.
    transferred : "all" or "modules"
        What is taken of the later stage.

    Returns
    -------
    list of RunConfig
        Each starts from the run of the later stage; its task is that of the earlier one.
    """
    listed = [list(stage) for stage in stages]
    still: dict[str, Any] = dict.fromkeys(("lr", "lr_routing", "lr_selection"), 0.0)
    still |= {"epochs": 1, "eval_every": 1, "transferred": transferred}
    return [
        replace(earlier, pretrained=later, **still)
        for number, stage in enumerate(listed)
        for before in listed[:number]
        for earlier, later in zip(before, stage, strict=True)
    ]


@checked
def retention(
    results: pd.DataFrame, again: pd.DataFrame, runs: Iterable[RunConfig]
) -> pd.DataFrame:
    """What networks know of a task at the end of its stage, and at the end of each later one.

    Parameters
    ----------
    results : DataFrame
        What a sweep of all stages returns.
    again : DataFrame
        What a sweep of :func:`revisits` returns.
    runs : iterable of RunConfig
        All runs of both.

    Returns
    -------
    DataFrame
        A row per chain, task and stage: ``kind`` (without what is taken of another run),
        ``chain``, ``learned`` (number of the stage of the task), ``after`` (number of the stage
        after which it is asked), ``split_seed``, ``seed``, ``bit_accuracy`` (over the whole table,
        in [0, 1]), ``solved``.

    Raises
    ------
    ValueError
        If a run of ``again`` starts from none of ``results``, or its task was no stage of it.
    """
    configs = {run.key: run for run in runs}
    again = again.reset_index(drop=True)
    ends, asked = last(results), again.loc[again.groupby("run", sort=False)["epoch"].idxmin()]
    rows, revisiting = [], set(asked["run"])
    for row in pd.concat([ends, asked]).itertuples():
        require(row.run in configs, f"run={row.run} is none of runs; allowed are runs of both")
        run = configs[row.run]
        now = list(stages_of(run))[::-1]  # the first stage first
        if row.run in revisiting:
            stages, later = now[:-1], now[-2] if len(now) > 1 else None
            places = [n for n, one in enumerate(stages, start=1) if one.graph == run.graph]
            require(later is not None and bool(places), f"run={row.run}: no stage had its task")
            learned, after = places[0], len(stages)
        else:
            learned = after = len(now)
        place = without_reuse(run.kind), now[0].key, learned, after, run.split_seed, run.seed
        rows.append((*place, float(row.bit_accuracy), bool(row.solved)))
    columns = ["kind", "chain", "learned", "after", "split_seed", "seed", "bit_accuracy", "solved"]
    return pd.DataFrame(rows, columns=columns)


@checked
def forgetting(
    kept: pd.DataFrame,
    by: Sequence[str] = ("kind",),
    *,
    measure: str = "bit_accuracy",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """How much of each task is lost by the end of the last stage, the mean over tasks but the last.

    Parameters
    ----------
    kept : DataFrame
        What :func:`retention` returns.
    by : sequence of str
        Columns that make the groups.
    measure : str
    confidence : float, in (0, 1)
        Of the intervals.
    resamples, seed : int
        Of the bootstrap, over splits and seeds.

    Returns
    -------
    DataFrame
        A row per group: ``n`` (chains), ``tasks`` (of each but the last), ``learned`` (mean measure
        at the end of a task's own stage), ``kept`` (at the end of the last), ``forgotten`` (their
        difference), the last two with ``_low`` and ``_high``.
    """
    require_columns(kept, ["chain", "learned", "after", measure, *by])
    bootstrap = Bootstrap(confidence, resamples, seed)
    rows = []
    for values, group in kept.groupby(list(by), sort=True, observed=True):
        end = int(group["after"].max())
        old = group[group["learned"] < end]
        table = {
            "learned": old[old["learned"] == old["after"]].groupby("chain")[measure].mean(),
            "kept": old[old["after"] == end].groupby("chain")[measure].mean(),
        }
        one = pd.DataFrame(table).dropna()
        one["forgotten"] = one["learned"] - one["kept"]
        seeds = group.drop_duplicates("chain").set_index("chain").loc[one.index]
        weights, clusters = bootstrap.weights(seeds), Clusters.of(seeds).count
        row = _named(by, values) | {
            "n": len(one),
            "tasks": end - 1,
            "learned": float(one["learned"].mean()),
        }
        for name in ("kept", "forgotten"):
            row |= _mean(one[name].to_numpy(), weights, clusters, bootstrap, name)
        rows.append(row)
    return pd.DataFrame(rows)


@checked
def means(
    table: pd.DataFrame,
    by: Sequence[str],
    *,
    measure: str = "bit_accuracy",
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """The mean of a measure in each group, a run or chain a row of it.

    Parameters
    ----------
    table : DataFrame
        With columns ``split_seed`` and ``seed``.
    by : sequence of str
        Columns that make the groups.
    measure : str
    confidence : float, in (0, 1)
        Of the intervals.
    resamples, seed : int
        Of the bootstrap, over splits and seeds.

    Returns
    -------
    DataFrame
        A row per group: ``n`` (rows of the table), ``accuracy`` with ``low`` and ``high``.
    """
    require_columns(table, ["split_seed", "seed", measure, *by])
    bootstrap, rows = Bootstrap(confidence, resamples, seed), []
    for values, group in table.groupby(list(by), sort=True, observed=True):
        weights, clusters = bootstrap.weights(group), Clusters.of(group).count
        found = _mean(group[measure].to_numpy(float), weights, clusters, bootstrap, "accuracy")
        found = {name.removeprefix("accuracy_"): value for name, value in found.items()}
        rows.append(_named(by, values) | {"n": len(group)} | found)
    return pd.DataFrame(rows)


def _mean(
    values: np.ndarray, weights: np.ndarray, clusters: int, bootstrap: Bootstrap, name: str
) -> dict[str, float]:
    """A mean by its name, and its interval."""
    total = weights.sum(axis=1)
    draws = (weights * values).sum(axis=1) / np.where(total > 0, total, np.nan)
    low, high = bootstrap.interval(draws, clusters)
    return {name: float(values.mean()), f"{name}_low": low, f"{name}_high": high}


def _named(by: Sequence[str], values: object) -> dict[str, object]:
    """The values of a group by the columns that make it."""
    return dict(zip(by, values if isinstance(values, tuple) else (values,), strict=True))
