"""Figure of a law over graphs: rows needed and rows saved, a dot a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from modnets.analysis.law_of_rows import RowsLaw
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import one_of, require
from modnets.visuals.plots import FLOOR, kind_order, new_axes
from modnets.visuals.style import PAGE_WIDTH, kind_style

DOT: dict[str, Any] = {"s": 4, "alpha": 0.25, "linewidth": 0, "rasterized": True}
#: Width of the places of dots and means beside a value of a property.
ROOM = 0.8


@checked
def plot_rows_law(
    law: RowsLaw,
    properties: pd.DataFrame,
    panels: Mapping[str, str],
    *,
    kinds: Sequence[str] = (),
    most: float = np.inf,
) -> np.ndarray:
    """Rows that kinds need, and rows saved against properties of graphs, a dot a graph.

    Parameters
    ----------
    law : RowsLaw
        What :func:`modnets.analysis.rows_law` returns.
    properties : DataFrame
        A row per graph, with ``graph`` and the panels' properties.
    panels : mapping of property -> label of its axis
    kinds : sequence of str
        Whose savings are shown; by default all but the reference.
    most : float
        Training rows beyond which nothing was tried: what needs more is drawn there.

    Returns
    -------
    ndarray of Axes, shape (1 + panels,)
    """
    require(len(panels) > 0, "panels is empty; allowed is at least one property")
    known = kind_order(law.graphs["kind"])
    for kind in kinds:
        one_of("kind", kind, known)
    shown = [*kinds] or [kind for kind in known if kind != law.reference]
    _, axes = plt.subplots(
        1, 1 + len(panels), figsize=(PAGE_WIDTH, 2.7), layout="constrained",
        gridspec_kw={"width_ratios": [1.15] + [1] * len(panels)},
    )  # fmt: skip
    plot_needed_rows(law, most=most, ax=axes[0])
    for ax, (name, label) in zip(axes[1:], panels.items(), strict=True):
        plot_saved(law, properties, name, kinds=shown, ax=ax)
        ax.set_xlabel(label)
        ax.sharey(axes[1])
        ax.set_ylabel(f"rows of {law.reference} / rows" if ax is axes[1] else "")
        ax.tick_params(labelleft=ax is axes[1])
    return axes


@checked
def plot_needed_rows(law: RowsLaw, *, most: float = np.inf, ax: Axes | None = None) -> Axes:
    """Rows at which half of the runs solve the task, for each kind: a dot a graph, and the law.

    Parameters
    ----------
    law : RowsLaw
    most : float
        Training rows beyond which nothing was tried: what needs more is drawn there.
    ax : Axes, optional
    """
    ax = new_axes(ax)
    kinds = kind_order(law.graphs["kind"])
    of_kind = law.kinds.set_index("kind")
    rng = np.random.default_rng(0)
    for place, kind in enumerate(kinds):
        color = kind_style(kind).color
        rows = law.graphs.loc[law.graphs["kind"] == kind, "rows_50"]
        off = rng.uniform(-0.3, 0.3, len(rows))
        ax.scatter(np.minimum(rows, most), place + off, color=color, **DOT)
        typical, low, high = (
            min(of_kind.loc[kind, f"rows_50{end}"], most) for end in ("", "_low", "_high")
        )
        ax.plot([low, high], [place] * 2, color=color, linewidth=2)
        marker = "o" if typical < most else ">"
        ax.plot(typical, place, marker, color=color, markeredgecolor="white", markersize=5)
    ax.set_xscale("log", base=2)
    _plain_powers(ax, "x")
    ax.set_yticks(range(len(kinds)), [kind_style(kind).label for kind in kinds], fontsize=6)
    ax.set(ylim=(len(kinds) - 0.4, -0.6), xlabel="training rows: half of runs solve")
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    return ax


@checked
def plot_saved(
    law: RowsLaw,
    properties: pd.DataFrame,
    column: str,
    *,
    kinds: Sequence[str] = (),
    ax: Axes | None = None,
) -> Axes:
    """How many times the rows of a kind the reference needs, against a property: a dot a graph.

    Lines join the geometric means over graphs, with 95 % intervals (normal, over graphs).

    Parameters
    ----------
    law : RowsLaw
    properties : DataFrame
        A row per graph, with ``graph`` and the property.
    column : str
        The property; its values are places on the axis.
    kinds : sequence of str
        By default all but the reference.
    ax : Axes, optional
    """
    require_columns(properties, ["graph", column])
    ax = new_axes(ax)
    table = law.graphs.pivot_table("rows_50", "graph", "kind")
    values = properties.drop_duplicates("graph").set_index("graph")[column].reindex(table.index)
    levels = np.unique(values.dropna())
    shown = [*kinds] or [kind for kind in kind_order(table) if kind != law.reference]
    rng = np.random.default_rng(0)
    step = ROOM / len(shown)
    for number, kind in enumerate(shown):
        style = kind_style(kind)
        octaves = np.log2(table[law.reference] / table[kind])
        shift = (number - (len(shown) - 1) / 2) * step
        places = np.searchsorted(levels, values) + shift
        noise = rng.uniform(-0.3 * step, 0.3 * step, len(places))
        ax.scatter(places + noise, 2**octaves, color=style.color, **DOT)
        by_level = octaves.groupby(values)
        middle, half = by_level.mean(), 1.96 * by_level.sem()
        at = np.arange(len(levels)) + shift
        ax.plot(at, 2**middle, markersize=4, linewidth=1.2, zorder=3, **style.line)
        ax.vlines(at, 2 ** (middle - half), 2 ** (middle + half), color=style.color, linewidth=1.2)
    ax.axhline(1, **FLOOR)
    ax.set_yscale("log", base=2)
    _plain_powers(ax, "y")
    ax.set_xticks(range(len(levels)), [f"{level:g}" for level in levels])
    ax.grid(axis="y")
    return ax


def _plain_powers(ax: Axes, axis: str) -> None:
    """Labels such as 32, not powers."""
    of = ax.xaxis if axis == "x" else ax.yaxis
    of.set_major_formatter(lambda value, _: f"{value:g}")
    of.set_minor_locator(NullLocator())
