"""The figure of the gaps: areas and lines against the numbers that they stand for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawings import check_drawing
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from modnets.analysis.generalization_gaps import exact_answers, exact_curves, gaps, version_spaces
from modnets.analysis.statistics import majority_floor, summarize
from modnets.config.grid import grid
from modnets.visuals.generalization import plot_generalization
from modnets.visuals.plots import plot_accuracy, plot_solved
from modnets.visuals.style import kind_style
from modnets.visuals.theory import AREAS, LOWEST, plot_gap, plot_gaps

ROWS = (4, 8, 16)
GRAPHS = ("6-2-2", "6-3-2-2")
KINDS = ("dense", "modular, known", "shared, known")


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    table = pd.DataFrame([run.to_row() for run in runs()])
    rng = np.random.default_rng(5)
    table["test_bit_accuracy"] = rng.uniform(0.5, 1, len(table))
    return table.assign(epoch=1, solved=rng.random(len(table)) < 0.5)


def runs() -> list:
    kinds = {"model": ["dense", "modular", "shared"], "routing": "known"}
    return grid(graph=GRAPHS, **kinds, train_rows=ROWS, split_seed=range(2), seed=range(2))


@pytest.fixture(scope="module")
def answers() -> pd.DataFrame:
    return exact_answers(version_spaces(runs()))


@pytest.fixture(scope="module")
def curves() -> pd.DataFrame:
    return exact_curves(version_spaces(runs()), draws=20)


@pytest.fixture(scope="module")
def table(results: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    return gaps(results, answers, resamples=50)


@pytest.fixture
def ax() -> Axes:
    return Figure().add_subplot()


def of(table: pd.DataFrame, graph: str, kind: str) -> pd.DataFrame:
    return table[(table["graph"] == graph) & (table["kind"] == kind)]


def heights(ax: Axes, area: str, at: float) -> float:
    """How high an area is above a number of rows that was tried, over all of its pieces."""
    rows = [a for a in ax.collections if a.get_label() == f"_{area}"]
    spans = []
    for path in (path for collection in rows for path in collection.get_paths()):
        corners = path.vertices
        near = corners[np.isclose(corners[:, 0], at)]
        spans.append(np.ptp(near[:, 1]) if len(near) else 0)
    return max(spans, default=0)


@pytest.mark.parametrize("kind", KINDS)
def test_areas_are_the_parts_of_what_is_right_and_wrong(
    kind: str, table: pd.DataFrame, answers: pd.DataFrame, results: pd.DataFrame, ax: Axes
) -> None:
    plot_gap(of(table, "6-3-2-2", kind), ax=ax)
    trained = of(results, "6-3-2-2", kind).groupby("train_rows")["test_bit_accuracy"].mean()
    exact = of(answers, "6-3-2-2", kind).groupby("train_rows")["bit_accuracy"].mean()
    line = {line.get_label(): line for line in ax.lines}
    np.testing.assert_allclose(line["_trained"].get_xydata(), trained.reset_index())
    np.testing.assert_allclose(line["exact"].get_xydata(), exact.reset_index())
    assert line["_trained"].get_color() == kind_style(kind).color
    assert set(line["majority floor"].get_ydata()) == {majority_floor("6-3-2-2")}
    for rows in (ROWS[0], ROWS[-1]):  # at the ends, where the grid has a point
        done, said = trained[rows], exact[rows]
        assert heights(ax, "learned", rows) == pytest.approx(min(done, said) - LOWEST)
        assert heights(ax, "missed", rows) == pytest.approx(max(said - done, 0))
        assert heights(ax, "better", rows) == pytest.approx(max(done - said, 0))
        assert heights(ax, "unsaid", rows) == pytest.approx(1 - max(done, said))


def test_bars_are_the_interval_of_the_gap(table: pd.DataFrame, ax: Axes) -> None:
    gap = of(table, "6-3-2-2", "modular, known")
    plot_gap(gap, ax=ax)
    (bars,) = [c for c in ax.collections if c.get_label() == "_interval"]
    exact = 1 - gap["information_gap"]
    for (bottom, top), said, low, high in zip(
        bars.get_segments(),
        exact,
        gap["optimisation_gap_low"],
        gap["optimisation_gap_high"],
        strict=True,
    ):
        assert (bottom[1], top[1]) == pytest.approx((said - high, said - low))


def test_what_cannot_be_counted_says_so(table: pd.DataFrame, ax: Axes) -> None:
    gap = of(table, "6-2-2", "shared, known").copy()
    gap.loc[:, gap.columns.str.contains("_gap")] = np.nan
    plot_gap(gap, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["too many functions\nto count"]
    assert {c.get_label() for c in ax.collections} == {"_learned"}
    assert "exact" not in {line.get_label() for line in ax.lines}


def test_several_kinds_on_one_axes_are_refused(table: pd.DataFrame, ax: Axes) -> None:
    with pytest.raises(ValueError, match=r"kinds dense, .* on graphs 6-2-2; give one kind"):
        plot_gap(table[table["graph"] == "6-2-2"], ax=ax)


def test_exact_lines_lie_beside_those_of_trained_networks(
    results: pd.DataFrame, curves: pd.DataFrame, ax: Axes
) -> None:
    one = {"summary": results, "theory": curves}
    one = {name: frame[frame["graph"] == "6-3-2-2"] for name, frame in one.items()}
    summary = summarize(one["summary"], resamples=20)
    plot_accuracy(summary, ax=ax, theory=one["theory"])
    below = Figure().add_subplot()
    plot_solved(summary, ax=below, theory=one["theory"])
    for axes, measure in ((ax, "bit_accuracy"), (below, "single")):
        wanted = curves.set_index(["graph", "kind", "train_rows"])[measure]
        drawn = {line.get_label(): line for line in axes.lines}
        assert len(drawn["exact"].get_xdata()) == 0  # one entry of the legend for all
        for kind in KINDS:
            line = drawn[f"_exact {kind}"]
            np.testing.assert_allclose(line.get_ydata(), wanted["6-3-2-2", kind])
            np.testing.assert_allclose(line.get_xdata(), drawn[kind].get_xdata())
            assert line.get_color() == kind_style(kind).color
    with pytest.raises(ValueError, match="theory holds several rows for the same kind"):
        plot_solved(summary, theory=curves, ax=below)


def test_generalization_takes_the_theory_along(results: pd.DataFrame, curves: pd.DataFrame) -> None:
    axes = plot_generalization(results, theory=curves)
    wanted = curves.set_index(["graph", "kind", "train_rows"])
    for graph, (above, below) in zip(GRAPHS, axes.T, strict=True):
        for ax, measure in ((above, "bit_accuracy"), (below, "single")):
            (line,) = [line for line in ax.lines if line.get_label() == "_exact shared, known"]
            np.testing.assert_allclose(
                line.get_ydata(), wanted.loc[(graph, "shared, known"), measure]
            )
    (legend,) = axes[0, 0].figure.legends
    assert "exact" in [text.get_text() for text in legend.get_texts()]
    assert "picked at random" in legend.get_title().get_text()
    check_drawing(axes[0, 0].figure)
    plt.close(axes[0, 0].figure)


def test_the_figure_has_a_row_for_each_kind_and_one_for_what_is_solved(
    results: pd.DataFrame, curves: pd.DataFrame, table: pd.DataFrame
) -> None:
    summary = summarize(results, resamples=20)
    axes = plot_gaps(table, summary, curves)
    assert axes.shape == (len(KINDS) + 1, len(GRAPHS))
    assert [ax.get_title() for ax in axes[0]] == ["depth 1: 6-2-2", "depth 2: 6-3-2-2"]
    names = [ax.get_ylabel().replace("\n", " ") for ax in axes[:-1, 0]]
    assert names == list(KINDS)
    solved = results.groupby(["graph", "kind", "train_rows"])["solved"].mean()
    for graph, column in zip(GRAPHS, axes.T, strict=True):
        for kind, ax in zip(KINDS, column, strict=False):
            (line,) = [line for line in ax.lines if line.get_label() == "_trained"]
            assert list(line.get_ydata()) == list(of(table, graph, kind)["test_bit_accuracy"])
            (line,) = [line for line in column[-1].lines if line.get_label() == kind]
            np.testing.assert_allclose(line.get_ydata(), solved[graph, kind])
    (legend,) = axes[0, 0].figure.legends
    labels = [text.get_text() for text in legend.get_texts()]
    assert labels == [*AREAS.values(), *KINDS, "exact", "majority floor"]
    assert "mean of 4 runs a point" in legend.get_title().get_text()
    with pytest.raises(ValueError, match=r"axes has shape \(4, 2\); allowed is \(4, 1\)"):
        plot_gaps(table[table["graph"] == "6-2-2"], summary, curves, axes=axes)
    check_drawing(axes[0, 0].figure)
    plt.close(axes[0, 0].figure)
