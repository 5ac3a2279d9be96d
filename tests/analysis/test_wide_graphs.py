"""What needs a whole table says so in one line for graphs that have none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from modnets.analysis.statistics import majority_floor
from modnets.analysis.version_space.dense import dense_version_space
from modnets.analysis.version_space.modular import modular_version_space
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.random_graphs import random_graph


@pytest.mark.parametrize("n_inputs", [40, 100])
@pytest.mark.parametrize(
    "needs_table",
    [FunctionGraph.truth_table, majority_floor, dense_version_space, modular_version_space],
)
def test_one_line_without_a_table(
    needs_table: Callable[[FunctionGraph], object], n_inputs: int
) -> None:
    graph = random_graph((n_inputs, 20, 10, 2))
    with pytest.raises(ValueError, match=r"inputs") as caught:
        needs_table(graph)
    assert "\n" not in str(caught.value)
