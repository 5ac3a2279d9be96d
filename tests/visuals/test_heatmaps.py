"""Heat maps: colours, numbers and marks against the frame they were drawn from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawings import check_drawing
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from modnets.visuals.heatmaps import ACCURACIES, FRAMES, draw_scale, plot_heatmap, plot_heatmaps
from modnets.visuals.legends import draw_legend

RATES = (0.3, 0.01, 0.1)  # not sorted
SLOTS = ("known", "3-2", "12-8", "5-4", "6-4")


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = [{"slots": s, "rate": r, "solved": rng.random()} for s in SLOTS for r in RATES]
    return pd.DataFrame(rows)


@pytest.fixture
def ax() -> Axes:
    return Figure().add_subplot()


def cells(ax: Axes) -> np.ndarray:
    """What is drawn, shape (row, column), NaN where a cell is blank."""
    return np.ma.filled(ax.collections[0].get_array(), np.nan)


def labels(axis: object) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def frames(ax: Axes) -> dict[tuple[str, str], tuple[int, int]]:
    """(mark, colour) -> column and row of its cell."""
    return {
        (p.get_label(), to_hex(p.get_edgecolor())): (int(p.get_x()), int(p.get_y()))
        for p in ax.patches
    }


def test_each_cell_has_its_colour_and_its_number(frame: pd.DataFrame, ax: Axes) -> None:
    shuffled = frame.sort_values("solved")  # rows come in another order than they are drawn
    plot_heatmap(shuffled, "rate", "slots", "solved", ax=ax)
    assert labels(ax.xaxis) == ["0.01", "0.1", "0.3"]
    assert labels(ax.yaxis) == list(shuffled["slots"].unique())
    value = frame.set_index(["slots", "rate"])["solved"]
    wanted = [[value[s, r] for r in sorted(RATES)] for s in shuffled["slots"].unique()]
    np.testing.assert_allclose(cells(ax), wanted)
    written = {text.get_position(): text.get_text() for text in ax.texts}
    for (i, j), share in np.ndenumerate(wanted):
        assert written[j + 0.5, i + 0.5] == f"{100 * share:.0f}"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rate", "slots")


def test_what_is_missing_stays_blank(frame: pd.DataFrame, ax: Axes) -> None:
    frame.loc[4, "solved"] = np.nan  # the row of 3-2, 0.01
    plot_heatmap(frame.drop(index=0), "rate", "slots", "solved", ax=ax)  # that of known, 0.3
    order = list(SLOTS)  # as they come
    blank = {(0, 2), (order.index("3-2"), 0)}
    assert {tuple(index) for index in np.argwhere(np.isnan(cells(ax)))} == blank
    assert len(ax.texts) == len(frame) - 2


def test_other_values_are_written_as_they_are(frame: pd.DataFrame, ax: Axes) -> None:
    epochs = frame.assign(epochs=1234.5)
    plot_heatmap(epochs, "rate", "slots", "epochs", ax=ax, limits=(0, 2000), percent=False)
    assert {text.get_text() for text in ax.texts} == {"1.23e+03"}
    assert ax.collections[0].get_clim() == (0, 2000)


def test_a_number_can_be_read_on_its_colour(frame: pd.DataFrame, ax: Axes) -> None:
    frame["solved"] = [0.0, 1.0, 0.5] * len(SLOTS)
    plot_heatmap(frame, "rate", "slots", "solved", ax=ax)
    colors = {text.get_text(): text.get_color() for text in ax.texts}
    assert colors["100"] == "white" != colors["0"]


def test_marks_frame_their_cells(frame: pd.DataFrame, ax: Axes) -> None:
    marks = pd.DataFrame(
        {"rate": [0.1, 0.3, 7.0], "slots": ["5-4", "known", "5-4"], "mark": ["b", "a", "a"]}
    )
    plot_heatmap(frame, "rate", "slots", "solved", ax=ax, marks=marks)
    a, b = (to_hex(color) for color, _ in FRAMES[:2])
    assert frames(ax) == {("a", a): (2, 0), ("b", b): (1, 3)}  # that of rate 7 is not there


def test_a_row_and_a_column_of_heat_maps(frame: pd.DataFrame) -> None:
    positions = [(kind, noise) for kind in ("shared", "modular") for noise in (0.1, 0.0, 0.2)]
    every = [
        frame.assign(kind=kind, noise=f"noise {noise}", solved=frame["solved"] * (number + 1) / 6)
        for number, (kind, noise) in enumerate(positions)
    ]
    where = {"kind": ["shared", "modular"], "noise": ["noise 0.2", "noise 0.2"]}
    cell = pd.DataFrame({**where, "rate": 0.1, "slots": "6-4"})
    marks = pd.concat([cell.assign(mark="z"), cell.iloc[1:].assign(mark="a", rate=0.3)])
    notes = pd.DataFrame({"kind": ["modular"], "noise": ["noise 0.0"], "note": ["a line"]})
    axes = plot_heatmaps(
        pd.concat(every),
        *("rate", "slots", "solved"),
        row="kind",
        column="noise",
        marks=marks,
        notes=notes,
    )
    assert axes.shape == (2, 3)
    for number, ax in enumerate(axes.flat):
        wanted = every[number].set_index(["slots", "rate"])["solved"]
        wanted = [[wanted[s, r] for r in sorted(RATES)] for s in SLOTS]
        np.testing.assert_allclose(cells(ax), wanted)
    titles = [ax.get_title() for ax in axes.flat]
    assert titles == ["noise 0.1", "noise 0.0", "noise 0.2", "", "a line", ""]
    assert [ax.get_ylabel() for ax in axes[:, 0]] == ["shared\nslots", "modular\nslots"]
    # A mark has one colour in all of them, and stands in the legend once.
    first, second = (to_hex(color) for color, _ in FRAMES[:2])
    assert frames(axes[0, 2]) == {("z", first): (1, 4)}
    assert frames(axes[1, 2]) == {("z", first): (1, 4), ("a", second): (2, 4)}
    assert [text.get_text() for text in draw_legend(axes).get_texts()] == ["z", "a"]
    scale = axes[0, 0].figure.axes[-1]
    assert scale.get_ylabel() == "solved"
    check_drawing(axes[0, 0].figure)
    plt.close(axes[0, 0].figure)


def test_the_scale_has_the_limits_of_the_colours(frame: pd.DataFrame) -> None:
    figure, axes = plt.subplots(1, 2)
    for ax in axes:
        plot_heatmap(frame, "rate", "slots", "solved", ax=ax, limits=(0.5, 1.0))
    scale = draw_scale(axes, "bit accuracy")
    assert scale.ax.get_ylim() == (0.5, 1.0)
    figure.canvas.draw()
    assert "70%" in labels(scale.ax.yaxis)
    plt.close(figure)


def test_every_colouring_has_a_scale(frame: pd.DataFrame) -> None:
    figure, axes = plt.subplots(1, 3, layout="constrained")
    plot_heatmap(frame, "rate", "slots", "solved", ax=axes[0])
    plot_heatmap(frame, "rate", "slots", "solved", ax=axes[1])
    plot_heatmap(frame, "rate", "slots", "solved", ax=axes[2], cmap=ACCURACIES, limits=(0.0, 0.5))
    draw_scale(axes, "runs")
    scales = figure.axes[3:]
    assert [scale.get_ylabel() for scale in scales] == ["runs", "accuracy"]
    assert [scale.get_ylim() for scale in scales] == [(0.0, 1.0), (0.0, 0.5)]
    figure.draw_without_rendering()
    first, second = (scale.get_window_extent() for scale in scales)
    assert not first.overlaps(second)
    plt.close(figure)


def test_refusals_are_one_line(frame: pd.DataFrame, ax: Axes) -> None:
    with pytest.raises(ValueError, match=r"missing columns \['temperature'\]"):
        plot_heatmap(frame, "temperature", "slots", "solved", ax=ax)
    with pytest.raises(ValueError, match="frame is empty"):
        plot_heatmap(frame.iloc[:0], "rate", "slots", "solved", ax=ax)
    with pytest.raises(ValueError, match="several rows for the same rate and slots"):
        plot_heatmap(pd.concat([frame, frame]), "rate", "slots", "solved", ax=ax)
    every = pd.concat([frame.assign(kind=kind, noise=0.0) for kind in "ab"])
    named = {"row": "kind", "column": "noise", "axes": np.array([[ax]])}
    with pytest.raises(ValueError, match=r"axes has shape \(1, 1\); allowed is \(2, 1\)"):
        plot_heatmaps(every, "rate", "slots", "solved", **named)
