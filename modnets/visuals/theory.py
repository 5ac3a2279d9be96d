"""Figure of trained networks against the exact theory: information and optimisation gap."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from modnets.analysis.statistics import majority_floor
from modnets.checked import checked
from modnets.errors import require
from modnets.tasks.named_graphs import GRAPHS
from modnets.visuals.generalization import graph_title
from modnets.visuals.legends import draw_legend
from modnets.visuals.plots import (
    EXACT,
    EXACT_LABEL,
    FLOOR,
    SHARE_LIMITS,
    kind_order,
    label_rows,
    new_axes,
    plot_solved,
    runs_behind,
)
from modnets.visuals.style import INK, PAGE_WIDTH, kind_style

UNSAID = "#e4e4e4"
HATCH, BETTER = "/////", "xxxxx"
LOWEST = 0.0  # lower limit of the axis of accuracy
#: Areas, from below -> label.
AREAS = {
    "learned": "learned",
    "missed": "optimisation gap: not found by training",
    "better": "learned, though the rows do not say it",
    "unsaid": "information gap: not said by the rows",
}


def area_style(area: str, color: str) -> dict[str, Any]:
    """Keywords of an area's patch, for a kind of that colour."""
    if area == "unsaid":
        return {"facecolor": UNSAID, "edgecolor": "none"}
    if area == "learned":
        return {"facecolor": color, "edgecolor": "none", "alpha": 0.5}
    hatch = HATCH if area == "missed" else BETTER
    return {"facecolor": "none", "edgecolor": color, "hatch": hatch, "alpha": 0.55}


@checked
def plot_gap(gap: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Accuracy and gaps of trained networks of one kind over the number of training rows.

    From below: accuracy, optimisation gap (hatched), information gap (grey).  Where the trained
    networks are better than the exact curve, the area between is cross-hatched.

    Parameters
    ----------
    gap : DataFrame
        What :func:`~modnets.analysis.gaps` returns, for one graph and kind.
    ax : Axes, optional

    Returns
    -------
    Axes
        Bit accuracy in percent; the majority floor dotted, with the exact curve.

    Raises
    ------
    ValueError
        If the frame holds several graphs or kinds.
    """
    ax = new_axes(ax)
    require(
        len(gap) > 0 and len(gap[["graph", "kind"]].drop_duplicates()) == 1,
        f"gap holds {len(gap)} rows of kinds {', '.join(gap['kind'].unique())} on graphs "
        f"{', '.join(gap['graph'].unique())}; give one kind on one graph",
    )
    gap = gap.sort_values("train_rows")
    style, rows = kind_style(gap["kind"].iloc[0]), gap["train_rows"].to_numpy()
    exact, trained = 1 - gap["information_gap"].to_numpy(), gap["test_bit_accuracy"].to_numpy()
    _draw_areas(rows, trained, exact, style.color, ax)
    line = style.line | {"label": "_trained", "linewidth": 1.2, "markersize": 2.6}
    ax.plot(rows, trained, zorder=3, **line)
    if np.isfinite(exact).all():
        low, high = exact - gap["optimisation_gap_high"], exact - gap["optimisation_gap_low"]
        ax.vlines(rows, low, high, color=style.color, linewidth=0.9, zorder=3, label="_interval")
        ax.plot(rows, exact, color=INK, zorder=3.5, label=EXACT_LABEL, **EXACT)
    else:
        center: dict[str, Any] = {
            "ha": "center",
            "va": "center",
            "transform": ax.transAxes,
            "fontsize": 6.5,
        }
        ax.text(0.5, 0.75, "too many functions\nto count", color="#666666", **center)
    graph = gap["graph"].iloc[0]
    if graph in GRAPHS:
        ax.axhline(majority_floor(graph), label="majority floor", zorder=2.5, **FLOOR)
    label_rows(rows, ax)
    ax.set_ylim(LOWEST, SHARE_LIMITS[1])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return ax


def _draw_areas(
    rows: np.ndarray, trained: np.ndarray, exact: np.ndarray, color: str, ax: Axes
) -> None:
    """The stacked areas between the lines, on a grid fine enough for their crossings."""
    is_known = bool(np.isfinite(exact).all())
    exact = exact if is_known else trained
    x = np.geomspace(rows[0], rows[-1], 200)
    theory, actual = (np.interp(np.log2(x), np.log2(rows), line) for line in (exact, trained))
    lower, upper = np.minimum(theory, actual), np.maximum(theory, actual)
    spans = {
        "learned": (np.full_like(x, LOWEST), lower),
        "missed": (actual, upper),
        "better": (theory, upper),
        "unsaid": (upper, np.ones_like(x)),
    }
    for area, (below, above) in spans.items():
        if is_known or area == "learned":
            style = area_style(area, color)
            where = above > below
            ax.fill_between(x, below, above, where=where, linewidth=0, label=f"_{area}", **style)


@checked
def plot_gaps(
    gaps: pd.DataFrame,
    summary: pd.DataFrame,
    theory: pd.DataFrame,
    *,
    axes: np.ndarray | None = None,
) -> np.ndarray:
    """A row for each kind of network and a column for each graph; below, the share solved.

    Parameters
    ----------
    gaps : DataFrame
        What :func:`~modnets.analysis.gaps` returns.
    summary : DataFrame
        What :func:`~modnets.summarize` returns, for the same runs.
    theory : DataFrame
        What :func:`~modnets.analysis.exact_curves` returns, for the same runs.
    axes : ndarray of Axes, shape (kinds + 1, graphs), optional
        By default a new figure of a page's width.

    Returns
    -------
    ndarray of Axes, shape (kinds + 1, graphs)
    """
    kinds, graphs = kind_order(gaps["kind"]), list(gaps["graph"].unique())
    if axes is None:
        axes = _panels(len(kinds), len(graphs))
    require(
        axes.shape == (len(kinds) + 1, len(graphs)),
        f"axes has shape {axes.shape}; allowed is {(len(kinds) + 1, len(graphs))}: a row for each "
        f"of {', '.join(kinds)} and one below, a column for each of {', '.join(graphs)}",
    )
    for graph, column in zip(graphs, axes.T, strict=True):
        of = {n: t[t["graph"] == graph] for n, t in (("g", gaps), ("s", summary), ("t", theory))}
        for kind, ax in zip(kinds, column, strict=False):
            plot_gap(of["g"][of["g"]["kind"] == kind], ax=ax)
            ax.set_xlabel("")
            ax.tick_params(labelbottom=False)
        plot_solved(of["s"], ax=column[-1], theory=of["t"]).set_ylabel("")
        column[0].set_title(graph_title(graph))
    for kind, ax in zip(kinds, axes[:, 0], strict=False):
        ax.set_ylabel(kind_style(kind).label.replace(", ", ",\n"), color=kind_style(kind).color)
    axes[-1, 0].set_ylabel("runs that solve\nthe whole table")
    for ax in axes[:, 1:].flat:
        ax.tick_params(labelleft=False)
    _draw_key(axes, _caption(gaps))
    return axes


def _panels(kinds: int, graphs: int) -> np.ndarray:
    size = (max(PAGE_WIDTH * graphs / 3, PAGE_WIDTH / 2), 1.05 * kinds + 2.9)
    heights = [1.0] * kinds + [1.45]
    figure, axes = plt.subplots(
        kinds + 1, graphs, figsize=size, height_ratios=heights, squeeze=False
    )
    figure.set_layout_engine("constrained")
    return axes


def _draw_key(axes: np.ndarray, caption: str) -> None:
    """The legend of areas and lines, below the figure."""
    patches = [(Patch(**area_style(area, INK)), label) for area, label in AREAS.items()]
    draw_legend(axes, title=caption, columns=3, first=patches)


def _caption(gaps: pd.DataFrame) -> str:
    n, percent = runs_behind(gaps)
    return (
        f"a row for each kind of network: bit accuracy on unseen rows, mean of {n} runs a point; "
        f"bars: {percent} bootstrap interval of the optimisation gap; exact: a function picked at "
        "random among all of its kind that fit the rows shown, if modules may be any gate\n"
        f"last row: share of the runs, {percent} Wilson interval; exact: chance that a single "
        "function of its kind fits the rows shown"
    )
