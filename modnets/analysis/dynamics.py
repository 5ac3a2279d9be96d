"""Training dynamics: when routing flips and freezes, when accuracy jumps.

For runs that recorded their structure at every evaluation (``record="every"``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.structure import details_of
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require

#: Entries of a recorded structure that are choices.
CHOICES = ("routing", "selection", "outputs", "image_routing", "image_selection")


@checked
def rewiring(store: str | Path | pd.DataFrame, runs: Iterable[str] | None = None) -> pd.DataFrame:
    """How many choices have changed since the evaluation before, a row per run and evaluation.

    Parameters
    ----------
    store : str, Path or DataFrame
        A folder of results, or the table of a trained run.
    runs : iterable of str, optional
        Keys of the runs wanted; by default all that recorded more than one evaluation.

    Returns
    -------
    DataFrame
        ``run``, ``epoch``, ``flips`` (inputs of slots, and outputs, that read another source, and
        slots filled by another module; missing at the first evaluation), ``regated`` (slots whose
        gate has another name), ``choices`` (how many could have changed).
    """
    frame = details_of(store, runs, ["run", "epoch", "structure"])
    frame = frame[frame["structure"].notna()]
    rows = []
    for run, of_run in frame.groupby("run", sort=False):
        if len(of_run) < 2:
            continue
        before: tuple[list[Any], list[Any]] | None = None
        for epoch, text in zip(of_run["epoch"], of_run["structure"], strict=True):
            structure = json.loads(text)
            choices = _leaves([structure[name] for name in CHOICES if name in structure])
            gates = _leaves(structure.get("gates", []))
            flips = regated = None
            if before is not None:
                flips, regated = _n_changes(before[0], choices), _n_changes(before[1], gates)
            rows.append((run, epoch, flips, regated, len(choices)))
            before = choices, gates
    frame = pd.DataFrame(rows, columns=["run", "epoch", "flips", "regated", "choices"])
    return frame.astype({"flips": "Int64", "regated": "Int64"})


@checked
def turning_points(
    results: pd.DataFrame, changes: pd.DataFrame, measure: str = "bit_accuracy"
) -> pd.DataFrame:
    """When each run's routing freezes, when its accuracy jumps, and which came first.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns: a row per run and evaluated epoch.
    changes : DataFrame
        What :func:`rewiring` returns.
    measure : str
        The accuracy.

    Returns
    -------
    DataFrame
        A row per run: ``run``, ``freezes`` (epoch of the last flip, 0 if there was none), ``flips``
        (all of them), ``jumps`` (epoch at the end of the steepest rise between two evaluations),
        ``jump`` (that rise), ``frozen_first`` (whether routing froze no later than accuracy
        jumped), ``solved``.
    """
    require_columns(results, ["run", "epoch", measure, "solved"])
    require_columns(changes, ["run", "epoch", "flips"])
    rows = []
    changes_of = dict(list(changes.groupby("run")))
    for run, of_run in results.groupby("run", sort=False):
        if run not in changes_of:
            continue
        flipped = changes_of[run][changes_of[run]["flips"].fillna(0) > 0]
        freezes = int(flipped["epoch"].max()) if len(flipped) else 0
        of_run = of_run.sort_values("epoch")
        rises = of_run[measure].diff()
        steepest = rises.idxmax()
        jumps, jump = int(of_run["epoch"][steepest]), float(rises[steepest])
        total, solved = int(flipped["flips"].sum()), bool(of_run["solved"].iloc[-1])
        rows.append((run, freezes, total, jumps, jump, freezes <= jumps, solved))
    columns = ["run", "freezes", "flips", "jumps", "jump", "frozen_first", "solved"]
    return pd.DataFrame(rows, columns=columns)


@checked
def slot_changes(found: pd.DataFrame) -> pd.DataFrame:
    """Which slots changed since the evaluation before.

    Parameters
    ----------
    found : DataFrame
        What :func:`~modnets.analysis.gates` returns with ``every=True``.

    Returns
    -------
    DataFrame
        ``found`` with ``flipped`` (whether the slot reads other sources, or the same in another
        order, or another module fills it), ``rewired`` (the same, regardless of order) and
        ``regated`` (whether its gate has another name); all False at the first evaluation.
    """
    require_columns(found, ["run", "epoch", "task", "level", "slot", "module", "reads", "gate"])
    slots = found.sort_values(["run", "epoch", "task", "level", "slot"], ignore_index=True)
    slots["sources"] = [" ".join(sorted(reads.split())) for reads in slots["reads"]]
    names = ["module", "reads", "sources", "gate"]
    before = slots.groupby(["run", "task", "level", "slot"], sort=False)[names].shift()
    changed = (slots[names] != before) & before.notna()
    flipped = changed["reads"] | changed["module"]
    rewired = changed["sources"] | changed["module"]
    slots = slots.drop(columns="sources")
    return slots.assign(flipped=flipped, rewired=rewired, regated=changed["gate"])


@checked
def visits(results: pd.DataFrame, state: str = "solved") -> pd.DataFrame:
    """How often each run enters a state and leaves it again, and whether it stays.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns: a row per run and evaluated epoch.
    state : str
        Column of true and false, or of 1 and 0, such as ``"routing_recovered"``.

    Returns
    -------
    DataFrame
        A row per run: ``run``; ``first`` (epoch of the first evaluation in that state; NaN: none);
        ``found`` (times that it entered it); ``lost`` (times that it left it); ``stays`` (whether
        it is in it at the end); ``share`` (of all evaluations).
    """
    require_columns(results, ["run", "epoch", state])
    rows = []
    for run, of_run in results.sort_values("epoch").groupby("run", sort=False):
        inside = of_run[state].to_numpy(float) > 0
        steps = inside.astype(int)[1:] - inside[:-1]
        epochs = of_run["epoch"].to_numpy()
        first = float(epochs[inside.argmax()]) if inside.any() else float("nan")
        n_found, n_lost = int((steps > 0).sum() + inside[0]), int((steps < 0).sum())
        rows.append((run, first, n_found, n_lost, bool(inside[-1]), float(inside.mean())))
    return pd.DataFrame(rows, columns=["run", "first", "found", "lost", "stays", "share"])


@checked
def course(
    results: pd.DataFrame,
    by: list[str],
    measures: list[str],
    *,
    window: int = 1,
    confidence: float = 0.5,
) -> pd.DataFrame:
    """The median over runs at each epoch, with the central share of the runs, for each group.

    Parameters
    ----------
    results : DataFrame
        A row per run and evaluated epoch.
    by : list of str
        Columns that make the groups.
    measures : list of str
        Columns of numbers.
    window : int, epochs
        Each run enters with its mean over so many epochs, at the last of them: measures that
        take few values would jump from one to the other.
    confidence : float, in (0, 1)
        The share of runs between ``low`` and ``high``; 0.5 are the quartiles.

    Returns
    -------
    DataFrame
        A row per group, measure and epoch: the columns of ``by``, ``measure``, ``epoch``, ``n``
        (runs), ``median``, ``low``, ``high``.

    Raises
    ------
    ValueError
        If a setting varies within a group.
    """
    require_columns(results, ["run", "epoch", *by, *measures])
    require(len(results) > 0, "results is empty; there are no runs")
    require(window >= 1, f"window={window}; allowed is at least 1")
    require(0 < confidence < 1, f"confidence={confidence}; allowed is in (0, 1)")
    refuse_pooling(results, by)
    ends = -(-results["epoch"] // window) * window  # the epoch before training is its own window
    results = results.assign(epoch=ends)
    long = results.melt([*by, "run", "epoch"], measures, var_name="measure").dropna()
    long["value"] = long["value"].astype(float)
    long = long.groupby([*by, "measure", "run", "epoch"], as_index=False)["value"].mean()
    groups = long.groupby([*by, "measure", "epoch"])["value"]
    tail = (1 - confidence) / 2
    table = groups.agg(["size", "median"]).rename(columns={"size": "n"})
    table = table.assign(low=groups.quantile(tail), high=groups.quantile(1 - tail))
    return table.reset_index()


def _leaves(nested: Any) -> list[Any]:
    """The leaves of nested lists, in order."""
    if not isinstance(nested, list):
        return [nested]
    return [leaf for inner in nested for leaf in _leaves(inner)]


def _n_changes(before: list[Any], now: list[Any]) -> int:
    return sum(a != b for a, b in zip(before, now, strict=True))
