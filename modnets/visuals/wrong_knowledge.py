"""Figure of wrong knowledge: accuracy over how much of it is wrong, beside networks without any."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.ticker import PercentFormatter

from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.plots import kind_order
from modnets.visuals.style import PAGE_WIDTH, kind_style

MEASURE = "test_bit_accuracy"


@checked
def plot_wrong_knowledge(summary: pd.DataFrame, panels: Mapping[str, str]) -> np.ndarray:
    """Bit accuracy on unseen rows over what is wrong: a column for each kind of error.

    Parameters
    ----------
    summary : DataFrame
        What :func:`~modnets.summarize` returns by ``what``, ``wrong``, ``kind`` and ``train_rows``,
        with the rows of networks that know nothing as what is ``"nothing"``.
    panels : mapping of what -> label of its axis

    Returns
    -------
    ndarray of Axes, shape (number of rows, panel)
    """
    require_columns(summary, ["what", "wrong", "kind", "train_rows", MEASURE])
    require(len(panels) > 0, "panels is empty; allowed is at least one kind of error")
    counts = sorted(summary["train_rows"].unique())
    size = (PAGE_WIDTH, 0.5 + 1.9 * len(counts))
    _, axes = plt.subplots(
        len(counts), len(panels), figsize=size, sharey=True, sharex="col", squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for row, n_rows in enumerate(counts):
        here = summary[summary["train_rows"] == n_rows]
        nothing = here[here["what"] == "nothing"].iloc[0]
        style = kind_style(nothing["kind"])
        for ax, (what, label) in zip(axes[row], panels.items(), strict=True):
            ends = nothing[f"{MEASURE}_low"], nothing[f"{MEASURE}_high"]
            ax.axhspan(*ends, color=style.color, alpha=0.14, linewidth=0)
            ax.axhline(nothing[MEASURE], color=style.color, linewidth=1.2, label=style.label)
            _plot_lines(ax, here[here["what"] == what])
            ax.set_xlabel(label if row == len(counts) - 1 else "")
            ax.grid(axis="y")
        axes[row, 0].set_ylabel(f"{n_rows} rows: unseen bits right")
        axes[row, 0].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    return axes


def _plot_lines(ax: plt.Axes, lines: pd.DataFrame) -> None:
    for kind in kind_order(lines["kind"]):
        line, style = lines[lines["kind"] == kind].sort_values("wrong"), kind_style(kind)
        low, high = line[f"{MEASURE}_low"], line[f"{MEASURE}_high"]
        ax.fill_between(line["wrong"], low, high, color=style.color, alpha=0.16, linewidth=0)
        ax.plot(line["wrong"], line[MEASURE], **style.line)
    ax.set_xticks(sorted(lines["wrong"].unique()))
    if lines["what"].iloc[0] == "modules" and not ax.xaxis_inverted():
        ax.invert_xaxis()
