"""Figure of training dynamics: one run slot by slot, and many runs by their quartiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from modnets.analysis.gate_families import FAMILIES, gate_family
from modnets.analysis.pooling import one_row_each
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.legends import draw_legend
from modnets.visuals.plots import FLOOR, SHARE_LIMITS, new_axes
from modnets.visuals.style import INK, PAGE_WIDTH, kind_style

#: Family of gates -> fill colour.
GATE_COLORS = {
    "other": "#8c6d5a",
    "constant": "#f1f1f1",
    "one input": "#c9c9c9",
    "A, not B": "#e29bc4",
    "OR": "#5fc9a4",
    "AND": "#f0e442",
    "XOR": "#4b2a7b",
}

#: Measure over time -> axis label.
COURSES = {
    "flipped": "choices changed\nsince last look",
    "edge_f1": "edges that agree (F1)",
    "bit_accuracy": "bit accuracy, whole table",
}


@checked
def plot_timeline(changes: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """One run over time: the gate of each slot as a colour, a tick where the slot is rewired.

    Parameters
    ----------
    changes : DataFrame
        What :func:`~modnets.analysis.slot_changes` returns, for one run and one task.
    ax : Axes, optional

    Returns
    -------
    Axes
        A row per slot, the first level at the bottom; its legend lists the families that occur.

    Raises
    ------
    ValueError
        If there are several runs or tasks, or fewer than two evaluations.
    """
    require_columns(changes, ["run", "task", "epoch", "level", "slot", "gate", "rewired"])
    several = changes[["run", "task"]].drop_duplicates()
    require(len(several) == 1, f"changes holds {len(several)} runs or tasks; allowed is one")
    ax = new_axes(ax)
    family = changes["gate"].map(gate_family)
    colors = ListedColormap([GATE_COLORS[name] for name in FAMILIES])
    cells = changes.assign(code=family.map(FAMILIES.index)).pivot_table(
        "code", ["level", "slot"], "epoch"
    )
    epochs = cells.columns.to_numpy(float)
    require(len(epochs) > 1, "changes holds one evaluation; allowed are two and more")
    # The state at an evaluation is drawn up to the next one.
    edges = [*epochs, epochs[-1] + (epochs[-1] - epochs[-2])]
    norm = BoundaryNorm([number - 0.5 for number in range(len(FAMILIES) + 1)], len(FAMILIES))
    heights = range(len(cells) + 1)
    ax.pcolormesh(edges, heights, cells.to_numpy(), cmap=colors, norm=norm, rasterized=True)
    height_of = {slot: height for height, slot in enumerate(cells.index)}
    flips = changes[changes["rewired"]]
    y = [height_of[key] for key in zip(flips["level"], flips["slot"], strict=True)]
    ax.vlines(flips["epoch"], y, [low + 0.28 for low in y], color="black", linewidth=0.8)
    marker: dict[str, Any] = {"linestyle": "none", "marker": "|", "markersize": 5, "color": "black"}
    ax.plot([], [], label="slot reads other sources, or takes another module", **marker)
    for height in heights[1:-1]:
        ax.axhline(height, color="white", linewidth=1.5)
    labels = [f"level {level}, slot {slot}" for level, slot in cells.index]
    ax.set_yticks([height + 0.5 for height in heights[:-1]], labels)
    ax.set_xlim(edges[0], edges[-1])
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("epoch")
    for name in reversed(FAMILIES):
        if (family == name).any():
            ax.add_patch(Rectangle((0, 0), 0, 0, color=GATE_COLORS[name], label=name))
    return ax


@checked
def plot_course(
    table: pd.DataFrame, measure: str, *, ax: Axes | None = None, label: str = ""
) -> Axes:
    """A measure over time for each kind of network and outcome: the median and its band.

    Parameters
    ----------
    table : DataFrame
        What :func:`~modnets.analysis.course` returns by ``kind`` and ``outcome``.
    measure : str
        One of those in the table.
    ax : Axes, optional
    label : str
        Of the axis; by default the name of the measure.

    Returns
    -------
    Axes
        Runs that are ``"solved"`` at the end have a wide line and filled markers, others a narrow
        one and open markers; dashes and markers are those of the kind.
    """
    require_columns(table, ["kind", "outcome", "measure", "epoch", "median", "low", "high", "n"])
    table = table[table["measure"] == measure]
    require(len(table) > 0, f"measure={measure!r}; there is nothing of it in the table")
    one_row_each(table, ["kind", "outcome", "epoch"], "table")
    ax = new_axes(ax)
    for (kind, outcome), line in table.groupby(["kind", "outcome"], sort=False):
        line, style = line.sort_values("epoch"), kind_style(kind)
        color, solved = style.color, outcome == "solved"
        x = line["epoch"]
        ax.fill_between(x, line["low"], line["high"], color=color, alpha=0.15, linewidth=0)
        name = f"{kind}: {outcome} ({line['n'].max()} runs)"
        ax.plot(
            x,
            line["median"],
            color=color,
            linestyle=style.linestyle,
            linewidth=1.5 if solved else 0.8,
            marker=style.marker,
            markersize=3,
            markevery=max(1, len(line) // 7),
            markerfacecolor=color if solved else "white",
            label=name,
        )
    ax.set(xlabel="epoch", ylabel=label or measure.replace("_", " "))
    ax.set_xlim(0, table["epoch"].max())
    highest = np.nanmax([SHARE_LIMITS[1] * table["median"].max(), table["high"].max()])
    ax.set_ylim(-0.04 * highest, 1.03 * highest if highest > 0 else 1.0)
    ax.grid(axis="y", color="#e3e3e3")
    ax.spines["left"].set_color(INK)
    return ax


@checked
def plot_dynamics(
    results: pd.DataFrame,
    changes: pd.DataFrame,
    examples: Mapping[str, str],
    table: pd.DataFrame,
    *,
    floor: float | None = None,
) -> Figure:
    """Single runs slot by slot with their accuracy, and below them all runs of each kind.

    Parameters
    ----------
    results : DataFrame
        A row per run and evaluated epoch.
    changes : DataFrame
        What :func:`~modnets.analysis.slot_changes` returns for the runs of ``examples``.
    examples : dict
        Title -> key of a run; none, one or two of them.
    table : DataFrame
        What :func:`~modnets.analysis.course` returns by ``kind`` and ``outcome``, for ``flipped``,
        ``edge_f1`` and ``bit_accuracy``.
    floor : float, optional
        Bit accuracy of the majority answer, drawn in panels of accuracy.

    Returns
    -------
    Figure
        Of a page's width.
    """
    figure = plt.figure(figsize=(PAGE_WIDTH, 6.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=[1.25, 1], squeeze=False)[:, 0]
    axes = above.subplots(2, 2, sharex=True, sharey="row", height_ratios=[1.5, 1])
    for (title, run), column in zip(examples.items(), axes.T, strict=False):
        plot_timeline(changes[changes["run"] == run], ax=column[0])
        column[0].set(title=title, xlabel="")
        _plot_run(results[results["run"] == run], column[1])
        _draw_floor(column[1], floor)
    for column in axes.T[len(examples) :]:
        for ax in column:
            ax.set_axis_off()
    axes[1, 0].set_ylabel("accuracy")
    draw_legend(
        axes, columns=3, title="two runs slot by slot; colour: the gate that the slot computes"
    )
    panels = below.subplots(1, 3)
    for ax, (measure, label) in zip(panels, COURSES.items(), strict=True):
        plot_course(table, measure, ax=ax, label=label)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    _draw_floor(panels[-1], floor)
    window = int(table["epoch"].drop_duplicates().sort_values().diff().max())
    title = f"all runs: median and quartiles over runs, each run averaged over {window} epochs"
    draw_legend(panels, columns=2, title=title)
    return figure


def _draw_floor(ax: Axes, floor: float | None) -> None:
    if floor is not None:
        ax.axhline(floor, label="majority floor", zorder=1.5, **FLOOR)


def _plot_run(run: pd.DataFrame, ax: Axes) -> None:
    """Accuracy of one run on training and test rows; marked where the whole table is right."""
    run = run.sort_values("epoch")
    ax.plot(run["epoch"], run["train_bit_accuracy"], color="#8c8c8c", label="training rows")
    ax.plot(run["epoch"], run["test_bit_accuracy"], color=INK, label="test rows")
    right = run[run["solved"].astype(bool)]
    marker: dict[str, Any] = {"linestyle": "none", "marker": "|", "markersize": 5}
    ax.plot(
        right["epoch"], [1.06] * len(right), color="#009e73", label="whole table right", **marker
    )
    ax.set_xlabel("epoch")
    ax.set_ylim(SHARE_LIMITS[0], 1.14)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="y", color="#e3e3e3")
