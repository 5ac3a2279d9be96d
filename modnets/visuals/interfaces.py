"""Figure of interfaces between modules: solved over rows and epochs, and modules exchanged."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.plots import FLOOR, INK, SHARE_LIMITS, label_rows
from modnets.visuals.style import PAGE_WIDTH, kind_style

#: Colour and marker of an interface, in the order in which they are given.
STYLES = (
    ("#333333", "o"), ("#c51b7d", "D"), ("#5aae61", "s"), ("#1b7837", "^"), ("#8073ac", "v"),
)  # fmt: skip
TICKS = tuple(rows * 2**octave for octave in range(2, 10) for rows in (2, 3))
ROWS = ("rows_50", "rows_50_low", "rows_50_high")
SOLVED = ("solved", "solved_low", "solved_high")
DOTS = (":", (0, (4, 1.5)))  # line styles of controls


@checked
def plot_interfaces(
    curves: pd.DataFrame,
    times: pd.DataFrame,
    needed: pd.DataFrame,
    exchanged: pd.DataFrame,
    interfaces: Sequence[str],
) -> np.ndarray:
    """What interfaces between modules solve, how fast, and whether modules can be exchanged.

    Parameters
    ----------
    curves : DataFrame
        What :func:`~modnets.summarize` returns by ``task``, ``kind``, ``interface``, ``control``
        and ``train_rows``: a row of panels for each task, a column for each kind.  Where control
        is not empty, it is the name of a dotted line.
    times : DataFrame
        What :func:`~modnets.analysis.kaplan_meier` returns by ``kind`` and ``interface``, in
        epochs, of one kind.
    needed : DataFrame
        A row per ``kind`` and ``interface``: ``rows_50`` with ``rows_50_low`` and ``rows_50_high``.
    exchanged : DataFrame
        What :func:`~modnets.analysis.exchange_shares` returns by ``kind``, ``interface`` and
        ``same_gate``.
    interfaces : sequence of str
        In their order, at most 5.

    Returns
    -------
    ndarray of Axes, shape (task + 1, column)
    """
    require_columns(curves, ["task", "kind", "interface", "control", "train_rows", *SOLVED])
    require_columns(times, ["kind", "interface", "time", *SOLVED])
    require_columns(needed, ["kind", "interface", *ROWS])
    require_columns(exchanged, ["kind", "interface", "same_gate", "kept", "kept_low", "kept_high"])
    require(
        1 <= len(interfaces) <= len(STYLES),
        f"interfaces has {len(interfaces)}; allowed are 1 to {len(STYLES)}",
    )
    controls = sorted({*curves["control"]} - {""})
    tasks, kinds = list(curves["task"].unique()), list(curves["kind"].unique())
    shape = len(tasks) + 1, max(len(kinds), 2 + exchanged["kind"].nunique())
    size = (PAGE_WIDTH, 0.4 + 1.75 * shape[0])
    _, axes = plt.subplots(*shape, figsize=size, squeeze=False, layout="constrained")
    for row, task in enumerate(tasks):
        for column, kind in enumerate(kinds):
            ax, here = axes[row, column], (curves["task"] == task) & (curves["kind"] == kind)
            _draw_curves(curves[here], interfaces, controls, ax)
            ax.set_title(_two_lines(kind) if row == 0 else "")
            ax.set_xlabel("training rows" if row == len(tasks) - 1 else "")
            _share_axis(ax, f"{task}: solved" if column == 0 else "")
        for ax in axes[row, len(kinds) :]:
            ax.remove()
    _draw_times(times, interfaces, axes[-1, 0])
    _draw_needed(needed, interfaces, axes[-1, 1])
    names = [kind for kind in kinds if kind in set(exchanged["kind"])]
    for column, kind in enumerate(names, start=2):
        _draw_exchanged(exchanged[exchanged["kind"] == kind], interfaces, axes[-1, column])
        axes[-1, column].set_title(_two_lines(kind))
        _share_axis(axes[-1, column], "right, exchanged" if column == 2 else "")
    for ax in axes[-1, 2 + len(names) :]:
        ax.remove()
    return axes


def _draw_curves(
    curves: pd.DataFrame, interfaces: Sequence[str], controls: Sequence[str], ax: Axes
) -> None:
    for name, (color, marker) in zip(interfaces, STYLES, strict=False):
        of_name = curves[curves["interface"] == name].sort_values("train_rows")
        line = of_name[of_name["control"] == ""]
        x, (share, low, high) = line["train_rows"], (line[column] for column in SOLVED)
        ax.fill_between(x, low, high, color=color, alpha=0.13, linewidth=0)
        ax.plot(x, share, color=color, marker=marker, markersize=3.2, label=name)
        for number, control in enumerate(controls):
            dots = of_name[of_name["control"] == control]
            if dots.empty:
                continue
            label = f"control: {control}" if name == interfaces[0] else None
            look = {"color": color, "linestyle": DOTS[number % 2], "label": label}
            ax.plot(dots["train_rows"], dots["solved"], **FLOOR | look)
    label_rows(curves["train_rows"], ax)


def _draw_times(times: pd.DataFrame, interfaces: Sequence[str], ax: Axes) -> None:
    for name, (color, _) in zip(interfaces, STYLES, strict=False):
        line = times[times["interface"] == name].sort_values("time")
        x, (share, low, high) = line["time"], (line[column] for column in SOLVED)
        ax.fill_between(x, low, high, step="post", color=color, alpha=0.13, linewidth=0)
        ax.step(x, share, where="post", color=color, linewidth=1.2)
    ax.set_title(_two_lines(times["kind"].iloc[0]))
    ax.set_xlabel("epochs")
    _share_axis(ax, "solved by then")


def _draw_needed(needed: pd.DataFrame, interfaces: Sequence[str], ax: Axes) -> None:
    """A line for each interface, and on it a marker for each kind, with its interval."""
    kinds = list(needed["kind"].unique())
    for place, (name, (color, _)) in enumerate(zip(interfaces, STYLES, strict=False)):
        for row in needed[needed["interface"] == name].to_dict("records"):
            at = place + 0.3 * (kinds.index(row["kind"]) - (len(kinds) - 1) / 2)
            rows, low, high = (row[column] for column in ROWS)
            ax.hlines(at, low, high, color=color, linewidth=1.0)
            ax.plot(rows, at, color=color, marker=kind_style(row["kind"]).marker, markersize=4)
    ax.set_xscale("log", base=2)
    low, high = needed[ROWS[1]].min(), needed[ROWS[2]].max()
    ax.set_xticks(ticks := [rows for rows in TICKS if low / 1.2 <= rows <= high], map(str, ticks))
    ax.set_yticks(range(len(interfaces)), interfaces, fontsize=6.5)
    ax.set_ylim(len(interfaces) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set(title="known", xlabel="rows, half solved")
    ax.grid(axis="x")


def _draw_exchanged(exchanged: pd.DataFrame, interfaces: Sequence[str], ax: Axes) -> None:
    """A bar for modules of the same gate, and a hollow one beside it for those of others."""
    for place, (name, (color, _)) in enumerate(zip(interfaces, STYLES, strict=False)):
        for shift, is_same in ((-0.2, True), (0.2, False)):
            here = (exchanged["interface"] == name) & (exchanged["same_gate"] == is_same)
            face, at = (color if is_same else "none"), place + shift
            for row in exchanged[here].to_dict("records"):
                bar = Rectangle((at - 0.18, 0), 0.36, row["kept"], facecolor=face, edgecolor=color)
                bar.set(linewidth=0.8, alpha=0.85)
                ax.add_patch(bar)
                ax.vlines(at, row["kept_low"], row["kept_high"], color=INK, linewidth=0.9)
    ax.set_xticks(range(len(interfaces)), interfaces, fontsize=6, rotation=30, ha="right")
    ax.set_xlim(-0.6, len(interfaces) - 0.4)
    ax.tick_params(axis="x", length=0)


def _share_axis(ax: Axes, label: str) -> None:
    ax.set(ylim=SHARE_LIMITS, ylabel=label)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="y")


def _two_lines(kind: str) -> str:
    """A kind with its routing method in a line of its own."""
    return kind.replace(" (", "\n(")
