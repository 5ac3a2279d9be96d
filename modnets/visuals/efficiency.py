"""Figure of training efficiency: when runs solve, the arithmetic until then, cost of networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

from modnets.checked import checked
from modnets.errors import one_of, require
from modnets.visuals.generalization import graph_title
from modnets.visuals.legends import draw_legend
from modnets.visuals.plots import SHARE_LIMITS, kind_dodges, kind_order, label_rows, new_axes
from modnets.visuals.style import HALO, INK, PAGE_WIDTH, kind_style

LABELS = {"epoch": "epochs of training", "flops": "FLOPs of training"}
#: Time 0 on a logarithmic axis, as a share of the first time: left of the visible range.
ZERO = 1e-9
#: Column of the cost of a network -> label and marker.
COSTS = {
    "weights_share": ("weights", "o"),
    "wired_flops_share": ("FLOPs of a row, as wired", "x"),
    "epoch_flops_share": ("FLOPs of a training epoch", "|"),
}


@checked
def plot_time_to_solve(
    curves: pd.DataFrame, *, ax: Axes | None = None, unit: str = "epoch"
) -> Axes:
    """The share of runs that have solved the whole table over time, a step line for each kind.

    Parameters
    ----------
    curves : DataFrame
        What :func:`~modnets.analysis.kaplan_meier` returns, for one graph and number of training
        rows.
    ax : Axes, optional
    unit : str
        Which of the units in it: "epoch" or "flops".

    Returns
    -------
    Axes
        Share in percent, with its interval; time on a logarithmic axis.  A line ends with a marker
        where its runs are censored; one on which all have solved goes on.

    Raises
    ------
    ValueError
        If there is no such unit, or several curves for a kind.
    """
    require(len(curves) > 0, "curves is empty; there is nothing to draw")
    one_of("unit", unit, curves["unit"].unique())
    curves = curves[curves["unit"] == unit]
    require(
        not curves.duplicated(["kind", "time"]).any(),
        "curves holds several curves for the same kind; give one graph and number of train_rows",
    )
    ax = new_axes(ax)
    first, end = curves.loc[curves["time"] > 0, "time"].agg(["min", "max"])
    for kind in kind_order(curves["kind"]):
        line = curves[curves["kind"] == kind].sort_values("time")
        if line["solved"].iloc[-1] == 1:
            line = pd.concat([line, line.iloc[-1:].assign(time=end)])
        x, style = line["time"].clip(lower=first * ZERO), kind_style(kind)
        band: dict[str, Any] = {"color": style.color, "alpha": 0.13, "linewidth": 0, "step": "post"}
        ax.fill_between(x, line["solved_low"], line["solved_high"], **band)
        steps: dict[str, Any] = {
            "drawstyle": "steps-post",
            "markevery": [-1],
            "markersize": 3,
            "linewidth": 1.2,
        }
        ax.plot(x, line["solved"], **style.line, **steps)
    ax.set(xscale="log", xlim=(first / 1.5, end * 1.2), ylim=SHARE_LIMITS)
    ax.set_xlabel(LABELS.get(unit, unit))
    ax.set_ylabel("runs that have solved")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="y")
    return ax


@checked
def plot_solve_times(summary: pd.DataFrame, *, ax: Axes | None = None, unit: str = "flops") -> Axes:
    """The time until a share of the runs have solved, over the number of training rows.

    Parameters
    ----------
    summary : DataFrame
        What :func:`~modnets.analysis.solve_times` returns, for one graph.
    ax : Axes, optional
    unit : str
        Which of the units in it: "epoch" or "flops".

    Returns
    -------
    Axes
        Time on a logarithmic axis, with its interval; an arrow head where that has no upper end,
        no point where fewer runs solve.

    Raises
    ------
    ValueError
        If there is no such unit, or several rows for the same point.
    """
    require(len(summary) > 0, "summary is empty; there is nothing to draw")
    one_of("unit", unit, summary["unit"].unique())
    summary = summary[summary["unit"] == unit]
    require(
        not summary.duplicated(["kind", "train_rows"]).any(),
        "summary holds several rows for the same kind and train_rows; give one graph",
    )
    ax = new_axes(ax)
    reached = summary[np.isfinite(summary["time"])]
    for kind, dodge in kind_dodges(reached["kind"]).items():
        line = reached[reached["kind"] == kind].sort_values("train_rows")
        x, style = line["train_rows"] * dodge, kind_style(kind)
        ax.plot(x, line["time"], markersize=3, linewidth=1.2, zorder=3, **style.line)
        ends = line["time_high"].where(np.isfinite(line["time_high"]), 3 * line["time"])
        ax.vlines(x, line["time_low"], ends, color=style.color, linewidth=0.8)
        open_ended = np.isinf(line["time_high"])
        head: dict[str, Any] = {"marker": "^", "s": 9, "facecolor": "white", "zorder": 2}
        ax.scatter(x[open_ended], ends[open_ended], linewidth=0.8, edgecolor=style.color, **head)
    label_rows(summary["train_rows"], ax)
    ax.set_yscale("log")
    share = summary["share"].iloc[0]
    ax.set_ylabel(f"{LABELS.get(unit, unit)}\nuntil {100 * share:g} % have solved")
    ax.grid(axis="y")
    return ax


@checked
def plot_costs(shares: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """What each kind costs in weights and arithmetic, as a share of the reference.

    Parameters
    ----------
    shares : DataFrame
        What :func:`~modnets.analysis.relative_costs` returns, for one graph and number of training
        rows.
    ax : Axes, optional

    Returns
    -------
    Axes
        A row for each kind; shares in percent on a logarithmic axis, that of weights as a number.

    Raises
    ------
    ValueError
        If there are several rows for a kind.
    """
    repeated = shares["kind"].duplicated().any()
    require(
        not repeated, "shares holds several rows for the same kind; give one graph and train_rows"
    )
    ax = new_axes(ax)
    kinds = kind_order(shares["kind"])[::-1]
    y = [kinds.index(kind) for kind in shares["kind"]]
    colors = [kind_style(kind).color for kind in shares["kind"]]
    for name, (label, marker) in COSTS.items():
        style: dict[str, Any] = {"marker": marker, "s": 18, "linewidth": 1.1, "zorder": 3}
        ax.scatter(shares[name], y, color=colors, **style)
        ax.scatter([], [], color=INK, label=label, **style)
    beside: dict[str, Any] = {"xytext": (-4, 0), "textcoords": "offset points"}
    beside |= {"ha": "right", "va": "center"}
    for height, share in zip(y, shares["weights_share"], strict=True):
        ax.annotate(_percent(share), (share, height), fontsize=6, path_effects=HALO, **beside)
    ax.set_yticks(range(len(kinds)), [kind_style(kind).label for kind in kinds])
    least = shares["weights_share"].min()
    ax.set(xscale="log", xlim=(least / 4, 1.6), ylim=(-0.6, len(kinds) - 0.4))
    ax.xaxis.set_major_locator(FixedLocator([0.01, 0.1, 1.0]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    ax.set_xlabel("share of the dense network's")
    ax.grid(axis="x")
    return ax


@checked
def plot_training_efficiency(
    curves: pd.DataFrame,
    summary: pd.DataFrame,
    shares: pd.DataFrame,
    *,
    train_rows: int,
    graphs: Sequence[str] | None = None,
) -> np.ndarray:
    """How soon and at what cost each kind solves: a column per graph.

    Parameters
    ----------
    curves, summary, shares : DataFrame
        As :func:`plot_time_to_solve`, :func:`plot_solve_times` and :func:`plot_costs` take them,
        for several graphs and numbers of training rows.
    train_rows : int
        Of the curves and costs.
    graphs : sequence of str, optional
        Names of the graphs, by column; by default all, in the order of ``curves``.

    Returns
    -------
    ndarray of Axes, shape (4, graph)
        A new figure of a page's width: share solved over epochs and over arithmetic; arithmetic
        over training rows; what the networks cost.  With one legend for all, below the axes.
    """
    one_of("train_rows", train_rows, curves["train_rows"].unique())
    graphs = list(curves["graph"].unique() if graphs is None else graphs)
    size = (PAGE_WIDTH * max(1.0, len(graphs) / 3), 8.0)
    figure, axes = plt.subplots(
        4, len(graphs), figsize=size, sharex="row", sharey="row", squeeze=False
    )
    figure.set_layout_engine("constrained")
    limits = []
    for graph, column in zip(graphs, axes.T, strict=True):
        of_graph = [table[table["graph"] == graph] for table in (curves, summary, shares)]
        at_rows = [table[table["train_rows"] == train_rows] for table in of_graph]
        plot_time_to_solve(at_rows[0], ax=column[0], unit="epoch")
        plot_time_to_solve(at_rows[0], ax=column[1], unit="flops")
        plot_solve_times(of_graph[1], ax=column[2], unit="flops")
        plot_costs(at_rows[2], ax=column[3])
        column[0].set_title(graph_title(graph))
        limits.append([ax.get_xlim() for ax in column])
    for row, of_row in zip(axes, zip(*limits, strict=True), strict=True):
        row[0].set_xlim(min(left for left, _ in of_row), max(right for _, right in of_row))
    for ax in axes[:, 1:].flat:
        ax.set_ylabel("")
    draw_legend(axes, title=_caption(curves, summary, train_rows), columns=3)
    return axes


def _percent(share: float) -> str:
    """Three significant digits: ``"100 %"``, ``"5.90 %"``."""
    return f"{100 * share:#.3g}".rstrip(".") + " %"


def _caption(curves: pd.DataFrame, summary: pd.DataFrame, train_rows: int) -> str:
    n, percent = curves["n"].max(), f"{100 * curves['confidence'].iloc[0]:g} %"
    return "\n".join(
        [
            f"rows 1, 2: {n} runs a line, {train_rows} training rows; Kaplan-Meier with {percent} "
            "log-log interval; a line ends with its training, unless all have solved",
            f"row 3: {percent} bootstrap interval, open triangle: without upper end; no point "
            f"where fewer than {100 * summary['share'].iloc[0]:g} % solve",
            "row 4: numbers are of weights; as wired: each slot computes its one module",
        ]
    )
