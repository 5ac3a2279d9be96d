"""What each piece of knowledge is worth, drawn: a mark for each network that it is added to."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from modnets.checked import checked
from modnets.visuals.plots import new_axes
from modnets.visuals.style import INK, kind_style

MARKERS = {"exact": "o", "at least": ">", "at most": "<"}


@checked
def plot_worth(worth: pd.DataFrame, *, ax: Axes | None = None, limit: float | None = None) -> Axes:
    """Training rows that each piece of knowledge saves, a line of marks for each piece.

    Parameters
    ----------
    worth : DataFrame
        What :func:`~modnets.worth` returns, for one graph.  Sparsity is left out: a dense network
        is all that it can be added to.
    ax : Axes, optional
    limit : float, optional
        Rows at either end of the axis; by default the most that are saved or lost.

    Returns
    -------
    Axes
        Marks in the colour of the network with the piece: round where rows saved are exact, else
        an arrow the way they may go further.  At the right, of how many networks this can be told.
    """
    ax = new_axes(ax)
    worth = worth[~worth["piece"].str.startswith("sparsity")]
    limit = worth["saved"].abs().max() if limit is None else limit
    ends = (-1.08 * limit, 1.08 * limit) if limit > 0 else (-1, 1)  # also where all are NaN
    pieces = list(dict.fromkeys(worth["piece"]))
    for place, piece in enumerate(pieces):
        rows = worth[worth["piece"] == piece]
        told = rows[rows["saved_is"] != "unknown"]
        if place % 2 == 0:
            ax.axhspan(place - 0.5, place + 0.5, color="#f3f3f3", linewidth=0, zorder=0)
        for y, row in zip(place + _spread(len(told)), told.itertuples(), strict=True):
            color = kind_style(row.kind).color
            low, high = np.clip([row.saved_low, row.saved_high], *ends)
            ax.hlines(y, low, high, color=color, linewidth=0.7, alpha=0.6, zorder=2)
            ax.plot(row.saved, y, MARKERS[row.saved_is], color=color, markersize=3.2, zorder=3)
        aside(ax, place, f"{len(told)} of {len(rows)}")
    ax.axvline(0, color=INK, linewidth=0.5, zorder=1)
    ax.set_yticks(range(len(pieces)), pieces, fontsize=6.5)
    ax.tick_params(axis="y", length=0)
    ax.set(xlim=ends, ylim=(len(pieces) - 0.5, -0.5), xlabel="rows saved")
    return ax


def aside(ax: Axes, y: float, text: str, **look: object) -> None:
    """A word at the right of a line."""
    ax.text(1.09, y, text, transform=ax.get_yaxis_transform(), va="center", fontsize=6, **look)


def _spread(count: int) -> np.ndarray:
    """Places around a line, so that marks with the same value stay apart."""
    return np.linspace(-0.3, 0.3, count) if count > 1 else np.zeros(count)
