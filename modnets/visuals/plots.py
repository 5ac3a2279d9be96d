"""Plots of results: a tidy table in, the Axes out.

Numbers are computed in :mod:`modnets.analysis`; save the same table beside the figure.  Nothing
here trains, reads or writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from modnets.analysis.pooling import one_row_each
from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.style import HALO, INK, KINDS, kind_style

#: Horizontal shift between neighbouring lines in octaves, so that equal values do not overlap.
DODGE = 0.035
#: Column on the x axis of accuracies -> its label.
X_LABELS = {
    "train_rows": "training rows",
    "samples": "training images of each pair of digits",
}
#: Line of a constant answer, or of chance: the only dotted lines.
FLOOR: dict[str, Any] = {"color": "#777777", "linestyle": ":", "linewidth": 1.1}
#: Limits of axes of shares and accuracies, with a margin for markers at both ends.
SHARE_LIMITS = (-0.04, 1.04)
#: Text style of numbers on lines.
NUMBER: dict[str, Any] = {"fontsize": 7, "fontweight": "bold", "path_effects": HALO}
#: Line style of exact curves.
EXACT: dict[str, Any] = {"linestyle": (0, (5, 1.1, 1, 1.1, 1, 1.1)), "linewidth": 1.0}
EXACT_LABEL = "exact"


@checked
def plot_accuracy(
    summary: pd.DataFrame,
    *,
    ax: Axes | None = None,
    measure: str = "test_bit_accuracy",
    runs: pd.DataFrame | None = None,
    x: str = "train_rows",
    theory: pd.DataFrame | None = None,
) -> Axes:
    """Accuracy over the number of training rows, a line with its interval for each kind.

    Parameters
    ----------
    summary : DataFrame
        What :func:`~modnets.analysis.statistics.summarize` returns, for one graph.
    ax : Axes, optional
    measure : str
        The column to draw, with its ``_low`` and ``_high``.
    runs : DataFrame, optional
        A row per run, with the same column: a faint dot for each.
    x : str
        Column on the x axis, a name in X_LABELS.
    theory : DataFrame, optional
        What :func:`~modnets.analysis.exact_curves` returns, for the same graph: a thin line of
        dashes and two dots for each kind, the bit accuracy of a function picked at random among
        those that fit the rows shown.

    Returns
    -------
    Axes
        Accuracy in percent; the majority floor dotted.

    Raises
    ------
    ValueError
        If the summary holds several graphs, or several rows for the same point.
    """
    ax = new_axes(ax)
    if runs is not None:
        _draw_runs(runs, measure, ax, x)
    _draw_lines(summary, measure, ax, x)
    if theory is not None:
        _draw_exact(theory, "bit_accuracy", summary["kind"], ax)
    floor = summary["floor"].iloc[0] if "floor" in summary else np.nan
    if np.isfinite(floor):
        ax.axhline(floor, label="majority floor", zorder=1.5, **FLOOR)
    ax.set_ylim(*SHARE_LIMITS)
    ax.set_ylabel(f"{measure.replace('_', ' ')}, inter-quartile mean")
    return ax


@checked
def plot_solved(
    summary: pd.DataFrame,
    *,
    ax: Axes | None = None,
    complexity: pd.DataFrame | None = None,
    theory: pd.DataFrame | None = None,
) -> Axes:
    """Share of runs that solve the whole table over the number of training rows.

    Parameters
    ----------
    summary : DataFrame
        What :func:`~modnets.analysis.statistics.summarize` returns, for one graph.
    ax : Axes, optional
    complexity : DataFrame, optional
        What :func:`~modnets.analysis.sample_complexity` returns, for the same graph and
        one share: a tick below the axis for each kind that gets there, and a line at that share.
    theory : DataFrame, optional
        What :func:`~modnets.analysis.exact_curves` returns, for the same graph: a thin line of
        dashes and two dots for each kind, the chance that a single function fits the rows shown.

    Returns
    -------
    Axes
        Share in percent.

    Raises
    ------
    ValueError
        If the summary holds several graphs, or several rows for the same point.
    """
    ax = new_axes(ax)
    _draw_lines(summary, "solved", ax)
    if theory is not None:
        _draw_exact(theory, "single", summary["kind"], ax)
    if complexity is not None:
        _draw_complexity(complexity, ax)
    ax.set_ylim(*SHARE_LIMITS)
    ax.set_ylabel("runs that solve the whole table")
    return ax


def kind_order(kinds: Iterable[str]) -> list[str]:
    """Kinds in the order of legends; those not in ``KINDS`` come last, sorted."""
    ranks = {kind: rank for rank, kind in enumerate(KINDS)}
    return sorted(set(kinds), key=lambda kind: (ranks.get(kind, len(ranks)), kind))


def new_axes(ax: Axes | None) -> Axes:
    """The given Axes, or new ones."""
    return plt.subplots(layout="constrained")[1] if ax is None else ax


def runs_behind(summary: pd.DataFrame) -> tuple[str, str]:
    """For captions: number of runs per point, and the confidence of its interval.

    Where runs share seeds, the interval is called cluster-robust.
    """
    percent = f"{100 * summary['confidence'].iloc[0]:g} %"
    shared = "clusters" in summary and (summary["clusters"] < summary["n"]).any()
    return count_behind(summary), f"{percent} cluster-robust" if shared else percent


def count_behind(summary: pd.DataFrame) -> str:
    """For captions: number of runs per point."""
    least, most = summary["n"].min(), summary["n"].max()
    return f"{least}" if least == most else f"{least} to {most}"


def _draw_lines(summary: pd.DataFrame, measure: str, ax: Axes, over: str = "train_rows") -> None:
    """A line and a band for each kind, shifted by the kind's dodge."""
    require(len(summary) > 0, "summary is empty; there is nothing to draw")
    if "graph" in summary:
        names = summary["graph"].unique()
        require(len(names) == 1, f"summary holds the graphs {', '.join(names)}; give one of them")
    one_row_each(summary, ["kind", over], "summary")
    dodges = kind_dodges(summary["kind"])
    for kind, dodge in dodges.items():
        line = summary[summary["kind"] == kind].sort_values(over)
        x, style = line[over].to_numpy() * dodge, kind_style(kind)
        low, high = line[f"{measure}_low"], line[f"{measure}_high"]
        ax.fill_between(x, low, high, color=style.color, alpha=0.16, linewidth=0, zorder=1)
        ax.plot(x, line[measure], markersize=3, linewidth=1.2, zorder=3, **style.line)
    label_rows(summary[over], ax)
    ax.set_xlabel(X_LABELS[over])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="y")


def _draw_exact(theory: pd.DataFrame, measure: str, kinds: Iterable[str], ax: Axes) -> None:
    """A thin line for each kind that can be enumerated."""
    one_row_each(theory, ["kind", "train_rows"], "theory")
    for kind, dodge in kind_dodges(kinds).items():
        line = theory[theory["kind"] == kind].sort_values("train_rows")
        x, color = line["train_rows"].to_numpy() * dodge, kind_style(kind).color
        ax.plot(x, line[measure], color=color, zorder=3.5, label=f"_exact {kind}", **EXACT)
    ax.plot([], [], color=INK, label=EXACT_LABEL, **EXACT)


def _draw_runs(runs: pd.DataFrame, measure: str, ax: Axes, over: str = "train_rows") -> None:
    """A faint dot for each run, with horizontal jitter from a fixed seed."""
    rng = np.random.default_rng(0)
    for kind, dodge in kind_dodges(runs["kind"]).items():
        dots = runs[runs["kind"] == kind]
        jitter = 2 ** rng.uniform(-DODGE, DODGE, len(dots))
        ax.plot(
            dots[over].to_numpy() * dodge * jitter,
            dots[measure].to_numpy(),
            linestyle="none",
            marker=".",
            markersize=2.4,
            markeredgewidth=0,
            color=kind_style(kind).color,
            alpha=0.22,
            zorder=0.5,
            rasterized=True,  # thousands of vector dots would bloat the SVG
        )


def _draw_complexity(complexity: pd.DataFrame, ax: Axes) -> None:
    """The required share as a line, and a triangle below the axis where each kind reaches it.

    The rows needed are written on the line where numbers do not overlap.
    """
    shares = complexity["share"].unique()
    require(len(shares) == 1, f"complexity holds the shares {list(shares)}; give one of them")
    ax.axhline(shares[0], color=INK, linewidth=0.5, zorder=1.2)
    written: list[float] = []
    for kind in kind_order(complexity["kind"]):
        row = complexity[complexity["kind"] == kind].iloc[0]
        if not row["reached"] or row["at_most"]:
            continue
        color = kind_style(kind).color
        ax.plot(row["rows"], -0.04, marker=10, markersize=5, color=color, clip_on=False)
        octave = np.log2(row["rows"])
        if all(abs(octave - other) >= 0.45 for other in written):
            written.append(octave)
            at = row["rows"] * 2**-0.15, shares[0] + 0.015
            number = f"{row['rows']:.0f}"
            ax.text(*at, number, ha="right", color=color, zorder=4, **NUMBER)


def kind_dodges(kinds: Iterable[str]) -> dict[str, float]:
    """Kind -> the factor by which its line is shifted on the log axis."""
    order = kind_order(kinds)
    return {k: 2 ** (DODGE * (i - (len(order) - 1) / 2)) for i, k in enumerate(order)}


def label_rows(train_rows: Iterable[int], ax: Axes, room: float = 0.4) -> None:
    """A log2 axis with ticks at the numbers of rows tried, at least ``room`` octaves apart."""
    tried = np.unique(np.asarray(list(train_rows), dtype=int))
    ticks: list[int] = []
    right = -np.inf
    for n in tried:
        # Half an octave fits two digits; the largest number always has a tick.
        free = np.log2(n) - right >= room and (n == tried[-1] or np.log2(tried[-1] / n) >= room)
        if free or n == tried[-1]:
            ticks.append(n)
            right = np.log2(n)
    ax.set_xscale("log", base=2)
    ax.set_xticks(ticks, [str(n) for n in ticks])
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlim(tried[0] * 2**-0.2, tried[-1] * 2**0.2)
    ax.set_xlabel("training rows")
