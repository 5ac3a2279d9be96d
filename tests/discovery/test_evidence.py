"""Bits of evidence: Kraft's inequality by enumeration, and tables and joins that raise it."""

from __future__ import annotations

import itertools
from math import comb, log2

import numpy as np
import pytest

from modnets.discovery.candidates import Candidate, distinct, posterior
from modnets.discovery.evidence import (
    Rows,
    all_dependent,
    bits_if_even,
    bits_of_levels,
    description_length,
)
from modnets.discovery.joining import joined
from modnets.discovery.nodes import Node, inputs, nodes_of, values_of
from modnets.discovery.tables_fitted import fitted
from modnets.tasks.gates import all_rows
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS


def test_tables_that_depend_on_all_inputs() -> None:
    for n_inputs in (1, 2, 3):
        count = 0
        for table in itertools.product((0, 1), repeat=2**n_inputs):
            cube = np.array(table).reshape((2,) * n_inputs)
            axes = range(n_inputs)
            count += all((cube.take(0, axis) != cube.take(1, axis)).any() for axis in axes)
        assert 2 ** all_dependent(n_inputs) == pytest.approx(count)


def test_all_circuits_of_two_levels_fit_into_one() -> None:
    """Kraft: 2**-bits, summed over circuits that differ, is at most 1."""
    total, seen = 0.0, set()
    pairs = list(itertools.combinations(range(3), 2))
    for slots in (1, 2, 3):
        for first in itertools.combinations_with_replacement(pairs, slots):
            tops = itertools.combinations(range(slots), 2)
            for top in tops:
                levels = (tuple(first), (top,))
                used = tuple(sorted(first)), tuple(sorted(first[at] for at in top))
                if used not in seen:
                    seen.add(used)
                    gates = 2 ** sum(all_dependent(2) - (level is first) for level in levels[0])
                    tables = 2 ** (slots * (all_dependent(2) - 1) + all_dependent(2))
                    assert gates > 0
                    total += tables * 2.0 ** -bits_of_levels(levels, 3, 1)
    assert 0 < total <= 1


def test_reading_evenly_is_cheaper_and_found_in_any_order() -> None:
    even = bits_if_even(((0, 1), (2, 3), (4, 5)), 6)
    assert even == pytest.approx(log2(comb(6, 2) * comb(4, 2)))
    shared = bits_if_even(((1, 2), (0, 1)), 3)
    assert shared == pytest.approx(log2(comb(3, 2) * 2))
    assert bits_if_even(((0, 1), (0, 1)), 4) == float("inf")


def test_evidence_of_a_graph_is_what_its_answers_cost_less_than_without() -> None:
    graph = GRAPHS["6-3-2-2"]
    rows = Rows(graph.rows(), graph.truth_table())
    ones = 16
    plain = 2 * (log2(65) + log2(comb(64, ones)))
    told = 2 * log2(65) + description_length(nodes_of(graph), 6)
    assert rows.evidence(nodes_of(graph)) == pytest.approx(plain - told)


def test_dont_cares_do_not_count() -> None:
    graph = GRAPHS["6-2-2"]
    y = graph.truth_table().astype(int)
    y[:40] = 255
    rows = Rows(graph.rows(), y)
    assert rows.n_rows == [24, 24]
    assert rows.errors(nodes_of(graph)) == [0, 0]


def test_random_answers_hardly_ever_save_bits() -> None:
    """By Kraft a circuit saves b bits of random answers with a chance of 2**-b at most."""
    rng, x = np.random.default_rng(0), all_rows(3)
    pairs = list(itertools.combinations(range(3), 2))
    leaves, saved = inputs(3), []
    for _ in range(200):
        rows = Rows(x, rng.integers(0, 2, (8, 1)))
        best = max(
            rows.evidence([Node((leaves[a], leaves[b]), tuple(table))])
            for a, b in pairs
            for table in itertools.product((0, 1), repeat=4)
        )
        saved.append(best)
    for bits in (1, 2, 3):
        assert np.mean(np.array(saved) >= bits) <= 2.0**-bits


def test_tables_are_fitted_to_the_rows() -> None:
    graph = GRAPHS["6-3-2-2"]
    rows = Rows(graph.rows(), graph.truth_table())
    wrong = nodes_of(FunctionGraph(6, [["XOR 0 1", "OR 2 3", "XOR 4 5"], ["AND 0 1", "OR 1 2"]]))
    assert sum(rows.errors(wrong)) > 0
    assert sum(rows.errors(fitted(wrong, rows))) == 0


def test_an_xor_of_an_xor_is_joined() -> None:
    leaves = inputs(3)
    inner = Node((leaves[0], leaves[1]), (0, 1, 1, 0))
    (whole,) = joined((Node((inner, leaves[2]), (0, 1, 1, 0)),), 3, lambda one: -one[0].depth)
    assert whole.sources == (leaves[0], leaves[1], leaves[2])
    x = all_rows(3)
    assert (values_of([whole], x)[:, 0] == x.sum(axis=1) % 2).all()


def test_chances_are_weighed_against_no_structure() -> None:
    a, b = nodes_of(GRAPHS["6-2-2"])
    first, second = Candidate((a, b), 3.0, 0.1), Candidate((b, a), 1.0, 0.1)
    assert posterior([first, second]) == pytest.approx([8 / 11, 2 / 11])
    assert posterior([]) == []
    again = Candidate((a, b), 2.0, 0.0)
    assert distinct([second, again, first]) == [first, second]
