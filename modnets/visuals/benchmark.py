"""Figure of the benchmark: time per run, arithmetic rate, and other implementations."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from modnets.benchmarks.throughput import best
from modnets.checked import checked
from modnets.visuals.legends import draw_legend
from modnets.visuals.plots import kind_order
from modnets.visuals.style import HALO, INK, PAGE_WIDTH, kind_style

MILLISECONDS = "ms_per_run_per_1000_steps"
OWN = kind_style("shared, known").color
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
#: So many times as far a point may be for a label to be in its way.
CLOSE = 2.0


@checked
def plot_benchmark(table: pd.DataFrame, *, axes: np.ndarray | None = None) -> np.ndarray:
    """Time per run and arithmetic rate over runs side by side; other implementations.

    Parameters
    ----------
    table : DataFrame
        What :func:`~modnets.benchmark` returns.
    axes : ndarray of Axes, shape (3,), optional
        By default a new figure of a page's width.

    Returns
    -------
    ndarray of Axes, shape (3,)
        The machine is named in the legend's title.  A line is the rate of its sgemm on large
        matrices: no upper bound, as smaller ones may be faster.
    """
    if axes is None:
        figure, axes = plt.subplots(
            1, 3, figsize=(PAGE_WIDTH, 3.7), gridspec_kw={"width_ratios": [1, 1, 1.25]}
        )
        figure.set_layout_engine("constrained")
    axes = np.asarray(axes).reshape(-1)
    own = table[table["peer"].str.startswith("modnets")]
    _draw_over_runs(own, MILLISECONDS, axes[0])
    axes[0].set(yscale="log", ylabel="ms per run for 1,000 steps")
    axes[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0].yaxis.set_minor_locator(NullLocator())
    _draw_over_runs(own, "gflops", axes[1])
    rate = table["sgemm_gflops"].max()
    axes[1].axhline(rate, label="sgemm, large matrices", color=INK, linewidth=0.8, zorder=1.5)
    above: dict[str, Any] = {
        "transform": axes[1].get_yaxis_transform(),
        "va": "bottom",
        "path_effects": HALO,
    }
    axes[1].text(0.02, rate, "sgemm, large matrices", fontsize=6.5, color=INK, **above)
    highest = max(rate, own["gflops"].max())
    axes[1].set(ylabel="arithmetic rate, GFLOP/s", ylim=(0, 1.08 * highest))
    _draw_peers(table, axes[2])
    draw_legend(axes[:1], title=_caption(table), columns=6)
    return axes


@checked
def plot_benchmark_grid(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Time per run of networks of many sizes, and how many times of it other programs take.

    Parameters
    ----------
    table : DataFrame
        What :func:`~modnets.benchmarks.size_grid.benchmark_grid` returns.
    ax : Axes, optional
        By default a new figure of a page's width.
    """
    sizes = ["inputs", "rows", "model", "hidden", "runs"]
    groups = list(table.groupby(sizes, sort=False))[::-1]
    if ax is None:
        figure, ax = plt.subplots(figsize=(PAGE_WIDTH, 1.1 + 0.19 * len(groups)))
        figure.set_layout_engine("constrained")
    peers = list(dict.fromkeys(table["peer"]))
    for height, (_, of_size) in enumerate(groups):
        times = of_size[MILLISECONDS]
        for row in of_size.to_dict("records"):
            number, at = peers.index(row["peer"]), row[MILLISECONDS]
            color = INK if number else OWN
            ax.scatter(at, height, marker=MARKERS[number], s=16, color=color)
            if number:
                beside = times[(times > at) & (times < CLOSE * at)].max()  # a point in its way
                ax.annotate(
                    f"{_rounded(row['times'])}×", (np.fmax(at, beside), height), (6, -2),
                    textcoords="offset points", fontsize=6, color=INK,
                )  # fmt: skip
    for number, peer in enumerate(peers):
        color = INK if number else OWN
        ax.scatter([], [], marker=MARKERS[number], s=16, color=color, label=peer)
    ax.set_yticks(range(len(groups)), [_size_label(*key) for key, _ in groups])
    ax.tick_params(axis="y", labelsize=6.5)
    ax.set(xscale="log", xlabel="ms per run for 1,000 steps", ylim=(-0.7, len(groups) - 0.3))
    ax.grid(axis="x")
    first = table.iloc[0]
    caption = (
        f"XOR, then AND of neighbours; full batch, Adam; {first['machine']}; "
        f"multiply-adds {first['fma_gflops']:.0f} GFLOP/s"
    )
    if len(peers) > 1:
        caption += f"\nbeside a point: how many times the time of {peers[0]}"
    place: dict[str, Any] = {"loc": "lower center", "bbox_to_anchor": (0.3, 1.0)}
    small: dict[str, Any] = {"fontsize": 6.5, "title_fontsize": 6.5}
    ax.legend(title=caption, ncols=len(peers), **place, **small)
    return ax


def _size_label(inputs: int, rows: int, model: str, hidden: str, runs: int) -> str:
    """A network, its task, and how many of it: ``36-36-36: 6 inputs, 51 rows, 64 runs``."""
    widths = hidden.split("-") if hidden else []
    network = f"{widths[0]} x {len(widths)}" if widths else f"{model}, learned"
    return f"{network}: {inputs} inputs, {rows:,} rows, {runs} run{'s' * (runs > 1)}"


def _draw_over_runs(own: pd.DataFrame, column: str, ax: Axes) -> None:
    for kind in kind_order(own["kind"]):
        line = own[own["kind"] == kind].sort_values("runs")
        ax.plot(line["runs"], line[column], markersize=3, linewidth=1.2, **kind_style(kind).line)
    tried = np.unique(own["runs"])
    ax.set_xscale("log", base=2)
    ax.set_xticks(tried, [f"{n:,}" for n in tried], rotation=60)
    ax.xaxis.set_major_locator(FixedLocator(tried.tolist()))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("runs side by side")
    ax.grid(axis="y")


def _draw_peers(table: pd.DataFrame, ax: Axes) -> None:
    """The best of each implementation as a marker, a row for each kind; the slowdown beside it."""
    fastest = best(table).merge(table[["model", "kind"]].drop_duplicates(), on="model")
    kinds = kind_order(fastest["kind"])[::-1]
    peers = list(dict.fromkeys(table["peer"]))
    for peer, marker in zip(peers, MARKERS, strict=False):
        of_peer = fastest[fastest["peer"] == peer]
        y = [kinds.index(kind) for kind in of_peer["kind"]]
        colors = [kind_style(kind).color for kind in of_peer["kind"]]
        ax.scatter(of_peer[MILLISECONDS], y, marker=marker, s=16, c=colors, zorder=3)
        ax.scatter([], [], marker=marker, s=16, c=INK, label=_short(peer))
    for row in fastest[fastest["peer"] != peers[0]].itertuples():
        at = (getattr(row, MILLISECONDS), kinds.index(row.kind))
        above = peers.index(row.peer) % 2 == 0  # neighbours on the axis do not overlap
        ax.annotate(
            f"{_rounded(row.times)}×", at, (0, 4 if above else -8.5), textcoords="offset points",
            ha="center", fontsize=6, color=INK, path_effects=HALO,
        )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yticks(range(len(kinds)), [kind_style(kind).label for kind in kinds])
    ax.set_ylim(-0.6, len(kinds) - 0.2)
    ax.set_xlabel("ms per run for 1,000 steps")
    ax.grid(axis="x")
    ax.legend(loc="lower center", bbox_to_anchor=(0.3, 1.0), ncols=2, fontsize=6, handletextpad=0.2)


def _short(peer: str) -> str:
    """``"torch DataLoader, 2 workers"`` -> ``"DataLoader, 2 workers"``."""
    return peer.removeprefix("torch ").replace("loop", "plain loop")


def _rounded(times: float) -> str:
    """Two significant digits, with thousands separators."""
    digits = 1 if times < 10 else 1 - int(np.floor(np.log10(times)))
    return f"{round(times, digits):,.{max(digits, 0)}f}"


def _caption(table: pd.DataFrame) -> str:
    first = table.iloc[0]
    return (
        f"6-3-2-2, {first['rows']:.0f} rows, full batch, Adam, {first['steps']:.0f} steps; "
        f"{first['machine']}; torch {first['torch']}; "
        f"sgemm of large matrices, all cores: {first['sgemm_gflops']:.0f} GFLOP/s; "
        "×: so many times the best of modnets"
    )
