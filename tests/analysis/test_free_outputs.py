"""Tables with outputs that may be either: what is counted of them, and what cannot be."""

from __future__ import annotations

import numpy as np
import pytest

import modnets as mn
from modnets.visuals import run_views as views

TABLE = np.array(
    [[1, 0], [1, np.nan], [np.nan, 0], [np.nan, np.nan], [0, 1], [1, 1], [1, 1], [1, 1]]
)
GRAPH = mn.FunctionGraph.from_table(TABLE, name="free")


def test_the_floor_counts_the_bits_that_matter() -> None:
    """Of 6 bits of the first output 5 are 1, of 6 of the second 4."""
    assert mn.analysis.majority_floor(GRAPH) == pytest.approx(9 / 12)
    other = mn.FunctionGraph.from_table(np.eye(8)[:, :2])
    both = mn.TaskSet((GRAPH, other))
    assert mn.analysis.majority_floor(both) == pytest.approx((9 + 14) / (12 + 16))


def test_exact_theory_says_in_one_line_that_it_cannot() -> None:
    message = r"no exact theory of graph free, which has don't-cares; allowed are graphs without"
    with pytest.raises(ValueError, match=message):
        mn.analysis.modular_version_space(GRAPH, shared=False, routing="learned", slots=(2, 2))
    with pytest.raises(ValueError, match=message):
        mn.analysis.dense_version_space(GRAPH)
    runs = [mn.RunConfig(graph=g, train_rows=4) for g in (GRAPH, "6-2-2")]
    assert [str(space.graph) for space, _ in mn.analysis.version_spaces(runs)] == ["6-2-2"]


def test_digit_pairs_refuse_them() -> None:
    table = np.where(np.arange(64)[:, None] == 5, np.nan, 1.0)
    with pytest.raises(ValueError, match="has don't-cares; allowed for digit pairs are graphs wit"):
        mn.tasks.DigitPairs(graph=mn.FunctionGraph.from_table(table))


def test_what_slots_compute_is_read_on_every_row() -> None:
    """Also where the outputs are free: a gate is what a slot does, asked or not."""
    run = mn.RunConfig(graph=GRAPH, model="modular", slots=(2, 2), train_rows=5, epochs=3)
    trained = mn.train(run, progress=False)
    gates = mn.analysis.gates(trained.table)
    assert len(gates) == 4
    assert np.isnan(trained.table["recovered"].iloc[-1])  # the structure is not known


def test_a_structure_may_be_known_of_another_graph() -> None:
    knowledge = "6-2-2"
    table = mn.tasks.get_graph(knowledge).truth_table().astype(float)
    table[::3] = np.nan
    partial = mn.FunctionGraph.from_table(table)
    run = mn.RunConfig(
        graph=partial, knowledge=knowledge, model="shared", routing="known", epochs=2
    )
    assert run.final.train_rows == int(0.8 * 42)
    last = mn.train(run, progress=False).table.iloc[-1]
    bits = views.bits_of_prediction(last["predicted"], 64)
    cared = ~np.isnan(table)
    assert last["bit_accuracy"] == pytest.approx((bits == table)[cared].mean())
