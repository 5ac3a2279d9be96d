"""Choices found before the first step: circuits, their search, modules that start at tables."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

import modnets as mn
from modnets.compiler import c_functions
from modnets.compiler.build_cache import NotCompiledError
from modnets.models.registry import build
from modnets.models.routing_methods import compiled_gibbs
from modnets.models.routing_methods.candidates import MAX_SETS, information, sets_of_inputs
from modnets.models.routing_methods.circuits import CircuitShape, RowBits, corners_of
from modnets.models.routing_methods.gibbs import GibbsSampler
from modnets.models.routing_methods.random_numbers import CountedRandom
from modnets.models.routing_methods.search import Annealing, FoundCircuit, search
from modnets.models.routing_methods.tables import start_at_tables
from modnets.training.engine import train_chunk
from modnets.training.initialization import initial_network, searched

QUICK = Annealing(chains=8, sweeps=40, rounds=3)


def rows_of(config: mn.RunConfig) -> tuple[np.ndarray, np.ndarray]:
    index = config.split["train"]
    return config.final.graph.rows(index), config.final.graph.targets(index)


def by_hand(found: FoundCircuit, x: np.ndarray, every_level: bool = False) -> np.ndarray:
    """The outputs of a circuit for some rows, slot by slot and row by row."""
    shared, outputs = "selection" in found.structure, []
    for row in x:
        values, every = [int(bit) for bit in row], []
        own = iter(found.tables)
        for level, slots in enumerate(found.structure["routing"]):
            below, values = values, []
            for slot, sources in enumerate(slots):
                if shared:
                    table = found.tables[found.structure["selection"][level][slot]]
                else:
                    table = next(own)
                corner = sum(below[source] << place for place, source in enumerate(sources))
                values.append(int(table[corner]))
            every = every + values if every_level else values
        outputs.append([every[place] for place in found.structure["outputs"]])
    return np.array(outputs)


CASES = [
    mn.RunConfig(model="modular", train_rows=40),
    mn.RunConfig(model="shared", train_rows=40),
    mn.RunConfig(model="shared", train_rows=40, selection="known"),
    mn.RunConfig(model="shared", train_rows=40, routing="known", selection="learned"),
    mn.RunConfig(model="modular", train_rows=40, outputs="known"),
    mn.RunConfig(model="modular", train_rows=40, routing="known", outputs="learned"),
    mn.RunConfig(model="shared", train_rows=48, graph="6-3-3-2-2", slots=(3, 3, 2)),
    mn.RunConfig(model="modular", train_rows=40, output_levels="every"),
    mn.RunConfig(model="modular", train_rows=40, arity=3),
    mn.RunConfig(model="modular", train_rows=40, slots=(4, 3)),
    mn.RunConfig(
        graph=mn.FunctionGraph(4, [["XOR 0 1", "AND 2 3"]]), model="shared", train_rows=12
    ),
    mn.RunConfig(
        graph=mn.FunctionGraph(5, [["XOR 0 1", "AND 1 2 3", "NAND 4"], ["OR 0 1", "XOR 1 2"]]),
        model="shared",
        train_rows=26,
        routing="known",
        selection="learned",
    ),
]


@pytest.mark.parametrize("config", CASES, ids=str)
def test_a_circuit_is_found_that_fits_the_training_rows(config: mn.RunConfig) -> None:
    network, rows = build(config, 0), rows_of(config)
    shape = CircuitShape.of(network)
    found = search(shape, [rows] * 2, [3, 4], Annealing())
    for one in found:
        outputs = by_hand(one, rows[0], every_level=config.output_levels == "every")
        assert (outputs != rows[1]).sum() == one.errors == 0
        assert 0 < one.sweeps <= 240
        assert one.additions > 0


LARGE = mn.FunctionGraph(8, [["XOR 0 1", "AND 2 3", "OR 4 5"], ["XOR 0 1", "NAND 1 2"]])
#: Beside those above: several words of rows, outputs of every level, modules of one input.
DRAWN = [
    *CASES,
    mn.RunConfig(graph=LARGE, model="shared", train_rows=200),
    mn.RunConfig(graph=LARGE, model="modular", train_rows=100, arity=3),
    mn.RunConfig(model="shared", train_rows=40, slots=(4, 4, 3), output_levels="every"),
    mn.RunConfig(graph="6-2-2", model="modular", train_rows=8, arity=1),
]


def parts_of(sampler: GibbsSampler) -> list[np.ndarray]:
    circuits = sampler.circuits
    return [circuits.tables, circuits.outputs, *circuits.sources, *circuits.filled]


@pytest.mark.parametrize("given", [False, True], ids=["tables drawn", "tables given"])
@pytest.mark.parametrize("config", DRAWN, ids=str)
def test_machine_code_draws_what_arrays_draw(config: mn.RunConfig, given: bool) -> None:
    shape, rows = CircuitShape.of(build(config, 0)), [rows_of(config)] * 3
    tables = None
    if given:
        n_tables = sum(shape.slots) if shape.n_shared is None else 2 * shape.n_shared
        drawn = np.random.default_rng(0).random((3, n_tables, shape.corners)) < 0.5
        tables = list(drawn)
    arrays, machine_code = (GibbsSampler(shape, rows, [1, 2, 3], 4, 0, tables) for _ in range(2))
    sweep = compiled_gibbs.compiled_sweep()
    assert sweep is not None
    for temperature in (1.0, 0.6, 0.3):
        errors = arrays.sweep(temperature)
        assert np.array_equal(sweep(machine_code, temperature), errors)
        assert machine_code.random.taken == arrays.random.taken
        for one, other in zip(*map(parts_of, (machine_code, arrays)), strict=True):
            assert np.array_equal(one, other)
        for sampler in (arrays, machine_code):
            sampler.go_on_with(np.arange(len(errors)) != 1)


@pytest.mark.parametrize(
    ("error", "printed"),
    [
        (RuntimeError("no such flag"), "modnets: search without machine code: no such flag\n"),
        (NotCompiledError(), ""),
    ],
)
def test_without_machine_code_arrays_are_drawn(
    error: Exception,
    printed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = search(CircuitShape.of(build(CASES[0], 0)), [rows_of(CASES[0])], [3], QUICK)

    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(c_functions, "load_library", fails)
    monkeypatch.setattr(c_functions, "_loaded", cache(c_functions._loaded.__wrapped__))
    again = search(CircuitShape.of(build(CASES[0], 0)), [rows_of(CASES[0])], [3], QUICK)
    assert again[0].structure == found[0].structure
    assert capsys.readouterr().err == printed


def test_what_is_found_depends_on_rows_and_seed_alone() -> None:
    configs = [mn.RunConfig(model="shared", train_rows=24 + i, split_seed=i) for i in range(5)]
    shape, rows = CircuitShape.of(build(configs[0], 0)), [rows_of(config) for config in configs]
    seeds = [7, 2**63 - 1, 0, 7, 1]
    together = search(shape, rows, seeds, QUICK)
    for place in (0, 3, 4):
        (alone,) = search(shape, [rows[place]], [seeds[place]], QUICK)
        assert alone.structure == together[place].structure
        assert (alone.tables == together[place].tables).all()
        assert alone.sweeps == together[place].sweeps
    (other,) = search(shape, [rows[0]], [8], QUICK)
    assert other.structure != together[0].structure or other.sweeps != together[0].sweeps


def test_test_rows_have_no_influence() -> None:
    table = mn.GRAPHS["6-3-2-2"].truth_table()
    config = mn.RunConfig(model="modular", train_rows=30, slots=(3, 2), arity=2)
    seen = config.split["train"]
    changed = 1 - np.array(table)
    changed[seen] = table[seen]
    runs = [
        replace(
            config,
            graph=mn.FunctionGraph.from_table(labels),
            routing_method="best",
            epochs=5,
        )
        for labels in (np.array(table), changed)
    ]
    networks = [initial_network(run) for run in runs]
    assert networks[0].structure() == networks[1].structure()
    for before, after in zip(networks[0].parameters(), networks[1].parameters(), strict=True):
        assert torch.equal(before, after)
    trained = [mn.train(run, progress=False) for run in runs]
    assert trained[0].structure == trained[1].structure
    assert trained[0].predicted == trained[1].predicted
    for one in trained:
        assert one.table["train_loss"].tolist() == trained[0].table["train_loss"].tolist()


def test_dont_cares_and_rows_that_fill_a_word_do_not_count() -> None:
    x = np.array(list(itertools.product((0, 1), repeat=3)), np.uint8)
    y = np.stack([x[:, 0] ^ x[:, 1], np.full(8, 2)], axis=1)
    bits = RowBits([(x, y), (x[:5], y[:5])])
    assert bits.x.shape == (2, 3, 1)
    assert np.bitwise_count(bits.counted).sum(axis=-1).tolist() == [[8, 0], [5, 0]]
    assert np.bitwise_count(bits.y).sum(axis=-1).tolist() == [[4, 0], [3, 0]]


@pytest.mark.parametrize("arity", [1, 2, 3])
def test_corners_are_the_rows_with_those_inputs(arity: int) -> None:
    bits = np.random.default_rng(0).integers(0, 2, (arity, 64)).astype(bool)
    words = np.packbits(bits, axis=1).view(np.uint64)
    corners = corners_of(words)
    for corner in range(2**arity):
        wanted = np.all([bits[i] == (corner >> i & 1) for i in range(arity)], axis=0)
        assert (np.unpackbits(corners[corner].view(np.uint8)).astype(bool) == wanted).all()


def test_a_slot_is_drawn_by_its_weight() -> None:
    """One slot on one output: shares of (set, table) against exp(-errors / T), enumerated."""
    x = np.array(list(itertools.product((0, 1), repeat=3)), np.uint8)
    y = (x[:, :1] & x[:, 1:2]) ^ np.array([[0], [0], [0], [0], [0], [0], [1], [0]], np.uint8)
    shape = CircuitShape(3, (1,), 2, None, 1, ((0, 0),), (None,), (None,), np.array([0]))
    sampler = GibbsSampler(shape, [(x, y)], [1], n_chains=20_000)
    sampler.sweep(temperature=0.8)
    counts: dict[Any, int] = {}
    for chain in range(20_000):
        structure, tables = sampler.circuits.read(0, chain)
        key = (tuple(structure["routing"][0][0]), tuple(tables[0].tolist()))
        counts[key] = counts.get(key, 0) + 1
    weights = {}
    for sources in itertools.combinations(range(3), 2):
        for table in itertools.product((False, True), repeat=4):
            given = np.array(table)[x[:, sources[0]] + 2 * x[:, sources[1]]]
            weights[sources, table] = np.exp(-(given != y[:, 0]).sum() / 0.8)
    total = sum(weights.values())
    for key, weight in weights.items():
        share = weight / total
        spread = 5 * np.sqrt(share / 20_000)
        assert counts.get(key, 0) / 20_000 == pytest.approx(share, abs=spread)


def test_of_many_sets_those_that_tell_most_are_tried() -> None:
    random = np.random.default_rng(1)
    x = random.integers(0, 2, (200, 90)).astype(np.uint8)
    y = np.stack([x[:, 70] ^ x[:, 3], x[:, 5] & x[:, 80]], axis=1)
    shape = CircuitShape(90, (2,), 2, None, 2, ((0, 0), (0, 1)), (None,), (None,), None)
    bits = RowBits([(x, y)])
    (sets,) = sets_of_inputs(shape, bits)
    assert len(sets) == MAX_SETS
    tried = {tuple(one) for one in sets.tolist()}
    assert {(3, 70), (5, 80)} <= tried
    score = information(np.array([(3, 70), (0, 1)]), bits, 0)
    assert score[0] > np.log(2) > score[1]  # one whole bit, and a little of the other output
    (found,) = search(shape, [(x, y)], [0], QUICK)
    assert found.errors == 0


def test_random_numbers_are_uniform_and_independent_of_their_neighbours() -> None:
    many = CountedRandom([1, 2, 3], n_chains=4)
    first, second = many.uniform(1000), many.uniform(1000)
    alone = CountedRandom([2], n_chains=4)
    assert (alone.uniform(1000)[0] == first[1]).all()
    many.go_on_with(np.array([False, True, False]))
    alone.uniform(1000)
    assert (many.uniform(3) == alone.uniform(3)).all()
    numbers = np.concatenate([first.ravel(), second.ravel()])
    assert len(np.unique(numbers)) == len(numbers)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert numbers.mean() == pytest.approx(0.5, abs=0.01)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] == pytest.approx(0, abs=0.03)
    assert np.bincount(CountedRandom([5], 1).integers(4000, 4).ravel()).min() > 900


def all_tables(arity: int, count: int) -> Iterator[np.ndarray]:
    random = np.random.default_rng(arity)
    for _ in range(8):
        yield random.integers(0, 2, (count, 2**arity)).astype(bool)


@pytest.mark.parametrize("kind", ["modular", "shared"])
@pytest.mark.parametrize("arity", [2, 3])
def test_modules_start_at_their_tables(kind: str, arity: int) -> None:
    config = mn.RunConfig(model=kind, arity=arity, slots=(4, 2), train_rows=32, shared_modules=3)
    x = mn.GRAPHS["6-3-2-2"].rows()
    for seed, tables in enumerate(all_tables(arity, 3 if kind == "shared" else 6)):
        network = build(config, seed)
        structure = network.structure()
        start_at_tables(network, tables, seed)
        assert network.structure() == structure
        found = FoundCircuit(structure, tables, 0, 0, 0, 0)
        wanted = by_hand(found, x)
        with torch.no_grad():
            logits = network.eval()(torch.from_numpy(x).float()).numpy()
        if kind == "modular" or arity == 2:
            assert logits == pytest.approx(np.where(wanted, 2.0, -2.0), abs=0.02)
        else:  # 16 corners of both levels, 13 numbers to set
            assert ((logits > 0) == wanted).mean() > 0.8


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("method", ["gibbs", "best"])
@pytest.mark.parametrize("kind", ["modular", "shared"])
def test_choices_stay_and_weights_train(kind: str, method: str, compiled: bool) -> None:
    run = mn.RunConfig(model=kind, train_rows=32, routing_method=method, epochs=60, record="every")
    table = train_chunk([run, replace(run, seed=1)], chunk=16, compiled=compiled).table
    found = [one.found.structure for one in searched([run, replace(run, seed=1)]) if one]
    for structure, (_, one) in zip(found, table.groupby("seed"), strict=True):
        for text in one["structure"]:
            read = json.loads(text)
            assert {name: read[name] for name in structure} == structure
        assert one["train_loss"].iloc[-1] < one["train_loss"].iloc[0]
        (first,) = one.loc[one["epoch"] == 0, "train_loss"]
        assert (first < 0.2) == (method == "best")
    assert set(table["kind"]) == {f"{kind}, learned ({method})"}


def test_the_best_method_solves_what_the_published_one_does_not() -> None:
    runs = [
        mn.RunConfig(
            model="shared", train_rows=36, epochs=100, routing_method=method, seed=i, split_seed=i
        )
        for method in ("published", "best")
        for i in range(12)
    ]
    last = mn.analysis.last(mn.sweep(runs, progress=False))
    solved = last.groupby(last["routing_method"].fillna("published"))["solved"].sum()
    assert solved["best"] >= 11
    assert solved["published"] <= 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"routing_method": "gibs"}, "unknown routing_method .gibs., did you mean .gibbs."),
        ({"routing_method": "best", "graph": "t0-t1"}, "allowed are tasks of bits"),
        ({"routing_method": 3}, "routing_method=3; allowed is a word"),
    ],
)
def test_wrong_methods_are_one_line(settings: dict[str, Any], said: str) -> None:
    if settings.get("graph") == "t0-t1":
        settings = settings | {"graph": next(iter(mn.tasks.TASK_SETS))}
    with pytest.raises(ValueError, match=said) as error:
        mn.RunConfig(model="shared", **settings)
    assert "\n" not in str(error.value)


class InOrder(mn.models.RoutingMethod):
    """Slot s reads the sources from s on."""

    fixed = True
    shift = 0

    def start(self, network: Any, found: Any) -> None:
        for level in network.routing:
            level.choose(
                [
                    [(s + i + self.shift) % level.n_candidates for i in range(level.arity)]
                    for s in range(level.n_slots)
                ]
            )


def test_a_method_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mn.models, "ROUTING_METHODS", mn.models.ROUTING_METHODS)
    mn.models.register_routing_method("in order")(InOrder)
    try:
        run = mn.RunConfig(model="modular", routing_method="in order", epochs=20, train_rows=40)
        trained = mn.train(run, progress=False)
        assert trained.structure is not None
        assert trained.structure["routing"] == [[[0, 1], [1, 2], [2, 3]], [[0, 1], [1, 2]]]
        key = run.key
        monkeypatch.setattr(InOrder, "shift", 1)
        assert replace(run).key != key
    finally:
        del mn.models.ROUTING_METHODS["in order"]


@pytest.mark.parametrize("given", [3, int, "best"])
def test_what_is_no_method_is_refused(given: Any) -> None:
    with pytest.raises(ValueError, match="allowed are subclasses of RoutingMethod"):
        mn.models.register_routing_method("mine")(given)
    with pytest.raises(ValueError, match="is taken"):
        mn.models.register_routing_method("best")
