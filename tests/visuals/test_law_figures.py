"""Figures of studies over graphs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import modnets as mn
from modnets.analysis.law_of_rows import RowsLaw

KINDS = ("dense", "shared, known", "shared, learned")


@pytest.fixture(scope="module")
def law_and_properties() -> tuple[RowsLaw, pd.DataFrame]:
    rng = np.random.default_rng(0)
    names = [f"g{n}" for n in range(12)]
    properties = pd.DataFrame({"graph": names, "depth": np.arange(12) % 3 + 1})
    runs = [
        (name, kind, rows, 4 * graph + split, bool(rng.random() < np.exp2(-9 / rows * (place + 1))))
        for graph, name in enumerate(names)
        for place, kind in enumerate(KINDS)
        for rows in (8, 16, 32)
        for split in range(4)
    ]
    table = pd.DataFrame(runs, columns=["graph", "kind", "train_rows", "split_seed", "solved"])
    table = table.assign(seed=table["split_seed"], run=range(len(table)), epoch=1)
    return mn.analysis.rows_law(table, properties, ["depth"], resamples=3), properties


def test_every_graph_is_a_dot(law_and_properties: tuple[RowsLaw, pd.DataFrame]) -> None:
    law, properties = law_and_properties
    axes = mn.plot.rows_law(law, properties, {"depth": "depth"}, most=40)
    dots = [len(points.get_offsets()) for points in axes[0].collections]
    assert dots == [12, 12, 12]
    assert max(points.get_offsets()[:, 0].max() for points in axes[0].collections) <= 40
    assert axes[1].get_xlabel() == "depth"
    assert [tick.get_text() for tick in axes[1].get_xticklabels()] == ["1", "2", "3"]


def test_means_are_geometric(law_and_properties: tuple[RowsLaw, pd.DataFrame]) -> None:
    law, properties = law_and_properties
    ax = mn.plot.saved(law, properties, "depth", kinds=["shared, known"])
    table = law.graphs.pivot_table("rows_50", "graph", "kind")
    ratio = np.log2(table["dense"] / table["shared, known"])
    depth = properties.set_index("graph")["depth"].reindex(table.index)
    line = next(one for one in ax.get_lines() if one.get_label() == "shared, known")
    assert np.log2(line.get_ydata()) == pytest.approx(ratio.groupby(depth).mean().to_numpy())


def test_bad_input_is_one_line(law_and_properties: tuple[RowsLaw, pd.DataFrame]) -> None:
    law, properties = law_and_properties
    with pytest.raises(ValueError, match="panels is empty"):
        mn.plot.rows_law(law, properties, {})
    with pytest.raises(ValueError, match="did you mean 'dense'"):
        mn.plot.rows_law(law, properties, {"depth": "depth"}, kinds=["dens"])
    with pytest.raises(ValueError, match="missing columns"):
        mn.plot.saved(law, properties, "leap")


def test_wrong_knowledge_has_a_row_for_each_number_of_rows() -> None:
    rows = [
        (what, wrong, kind, n, 0.9 - 0.1 * wrong)
        for what, kind in (("edges", "shared, known"), ("nothing", "dense"))
        for wrong in ((0,) if what == "nothing" else (0, 1, 2))
        for n in (24, 48)
    ]
    table = pd.DataFrame(rows, columns=["what", "wrong", "kind", "train_rows", "test_bit_accuracy"])
    for end in ("low", "high"):
        table[f"test_bit_accuracy_{end}"] = table["test_bit_accuracy"]
    axes = mn.plot.wrong_knowledge(table, {"edges": "sources wrong"})
    assert axes.shape == (2, 1)
    assert axes[1, 0].get_xlabel() == "sources wrong"
    line = next(one for one in axes[0, 0].get_lines() if one.get_label() == "shared, known")
    assert line.get_ydata().tolist() == pytest.approx([0.9, 0.8, 0.7])
    with pytest.raises(ValueError, match="panels is empty"):
        mn.plot.wrong_knowledge(table, {})
