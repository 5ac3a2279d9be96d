"""The cuts of slots: sets of thresholds that separate the values of a slot, best first.

Cuts with the fewest thresholds come first, then those with the widest gaps, as shares of their
slots' ranges; see ``thresholds``, which searches among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import combinations, islice

import numpy as np

from modnets.models.structures import NOTHING

#: Smallest gap, as a share of the range, between values that count as distinct.
SAME = 1e-5
#: Largest number of thresholds of a slot.
MAX_THRESHOLDS = 4
#: Largest number of array elements at once where cuts are made.
MAX_ELEMENTS = 2**21


@dataclass(frozen=True)
class Cuts:
    """Cuts of a slot.

    Parameters
    ----------
    at : ndarray, shape (cut, MAX_THRESHOLDS)
        Thresholds, padded with NaN.
    score : ndarray, shape (cut,)
        Smallest gap, as a share of the range, less 1 for each threshold but the first.
    bits : ndarray of bool, shape (cut, distinct value)
    """

    at: np.ndarray
    score: np.ndarray
    bits: np.ndarray

    def only(self, index: np.ndarray | slice) -> Cuts:
        """Some of the cuts."""
        return Cuts(self.at[index], self.score[index], self.bits[index])


@dataclass(frozen=True)
class DistinctRows:
    """The rows that differ in the distinct values that a slot reads and gives.

    Parameters
    ----------
    own : ndarray of int, shape (row,)
        Index of the slot's own value.
    read : tuple of (int, ndarray of int, shape (row,))
        Slots of the level below that it reads, and the index of the value of each.
    """

    own: np.ndarray
    read: tuple[tuple[int, np.ndarray], ...]


def possible(cuts: Cuts, rows: DistinctRows, below: Mapping[int, Cuts], most: int) -> Cuts:
    """Those cuts of a slot whose bits are a function of the bits that some cuts below give.

    All of them where an array would have more than ``most`` elements.
    """
    n_codes = 2 ** len(rows.read)
    n_below = int(np.prod([len(below[source].at) for source, _ in rows.read], dtype=float))
    if len(cuts.at) == 1 or n_below * n_codes * len(cuts.at) > most:
        return cuts
    own, bits = cuts.bits[:, rows.own], [below[source].bits[:, at] for source, at in rows.read]
    kept = distinct(np.concatenate([*bits, own]))
    if n_below * n_codes * len(cuts.at) * len(kept) > 16 * most:
        return cuts
    code = np.zeros((1, len(kept)), dtype=int)  # of the bits read, for all combinations of cuts
    for one in bits:
        code = (2 * code[:, None] + one[:, kept]).reshape(-1, len(kept))
    met = (code[:, None] == np.arange(n_codes)[:, None]).astype(np.float32)
    ones = met @ own[:, kept].T.astype(np.float32)
    are_possible = ((ones == 0) | (ones == met.sum(axis=2, keepdims=True))).all(axis=1).any(axis=0)
    return cuts.only(are_possible)


def distinct(signals: np.ndarray) -> np.ndarray:
    """Indices of rows with distinct bits, of signals of bool, shape (signal, row)."""
    packed = np.ascontiguousarray(np.packbits(signals, axis=0).T)
    first = dict(zip(map(bytes, packed[::-1]), range(len(packed) - 1, -1, -1), strict=True))
    return np.fromiter(first.values(), dtype=int)


def cuts_of(values: np.ndarray, is_output: np.ndarray, most: int) -> tuple[np.ndarray, list[Cuts]]:
    """The cuts of slots, best first.

    Parameters
    ----------
    values : ndarray, shape (slot, row)
    is_output : ndarray of bool, shape (slot,)
        Slots whose one cut is at 0.
    most : int
        Largest number of cuts of a slot.

    Returns
    -------
    ndarray of int, shape (slot, row)
        Index of each row's value among the slot's distinct values, in ascending order.
    list of Cuts
    """
    order = np.argsort(values, axis=1)
    ordered = np.take_along_axis(values, order, axis=1).astype(float)
    spread = ordered[:, -1] - ordered[:, 0]
    varies = spread > SAME * np.abs(ordered[:, [0, -1]]).max(axis=1)
    searched = varies & ~is_output
    widths = np.diff(ordered, axis=1) / np.where(varies, spread, np.inf)[:, None]
    wide = (widths > SAME) & searched[:, None]
    index = np.zeros(values.shape, dtype=np.int32)
    np.put_along_axis(index, order[:, 1:], wide.cumsum(axis=1, dtype=np.int32), axis=1)
    index[is_output] = values[is_output] > 0
    slot, gap = np.nonzero(wide)
    n_gaps = wide.sum(axis=1)
    first = n_gaps.cumsum() - n_gaps
    rank = np.arange(len(slot)) - first[slot]
    width, middle = widths[slot, gap], (ordered[slot, gap] + ordered[slot, gap + 1]) / 2
    by_width = np.lexsort((-width, slot))
    constant = [_single(at, np.zeros(1, dtype=bool)) for at in ordered[~searched, -1]]
    cuts = [_ANSWER] * len(values)
    for number, one in zip(np.flatnonzero(~searched), constant, strict=True):
        cuts[number] = _ANSWER if is_output[number] else one
    for size in np.unique(n_gaps[searched]).tolist():
        same = np.flatnonzero(searched & (n_gaps == size))
        choices = _gap_choices(size, most)
        step = max(1, MAX_ELEMENTS // (len(choices) * (size + 1)))
        for some in np.split(same, range(step, len(same), step)):
            gaps = by_width[first[some, None] + np.arange(size)]
            of_slots = _cuts_at(middle[gaps], width[gaps], rank[gaps], choices)
            for number, one in zip(some.tolist(), of_slots, strict=True):
                cuts[number] = one
    return index, cuts


def _cuts_at(
    middles: np.ndarray, widths: np.ndarray, ranks: np.ndarray, choices: np.ndarray
) -> list[Cuts]:
    """The cuts of slots with the same number of gaps.

    Parameters
    ----------
    middles, widths, ranks : ndarray, shape (slot, gap)
        Of the gaps, widest first; the rank is that from the lowest one.
    choices : ndarray of int, shape (cut, MAX_THRESHOLDS)
        As from :func:`_gap_choices`.
    """
    n_slots, n_gaps = middles.shape
    none = np.ones((n_slots, 1))
    at = np.sort(np.concatenate([middles, np.nan * none], axis=1)[:, choices], axis=2)
    least = np.concatenate([widths, np.inf * none], axis=1)[:, choices].min(axis=2)
    score = least - ((choices >= 0).sum(axis=1) - 1)
    over = np.zeros((n_slots, n_gaps + 1, n_gaps + 1), dtype=bool)
    over[:, :-1] = ranks[..., None] < np.arange(n_gaps + 1)
    bits = np.logical_xor.reduce([over[:, gap] for gap in choices.T])
    return [Cuts(*one) for one in zip(at, score, bits, strict=True)]


def rows_of(
    index: np.ndarray, below: np.ndarray, runs: np.ndarray, sources: np.ndarray
) -> list[DistinctRows]:
    """The rows that differ in what slots read and give.

    Parameters
    ----------
    index : ndarray of int, shape (slot, row)
        Index of each row's value, of slots of any runs.
    below : ndarray of int, shape (run, slot below, row)
    runs : ndarray of int, shape (slot,)
    sources : ndarray of int, shape (slot, position)
    """
    code, n_codes = index.astype(np.int64), int(index.max(initial=0)) + 1
    for source in sources.T:
        read = np.where(source[:, None] == NOTHING, 0, below[runs, source])
        n_values = int(read.max(initial=0)) + 1
        if n_codes * n_values >= 2**63:
            code = np.unique(code, return_inverse=True)[1].reshape(code.shape)
            n_codes = int(code.max()) + 1
        code, n_codes = code * n_values + read, n_codes * n_values
    order = np.argsort(code, axis=1)
    code = np.take_along_axis(code, order, axis=1)
    is_first = np.pad(code[:, 1:] != code[:, :-1], ((0, 0), (1, 0)), constant_values=True)
    of_slots = []
    for number, (run, reads) in enumerate(zip(runs.tolist(), sources.tolist(), strict=True)):
        rows = order[number, is_first[number]]
        values = tuple((s, below[run, s, rows]) for s in reads if s != NOTHING)
        of_slots.append(DistinctRows(index[number, rows], values))
    return of_slots


def _single(at: float, bits: np.ndarray) -> Cuts:
    """The cut by one threshold, which gives these bits."""
    return Cuts(np.array([[at, *[np.nan] * (MAX_THRESHOLDS - 1)]]), np.zeros(1), bits[None])


#: The one cut of an output.
_ANSWER = _single(0.0, np.array([False, True]))


@cache
def _gap_choices(n_gaps: int, most: int) -> np.ndarray:
    """At most so many subsets of gaps, widest first, padded with -1: (cut, MAX_THRESHOLDS)."""
    narrowest_last = (
        (*wider, last, *[-1] * (MAX_THRESHOLDS - n_thresholds))
        for n_thresholds in range(1, MAX_THRESHOLDS + 1)
        for last in range(n_gaps)
        for wider in combinations(range(last), n_thresholds - 1)
    )
    return np.array(list(islice(narrowest_last, most)))
