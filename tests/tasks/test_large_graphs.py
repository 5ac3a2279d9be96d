"""Graphs of up to 1,000 inputs: rows drawn by their index, and no table."""

from __future__ import annotations

import numpy as np
import pytest

from modnets.config.run_config import RunConfig
from modnets.tasks.gates import bits_of, drawn_bits
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.random_graphs import random_graph
from modnets.tasks.splits import split_rows
from modnets.training.engine import train_chunk

MASK = 2**64 - 1


def _mixed(z: int) -> int:
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & MASK
    return z ^ z >> 31


def test_bits_are_those_of_splitmix64() -> None:
    index = [0, 1, 7, 2**40 + 3, 2**63 - 2]
    for row, bits in zip(index, drawn_bits(np.array(index), 131), strict=True):
        words = [_mixed(_mixed(row) + k * 0x9E3779B97F4A7C15 & MASK) for k in (1, 2, 3)]
        assert "".join(map(str, bits)) == "".join(f"{word:064b}" for word in words)[:131]


def test_bits_are_even_and_independent_and_rows_distinct() -> None:
    x = FunctionGraph(100, [["XOR 0 99"]]).rows(np.arange(4000))
    assert len(np.unique(x, axis=0)) == 4000
    deviation = 0.5 / np.sqrt(4000)
    assert np.abs(x.mean(axis=0) - 0.5).max() < 5 * deviation
    assert np.abs(np.corrcoef(x.T) - np.eye(100)).max() < 0.1


def test_up_to_63_inputs_a_row_is_its_index() -> None:
    index = np.array([3, 2**62 + 1])
    assert np.array_equal(FunctionGraph(63, [["XOR 0 1"]]).rows(index), bits_of(index, 63))


@pytest.mark.parametrize("n_inputs", [62, 63, 64, 1000])
def test_splits_of_large_graphs(n_inputs: int) -> None:
    graph = FunctionGraph(n_inputs, [[f"XOR 0 {n_inputs - 1}"]])
    split = split_rows(graph, 50, seed=3)
    rows = np.concatenate([split.train, split.validation, split.test])
    assert split.sizes == (50, 4096, 4096)
    assert len(np.unique(rows)) == len(rows)
    assert np.array_equal(split_rows(graph, 70, seed=3).train[:50], split.train)


@pytest.mark.parametrize("n_inputs", [40, 100])
def test_what_needs_the_whole_table_says_so(n_inputs: int) -> None:
    graph = random_graph((n_inputs, 4, 2))
    for call in (graph.truth_table, graph.rows):
        with pytest.raises(ValueError, match=f"n_inputs={n_inputs}: the whole table .* 20 inputs"):
            call()
    with pytest.raises(ValueError, match=f"of a table of .*{n_inputs} rows; above 20 inputs give"):
        RunConfig(graph=graph)


@pytest.mark.parametrize("settings", [{}, {"model": "modular", "routing": "known"}])
def test_a_network_of_100_inputs_learns(settings: dict) -> None:
    graph = FunctionGraph(100, [["OR 3 70"]])
    run = RunConfig(
        graph=graph, train_rows=256, epochs=60, eval_every=60, evaluation_rows=600, **settings
    )
    last = train_chunk([run], chunk=1).table.iloc[-1]
    assert last["train_bit_accuracy"] > 0.95
    assert last["evaluation_rows"] == 600
