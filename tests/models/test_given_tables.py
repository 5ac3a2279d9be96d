"""Choices searched among modules as they are, compared with brute force."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

import modnets as mn
from modnets.models.modular import ModularNetwork
from modnets.models.routing_methods.circuits import CircuitShape
from modnets.models.routing_methods.search import Annealing, search
from modnets.models.routing_methods.tables import start_at_tables, tables_of
from modnets.training.initialization import initial_network

XOR, AND, LESS = [0, 1, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0]  # input 0 is fastest
ROWS = np.array(list(itertools.product((0, 1), repeat=4)))


def literal(structure: dict, tables: np.ndarray, rows: np.ndarray, shared: bool) -> np.ndarray:
    """The outputs of a circuit, row by row; a pool's tables differ by level."""
    outputs = []
    for row in rows:
        values, first = list(row), 0
        for level, slots in enumerate(structure["routing"]):
            filled = structure["selection"][level] if shared else range(len(slots))
            offset = (len(tables) // 2 if level else 0) if shared else first
            corners = [sum(values[s] << i for i, s in enumerate(sources)) for sources in slots]
            values = [int(tables[offset + f][c]) for f, c in zip(filled, corners, strict=True)]
            first += len(slots)
        outputs.append([values[slot] for slot in structure["outputs"]])
    return np.array(outputs)


def structures(n_modules: int) -> list[dict]:
    """Every circuit of two slots and then one, over four inputs."""
    pairs = list(itertools.permutations(range(4), 2))
    return [
        {"routing": [[a, b], [c]], "selection": [[m, n], [o]], "outputs": [0]}
        for a, b in itertools.product(pairs, repeat=2)
        for c in ((0, 1), (1, 0))
        for m, n, o in itertools.product(range(n_modules), repeat=3)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_the_best_circuit_of_given_tables_is_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = ModularNetwork(4, (2, 1), 1, n_shared=2)
    tables = np.array([XOR, AND, LESS, XOR], bool)  # the first level, and then the second
    y = rng.integers(0, 2, (16, 1)) if seed else literal(structures(2)[777], tables, ROWS, True)
    least = min((literal(one, tables, ROWS, True) != y).sum() for one in structures(2))
    (found,) = search(CircuitShape.of(network), [(ROWS, y)], [seed], Annealing(sweeps=40), [tables])
    assert found.errors == (literal(found.structure, tables, ROWS, True) != y).sum()
    assert found.errors == least
    assert np.array_equal(found.tables, tables)
    assert {module for level in found.structure["selection"] for module in level} <= {0, 1}


def test_own_tables_stay_with_their_slots() -> None:
    network = ModularNetwork(4, (2, 1), 1)
    tables = np.array([LESS, XOR, AND], bool)
    true = {"routing": [[(3, 1), (0, 2)], [(1, 0)]], "outputs": [0]}
    y = literal(true, tables, ROWS, False)
    (found,) = search(CircuitShape.of(network), [(ROWS, y)], [3], Annealing(), [tables])
    assert (found.errors, found.structure["routing"][0][0]) == (0, [3, 1])
    assert "selection" not in found.structure
    assert np.array_equal(found.tables, tables)


def test_what_is_found_for_a_run_depends_on_it_alone() -> None:
    network = ModularNetwork(4, (2, 1), 1, n_shared=2)
    rng = np.random.default_rng(0)
    rows = [(ROWS, rng.integers(0, 2, (16, 1))) for _ in range(3)]
    tables = [rng.integers(0, 2, (4, 4)).astype(bool) for _ in rows]
    shape, annealing = CircuitShape.of(network), Annealing(sweeps=10)
    together = search(shape, rows, [0, 1, 2], annealing, tables)
    for one, row, seed, table in zip(together, rows, range(3), tables, strict=True):
        (alone,) = search(shape, [row], [seed], annealing, [table])
        assert (alone.structure, alone.errors) == (one.structure, one.errors)


@pytest.mark.parametrize("n_shared", [None, 3])
def test_the_tables_of_modules_are_what_they_compute(n_shared: int | None) -> None:
    torch.manual_seed(0)
    network = ModularNetwork(4, (2, 2), 1, (2, 12, 1), n_shared=n_shared)
    found = tables_of(network)
    corners = [(0, 0), (1, 0), (0, 1), (1, 1)]
    for level in range(2):
        pool = network.pools[0 if n_shared else level]
        outputs = np.array([[one_module(pool, m, c) for c in corners] for m in range(pool.count)])
        if level == 0:
            below, above = outputs[outputs <= 0], outputs[outputs > 0]
            low, high = (
                np.mean(part) if part.size else end for part, end in ((below, -2.0), (above, 2.0))
            )
        else:
            points = [tuple((low, high)[bit] for bit in corner) for corner in corners]
            outputs = np.array(
                [[one_module(pool, m, p) for p in points] for m in range(pool.count)]
            )
        mine = found[level * pool.count : (level + 1) * pool.count]
        assert np.array_equal(mine, outputs > 0)
    start_at_tables(network, found[: 3 if n_shared else 4], seed=0)
    again = tables_of(network)
    assert np.array_equal(again[: 3 if n_shared else 4], found[: 3 if n_shared else 4])


def one_module(pool: torch.nn.Module, module: int, x: tuple[float, ...]) -> float:
    """The output of a module, layer by layer."""
    values = np.array(x, float)
    layers = pool.layers()
    for number, (weight, bias) in enumerate(layers):
        values = weight[module].detach().numpy() @ values + bias[module].detach().numpy()
        values = np.maximum(values, 0) if number < len(layers) - 1 else values
    return float(values[0])


@pytest.mark.parametrize("model", ["modular", "shared"])
def test_a_run_searches_among_its_own_modules(model: str) -> None:
    base = mn.RunConfig(model=model, routing_method="given", train_rows=20, lr=0, epochs=1)
    runs = [replace(base, seed=seed, split_seed=seed) for seed in range(3)]
    results = mn.analysis.last(mn.sweep(runs, progress=False))
    drawn = initial_network(replace(base, routing_method=None))
    network = initial_network(base)
    assert isinstance(network, ModularNetwork)
    for mine, theirs in zip(network.pools.parameters(), drawn.pools.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    chosen = network.structure()
    assert chosen != drawn.structure()
    x = torch.from_numpy(base.graph.rows(base.split["train"])).float()
    right = (network(x) > 0).numpy() == (base.graph.targets(base.split["train"]) > 0)
    other = (drawn(x) > 0).numpy() == (base.graph.targets(base.split["train"]) > 0)
    assert right.mean() >= other.mean()
    assert (results["kind"] == f"{model}, learned (given), frozen").all()


def test_a_frozen_pool_solves_a_new_graph_of_its_gates() -> None:
    """What the pool can express is found from few rows; random modules do not do."""
    levels = [["XOR 0 1", "AND 2 3", "XOR 4 5", "AND 0 4"], ["AND 0 1", "XOR 2 3"]]
    graph = mn.FunctionGraph(6, levels, name="first")
    new = mn.FunctionGraph(6, [["AND 0 5", "XOR 1 3"], ["XOR 0 1", "AND 0 1"]], name="second")
    base = mn.RunConfig(model="shared", shared_modules=2)
    source = replace(base, graph=graph, routing_method="best", train_rows=56, epochs=200)
    run = replace(base, graph=new, routing_method="given", lr=0, train_rows=24, epochs=1)
    seeds = [{"seed": seed, "split_seed": seed} for seed in range(6)]
    reused = [
        replace(run, pretrained=replace(source, **one), transferred="modules", **one)
        for one in seeds
    ]
    random = [replace(run, **one) for one in seeds]
    solved = [
        mn.analysis.last(mn.sweep(runs, progress=False))["solved"].sum()
        for runs in (reused, random)
    ]
    assert solved[0] >= 4
    assert solved[1] == 0


@pytest.mark.parametrize("model", ["modular", "shared"])
def test_tables_of_binary_signals_are_what_the_network_computes(model: str) -> None:
    graph = mn.tasks.random_graph((6, 3, 2, 2), seed=4)
    for seed in range(4):
        run = mn.RunConfig(graph=graph, model=model, routing="known", signals="binary", seed=seed)
        network = initial_network(run)
        assert isinstance(network, ModularNetwork)
        rows = graph.rows()
        with torch.no_grad():
            answers = network.eval()(torch.from_numpy(rows).float()).numpy() > 0
        structure, tables = network.structure(), tables_of(network)
        assert np.array_equal(literal(structure, tables, rows, network.shared), answers)


def test_the_first_channel_tells_the_bits_of_wide_signals() -> None:
    run = mn.RunConfig(
        model="shared", routing_method="best", signal_size=3, epochs=60, train_rows=56
    )
    network = mn.train(run, progress=False).network
    answers = literal(network.structure(), tables_of(network), run.graph.rows(), True)
    assert (answers == run.graph.truth_table()).all()
