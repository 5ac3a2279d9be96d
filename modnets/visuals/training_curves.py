"""Training curves: accuracy over the epochs, with quartiles over runs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from modnets.checked import checked
from modnets.visuals.plots import FLOOR, SHARE_LIMITS, count_behind, kind_order, new_axes
from modnets.visuals.style import kind_style


@checked
def plot_training_curves(
    curves: pd.DataFrame,
    *,
    ax: Axes | None = None,
    measure: str = "test_bit_accuracy",
    floor: float = np.nan,
    theory: Mapping[str, float] | None = None,
) -> Axes:
    """Accuracy over the epochs, a line for each kind: the median of its runs, and their quartiles.

    Parameters
    ----------
    curves : DataFrame
        What :func:`~modnets.analysis.training_curves` returns.
    ax : Axes, optional
    measure : str
        Column that the curves were computed from; for the label.
    floor : float, in [0, 1]
        Accuracy of the best constant answer, dotted.
    theory : dict, optional
        Kind -> exact accuracy that its knowledge and the data allow, a marker at the right.

    Returns
    -------
    Axes
        Accuracy in percent; the legend has the number of runs of a line, and the share that solves
        the whole table at the end.
    """
    ax = new_axes(ax)
    end = curves["epoch"].max()
    for kind in kind_order(curves["kind"]):
        line, style = curves[curves["kind"] == kind].sort_values("epoch"), kind_style(kind)
        ax.fill_between(
            line["epoch"], line["low"], line["high"], color=style.color, alpha=0.16, linewidth=0
        )
        keywords = style.line | {
            "marker": None,
            "label": f"{style.label}: {line['solved'].iloc[-1]:.0%} solved",
        }
        ax.plot(line["epoch"], line["median"], **keywords)
        if theory and kind in theory:
            ax.plot(
                end,
                theory[kind],
                marker="<",
                markersize=6,
                color=style.color,
                linestyle="none",
                clip_on=False,
                zorder=4,
                label=f"allowed by theory: {theory[kind]:.1%}",
            )
    if np.isfinite(floor):
        ax.axhline(floor, label=f"majority floor: {floor:.1%}", **FLOOR)
    title = f"median and quartiles of {count_behind(curves)} runs"
    ax.legend(title=title, title_fontsize=7)
    ax.set_xlim(0, end)
    ax.set_ylim(*SHARE_LIMITS)
    ax.set_xlabel("epochs")
    ax.set_ylabel(measure.replace("_", " "))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="y")
    return ax
