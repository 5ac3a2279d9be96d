"""Pruning keeps what the training rows need, and units are grouped by what they lead to."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from modnets.config.run_config import RunConfig
from modnets.discovery.connectivity import best_groups, cosines, grouped, modularity
from modnets.discovery.proposals import seeds_of, trained
from modnets.discovery.pruning import PrunedNetwork, pruned
from modnets.models.monolithic import MLP
from modnets.training.initialization import training_rows


def two_networks() -> tuple[list[MLP], list[tuple[np.ndarray, np.ndarray]]]:
    run = RunConfig(graph="6-2-2", hidden=(16, 12), train_rows=48, epochs=300, eval_every=300)
    seeds = seeds_of(run, 2)
    networks = trained(seeds)
    given = training_rows(run.final)
    return [networks[one.key] for one in seeds], [(given.x, given.y)] * 2


@pytest.fixture(scope="module")
def done() -> tuple[list[MLP], list[tuple[np.ndarray, np.ndarray]], list[PrunedNetwork]]:
    networks, rows = two_networks()
    return networks, rows, pruned(networks, rows)


def test_accuracy_is_kept_and_little_is_left(done: tuple) -> None:
    networks, rows, left = done
    for network, (x, y), one in zip(networks, rows, left, strict=True):
        before = ((network(torch.tensor(x).float()) > 0).numpy() == y).mean()
        after = ((one.layers(x)[-1] > 0) == y).mean()
        assert after >= before - 1e-9
        assert after == pytest.approx(one.accuracy)
        assert one.n_units <= 14 < 28
        assert one.n_edges < 0.25 * sum(layer.weight.numel() for layer in network.layers)
        assert one.flops > 0


def test_every_unit_left_reads_and_is_read(done: tuple) -> None:
    networks, _, left = done
    for network, one in zip(networks, left, strict=True):
        for number, units in enumerate(one.units):
            assert len(set(units.tolist())) == len(units)
            assert max(units, default=0) < network.widths[number + 1]
            assert one.weights[number].any(axis=1).all()
            assert one.weights[number + 1].any(axis=0).all()


def test_a_pruned_network_computes_as_a_literal_one(done: tuple) -> None:
    _, rows, (one, _) = done
    below = rows[0][0][5].astype(float)
    for number, (weight, bias) in enumerate(zip(one.weights, one.biases, strict=True)):
        below = np.array([w @ below + b for w, b in zip(weight, bias, strict=True)])
        if number < len(one.units):
            below = np.where(below > 0, below, 0.0)
    assert one.layers(rows[0][0])[-1][5] == pytest.approx(below)


def test_what_was_masked_before_stays_away() -> None:
    torch.manual_seed(0)
    network = MLP((4, 8, 2), pruning_ratio=50.0)
    rng = np.random.default_rng(0)
    (one,) = pruned([network], [(rng.integers(0, 2, (12, 4)), rng.integers(0, 2, (12, 2)))])
    masked = [network.get_buffer(f"weight_mask_{number}").numpy() == 0 for number in (0, 1)]
    (units,) = one.units
    assert not one.weights[0][masked[0][units]].any()
    assert not one.weights[1][masked[1][:, units]].any()


def test_units_that_lead_to_the_same_are_one_group() -> None:
    outgoing = np.array([[1.0, 0, 0, 2], [2, 0, 0, -4], [0, 3, 0, 0], [0, -1, 0, 0], [0, 0, 2, 0]])
    found = grouped(outgoing, np.random.default_rng(0))
    assert sorted(found.sets()) == [(0, 1), (2, 3), (4,)]
    assert found.modularity > 0


def test_modularity_is_newmans() -> None:
    rng = np.random.default_rng(1)
    outgoing = rng.normal(size=(5, 4))
    similarity, groups = cosines(outgoing), np.array([0, 0, 1, 1, 1])
    weights = similarity.copy()
    np.fill_diagonal(weights, 0)
    total, by_hand = weights.sum(), 0.0
    for a in range(5):
        for b in range(5):
            if groups[a] == groups[b]:
                by_hand += weights[a, b] - weights[a].sum() * weights[b].sum() / total
    assert modularity(similarity[None], groups[None])[0] == pytest.approx(by_hand / total)


def test_shuffled_connections_are_seldom_more_modular_than_their_null() -> None:
    rng, above = np.random.default_rng(2), 0
    for _ in range(40):
        above += grouped(rng.exponential(size=(6, 5)), rng).found
    assert above <= 8  # 2 expected


def test_the_best_cut_is_that_of_each_graph_alone() -> None:
    rng = np.random.default_rng(3)
    many = cosines(rng.normal(size=(4, 6, 5)))
    groups, reached = best_groups(many)
    for number, one in enumerate(many):
        alone, value = best_groups(one[None])
        assert (alone[0] == groups[number]).all()
        assert value[0] == reached[number]
        assert modularity(one[None], alone)[0] == pytest.approx(value[0])
