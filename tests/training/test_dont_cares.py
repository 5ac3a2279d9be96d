"""Outputs that may be either: left out of loss, scores and splits, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from lanes import needs_compiler
from literally import optimizer_of, results

import modnets as mn
from modnets.config.run_config import RunConfig
from modnets.models.registry import build
from modnets.tasks.truth_tables import DONT_CARE
from modnets.training.backends.eager import one_thread
from modnets.training.engine import train_chunk
from modnets.training.random_streams import generator, stream_seed

#: Of 3 outputs for 5 inputs a third are don't-cares, and so are the rows 0 and 7 as a whole.
TABLE = np.random.default_rng(4).choice([0.0, 1.0, np.nan], (32, 3), p=[0.35, 0.35, 0.3])
TABLE[[0, 7]] = np.nan
GRAPH = mn.FunctionGraph.from_table(TABLE, name="partial")
CARED = ~np.isnan(TABLE)
KINDS = {
    "dense": {"model": "dense", "hidden": (7, 5)},
    "minibatches": {"model": "dense", "hidden": (7,), "batch_size": 4},
    "mse": {"model": "dense", "hidden": (7,), "loss": "mse"},
    "shared": {"model": "shared", "slots": (4, 3), "arity": 2, "shared_modules": 2},
}


def run_of(kind: str, **settings: object) -> RunConfig:
    return RunConfig(graph=GRAPH, **({"train_rows": 19, "epochs": 7} | KINDS[kind] | settings))


def bit_losses(config: RunConfig, logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    if config.loss == "bce":
        return F.binary_cross_entropy_with_logits(logits, y, reduction="none")
    return F.mse_loss(torch.sigmoid(logits), y, reduction="none")


@one_thread()
def by_hand(run: RunConfig) -> torch.nn.Module:
    """A plain loop with a mask: the mean is over the bits of the batch that count."""
    config = run.final
    network = build(config, stream_seed(config.seed, "weights"))
    optimizer, rows = optimizer_of(config, network), run.split["train"]
    x = torch.tensor(GRAPH.rows(rows), dtype=torch.float32)
    y = torch.tensor(np.nan_to_num(TABLE[rows]), dtype=torch.float32)
    mask = torch.tensor(CARED[rows])
    keywords = {"temperature": config.temperature} if config.is_modular else {}
    source, n = generator(config.seed, "order"), -(-len(x) // config.batch_size)
    orders = torch.rand(2**14 // (n * config.batch_size), len(x), generator=source).argsort(dim=1)
    for epoch in range(config.epochs):
        for batch in orders[epoch].split(config.batch_size):
            losses = bit_losses(config, network(x[batch], **keywords), y[batch])
            optimizer.zero_grad()
            losses[mask[batch]].mean().backward()
            optimizer.step()
    return network


BACKENDS = [
    {"chunk": 1},
    {"chunk": 3},
    pytest.param({"chunk": 3, "compiled": True}, marks=needs_compiler),
]


@pytest.mark.parametrize("backend", BACKENDS, ids=["alone", "eager", "compiled"])
@pytest.mark.parametrize("kind", KINDS)
def test_training_is_a_plain_loop_with_a_mask(kind: str, backend: dict) -> None:
    run = run_of(kind, seed=3)
    trained = train_chunk([run], keep_networks=True, **backend)
    assert not trained.failures
    assert trained.compiled == backend.get("compiled", False)
    found, wanted = trained.networks[0].state_dict(), by_hand(run).state_dict()
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("backend", BACKENDS, ids=["alone", "eager", "compiled"])
def test_scores_count_the_bits_and_rows_that_matter(backend: dict) -> None:
    run = run_of("dense", epochs=40, seed=1)
    trained = train_chunk([run], keep_networks=True, **backend)
    last, network = trained.table.iloc[-1], trained.networks[0]
    with torch.no_grad():
        logits = network(torch.tensor(GRAPH.rows(), dtype=torch.float32))
    y = torch.tensor(np.nan_to_num(TABLE), dtype=torch.float32)
    losses = bit_losses(run.final, logits, y).numpy()
    right = (logits.numpy() > 0) == (TABLE > 0.5)
    for part, rows in run.split.items():
        mask = CARED[rows]
        assert last[f"{part}_loss"] == pytest.approx(losses[rows][mask].mean(), abs=1e-5)
        assert last[f"{part}_bit_accuracy"] == pytest.approx(right[rows][mask].mean())
        assert last[f"{part}_row_accuracy"] == pytest.approx((right | ~CARED)[rows].all(1).mean())
    counted = CARED.any(axis=1)
    assert last["bit_accuracy"] == pytest.approx(right[CARED].mean())
    assert last["row_accuracy"] == pytest.approx((right | ~CARED)[counted].all(axis=1).mean())
    assert 0.5 < last["bit_accuracy"] < 1


@pytest.mark.parametrize(("epochs", "solved"), [(1, False), (400, True)])
def test_solved_asks_for_the_bits_that_matter_alone(epochs: int, solved: bool) -> None:
    """y = x0, and free wherever x4 is 1, where the network is not asked."""
    x = mn.FunctionGraph(5, [["OR 0 1"]]).rows()
    table = np.where(x[:, 4:] == 1, np.nan, x[:, :1])
    run = RunConfig(graph=mn.FunctionGraph.from_table(table), train_rows=14, epochs=epochs, lr=0.02)
    last = train_chunk([run], chunk=2).table.iloc[-1]
    bits = np.array([int(last["predicted"], 16) >> 31 - row & 1 for row in range(32)])
    assert last["solved"] == solved
    assert (bits == x[:, 0])[x[:, 4] == 0].all() == solved
    assert (last["row_accuracy"] == 1) == solved


def test_rows_without_an_output_that_matters_are_in_no_part() -> None:
    split = run_of("dense").split
    numbers = np.concatenate(list(split.values()))
    assert sorted(numbers.tolist()) == sorted(set(range(32)) - {0, 7})
    assert len(split["train"]) == 19
    assert GRAPH.n_counted == 30
    assert RunConfig(graph=GRAPH, train_fraction=0.5).final.train_rows == 15
    with pytest.raises(ValueError, match=r"train_rows=30 of 30 rows .*; allowed is 1 to 29 rows"):
        RunConfig(graph=GRAPH, train_rows=30)


def test_one_row_alone_cannot_be_split() -> None:
    graph = mn.FunctionGraph.from_table([[1.0], [np.nan], [np.nan], [np.nan]], name="alone")
    with pytest.raises(ValueError, match=r"graph=alone has 1 row .*; allowed are at least 2, one"):
        RunConfig(graph=graph)


def test_the_split_of_other_rows_is_that_of_the_whole_table() -> None:
    """Which of them come first depends on the seed alone."""
    whole = mn.FunctionGraph.from_table(np.nan_to_num(TABLE))
    full = mn.tasks.split_rows(whole, 31, 5)
    order = np.concatenate([full.train, full.validation, full.test])
    order = [row for row in order if row not in (0, 7)]
    assert mn.tasks.split_rows(GRAPH, 19, 5).train.tolist() == order[:19]


def test_neighbours_with_other_splits_change_nothing() -> None:
    run = run_of("minibatches", seed=2)
    others = [replace(run, seed=9, split_seed=5), replace(run, seed=10)]
    one, many = results([run], chunk=4), results([*others, run], chunk=4)
    assert one["train_loss"].tolist() == many.loc[[run.key]]["train_loss"].tolist()


def test_a_set_of_tasks_leaves_out_the_free_outputs_of_each() -> None:
    other = mn.FunctionGraph.from_table(np.random.default_rng(1).integers(0, 2, (32, 3)))
    tasks = mn.TaskSet((GRAPH, other))
    run = RunConfig(graph=tasks, model="dense", train_rows=11, epochs=3)
    assert (tasks.n_counted, tasks.has_dont_cares) == (30, True)
    last = train_chunk([run], chunk=1, keep_networks=True)
    (network,), last = last.networks, last.table.iloc[-1]
    with torch.no_grad():
        bits = network(torch.tensor(tasks.rows(), dtype=torch.float32)).numpy() > 0
    table = tasks.truth_table()
    cared = table != DONT_CARE
    assert last["bit_accuracy"] == pytest.approx((bits == table)[cared].mean())
    assert not set(run.split["train"]) & {0, 7}


def test_networks_with_free_outputs_are_programs_of_their_own() -> None:
    """The same sizes with and without, in one process, one after the other."""
    whole = mn.FunctionGraph.from_table(np.nan_to_num(TABLE), name="whole")
    with_free = run_of("dense", seed=1)
    without = replace(with_free, graph=whole)
    first = results([without], chunk=2)["train_loss"].tolist()
    results([with_free], chunk=2)
    assert results([without], chunk=2)["train_loss"].tolist() == first


def test_a_config_with_free_outputs_is_read_back_with_its_key() -> None:
    run = run_of("dense")
    again = RunConfig.from_dict(run.to_dict())
    assert (again, again.key) == (run, run.key)
    assert run.to_dict()["graph"]["table"][0] == "---"
    assert run.key != replace(run, graph=mn.FunctionGraph.from_table(np.nan_to_num(TABLE))).key
    assert replace(GRAPH, name="other").truth_table().tolist() == GRAPH.truth_table().tolist()
