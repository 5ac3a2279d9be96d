"""Sets of tasks and digit pairs in the engine, against single networks and counts by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from lanes import assert_close, needs_compiler
from literally import (
    assert_neighbours_change_nothing,
    assert_same_network,
    parts_by_hand,
    results,
    seen_by_hand,
    tensors,
)
from torch import Tensor

import modnets as mn
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.planning import plan
from modnets.experiments.single_run import train
from modnets.experiments.sweep import sweep
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.digits import Digits
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, TASK_SETS
from modnets.tasks.task_sets import TaskSet
from modnets.training import batches, evaluated_rows
from modnets.training.batches import Batches
from modnets.training.engine import train_chunk
from modnets.training.evaluation import Evaluation

CPU = torch.device("cpu")
CHUNK = 5  # one for all, so that a step is traced once
PAIRS = DigitPairs()
#: Two digits of one bit: are they different, and are both 1?
BITS = DigitPairs(graph=FunctionGraph(2, [["XOR 0 1", "AND 0 1"]]))
UNEVEN = TaskSet((GRAPHS["6-3-2-2"], GRAPHS["6-2-2"]))

TASKS = {"graph": "two tasks", "train_rows": 13, "epochs": 12, "lr_selection": 0.07, "seed": 5}
DIGITS = {"graph": PAIRS, "train_rows": 11, "samples": 3, "test_samples": 2}
DIGITS |= {"batch_size": 8, "epochs": 4, "seed": 5}
SMALL_CNN = {"image_network": "cnn", "channels": (2, 3)}
RUNS = {
    "tasks, mlp": {**TASKS, "hidden": (7, 5)},
    "tasks, same rows": {**TASKS, "hidden": (7, 5), "held_out": "same"},
    "tasks, modular learned": {**TASKS, "model": "modular", "module_hidden": (5,)},
    "tasks, modular known": {**TASKS, "model": "modular", "routing": "known"},
    "tasks, shared learned": {**TASKS, "model": "shared", "graph": "three tasks"},
    "tasks, shared known": {**TASKS, "model": "shared", "routing": "known"},
    "tasks, every level": {**TASKS, "model": "shared", "selection": "known", "graph": UNEVEN}
    | {"output_levels": "every"},
    "digits, mlp": {**DIGITS, "hidden": (7, 5)},
    "digits, full batch": {**DIGITS, "hidden": (7,), "batch_size": 64},
    "digits, cnn": {**DIGITS, **SMALL_CNN, "hidden": (5,)},
    "digits, sparse cnn": {**DIGITS, **SMALL_CNN, "model": "sparse", "hidden": (5,)},
    "digits, modular known": {**DIGITS, "model": "modular", "routing": "known"}
    | {"image_hidden": (7,)},
    "digits, pool": {**DIGITS, "model": "shared", "shared_image_modules": 2}
    | {"image_hidden": (5,), "lr_routing": 0.05, "lr_selection": 0.07},
    "digits, cnn modules": {**DIGITS, "model": "shared", "routing": "known"}
    | {"image_network": "cnn", "channels": (2,)},
}


def run_of(name: str, **changes) -> RunConfig:
    return RunConfig(**RUNS[name] | changes)


@pytest.mark.parametrize("name", RUNS)
def test_training_agrees_with_single_networks_and_torch_optim(name: str) -> None:
    assert_same_network(run_of(name), 2e-4)


def test_tasks_of_one_shape_are_not_taken_for_each_other() -> None:
    turned = TaskSet(TASK_SETS["two tasks"].graphs[::-1])
    assert_same_network(run_of("tasks, shared known", graph=turned), 2e-4)
    eight = FunctionGraph(8, [["XOR 0 7", "XOR 2 3"]])  # as many inputs as two tasks have
    assert_same_network(run_of("tasks, modular learned", graph=eight, slots=(5, 2)), 2e-4)
    assert_same_network(run_of("tasks, modular learned"), 2e-4)


# What stands beside a run


def others_of(run: RunConfig) -> list[RunConfig]:
    """Runs that may train beside it; of other numbers of rows, where that is allowed."""
    rows = run.train_rows if run.final.batch_size < run.n_examples else 12
    return grid(run, seed=[1, 2], split_seed=[40, 3], lr=0.1, train_rows=rows)


@pytest.mark.parametrize("name", ["tasks, shared learned", "digits, full batch", "digits, cnn"])
def test_neighbours_change_no_bit_eager(name: str) -> None:
    run = run_of(name, input_noise=0.1, eval_every=2)
    assert_neighbours_change_nothing(run, others_of(run), chunk=CHUNK)


@needs_compiler
@pytest.mark.parametrize("name", ["tasks, shared learned", "digits, cnn", "digits, pool"])
def test_machine_code_agrees_with_eager_whatever_is_beside_it(name: str) -> None:
    run = run_of(name, input_noise=0.1)
    compiled = results([run], chunk=CHUNK, compiled=True)
    losses = [part + "_loss" for part in ("train", "test", "test_seen", "test_unseen")]
    eager = results([run], chunk=CHUNK)
    pd.testing.assert_frame_equal(eager[losses], compiled[losses], rtol=1e-3, atol=1e-4)
    assert_neighbours_change_nothing(run, others_of(run), chunk=CHUNK, compiled=True)


def test_blocks_of_steps_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of("digits, pool", input_noise=0.1, gumbel=True, per_sample_routing=True)
    whole = results([run], chunk=CHUNK)
    monkeypatch.setattr(batches, "GATHERED_NUMBERS", 2 * CHUNK * 8 * 128)  # two steps at once
    assert max(steps for steps, _ in Batches([run], CHUNK, 0, CPU).blocks(4)) == 2
    pd.testing.assert_frame_equal(results([run], chunk=CHUNK), whole, check_exact=True)
    monkeypatch.setattr(batches, "BLOCK_ROWS", 1)  # an epoch at once
    pd.testing.assert_frame_equal(results([run], chunk=CHUNK), whole, check_exact=True)


def test_evaluation_in_blocks_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tasks, mlp", "digits, mlp"):
        whole = results([run_of(name)], chunk=CHUNK)
        with monkeypatch.context() as patch:
            patch.setattr(evaluated_rows, "BLOCK_ROWS", 16)
            parts = results([run_of(name)], chunk=CHUNK)
        exact = [c for c in whole if c.endswith("row_accuracy") or c in ("solved", "predicted")]
        pd.testing.assert_frame_equal(parts[exact], whole[exact], check_exact=True)
        assert_close(parts, whole, 1e-5)


# What steps are fed


@pytest.mark.parametrize("batch_size", [None, 16])
def test_input_noise_leaves_the_task_id_alone(batch_size: int | None) -> None:
    run = RunConfig(graph="three tasks", train_rows=20, input_noise=0.1, batch_size=batch_size)
    fed = Batches([run], 2, 0, CPU)
    steps = [(x[0], weight[0]) for _ in range(9) for x, _, weight, _ in fed.epoch()]
    rows = torch.cat([x[weight > 0] for x, weight in steps])
    assert len(rows) == 9 * 60
    assert rows[:, 6:].sum(dim=0).tolist() == [9 * 20] * 3
    assert set(rows[:, 6:].unique().tolist()) == {0.0, 1.0}
    noise = rows[:, :6] - rows[:, :6].round()
    assert noise.std().item() == pytest.approx(0.1, rel=0.05)


def test_input_noise_moves_every_pixel() -> None:
    run = RunConfig(**DIGITS | {"input_noise": 0.1, "batch_size": 33})
    x, _, weight, _ = next(iter(Batches([run], 1, 0, CPU).epoch()))
    clean = seen_by_hand(run, run.split["train"])[0]
    noise = (x[0, :33] - clean).std(dim=0)
    assert weight[0, :33].sum().item() == pytest.approx(1)
    assert noise.min() > 0.05
    assert noise.mean().item() == pytest.approx(0.1, rel=0.03)


def test_an_epoch_shows_each_pair_of_images_once() -> None:
    run = RunConfig(**DIGITS)
    x, y, _ = seen_by_hand(run, run.split["train"])
    wanted = sorted(torch.cat([x, y], dim=1).tolist())
    fed = Batches([run], 2, 0, CPU)
    for _ in range(2):
        steps = [torch.cat([x, y], dim=2)[0][w[0] > 0] for x, y, w, _ in fed.epoch()]
        assert [len(step) for step in steps] == [8, 8, 8, 8, 1]
        assert sorted(torch.cat(steps).tolist()) == wanted


# What is measured


def assert_measured(last: pd.Series, part: str, logits: Tensor, y: Tensor) -> None:
    """A part's loss and accuracies, counted by hand."""
    right = (logits > 0) == (y > 0.5)
    loss = F.binary_cross_entropy_with_logits(logits, y).item()
    assert last[f"{part}_loss"] == pytest.approx(loss, rel=1e-4)
    assert last[f"{part}_bit_accuracy"] == pytest.approx(right.double().mean().item())
    assert last[f"{part}_row_accuracy"] == pytest.approx(right.all(dim=1).double().mean().item())


def words_of(table: Tensor) -> str:
    """What a table is kept as: of each output a number, the first row in its highest bit."""
    rows = table.int().T.tolist()
    return " ".join(hex(int("".join(map(str, bits)), 2)) for bits in rows)


@pytest.mark.parametrize("held_out", ["different", "same"])
def test_accuracies_of_several_tasks_against_a_count_by_hand(held_out: str) -> None:
    run = RunConfig(graph="three tasks", train_rows=40, epochs=40, seed=4, held_out=held_out)
    trained = train_chunk([run], chunk=CHUNK, keep_networks=True)
    last, (network,) = trained.table.iloc[-1], trained.networks
    parts = parts_by_hand(run)
    with torch.no_grad():
        for part, rows in parts.items():
            x, y = tensors(rows)
            assert len(x) == {"train": 120, "validation": 36, "test": 36}[part]
            assert_measured(last, part, network(x), y)
        x = torch.tensor(run.graph.rows(), dtype=torch.float32)
        table = network(x) > 0
    right = table.numpy() == run.graph.truth_table()
    assert 0.5 < last["bit_accuracy"] == pytest.approx(right.mean())
    assert last["row_accuracy"] == pytest.approx(right.all(axis=1).mean())
    assert last["solved"] == right.all()
    assert last["predicted"] == words_of(table)
    assert last[[f"test_{s}_loss" for s in ("seen", "unseen")]].isna().all()


def test_which_rows_tasks_hold_out_matters() -> None:
    same, different = (run_of(f"tasks, {name}") for name in ("same rows", "mlp"))
    found = [results([run], chunk=CHUNK)["test_loss"].iloc[-1] for run in (same, different)]
    assert found[0] != found[1]
    held_out = [set(run.split["test"].tolist()) for run in (same, different)]
    assert held_out[0] == {row + 64 * k for row in held_out[0] if row < 64 for k in (0, 1)}
    assert held_out[1] != held_out[0]


def test_runs_whose_rows_are_drawn_otherwise_train_apart() -> None:
    runs = [run_of(f"tasks, {name}", epochs=2) for name in ("same rows", "mlp")]
    digits = run_of("digits, mlp", epochs=2)
    runs += [digits, replace(digits, samples=4), replace(digits, test_samples=3)]
    together = sweep(runs, chunk=CHUNK, progress=False)
    alone = [sweep([run], chunk=CHUNK, progress=False) for run in runs]
    assert_same_table(together, pd.concat(alone, ignore_index=True))


def test_tasks_are_solved_if_every_row_of_every_task_is_right() -> None:
    few = RunConfig(graph="two tasks", train_rows=13, epochs=150, lr=0.02)
    many = replace(few, train_rows=62)
    last = [train_chunk([run], chunk=CHUNK).table.iloc[-1] for run in (few, many)]
    assert [row["train_row_accuracy"] for row in last] == [1.0, 1.0]
    assert [row["solved"] for row in last] == [False, True]
    assert [row["row_accuracy"] == 1 for row in last] == [False, True]


def votes_by_hand(run: RunConfig, said: dict[str, Tensor]) -> Tensor:
    """What most images say that a run was not trained on; a tie says 0."""
    ballots = torch.zeros(run.graph.n_rows, run.graph.n_outputs)
    for part, bits in said.items():
        if part != "train":
            for pair, answer in zip(seen_by_hand(run, run.split[part])[2], bits, strict=True):
                ballots[pair] += 2.0 * answer - 1.0
    return ballots > 0


@pytest.mark.parametrize("name", ["digits, mlp", "digits, modular known"])
def test_accuracies_of_digit_pairs_against_a_count_by_hand(name: str) -> None:
    run = run_of(name, epochs=25, test_samples=3, train_rows=40, batch_size=64, samples=20)
    trained = train_chunk([run], chunk=CHUNK, keep_networks=True)
    assert not trained.failures
    last, (network,) = trained.table.iloc[-1], trained.networks
    said, right = {}, []
    with torch.no_grad():
        for part, numbers in run.split.items():
            x, y, _ = seen_by_hand(run, numbers)
            said[part] = network(x) > 0
            assert_measured(last, part, network(x), y)
            right += [] if part == "train" else [said[part] == (y > 0.5)]
    assert list(said) == ["train", "validation", "test_seen", "test_unseen"]
    assert last["train_bit_accuracy"] > 0.7
    assert last["bit_accuracy"] == pytest.approx(torch.cat(right).double().mean().item())
    assert last["row_accuracy"] == pytest.approx(torch.cat(right).all(dim=1).double().mean())
    assert last[["test_loss", "test_bit_accuracy", "test_row_accuracy"]].isna().all()
    table = votes_by_hand(run, said)
    assert 0 < table.sum() < table.numel()
    assert last["predicted"] == words_of(table)
    assert last["solved"] == (table.numpy() == run.graph.truth_table()).all()


def test_solved_is_what_most_images_say() -> None:
    run = RunConfig(graph=BITS, train_fraction=1.0, samples=30, epochs=60, hidden=(16,))
    runs = [replace(run, test_samples=21), replace(run, test_samples=21, lr=1e-7)]
    trained = train_chunk(runs, chunk=CHUNK, keep_networks=True)
    last = trained.table.groupby("run", sort=False).tail(1)
    assert last["solved"].tolist() == [True, False]
    assert last["predicted"].iloc[0] == words_of(torch.tensor(BITS.truth_table()))
    assert last[["validation_loss", "test_unseen_bit_accuracy"]].isna().all(axis=None)
    for one, network, row in zip(runs, trained.networks, last.itertuples(), strict=True):
        with torch.no_grad():
            parts = {
                name: seen_by_hand(one, rows)[0] for name, rows in one.split.items() if len(rows)
            }
            said = {name: network(x) > 0 for name, x in parts.items()}
        assert row.predicted == words_of(votes_by_hand(one, said))


def test_votes_are_counted_pair_by_pair_and_a_tie_says_0() -> None:
    runs = [
        RunConfig(graph=PAIRS, train_rows=rows, samples=5, test_samples=12, split_seed=seed)
        for rows, seed in ((40, 0), (30, 0), (64, 3))
    ]
    rows = Evaluation([run.final for run in runs], CPU)
    assert len(rows.blocks) > 1
    logits = [torch.randn(3, *block.y.shape[1:]) for block in rows.blocks]
    found = rows.answers(logits)
    assert found.shape == (3, 64, 2)
    ties = 0
    for run, table, every in zip(runs, found, torch.cat(logits, dim=1), strict=True):
        ends = np.cumsum([0, *map(len, run.split.values())])
        said = {
            name: every[start:end] > 0
            for name, start, end in zip(run.split, ends, ends[1:], strict=False)
        }
        assert torch.equal(table, votes_by_hand(run, said))
        opposite = votes_by_hand(run, {name: ~bits for name, bits in said.items()})
        ties += int((~table & ~opposite).sum())
    assert ties > 0
    assert rows.predicted(logits) == [words_of(table) for table in found]
    wins = [2.0 * block.y - 1.0 for block in rows.blocks]
    assert rows.solved([], wins).tolist() == [True] * 3
    wins[0][1] *= -1
    assert rows.solved([], wins).tolist() == [True, False, True]


# Sweeps


def assert_same_table(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True, check_dtype=False)


def mixed_runs() -> list[RunConfig]:
    """Runs on a table, on sets of tasks and on digit pairs."""
    found = [run_of(name, epochs=2) for name in ("tasks, every level", "digits, mlp")]
    found += [RunConfig(train_rows=13, epochs=2)]
    return [one for run in found for one in grid(run, seed=range(3))]


def test_a_store_holds_runs_of_every_task_and_a_sweep_is_resumed(tmp_path: Path) -> None:
    runs, store = mixed_runs(), tmp_path / "results"
    whole = sweep(runs, chunk=CHUNK, progress=False)
    sweep(runs[1::3], store, chunk=CHUNK, progress=False)
    assert str(plan(runs, store)) == "9 runs: 3 done, 6 to do"
    assert_same_table(sweep(runs, store, chunk=CHUNK, progress=False), whole)
    assert plan(runs, store).n_to_do == 0
    results, by_key = mn.Store(store), {run.key: run for run in runs}
    loaded = mn.load(store)
    assert set(loaded["run"]) == set(by_key)
    assert_same_table(results.table([run.key for run in runs]), whole)
    seen = loaded["test_seen_loss"].notna()
    assert (seen == loaded["graph"].eq(PAIRS.name)).all()
    assert (loaded["test_unseen_bit_accuracy"].notna() == seen).all()
    assert (loaded["test_loss"].isna() == seen).all()
    for row in results.details().itertuples():
        config = RunConfig.from_dict(json.loads(row.config))
        assert (config.key, config) == (row.run, by_key[row.run])
        assert str(config.graph) in (UNEVEN.name, "6-3-2-2", PAIRS.name)
        wanted = len(row.predicted.split()[0]) - 2
        assert wanted <= {PAIRS.name: 16, "6-3-2-2": 16}.get(config.graph.name, 32)


def test_a_row_of_a_sweep_is_replayed() -> None:
    for name in ("tasks, every level", "digits, pool"):
        runs = grid(run_of(name), seed=range(3))
        table = results(runs, chunk=CHUNK)
        again = train(runs[1], chunk=CHUNK, progress=False)
        there = table.loc[[runs[1].key]].reset_index()
        there = there.drop(columns=["measured", "start", "flops"])  # hold nothing here
        assert_same_table(again.table[there.columns], there)
        structure, tasks = again.structure, runs[1].graph
        if tasks.n_tasks == 2:
            assert structure["selection"] == json.loads(json.dumps(tasks.selection))
            assert [[len(level) for level in one] for one in structure["routing"]] == [[3, 2]] * 2
        else:
            assert len(structure["image_routing"]) == len(structure["image_selection"]) == 2


def test_workers_find_the_images_again(mnist: Callable[..., Digits]) -> None:
    runs = [
        one
        for task in (DigitPairs(mnist(), normalize=True), PAIRS)
        for one in grid(run_of("digits, mlp", graph=task, epochs=2), seed=range(2))
    ]
    here = sweep(runs, chunk=CHUNK, progress=False)
    assert here["graph"].nunique() == 2
    assert_same_table(sweep(runs, workers=2, chunk=CHUNK, progress=False), here)
