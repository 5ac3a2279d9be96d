"""The ladder: every kind has a rung, every number drawn is one of the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from drawings import check_drawing
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from modnets.analysis.knowledge import knowledge_savings
from modnets.analysis.rows_needed import sample_complexity
from modnets.analysis.statistics import majority_floor, paired_difference, summarize
from modnets.visuals.knowledge import plot_knowledge_savings
from modnets.visuals.ladder import plot_control, plot_ladder, plot_rungs
from modnets.visuals.style import kind_style

ROWS = (4, 8, 16, 32)
#: Of six runs, how many solve the table at each number of rows.
SOLVED = {
    "dense": (0, 0, 1, 6),
    "sparse 75 %": (0, 0, 0, 2),
    "modular, learned": (0, 0, 0, 1),
    "modular, known outputs": (0, 0, 0, 1),
    "modular, known routing": (0, 2, 3, 4),
    "modular, known": (0, 1, 6, 6),
    "shared, known": (6, 6, 6, 6),
}


def results(graphs: tuple[str, ...], solved: dict[str, tuple[int, ...]] = SOLVED) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = []
    for graph in graphs:
        for kind, hits in solved.items():
            for n, number in zip(ROWS, hits, strict=True):
                for run in range(6):
                    row = {"graph": graph, "kind": kind, "train_rows": n, "epoch": 1}
                    row |= {"split_seed": run // 2, "seed": run % 2}
                    row |= {"run": f"{graph} {kind} {n} {run}", "solved": run < number}
                    rows.append(row | {"test_bit_accuracy": rng.uniform(0.4, 0.6)})
    return pd.DataFrame(rows)


@pytest.fixture
def ax() -> Axes:
    return Figure().add_subplot()


def labels(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def marks(ax: Axes) -> dict[float, tuple[float, str, str]]:
    """Place of the rung -> where its mark stands, its shape, its colour."""
    single = [line for line in ax.lines if len(line.get_xdata()) == 1]
    return {
        line.get_ydata()[0]: (line.get_xdata()[0], line.get_marker(), line.get_color())
        for line in single
    }


def test_rungs_are_the_rows_needed_and_arrows_where_they_are_not_reached(ax: Axes) -> None:
    runs = results(("6-3-2-2",))
    needed = sample_complexity(runs, resamples=50)
    plot_rungs(needed, summarize(runs, resamples=50), ax=ax)
    rungs = ["dense", "sparse 75 %", None, "modular, learned", "modular, known outputs"]
    rungs += ["modular, known routing", "modular, known", None, "shared, known"]
    assert labels(ax) == [
        *("dense", "sparse 75 %"),
        *("own modules, known:", "nothing", "outputs", "routing", "everything"),
        *("shared modules, known:", "everything"),
    ]
    drawn = marks(ax)
    assert set(drawn) == {index for index, kind in enumerate(rungs) if kind}
    edge = ax.get_xlim()[1]
    for row in needed.itertuples():
        x, marker, color = drawn[rungs.index(row.kind)]
        assert color == kind_style(row.kind).color
        assert x == (row.rows if row.reached else edge)
        assert marker == ("<" if row.at_most else "o" if row.reached else ">")
    texts = [text.get_text() for text in ax.texts]
    assert texts.count("33 %") == 1  # what is not reached says how many get there
    assert texts.count("17 %") == 2
    assert "?" not in texts
    dense = needed.set_index("kind").loc["dense", "rows"]
    assert f"≤−{32 - dense:.0f}" in texts
    assert f"≥{dense - 4:.0f}" in texts


def test_an_interval_is_drawn_up_to_the_edge(ax: Axes) -> None:
    runs = results(("6-3-2-2",), {"dense": (0, 2, 3, 4)})
    needed = sample_complexity(runs, resamples=200)
    assert np.isinf(needed["rows_high"].item())
    plot_rungs(needed, summarize(runs, resamples=50), ax=ax)
    (low, y), (high, _) = ax.collections[0].get_segments()[0]
    assert (low, y, high) == (needed["rows_low"].item(), 0, ax.get_xlim()[1])


def test_the_control_is_drawn_against_its_reference_and_the_floor(ax: Axes) -> None:
    runs = results(("6-2",))
    control = summarize(runs, by=["graph", "kind"], pooled=["train_rows"], resamples=50)
    difference = paired_difference(runs, by=["graph", "kind"], resamples=50)
    plot_control(control, difference, ax=ax)
    mean = runs.groupby("kind")["test_bit_accuracy"].mean()
    positions = {kind: labels(ax).index(kind) for kind in ("dense", "sparse 75 %")}
    drawn = marks(ax)
    assert drawn[positions["dense"]][0] == 0
    points = 100 * (mean["sparse 75 %"] - mean["dense"])
    assert drawn[positions["sparse 75 %"]][0] == pytest.approx(points)
    (floor,) = [line for line in ax.lines if line.get_label() == "majority floor"]
    assert floor.get_xdata()[0] == pytest.approx(100 * (majority_floor("6-2") - mean["dense"]))
    texts = [text.get_text() for text in ax.texts]
    assert f"{100 * mean['dense']:.0f} %" in texts
    assert len(texts) == len(SOLVED) + 1


def test_a_rung_without_a_control_stays_empty(ax: Axes) -> None:
    runs = results(("6-2",), {kind: SOLVED[kind] for kind in ("dense", "shared, known")})
    control = summarize(runs, by=["graph", "kind"], pooled=["train_rows"], resamples=50)
    difference = paired_difference(runs, by=["graph", "kind"], resamples=50)
    plot_control(control, difference, kinds=list(SOLVED), ax=ax)
    below = Figure().add_subplot()
    plot_rungs(
        *(t(results(("6-2-2",)), resamples=50) for t in (sample_complexity, summarize)), ax=below
    )
    assert labels(ax) == labels(below)
    assert set(marks(ax)) == {labels(ax).index("dense"), len(labels(ax)) - 1}
    assert len(ax.texts) == 2 + 1


def test_a_piece_has_a_mark_for_each_network_that_it_can_be_told_for(ax: Axes) -> None:
    table = knowledge_savings(results(("6-3-2-2",)), resamples=50)
    plot_knowledge_savings(table, ax=ax)
    shown = table[~table["piece"].str.startswith("sparsity")]
    assert labels(ax) == list(dict.fromkeys(shown["piece"]))
    known = shown[shown["saved_is"] != "unknown"]
    assert len(known) < len(shown)
    single = [line for line in ax.lines if len(line.get_xdata()) == 1]
    assert [line.get_xdata()[0] for line in single] == pytest.approx(list(known["saved"]))
    shapes = {"exact": "o", "at least": ">", "at most": "<"}
    assert [line.get_marker() for line in single] == [shapes[word] for word in known["saved_is"]]
    for line, piece in zip(single, known["piece"], strict=True):
        assert round(float(line.get_ydata()[0])) == labels(ax).index(piece)
    counts = [text.get_text() for text in ax.texts]
    assert counts[labels(ax).index("outputs")] == "1 of 2"


def test_nothing_to_be_told_still_draws(ax: Axes) -> None:
    never = dict.fromkeys(("dense", "modular, learned"), (0, 0, 0, 0))
    plot_knowledge_savings(knowledge_savings(results(("6-3-2-2",), never), resamples=10), ax=ax)
    assert labels(ax) == ["modules"]
    assert not [line for line in ax.lines if len(line.get_xdata()) == 1]


def test_the_figure_has_a_column_for_each_graph_and_one_for_the_control() -> None:
    graphs = ("6-2-2", "6-3-2-2")
    runs, without = results(graphs), results(("6-2",))
    tables = (
        sample_complexity(runs, resamples=20),
        summarize(runs, resamples=20),
        knowledge_savings(runs, resamples=20),
        summarize(without, by=["graph", "kind"], pooled=["train_rows"], resamples=20),
        paired_difference(without, by=["graph", "kind"], resamples=20),
    )
    axes = plot_ladder(*tables)
    titles = [ax.get_title() for ax in axes[0]]
    assert titles == ["depth 1: 6-2-2", "depth 2: 6-3-2-2", "control: 6-2"]
    assert axes[1, 0].get_xlim() == axes[1, 1].get_xlim()
    caption = axes[1, -1].texts[0].get_text()
    assert "6 runs a point (24 in the control)" in caption
    assert "50 % of the runs" in caption
    assert "32 rows do not" in caption
    with pytest.raises(ValueError, match=r"axes has shape \(2, 3\); allowed is \(2, 2\)"):
        plot_ladder(*(t[t["graph"] != "6-2-2"] for t in tables[:3]), *tables[3:], axes=axes)
    check_drawing(axes[0, 0].figure)
    plt.close(axes[0, 0].figure)
