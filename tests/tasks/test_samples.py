"""Samples: rows with labels and no table, how they are split, trained on, and written down."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch

import modnets as mn
from modnets.config.run_config import RunConfig
from modnets.models.gate_fits import inputs_met
from modnets.tasks.samples import Samples
from modnets.tasks.serialization import task_from_dict
from modnets.tasks.splits import n_train_rows, split_rows
from modnets.tasks.truth_tables import DONT_CARE

RNG = np.random.default_rng(3)
X = RNG.integers(0, 2, (31, 7))
Y = RNG.integers(0, 2, (31, 2))
TEST = RNG.integers(0, 2, (11, 7)), RNG.integers(0, 2, (11, 2))
FREE = np.where(np.arange(31)[:, None] % 5 == [0, 1], np.nan, Y)
FREE[[4, 8]] = np.nan

ALL = {
    "plain": Samples(X, Y),
    "test given": Samples(X, Y, "given", test=TEST),
    "clean labels": Samples(X, Y, clean=1 - Y),
    "don't-cares": Samples(X, FREE, input_names=[*"abcdefg"], output_names=["p", "q"]),
}
SLOTS = {"slots": (3, 2), "shared_modules": 2, "module_hidden": (3,)}


@pytest.fixture(params=ALL)
def samples(request: pytest.FixtureRequest) -> Samples:
    return ALL[request.param]


def test_rows_and_labels_are_those_given() -> None:
    task = ALL["test given"]
    np.testing.assert_array_equal(task.rows(), np.concatenate([X, TEST[0]]))
    np.testing.assert_array_equal(task.targets(), np.concatenate([Y, TEST[1]]))
    np.testing.assert_array_equal(task.targets([30, 31]), [Y[30], TEST[1][0]])
    assert (task.n_rows, task.n_inputs, task.n_outputs, task.name) == (31, 7, 2, "given")
    assert ALL["plain"].name == "7-2, 31 samples"
    free = ALL["don't-cares"]
    np.testing.assert_array_equal(free.targets() == DONT_CARE, np.isnan(FREE))
    assert free.n_counted == 29
    assert (free.input_labels[0], free.output_labels) == ("a", ("p", "q"))


def test_a_split_divides_the_samples(samples: Samples) -> None:
    """As a table's, but for tests that are given and labels that are clean."""
    n, seen = samples.n_counted, set()
    for seed in range(4):
        split = split_rows(samples, 13, seed)
        own = split.test - 31 if samples.has_clean else split.test
        if samples.has_test:
            assert split.test.tolist() == list(range(31, 42))
            assert split.sizes == (13, n - 13, 11)
            own = np.empty(0, int)
        else:
            assert split.sizes == (13, (n - 13) // 2, n - 13 - (n - 13) // 2)
        parts = [*split.train, *split.validation, *own]
        assert sorted(parts) == np.flatnonzero(samples.counted).tolist()
        fewer = split_rows(samples, 12, seed)
        assert fewer.train.tolist() == split.train[:-1].tolist()
        seen.add(tuple(split.train))
    assert len(seen) == 4


def test_all_samples_may_be_trained_on_where_tests_are_given() -> None:
    assert n_train_rows(ALL["test given"], train_rows=31) == 31
    assert split_rows(ALL["test given"], 31, 0).sizes == (31, 0, 11)
    with pytest.raises(ValueError, match="leaves no row to test on; allowed is 1 to 30 rows"):
        n_train_rows(ALL["plain"], train_rows=31)


def test_it_is_written_down_and_restored(samples: Samples) -> None:
    spec = json.loads(json.dumps(samples.to_dict()))
    again = task_from_dict(spec)
    assert again == samples
    assert hash(again) == hash(samples)
    assert pickle.loads(pickle.dumps(samples)) == samples
    assert (again.input_labels, again.output_labels) == (
        samples.input_labels,
        samples.output_labels,
    )
    run = RunConfig(graph=samples, train_rows=5)
    assert RunConfig.from_dict(json.loads(json.dumps(run.to_dict()))) == run


def test_a_key_depends_on_every_bit_and_on_no_label() -> None:
    def key(**changes: object) -> str:
        given = {"x": X, "y": Y, "name": "one"} | changes
        return RunConfig(graph=Samples(**given), train_rows=5).key  # type: ignore[arg-type]

    other_x, other_y = X.copy(), Y.copy()
    other_x[30, 6] ^= 1
    other_y[30, 1] ^= 1
    keys = [key(), key(x=other_x), key(y=other_y), key(clean=Y), key(clean=other_y), key(test=TEST)]
    assert len(set(keys)) == len(keys)
    assert key(input_names=[*"abcdefg"]) == key()


@pytest.mark.parametrize("model", ["dense", "sparse", "modular", "shared"])
def test_every_kind_of_network_learns_from_it(model: str, samples: Samples) -> None:
    """Measures are those of a literal loop over the rows of each part."""
    more = SLOTS if model in ("modular", "shared") else {}
    run = RunConfig(graph=samples, model=model, train_rows=13, epochs=5, seed=1, **more)
    one = mn.train(run, compiled=False, progress=False)
    last = one.table.iloc[-1]
    for part, index in run.split.items():
        x, y = samples.rows(index), samples.targets(index)
        says = (one.network(torch.tensor(x).float()) > 0).numpy()
        counts = y != DONT_CARE
        assert last[f"{part}_bit_accuracy"] == pytest.approx((says == y)[counts].mean())
        right = ((says == y) | ~counts).all(axis=1)
        assert last[f"{part}_row_accuracy"] == pytest.approx(right.mean())


def test_contradictory_samples_are_allowed_and_never_solved() -> None:
    task = Samples([[0, 1]] * 6 + [[1, 1]] * 6, [0, 1] * 3 + [1] * 6)
    run = RunConfig(graph=task, train_rows=8, epochs=60, lr=0.1, hidden=(5,))
    last = mn.analysis.last(mn.sweep([run], store=None, progress=False)).iloc[0]
    assert not last["solved"]
    assert last["bit_accuracy"] == 0.75
    both = Samples([[0, 1]] * 6 + [[1, 1]] * 6, [0] * 6 + [1] * 6)
    run = RunConfig(graph=both, train_rows=8, epochs=60, lr=0.1, hidden=(5,))
    assert mn.analysis.last(mn.sweep([run], store=None, progress=False)).iloc[0]["solved"]


def test_what_needs_a_table_or_a_structure_says_so() -> None:
    task = ALL["plain"]
    for call in (task.truth_table, lambda: task.evaluate(X)):
        with pytest.raises(ValueError, match="samples have no truth table; targets"):
            call()
    with pytest.raises(ValueError, match="graph 7-2, 31 samples"):
        mn.analysis.dense_version_space(task)
    with pytest.raises(ValueError, match="routing='known': graph 7-2, 31 samples has no struct"):
        RunConfig(graph=task, model="modular", routing="known", **SLOTS)
    with pytest.raises(ValueError, match="has no levels to follow; give slots"):
        RunConfig(graph=task, model="modular")
    with pytest.raises(ValueError, match="allowed is a list, each a FunctionGraph"):
        mn.TaskSet([task, task])  # type: ignore[list-item]


def test_the_structure_of_a_guess_can_be_known() -> None:
    guess = mn.FunctionGraph(7, [["XOR 0 1", "XOR 2 3"]])
    run = RunConfig(graph=ALL["plain"], model="shared", routing="known", knowledge=guess)
    assert run.final.slots == (2,)


def test_floor_and_inputs_met() -> None:
    y = np.repeat([0, 1, 1], [4, 12, 15])
    assert mn.analysis.majority_floor(Samples(X, y)) == pytest.approx(27 / 31)
    assert mn.analysis.majority_floor(Samples(X, y, clean=1 - y)) == pytest.approx(27 / 31)
    assert mn.analysis.majority_floor(Samples(X, y, test=(X[:3], [0, 0, 1]))) == pytest.approx(
        2 / 3
    )
    twice = Samples(np.concatenate([X, X]), np.concatenate([Y, Y]))
    assert sorted(map(tuple, inputs_met(twice))) == sorted({*map(tuple, X)})


def test_it_is_drawn_as_one_box() -> None:
    ax = mn.draw_graph(ALL["don't-cares"])
    texts = {text.get_text() for text in ax.texts}
    assert {"a", "g", "p", "q", "samples"} <= texts


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Samples(X[0], Y), r"x has shape \(7,\); allowed is \(rows, inputs\)"),
        (lambda: Samples(X + 1, Y), "x: allowed entries are 0 and 1; cut numbers into classes"),
        (lambda: Samples([[0], [0, 1]], [1, 1]), "x: rows of different lengths"),
        (lambda: Samples(X, Y + 1), "y: allowed entries are 0 and 1, and NaN for a don't-care"),
        (lambda: Samples(X, Y[:-1]), "x has 31 rows, y has 30; allowed is the same number"),
        (lambda: Samples(X, Y, test=TEST, clean=Y), "test and clean; give one of the two"),
        (lambda: Samples(X, Y, test=X), "test=.*; allowed is a pair"),
        (
            lambda: Samples(X, Y, test=(X, Y[:, :1])),
            r"tests of \(7, 1\) inputs and outputs; al.*7, 2",
        ),
        (lambda: Samples(X, Y, clean=Y[:, 0]), r"tests of \(7, 1\) inputs and outputs"),
        (lambda: Samples(X[:1], Y[:1]), "x has 1 rows; allowed are at least 2"),
        (
            lambda: Samples(np.zeros((3, 1001)), [0, 1, 1]),
            "x has 1001 inputs; allowed are 1 to 1,000",
        ),
        (lambda: Samples(X, Y * np.nan), "y: all outputs are don't-cares"),
        (lambda: Samples(X, Y, input_names=["a"]), r"input_names=\('a',\); allowed are 7"),
        (lambda: Samples(X, Y, 3), "name=3; allowed is a word or None"),
    ],
)
def test_wrong_samples_are_refused_in_one_line(call, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
