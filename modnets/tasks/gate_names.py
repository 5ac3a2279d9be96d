"""The name of a gate, from what it computes of the inputs that it meets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations

import numpy as np

from modnets.tasks.gates import SYMMETRIC_GATES, TWO_INPUT_GATES, all_rows, gate

#: Entry of a gate's table for inputs that a slot never meets.
NEVER = -1
#: Two-input gates from simple to less so: of those that agree on all inputs met the first is named.
BY_SIMPLICITY = ("FALSE", "TRUE", "A", "B", "NOT_A", "NOT_B", "AND", "OR", "NAND", "NOR")
BY_SIMPLICITY += ("NIMPLY", "CNIMPLY", "IMPLY", "CIMPLY", "XOR", "XNOR")


@cache
def name_of(table: tuple[int, ...]) -> str:
    """The name of a gate, some of whose inputs may never be met.

    It is told by the fewest inputs that it can be told by.

    Parameters
    ----------
    table : tuple of {0, 1, NEVER}, length 2**inputs

    Examples
    --------
    >>> name_of((0, 1, 1, 0)), name_of((0, 0, NEVER, 1)), name_of((0, 0, 0, 1, 0, 0, 0, 1))
    ('XOR', 'B', 'AND')
    """
    n_inputs = len(table).bit_length() - 1
    bits = all_rows(n_inputs)
    for count in range(n_inputs + 1):
        for places in combinations(range(n_inputs), count):
            smaller = _restricted(table, bits[:, places])
            if smaller is not None:
                return _plain_name(smaller, places)
    raise AssertionError("every table is told by all of its inputs")


def _restricted(table: Sequence[int], bits: np.ndarray) -> tuple[int, ...] | None:
    """The table by some inputs alone; None where these do not tell the output."""
    smaller: dict[tuple[int, ...], int] = {}
    for output, key in zip(table, map(tuple, bits.tolist()), strict=True):
        if output != NEVER and smaller.setdefault(key, output) != output:
            return None
    return tuple(smaller.get(tuple(row), NEVER) for row in all_rows(bits.shape[1]).tolist())


def _plain_name(table: tuple[int, ...], places: tuple[int, ...]) -> str:
    """The name of a gate that needs all of its inputs."""
    if len(places) < 2:
        letter = chr(ord("A") + places[0]) if places else ""
        named = {(0,): "FALSE", (1,): "TRUE", (NEVER,): "FALSE", (1, 0): f"NOT_{letter}"}
        return named.get(table, letter)
    names = BY_SIMPLICITY if len(places) == 2 else SYMMETRIC_GATES
    for name in names:
        known = TWO_INPUT_GATES[name] if len(places) == 2 else gate(name, len(places)).table
        if all(entry in (NEVER, wanted) for entry, wanted in zip(table, known, strict=True)):
            return name
    return "OTHER"
