"""How networks change while they train: one run slot by slot, and many runs by their quartiles."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.patches import Rectangle

from modnets.analysis.inside import FAMILIES, gate_family
from modnets.analysis.intervals import need
from modnets.errors import require
from modnets.visuals.plots import new_axes
from modnets.visuals.style import INK, kind_style

#: Family of gates -> fill.
GATE_COLORS = {
    "other": "#b3a5e0",
    "constant": "#f1f1f1",
    "one input": "#c9c9c9",
    "A, not B": "#e29bc4",
    "OR": "#5fc9a4",
    "AND": "#f5b942",
    "XOR": "#0072b2",
}


def plot_timeline(changes: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """One run over time: the gate of each slot as a colour, a tick where the slot is rewired.

    Parameters
    ----------
    changes : DataFrame
        What :func:`~modnets.slot_changes` returns, for one run and one task.
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
    need(changes, ["run", "task", "epoch", "level", "slot", "gate", "rewired"])
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
    # What is seen at an evaluation is drawn up to the next one.
    edges = [*epochs, epochs[-1] + (epochs[-1] - epochs[-2])]
    norm = BoundaryNorm([number - 0.5 for number in range(len(FAMILIES) + 1)], len(FAMILIES))
    heights = range(len(cells) + 1)
    ax.pcolormesh(edges, heights, cells.to_numpy(), cmap=colors, norm=norm, rasterized=True)
    place = {slot: number for number, slot in enumerate(cells.index)}
    flips = changes[changes["rewired"]]
    at = [place[key] for key in zip(flips["level"], flips["slot"], strict=True)]
    ax.vlines(
        flips["epoch"],
        at,
        [y + 0.28 for y in at],
        color="black",
        linewidth=0.8,
        label="reads other sources or takes another module",
    )
    for y in heights[1:-1]:
        ax.axhline(y, color="white", linewidth=1.5)
    labels = [f"level {level}, slot {slot}" for level, slot in cells.index]
    ax.set_yticks([y + 0.5 for y in heights[:-1]], labels)
    ax.set_xlim(edges[0], edges[-1])
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("epoch")
    for name in reversed(FAMILIES):
        if (family == name).any():
            ax.add_patch(Rectangle((0, 0), 0, 0, color=GATE_COLORS[name], label=name))
    return ax


def plot_course(
    table: pd.DataFrame, measure: str, *, ax: Axes | None = None, label: str = ""
) -> Axes:
    """A measure over time for each kind of network and outcome: the median and its band.

    Parameters
    ----------
    table : DataFrame
        What :func:`~modnets.course` returns by ``kind`` and ``outcome``.
    measure : str
        One of those in the table.
    ax : Axes, optional
    label : str
        Of the axis; by default the name of the measure.

    Returns
    -------
    Axes
        Runs that are ``"solved"`` at the end drawn solid, others dotted.
    """
    need(table, ["kind", "outcome", "measure", "epoch", "median", "low", "high", "n"])
    table = table[table["measure"] == measure]
    require(len(table) > 0, f"measure={measure!r}; there is nothing of it in the table")
    ax = new_axes(ax)
    for (kind, outcome), line in table.groupby(["kind", "outcome"], sort=False):
        line, color = line.sort_values("epoch"), kind_style(kind).color
        x = line["epoch"]
        ax.fill_between(x, line["low"], line["high"], color=color, alpha=0.15, linewidth=0)
        name = f"{kind}: {outcome} ({line['n'].max()} runs)"
        ax.plot(
            x,
            line["median"],
            color=color,
            linestyle="-" if outcome == "solved" else ":",
            linewidth=1.2,
            label=name,
        )
    ax.set(xlabel="epoch", ylabel=label or measure.replace("_", " "))
    ax.set_xlim(table["epoch"].min(), table["epoch"].max())
    ax.grid(axis="y", color="#e3e3e3")
    ax.spines["left"].set_color(INK)
    return ax
