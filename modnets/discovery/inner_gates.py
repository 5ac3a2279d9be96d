"""Gates of inner sub-functions: those whose output is read complemented or not."""

from __future__ import annotations

from functools import cache

import numpy as np


@cache
def gates_of(n_inputs: int) -> np.ndarray:
    """Gates that depend on all their inputs and are 0 where all are, shape (gate, combination)."""
    size, found = 2**n_inputs, []
    for code in range(1, 2 ** (size - 1)):
        table = code >> np.arange(size - 1, -1, -1) & 1
        cube = table.reshape((2,) * n_inputs)
        halves = [(cube.take(0, axis), cube.take(1, axis)) for axis in range(n_inputs)]
        if all((low != high).any() for low, high in halves):
            found.append(table)
    return np.array(found)
