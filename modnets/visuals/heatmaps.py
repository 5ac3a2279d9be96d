"""Heat maps: a value for each pair of two settings, as a colour and as a number in its cell."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.patches import Rectangle
from matplotlib.ticker import PercentFormatter

from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.plots import new_axes
from modnets.visuals.style import INK, NEGATIVE, PAGE_WIDTH

#: Colormap of shares of runs: 0 white.
SHARES = LinearSegmentedColormap.from_list(
    "shares", ["#ffffff", "#a6d3ee", "#3d97cc", "#0b5f96", "#04263f"]
)
#: Colormap of accuracies, in another hue to tell them from shares.
ACCURACIES = LinearSegmentedColormap.from_list("accuracy", ["#ffffff", "#bdb7b0", "#3f3a36"])

#: Frames of marked cells, in the order of the marks: colour and inset.
FRAMES = ((INK, 0.05), (NEGATIVE, 0.12), ("#009e73", 0.19))


@checked
def plot_heatmap(
    frame: pd.DataFrame,
    x: str,
    y: str,
    value: str,
    *,
    ax: Axes | None = None,
    limits: tuple[float, float] = (0.0, 1.0),
    percent: bool = True,
    cmap: Colormap = SHARES,
    marks: pd.DataFrame | None = None,
) -> Axes:
    """A heat map: a cell for each pair of settings, with its number in it.

    Parameters
    ----------
    frame : DataFrame
        A row per cell, with the columns named by ``x``, ``y`` and ``value``.
    x, y : str
        Columns of the settings.  Numbers are sorted, upwards and to the right; strings keep their
        order of appearance.  Cells without a row, or with NaN, stay blank.
    value : str
        Column of values.
    ax : Axes, optional
    limits : (float, float)
        Values at the ends of the colormap.
    percent : bool
        Write values in percent, without decimals; else with three digits.
    cmap : Colormap
    marks : DataFrame, optional
        Cells to frame: the columns of ``x`` and ``y``, and ``mark``, the label in the legend; the
        categories of a categorical column determine the colours.  A mark without a cell is left
        out.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If a column is missing, the table is empty, or a cell has several rows.
    """
    require_columns(frame, [x, y, value])
    require(len(frame) > 0, "frame is empty; there is nothing to draw")
    require(
        not frame.duplicated([x, y]).any(),
        f"frame holds several rows for the same {x} and {y}; give one",
    )
    ax = new_axes(ax)
    columns, rows = _in_order(frame[x]), _in_order(frame[y])
    cells = frame.pivot_table(value, y, x, aggfunc="first").reindex(index=rows, columns=columns)
    numbers = cells.to_numpy(float)
    edges = np.arange(len(columns) + 1), np.arange(len(rows) + 1)
    mesh = ax.pcolormesh(
        *edges, numbers, vmin=limits[0], vmax=limits[1], cmap=cmap, edgecolors="#e3e3e3", lw=0.5
    )
    _write_numbers(ax, mesh, numbers, percent)
    ax.set_xticks(edges[0][:-1] + 0.5, [_label(name) for name in columns])
    ax.set_yticks(edges[1][:-1] + 0.5, [_label(name) for name in rows])
    ax.set(xlabel=x.replace("_", " "), ylabel=y.replace("_", " "))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if marks is not None:
        _draw_marks(ax, marks, [columns, rows], (x, y))
    return ax


@checked
def plot_heatmaps(
    frame: pd.DataFrame,
    x: str,
    y: str,
    value: str,
    *,
    row: str,
    column: str,
    axes: np.ndarray | None = None,
    marks: pd.DataFrame | None = None,
    notes: pd.DataFrame | None = None,
    label: str = "",
) -> np.ndarray:
    """A heat map for each pair of two more settings, all with the same colormap.

    Parameters
    ----------
    frame : DataFrame
        A row per cell, with the columns named by ``x``, ``y``, ``value``, ``row``, ``column``.
    x, y, value : str
        As :func:`plot_heatmap` takes them; values are shares.
    row, column : str
        Columns whose values make the rows and columns of heat maps, in order of appearance.
    axes : ndarray of Axes, shape (row, column), optional
        By default a new figure of a page's width.
    marks : DataFrame, optional
        Cells to frame, as :func:`plot_heatmap` takes them, with columns of ``row`` and ``column``.
    notes : DataFrame, optional
        A line above a heat map: the columns of ``row`` and ``column``, and ``note``.
    label : str
        Of the colour bar; by default the name of ``value``.

    Returns
    -------
    ndarray of Axes, shape (row, column)
        With one colour bar for all.
    """
    require_columns(frame, [row, column])
    rows, columns = frame[row].unique(), frame[column].unique()
    if axes is None:
        size = PAGE_WIDTH, 1.6 * len(rows) + 0.8
        shape = len(rows), len(columns)
        _, axes = plt.subplots(
            *shape, figsize=size, sharex=True, sharey=True, squeeze=False, layout="constrained"
        )
    if marks is not None:  # the same colours, also where a mark is missing
        marks = marks.assign(mark=pd.Categorical(marks["mark"], marks["mark"].unique()))
    require(
        axes.shape == (len(rows), len(columns)),
        f"axes has shape {axes.shape}; allowed is {(len(rows), len(columns))}",
    )
    for (i, j), ax in np.ndenumerate(axes):
        cells, marked, noted = (
            None if t is None else t[(t[row] == rows[i]) & (t[column] == columns[j])]
            for t in (frame, marks, notes)
        )
        plot_heatmap(cells, x, y, value, ax=ax, marks=marked)
        title = [] if i else [columns[j]]
        ax.set_title("\n".join([*title, *([] if noted is None else noted["note"])]))
        ax.set_ylabel("" if j else f"{rows[i]}\n{ax.get_ylabel()}")
        if i < len(rows) - 1:
            ax.set_xlabel("")
    draw_scale(axes, label or value.replace("_", " "))
    return axes


@checked
def draw_scale(axes: np.ndarray, label: str) -> Colorbar:
    """The colour bar of heat maps, beside them, in percent.

    Heat maps among them with another colormap or other limits than the first get a colour bar of
    their own.

    Parameters
    ----------
    axes : ndarray of Axes
    label : str
        Of the colour bar of the first; others have the name of their colormap.

    Returns
    -------
    Colorbar
        That of the first.
    """
    groups: dict[tuple[str, Any, Any], list[Axes]] = {}
    for ax in np.asarray(axes).flat:
        if ax.collections:
            colors = ax.collections[0]
            groups.setdefault((colors.get_cmap().name, *colors.get_clim()), []).append(ax)
    require(bool(groups), "axes hold no heat map; allowed are axes that plot_heatmap drew in")
    bars = []
    for index, ((name, *_), group) in enumerate(groups.items()):
        colors = group[0].collections[0]
        nearest = 0 < index == len(groups) - 1  # beside titles that are wider than their panels
        layout: dict[str, Any] = {"ax": axes, "fraction": 0.03, "pad": 0.06 if nearest else 0.02}
        bar = group[0].figure.colorbar(colors, extend=_extend(group), **layout)
        bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        bar.outline.set_visible(False)
        bar.set_label(name if index else label)
        bars.append(bar)
    return bars[0]


def _extend(axes: list[Axes]) -> str:
    """On which sides heat maps have values beyond the limits of their colormap."""
    low, high = axes[0].collections[0].get_clim()
    arrays = (ax.collections[0].get_array() for ax in axes)
    values = np.concatenate([np.ravel(array) for array in arrays if array is not None])
    below, above = (values < low).any(), (values > high).any()
    return {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[int(below), int(above)]


def _in_order(values: pd.Series) -> list:
    """Each value once: numbers sorted, strings in order of appearance."""
    distinct = values.unique()
    return list(np.sort(distinct) if pd.api.types.is_numeric_dtype(values) else distinct)


def _label(value: object) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _write_numbers(ax: Axes, mesh: QuadMesh, numbers: np.ndarray, percent: bool) -> None:
    """Each number at the centre of its cell, black on light and white on dark cells."""
    size = 6.5 if numbers.shape[1] <= 6 else 5.0  # "100" has to fit
    for (i, j), number in np.ndenumerate(numbers):
        if np.isfinite(number):
            red, green, blue, _ = mesh.to_rgba(number)
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            text = f"{100 * number:.0f}" if percent else f"{number:.3g}"
            center: dict[str, Any] = {"ha": "center", "va": "center_baseline"}
            color = "white" if dark else INK
            ax.text(j + 0.5, i + 0.5, text, color=color, fontsize=size, **center)


def _draw_marks(ax: Axes, marks: pd.DataFrame, values: list, names: tuple[str, str]) -> None:
    """A frame around each marked cell, the same for each mark in every heat map."""
    require_columns(marks, [*names, "mark"])
    kinds = marks["mark"].astype("category").cat.categories
    for mark, *cell in marks[["mark", *names]].itertuples(index=False):
        if all(value in of_axis for value, of_axis in zip(cell, values, strict=True)):
            color, inset = FRAMES[kinds.get_loc(mark) % len(FRAMES)]
            j, i = (of_axis.index(value) for value, of_axis in zip(cell, values, strict=True))
            size = 1 - 2 * inset
            frame = Rectangle((j + inset, i + inset), size, size, label=mark)
            frame.set(fill=False, edgecolor=color, linewidth=1.3, zorder=3)
            ax.add_patch(frame)
