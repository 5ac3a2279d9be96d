"""Several graphs over the same inputs as one."""

from __future__ import annotations

import numpy as np
import pytest

import modnets as mn
from modnets.tasks import side_by_side


def test_the_table_is_that_of_all_graphs_side_by_side() -> None:
    graphs = mn.graphs(3, widths=(6, 3, 2, 2), gates=["XOR", "AND", "OR"])
    joined = side_by_side(graphs)
    assert joined.widths == (6, 9, 6, 6)
    assert str(joined) == f"{graphs[0]} and 2 more"
    tables = [graph.truth_table() for graph in graphs]
    assert np.array_equal(joined.truth_table(), np.concatenate(tables, axis=1))
    alone = side_by_side(graphs[:1], name="alone")
    assert np.array_equal(alone.truth_table(), tables[0])
    assert str(alone) == "alone"


def test_outputs_stay_with_their_slots() -> None:
    turned = mn.FunctionGraph(4, [["XOR 0 1", "AND 2 3"], ["OR 0 1", "XOR 0 1"]], outputs=(1, 0))
    joined = side_by_side([turned, turned])
    assert joined.outputs == (1, 0, 3, 2)


def test_graphs_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"graphs=\[\]; allowed is at least one"):
        side_by_side([])
    with pytest.raises(
        ValueError, match="6-2-2 has 6 inputs and 1 levels; allowed are 6 inputs and 2"
    ):
        side_by_side([mn.GRAPHS["6-3-2-2"], mn.GRAPHS["6-2-2"]])
    with pytest.raises(
        ValueError, match="6-2 has 6 inputs and 0 levels; allowed are 6 inputs and 1"
    ):
        side_by_side([mn.GRAPHS["6-2"]])
