"""Figure of reused modules: what pools of other graphs solve, beside training anew."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter, PercentFormatter, ScalarFormatter

from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.plots import INK, SHARE_LIMITS
from modnets.visuals.style import PAGE_WIDTH, KindStyle, kind_style

SHARES = ("solved", "solved_low", "solved_high")
#: Pools by the graphs that they have seen, the paler the fewer.
BLUES = ("#9ecae1", "#5aa2d4", "#2171b5", "#08306b")
#: How networks learn a new graph -> style.
WAYS = {
    "dense, anew": kind_style("dense"),
    "searched, anew": KindStyle("#009e73", "", "-", "D"),
    "structure known, anew": kind_style("shared, known"),
    "tuned": KindStyle("#7a5195", "", "--", "v"),
    "routed by gradients": KindStyle("#cc79a7", "", ":", "P"),
    "of wrong structure": KindStyle("#a08060", "", ":", "x"),
    "random": KindStyle("#909090", "", ":", "x"),
}


@checked
def plot_transfer(curves: pd.DataFrame, needed: pd.DataFrame, *, at: int = 24) -> np.ndarray:
    """What pools of frozen modules solve on new graphs: over rows, rows needed, over graphs seen.

    Parameters
    ----------
    curves : DataFrame
        A row per ``way``, ``seen`` and ``train_rows`` with ``solved``, ``solved_low`` and
        ``solved_high``: shares of the new graphs.  ``seen`` are the graphs that a pool was trained
        on, 0 for random modules, -1 where training begins anew; pools are called ``"frozen"``, or
        ``"tuned"`` if modules go on learning.
    needed : DataFrame
        A row per ``way`` and ``seen`` with ``rows``, ``rows_low`` and ``rows_high``, as
        :func:`~modnets.analysis.sample_complexity` gives them: infinite where no number of rows
        suffices.
    at : int
        Training rows at which shares are drawn over the graphs seen.

    Returns
    -------
    ndarray of Axes, shape (3,)

    Raises
    ------
    ValueError
        If there are no runs with so many rows.
    """
    require_columns(curves, ["way", "seen", "train_rows", *SHARES])
    require_columns(needed, ["way", "seen", "rows", "rows_low", "rows_high"])
    tried = sorted(curves["train_rows"].unique())
    require(at in tried, f"at={at}; allowed is one of {', '.join(map(str, tried))}")
    ratios, size = (1.25, 0.75, 1.0), (PAGE_WIDTH, 3.0)
    _, axes = plt.subplots(1, 3, width_ratios=ratios, figsize=size, layout="constrained")
    _plot_curves(axes[0], curves)
    _plot_needed(axes[1], needed, max(tried))
    _plot_seen(axes[2], curves[curves["train_rows"] == at], at)
    return axes


def _style(way: str, seen: float, most: float) -> tuple[str, str, str]:
    """Colour, line style and marker."""
    if way != "frozen":
        style = WAYS[way]
        return style.color, str(style.linestyle), style.marker
    place = 1.0 if most <= 1 else np.log2(max(seen, 1)) / np.log2(most)
    return BLUES[round(place * (len(BLUES) - 1))], "-", "o"


@checked
def way_name(way: str, seen: float) -> str:
    """How a way to learn a new graph is called in the figure of reused modules.

    Parameters
    ----------
    way : str
        As in :func:`~modnets.plot.transfer`.
    seen : float
        Graphs that the pool was trained on.

    Examples
    --------
    >>> way_name("frozen", 4), way_name("searched, anew", -1)
    ('pool of 4', 'searched, anew')
    """
    if seen < 0:
        return way
    if way in ("random", "of wrong structure"):
        return f"{way} pool" if way == "random" else f"pool {way}"
    end = "" if way == "frozen" else f", {way}"
    return f"pool of {seen:.0f}{end}"


def _lines(table: pd.DataFrame) -> list[tuple[str, float, pd.DataFrame]]:
    """Ways in their order, pools by the graphs that they have seen."""
    order = [*list(WAYS)[:3], "frozen", *list(WAYS)[3:]]
    keys = table[["way", "seen"]].drop_duplicates().itertuples(index=False)
    ordered = sorted(keys, key=lambda key: (order.index(key.way), key.seen))
    return [
        (key.way, key.seen, table[(table["way"] == key.way) & (table["seen"] == key.seen)])
        for key in ordered
    ]


def _plot_curves(ax: Axes, curves: pd.DataFrame) -> None:
    most = curves["seen"].max()
    for way, seen, line in _lines(curves):
        if way in ("tuned", "routed by gradients", "of wrong structure"):
            continue
        line, (color, dashes, marker) = line.sort_values("train_rows"), _style(way, seen, most)
        ax.fill_between(
            line["train_rows"], line["solved_low"], line["solved_high"],
            color=color, alpha=0.12, linewidth=0,
        )  # fmt: skip
        ax.plot(
            line["train_rows"], line["solved"], color=color, linestyle=dashes, marker=marker,
            markersize=3.5, label=way_name(way, seen),
        )  # fmt: skip
    _log_rows(ax, sorted(curves["train_rows"].unique()))
    ax.set(ylim=SHARE_LIMITS, xlabel="training rows of the new graph", ylabel="graphs solved")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="y")
    ax.set_title("a new graph of the same gates")


def _log_rows(ax: Axes, rows: list[int]) -> None:
    ax.set_xscale("log")
    ax.set_xticks(rows[:: 1 + len(rows) // 7])
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_formatter(NullFormatter())


def _plot_needed(ax: Axes, needed: pd.DataFrame, most_rows: int) -> None:
    lines, most, end = _lines(needed), needed["seen"].max(), 1.35 * most_rows
    for place, (way, seen, row) in enumerate(lines):
        color, _, marker = _style(way, seen, most)
        rows, low, high = (float(row[name].iloc[0]) for name in ("rows", "rows_low", "rows_high"))
        ax.hlines(place, min(low, end), min(high, end), color=color, linewidth=1.6)
        if np.isfinite(rows):
            ax.plot([rows], [place], marker, color=color, markersize=5)
        else:
            ax.plot([end], [place], ">", color=color, markersize=5, clip_on=False)
    ax.set_yticks(range(len(lines)), [way_name(way, seen) for way, seen, _ in lines], fontsize=6.5)
    finite = needed["rows_low"][np.isfinite(needed["rows_low"])]
    ax.set_xscale("log")
    ax.set(ylim=(len(lines) - 0.4, -0.6), xlim=(0.8 * min(finite, default=4), end))
    ticks = [rows for rows in (4, 8, 12, 16, 24, 32, 48) if ax.get_xlim()[0] <= rows <= end]
    ax.set_xticks(ticks)
    ax.xaxis.set_major_formatter(ScalarFormatter())
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("training rows, half solved")
    ax.set_title("rows needed (arrow: more)")
    ax.grid(axis="x")


def _plot_seen(ax: Axes, curves: pd.DataFrame, at: int) -> None:
    for way in ("dense, anew", "searched, anew", "structure known, anew"):
        row = curves[curves["way"] == way]
        if len(row):
            color = WAYS[way].color
            ax.axhspan(*row[["solved_low", "solved_high"]].iloc[0], color=color, alpha=0.1, lw=0)
            ax.axhline(row["solved"].iloc[0], color=color, linewidth=1.1)
    random = curves[curves["way"] == "random"]
    for way, color, marker in (("frozen", BLUES[-1], "o"), ("tuned", WAYS["tuned"].color, "v")):
        line = pd.concat([random, curves[curves["way"] == way]]).sort_values("seen")
        if way == "tuned":
            line = curves[curves["way"] == way].sort_values("seen")
        errors = [line["solved"] - line["solved_low"], line["solved_high"] - line["solved"]]
        shift = 0.06 if way == "tuned" else 0.0
        places = np.where(line["seen"] > 0, np.log2(line["seen"].clip(lower=1)) + 1, 0) + shift
        ax.errorbar(
            places, line["solved"], errors, color=color, marker=marker, markersize=4,
            linewidth=1.3, elinewidth=0.9, linestyle="-" if way == "frozen" else "--",
        )  # fmt: skip
        if len(line):
            end, below = (places[-1], line["solved"].iloc[-1]), way == "frozen"
            ax.annotate(
                way, end, xytext=(-9, -24 if below else 3), textcoords="offset points",
                fontsize=6.5, color=color, ha="right", zorder=4,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
            )  # fmt: skip
    seen = sorted({0, *curves["seen"].clip(lower=0).astype(int)})
    ax.set_xticks([0 if one == 0 else np.log2(one) + 1 for one in seen], seen)
    ax.set(ylim=SHARE_LIMITS, xlabel="graphs that the pool has seen")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.set_title(f"{at} training rows", color=INK)
    ax.grid(axis="y")
