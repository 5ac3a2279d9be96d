"""Figure of routing methods: solved over rows, on random graphs, over arithmetic, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.generalization import graph_title
from modnets.visuals.plots import FLOOR, INK, SHARE_LIMITS, kind_order, new_axes, plot_solved
from modnets.visuals.style import PAGE_WIDTH, kind_style

DECIDED = "splits that leave one function"
SHARES = ("solved", "solved_low", "solved_high")


@checked
def plot_routing_methods(
    curves: pd.DataFrame,
    graphs: Sequence[str],
    *,
    decided: pd.DataFrame,
    random: pd.DataFrame,
    compute: pd.DataFrame,
    steps: pd.DataFrame,
) -> np.ndarray:
    """What routing methods solve: shared modules above, own ones below, and what it takes.

    Parameters
    ----------
    curves : DataFrame
        What :func:`~modnets.summarize` returns by ``graph``, ``model``, ``kind``, ``train_rows``.
    graphs : sequence of str
        A column each.
    decided : DataFrame
        Share of splits that leave one function, ``decided`` by ``graph``, ``model``,
        ``train_rows``: a dotted line.
    random : DataFrame
        Shares on random graphs by ``kind``, with ``decided`` of all of them: bars.
    compute : DataFrame
        Shares by ``kind`` and ``gflops``: lines over arithmetic.
    steps : DataFrame
        Shares by ``step`` and ``kind``: bars, in order.

    Returns
    -------
    ndarray of Axes, shape (3, column)
    """
    require_columns(curves, ["graph", "model", "kind", "train_rows", *SHARES])
    require(len(graphs) >= 1, "graphs is empty; allowed is at least one")
    columns = max(3, len(graphs))
    _, axes = plt.subplots(3, columns, figsize=(PAGE_WIDTH, 6.6), layout="constrained")
    for row, model in enumerate(("shared", "modular")):
        for column, graph in enumerate(graphs):
            ax = axes[row, column]
            here = (curves["graph"] == graph) & (curves["model"] == model)
            plot_solved(curves[here].drop(columns="model"), ax=ax)
            line = decided[(decided["graph"] == graph) & (decided["model"] == model)]
            ax.plot(line["train_rows"], line["decided"], label=DECIDED, zorder=2, **FLOOR)
            ax.set_title(graph_title(graph) if row == 0 else "")
            ax.set_xlabel("training rows" if row else "")
            ax.set_ylabel(f"{model}: solved" if column == 0 else "")
        for ax in axes[row, len(graphs) :]:
            ax.remove()
    plot_shares(random, "kind", ax=axes[2, 0])
    axes[2, 0].axvline(random["decided"].iloc[0], **FLOOR)
    axes[2, 0].set_title("random graphs")
    _plot_compute(compute, axes[2, 1])
    plot_shares(steps, "step", ax=axes[2, 2])
    axes[2, 2].set_title("one step left out")
    for ax in axes[2, 3:]:
        ax.remove()
    return axes


def plot_shares(shares: pd.DataFrame, by: str, *, ax: Axes | None = None) -> Axes:
    """Shares solved as horizontal bars with intervals, a bar a row, in the colour of its kind."""
    ax = new_axes(ax)
    places = np.arange(len(shares))
    for place, row in zip(places, shares.to_dict("records"), strict=True):
        color = kind_style(row["kind"]).color
        ax.barh(place, row["solved"], height=0.66, color=color, alpha=0.85, linewidth=0)
        ax.hlines(place, row["solved_low"], row["solved_high"], color=INK, linewidth=0.9)
    ax.set_yticks(places, shares[by], fontsize=6)
    ax.set(ylim=(len(shares) - 0.4, -0.6), xlim=SHARE_LIMITS, xlabel="solved")
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    return ax


def _plot_compute(compute: pd.DataFrame, ax: Axes) -> None:
    for kind in kind_order(compute["kind"]):
        line, style = compute[compute["kind"] == kind].sort_values("gflops"), kind_style(kind)
        x, color = line["gflops"], style.color
        ax.fill_between(
            x, line["solved_low"], line["solved_high"], color=color, alpha=0.16, linewidth=0
        )
        ax.plot(x, line["solved"], markersize=3, linewidth=1.2, **style.line)
    ax.set_xscale("log")
    ax.set(ylim=SHARE_LIMITS, xlabel="GFLOP of a run, all starts", ylabel="solved")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_title("arithmetic")
    ax.grid(axis="y")
