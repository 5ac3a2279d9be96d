"""The figures of several tasks and of digit pairs: what is drawn, against the frames."""

from __future__ import annotations

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawings import check_drawing
from matplotlib.colors import to_hex

from modnets.analysis.statistics import summarize
from modnets.visuals.digit_pairs import SEEN, UNSEEN, plot_digit_pairs
from modnets.visuals.multi_task import plot_multi_task, plot_needed
from modnets.visuals.plots import plot_accuracy
from modnets.visuals.style import kind_style

RNG = np.random.default_rng(0)
KINDS = ("dense", "shared, known")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def runs_of(**axes: list) -> pd.DataFrame:
    """A row per run, at every point of some axes, with accuracies at random."""
    points = [dict(zip(axes, point, strict=True)) for point in itertools.product(*axes.values())]
    rows = [
        point | {"split_seed": split, "seed": seed, "epoch": 5, "run": f"{number} {split} {seed}"}
        for number, point in enumerate(points)
        for split in range(2)
        for seed in range(3)
    ]
    table = pd.DataFrame(rows)
    for name in (SEEN, UNSEEN, "test_bit_accuracy"):
        table[name] = RNG.random(len(table))
    return table.assign(solved=RNG.random(len(table)) > 0.5)


def lines_of(ax: plt.Axes, kind: str) -> np.ndarray:
    """The heights of a kind's line."""
    style = kind_style(kind)
    (line,) = [line for line in ax.lines if line.get_label() == style.label]
    assert to_hex(line.get_color()) == to_hex(style.color)
    return np.asarray(line.get_ydata(), float)


def means(table: pd.DataFrame, over: str, measure: str) -> np.ndarray:
    """The inter-quartile means of six runs a point: halves of the second and the fifth count."""
    rows = []
    for _, group in table.groupby(over):
        values = np.sort(group[measure])
        rows.append((values[1] / 2 + values[2] + values[3] + values[4] / 2) / 3)
    return np.array(rows)


def test_digit_pairs_are_drawn_over_images_and_over_pairs() -> None:
    axes = {"graph": ["digits"], "image_network": ["mlp", "cnn"], "kind": list(KINDS)}
    table = runs_of(**axes, samples=[5, 20], train_rows=[32, 51, 64])
    table.loc[table["train_rows"] == 64, UNSEEN] = np.nan
    by = ["graph", "image_network", "kind", "samples", "train_rows"]
    summaries = {m: summarize(table, by, measure=m).assign(floor=0.75) for m in (SEEN, UNSEEN)}
    drawn = plot_digit_pairs(summaries, samples=20, pairs=51, runs=table)
    assert drawn.shape == (2, 4)
    for row, network in zip(drawn, ("mlp", "cnn"), strict=True):
        for kind in KINDS:
            own = table[(table["image_network"] == network) & (table["kind"] == kind)]
            few, many = own[own["train_rows"] == 51], own[own["samples"] == 20]
            known = many[many["train_rows"] < 64]  # where all pairs are seen there are no others
            wanted = [(few, "samples", SEEN), (few, "samples", UNSEEN)]
            wanted += [(many, "train_rows", SEEN), (known, "train_rows", UNSEEN)]
            for ax, (part, over, measure) in zip(row, wanted, strict=True):
                np.testing.assert_allclose(lines_of(ax, kind), means(part, over, measure))
    assert "digits" in drawn[0, 0].figure.legends[0].get_title().get_text()
    check_drawing(drawn[0, 0].figure)
    with pytest.raises(ValueError, match="axes has 1 rows; there are 2 networks: mlp, cnn"):
        plot_digit_pairs(summaries, samples=20, pairs=51, axes=plt.subplots(1, 4)[1])


def test_accuracy_may_be_drawn_over_another_column() -> None:
    table = runs_of(kind=list(KINDS), samples=[3, 11])
    summary = summarize(table, ["kind", "samples"])
    ax = plot_accuracy(summary, x="samples", runs=table)
    assert ax.get_xlabel() == "training images of each pair of digits"
    np.testing.assert_allclose(lines_of(ax, "dense"), means(
        table[table["kind"] == "dense"], "samples", "test_bit_accuracy"))  # fmt: skip
    with pytest.raises(ValueError, match="several rows for the same kind and samples"):
        plot_accuracy(pd.concat([summary, summary]), x="samples")


NEEDED = pd.DataFrame(
    [
        {"graph": "two tasks", "kind": kind, "arrangement": arrangement, "share": 0.5}
        | {"rows": rows, "rows_low": rows - 1, "rows_high": rows + 2}
        | {"reached": np.isfinite(rows), "tried_most": 56}
        for kind, arrangement, rows in [
            ("dense", "apart", 38.0),
            ("dense", "different", np.inf),
            ("shared, known", "apart", 11.0),
            ("shared, known", "different", 6.0),
        ]
    ]
)


def test_rows_needed_stand_in_their_kinds_row_and_the_unreached_at_the_edge() -> None:
    ax = plot_needed(NEEDED)
    marks = [line for line in ax.lines if line.get_marker() not in ("None", None, "")]
    positions = {(float(m.get_xdata()[0]), round(float(m.get_ydata()[0]))) for m in marks}
    assert {(38.0, 0), (11.0, 1), (6.0, 1)} <= positions
    (edge,) = [m for m in marks if m.get_markerfacecolor() == "white"]
    assert edge.get_xdata()[0] > 56
    assert [label.get_text() for label in ax.get_yticklabels()] == list(KINDS)
    with pytest.raises(ValueError, match="needed holds the graphs two tasks, three tasks"):
        plot_needed(pd.concat([NEEDED, NEEDED.assign(graph="three tasks")]))


def test_several_tasks_have_a_column_for_each_set() -> None:
    kinds = [*KINDS, "shared, learned, every level"]
    axes = {"graph": ["three tasks", "two tasks"], "arrangement": ["apart", "different"]}
    table = runs_of(**axes, kind=kinds, train_rows=[4, 8])
    summary = summarize(table, ["graph", "arrangement", "kind", "train_rows"])
    needed = pd.concat([NEEDED, NEEDED.assign(graph="three tasks")])
    drawn = plot_multi_task(summary, needed, runs=table)
    assert [ax.get_title() for ax in drawn[0]] == ["two tasks", "three tasks"]
    one = table[(table["arrangement"] == "different") & (table["kind"] == "dense")]
    for column, graph in enumerate(("two tasks", "three tasks")):
        own = one[one["graph"] == graph]
        np.testing.assert_allclose(
            lines_of(drawn[0, column], "dense"), means(own, "train_rows", "test_bit_accuracy")
        )
        np.testing.assert_allclose(
            lines_of(drawn[1, column], "dense"), own.groupby("train_rows")["solved"].mean()
        )
    labels = [line.get_label() for line in drawn[0, 0].lines]
    assert not [label for label in labels if "every level" in str(label)]
    check_drawing(drawn[0, 0].figure)
