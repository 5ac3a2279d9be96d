"""Signals between modules: several channels, and bits; against literal networks and by hand."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from by_hand import Wiring
from literals import Literal, assert_gradients, gradients

import modnets as mn
from modnets.models.gate_fits import fit_gates, fit_gates_of_runs
from modnets.models.modular import ModularNetwork
from modnets.models.registry import build, n_weights
from modnets.models.structures import parameters_of, structures
from modnets.training.initialization import initial_network, searched
from modnets.visuals.diagrams.network import draw

SIGNALS = [(1, True), (2, False), (3, False), (3, True)]
SETTINGS: dict[str, dict[str, Any]] = {
    "modular": {"model": "modular"},
    "shared": {"model": "shared"},
    "known": {"model": "shared", "routing": "known"},
    "own, known": {"model": "modular", "routing": "known", "outputs": "learned"},
    "every level": {"model": "shared", "slots": (4, 3, 2), "output_levels": "every"},
    "tasks": {"model": "shared", "graph": "two tasks"},
    "images": {"model": "shared", "graph": mn.tasks.DigitPairs(), "image_hidden": (2,)},
}


def network_of(name: str, size: int, is_binary: bool) -> ModularNetwork:
    settings = SETTINGS[name] | {"signal_size": size, "signals": "binary" if is_binary else "real"}
    network = build(mn.RunConfig(module_hidden=(3,), **settings), seed=3).double()
    assert isinstance(network, ModularNetwork)
    return network


def rows_for(network: ModularNetwork, count: int) -> torch.Tensor:
    n_inputs = network.n_inputs
    if network.image_level is not None:
        n_inputs = 2 * network.image_level.pool[0].layers[0].in_features
    x = torch.randn(count, n_inputs, dtype=torch.float64)
    if network.n_tasks > 1:
        ids = torch.eye(network.n_tasks, dtype=torch.float64)[torch.arange(count) % 2]
        x = torch.cat([x, ids], dim=1)
    return x


@pytest.mark.parametrize(("size", "is_binary"), SIGNALS)
@pytest.mark.parametrize("name", SETTINGS)
def test_values_are_those_of_a_literal_network(name: str, size: int, is_binary: bool) -> None:
    network = network_of(name, size, is_binary)
    x = rows_for(network, 5)
    wanted = [Literal(network)(row) for row in x.tolist()]
    given = network(x).detach().numpy()
    np.testing.assert_allclose(given, wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("size", "is_binary"), SIGNALS)
@pytest.mark.parametrize("name", [name for name in SETTINGS if name != "images"])
def test_gradients_are_straight_through(name: str, size: int, is_binary: bool) -> None:
    network = network_of(name, size, is_binary)
    x, upstream = rows_for(network, 1), torch.randn(1, network.n_outputs, dtype=torch.float64)
    network(x, temperature=2.0).backward(upstream)
    literal = Literal(network, temperature=2.0)
    assert_gradients(network, gradients(literal, x.tolist(), upstream.tolist()))


@pytest.mark.parametrize("many", [False, True])
def test_noise_of_each_row(many: bool) -> None:
    """With so many sources that a level reads them by a matrix product, and with few."""
    network = ModularNetwork(40 if many else 5, (3, 2), 2, (2, 3, 1), n_shared=2, signal_size=2)
    network = network.double()
    x, size = rows_for(network, 3), network.noise_size
    for noise in (None, torch.randn(size, 3, dtype=torch.float64)):
        drawn = [None] * 3 if noise is None else noise.T.tolist()
        wanted = [Literal(network)(x, noise=n) for x, n in zip(x.tolist(), drawn, strict=True)]
        given = network(x, noise=noise).detach().numpy()
        np.testing.assert_allclose(given, wanted, rtol=1e-11, atol=1e-12)


# One channel, of real values


@pytest.mark.parametrize("kind", ["modular", "shared"])
def test_single_real_signals_are_the_networks_that_were(kind: str) -> None:
    plain = mn.RunConfig(model=kind)
    said = replace(plain, signal_size=1, signals="real")
    assert said.key == plain.key
    networks = [build(config, 5).state_dict() for config in (plain, said)]
    assert list(networks[0]) == list(networks[1])
    assert all(torch.equal(a, b) for a, b in zip(*(n.values() for n in networks), strict=True))
    assert {tuple(w.shape[1:]) for n, w in networks[0].items() if "weight" in n} == {
        (12, 2),
        (1, 12),
    }


def test_a_single_level_passes_nothing_on() -> None:
    graph = mn.FunctionGraph(4, [["XOR 0 1", "AND 2 3"]])
    plain = mn.RunConfig(model="modular", graph=graph)
    assert replace(plain, signal_size=3, signals="binary").key == plain.key
    images = mn.RunConfig(model="modular", graph=mn.tasks.DigitPairs())
    assert replace(images, slots=(2,), signals="binary").final.signals == "binary"


@pytest.mark.parametrize("kind", ["modular", "shared"])
def test_channels_that_are_not_read_change_nothing(kind: str) -> None:
    plain = build(mn.RunConfig(model=kind), 5)
    large = build(mn.RunConfig(model=kind, signal_size=3), 6)
    with torch.no_grad():
        for name, value in large.named_parameters():
            small = plain.get_parameter(name)
            if value.shape != small.shape and "weight.0" in name:
                value[..., 2:] = 0.0  # of channels 1 and 2
            value[tuple(map(slice, small.shape))] = small
    x = torch.from_numpy(mn.GRAPHS["6-3-2-2"].rows()).float()
    torch.testing.assert_close(large(x), plain(x))


def test_weights_are_counted() -> None:
    for kind, count in (("modular", 5), ("shared", 2)):
        run = mn.RunConfig(model=kind, routing="known", signal_size=3)
        assert n_weights(build(run, 0)) == count * (2 * 3 * 12 + 12 * 3)
        row = mn.analysis.costs_of([run]).iloc[0]
        layer = 12 + 12 + 2 * 12 * 3 + 3  # biases, ReLU, products, biases of a slot
        assert row["wired_flops"] == 5 * layer + 3 * (2 * 2 * 12) + 2 * (2 * 6 * 12)
        assert row["forward_flops"] > row["wired_flops"]
    with pytest.raises(ValueError, match=r"signal_size=65; allowed is at most 64"):
        mn.RunConfig(model="modular", signal_size=65)
    with pytest.raises(ValueError, match=r"unknown signals 'bits'.*allowed: real, binary"):
        mn.RunConfig(model="modular", signals="bits")  # type: ignore[arg-type]


# What is read inside


def spread_over(network: ModularNetwork, size: int, seed: int) -> ModularNetwork:
    """The same network with each signal turned into a direction of several channels."""
    arch = (network.arity, *network.pools[0].arch[1:])
    n_shared = network.pools[0].count if network.shared else None
    large = ModularNetwork(
        network.n_inputs,
        network.slots,
        network.n_outputs,
        arch,
        n_shared=n_shared,
        signal_size=size,
    )
    large.choose(network.structure())
    direction = np.random.default_rng(seed).normal(size=size)
    direction[0] = 1.0  # outputs, and inputs, are channel 0
    turned = torch.from_numpy(direction).float()
    with torch.no_grad():
        for big, small in zip(large.pools, network.pools, strict=True):
            for (w, b), (v, c) in zip(big.layers(), small.layers(), strict=True):
                w.zero_()
                w[:, : v.shape[1], : v.shape[2]], b[:, : c.shape[1]] = v, c
            weight, bias = big.layers()[-1]
            weight.copy_(turned[:, None] * weight[:, :1])
            bias.copy_(turned * bias[:, :1])
    return large


@pytest.mark.parametrize("shared", [True, False])
def test_gates_are_read_along_any_direction(shared: bool) -> None:
    graph = mn.GRAPHS["6-3-3-2-2"]
    small = Wiring.of(graph).network(shared)
    for seed in range(4):
        large = spread_over(small, 3, seed)
        x = torch.from_numpy(graph.rows()).float()
        torch.testing.assert_close(large(x), small(x))
        fits = fit_gates(large, graph)
        names = [[slot.name for slot in level] for level in fits]
        assert names == [[node.gate.name for node in level] for level in graph.levels]
        assert all(slot.faithful for level in fits for slot in level)
        assert all(slot.clarity == pytest.approx(1.0, abs=1e-3) for level in fits for slot in level)
        found = mn.models.compare(large, graph)
        assert found.recovered
        assert found.routing_recovered


@pytest.mark.parametrize("kind", ["modular", "shared"])
def test_binary_signals_are_read_as_the_bits_that_they_are(kind: str) -> None:
    run = mn.RunConfig(model=kind, signals="binary", routing="known")
    graph = mn.GRAPHS["6-3-2-2"]
    x = graph.rows()
    for seed in range(10):
        network = build(run, seed)
        assert isinstance(network, ModularNetwork)
        fits = fit_gates(network, graph)
        parameters = parameters_of(network)
        levels = fit_gates_of_runs(network, parameters, structures(network, parameters), x)
        below = x
        for level, slots in enumerate(graph.routing[:-1]):
            bits = []
            for slot, sources in enumerate(slots):
                pool, module = (
                    (0, graph.selection[level][slot]) if network.shared else (level, slot)
                )
                h = torch.from_numpy(below[:, sources]).float()
                for number, (weight, bias) in enumerate(network.pools[pool].layers()):
                    h = (h.relu() if number else h) @ weight[module].T + bias[module]
                bits.append((h[:, 0] > 0).numpy())
                assert (levels[level].values[0, slot] == bits[-1]).all()
                assert (levels[level].signals[0, slot] == (bits[-1] ^ bits[-1][0])).all()
                assert fits[level][slot].clarity == 1.0
            below = np.stack(bits, axis=1)


def test_a_direction_of_not_a_number_is_none() -> None:
    found = []
    for size in (1, 2):
        network = build(mn.RunConfig(model="modular", signal_size=size), 0)
        with torch.no_grad():
            network.get_parameter("pools.0.weight.0").fill_(float("nan"))
        with np.errstate(invalid="ignore"):
            found.append(fit_gates(network, "6-3-2-2")[0])
    assert found[0] == found[1]


# Modules that start at tables


@pytest.mark.parametrize(("size", "is_binary"), [(1, True), (2, False), (4, False), (3, True)])
@pytest.mark.parametrize("kind", ["modular", "shared"])
def test_modules_start_at_tables(kind: str, size: int, is_binary: bool) -> None:
    signals: Any = "binary" if is_binary else "real"
    for seed in range(4):
        run = mn.RunConfig(
            model=kind,
            train_rows=40,
            routing_method="best",
            signal_size=size,
            signals=signals,
            seed=seed,
            split_seed=seed,
        )
        (found,) = searched([run])
        assert found is not None
        network = initial_network(run)
        assert isinstance(network, ModularNetwork)
        x = torch.from_numpy(mn.GRAPHS["6-3-2-2"].rows())
        values, own = x.int().numpy(), iter(found.found.tables)
        for level, slots in enumerate(found.found.structure["routing"]):
            below, columns = values, []
            for slot, sources in enumerate(slots):
                shared = "selection" in found.found.structure
                pick = found.found.structure["selection"][level][slot] if shared else None
                table = next(own) if pick is None else found.found.tables[pick]
                corner = sum(below[:, source] << place for place, source in enumerate(sources))
                columns.append(table[corner].astype(int))
            values = np.stack(columns, axis=1)
        wanted = values[:, found.found.structure["outputs"]]
        logits = network(x.float()).detach().numpy()
        np.testing.assert_allclose(logits, 4.0 * wanted - 2.0, atol=1e-2)


# Figures


@pytest.mark.parametrize(("size", "is_binary"), [(2, False), (1, True)])
def test_networks_are_drawn(size: int, is_binary: bool) -> None:
    for kind, routing in itertools.product(("modular", "shared"), ("known", "learned")):
        signals: Any = "binary" if is_binary else "real"
        run = mn.RunConfig(model=kind, routing=routing, signal_size=size, signals=signals)  # type: ignore[arg-type]
        draw(build(run, 0), graph=mn.GRAPHS["6-3-2-2"])
    plt.close("all")
