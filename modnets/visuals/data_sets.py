"""The figure of data sets: accuracy of each kind of network and classifier, a panel for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from modnets.analysis.pooling import one_row_each
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.visuals.plots import FLOOR, new_axes
from modnets.visuals.style import kind_style


@checked
def plot_by_kind(
    summary: pd.DataFrame,
    *,
    ax: Axes | None = None,
    measure: str = "test_bit_accuracy",
    kinds: Sequence[str] | None = None,
) -> Axes:
    """Accuracy of each kind, a marker with its interval on a line of its own.

    Parameters
    ----------
    summary : DataFrame
        What :func:`~modnets.analysis.statistics.summarize` returns, for one graph and number of
        training rows.
    ax : Axes, optional
    measure : str
        The column to draw, with its ``_low`` and ``_high``.
    kinds : sequence of str, optional
        From top to bottom, by default in the order of the table; one that the table lacks has an
        empty line.

    Returns
    -------
    Axes
        Accuracy in percent; the majority floor dotted.

    Raises
    ------
    ValueError
        If the summary holds several rows for the same kind.
    """
    require_columns(summary, ["kind", measure, f"{measure}_low", f"{measure}_high"])
    one_row_each(summary, ["kind"], "summary")
    ax = new_axes(ax)
    kinds = list(summary["kind"]) if kinds is None else list(kinds)
    for row in summary.to_dict("records"):
        look, y = kind_style(row["kind"]), kinds.index(row["kind"])
        ends = [row[f"{measure}_low"], row[f"{measure}_high"]]
        ax.plot(ends, [y, y], color=look.color, linewidth=1.8, solid_capstyle="butt")
        ax.plot(
            row[measure], y, color=look.color, marker=look.marker, label=look.label, markersize=4
        )
    floor = summary["floor"].iloc[0] if "floor" in summary and len(summary) else np.nan
    if np.isfinite(floor):
        ax.axvline(floor, label="majority floor", zorder=1.5, **FLOOR)
    ax.set(ylim=(len(kinds) - 0.5, -0.5), yticks=range(len(kinds)), yticklabels=kinds)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set_xlabel(measure.replace("_", " "))
    ax.grid(axis="y")
    ax.tick_params(axis="y", length=0)
    return ax
