"""The markers of accuracy by kind are the numbers of the table."""

from __future__ import annotations

import pandas as pd
import pytest

from modnets.visuals.data_sets import plot_by_kind

MEASURE = "test_bit_accuracy"
SUMMARY = pd.DataFrame(
    {
        "kind": ["dense", "shared, learned", "decision tree"],
        MEASURE: [0.97, 0.81, 0.6],
        f"{MEASURE}_low": [0.95, 0.7, 0.6],
        f"{MEASURE}_high": [0.98, 0.93, 0.6],
        "floor": 0.53,
    }
)


def test_each_kind_has_a_marker_with_its_interval() -> None:
    kinds = ["decision tree", "dense", "sparse", "shared, learned"]
    ax = plot_by_kind(SUMMARY, kinds=kinds)
    lines = [line.get_xydata().tolist() for line in ax.lines]
    for row in SUMMARY.to_dict("records"):
        y = kinds.index(row["kind"])
        assert [[row[MEASURE], y]] in lines
        assert [[row[f"{MEASURE}_low"], y], [row[f"{MEASURE}_high"], y]] in lines
    assert [label.get_text() for label in ax.get_yticklabels()] == kinds
    assert ax.get_ylim() == (3.5, -0.5)  # the first at the top
    assert [0.53, 0.53] in [list(line.get_xdata()) for line in ax.lines]


def test_several_rows_of_a_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="several rows for the same kind"):
        plot_by_kind(pd.concat([SUMMARY, SUMMARY]))
    with pytest.raises(ValueError, match="missing columns"):
        plot_by_kind(SUMMARY.drop(columns="kind"))
