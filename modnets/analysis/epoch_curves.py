"""Training curves: medians and quartiles of runs over the epochs, and the exact upper limit."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import cast

import numpy as np
import pandas as pd

from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.tables import require_columns
from modnets.analysis.version_space.modular import modular_version_space
from modnets.checked import checked
from modnets.config.run_config import RunConfig
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.task import Task

#: The most labelled networks of a kind that are enumerated interactively (2 to 3 s).
MAX_NETWORKS = 2**32


@checked
def training_curves(results: pd.DataFrame, measure: str = "test_bit_accuracy") -> pd.DataFrame:
    """Median and quartiles of a measure over the epochs, for each kind of network.

    Parameters
    ----------
    results : DataFrame
        A row per run and evaluated epoch, of runs that differ in kind and seeds only.
    measure : str
        A column of it.

    Returns
    -------
    DataFrame
        A row per ``kind`` and ``epoch`` with ``median``, ``low`` and ``high`` (quartiles of runs),
        ``solved`` (share of runs that solve the whole table then) and ``n`` (runs).

    Raises
    ------
    ValueError
        If a setting varies within a kind.
    """
    require_columns(results, ["run", "kind", "epoch", "solved", measure])
    refuse_pooling(results, ["kind"])
    frames = []
    for kind, of_kind in results.groupby("kind", sort=False):
        epochs = of_kind["epoch"].to_numpy()
        order = np.argsort(epochs, kind="stable")
        values = of_kind[measure].to_numpy(float)[order]
        solved = of_kind["solved"].to_numpy(float)[order]
        distinct, counts = np.unique(epochs, return_counts=True)
        columns = _quartiles(values, solved, counts)
        frames.append(pd.DataFrame({"kind": kind, "epoch": distinct, **columns, "n": counts}))
    return pd.concat(frames, ignore_index=True)


def _quartiles(values: np.ndarray, solved: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a kind's curve, from the values of its runs sorted by epoch."""
    if len(set(counts)) == 1:  # all at once
        by_epoch = values.reshape(len(counts), -1)
        # np.quantile is ten times as fast.
        quantile = np.nanquantile if np.isnan(by_epoch).any() else np.quantile
        low, median, high = quantile(by_epoch, (0.25, 0.5, 0.75), axis=1)
        shares = solved.reshape(by_epoch.shape).mean(axis=1)
    else:
        ends = np.cumsum(counts)[:-1]
        quartiles = [np.nanquantile(at, (0.25, 0.5, 0.75)) for at in np.split(values, ends)]
        low, median, high = np.transpose(quartiles)
        shares = np.array([at.mean() for at in np.split(solved, ends)])
    return {"median": median, "low": low, "high": high, "solved": shares}


def allowed_by_data(runs: Iterable[RunConfig], draws: int = 200) -> dict[str, float]:
    """Exact accuracy of kinds with known structure: that of the functions that fit the data.

    Parameters
    ----------
    runs : iterable of RunConfig
        Of one task and number of training rows.
    draws : int
        Number of sets of training rows that it is the mean of.

    Returns
    -------
    dict
        Kind -> bit accuracy on rows not shown, in [0, 1], of a network picked at random among all
        that fit the training rows; kinds without known structure, or that cannot be enumerated,
        are left out.
    """
    kinds = {run.kind: run for run in runs if run.kind.endswith(", known")}
    accuracies = {
        kind: _allowed(run.graph, run.model, run.final.train_rows, draws)
        for kind, run in kinds.items()
    }
    return {kind: value for kind, value in accuracies.items() if value is not None}


@lru_cache(256)
def _allowed(graph: Task, model: str, rows: int, draws: int) -> float | None:
    try:
        space = modular_version_space(
            cast("FunctionGraph", graph), shared=model == "shared", routing="known"
        )
        if space.n_labelled > MAX_NETWORKS:
            return None
        curve = space.learning_curve([rows], draws=draws, seed=0)
    except ValueError:  # no structure, or more functions than can be enumerated
        return None
    return float(curve["bit_accuracy"].iloc[0])
