"""The sets of sources that a slot may read: all of them, or those that tell most of the outputs."""

from __future__ import annotations

import itertools
import math

import numpy as np

from modnets.models.routing_methods.circuits import (
    MAX_SETS,
    CircuitShape,
    RowBits,
    corners_of,
    count,
)

#: Words that are looked at together.
BLOCK = 2**22


def all_sets(n_sources: int, arity: int) -> np.ndarray:
    """All sets of so many distinct sources, shape (set, position)."""
    combinations = itertools.combinations(range(n_sources), arity)
    return np.array(list(combinations)).reshape(-1, arity)


def sets_of_inputs(shape: CircuitShape, rows: RowBits) -> np.ndarray:
    """The sets of inputs that slots of the first level try, shape (run, set, position).

    Of more than MAX_SETS those with the most information about the outputs, on the training rows;
    they are found by adding one input after the other to the best smaller sets, from all pairs on.
    """
    n_runs = len(rows.x)
    if math.comb(shape.n_inputs, shape.arity) <= MAX_SETS:
        every = all_sets(shape.n_inputs, shape.arity)
        return np.broadcast_to(every, (n_runs, *every.shape))
    return np.stack([_best_sets(shape, rows, run) for run in range(n_runs)])


def _best_sets(shape: CircuitShape, rows: RowBits, run: int) -> np.ndarray:
    best = all_sets(shape.n_inputs, min(shape.arity, 2))
    while True:
        score = information(best, rows, run)
        best = best[np.sort(np.argsort(-score, kind="stable")[:MAX_SETS])]
        if best.shape[1] == shape.arity:
            return best
        added = np.broadcast_to(np.arange(shape.n_inputs), (len(best), shape.n_inputs))
        larger = np.concatenate(
            [np.repeat(best, shape.n_inputs, axis=0), added.reshape(-1, 1)], axis=1
        )
        larger = np.sort(larger, axis=1)
        best = np.unique(larger[(np.diff(larger, axis=1) > 0).all(axis=1)], axis=0)


def information(sets: np.ndarray, rows: RowBits, run: int) -> np.ndarray:
    """Mutual information of sets of inputs with each output, summed over outputs, in nats.

    Parameters
    ----------
    sets : ndarray of int, shape (set, position)
    rows : RowBits
    run : int
        Whose rows.

    Returns
    -------
    ndarray, shape (set,)
    """
    n_outputs, n_words = rows.y.shape[1:]
    size = max(1, BLOCK // (2 ** sets.shape[1] * n_outputs * n_words))
    return np.concatenate(
        [_information(sets[i : i + size], rows, run) for i in range(0, len(sets), size)]
    )


def _information(sets: np.ndarray, rows: RowBits, run: int) -> np.ndarray:
    y, counted = rows.y[run], rows.counted[run]
    corners = corners_of(rows.x[run][sets])[:, :, None]  # (set, corner, 1, word)
    joint = np.stack([count(corners & counted & ~y), count(corners & counted & y)])
    joint = joint / np.maximum(joint.sum(axis=(0, 2), keepdims=True), 1)
    expected = joint.sum(axis=0) * joint.sum(axis=2, keepdims=True)
    ratio = np.divide(joint, expected, out=np.ones_like(joint), where=joint > 0)
    return (joint * np.log(ratio)).sum(axis=(0, 2, 3))
