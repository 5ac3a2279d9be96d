"""Figure of discovered structure: success, confidence, rows needed, and one network taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.discovery.discoveries import Discovery
from modnets.discovery.pruning import PrunedNetwork
from modnets.errors import require, shown
from modnets.visuals.diagrams.task import draw_graph
from modnets.visuals.plots import FLOOR, SHARE_LIMITS, new_axes
from modnets.visuals.style import (
    INK,
    LEARNED,
    NEGATIVE,
    PAGE_WIDTH,
    POSITIVE,
    KindStyle,
    kind_style,
)

#: Ways to find a graph, in the order of legends.
WAYS = {
    "dense": KindStyle("#d55e00", "found: dense networks, pruned", "-", "o"),
    "units": KindStyle("#e39b6c", "found: their units alone", LEARNED, "D"),
    "data": KindStyle("#7a5195", "found: rows alone", "-", "s"),
    "routing": KindStyle("#009e73", "found: learned routing, by vote", "-", "^"),
    "solved": KindStyle("#222222", "solved by those dense networks", (0, (1, 1.2)), "."),
    "shuffled": KindStyle("#999999", "found: shuffled truth tables", LEARNED, "x"),
}
#: What a structure is put to use in.
USES = {
    "dense": KindStyle("#222222", "dense", "-", "o"),
    "discovered": KindStyle("#d55e00", "modular, known from dense networks", "-", "o"),
    "learned": replace(kind_style("modular, learned (best)"), color="#56b4e9"),
    "known": kind_style("modular, known"),
    "of another": KindStyle("#999999", "modular, known from another graph's", LEARNED, "x"),
}
RADIUS = 11.0  # of a unit, in points


@checked
def plot_discovery(
    success: pd.DataFrame,
    calibration: pd.DataFrame,
    use: pd.DataFrame,
    wide: pd.DataFrame,
    example: Discovery,
    *,
    chance: float,
) -> np.ndarray:
    """How often graphs are found, how sure that is, what they are worth, and one of them.

    Parameters
    ----------
    success : DataFrame
        What :func:`~modnets.summarize` returns by ``way`` and ``train_rows``, of shares recovered.
        Ways are dense, units, data, routing, solved and shuffled.
    calibration : DataFrame
        What :func:`~modnets.analysis.edge_calibration` returns, by ``way``.
    use : DataFrame
        As ``success``, of runs that solve the table, by ``use`` and ``train_rows``: dense,
        discovered, learned, known, of another.
    wide : DataFrame
        As ``success``, on graphs of more inputs.
    example : Discovery
        Of dense networks; the smallest of them is drawn.
    chance : float, in [0, 1]
        Share of wirings drawn at random that are right.

    Returns
    -------
    ndarray of Axes, shape (6,)
    """
    shares = ("solved", "solved_low", "solved_high")
    require_columns(success, ["way", "train_rows", *shares])
    require_columns(use, ["use", "train_rows", *shares])
    require_columns(wide, ["way", "train_rows", *shares])
    _, axes = plt.subplots(2, 3, figsize=(PAGE_WIDTH, 4.8), layout="constrained")
    above, below = axes
    _plot_shares(success, "way", WAYS, above[0])
    above[0].axhline(chance, label="a wiring drawn at random", zorder=1, **FLOOR)
    above[0].set(title="is the wiring found?", ylabel="graphs of 6 inputs")
    plot_calibration(calibration, ax=above[1])
    _plot_shares(use, "use", USES, above[2])
    above[2].set(title="is it worth it?", ylabel="runs that solve the table")
    _plot_shares(wide, "way", WAYS, below[0])
    below[0].set(title="and of more inputs?", ylabel="graphs of 8 inputs")
    draw_pruned(example, ax=below[1])
    if example.graph is None:
        below[2].axis("off")
    else:
        draw_graph(example.graph, below[2])
    below[2].set_title(f"found from {len(example.networks)} such networks")
    return axes.ravel()


def _plot_shares(table: pd.DataFrame, by: str, styles: dict[str, KindStyle], ax: Axes) -> None:
    for name, style in styles.items():
        line = table[table[by] == name].sort_values("train_rows")
        if not len(line):
            continue
        x, ends = line["train_rows"], (line["solved_low"], line["solved_high"])
        ax.fill_between(x, *ends, color=style.color, alpha=0.12, linewidth=0)
        ax.plot(x, line["solved"], linewidth=1.2, markersize=3.2, **style.line)
    ticks = sorted(table["train_rows"].unique())
    ax.set_xscale("log", base=2)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set(ylim=SHARE_LIMITS, xlabel="training rows")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="y")


@checked
def plot_calibration(calibration: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Share of edges that are true over the confidence they were given, with intervals.

    Parameters
    ----------
    calibration : DataFrame
        What :func:`~modnets.analysis.edge_calibration` returns, by ``way``.
    ax : Axes, optional
    """
    require_columns(calibration, ["way", "confidence", "true", "true_low", "true_high", "edges"])
    ax = new_axes(ax)
    ax.plot([0, 1], [0, 1], zorder=1, **FLOOR)
    for name, line in calibration.groupby("way", sort=False):
        require(name in WAYS, f"way={shown(name)}; allowed: {', '.join(WAYS)}")
        style, line = WAYS[str(name)], line.sort_values("confidence")
        x, y = line["confidence"], line["true"]
        ends = [y - line["true_low"], line["true_high"] - y]
        ax.errorbar(
            x, y, yerr=np.abs(ends), color=style.color, linewidth=0.7, alpha=0.55, fmt="none"
        )
        ax.plot(x, y, linewidth=1.1, markersize=3.2, color=style.color, marker=style.marker)
    ax.set(xlim=(-0.04, 1.04), ylim=SHARE_LIMITS, xlabel="confidence of an edge", ylabel="edges")
    ax.set_title("is a sure edge a true one?")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ax.grid(axis="y")
    return ax


@checked
def draw_pruned(discovery: Discovery, *, ax: Axes | None = None) -> Axes:
    """The smallest pruned network of a discovery: units and edges that its accuracy needs.

    A unit that depends on the inputs of one sub-function only has the colour of it.

    Parameters
    ----------
    discovery : Discovery
        Of dense networks.
    ax : Axes, optional

    Raises
    ------
    ValueError
        If it has no networks.
    """
    require(
        bool(discovery.networks),
        f"discovery={discovery}: it has no networks; allowed is one of the method 'dense'",
    )
    network = min(discovery.networks, key=lambda one: (one.n_edges, one.n_units))
    ax = new_axes(ax)
    places = _places(network)
    groups = _groups(discovery)
    supports = _supports(network)
    for number, weight in enumerate(network.weights):
        largest = max(np.abs(weight).max(), 1e-9)
        for unit, below in zip(*np.nonzero(weight), strict=True):
            value = weight[unit, below]
            ax.plot(
                [places[number][below], places[number + 1][unit]], [number, number + 1],
                color=POSITIVE if value > 0 else NEGATIVE, zorder=1, solid_capstyle="round",
                linewidth=0.3 + 1.6 * abs(value) / largest, alpha=0.75,
            )  # fmt: skip
    for number, row in enumerate(places):
        for unit, x in enumerate(row):
            color = _color(supports[number][unit], groups)
            ax.scatter(
                x, number, s=RADIUS**2, color=color, edgecolor=INK, linewidth=0.6, zorder=3,
                marker="s" if number in (0, len(places) - 1) else "o",
            )  # fmt: skip
            if number in (0, len(places) - 1):
                text = _label(discovery, number, unit)
                ax.text(x, number, text, ha="center", va="center", fontsize=5.5, zorder=4)
    ax.set(xlim=(-0.07, 1.07), ylim=(-0.4, len(places) - 0.6))
    ax.axis("off")
    ax.set_title(f"pruned: {network.n_units} units, {network.n_edges} edges left")
    return ax


def _label(discovery: Discovery, layer: int, unit: int) -> str:
    """The name of an input, or of an output."""
    task = discovery.run.graph
    return (task.output_labels if layer else task.input_labels)[unit]


def _places(network: PrunedNetwork) -> list[np.ndarray]:
    """Horizontal places of the units of each layer, near to what they read, in [0, 1]."""
    places = [np.linspace(0.0, 1.0, network.weights[0].shape[1])]
    for number, weight in enumerate(network.weights):
        strengths = np.abs(weight)
        wanted = strengths @ places[-1] / np.maximum(strengths.sum(axis=1), 1e-9)
        n_units = len(weight)
        row = np.linspace(0.5 / n_units, 1 - 0.5 / n_units, n_units)
        if number == len(network.weights) - 1:
            places.append(row)
            continue
        here = np.empty(n_units)
        here[np.argsort(wanted, kind="stable")] = row
        places.append(here)
    return places


def _supports(network: PrunedNetwork) -> list[list[frozenset[int]]]:
    """The inputs that each unit of each layer depends on."""
    found = [[frozenset([place]) for place in range(network.weights[0].shape[1])]]
    for weight in network.weights:
        below = found[-1]
        found.append(
            [frozenset().union(*(below[at] for at in np.flatnonzero(row))) for row in weight]
        )
    return found


def _groups(discovery: Discovery) -> list[frozenset[int]]:
    """What the sub-functions of the first level read."""
    graph = discovery.candidate
    return [] if graph is None else [frozenset(node.inputs) for node in graph.levels[0]]


def _color(support: frozenset[int], groups: Sequence[frozenset[int]]) -> str:
    colors = ("#f0e442", "#a39bc9", "#63dc98", "#df9fba", "#8ea970", "#e4c6ec")
    for number, group in enumerate(groups):
        if support and support <= group:
            return colors[number % len(colors)]
    return "#ffffff"
