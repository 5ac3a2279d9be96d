"""The engine against single networks, trained literally; and runs against themselves."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from lanes import needs_compiler
from literally import assert_neighbours_change_nothing, assert_same_network, literal, results

import modnets as mn
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.config.settings import OPTIMIZERS, SCHEDULES
from modnets.models.registry import MODELS, build
from modnets.tasks.splits import split_rows
from modnets.training.engine import choose_device, train_chunk
from modnets.training.initialization import initial_network
from modnets.training.random_streams import stream_seed

KINDS = {
    "dense": {"model": "dense", "hidden": (7, 5)},
    "sparse": {"model": "sparse", "hidden": (11, 7), "pruning_ratio": 37.0},
    "modular learned": {"model": "modular", "module_hidden": (5,)},
    "modular known": {"model": "modular", "routing": "known"},
    "shared learned": {"model": "shared"},
    "shared known": {"model": "shared", "routing": "known"},
    "shared, known selection": {"model": "shared", "selection": "known"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_training_agrees_with_single_networks_and_torch_optim(kind: str) -> None:
    run = RunConfig(train_rows=23, epochs=13, lr=0.01, lr_selection=0.07, seed=5, **KINDS[kind])
    assert_same_network(run, 2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_one_adam_step_agrees_to_rounding(kind: str) -> None:
    run = RunConfig(train_rows=23, epochs=1, seed=6, **KINDS[kind])
    assert_same_network(run, 2e-6)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_agrees_with_torch_in_minibatches(optimizer: str) -> None:
    run = RunConfig(train_rows=23, batch_size=7, epochs=4, optimizer=optimizer, seed=3)
    assert_same_network(run, 2e-4)


@pytest.mark.parametrize("kind", SCHEDULES)
def test_every_schedule_and_loss(kind: str) -> None:
    gamma = 0.8 if kind == "exponential" else None
    run = RunConfig(train_rows=23, epochs=6, schedule=kind, gamma=gamma, loss="mse", lr=0.1)
    assert_same_network(run, 2e-4)


def test_table_holds_the_losses_of_the_literal_loop() -> None:
    run = RunConfig(train_rows=23, epochs=5, eval_every=1, seed=2)
    _, losses = literal(run)
    table = train_chunk([run], chunk=2).table
    assert table["epoch"].tolist() == [0, 1, 2, 3, 4, 5]
    assert table["train_loss"].tolist()[1:] == pytest.approx(losses, abs=1e-5)


def test_accuracies_against_a_count_by_hand() -> None:
    run = RunConfig(train_rows=40, epochs=30, seed=4)
    trained = train_chunk([run], chunk=2, keep_networks=True)
    last, graph = trained.table.iloc[-1], run.graph
    with torch.no_grad():
        answer = trained.networks[0](torch.tensor(graph.rows(), dtype=torch.float32)) > 0
    right = answer.numpy() == graph.truth_table()
    split = split_rows(graph, 40, run.split_seed)
    for part in ("train", "validation", "test"):
        rows = getattr(split, part)
        assert last[f"{part}_bit_accuracy"] == pytest.approx(right[rows].mean())
        assert last[f"{part}_row_accuracy"] == pytest.approx(right[rows].all(axis=1).mean())
    assert last["row_accuracy"] == pytest.approx(right.all(axis=1).mean())
    assert last["solved"] == right.all()
    words = [int(word, 16) for word in last["predicted"].split()]
    bits = [[word >> (63 - row) & 1 for word in words] for row in range(64)]
    np.testing.assert_array_equal(bits, answer.numpy())


NOISY = {"input_noise": 0.1, "gumbel": True, "per_sample_routing": True, "batch_size": 16}


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_change_no_bit_eager(kind: str) -> None:
    run = RunConfig(train_rows=23, epochs=20, eval_every=5, seed=7, **KINDS[kind], input_noise=0.1)
    others = grid(run, seed=[1, 2], train_rows=[9, 40], lr=[0.01, 0.1], weight_decay=[0.0])
    assert_neighbours_change_nothing(run, others, chunk=16)


def test_neighbours_change_no_bit_with_every_noise() -> None:
    run = RunConfig(model="shared", train_rows=40, epochs=6, seed=7, **NOISY)
    others = grid(run, seed=range(20, 31), temperature=[0.5])
    assert_neighbours_change_nothing(run, others, chunk=16)


@needs_compiler
@pytest.mark.parametrize("model", ["dense", "shared"])
def test_neighbours_change_no_bit_compiled(model: str) -> None:
    run = RunConfig(model=model, train_rows=23, epochs=60, seed=7, input_noise=0.1)
    others = grid(run, seed=range(1, 16), train_rows=[9, 40])[:31]
    assert_neighbours_change_nothing(run, others, chunk=32, compiled=True)


@needs_compiler
def test_compiled_agrees_with_eager() -> None:
    runs = grid(RunConfig(model="shared", train_rows=23, epochs=25), seed=range(5))
    eager, compiled = (results(runs, chunk=32, compiled=c) for c in (False, True))
    columns = ["train_loss", "test_loss", "validation_loss"]
    np.testing.assert_allclose(eager[columns], compiled[columns], rtol=1e-3, atol=1e-4)


def test_another_process_gives_the_same_bits() -> None:
    training_step = (
        "import modnets as mn; from modnets.training.engine import train_chunk;"
        "run = mn.RunConfig(model='shared', train_rows=16, epochs=8, seed=3, gumbel=True);"
        "print(train_chunk([run], chunk=4).table['train_loss'].map(float.hex).tolist())"
    )
    there = subprocess.check_output([sys.executable, "-c", training_step], text=True)
    run = mn.RunConfig(model="shared", train_rows=16, epochs=8, seed=3, gumbel=True)
    others = grid(run, seed=[8, 9])
    here = train_chunk([*others, run], chunk=4).table
    here = here.loc[here["run"] == run.key, "train_loss"].map(float.hex).tolist()
    assert there.strip() == str(here)


def test_looking_more_often_changes_nothing() -> None:
    seldom = RunConfig(model="shared", train_rows=16, epochs=12, eval_every=12, **NOISY)
    often = replace(seldom, eval_every=1)
    one, many = (train_chunk([run], chunk=2).table.iloc[-1] for run in (seldom, often))
    assert one["train_loss"] == many["train_loss"]


def test_global_random_state_and_threads_are_left_alone() -> None:
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002  what other people's code uses
    expected = torch.rand(4), np.random.rand(4)  # noqa: NPY002
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    threads = torch.get_num_threads()
    train_chunk([RunConfig(model="shared", train_rows=16, epochs=2, **NOISY)], chunk=2)
    assert torch.equal(torch.rand(4), expected[0])
    assert np.array_equal(np.random.rand(4), expected[1])  # noqa: NPY002
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("per_sample", [False, True])
def test_gumbel_noise_changes_training_only(per_sample: bool) -> None:
    base = RunConfig(model="modular", train_rows=16, epochs=3, eval_every=1)
    noisy = replace(base, gumbel=True, per_sample_routing=per_sample)
    one, other = (train_chunk([run], chunk=2).table for run in (base, noisy))
    assert one["train_loss"].iloc[0] == other["train_loss"].iloc[0]
    assert one["train_loss"].iloc[-1] != other["train_loss"].iloc[-1]


def test_known_routing_stays_and_learned_routing_moves() -> None:
    graph = mn.GRAPHS["6-3-2-2"]
    for routing, moves in (("known", False), ("learned", True)):
        run = RunConfig(model="shared", routing=routing, train_rows=40, epochs=150, seed=1)
        start = build(run.final, stream_seed(1, "weights")).structure()
        end = train_chunk([run], chunk=2, keep_networks=True).networks[0].structure()
        assert (start != end) == moves
        if not moves:
            assert end["routing"] == [list(level) for level in graph.routing]
            assert end["selection"] == [list(level) for level in graph.selection]


def test_a_tables_rows_above_twenty_inputs_are_drawn() -> None:
    graph = mn.FunctionGraph(22, [["XOR 0 21", "OR 3 4"]])
    run = RunConfig(graph=graph, train_rows=50, epochs=2)
    last = train_chunk([run], chunk=2).table.iloc[-1]
    assert 0 <= last["test_bit_accuracy"] <= 1
    assert pd.isna(last["predicted"])  # 2**22 rows are too many to keep


def test_gates_of_several_fan_ins_beside_each_other() -> None:
    graph = mn.FunctionGraph(5, [["XOR 0 1", "AND 2 3 4"], ["OR 0 1"]])
    run = RunConfig(graph=graph, model="modular", routing="known", train_rows=23, epochs=3)
    assert run.final.arity == 3
    assert_same_network(run, 2e-4)
    choice = build(run, 0).routing[0].choice[..., 0]
    assert choice[0].tolist() == [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]]
    with pytest.raises(ValueError, match="arity=3 needs at least 3 sources, but level 2 has 2"):
        replace(run, routing="learned")


def test_a_users_own_module_trains_beside_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    class Plain(torch.nn.Module):
        def __init__(self, config: RunConfig) -> None:
            super().__init__()
            width = config.options["width"]
            self.inner = torch.nn.Linear(config.graph.n_inputs, width)
            self.outer = torch.nn.Linear(width, config.graph.n_outputs)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.outer(torch.tanh(self.inner(x)))

    monkeypatch.setitem(MODELS, "plain", Plain)
    run = RunConfig(model="plain", options={"width": 13}, train_rows=23, epochs=9)
    assert_same_network(run, 2e-4)


def test_a_network_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "narrow", lambda config: torch.nn.Linear(config.graph.n_inputs, 3))
    trained = train_chunk([RunConfig(model="narrow", epochs=1)], chunk=2)
    assert trained.table.empty
    assert "forward gives shape (5, 3) for 5 rows; allowed is (5, 2)" in "".join(
        trained.failures.values()
    )


def test_a_network_whose_rows_mix_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Centred(torch.nn.Linear):
        def __init__(self, config: RunConfig) -> None:
            super().__init__(config.graph.n_inputs, config.graph.n_outputs)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x - x.mean(dim=0))

    monkeypatch.setitem(MODELS, "centred", Centred)
    trained = train_chunk([RunConfig(model="centred", epochs=1)], chunk=2)
    assert "a row's logits depend on the other rows" in "".join(trained.failures.values())


def test_device_is_checked() -> None:
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(ValueError, match=r"device='gpu'.*allowed is auto, cpu, cuda"):
        choose_device("gpu")


@pytest.mark.parametrize("model", ["dense", "sparse", "shared"])
def test_initial_weights_are_scaled_and_logits_are_not(model: str) -> None:
    one, twice = (
        initial_network(mn.RunConfig(model=model, initial_scale=scale, seed=3))
        for scale in (None, 2.0)
    )
    scaled = dict(twice.named_parameters())
    factors = {
        name: bool(torch.equal(scaled[name], 2 * parameter))
        for name, parameter in one.named_parameters()
        if parameter.abs().sum() > 0
    }
    logits = {name for name in factors if "routing" in name or "selection" in name}
    assert {name for name, factor in factors.items() if not factor} == logits
    assert (model == "shared") == bool(logits)


def test_runs_of_several_scales_train_together_as_each_alone() -> None:
    runs = mn.grid(epochs=20, train_rows=32, initial_scale=[0.5, 1, 3.0], seed=range(2))
    together = mn.sweep(runs)
    for run in runs:
        alone = mn.sweep([run])
        one = together[together["run"] == run.key].reset_index(drop=True)
        assert one["train_loss"].tolist() == pytest.approx(alone["train_loss"].tolist(), rel=1e-5)
    last = mn.analysis.last(together)
    assert last["train_loss"].nunique() == len(runs)
