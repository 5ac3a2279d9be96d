"""Figure of what networks have learned inside: gates of slots, and linear probes of layers."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.visuals.heatmaps import ACCURACIES, draw_scale, plot_heatmap, plot_heatmaps
from modnets.visuals.legends import wrapped
from modnets.visuals.style import PAGE_WIDTH


@checked
def plot_inside(
    shares: pd.DataFrame,
    layers: pd.DataFrame,
    *,
    notes: pd.DataFrame | None = None,
    network: str = "dense",
) -> np.ndarray:
    """Gates of slots for each kind and number of rows; below, linear probes of layers.

    Parameters
    ----------
    shares : DataFrame
        What :func:`~modnets.analysis.gate_shares` returns, for one graph and by ``kind`` and
        ``rows``, titles of columns and rows of heat maps, in order of appearance.
    layers : DataFrame
        A row per state of a monolithic network, hidden layer and sub-function: ``state`` (a title),
        ``layer``, ``sub_function``, ``accuracy``; no more states than there are kinds.
    notes : DataFrame, optional
        A line above a heat map: ``kind``, ``rows``, ``note``.
    network : str
        The kind whose layers are probed.

    Returns
    -------
    ndarray of Axes, shape (rows and 1, kind)
        Cells in percent, a colour bar for each of the two kinds of heat maps.
    """
    require_columns(layers, ["state", "layer", "sub_function", "accuracy"])
    shares = shares.assign(sub_function=_in_two_lines(shares["sub_function"]))
    layers = layers.assign(sub_function=_in_two_lines(layers["sub_function"]))
    n_rows, n_kinds = shares["rows"].nunique(), shares["kind"].nunique()
    _, axes = plt.subplots(
        n_rows + 1,
        n_kinds,
        figsize=(PAGE_WIDTH, 1.45 * n_rows + 2.1),
        sharey="row",
        squeeze=False,
        layout="constrained",
        height_ratios=[*[shares["family"].nunique()] * n_rows, layers["layer"].nunique() + 1],
    )
    above, below = axes[:-1], axes[-1]
    cells = shares.rename(columns={"family": "gate read out"})
    plot_heatmaps(
        cells,
        "sub_function",
        "gate read out",
        "share",
        row="rows",
        column="kind",
        axes=above,
        notes=notes,
        label="runs whose slot computes this gate",
    )
    for ax in above.flat:
        ax.set_xlabel("")
    for ax, state in zip(below, layers["state"].unique(), strict=False):
        of_state = layers[layers["state"] == state]
        plot_heatmap(of_state, "sub_function", "layer", "accuracy", ax=ax, cmap=ACCURACIES)
        ax.set(title=state, ylabel="", xlabel="")
    below[0].set_ylabel(f"{network}:\nhidden layer")
    for ax in below[layers["state"].nunique() :]:
        ax.set_axis_off()
    n = shares["n"].iloc[0]
    text = (
        f"sub-function of the task, and the places in the level below that it reads; {n} runs each"
    )
    figure = axes.flat[0].figure
    figure.supxlabel(wrapped(text, 72 * figure.get_figwidth(), 8), fontsize=8)
    draw_scale(below, "probe right on\nrows left out")
    return axes


def _in_two_lines(names: pd.Series) -> pd.Series:
    """``"XOR 0 1"`` in two lines: the gate, and below it what it reads."""
    return names.str.replace(" ", "\n", n=1)
