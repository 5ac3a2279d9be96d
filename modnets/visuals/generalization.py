"""Figure of generalization: a column per graph, accuracy above, share solved below."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.statistics import last, summarize
from modnets.checked import checked
from modnets.errors import require
from modnets.tasks.named_graphs import GRAPHS
from modnets.visuals.legends import draw_legend
from modnets.visuals.plots import plot_accuracy, plot_solved, runs_behind
from modnets.visuals.style import PAGE_WIDTH

EXACT_WORDS = (
    "exact, if modules may be any gate: above, accuracy of a function picked at random among all "
    "that fit the rows shown; below, chance that a single function fits them"
)


@checked
def plot_generalization(
    data: pd.DataFrame,
    *,
    axes: np.ndarray | None = None,
    runs: pd.DataFrame | None = None,
    complexity: pd.DataFrame | None = None,
    graphs: Sequence[str] | None = None,
    theory: pd.DataFrame | None = None,
) -> np.ndarray:
    """How well each kind generalises: a column per graph, accuracy above, share solved below.

    Parameters
    ----------
    data : DataFrame
        What :func:`~modnets.analysis.statistics.summarize` returns; or the results of a sweep,
        which are then summarized here, with a dot for each run.
    axes : ndarray of Axes, shape (2, graph), optional
        By default a new figure of a page's width.
    runs : DataFrame, optional
        A row per run, for faint dots in the upper row.
    complexity : DataFrame, optional
        Rows needed, as ticks in the lower row.
    graphs : sequence of str, optional
        Names of the graphs, by column; by default all, in the order of ``data``.
    theory : DataFrame, optional
        What :func:`~modnets.analysis.exact_curves` returns: thin lines of two dots and a dash.

    Returns
    -------
    ndarray of Axes, shape (2, graph)
        With one legend for all, below the axes.
    """
    if "epoch" in data:
        refuse_pooling(data, ["graph", "kind", "train_rows"])
        runs = last(data) if runs is None else runs
        data = summarize(data)
    graphs = list(data["graph"].unique() if graphs is None else graphs)
    if axes is None:
        height = 4.7 if theory is None else 5.1
        size = (max(PAGE_WIDTH * len(graphs) / 3, PAGE_WIDTH / 2), height)
        figure, axes = plt.subplots(
            2, len(graphs), figsize=size, sharex="col", sharey="row", squeeze=False
        )
        figure.set_layout_engine("constrained")
    axes = np.asarray(axes).reshape(2, -1)
    require(
        axes.shape[1] == len(graphs),
        f"axes has {axes.shape[1]} columns; there are {len(graphs)} graphs: {', '.join(graphs)}",
    )
    for column, (graph, (above, below)) in enumerate(zip(graphs, axes.T, strict=True)):
        plot_accuracy(_of(data, graph), ax=above, runs=_of(runs, graph), theory=_of(theory, graph))
        needed = _of(complexity, graph)
        plot_solved(_of(data, graph), ax=below, complexity=needed, theory=_of(theory, graph))
        above.set(title=graph_title(graph), xlabel="")
        above.tick_params(labelbottom=False)
        above.set_ylabel("" if column else "bit accuracy on unseen rows")
        if column:
            below.set_ylabel("")
    draw_legend(axes, title=_caption(data, runs, complexity, theory))
    return axes


def _of(frame: pd.DataFrame | None, graph: str) -> pd.DataFrame | None:
    return None if frame is None else frame[frame["graph"] == graph]


def graph_title(graph: str) -> str:
    """``"depth 2: 6-3-2-2"``; the bare name for a graph without known depth."""
    depth = len(GRAPHS[graph].levels) if graph in GRAPHS else 0
    return f"depth {depth}: {graph}" if depth else graph


def _caption(
    summary: pd.DataFrame,
    runs: pd.DataFrame | None,
    complexity: pd.DataFrame | None,
    theory: pd.DataFrame | None,
) -> str:
    """What lines, bands, dots and ticks are, and the number of runs per point."""
    n, percent = runs_behind(summary)
    above = f"inter-quartile mean of {n} runs a point, {percent} bootstrap interval"
    lines = [f"above: {above}" + ("" if runs is None else "; a dot is a run")]
    below = f"below: share of the runs, {percent} Wilson interval"
    if complexity is not None:
        below += (
            f"; numbers, triangles: rows at which {100 * complexity['share'].iloc[0]:g} % solve"
        )
    lines.append(below)
    if theory is not None:
        over = f" (mean over {theory['draws'].min():,} splits)" if "draws" in theory else ""
        lines.append(EXACT_WORDS + over)
    return "\n".join(lines)
