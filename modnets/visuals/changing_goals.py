"""Figure of goals that change: accuracy over switches, epochs to adapt, and what is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.plots import kind_order
from modnets.visuals.style import PAGE_WIDTH, kind_style

#: Line styles of goals, in order.
DASHES = ("-", "--", ":")


@checked
def plot_changing_goals(
    courses: pd.DataFrame,
    switches: pd.DataFrame,
    new: pd.DataFrame,
    kept: pd.DataFrame,
    goals: Sequence[str],
) -> np.ndarray:
    """Networks whose task changes while they train.

    Parameters
    ----------
    courses : DataFrame
        Accuracy while the first of ``goals`` changes: ``kind``, ``epoch`` (from the first stage
        on), ``stage``, and ``accuracy``, ``low`` and ``high``.
    switches : DataFrame
        What :func:`~modnets.analysis.adaptation` returns by ``goals``, ``kind`` and ``stage``.
    new : DataFrame
        The same by ``history`` and ``kind``, of a goal that comes last for the first time.
    kept : DataFrame
        By ``kind`` and ``after``, the number of later tasks learned: ``accuracy`` on an earlier
        task, ``low`` and ``high``.
    goals : sequence of str
        Up to three, the values of ``goals`` in ``switches``, each with a line style of its own.
        Epochs that most runs do not reach are drawn at the end of their axis.

    Returns
    -------
    ndarray of Axes, shape (2, 2)
    """
    ends = ["accuracy", "low", "high"]
    require_columns(courses, ["kind", "epoch", "stage", *ends])
    columns = ["adapted", "adapted_low", "adapted_high", "epochs", "epochs_low", "epochs_high"]
    require_columns(switches, ["goals", "kind", "stage", *columns])
    require_columns(new, ["history", "kind", *columns])
    require_columns(kept, ["kind", "after", *ends])
    require(0 < len(goals) <= len(DASHES), f"{len(goals)} goals; allowed are 1 to {len(DASHES)}")
    _, axes = plt.subplots(2, 2, figsize=(PAGE_WIDTH, 5.2), layout="constrained")
    _plot_courses(axes[0, 0], courses, goals[0])
    _plot_switches(axes[0, 1], switches, goals)
    _plot_new(axes[1, 0], new)
    _plot_kept(axes[1, 1], kept)
    return axes


def _band(ax: Axes, line: pd.DataFrame, x: str, kind: str) -> None:
    style, marker = kind_style(kind), {"marker": ""} if x == "epoch" else {}
    ax.fill_between(line[x], line["low"], line["high"], color=style.color, alpha=0.14, linewidth=0)
    ax.plot(line[x], line["accuracy"], **style.line | marker)


def _plot_courses(ax: Axes, courses: pd.DataFrame, goal: str) -> None:
    for kind in kind_order(courses["kind"]):
        of_kind = courses[courses["kind"] == kind]
        for stage, line in of_kind.groupby("stage"):
            _band(ax, line.sort_values("epoch"), "epoch", kind)
            if stage > 1:
                ax.axvline(line["epoch"].min(), color="#c8c8c8", linewidth=0.6, zorder=0)
    ax.set(xlabel="epochs", ylabel="bits right, whole table", title=goal)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="y")


def _plot_switches(ax: Axes, switches: pd.DataFrame, goals: Sequence[str]) -> None:
    kinds, end = kind_order(switches["kind"]), _end(switches)
    for place, kind in enumerate(kinds):
        for goal, dashes in zip(goals, DASHES, strict=False):
            here = (switches["kind"] == kind) & (switches["goals"] == goal)
            line, style = switches[here].sort_values("stage"), kind_style(kind)
            x = line["stage"] + 0.07 * (place - (len(kinds) - 1) / 2)
            low, middle, high = (
                line[name].clip(upper=end) for name in ("epochs_low", "epochs", "epochs_high")
            )
            seen = np.isfinite(line["epochs"])
            ax.vlines(x[seen], low[seen], high[seen], color=style.color, linewidth=0.5)
            ax.plot(
                x[seen], middle[seen], color=style.color, linestyle=dashes, marker=style.marker,
                markersize=3.5, linewidth=1.2,
            )  # fmt: skip
            if not seen.all():  # an empty line outside of the axes would break the layout
                late: dict[str, Any] = {"color": style.color, "markersize": 3, "clip_on": False}
                ax.plot(x[~seen], middle[~seen], "^", **late)
    for goal, dashes in zip(goals, DASHES, strict=False):
        ax.plot([], [], color="#555555", linestyle=dashes, label=goal)
    ax.set(
        xlabel="stage",
        ylabel="epochs to 95 % of the bits, median",
        title="every stage (top: later)",
    )
    ax.set_xticks(sorted(switches["stage"].unique()))
    ax.set_ylim(-0.02 * end, end)
    ax.grid(axis="y")


def _end(table: pd.DataFrame) -> float:
    """Where an axis of epochs ends; what is not reached by then is drawn there."""
    reached = table[["epochs", "epochs_high"]].to_numpy().ravel()
    return 1.15 * max([*reached[np.isfinite(reached)], 10.0])


def _plot_new(ax: Axes, new: pd.DataFrame) -> None:
    kinds = kind_order(new["kind"])
    histories = list(dict.fromkeys(new["history"]))
    end = _end(new)
    for number, history in enumerate(histories):
        for offset, kind in enumerate(kinds):
            row = new[(new["kind"] == kind) & (new["history"] == history)]
            if row.empty:
                continue
            style, y = kind_style(kind), number + 0.16 * (offset - (len(kinds) - 1) / 2)
            names = ("epochs", "epochs_low", "epochs_high")
            epochs, low, high = (float(row[name].iloc[0]) for name in names)
            ax.hlines(y, min(low, end), min(high, end), color=style.color, linewidth=1.4)
            mark = style.marker if np.isfinite(epochs) else ">"
            ax.plot([min(epochs, end)], [y], mark, color=style.color, markersize=4.5, clip_on=False)
    ax.set_yticks(range(len(histories)), histories)
    ax.set(ylim=(len(histories) - 0.5, -0.5), xlim=(0, end))
    ax.set(
        xlabel="epochs until 95 % of the bits are right (median)", title="a new goal, by history"
    )
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")


def _plot_kept(ax: Axes, kept: pd.DataFrame) -> None:
    for kind in kind_order(kept["kind"]):
        _band(ax, kept[kept["kind"] == kind].sort_values("after"), "after", kind)
    ax.set_xticks(sorted(kept["after"].unique()))
    ax.set(xlabel="tasks learned since", ylabel="bits right of an earlier task")
    ax.set_title("one task after the other")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="y")
