"""Figure of routing recovery: shares and edge F1 over the number of training rows, and chance."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from modnets.analysis.pooling import one_row_each
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.generalization import graph_title
from modnets.visuals.legends import draw_legend
from modnets.visuals.plots import FLOOR, SHARE_LIMITS, kind_dodges, label_rows, runs_behind
from modnets.visuals.style import PAGE_WIDTH, kind_style

#: Line width and marker face of each setting, in order of appearance; dashes are by kind.
SETTING_STYLES = ((1.3, None), (0.8, "white"), (0.5, "none"))
#: Measure -> axis label.
LABELS = {"routing_recovered": "runs with the true routing", "edge_f1": "edges that agree (F1)"}


@checked
def plot_recovery(
    summary: pd.DataFrame, chance: Mapping[str, pd.Series], *, axes: np.ndarray | None = None
) -> np.ndarray:
    """A column per graph: above the share of runs that find the true routing, below edge F1.

    Parameters
    ----------
    summary : DataFrame
        What :func:`~modnets.summarize` returns by ``graph``, ``kind``, ``setting`` and
        ``train_rows``, with ``share="routing_recovered"`` and ``measure="edge_f1"``.
    chance : dict
        Graph -> what :func:`~modnets.analysis.chance_level` returns: a dotted line.
    axes : ndarray of Axes, shape (2, graph), optional

    Returns
    -------
    ndarray of Axes, shape (2, graph)
    """
    require_columns(summary, ["graph", "kind", "setting", "train_rows", *LABELS])
    require(len(summary) > 0, "summary is empty; there is nothing to draw")
    one_row_each(summary, ["graph", "kind", "setting", "train_rows"], "summary")
    graphs = list(summary["graph"].unique())
    if axes is None:
        _, axes = plt.subplots(
            2,
            len(graphs),
            figsize=(PAGE_WIDTH, 4.7),
            sharex="col",
            sharey="row",
            squeeze=False,
            layout="constrained",
        )
    require(axes.shape == (2, len(graphs)), f"axes has shape {axes.shape}; graphs: {graphs}")
    for column, graph in enumerate(graphs):
        of_graph = summary[summary["graph"] == graph]
        for ax, (measure, label) in zip(axes[:, column], LABELS.items(), strict=True):
            _draw(of_graph, measure, ax)
            ax.axhline(chance[graph][measure], label="routings drawn at random", **FLOOR)
            ax.set_ylabel("" if column else label)
        axes[0, column].set(title=graph_title(graph), xlabel="")
        axes[0, column].tick_params(labelbottom=False)
    n, percent = runs_behind(summary)
    title = (
        f"{n} runs a point; above: share of runs, {percent} Wilson interval; below: inter-quartile "
        f"mean, {percent} bootstrap interval"
    )
    draw_legend(axes, title=title, columns=3)
    return axes


def _draw(summary: pd.DataFrame, measure: str, ax: Axes) -> None:
    """A line and a band for each kind and setting."""
    dodges = kind_dodges(summary["kind"])
    for kind, dodge in dodges.items():
        for index, setting in enumerate(summary["setting"].unique()):
            line = summary[(summary["kind"] == kind) & (summary["setting"] == setting)]
            if line.empty:
                continue
            line = line.sort_values("train_rows")
            style = kind_style(kind)
            width, face = SETTING_STYLES[index % len(SETTING_STYLES)]
            x = line["train_rows"].to_numpy() * dodge
            low, high = line[f"{measure}_low"], line[f"{measure}_high"]
            ax.fill_between(x, low, high, color=style.color, alpha=0.13, linewidth=0, zorder=1)
            ax.plot(
                x,
                line[measure],
                color=style.color,
                linestyle=style.linestyle,
                marker=style.marker,
                markersize=3.4,
                markerfacecolor=face or style.color,
                linewidth=width,
                label=f"{kind}: {setting}",
                zorder=3,
            )
    label_rows(summary["train_rows"], ax)
    ax.set_ylim(*SHARE_LIMITS)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="y")
