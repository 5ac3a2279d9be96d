"""What runs cost: against counts by hand, and the trace against the network as wired."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch import nn

from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.models.registry import MODELS, register
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.graphs import FunctionGraph
from modnets.training.costs import arithmetic_of, costs_of, forward_flops

DEPTHS = ("6-2-2", "6-3-2-2", "6-3-3-2-2")
#: 2-12-1: products and sums of 24 and 12 weights, 13 biases, 12 ReLUs.
MODULE = 2 * 24 + 12 + 12 + 2 * 12 + 1


def test_a_dense_network_by_hand() -> None:
    run = RunConfig(graph="6-2-2")  # 6-36-2
    products, biases, relus = 2 * (6 * 36 + 36 * 2), 36 + 2, 36
    assert forward_flops(run) == products + biases + relus == 650


@pytest.mark.parametrize("graph", DEPTHS)
def test_what_is_traced_of_a_dense_network_is_what_is_wired(graph: str) -> None:
    run = RunConfig(graph=graph)
    assert forward_flops(run) == forward_flops(run, wired=True)


def test_one_module_alone_by_hand() -> None:
    graph = FunctionGraph(2, [["XOR 0 1"]])
    run = RunConfig(graph=graph, model="modular", routing="known", train_rows=3)
    # As written, 2 places look through 2 sources, and the output through 1 slot.
    assert forward_flops(run) == MODULE + 2 * (2 * 2) + 2 * 1
    assert forward_flops(run, wired=True) == MODULE


@pytest.mark.parametrize(("graph", "slots"), [("6-2-2", 2), ("6-3-2-2", 5), ("6-3-3-2-2", 8)])
@pytest.mark.parametrize("model", ["modular", "shared"])
@pytest.mark.parametrize("routing", ["known", "learned"])
def test_as_wired_each_slot_computes_one_module(
    graph: str, slots: int, model: str, routing: str
) -> None:
    run = RunConfig(graph=graph, model=model, routing=routing)
    assert forward_flops(run, wired=True) == slots * MODULE < forward_flops(run)


def test_a_learned_pool_is_computed_whole_in_every_slot() -> None:
    run = RunConfig(graph="6-3-2-2", model="shared", routing="known", selection="learned")
    three, four = (forward_flops(replace(run, shared_modules=n)) for n in (3, 4))
    slots = 5
    assert slots * MODULE < four - three < slots * (MODULE + 20)  # and little for the choice


def test_pruned_weights_cost_as_written_but_not_as_wired() -> None:
    dense, sparse = (RunConfig(graph="6-2-2", model=m) for m in ("dense", "sparse"))
    assert forward_flops(sparse, wired=True) == forward_flops(dense) - 2 * 144
    assert forward_flops(sparse) == forward_flops(dense) + 288 + 38  # weights and biases masked


def test_a_model_of_ones_own_is_counted_as_it_is_written() -> None:
    @register("line")
    class Line(nn.Module):
        def __init__(self, config: RunConfig) -> None:
            super().__init__()
            self.only = nn.Linear(config.graph.n_inputs, config.graph.n_outputs)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.only(x).tanh(), self.only.weight.square().sum()  # a penalty is left out

    try:
        run = RunConfig(graph="6-2-2", model="line")
        assert forward_flops(run) == forward_flops(run, wired=True) == 2 * 6 * 2 + 2 + 2
    finally:
        MODELS.pop("line")


def test_a_row_per_run_with_the_weights_of_the_paper() -> None:
    runs = grid(graph=DEPTHS, model=["dense", "modular"], routing="learned", train_rows=[17, 23])
    table = costs_of(runs)
    assert table["run"].tolist() == [run.key for run in runs]
    assert table["kind"].tolist() == [run.kind for run in runs]
    assert table["train_rows"].tolist() == [run.final.train_rows for run in runs]
    weights = table.pivot_table(index="graph", columns="kind", values="weights")
    assert weights["dense"].tolist() == [288, 2880, 5472]
    assert weights["modular, learned"].tolist() == [86, 206, 323]
    run, row = runs[3], table.iloc[3]
    assert (run.kind, run.train_rows) == ("modular, learned", 23)
    assert row["forward_flops"] == forward_flops(run)
    assert row["wired_flops"] == forward_flops(run, wired=True)
    assert row["epoch_flops"] == arithmetic_of(run)  # full batch: one step


def test_an_epoch_of_batches_counts_each_step_with_its_rows() -> None:
    run = RunConfig(graph="6-2-2", train_rows=17, batch_size=5)
    steps = [5, 5, 5, 2]
    (row,) = costs_of([run]).itertuples()
    assert row.epoch_flops == sum(arithmetic_of(run, rows=rows) for rows in steps)
    assert arithmetic_of(run) == arithmetic_of(run, rows=5)


def test_seeds_and_rates_cost_nothing() -> None:
    runs = grid(graph="6-2-2", model="sparse", seed=range(3), lr=[0.1, 0.01], split_seed=[1, 2])
    table = costs_of(runs)
    assert isinstance(table, pd.DataFrame)
    assert len(table) == 12
    assert len(table.drop(columns="run").drop_duplicates()) == 1


def test_convolutions_count_two_for_each_pair_of_numbers() -> None:
    run = RunConfig(graph=DigitPairs(), image_network="cnn", hidden=(), channels=(3, 5))
    first, second = 3 * 64 * (2 * 2 * 9 + 1), 5 * 16 * (2 * 3 * 9 + 1)  # (channel, y, x)
    relu, halved = 3 * 64 + 5 * 16, 3 * 64 + 5 * 16
    head = 2 * (5 * 4) * 2 + 2
    assert forward_flops(run) == first + second + relu + halved + head
    more = arithmetic_of(run, rows=2) - arithmetic_of(run, rows=1)
    # Backward: no slope of the images themselves, two products for the second, and all sums.
    kernels = 3 * 64 * 2 * 2 * 9 + 5 * 16 * 2 * (2 * 3 * 9)
    assert more > forward_flops(run) + kernels


def test_an_epoch_passes_over_every_task_and_every_pair_of_images() -> None:
    tasks = RunConfig(graph="two tasks", train_rows=8)
    images = RunConfig(graph=DigitPairs(), train_rows=7, samples=3, batch_size=5, hidden=(2,))
    found = costs_of([tasks, images])["epoch_flops"].tolist()
    assert found[0] == arithmetic_of(tasks, rows=16)  # a step with 8 rows of both
    assert found[1] == 4 * arithmetic_of(images, rows=5) + arithmetic_of(images, rows=1)


def test_a_step_is_traced_once_for_runs_of_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = grid(RunConfig(graph="6-2-2", hidden=(7,)), train_rows=[8, 9], seed=range(2))
    found = [arithmetic_of(run, rows=4) for run in runs]
    monkeypatch.setattr("modnets.training.costs.trace_one", None)
    assert [arithmetic_of(run, rows=4) for run in runs] == found
