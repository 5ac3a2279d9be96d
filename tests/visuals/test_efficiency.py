"""The figure of training efficiency: what is drawn against an independent count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawings import check_drawing
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from modnets.analysis.efficiency import relative_costs, solve_times
from modnets.analysis.survival import kaplan_meier
from modnets.visuals.efficiency import (
    COSTS,
    plot_costs,
    plot_solve_times,
    plot_time_to_solve,
    plot_training_efficiency,
)
from modnets.visuals.plots import DODGE
from modnets.visuals.style import KINDS, kind_style

ROWS = (8, 16, 32)
GRAPHS = ("6-2-2", "6-3-2-2")
END = 100


@pytest.fixture(scope="module")
def times() -> pd.DataFrame:
    """Runs whose times are drawn: the last kind always solves, the first never."""
    rng = np.random.default_rng(5)
    rows = []
    for graph in GRAPHS:
        for index, kind in enumerate(KINDS):
            for n in ROWS:
                for number in range(6):
                    solved = rng.random() < index / (len(KINDS) - 1)
                    epoch = int(rng.integers(1, 9)) * 10 if solved else END
                    run = {"run": f"{graph} {kind} {n} {number}", "graph": graph, "kind": kind}
                    run |= {"train_rows": n, "split_seed": number // 2, "seed": number % 2}
                    run |= {"solved": solved, "ever": solved, "epoch": epoch}
                    rows.append(run | {"flops": epoch * (10 - index) * 1000})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def shares() -> pd.DataFrame:
    rows = [
        {"graph": graph, "kind": kind, "train_rows": n, "weights": 300 - 40 * index}
        | {"forward_flops": 700, "wired_flops": 600 - 90 * index, "epoch_flops": 9000 - index * n}
        for graph in GRAPHS
        for index, kind in enumerate(KINDS)
        for n in ROWS
    ]
    return relative_costs(pd.DataFrame(rows))


@pytest.fixture
def ax() -> Axes:
    return Figure().add_subplot()


def one(table: pd.DataFrame, train_rows: int | None = 16) -> pd.DataFrame:
    """What is of one graph, and of one number of training rows."""
    table = table[table["graph"] == "6-2-2"]
    return table if train_rows is None else table[table["train_rows"] == train_rows]


def lines(ax: Axes) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_xydata() for line in ax.lines if line.get_label() in KINDS}


@pytest.mark.parametrize("unit", ["epoch", "flops"])
def test_a_line_is_the_share_of_runs_solved_by_then(
    times: pd.DataFrame, ax: Axes, unit: str
) -> None:
    runs = one(times)
    plot_time_to_solve(kaplan_meier(runs), ax=ax, unit=unit)
    drawn = lines(ax)
    assert set(drawn) == set(KINDS)
    for kind, points in drawn.items():
        of_kind = runs[runs["kind"] == kind]
        for time, share in points:
            assert share == pytest.approx((of_kind["solved"] & (of_kind[unit] <= time)).mean())
        # A line ends with its training; one on which all have solved goes on to the last end.
        ends = runs if of_kind["solved"].all() else of_kind
        assert points[-1, 0] == ends[unit].max()
    assert len(ax.collections) == len(KINDS)  # a band each
    assert {line.get_drawstyle() for line in ax.lines} == {"steps-post"}
    left, right = ax.get_xlim()
    assert left < runs[unit].min() < runs[unit].max() < right
    assert all(points[0, 0] < left for points in drawn.values())  # from the start: time 0


def test_a_point_is_the_median_time_and_lies_in_its_interval(times: pd.DataFrame, ax: Axes) -> None:
    runs = one(times, None)
    summary = solve_times(runs, resamples=50)
    plot_solve_times(summary, ax=ax)
    wanted = runs.assign(flops=runs["flops"].where(runs["solved"], np.inf))
    wanted = wanted.groupby(["kind", "train_rows"])["flops"].quantile(0.5, interpolation="lower")
    wanted = wanted[np.isfinite(wanted)]
    drawn = lines(ax)
    assert set(drawn) == set(wanted.index.get_level_values("kind"))
    for kind, points in drawn.items():
        np.testing.assert_array_equal(points[:, 1], wanted[kind])
        aside = np.log2(points[:, 0] / wanted[kind].index)
        assert np.abs(aside).max() <= DODGE * len(KINDS) / 2
    table = summary[(summary["unit"] == "flops") & np.isfinite(summary["time"])]
    heads = [part for part in ax.collections if isinstance(part, PathCollection)]
    assert sum(len(part.get_offsets()) for part in heads) == np.isinf(table["time_high"]).sum() > 0
    assert ax.get_ylabel() == "FLOPs of training\nuntil 50 % have solved"


def test_costs_are_drawn_as_shares_and_weights_written(shares: pd.DataFrame, ax: Axes) -> None:
    of_one = one(shares)
    plot_costs(of_one, ax=ax)
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert labels == [kind_style(kind).label for kind in reversed(KINDS)]
    drawn = [part for part in ax.collections if len(part.get_offsets()) == len(KINDS)]
    for part, name in zip(drawn, COSTS, strict=True):
        for x, y in part.get_offsets():
            kind = list(reversed(KINDS))[int(y)]
            assert x == of_one.loc[of_one["kind"] == kind, name].item()
    written = {text.get_text() for text in ax.texts}
    assert written == {"100 %", "86.7 %", "73.3 %", "60.0 %", "46.7 %", "33.3 %"}


def test_the_figure_has_a_column_per_graph_and_one_legend(
    times: pd.DataFrame, shares: pd.DataFrame
) -> None:
    curves, summary = kaplan_meier(times), solve_times(times, resamples=20)
    axes = plot_training_efficiency(curves, summary, shares, train_rows=32, graphs=GRAPHS)
    figure = axes[0, 0].figure
    assert axes.shape == (4, 2)
    assert [ax.get_title() for ax in axes[0]] == ["depth 1: 6-2-2", "depth 2: 6-3-2-2"]
    for graph, column in zip(GRAPHS, axes.T, strict=True):
        runs = times[(times["graph"] == graph) & (times["train_rows"] == 32)]
        for kind, points in lines(column[0]).items():
            assert points[-1, 1] == pytest.approx(runs[runs["kind"] == kind]["solved"].mean())
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == [*KINDS, *(label for label, _ in COSTS.values())]
    assert "6 runs a line, 32 training rows" in legend.get_title().get_text()
    for row in axes:
        assert row[0].get_xlim() == row[1].get_xlim()
    for number, unit in enumerate(["epoch", "flops"]):
        of_rows = times[times["train_rows"] == 32]
        left, right = axes[number, 0].get_xlim()
        assert left < of_rows[unit].min() < of_rows[unit].max() < right
    check_drawing(figure, loose=tuple(KINDS))  # time 0 lies left of a logarithmic axis
    plt.close(figure)


def test_what_cannot_be_told_apart_is_refused(
    times: pd.DataFrame, shares: pd.DataFrame, ax: Axes
) -> None:
    curves, summary = kaplan_meier(times), solve_times(times, resamples=5)
    with pytest.raises(ValueError, match="several curves for the same kind"):
        plot_time_to_solve(curves, ax=ax)
    with pytest.raises(ValueError, match="several rows for the same kind and train_rows"):
        plot_solve_times(summary, ax=ax)
    with pytest.raises(ValueError, match="several rows for the same kind; give one graph"):
        plot_costs(shares, ax=ax)
    with pytest.raises(ValueError, match="unknown unit 'hours'"):
        plot_time_to_solve(one(curves), ax=ax, unit="hours")
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_time_to_solve(curves.iloc[:0], ax=ax)
    with pytest.raises(ValueError, match="unknown train_rows 9"):
        plot_training_efficiency(curves, summary, shares, train_rows=9)
