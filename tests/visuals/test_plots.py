"""Plots: the lines on the axes against an independent count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from modnets.analysis.sample_complexity import sample_complexity
from modnets.analysis.statistics import summarize
from modnets.visuals.generalization import plot_generalization
from modnets.visuals.plots import DODGE, plot_accuracy, plot_solved
from modnets.visuals.style import KINDS

ROWS = (4, 8, 16, 32)
GRAPHS = ("6-2-2", "6-3-2-2")


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    """Runs whose outcomes are drawn: later kinds and more rows do better."""
    rng = np.random.default_rng(3)
    rows = []
    for graph in GRAPHS:
        for place, kind in enumerate(KINDS):
            for n in ROWS:
                for split_seed in range(3):
                    for seed in range(2):
                        share = min(1.0, (place + 1) * n / 100)
                        run = {"graph": graph, "kind": kind, "train_rows": n}
                        run |= {"split_seed": split_seed, "seed": seed}
                        run |= {"run": f"{graph} {kind} {n} {split_seed} {seed}", "epoch": 10}
                        accuracy = rng.uniform(0.5, 1)
                        rows.append(
                            run | {"solved": rng.random() < share, "test_bit_accuracy": accuracy}
                        )
    return pd.DataFrame(rows)


@pytest.fixture
def ax() -> Axes:
    return Figure().add_subplot()


def lines(ax: Axes) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_xydata() for line in ax.lines if line.get_label() in KINDS}


def test_solved_is_the_share_counted_by_hand(results: pd.DataFrame, ax: Axes) -> None:
    one = results[results["graph"] == "6-2-2"]
    plot_solved(summarize(one), ax=ax)
    wanted = one.groupby(["kind", "train_rows"])["solved"].mean()
    drawn = lines(ax)
    assert set(drawn) == set(KINDS)
    for kind, points in drawn.items():
        np.testing.assert_allclose(points[:, 1], wanted[kind])
        shift = np.log2(points[:, 0] / np.array(ROWS))
        assert np.ptp(shift) < 1e-9  # a whole line is moved aside, by less than the lines' room
        assert np.abs(shift).max() <= DODGE * len(KINDS) / 2


def test_accuracy_lies_within_its_interval_and_the_floor_is_drawn(
    results: pd.DataFrame, ax: Axes
) -> None:
    one = results[results["graph"] == "6-3-2-2"]
    plot_accuracy(summarize(one), ax=ax, runs=one)
    floor = next(line for line in ax.lines if line.get_label() == "majority floor")
    assert set(floor.get_ydata()) == {0.75}
    dots = sum(len(line.get_xdata()) for line in ax.lines if line.get_marker() == ".")
    assert dots == len(one)
    middle = one.groupby(["kind", "train_rows"])["test_bit_accuracy"]
    for kind, points in lines(ax).items():
        assert (points[:, 1] >= middle.min()[kind].to_numpy()).all()
        assert (points[:, 1] <= middle.max()[kind].to_numpy()).all()
    assert len(ax.collections) == len(KINDS)  # a band each


def test_rows_needed_are_written(results: pd.DataFrame, ax: Axes) -> None:
    one = results[results["graph"] == "6-2-2"]
    needed = sample_complexity(one)
    plot_solved(summarize(one), ax=ax, complexity=needed)
    told = needed[needed["reached"] & ~needed["at_most"]]
    triangles = [line for line in ax.lines if line.get_marker() == 10]
    assert sorted(line.get_xdata()[0] for line in triangles) == pytest.approx(sorted(told["rows"]))
    numbers = {text.get_text() for text in ax.texts}
    assert numbers
    assert numbers <= {f"{rows:.0f}" for rows in told["rows"]}


def test_the_figure_has_a_column_per_graph_and_one_legend(results: pd.DataFrame) -> None:
    axes = plot_generalization(results, graphs=list(GRAPHS))
    assert axes.shape == (2, 2)
    assert [ax.get_title() for ax in axes[0]] == ["depth 1: 6-2-2", "depth 2: 6-3-2-2"]
    figure = axes[0, 0].figure
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == [*KINDS, "majority floor"]
    assert "6 runs a point" in legend.get_title().get_text()
    ticks = [label.get_text() for label in axes[1, 0].get_xticklabels()]
    assert ticks == [str(n) for n in ROWS]
    plt.close(figure)


def test_several_graphs_on_one_axes_are_refused(results: pd.DataFrame, ax: Axes) -> None:
    with pytest.raises(ValueError, match="summary holds the graphs 6-2-2, 6-3-2-2"):
        plot_solved(summarize(results), ax=ax)


def test_an_empty_summary_is_refused(results: pd.DataFrame, ax: Axes) -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_solved(summarize(results).iloc[:0], ax=ax)
