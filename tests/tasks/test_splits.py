"""Splits: the published sizes, and what every split must be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modnets.tasks import splits
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS
from modnets.tasks.splits import HELD_OUT_SAMPLE, n_train_rows, split_rows

SIX = GRAPHS["6-3-2-2"]
WIDE = FunctionGraph(40, [["XOR 0 39"]])


@pytest.mark.parametrize(
    ("fraction", "sizes"),
    [
        (0.1, (6, 29, 29)),
        (0.3, (19, 22, 23)),
        (0.5, (32, 16, 16)),
        (0.7, (44, 10, 10)),
        (0.8, (51, 6, 7)),
    ],
)
def test_published_sizes(fraction: float, sizes: tuple[int, int, int]) -> None:
    n_train = n_train_rows(SIX, train_fraction=fraction)
    assert split_rows(SIX, n_train, seed=40).sizes == sizes


@given(st.integers(1, 63), st.integers(0, 2**32))
def test_each_row_stands_in_one_part(n_train: int, seed: int) -> None:
    split = split_rows(SIX, n_train, seed)
    assert sorted([*split.train, *split.validation, *split.test]) == list(range(64))
    assert split.sizes == (n_train, (64 - n_train) // 2, 64 - n_train - (64 - n_train) // 2)


@given(st.integers(1, 62), st.integers(0, 2**32))
def test_splits_of_one_seed_are_nested(n_train: int, seed: int) -> None:
    fewer, more = (split_rows(SIX, n, seed).train.tolist() for n in (n_train, n_train + 1))
    assert more[:-1] == fewer


def test_the_seed_alone_decides() -> None:
    drawn = [split_rows(SIX, 32, seed) for seed in range(10)]
    again = split_rows(GRAPHS["6-2-2"], 32, 3)
    assert np.array_equal(again.train, drawn[3].train)
    assert np.array_equal(again.test, drawn[3].test)
    assert len({tuple(sorted(split.train)) for split in drawn}) == 10


def test_rows_are_drawn_evenly() -> None:
    times = np.bincount(np.concatenate([split_rows(SIX, 16, s).train for s in range(400)]))
    assert len(times) == 64
    assert 60 < times.min() <= times.max() < 145  # 100 +- 8.7 expected


def test_a_table_too_large_to_list_is_sampled() -> None:
    split = split_rows(WIDE, 13, seed=1)
    assert split.sizes == (13, HELD_OUT_SAMPLE // 2, HELD_OUT_SAMPLE // 2)
    rows = np.concatenate([split.train, split.validation, split.test])
    assert len(np.unique(rows)) == len(rows)
    assert 0 <= rows.min() <= 2**37  # from the whole of the table
    assert 2**39 < rows.max() < 2**40
    again = split_rows(WIDE, 13, seed=1)
    assert np.array_equal(split.test, again.test)


def test_twenty_one_inputs_have_enough_rows() -> None:
    graph = FunctionGraph(21, [["XOR 0 1"]])
    sizes = split_rows(graph, 2**12, seed=0).sizes
    assert sizes == (2**12, HELD_OUT_SAMPLE // 2, HELD_OUT_SAMPLE // 2)


@pytest.mark.parametrize("n_train", [1, 40, 56, 63])
def test_sampled_splits_are_whole_and_nested(n_train: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splits, "MAX_TABLE_INPUTS", 5)  # 64 rows, as if too many to list
    monkeypatch.setattr(splits, "HELD_OUT_SAMPLE", 9)
    split = split_rows(SIX, n_train, seed=2)
    held_out = min(9, 64 - n_train)
    assert split.sizes == (n_train, held_out // 2, held_out - held_out // 2)
    rows = np.concatenate([split.train, split.validation, split.test])
    assert len(set(rows.tolist())) == n_train + held_out
    assert np.array_equal(split_rows(SIX, 63, seed=2).train[:n_train], split.train)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({}, "train_rows=None, train_fraction=None; give exactly one of the two"),
        ({"train_rows": 3, "train_fraction": 0.5}, "give exactly one of the two"),
        ({"train_rows": 0}, "train_rows=0 of 64 rows leaves no row to train on; allowed is 1 to"),
        ({"train_rows": 64}, "train_rows=64 of 64 rows leaves no row to test on"),
        ({"train_fraction": 0.01}, "train_fraction=0.01 of 64 rows leaves no row to train on"),
        ({"train_fraction": 0.0}, "train_fraction=0.0; allowed is between 0 and 1"),
        ({"train_fraction": 1.0}, "train_fraction=1.0; allowed is between 0 and 1"),
    ],
)
def test_errors_say_what_is_allowed(given_: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        n_train_rows(SIX, **given_)


def test_a_fraction_of_a_table_too_large_to_list() -> None:
    with pytest.raises(ValueError, match=r"of a table of 2\*\*40 rows; above 20 inputs give"):
        n_train_rows(WIDE, train_fraction=0.5)


def test_split_rows_checks_too() -> None:
    with pytest.raises(ValueError, match="train_rows=64 of 64 rows leaves no row to test on"):
        split_rows(SIX, 64, seed=0)
