"""Joint thresholds of all slots of a network, with which its gates give the network's truth table.

The midpoint of each slot's range may separate values that levels above treat alike, and merge
values that they do not.  So thresholds are searched jointly, from the outputs down.  Outputs have
the threshold 0, as the network's answers have.  A slot below may have thresholds in any gaps
between its values: an XOR that gives -1, 0, 0 and 1 is fitted as one if the level above ignores the
sign.  A *cut* is a set of thresholds of one slot.  The cuts of a level fit if any two rows on which
a slot above gives different bits differ in the bits that it reads.  Of cuts that fit, those with
the fewest thresholds are tried first, then those with the widest gaps, as shares of their slots'
ranges; then the levels below are searched for them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, count, islice

import numpy as np

from modnets.models.structures import NOTHING

#: Smallest gap, as a share of the range, between values that count as distinct.
SAME = 1e-5
#: Largest number of thresholds of a slot.
MAX_THRESHOLDS = 4
#: Largest number of cuts of a slot, fewest thresholds and widest gaps first.
MAX_CUTS = 2048
#: Largest numbers of those that the slots below can give: few in a first search, then more.
KEPT = (16, 256)
#: Largest number of steps of the search for one network: partial choices of cuts.  A comparison of
#: levels counts as COMPARISON steps, and a step counts more with more than PAIRS pairs of rows.
MAX_STEPS, COMPARISON, PAIRS = 30_000, 400, 2048
#: Largest network that is searched: used slots times rows.
MAX_BITS = 2**15
#: Largest number of array elements in a comparison.
MAX_ELEMENTS = 2**21


@dataclass(frozen=True)
class _Cuts:
    """Cuts of a slot.

    Parameters
    ----------
    at : ndarray, shape (cut, MAX_THRESHOLDS)
        Thresholds, padded with NaN.
    score : ndarray, shape (cut,)
        Smallest gap, as a share of the range, less 1 for each threshold but the first.
    bits : ndarray of bool, shape (cut, row)
    """

    at: np.ndarray
    score: np.ndarray
    bits: np.ndarray

    def only(self, index: np.ndarray | slice) -> _Cuts:
        """Some of the cuts."""
        return _Cuts(self.at[index], self.score[index], self.bits[index])


#: Used slot of a level -> its cuts.
_Level = dict[int, _Cuts]


@dataclass
class _Budget:
    """Number of steps left."""

    left: int


def joint_thresholds(
    values: Sequence[np.ndarray],
    sources: Sequence[np.ndarray],
    used: Sequence[np.ndarray],
    is_output: Sequence[np.ndarray],
) -> list[np.ndarray] | None:
    """Thresholds of a network's used slots with which its gates give its truth table.

    Parameters
    ----------
    values : sequence of ndarray, shape (slot, row), one for each level
    sources : sequence of ndarray of int, shape (slot, position)
        Indices into the level below, or NOTHING.
    used, is_output : sequence of ndarray of bool, shape (slot,)

    Returns
    -------
    list of ndarray, shape (slot, MAX_THRESHOLDS), or None
        Padded with NaN; NaN for unused slots.  None if there are no such thresholds, the search
        finds none within its limits, or the network is too large.
    """
    n_bits = values[0].shape[1] * sum(map(np.count_nonzero, used))
    if n_bits > MAX_BITS:
        return None
    if not all(np.isfinite(level[use]).all() for level, use in zip(values, used, strict=True)):
        return None
    levels: list[_Level] = []
    for level, is_used in enumerate(used):
        levels.append({})
        for slot in np.flatnonzero(is_used).tolist():
            output = values[level][slot]
            cuts = _single(0.0, output > 0) if is_output[level][slot] else _cuts_of(output)
            if level:
                cuts = _possible(cuts, [levels[-2][s] for s in sources[level][slot] if s >= 0])
            if not len(cuts.at):
                return None
            levels[-1][slot] = cuts.only(slice(KEPT[-1]))
    top = max((number for number, level in enumerate(levels) if level), default=0)
    for kept in KEPT:
        some = [{slot: cuts.only(slice(kept)) for slot, cuts in one.items()} for one in levels]
        chosen = _descend(top, [some[top]], some, sources, _Budget(MAX_STEPS))
        if chosen is not None:
            break
    else:
        return None
    thresholds = [np.full((len(one), MAX_THRESHOLDS), np.nan) for one in values]
    for level, slots in enumerate(chosen):
        for slot, cut in slots.items():
            thresholds[level][slot] = cut.at[0]
    return thresholds


def _descend(
    number: int,
    chosen: list[_Level],
    levels: list[_Level],
    sources: Sequence[np.ndarray],
    budget: _Budget,
) -> list[_Level] | None:
    """Depth-first search: one cut for each slot of the levels below ``number``, prepended."""
    if number == 0:
        return chosen
    for below in _fitting(chosen[0], levels[number - 1], sources[number], budget):
        result = _descend(number - 1, [below, *chosen], levels, sources, budget)
        if result is not None:
            return result
    return None


def _fitting(
    above: _Level, level: _Level, sources: np.ndarray, budget: _Budget
) -> Iterator[_Level]:
    """One cut for each slot of a level, such that the cuts fit; best first (branch and bound)."""
    budget.left -= COMPARISON
    separated = _separated_pairs(above, level, sources) if budget.left > 0 else None
    if separated is None:
        return
    masks, wanted = separated
    n_pairs = wanted.bit_length()
    budget.left -= n_pairs * sum(len(cuts.at) for cuts in level.values()) // PAIRS
    slots = sorted(level, key=lambda slot: len(level[slot].at))
    scores = {slot: level[slot].score.tolist() for slot in slots}
    # Of the slots from an index on: pairs that some cuts separate, and upper bound of the score.
    reachable, bounds = [0] * (len(slots) + 1), [0.0] * (len(slots) + 1)
    for index in reversed(range(len(slots))):
        reachable[index] = reachable[index + 1]
        for mask in masks[slots[index]]:
            reachable[index] |= mask
        bounds[index] = bounds[index + 1] + max(scores[slots[index]])
    order: Iterator[int] = count()
    queue: list[tuple[float, int, float, int, tuple[int, ...]]] = [(-bounds[0], 0, 0.0, 0, ())]
    while queue and budget.left > 0:
        _, _, score, mask, picked = heapq.heappop(queue)
        index = len(picked)
        if index == len(slots):
            if mask == wanted:
                yield {
                    s: level[s].only(slice(n, n + 1)) for s, n in zip(slots, picked, strict=True)
                }
            continue
        slot = slots[index]
        budget.left -= len(scores[slot]) * (1 + n_pairs // PAIRS)
        for number, (own, gain) in enumerate(zip(masks[slot], scores[slot], strict=True)):
            now = mask | own
            if now | reachable[index + 1] == wanted:
                bound = -(score + gain + bounds[index + 1])
                heapq.heappush(queue, (bound, -next(order), score + gain, now, (*picked, number)))


def _separated_pairs(
    above: _Level, level: _Level, sources: np.ndarray
) -> tuple[dict[int, list[int]], int] | None:
    """For each cut of each slot the pairs of rows that it separates, as the bits of an integer.

    A pair is one row on which a slot above gives 1, and one on which it gives 0.

    Returns
    -------
    dict of list of int
    int
        All pairs.  None instead of both if there are too many.
    """
    masks = {slot: [0] * len(cuts.at) for slot, cuts in level.items()}
    shift = 0
    for slot, cut in above.items():
        read = [int(source) for source in sources[slot] if source != NOTHING]
        rows = _distinct(np.concatenate([*(level[source].bits for source in read), cut.bits]))
        ones, zeros = rows[cut.bits[0, rows]], rows[~cut.bits[0, rows]]
        n_pairs = len(ones) * len(zeros)
        if n_pairs * sum(len(level[source].at) for source in read) > MAX_ELEMENTS:
            return None
        for source in read:
            bits = level[source].bits
            apart = bits[:, ones, None] != bits[:, None, zeros]
            packed = np.packbits(apart.reshape(len(bits), -1), axis=1, bitorder="little")
            for number, row in enumerate(packed):
                masks[source][number] |= int.from_bytes(row.tobytes(), "little") << shift
        shift += n_pairs
    return masks, (1 << shift) - 1


def _possible(cuts: _Cuts, below: Sequence[_Cuts]) -> _Cuts:
    """Those cuts of a slot whose bits are a function of the bits that some cuts below give."""
    n_codes = 2 ** len(below)
    n_below = int(np.prod([len(one.at) for one in below], dtype=float))
    if len(cuts.at) == 1 or n_below * n_codes * len(cuts.at) > MAX_ELEMENTS:
        return cuts
    rows = _distinct(np.concatenate([*(one.bits for one in below), cuts.bits]))
    if n_below * n_codes * len(cuts.at) * len(rows) > 16 * MAX_ELEMENTS:
        return cuts
    code = np.zeros((1, len(rows)), dtype=int)  # of the bits read, for all combinations of cuts
    for one in below:
        code = (2 * code[:, None] + one.bits[:, rows]).reshape(-1, len(rows))
    met = (code[:, None] == np.arange(n_codes)[:, None]).astype(np.float32)
    ones = met @ cuts.bits[:, rows].T.astype(np.float32)
    possible = ((ones == 0) | (ones == met.sum(axis=2, keepdims=True))).all(axis=1).any(axis=0)
    return cuts.only(possible)


def _distinct(signals: np.ndarray) -> np.ndarray:
    """Indices of rows with distinct bits, of signals of bool, shape (signal, row)."""
    packed = np.ascontiguousarray(np.packbits(signals, axis=0).T)
    first = dict(zip(map(bytes, packed[::-1]), range(len(packed) - 1, -1, -1), strict=True))
    return np.fromiter(first.values(), dtype=int)


def _single(at: float, bits: np.ndarray) -> _Cuts:
    """The cut by one threshold, which gives these bits."""
    return _Cuts(np.array([[at, *[np.nan] * (MAX_THRESHOLDS - 1)]]), np.zeros(1), bits[None])


def _cuts_of(values: np.ndarray) -> _Cuts:
    """The cuts of a slot with these outputs, shape (row,), best first."""
    ordered = np.unique(values).astype(float)
    spread = ordered[-1] - ordered[0]
    if not spread > SAME * max(abs(ordered[0]), abs(ordered[-1])):
        return _single(ordered[-1], np.zeros(len(values), dtype=bool))
    widths = np.diff(ordered) / spread
    wide = np.flatnonzero(widths > SAME)
    wide = wide[np.argsort(-widths[wide], kind="stable")]
    gaps = _gap_choices(len(wide))
    at = np.append((ordered[wide] + ordered[wide + 1]) / 2, np.nan)[gaps]
    over = np.append(values > at[: len(wide), :1], [np.zeros_like(values, dtype=bool)], axis=0)
    bits = np.logical_xor.reduce(over[gaps], axis=1)
    n_thresholds = (gaps >= 0).sum(axis=1)
    score = np.append(widths[wide], np.inf)[gaps].min(axis=1) - (n_thresholds - 1)
    return _Cuts(np.sort(at, axis=1), score, bits)


@cache
def _gap_choices(n_gaps: int) -> np.ndarray:
    """Subsets of gaps, widest gap first, shape (cut, MAX_THRESHOLDS), padded with -1."""
    narrowest_last = (
        (*wider, last, *[-1] * (MAX_THRESHOLDS - n_thresholds))
        for n_thresholds in range(1, MAX_THRESHOLDS + 1)
        for last in range(n_gaps)
        for wider in combinations(range(last), n_thresholds - 1)
    )
    return np.array(list(islice(narrowest_last, MAX_CUTS)))
