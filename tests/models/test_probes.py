"""Linear probes against a literal loop over the rows left out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modnets.config.run_config import RunConfig
from modnets.models.probes import (
    RIDGE,
    hidden_units,
    probed_rows,
    readable,
    readable_by_layer,
    sub_functions,
)
from modnets.models.registry import build
from modnets.tasks.named_graphs import GRAPHS
from modnets.tasks.random_graphs import random_graph


def literally(units: np.ndarray, target: np.ndarray) -> float:
    """Ridge regressions fitted without each row in turn, on centred units."""
    units = units - units.mean(axis=0)
    ridge = RIDGE * np.trace(units.T @ units) / units.shape[1] * np.eye(units.shape[1])
    right = []
    for row in range(len(units)):
        keep = np.arange(len(units)) != row
        x, y = units[keep], target[keep] - target.mean()
        weights = np.linalg.solve(x.T @ x + ridge, x.T @ y)
        right.append((units[row] @ weights + target.mean() > 0.5) == target[row])
    right = np.array(right)
    return (right[target == 1].mean() + right[target == 0].mean()) / 2


def test_left_out_rows_literally() -> None:
    rng = np.random.default_rng(0)
    units, targets = rng.normal(size=(3, 23, 5)), rng.integers(0, 2, size=(2, 23))
    accuracy = readable(units, targets)
    for run in range(3):
        for number in range(2):
            assert accuracy[run, number] == pytest.approx(literally(units[run], targets[number]))


def test_what_stands_there_is_read_and_chance_is_a_half() -> None:
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 2, size=(1, 64))
    units = np.concatenate([rng.normal(size=(1, 64, 6)), targets[:, :, None] * 2.0], axis=2)
    assert readable(units, targets) == pytest.approx(1.0)
    blind = rng.normal(size=(200, 64, 36))
    assert readable(blind, targets).mean() == pytest.approx(0.5, abs=0.02)
    assert readable(np.ones((1, 64, 3)), targets) == pytest.approx(0.5)  # no information


@pytest.mark.parametrize("model", ["dense", "sparse"])
def test_units_are_those_of_the_network(model: str) -> None:
    run = RunConfig(model=model, hidden=(7, 5)).final
    network = build(run, 3)
    values = {n: p.detach()[None] for n, p in network.named_parameters()}
    values |= {n: b[None] for n, b in network.named_buffers()}
    x = run.graph.rows()
    units = hidden_units(network, values, x)
    assert [layer.shape for layer in units] == [(1, 64, 7), (1, 64, 5)]
    weight, bias = network.weights(2)
    with torch.no_grad():
        logits = torch.from_numpy(units[-1][0]) @ weight.T + bias
        wanted = network(torch.from_numpy(x.astype(np.float32)))
    torch.testing.assert_close(logits, wanted)
    assert readable_by_layer(network, values, run.graph, x).shape == (1, 2, 5)


def test_sub_functions_of_a_graph() -> None:
    graph = GRAPHS["6-3-2-2"]
    x = graph.rows().astype(int)
    a, b, c = x[:, 0] ^ x[:, 1], x[:, 2] ^ x[:, 3], x[:, 4] ^ x[:, 5]
    assert sub_functions(graph, graph.rows()).tolist() == np.array([a, b, c, a & b, b & c]).tolist()


def test_large_tables_are_probed_on_a_fixed_sample_of_their_rows() -> None:
    assert probed_rows(512, 36).tolist() == list(range(512))
    rows = probed_rows(4096, 36)
    assert len(rows) == len(set(rows.tolist())) == 512
    assert rows.tolist() == sorted(rows.tolist()) == probed_rows(4096, 5).tolist()
    assert abs(rows.mean() - 2047.5) < 200  # from all of the table
    assert len(probed_rows(4096, 100)) == 800  # more for wide layers
    graph = random_graph((10, 3, 2), seed=1)
    run = RunConfig(graph=graph, model="dense", hidden=(7,), train_rows=9).final
    network = build(run, 3)
    values = {n: p.detach()[None] for n, p in network.named_parameters()}
    x = graph.rows()
    some = x[probed_rows(1024, 7)]
    (units,) = hidden_units(network, values, some)
    found = readable_by_layer(network, values, graph, x)[0, 0]
    for number, target in enumerate(sub_functions(graph, some)):
        assert found[number] == pytest.approx(literally(units[0], target))
