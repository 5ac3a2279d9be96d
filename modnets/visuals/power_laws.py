"""Plot of power laws: points and fitted lines on logarithmic axes, beside what is predicted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.visuals.plots import FLOOR, kind_order, new_axes
from modnets.visuals.style import kind_style


@checked
def plot_power_laws(
    points: pd.DataFrame,
    laws: pd.DataFrame,
    x: str,
    y: str,
    *,
    predicted: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Points of kinds on logarithmic axes, with the power law of each.

    Parameters
    ----------
    points : DataFrame
        A row per observation, with ``kind``, x and y.
    laws : DataFrame
        A row per kind, with ``kind``, ``exponent`` and ``at_1``, as ``power_laws`` gives.
    x, y : str
        Columns of numbers above 0.
    predicted : mapping of kind -> exponent, optional
        Drawn dotted, through the middle of the kind's line.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    require_columns(points, [x, y, "kind"])
    require_columns(laws, ["kind", "exponent", "at_1"])
    ax = new_axes(ax)
    by_kind = laws.set_index("kind")
    rng = np.random.default_rng(0)
    for kind in kind_order(points["kind"]):
        of_kind, style = points[points["kind"] == kind], kind_style(kind)
        noise = 2 ** rng.uniform(-0.06, 0.06, len(of_kind))
        ax.scatter(of_kind[x] * noise, of_kind[y], s=5, color=style.color, alpha=0.45, linewidth=0)
        if kind not in by_kind.index or not np.isfinite(by_kind.loc[kind, "exponent"]):
            continue
        ends = np.array([of_kind[x].min(), of_kind[x].max()], float)
        law = by_kind.loc[kind]
        text = f"{style.label}: {law['exponent']:.1f}"
        ends_y = law["at_1"] * ends ** law["exponent"]
        ax.plot(ends, ends_y, color=style.color, linestyle=style.linestyle, label=text)
        if predicted and kind in predicted:
            ax.plot(
                ends, ends_y.prod() ** 0.5 * (ends / ends.prod() ** 0.5) ** predicted[kind], **FLOOR
            )
    for set_scale, axis in ((ax.set_xscale, ax.xaxis), (ax.set_yscale, ax.yaxis)):
        set_scale("log", base=2)
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_locator(NullLocator())
    ax.legend(
        title="exponents", title_fontsize=6, fontsize=6,
        loc="upper center", bbox_to_anchor=(0.5, -0.24),
    )  # fmt: skip
    ax.grid()
    return ax
