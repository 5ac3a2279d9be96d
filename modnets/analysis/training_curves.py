"""How runs get on while they train: medians and quartiles over the epochs, and what is possible."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np
import pandas as pd

from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.tables import require_columns
from modnets.analysis.version_space.modular import version_space
from modnets.checked import checked
from modnets.config.run_config import RunConfig
from modnets.tasks.task import Task

#: Labelled networks of a kind from which on nobody waits for what theory says (2 to 3 s).
MAX_NETWORKS = 2**32


@checked
def learning_curves(results: pd.DataFrame, measure: str = "test_bit_accuracy") -> pd.DataFrame:
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
    for kind, part in results.groupby("kind", sort=False):
        epochs = part["epoch"].to_numpy()
        order = np.argsort(epochs, kind="stable")
        values = part[measure].to_numpy(float)[order]
        solved = part["solved"].to_numpy(float)[order]
        each, counts = np.unique(epochs, return_counts=True)
        columns = _quartiles(values, solved, counts)
        frames.append(pd.DataFrame({"kind": kind, "epoch": each, **columns, "n": counts}))
    return pd.concat(frames, ignore_index=True)


def _quartiles(values: np.ndarray, solved: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Columns of a kind's curve, from its runs at every epoch one after the other."""
    if len(set(counts)) == 1:  # all at once
        at = values.reshape(len(counts), -1)
        # np.quantile is ten times as fast.
        quantile = np.nanquantile if np.isnan(at).any() else np.quantile
        low, median, high = quantile(at, (0.25, 0.5, 0.75), axis=1)
        shares = solved.reshape(at.shape).mean(axis=1)
    else:
        ends = np.cumsum(counts)[:-1]
        parts = [np.nanquantile(one, (0.25, 0.5, 0.75)) for one in np.split(values, ends)]
        low, median, high = np.transpose(parts)
        shares = np.array([one.mean() for one in np.split(solved, ends)])
    return {"median": median, "low": low, "high": high, "solved": shares}


def allowed_by_data(runs: Iterable[RunConfig], draws: int = 200) -> dict[str, float]:
    """What theory says of kinds with known structure: accuracy of what the data still admits.

    Parameters
    ----------
    runs : iterable of RunConfig
        Of one task and number of training rows.
    draws : int
        Sets of training rows that it is the mean of.

    Returns
    -------
    dict
        Kind -> bit accuracy on rows not shown, in [0, 1], of a network picked at random among all
        that fit the training rows; kinds that are not known, or cannot be counted, are left out.
    """
    kinds = {run.kind: run for run in runs if run.kind.endswith(", known")}
    found = {
        kind: _allowed(run.graph, run.model, run.final.train_rows, draws)
        for kind, run in kinds.items()
    }
    return {kind: value for kind, value in found.items() if value is not None}


@lru_cache(256)
def _allowed(graph: Task, model: str, rows: int, draws: int) -> float | None:
    try:
        space = version_space(graph, shared=model == "shared", routing="known")
        if space.n_labelled > MAX_NETWORKS:
            return None
        curve = space.learning_curve([rows], draws=draws, seed=0)
    except ValueError:  # no structure, or more functions than can be counted
        return None
    return float(curve["bit_accuracy"].iloc[0])
