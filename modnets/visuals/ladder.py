"""Figure of the knowledge ladder: a rung for each kind of network, a panel for each task.

Knowledge grows from rung to rung.  Below are the rows that each piece saves by itself; at the right
the control, a task without structure, on which knowledge cannot help.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from modnets.analysis.kinds import ladder
from modnets.analysis.pooling import one_row_each
from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.generalization import graph_title
from modnets.visuals.knowledge import aside, plot_knowledge_savings
from modnets.visuals.plots import FLOOR, label_rows, new_axes
from modnets.visuals.style import INK, PAGE_WIDTH, kind_style

HEADINGS = {"modular": "own modules, known:", "shared": "shared modules, known:"}
LABEL_ROOM = 0.75  # octaves that two digits take on a narrow panel
TITLE: dict[str, Any] = {"fontsize": 8, "pad": 11}  # above the headings of the columns of numbers


@checked
def plot_ladder(
    needed: pd.DataFrame,
    summary: pd.DataFrame,
    savings: pd.DataFrame,
    control: pd.DataFrame,
    difference: pd.DataFrame,
    *,
    axes: np.ndarray | None = None,
) -> np.ndarray:
    """Rows that each kind of network needs, what each piece of knowledge saves, and the control.

    Parameters
    ----------
    needed : DataFrame
        What :func:`~modnets.analysis.sample_complexity` returns: a column for each graph.
    summary : DataFrame
        What :func:`~modnets.summarize` returns, for the same graphs.
    savings : DataFrame
        What :func:`~modnets.analysis.knowledge_savings` returns, for the same graphs.
    control, difference : DataFrame
        As :func:`plot_control` takes them.
    axes : ndarray of Axes, shape (2, graphs + 1), optional
        By default a new figure of a page's width.

    Returns
    -------
    ndarray of Axes, shape (2, graphs + 1)
        The last of the lower row holds the caption.
    """
    graphs = list(needed["graph"].unique())
    if axes is None:
        axes = _panels(len(graphs) + 1, rungs=len(_rungs(needed["kind"])))
    require(
        axes.shape == (2, len(graphs) + 1),
        f"axes has shape {axes.shape}; allowed is {(2, len(graphs) + 1)}: a column for each of "
        f"{', '.join(graphs)}, and one for the control",
    )
    limit = savings["saved"].abs().max()
    for graph, (above, below) in zip(graphs, axes.T, strict=False):
        of = {name: t[t["graph"] == graph] for name, t in (("n", needed), ("s", summary))}
        plot_rungs(of["n"], of["s"], ax=above).set_title(graph_title(graph), **TITLE)
        plot_knowledge_savings(savings[savings["graph"] == graph], ax=below, limit=limit)
    plot_control(control, difference, kinds=needed["kind"], ax=axes[0, -1])
    for ax in [*axes[0, 1:], *axes[1, 1:-1]]:
        ax.tick_params(labelleft=False)
    axes[1, -1].axis("off")
    axes[1, -1].text(-0.12, 1.0, _caption(needed, summary, control), va="top", fontsize=6)
    return axes


def plot_rungs(needed: pd.DataFrame, summary: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Rows that each kind of network needs, a rung each; rows saved at the right.

    Parameters
    ----------
    needed : DataFrame
        What :func:`~modnets.analysis.sample_complexity` returns, for one graph.
    summary : DataFrame
        What :func:`~modnets.summarize` returns, for the same graph: beside the arrow of a kind
        that does not reach the share is the share solved with the most rows.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    one_row_each(needed, ["kind"], "needed")
    ax = new_axes(ax)
    heights = _draw_rungs(needed["kind"], ax)
    tried = np.unique(summary["train_rows"])
    label_rows(tried, ax, room=LABEL_ROOM)
    edge = ax.get_xlim()[1]
    most = summary[summary["train_rows"] == tried[-1]].set_index("kind")["solved"]
    for row in needed.itertuples():
        y, color = heights[row.kind], kind_style(row.kind).color
        ends = min(row.rows_low, edge), min(row.rows_high, edge)
        marker = "<" if row.at_most else "o" if row.reached else ">"
        _draw_rung(ax, y, min(row.rows, edge), ends, color, marker)
        if not row.reached:
            share = f"{100 * most[row.kind]:.0f} %"
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
            at: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": 6, "zorder": 4}
            beside = min(edge * 2**-0.25, ends[0] * 2**-0.15)  # the arrow, and the interval
            ax.text(beside, y, share, color=INK, bbox=box, **at)
        aside(ax, y, _saved(row.saved, row.saved_is))
    aside(ax, -0.9, "saved", weight="bold")
    return ax


def plot_control(
    control: pd.DataFrame,
    difference: pd.DataFrame,
    *,
    kinds: Iterable[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """Accuracy on unseen rows against the reference, a rung each; the accuracy at the right.

    Parameters
    ----------
    control : DataFrame
        What :func:`~modnets.summarize` returns by graph and kind, for one graph.
    difference : DataFrame
        What :func:`~modnets.analysis.paired_difference` returns by graph and kind, for the same
        graph; the reference is the kind that it lacks.
    ax : Axes, optional

    Returns
    -------
    Axes
        Differences in percentage points; the floor of the majority answer dotted.
    """
    ax = new_axes(ax)
    heights = _draw_rungs([*kinds, *control["kind"]], ax)
    accuracy = control.set_index("kind")["test_bit_accuracy_mean"]
    for row in difference.itertuples():
        ends = 100 * row.difference_low, 100 * row.difference_high
        _draw_rung(ax, heights[row.kind], 100 * row.difference, ends, kind_style(row.kind).color)
    for kind in set(accuracy.index) - set(difference["kind"]):
        _draw_rung(ax, heights[kind], 0, (0, 0), kind_style(kind).color)
        floor = control["floor"].iloc[0] - accuracy[kind]
        ax.axvline(100 * floor, label="majority floor", zorder=1.5, **FLOOR)
    for kind, share in accuracy.items():
        aside(ax, heights[kind], f"{100 * share:.0f} %")
    aside(ax, -0.9, "accuracy", weight="bold")
    ax.axvline(0, color=INK, linewidth=0.5, zorder=1)
    ax.set_title(f"control: {control['graph'].iloc[0]}", **TITLE)
    ax.set_xlabel("unseen rows,\npoints above dense")
    return ax


def _rungs(kinds: Iterable[str]) -> list[tuple[str | None, str]]:
    """From the top down: a kind with its label, or None with a heading."""
    rungs: list[tuple[str | None, str]] = []
    labels = {"learned": "nothing", "known": "everything"}
    for kind in ladder(kinds):
        model, _, known = kind.partition(", ")
        known, _, method = known.partition(" (")
        heading = HEADINGS.get(model)
        if heading and (None, heading) not in rungs:
            rungs.append((None, heading))
        label = labels.get(known, known.removeprefix("known ").replace(" and ", ", "))
        label += f" ({method}" * bool(method)
        rungs.append((kind, label if heading else kind))
    return rungs


def _draw_rungs(kinds: Iterable[str], ax: Axes) -> dict[str, int]:
    """A line for each rung, labelled at the left.  Returns the height of each kind."""
    rungs = _rungs(kinds)
    ax.set_yticks(range(len(rungs)), [label for _, label in rungs], fontsize=6.5)
    for (kind, _), label in zip(rungs, ax.get_yticklabels(), strict=True):
        label.set_fontweight("normal" if kind else "bold")
    ax.set_ylim(len(rungs) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    heights = {kind: height for height, (kind, _) in enumerate(rungs) if kind}
    for height in heights.values():
        ax.axhline(height, color="#ececec", linewidth=0.6, zorder=0)
    return heights


def _draw_rung(
    ax: Axes, y: float, x: float, ends: tuple[float, float], color: str, marker: str = "o"
) -> None:
    """A marker, not clipped at the edge of the axes, and its interval."""
    ax.hlines(y, *ends, color=color, linewidth=1.3, zorder=2)
    ax.plot(x, y, marker, color=color, markersize=4, clip_on=False, zorder=3)


def _saved(rows: float, kind: str) -> str:
    """``"12"``, ``"≥12"``, ``"≤−3"``; a question mark where it is unknown."""
    if kind == "unknown":
        return "?"
    sign = {"exact": "", "at least": "≥", "at most": "≤"}[kind]
    return f"{sign}{rows + 0.0:.0f}".replace("-0", "0").replace("-", "−")


def _panels(columns: int, rungs: int) -> np.ndarray:
    size = (PAGE_WIDTH * (columns + 1) / 5, 2.8 + 0.165 * rungs)
    heights = [0.165 * rungs, 1.75]
    figure, axes = plt.subplots(2, columns, figsize=size, height_ratios=heights, squeeze=False)
    figure.set_layout_engine("constrained")
    return axes


def _caption(needed: pd.DataFrame, summary: pd.DataFrame, control: pd.DataFrame) -> str:
    """What markers, lines and numbers are, and the number of runs."""
    share, percent = 100 * needed["share"].iloc[0], 100 * summary["confidence"].iloc[0]
    few, many = summary["train_rows"].min(), summary["train_rows"].max()
    return "\n".join(
        [
            f"● rows with which {share:g} % of the runs",
            "    solve the whole table",
            f"◀ {few} rows do;  ▶ {many} rows do not, but",
            "    the share beside it solves the table",
            "saved: rows less than dense",
            "control: mean over numbers of rows;",
            "    dotted: the majority answer",
            "below: rows saved by a piece, a mark for",
            "    each network that it is added to, in",
            "    the colour of the resulting one:",
            "    ● exact, ▶ at least, ◀ at most;",
            "    2 of 4: can be told for 2 of them",
            f"{summary['n'].min()} runs a point ({control['n'].min()} in the control);",
            f"    lines: {percent:g} % bootstrap intervals",
        ]
    )
