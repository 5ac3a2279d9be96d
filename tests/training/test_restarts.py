"""Restarts inside a run: each start is a plain run, and training rows alone say which goes on."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from lanes import needs_compiler
from torch import Tensor, nn

import modnets as mn
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.models.registry import MODELS
from modnets.training.costs import arithmetic_of
from modnets.training.engine import Trained, train_chunk
from modnets.training.restarts import best, rungs_of, spans_of, starts_of

#: Thirds and ninths of the epochs are evaluated.
EPOCHS = {"epochs": 18, "eval_every": 2, "train_rows": 23}
NOISY = {"input_noise": 0.1, "gumbel": True, "batch_size": 10, "optimizer": "rmsprop"}
KINDS = {
    "dense": {"hidden": (7,), "schedule": "cosine", "batch_size": 9},
    "sparse": {"model": "sparse", "hidden": (7,), "optimizer": "sgd"},
    "shared": {"model": "shared", **NOISY, "temperature_schedule": "linear"}
    | {"temperature_end": 0.2},
    "own": {"model": "own"},
}
MODES = {
    "eager": {"chunk": 16},
    "each alone": {"chunk": 1},
    "lanes": {"chunk": 16, "compiled": True},
    "within": {"chunk": 16, "compiled": True, "lanes": 1},
}


class Normed(nn.Module):
    """A network with a state, which trains in a plain loop."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.norm, self.last = nn.BatchNorm1d(6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(x))


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of a user's own, by its name."""
    monkeypatch.setitem(MODELS, "own", Normed)


def trained(runs: list[RunConfig], **how: object) -> Trained:
    found = train_chunk(runs, keep_networks=True, **how)
    assert not found.failures, next(iter(found.failures.values()))
    return found


def measures_of(found: Trained, run: RunConfig) -> pd.DataFrame:
    """What is evaluated of a run, without its settings."""
    table = found.table.loc[found.table["run"] == run.key]
    return table.loc[:, "epoch":"readable"].set_index("epoch")


def by_hand(run: RunConfig, by: str, **how: object) -> tuple[int, Trained]:
    """Which of the starts is left, each trained to the end as a plain run; and all of them."""
    starts, size = starts_of(run), min(how["chunk"], run.restarts)
    chunks = [trained(starts[i : i + size], **how) for i in range(0, len(starts), size)]
    table = pd.concat([one.table for one in chunks])
    losses = table.set_index(["run", "epoch"])[by]
    left = list(range(len(starts)))
    for epoch in (run.epochs // 9, run.epochs // 3, run.epochs):
        n = 1 if epoch == run.epochs else math.ceil(len(left) / 3)
        ranked = sorted(left, key=lambda one: (losses[starts[one].key, epoch], one))
        left = sorted(ranked[:n])
    return left[0], Trained(table, networks=[net for one in chunks for net in one.networks])


# The rungs


def test_rungs_are_a_ninth_a_third_and_all() -> None:
    run = RunConfig(epochs=900)
    assert rungs_of(replace(run, restarts=9)) == [(9, 100), (3, 300), (1, 900)]
    assert rungs_of(replace(run, restarts=27)) == [(27, 100), (9, 300), (3, 900)]
    assert rungs_of(replace(run, restarts=4)) == [(4, 100), (2, 300), (1, 900)]
    assert rungs_of(replace(run, restarts=2, epochs=1)) == [(2, 1), (1, 1), (1, 1)]
    for restarts, passes in ((None, 1), (9, 7 / 3), (27, 7)):
        spans = spans_of(replace(run, restarts=restarts))
        assert sum(starts * epochs for starts, epochs in spans) == pytest.approx(900 * passes)
    full = replace(run, restarts=9, full_restarts=True)
    assert rungs_of(full) == [(9, 900)]
    assert spans_of(full, until=150) == [(9, 150)]
    assert spans_of(replace(run, restarts=9), until=150) == [(9, 100), (3, 50), (1, 0)]


def test_the_lowest_losses_go_on_and_of_equal_ones_the_earlier() -> None:
    nan = float("nan")
    losses = np.array([[0.3, 0.1, nan, 0.1], [nan, nan, nan, nan], [np.inf, nan, 0.2, 9.0]])
    assert best(losses, 1).tolist() == [[1], [0], [2]]
    assert best(losses, 2).tolist() == [[1, 3], [0, 1], [2, 3]]
    assert best(losses, 3).tolist() == [[0, 1, 3], [0, 1, 2], [0, 2, 3]]


def test_starts_are_plain_runs_of_one_split_the_first_of_them_the_run_itself() -> None:
    run = RunConfig(model="shared", seed=5, split_seed=7, lr=0.02, restarts=30)
    starts = starts_of(run)
    assert starts[0] == replace(run, restarts=None)
    assert starts[0].key == replace(run, restarts=None).key
    assert len({one.seed for one in starts}) == 30
    assert [replace(one, seed=5) for one in starts] == starts[:1] * 30
    assert starts[:4] == starts_of(replace(run, restarts=4))
    assert {one.seed for one in starts} & {s.seed for s in starts_of(replace(run, seed=6))} == set()
    plain = replace(run, restarts=None)
    assert starts_of(plain) == [plain]


# What is left of a run is its best start


@needs_compiler
@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        *(("dense", "eager"), ("dense", "each alone"), ("sparse", "lanes"), ("own", "eager")),
        *(("shared", mode) for mode in MODES),
    ],
)
def test_the_start_that_is_left_is_that_plain_run_whatever_trains_beside_it(
    kind: str, mode: str
) -> None:
    run = RunConfig(**EPOCHS, **KINDS[kind], restarts=5, seed=3)
    others = [replace(run, seed=4, split_seed=3), replace(run, seed=6, weight_decay=0.1)]
    expected, plainly = by_hand(run, "train_loss", **MODES[mode])
    start = starts_of(run)[expected]
    state = plainly.networks[expected].state_dict()
    for runs in ([run], [others[0], run], [run, *others])[: MODES[mode]["chunk"]]:
        found = trained(runs, **MODES[mode])
        last = found.table[found.table["run"] == run.key]
        assert last["start"].iloc[-1] == expected
        assert last["start"].iloc[:-1].isna().all()
        # Eager products of one matrix and of several differ in last digits on some processors.
        exact = MODES[mode].get("compiled", False)
        pd.testing.assert_frame_equal(
            measures_of(found, run), measures_of(plainly, start), check_exact=exact, rtol=1e-5
        )
        for name, value in found.networks[runs.index(run)].state_dict().items():
            near = torch.allclose(value, state[name], rtol=1e-3, atol=1e-5)
            assert torch.equal(value, state[name]) if exact else near, name


@needs_compiler
def test_training_rows_alone_choose() -> None:
    runs = grid(RunConfig(**EPOCHS, restarts=7), seeds=range(6))
    found = train_chunk(runs, chunk=8, compiled=True).table
    chosen = found.dropna(subset="start").set_index("run")["start"]
    starts = {
        by: [by_hand(run, by, chunk=8, compiled=True)[0] for run in runs]
        for by in ("train_loss", "test_loss")
    }
    assert [chosen[run.key] for run in runs] == starts["train_loss"]
    assert starts["train_loss"] != starts["test_loss"]


@needs_compiler
def test_full_restarts_keep_the_best_at_the_end() -> None:
    runs = grid(RunConfig(**EPOCHS, restarts=7, full_restarts=True), seeds=range(3))
    found = train_chunk(runs, chunk=8, compiled=True).table.groupby("run").last()
    for run in runs:
        losses = trained(starts_of(run), chunk=8, compiled=True).table.groupby("run").last()
        best_of_all = [losses.loc[one.key, "train_loss"] for one in starts_of(run)]
        assert found.loc[run.key, "start"] == np.argmin(best_of_all)
        assert found.loc[run.key, "train_loss"] == min(best_of_all)
        assert found.loc[run.key, "flops"] == 7 * 18 * arithmetic_of(run)


@pytest.mark.parametrize("model", ["dense", "shared"])
def test_rows_that_are_not_shown_have_no_say(model: str) -> None:
    graph = mn.tasks.get_graph("6-3-2-2")
    run = RunConfig(**EPOCHS, model=model, slots=(3, 2), restarts=9, arity=2, shared_modules=2)
    run = replace(run, graph=mn.FunctionGraph.from_table(graph.truth_table()))
    turned = graph.truth_table().copy()
    hidden = np.setdiff1d(np.arange(64), run.split["train"])
    turned[hidden] = 1 - turned[hidden]
    other = replace(run, graph=mn.FunctionGraph.from_table(turned))
    assert np.array_equal(run.split["train"], other.split["train"])
    tables = [trained([one], chunk=2).table for one in (run, other)]
    for name in ("start", "predicted", "structure", "train_loss", "train_row_accuracy"):
        pd.testing.assert_series_equal(tables[0][name], tables[1][name], check_exact=True)
    assert (tables[0]["test_loss"] != tables[1]["test_loss"]).all()


# One run with its cost


def test_operations_of_all_starts_are_counted() -> None:
    base = RunConfig(epochs=20, train_rows=23, hidden=(7,), restarts=9, eval_every=10)
    for run, steps in ((base, [23]), (replace(base, batch_size=10), [10, 10, 3])):
        table = trained([run], chunk=2).table
        epoch = sum(arithmetic_of(run, rows) for rows in steps)
        of_all = 9 * 2 + 3 * (7 - 2) + 1 * (20 - 7)  # epochs: a ninth, a third, all
        assert table["flops"].iloc[-1] == epoch * of_all
        assert table["flops"].iloc[:-1].isna().all()


def test_without_restarts_nothing_changes() -> None:
    run = RunConfig(**EPOCHS)
    assert replace(run, restarts=1).key == run.key
    assert replace(run, restarts=2).key != run.key
    for one in (run, replace(run, restarts=1)):
        table = trained([one], chunk=2).table
        assert table[["start", "flops"]].isna().all(axis=None)
        assert table["restarts"].isna().all()


@pytest.mark.parametrize("value", [0, -3, 730, "many", 2.5, True])
def test_what_is_no_number_of_starts_is_refused_in_one_line(value: object) -> None:
    with pytest.raises(ValueError, match=r"^restarts=.*; allowed is") as error:
        RunConfig(restarts=value)
    assert "\n" not in str(error.value)


def test_training_that_is_ended_early_keeps_the_best_of_then() -> None:
    run = RunConfig(**EPOCHS, restarts=4, seed=2)
    plain = [trained([one], chunk=1).table.set_index("epoch") for one in starts_of(run)]
    losses = [one["train_loss"][4] for one in plain]
    seen = []

    def watch(evaluated: object) -> bool:
        seen.append(evaluated)
        return evaluated.epoch == 4

    table = train_chunk([run], chunk=1, watch=watch).table
    left = sorted(range(4), key=lambda one: plain[one]["train_loss"][2])[:2]
    chosen = min(left, key=lambda one: losses[one])
    assert table["epoch"].tolist() == [0, 2, 4]
    assert table["start"].iloc[-1] == chosen
    assert table["train_loss"].tolist() == plain[chosen]["train_loss"].iloc[:3].tolist()
    assert table["flops"].iloc[-1] == arithmetic_of(run) * (4 * 2 + 2 * 2)
    assert [one.runs for one in seen] == [(run,)] * 3
    leading = min(one["train_loss"][0] for one in plain)
    assert seen[0].measures["train_loss"].tolist() == [leading]


class Fails(Normed):
    """Cannot be built from the seed of one start."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        if config.seed == starts_of(RunConfig(seed=1, restarts=3))[2].seed:
            raise ValueError("not this one")


def test_a_run_fails_with_one_of_its_starts_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "own", Fails)
    runs = grid(RunConfig(**EPOCHS, model="own", restarts=3), seed=range(3))
    found = train_chunk(runs, chunk=4)
    assert list(found.failures) == [runs[1].key]
    assert "not this one" in found.failures[runs[1].key]
    assert set(found.table["run"]) == {runs[0].key, runs[2].key}
    alone = train_chunk(runs[2:], chunk=4).table
    of_last = found.table[found.table["run"] == runs[2].key].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_last, alone, check_exact=True)
