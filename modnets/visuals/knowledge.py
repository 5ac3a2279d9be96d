"""Plot of the rows that each piece of knowledge saves: a marker for each network it is added to."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from modnets.checked import checked
from modnets.visuals.plots import new_axes
from modnets.visuals.style import INK, kind_style

MARKERS = {"exact": "o", "at least": ">", "at most": "<"}


@checked
def plot_knowledge_savings(
    savings: pd.DataFrame, *, ax: Axes | None = None, limit: float | None = None
) -> Axes:
    """Training rows that each piece of knowledge saves, a row of markers for each piece.

    Parameters
    ----------
    savings : DataFrame
        What :func:`~modnets.analysis.knowledge_savings` returns, for one graph.  Sparsity is left
        out, as it can be added to a dense network only.
    ax : Axes, optional
    limit : float, optional
        Rows at either end of the axis; by default the most that are saved or lost.

    Returns
    -------
    Axes
        Markers in the colour of the network with the piece: round where rows saved are exact, else
        an arrow in the direction of the bound.  At the right, for how many networks it is known.
    """
    ax = new_axes(ax)
    savings = savings[~savings["piece"].str.startswith("sparsity")]
    limit = savings["saved"].abs().max() if limit is None else limit
    ends = (-1.08 * limit, 1.08 * limit) if limit > 0 else (-1, 1)  # also where all are NaN
    pieces = list(dict.fromkeys(savings["piece"]))
    for height, piece in enumerate(pieces):
        rows = savings[savings["piece"] == piece]
        known = rows[rows["saved_is"] != "unknown"]
        if height % 2 == 0:
            ax.axhspan(height - 0.5, height + 0.5, color="#f3f3f3", linewidth=0, zorder=0)
        for y, row in zip(height + _spread(len(known)), known.itertuples(), strict=True):
            color = kind_style(row.kind).color
            low, high = np.clip([row.saved_low, row.saved_high], *ends)
            ax.hlines(y, low, high, color=color, linewidth=0.7, alpha=0.6, zorder=2)
            ax.plot(row.saved, y, MARKERS[row.saved_is], color=color, markersize=3.2, zorder=3)
        aside(ax, height, f"{len(known)} of {len(rows)}")
    ax.axvline(0, color=INK, linewidth=0.5, zorder=1)
    ax.set_yticks(range(len(pieces)), pieces, fontsize=6.5)
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=ends, ylim=(len(pieces) - 0.5, -0.5), xlabel="rows saved")
    return ax


def aside(ax: Axes, y: float, text: str, **style: Any) -> None:
    """Text at the right of a line."""
    ax.text(1.09, y, text, transform=ax.get_yaxis_transform(), va="center", fontsize=6, **style)


def _spread(count: int) -> np.ndarray:
    """Vertical offsets around a line, so that markers with equal values do not overlap."""
    return np.linspace(-0.3, 0.3, count) if count > 1 else np.zeros(count)
