"""Hooks at evaluations: measures of one's own as columns, and functions that look on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from lanes import needs_compiler
from torch import Tensor, nn

import modnets as mn
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.failures import RunsFailed
from modnets.models.hooks import HOOKS
from modnets.models.registry import MODELS
from modnets.training.watching import EvaluatedRuns

RUN = RunConfig(graph="6-2-2", train_rows=24, epochs=20, eval_every=10)
POWER = 2


def norms(network: nn.Module, config: RunConfig, epoch: int) -> dict[str, Any]:
    """Of all parameters; and what a hook may draw, change or leave out."""
    assert not network.training
    with torch.no_grad():
        total = sum(p.abs().pow(POWER).sum() for p in network.parameters())
        next(iter(network.parameters())).zero_()
    drawn = {"drawn": np.random.rand() + float(torch.rand(()))}  # noqa: NPY002
    return {"norm": total, "seen": epoch} | (drawn if epoch else {})


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook, by its name."""
    monkeypatch.setitem(HOOKS, "norms", norms)


class Normed(nn.Module):
    """A network with a state, which trains in a plain loop."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.norm, self.last = nn.BatchNorm1d(6), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(x))


@pytest.mark.parametrize("model", ["dense", "shared", "own"])
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=needs_compiler)])
def test_what_a_hook_measures_becomes_columns_and_changes_nothing(
    model: str, compiled: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "own", Normed)
    without = grid(RUN, model=model, seed=range(3))
    runs = [replace(run, on_evaluation="norms") for run in without]
    how = {"compiled": compiled, "chunk": 4, "progress": False}
    plain, table = mn.sweep(without, **how), mn.sweep(runs, tmp_path, **how)
    shared = ["epoch", "train_loss", "test_loss", "solved", "recovered"]
    pd.testing.assert_frame_equal(plain[shared], table[shared], check_dtype=False)
    assert set(table.columns) - set(plain.columns) == {"norm", "seen", "drawn"}
    assert table["seen"].tolist() == table["epoch"].tolist()
    assert table["drawn"].isna().tolist() == (table["epoch"] == 0).tolist()
    assert table.loc[table["epoch"] > 0, "drawn"].nunique() == 3  # by seed
    network = mn.train(without[1], chunk=4, compiled=compiled, progress=False).network
    norm = sum(float(p.detach().square().sum()) for p in network.parameters())
    assert table[table.run == runs[1].key]["norm"].iloc[-1] == pytest.approx(norm)
    one = mn.train(runs[1], chunk=4, compiled=compiled, progress=False).table
    again = mn.load(tmp_path)
    for other in (one, again[again.run == runs[1].key]):
        assert other["norm"].tolist() == table[table.run == runs[1].key]["norm"].tolist()
    both = mn.sweep([*runs, without[0]], tmp_path, **how)
    assert both["norm"].isna().sum() == 3


def test_a_hook_is_a_setting_with_its_code_in_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(HOOKS, "other", lambda network, config, epoch: None)
    run = replace(RUN, on_evaluation="norms")
    assert run.on_evaluation == ("norms",)
    assert RunConfig.from_dict(run.to_dict()).key == run.key
    assert replace(RUN, on_evaluation=()).key == RUN.key
    before = run.key
    monkeypatch.setitem(globals(), "POWER", 1)
    assert run.key != before
    runs = grid(RUN, on_evaluation=[None, "norms", ("norms", "other")])
    assert [one.on_evaluation for one in runs] == [None, ("norms",), ("norms", "other")]
    assert len(grid(RUN, on_evaluation=("norms", "other"))) == 1
    assert runs[2].to_row()["on_evaluation"] == "norms-other"


WRONG = {
    "no dict": (lambda *_: 3, "on_evaluation='norms' gives 3; allowed is a dict of numbers"),
    "a word": (lambda *_: {"a": "b"}, "gives {'a': 'b'}; allowed is a dict of numbers"),
    "a name": (lambda *_: {"a b": 1}, "gives {'a b': 1}; allowed is a dict of numbers"),
    "taken": (lambda *_: {"solved": 1}, "measures solved; allowed are names that results do not"),
    "fails": (lambda *_: 1 / 0, r"'norms' fails in epoch 0 \(ZeroDivisionError: division"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_hook_is_told_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hook, message = WRONG[name]
    monkeypatch.setitem(HOOKS, "norms", hook)
    with pytest.raises(RunsFailed, match=message):
        mn.sweep([replace(RUN, on_evaluation="norms")], progress=False)


def test_who_looks_on_sees_every_evaluation() -> None:
    seen: list[EvaluatedRuns] = []
    runs = grid(RUN, seed=range(3), on_evaluation=[None, "norms"])
    table = mn.sweep(runs, chunk=4, progress=False, on_evaluation=seen.append)
    assert [one.epoch for one in seen] == [0, 10, 20] * 2
    for one in seen:
        rows = table[(table.epoch == one.epoch)].set_index("run").loc[[r.key for r in one.runs]]
        for name, values in one.measures.items():
            np.testing.assert_array_equal(values, rows[name].to_numpy(values.dtype), err_msg=name)
    assert ["norm" in one.measures for one in seen] == [False] * 3 + [True] * 3


def test_training_of_one_run_can_be_ended() -> None:
    run, epochs = replace(RUN, model="shared"), []

    def enough(evaluated: EvaluatedRuns) -> bool:
        epochs.append(evaluated.epoch)
        return evaluated.epoch >= 10

    ended = mn.train(run, progress=False, on_evaluation=enough)
    whole = mn.train(run, progress=False)
    assert epochs == [0, 10]
    assert ended.table["epoch"].tolist() == [0, 10]
    assert ended.structure is not None
    assert len(ended.predicted) == 2
    measures = ["train_loss", "bit_accuracy"]
    pd.testing.assert_frame_equal(ended.table[measures], whole.table[measures].iloc[:2])
    assert len(mn.sweep([run], progress=False, on_evaluation=enough)) == 3  # which only looks on


def test_workers_call_it_too(tmp_path: Path) -> None:
    folder = str(tmp_path)

    def note(evaluated: EvaluatedRuns) -> None:
        for run in evaluated.runs:
            (Path(folder) / f"{run.key} {evaluated.epoch}").touch()

    runs = grid(RUN, seed=range(4), on_evaluation="norms")
    table = mn.sweep(runs, workers=2, chunk=2, compiled=False, progress=False, on_evaluation=note)
    names = {f"{run.key} {epoch}" for run in runs for epoch in (0, 10, 20)}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert table["norm"].notna().all()


def test_an_error_of_who_looks_on_fails_the_runs() -> None:
    with pytest.raises(RunsFailed, match="ZeroDivisionError"):
        mn.sweep([RUN], progress=False, on_evaluation=lambda evaluated: 1 / 0)
    for call in (mn.train, lambda run, **how: mn.sweep([run], **how)):
        with pytest.raises(ValueError, match="on_evaluation=3; allowed is a function"):
            call(RUN, on_evaluation=3)
