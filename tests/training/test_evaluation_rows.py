"""Evaluation of large tables: a stratified sample of the rows, against all of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modnets.config.run_config import RunConfig
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.random_graphs import random_graph
from modnets.tasks.splits import sample_of_split, sample_sizes
from modnets.training import evaluation, row_blocks
from modnets.training.engine import train_chunk
from modnets.training.evaluated_rows import EvaluatedRows, rows_in_block
from modnets.training.evaluation import Evaluation
from modnets.training.sampling_errors import Sample, stratified

CPU = torch.device("cpu")
LARGE = random_graph((13, 7, 5, 3), seed=2)
MEASURES = ("bit_accuracy", "row_accuracy")
_bits = np.random.default_rng(0).integers(0, 3, (128, 3)).astype(float)
FREE = FunctionGraph.from_table(np.where(_bits == 2, np.nan, _bits))
RUNS = {
    "large": {"graph": LARGE, "train_rows": 64},
    "most rows shown": {"graph": LARGE},
    "don't-cares": {"graph": FREE, "evaluation_rows": 61},
    "tasks": {"graph": "two tasks", "evaluation_rows": 41},
}


@given(st.lists(st.integers(0, 50), min_size=1, max_size=4), st.integers(0, 150))
def test_parts_are_sampled_in_equal_numbers_where_they_can_be(sizes: list[int], total: int) -> None:
    taken = sample_sizes(sizes, total)
    assert all(0 <= n <= size for n, size in zip(taken, sizes, strict=True))
    assert sum(taken) == min(total, sum(sizes))
    short = [n for n, size in zip(taken, sizes, strict=True) if n < size]
    assert not short or max(taken) - min(short) <= 1


def test_samples_of_a_seed_are_nested_and_lie_in_their_parts() -> None:
    split = RunConfig(graph=LARGE, train_rows=23).split
    few, many = (sample_of_split(split, total, seed=3) for total in (90, 700))
    other = sample_of_split(split, 90, seed=4)
    assert sorted(few["train"]) == sorted(split["train"])
    for name, rows in split.items():
        assert set(few[name]) <= set(many[name]) <= set(rows)
        assert len(set(many[name])) == len(many[name])
    assert set(few["test"]) != set(other["test"])


def test_estimates_are_unbiased_and_so_is_their_variance() -> None:
    strata = [np.array([0.0, 1.0, 0.5]), np.array([1.0, 0.0, 0.0, 0.25, 1.0]), np.array([0.5])]
    drawn, sizes = [2, 3, 1], np.array([[3.0, 5.0, 1.0]])
    means, errors = [], []
    for sample in itertools.product(
        *(itertools.combinations(values, n) for values, n in zip(strata, drawn, strict=True))
    ):
        sums = np.array([[sum(part) for part in sample]])
        squares = np.array([[sum(v * v for v in part) for part in sample]])
        counts = np.array([drawn], float)
        rows = Sample(counts, sizes, counts, counts, sizes, np.array([True] * 3))
        mean, error = stratified(rows, sums, squares, sums)
        means.append(mean[0])
        errors.append(error[0])
    assert np.mean(means) == pytest.approx(np.concatenate(strata).mean())
    assert np.mean(np.square(errors)) == pytest.approx(np.var(means))


def _last(settings: dict, seeds: int = 6, **changes: int) -> list[dict]:
    runs = [
        RunConfig(**{**settings, **changes}, epochs=3, seed=s, split_seed=s) for s in range(seeds)
    ]
    table = train_chunk(runs, chunk=seeds).table
    return table[table["epoch"] == 3].to_dict("records")


@pytest.mark.parametrize("name", RUNS)
def test_the_whole_table_lies_within_the_errors(name: str) -> None:
    sampled, whole = _last(RUNS[name]), _last(RUNS[name], evaluation_rows=2**13)
    deviations = []
    for one, every in zip(sampled, whole, strict=True):
        assert every["bit_accuracy_se"] == every["row_accuracy_se"] == 0
        for measure in MEASURES:
            error = one[f"{measure}_se"]
            assert 0 < error < 0.1
            deviations.append((one[measure] - every[measure]) / error)
        if name == "large":  # all training rows are in the sample
            for measure in ("train_loss", "train_bit_accuracy", "train_row_accuracy"):
                assert one[measure] == pytest.approx(every[measure], rel=1e-5)
    assert np.abs(deviations).max() < 4
    assert 0.3 < np.sqrt(np.mean(np.square(deviations))) < 2


def test_measures_by_hand() -> None:
    runs = [RunConfig(graph=FREE, evaluation_rows=61, split_seed=seed) for seed in (3, 4, 3)]
    evaluated = Evaluation([run.final for run in runs], CPU)
    (rows,) = evaluated.blocks
    logits = torch.randn(3, *rows.y.shape[1:], generator=torch.Generator().manual_seed(0))
    logits[2] = 2 * rows.y[2] - 1  # every row right
    by_hand = []
    table = np.asarray(FREE.truth_table())
    for run, said, x, parts in zip(runs, logits, rows.x, rows.parts, strict=True):
        index = (x.long() @ (1 << torch.arange(6, -1, -1))).numpy()
        free = table[index] == 2
        right = ((said > 0).numpy() == table[index]) & ~free
        row_right = (right | free).all(axis=1)
        bits = all_rows = 0.0
        for part, every in enumerate(run.split.values()):
            here = parts[part].numpy() > 0
            assert set(index[here]) <= set(every)
            bits += (table[every] != 2).sum() * right[here].sum() / (~free)[here].sum()
            all_rows += len(every) * row_right[here].mean()
        by_hand.append((bits / (table != 2).sum(), all_rows / (table != 2).any(axis=1).sum()))
    from_engine = evaluated.scored(lambda block: _scores(block, logits))
    found = evaluated.measures([part[None] for part in from_engine.sums], from_engine.solved[None])
    estimates = np.array([found[name][0] for name in MEASURES]).T
    assert estimates == pytest.approx(np.array(by_hand))
    assert estimates[2] == pytest.approx([1.0, 1.0])
    assert found["solved"][0].tolist() == [False, False, True]


def _scores(block: row_blocks.Rows, logits: torch.Tensor) -> evaluation.Scores:
    cared = block.y < 2
    right = (((logits > 0) == (block.y > 0.5)) & cared).float()
    rows = (right.bool() | ~cared).all(dim=2).float()
    parts = [(block.parts * one[:, None]).sum(dim=2) for one in (rows, right.mean(dim=2), rows)]
    return evaluation.Scores(*parts, logits)


@pytest.mark.parametrize("name", RUNS)
def test_blocks_made_anew_are_those_that_are_kept(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = _last(RUNS[name], seeds=3)
    monkeypatch.setattr(row_blocks, "KEPT_BYTES", 0)
    assert repr(_last(RUNS[name], seeds=3)) == repr(kept)


def test_rows_drawn_above_20_inputs_have_errors_too() -> None:
    graph = random_graph((40, 5, 3), seed=1)
    one = _last({"graph": graph, "train_rows": 32}, seeds=1)[0]
    p, n_held_out = one["row_accuracy"], 8192
    assert one["row_accuracy_se"] == pytest.approx(np.sqrt(p * (1 - p) / n_held_out), rel=0.05)
    fewer = _last({"graph": graph, "train_rows": 32}, seeds=1, evaluation_rows=232)[0]
    assert fewer["train_row_accuracy"] == one["train_row_accuracy"]
    assert fewer["row_accuracy_se"] == pytest.approx(np.sqrt(p * (1 - p) / 200), rel=0.2)
    assert abs(fewer["row_accuracy"] - p) < 4 * fewer["row_accuracy_se"]


def test_memory_is_bounded() -> None:
    graph = FunctionGraph(16, [["XOR 0 15", "AND 1 2"]])
    run = RunConfig(graph=graph, train_rows=8, evaluation_rows=2**16)
    evaluated = Evaluation([run.final] * 256, CPU)
    drawn = EvaluatedRows([run.final] * 256)
    assert drawn.part.shape == (1, 2**16)  # one split, whatever the number of runs
    assert len(evaluated.blocks) == 64
    assert evaluated.blocks[3] is not evaluated.blocks[3]  # not kept
    assert [rows_in_block(n) for n in (6, 62, 64, 100, 1000)] == [1024, 1024, 1024, 1024, 256]
