"""How runs change while they train: when routing flips and freezes, when accuracy jumps.

Of runs that recorded what they had learned at every evaluation (``record="every"``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from modnets.analysis.intervals import need
from modnets.training.store import Store

#: Parts of a structure that are choices.
CHOICES = ("routing", "selection", "outputs", "image_routing", "image_selection")


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
        ``run``, ``epoch``, ``flips`` (places of slots, and outputs, that read another source, and
        slots filled by another module; missing at the first evaluation), ``regated`` (slots whose
        gate has another name), ``choices`` (how many could have changed).
    """
    if isinstance(store, pd.DataFrame):
        need(store, ["run", "epoch", "structure"])
        frame = store if runs is None else store[store["run"].isin(list(runs))]
    else:
        frame = Store(store).details(runs, every=True)
    frame = frame[frame["structure"].notna()]
    rows = []
    for run, part in frame.groupby("run", sort=False):
        if len(part) < 2:
            continue
        before: tuple[list[Any], list[Any]] | None = None
        for epoch, text in zip(part["epoch"], part["structure"], strict=True):
            found = json.loads(text)
            now = _leaves([found[name] for name in CHOICES if name in found])
            named = _leaves(found.get("gates", []))
            flips = regated = None
            if before is not None:
                flips, regated = _changes(before[0], now), _changes(before[1], named)
            rows.append((run, epoch, flips, regated, len(now)))
            before = now, named
    frame = pd.DataFrame(rows, columns=["run", "epoch", "flips", "regated", "choices"])
    return frame.astype({"flips": "Int64", "regated": "Int64"})


def turning_points(
    results: pd.DataFrame, changes: pd.DataFrame, measure: str = "bit_accuracy"
) -> pd.DataFrame:
    """When each run's routing freezes, when its accuracy jumps, and what came first.

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
    need(results, ["run", "epoch", measure, "solved"])
    need(changes, ["run", "epoch", "flips"])
    rows = []
    changed = dict(list(changes.groupby("run")))
    for run, part in results.groupby("run", sort=False):
        if run not in changed:
            continue
        flipped = changed[run][changed[run]["flips"].fillna(0) > 0]
        freezes = int(flipped["epoch"].max()) if len(flipped) else 0
        part = part.sort_values("epoch")
        rises = part[measure].diff()
        place = rises.idxmax()
        jumps, jump = int(part["epoch"][place]), float(rises[place])
        total, solved = int(flipped["flips"].sum()), bool(part["solved"].iloc[-1])
        rows.append((run, freezes, total, jumps, jump, freezes <= jumps, solved))
    columns = ["run", "freezes", "flips", "jumps", "jump", "frozen_first", "solved"]
    return pd.DataFrame(rows, columns=columns)


def _leaves(nested: Any) -> list[Any]:
    """What stands at the ends of nested lists, in order."""
    if not isinstance(nested, list):
        return [nested]
    return [leaf for part in nested for leaf in _leaves(part)]


def _changes(before: list[Any], now: list[Any]) -> int:
    return sum(a != b for a, b in zip(before, now, strict=True))
