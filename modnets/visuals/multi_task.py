"""Figure of multi-task learning: one network for all tasks, or a network for each."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from modnets.analysis.multi_task import ARRANGEMENTS
from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.legends import draw_legend
from modnets.visuals.plots import (
    kind_order,
    label_rows,
    new_axes,
    plot_accuracy,
    plot_solved,
    runs_behind,
)
from modnets.visuals.style import INK, PAGE_WIDTH, kind_style

#: Marker and vertical offset of each arrangement, from the top of a kind's row down.
MARKERS = {"apart": ("o", -0.24), "same": ("s", 0.0), "different": ("D", 0.24)}


@checked
def plot_needed(needed: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Training rows of each task that a kind needs, by how the tasks are learned.

    Parameters
    ----------
    needed : DataFrame
        Of one set of tasks: what :func:`~modnets.analysis.sample_complexity` returns, with a column
        ``arrangement`` and one ``tried_most``, the most rows tried.
    ax : Axes, optional

    Returns
    -------
    Axes
        A row for each kind; a marker at the right edge for a share that is never reached.

    Raises
    ------
    ValueError
        If the frame holds several sets of tasks.
    """
    names = needed["graph"].unique()
    require(len(names) == 1, f"needed holds the graphs {', '.join(names)}; give one of them")
    ax = new_axes(ax)
    kinds = kind_order(needed["kind"])
    most = float(needed["tried_most"].max())
    edge = most * 2**0.45
    for row in needed.itertuples():
        marker, offset = MARKERS[row.arrangement]
        style = kind_style(row.kind.removesuffix(", every level"))
        y = kinds.index(row.kind) + offset
        x = row.rows if row.reached else edge
        low, high = (min(end, edge) for end in (row.rows_low, row.rows_high))
        ax.plot([low, high], [y, y], color=style.color, linewidth=1, alpha=0.5, zorder=2)
        face = style.color if row.reached else "white"
        ax.plot(x, y, marker, markersize=4, color=style.color, markerfacecolor=face, zorder=3)
    ax.axvspan(most * 2**0.2, most * 2**0.7, color="#f2f2f2", zorder=0)
    ax.set_yticks(range(len(kinds)), [kind_style(kind).label for kind in kinds])
    ax.set_ylim(len(kinds) - 0.4, -0.6)
    return ax


@checked
def plot_multi_task(
    summary: pd.DataFrame,
    needed: pd.DataFrame,
    *,
    runs: pd.DataFrame | None = None,
    axes: np.ndarray | None = None,
) -> np.ndarray:
    """Accuracy and share solved of one network for all tasks; rows needed in each arrangement.

    Parameters
    ----------
    summary : DataFrame
        What :func:`~modnets.summarize` makes of :func:`~modnets.analysis.arrange`, by graph,
        arrangement, kind and train_rows.
    needed : DataFrame
        See ``plot_needed``; of all sets.
    runs : DataFrame, optional
        A row per run, for faint dots in the first row.
    axes : ndarray of Axes, shape (3, graph), optional
        By default a new figure of a page's width.

    Returns
    -------
    ndarray of Axes, shape (3, graph)
    """
    graphs = list(dict.fromkeys(summary["graph"]))[::-1]
    if axes is None:
        figure, axes = plt.subplots(
            3,
            len(graphs),
            figsize=(PAGE_WIDTH, 7.6),
            sharex="col",
            sharey="row",
            squeeze=False,
            gridspec_kw={"height_ratios": [1, 1, 1.25]},
        )
        figure.set_layout_engine("constrained")
    one = summary[summary["arrangement"] == "different"]
    for graph, (above, middle, below) in zip(graphs, axes.T, strict=True):
        of_graph = one[(one["graph"] == graph) & ~one["kind"].str.endswith(", every level")]
        dots = None if runs is None else runs[_shown(runs, graph)]
        plot_accuracy(of_graph, ax=above, runs=dots)
        plot_solved(of_graph, ax=middle)
        plot_needed(needed[needed["graph"] == graph], ax=below)
        label_rows(one["train_rows"], below)
        below.set_xlim(right=needed["tried_most"].max() * 2**0.7)
        above.set_title(graph)
        for ax, text in zip(
            (above, middle), ("bit accuracy, unseen rows", "runs that solve all tasks"), strict=True
        ):
            ax.set_xlabel("")
            ax.set_ylabel("" if ax in axes[:, 1:] else text)
        below.set_xlabel("training rows of each task")
    axes[2, 0].set_ylabel(f"rows at which {100 * needed['share'].iloc[0]:g} % solve all tasks")
    _arrangement_legend(axes[2, -1])
    draw_legend(axes[:2], title=_caption(summary))
    return axes


def _shown(runs: pd.DataFrame, graph: str) -> pd.Series:
    """Which runs are drawn as dots: those that the lines summarize."""
    one = (runs["graph"] == graph) & (runs["arrangement"] == "different")
    return one & ~runs["kind"].str.endswith(", every level")


def _arrangement_legend(ax: Axes) -> None:
    """What the markers are, and those at the edge."""
    handles = [
        Line2D(
            [], [], marker=MARKERS[name][0], linestyle="none", color=INK, markersize=4, label=label
        )
        for name, label in ARRANGEMENTS.items()
    ]
    handles.append(
        Line2D([], [], marker="o", linestyle="none", color=INK, markersize=4,
               markerfacecolor="white", label="not reached with the most rows tried")
    )  # fmt: skip
    # Above, on the left: monolithic networks, which stand there, need many rows.
    ax.legend(handles=handles, loc="upper left", fontsize=6, frameon=True, framealpha=0.9)


def _caption(summary: pd.DataFrame) -> str:
    n, percent = runs_behind(summary)
    return (
        "above and middle: one network for all tasks, each of which holds out rows of its own\n"
        f"inter-quartile mean of {n} runs a point, {percent} bootstrap interval; share of the "
        f"runs, {percent} Wilson interval; below: {percent} bootstrap interval"
    )
