"""The name of a gate, from its table, which may be undefined for inputs that never occur."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations

import numpy as np

from modnets.tasks.gates import SYMMETRIC_GATES, TWO_INPUT_GATES, all_rows, gate

#: Entry of a gate's table for a combination of inputs that never occurs.
NEVER = -1
#: Two-input gates, simple ones first: of gates that fit a table the first one gives the name.
BY_SIMPLICITY: tuple[str, ...] = (
    *("FALSE", "TRUE", "A", "B", "NOT_A", "NOT_B", "AND", "OR", "NAND", "NOR"),
    *("NIMPLY", "CNIMPLY", "IMPLY", "CIMPLY", "XOR", "XNOR"),
)


@cache
def name_of(table: tuple[int, ...]) -> str:
    """The name of a gate, as a function of the fewest inputs that determine its output.

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
        for indices in combinations(range(n_inputs), count):
            smaller = _restricted(table, bits[:, indices])
            if smaller is not None:
                return _name_of_essential(smaller, indices)
    raise AssertionError("all inputs together determine the output")


def _restricted(table: Sequence[int], bits: np.ndarray) -> tuple[int, ...] | None:
    """The table as a function of some inputs; None if they do not determine the output."""
    smaller: dict[tuple[int, ...], int] = {}
    for output, key in zip(table, map(tuple, bits.tolist()), strict=True):
        if output != NEVER and smaller.setdefault(key, output) != output:
            return None
    return tuple(smaller.get(tuple(row), NEVER) for row in all_rows(bits.shape[1]).tolist())


def _name_of_essential(table: tuple[int, ...], indices: tuple[int, ...]) -> str:
    """The name of a gate that depends on all of its inputs, which have these indices."""
    if len(indices) < 2:
        letter = chr(ord("A") + indices[0]) if indices else ""
        named = {(0,): "FALSE", (1,): "TRUE", (NEVER,): "FALSE", (1, 0): f"NOT_{letter}"}
        return named.get(table, letter)
    names = BY_SIMPLICITY if len(indices) == 2 else SYMMETRIC_GATES
    for name in names:
        known = TWO_INPUT_GATES[name] if len(indices) == 2 else gate(name, len(indices)).table
        if all(entry in (NEVER, output) for entry, output in zip(table, known, strict=True)):
            return name
    return "OTHER"
