"""Gates against their names, evaluated bit by bit."""

from __future__ import annotations

import itertools
import operator
from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modnets.tasks.gates import (
    MAX_GATE_INPUTS,
    SYMMETRIC_GATES,
    TWO_INPUT_GATES,
    Gate,
    all_rows,
    bits_of,
    gate,
)

LITERAL = {
    "AND": lambda bits: int(all(bits)),
    "OR": lambda bits: int(any(bits)),
    "XOR": lambda bits: reduce(operator.xor, bits),
    "NAND": lambda bits: 1 - int(all(bits)),
    "NOR": lambda bits: 1 - int(any(bits)),
    "XNOR": lambda bits: 1 - reduce(operator.xor, bits),
}
LITERAL_TWO = {
    "FALSE": lambda a, b: 0,
    "NIMPLY": lambda a, b: a & (1 - b),
    "A": lambda a, b: a,
    "CNIMPLY": lambda a, b: (1 - a) & b,
    "B": lambda a, b: b,
    "NOT_A": lambda a, b: 1 - a,
    "NOT_B": lambda a, b: 1 - b,
    "CIMPLY": lambda a, b: a | (1 - b),
    "IMPLY": lambda a, b: (1 - a) | b,
    "TRUE": lambda a, b: 1,
}


@pytest.mark.parametrize("name", SYMMETRIC_GATES)
@pytest.mark.parametrize("n_inputs", [1, 2, 3, 5])
def test_symmetric_gates_are_what_their_names_say(name: str, n_inputs: int) -> None:
    wanted = tuple(LITERAL[name](bits) for bits in itertools.product((0, 1), repeat=n_inputs))
    assert gate(name, n_inputs).table == wanted
    assert gate(name, n_inputs).n_inputs == n_inputs


@pytest.mark.parametrize("name", LITERAL_TWO)
def test_two_input_gates_are_what_their_names_say(name: str) -> None:
    wanted = tuple(LITERAL_TWO[name](a, b) for a in (0, 1) for b in (0, 1))
    assert gate(name).table == wanted


def test_two_input_gates_are_all_sixteen() -> None:
    assert set(LITERAL) | set(LITERAL_TWO) == set(TWO_INPUT_GATES)
    assert set(TWO_INPUT_GATES.values()) == set(itertools.product((0, 1), repeat=4))


@given(st.integers(1, 5), st.randoms(use_true_random=False))
def test_a_gate_looks_its_output_up(n_inputs: int, random) -> None:
    table = tuple(random.randint(0, 1) for _ in range(2**n_inputs))
    rows = list(itertools.product((0, 1), repeat=n_inputs))
    order = random.sample(range(len(rows)), len(rows))
    result = Gate("any", table)(np.array([rows[i] for i in order], np.uint8))
    assert result.tolist() == [table[i] for i in order]


@pytest.mark.parametrize("n_inputs", [1, 2, 3, 7])
def test_rows_are_in_lexicographic_order(n_inputs: int) -> None:
    wanted = [list(bits) for bits in itertools.product((0, 1), repeat=n_inputs)]
    assert all_rows(n_inputs).tolist() == wanted


@given(st.lists(st.integers(0, 2**62 - 1), min_size=1, max_size=5))
def test_bits_of_large_numbers(numbers: list[int]) -> None:
    wanted = [[int(bit) for bit in f"{number:062b}"] for number in numbers]
    assert bits_of(np.array(numbers), 62).tolist() == wanted


def test_the_widest_gate() -> None:
    widest = gate("XOR", MAX_GATE_INPUTS)
    assert widest.n_inputs == 20
    assert sum(widest.table) == 2**19


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gate("g", (0, 1, 1)), r"gate 'g': its table has 3 entries; allowed are 2\*\*k"),
        (lambda: Gate("g", (0,)), "its table has 1 entries"),
        (lambda: Gate("g", (0, 2)), r"table=\(0, 2\); allowed entries are 0 and 1"),
        (lambda: gate("XOP"), "unknown gate 'XOP', did you mean 'XOR'"),
        (lambda: gate("IMPLY", 3), "unknown gate with 3 inputs 'IMPLY'.*allowed: AND, OR"),
        (lambda: gate("AND", 0), "n_inputs=0; allowed is 1 to 20"),
        (lambda: gate("AND", 21), "n_inputs=21; allowed is 1 to 20"),
    ],
)
def test_errors_say_what_is_allowed(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
