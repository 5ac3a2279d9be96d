"""Classifiers against scikit-learn by hand, on the splits of runs; what they may see of a task."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import modnets as mn
from modnets.analysis.classifiers import CANDIDATES, classify
from modnets.tasks.samples import Samples

RUNS = mn.grid(graph="monks-3", train_rows=61, seeds=range(3), model=["dense", "sparse"])
MADE = {"decision tree": DecisionTreeClassifier, "logistic regression": LogisticRegression}


def test_every_split_has_a_row_for_each_candidate() -> None:
    table = classify(RUNS, ["decision tree"])
    assert len(table) == 3 * 4  # dense and sparse runs share their splits
    assert table["run"].is_unique
    assert set(table["options"]) == set(map(json.dumps, CANDIDATES["decision tree"]))
    assert {len(options) for options in CANDIDATES.values()} == {4}


@pytest.mark.parametrize("name", MADE)
def test_scores_are_those_of_scikit_learn(name: str) -> None:
    run, table = RUNS[2], classify([RUNS[2]], [name])
    for row in table.to_dict("records"):
        task, split = run.graph, run.split
        more = {"max_iter": 1000} if name == "logistic regression" else {}
        model = MADE[name](**json.loads(row["options"]), **more, random_state=run.seed)
        model.fit(task.rows(split["train"]), task.targets(split["train"])[:, 0])
        for part, index in split.items():
            accuracy = model.score(task.rows(index), task.targets(index)[:, 0])
            assert row[f"{part}_bit_accuracy"] == row[f"{part}_row_accuracy"]
            assert row[f"{part}_bit_accuracy"] == pytest.approx(accuracy)
        assert (row["split_seed"], row["seed"], row["train_rows"]) == (1, 1, 61)


def test_several_outputs_and_dont_cares() -> None:
    """An output is learned from the rows that have it, and scored on these."""
    x = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)] * 4)
    y = np.stack([x[:, 0], 1 - x[:, 1], np.ones(32)], axis=1)
    y[::3, 0], y[1::3, 2] = np.nan, np.nan
    run = mn.RunConfig(graph=Samples(x, y), train_rows=24)
    table = classify([run], ["decision tree"])
    full = table[table["options"].str.contains("null") & table["options"].str.endswith(": 1}")]
    assert full["test_bit_accuracy"].item() == full["test_row_accuracy"].item() == 1
    assert full["solved"].item()
    assert full["train_loss"].item() == 0
    wrong = Samples(x, np.where(y == y, 1 - x[:, :1], np.nan), "other", clean=x[:, [0, 0, 0]])
    table = classify([mn.RunConfig(graph=wrong, train_rows=24)], ["decision tree"])
    assert table["test_bit_accuracy"].max() == 0  # what is right in training is wrong there
    assert np.isfinite(table["test_loss"]).all()


def test_a_table_is_a_task_too_and_an_empty_part_has_no_score() -> None:
    table = classify([mn.RunConfig(graph="6-2-2", train_rows=48)], ["logistic regression"])
    assert table["test_bit_accuracy"].mean() < 0.6  # XOR is not linear
    given = mn.tasks.monks(1, test="all")
    table = classify([mn.RunConfig(graph=given, train_rows=124)], ["decision tree"])
    assert table["validation_bit_accuracy"].isna().all()
    assert table["test_bit_accuracy"].notna().all()


def test_settings_are_chosen_as_those_of_networks() -> None:
    pilot = classify(
        mn.grid(graph="monks-1", train_rows=61, seeds=range(50, 54)), ["decision tree"]
    )
    choices = mn.analysis.choose(pilot, "options")
    assert choices["candidates"].tolist() == [4]
    means = pilot.groupby("options")["validation_bit_accuracy"].mean()
    assert means[choices["options"].item()] == means.max()
    runs = mn.grid(graph="monks-1", train_rows=61, seeds=range(3))
    table = classify(runs, ["decision tree"], choices=choices)
    assert table["options"].tolist() == choices["options"].tolist() * 3
    summary = mn.summarize(table)
    assert summary[["kind", "n"]].values.tolist() == [["decision tree", 3]]
    with pytest.raises(ValueError, match="nothing was chosen for logistic regression on monks-1"):
        classify(runs, ["logistic regression"], choices=choices)


def test_wrong_calls_are_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"unknown classifier 'tree'.* allowed: decision tree"):
        classify(RUNS, ["tree"])
    pairs = mn.RunConfig(graph=mn.tasks.DigitPairs(), train_rows=8)
    with pytest.raises(ValueError, match=r"has images; allowed are tasks of bits"):
        classify([pairs])
