"""Matched dense networks against a search through all widths."""

from __future__ import annotations

import pytest

from modnets.analysis.size_matching import matched_hidden
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.models.registry import build, n_weights

RUNS = grid(graph=["6-2-2", "6-3-2-2"], model=["modular", "shared"], routing=["known", "learned"])


@pytest.mark.parametrize("run", RUNS, ids=str)
@pytest.mark.parametrize("layers", [1, 3])
def test_no_width_comes_nearer(run: RunConfig, layers: int) -> None:
    result = matched_hidden(run, layers)
    assert len(result) == layers
    assert len(set(result)) == 1
    wanted = n_weights(build(run, 0))
    misses = {}
    for width in range(1, 60):
        inner = width * width * (layers - 1)
        weights = run.graph.n_inputs * width + inner + width * run.graph.n_outputs
        misses[width] = abs(weights - wanted)
    assert result[0] == min(misses, key=misses.get)  # the smaller of two
    dense = build(RunConfig(graph=run.graph, hidden=result), 0)
    assert abs(n_weights(dense) - wanted) == misses[result[0]]


def test_a_network_without_hidden_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="layers=0; allowed is at least 1"):
        matched_hidden(RUNS[0], 0)
