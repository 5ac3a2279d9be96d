"""Plots: the lines on the axes against an independent count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawings import check_drawing
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.textpath import TextPath

from modnets.analysis.rows_needed import sample_complexity
from modnets.analysis.statistics import summarize
from modnets.visuals.figure_bounds import drawn_bbox
from modnets.visuals.generalization import plot_generalization
from modnets.visuals.legends import wrapped
from modnets.visuals.plots import DODGE, label_rows, plot_accuracy, plot_solved
from modnets.visuals.style import KINDS, style

ROWS = (4, 8, 16, 32)
GRAPHS = ("6-2-2", "6-3-2-2")


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    """Runs whose outcomes are drawn: later kinds and more rows do better."""
    rng = np.random.default_rng(3)
    rows = []
    for graph in GRAPHS:
        for index, kind in enumerate(KINDS):
            for n in ROWS:
                for split_seed in range(3):
                    for seed in range(2):
                        share = min(1.0, (index + 1) * n / 100)
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
    known = needed[needed["reached"] & ~needed["at_most"]]
    triangles = [line for line in ax.lines if line.get_marker() == 10]
    assert sorted(line.get_xdata()[0] for line in triangles) == pytest.approx(sorted(known["rows"]))
    numbers = {text.get_text() for text in ax.texts}
    assert numbers
    assert numbers <= {f"{rows:.0f}" for rows in known["rows"]}


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
    check_drawing(figure)
    plt.close(figure)


@pytest.mark.parametrize("graphs", [GRAPHS[:1], GRAPHS, (*GRAPHS, "6-3-3-2-2", "6-2")])
def test_captions_and_legends_are_whole_whatever_the_number_of_panels(
    results: pd.DataFrame, graphs: tuple[str, ...]
) -> None:
    every = [results[results["graph"] == "6-2-2"].assign(graph=graph) for graph in graphs]
    data = summarize(pd.concat(every))
    theory = data[["graph", "kind", "train_rows"]].assign(bit_accuracy=0.7, single=0.4, draws=1000)
    with style():
        axes = plot_generalization(data, complexity=sample_complexity(results), theory=theory)
        figure = axes[0, 0].figure
        (legend,) = figure.legends
        assert drawn_bbox(figure) is None  # it was made large enough: nothing reaches beyond it
        inside = figure.bbox.padded(0.5)
        assert inside.containsx(legend.get_window_extent().x0)
        assert inside.containsx(legend.get_window_extent().x1)
        assert inside.containsy(legend.get_window_extent().y0)
        title = legend.get_title().get_text()
        assert " ".join(title.split()).endswith("fits them (mean over 1,000 splits)")
        check_drawing(figure)
    heights = [ax.get_position().height * figure.get_figheight() for ax in axes.flat]
    assert min(heights) > 1.2  # inches: the caption took no room from the panels
    plt.close(figure)


def test_wrapped_lines_have_room_and_words_stay_whole() -> None:
    text = "one two three four five\nsix " + "long" * 40
    lines = wrapped(text, 60, 7).split("\n")
    assert " ".join(lines).split() == text.split()
    for line in lines:
        width = TextPath((0, 0), line, size=7).get_extents().width
        assert width <= 60 or " " not in line
    assert wrapped(text, 1e6, 7) == text
    assert wrapped("", 10, 7) == ""


def test_a_caption_made_by_hand_is_not_cut_either() -> None:
    figure = Figure(figsize=(2, 2))
    figure.add_subplot().plot([1, 2], [3, 4], label="a line")
    figure.legend(title="a very long caption that no figure of two inches can hold in a line")
    figure.text(1.2, -0.3, "far away")
    check_drawing(figure)


def test_several_graphs_on_one_axes_are_refused(results: pd.DataFrame, ax: Axes) -> None:
    with pytest.raises(ValueError, match="summary holds the graphs 6-2-2, 6-3-2-2"):
        plot_solved(summarize(results), ax=ax)


def test_an_empty_summary_is_refused(results: pd.DataFrame, ax: Axes) -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_solved(summarize(results).iloc[:0], ax=ax)


def test_ticks_stand_at_numbers_that_are_written(ax: Axes) -> None:
    label_rows([4, 6, 8, 12, 16, 24, 32, 40, 48, 52, 56], ax)
    ticks = {text.get_text(): index for index, text in zip(ax.get_xticks(), ax.get_xticklabels())}  # noqa: B905
    assert "" not in ticks
    assert all(float(name) == index for name, index in ticks.items())
    assert "56" in ticks


def test_accuracy_axes_start_at_0_and_hold_every_dot(results: pd.DataFrame, ax: Axes) -> None:
    one = results[results["graph"] == "6-2-2"].copy()
    one.loc[one.index[:5], "test_bit_accuracy"] = [0.0, 0.02, 0.2, 0.3, 1.0]
    plot_accuracy(summarize(one), ax=ax, runs=one)
    low, high = ax.get_ylim()
    assert low < 0 < 1 < high
