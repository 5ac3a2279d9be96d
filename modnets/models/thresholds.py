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
    bits : ndarray of bool, shape (cut, distinct value)
    """

    at: np.ndarray
    score: np.ndarray
    bits: np.ndarray

    def only(self, index: np.ndarray | slice) -> _Cuts:
        """Some of the cuts."""
        return _Cuts(self.at[index], self.score[index], self.bits[index])


@dataclass(frozen=True)
class _Rows:
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


#: Used slot of a level -> its cuts.
_Level = dict[int, _Cuts]


@dataclass(frozen=True)
class _Network:
    """Cuts of the used slots of each level, and of those above the first the rows that differ."""

    cuts: list[_Level]
    rows: list[dict[int, _Rows]]


@dataclass
class _Budget:
    """Number of steps left."""

    left: int


def joint_thresholds(
    values: Sequence[np.ndarray],
    sources: Sequence[np.ndarray],
    used: Sequence[np.ndarray],
    is_output: Sequence[np.ndarray],
) -> list[list[np.ndarray] | None]:
    """Thresholds of the used slots of networks with which their gates give their truth tables.

    Parameters
    ----------
    values : sequence of ndarray, shape (run, slot, row), one for each level
    sources : sequence of ndarray of int, shape (run, slot, position)
        Indices into the level below, or NOTHING.
    used, is_output : sequence of ndarray of bool, shape (run, slot)

    Returns
    -------
    list of (list of ndarray, shape (slot, MAX_THRESHOLDS), or None), one for each run
        Padded with NaN; NaN for unused slots.  None if there are no such thresholds, the search
        finds none within its limits, or the network is too large.
    """
    n_runs, _, n_rows = values[0].shape
    searched = sum((level.sum(axis=1) for level in used), np.zeros(1)) * n_rows <= MAX_BITS
    for level, is_used in zip(values, used, strict=True):
        searched &= (np.isfinite(level).all(axis=2) | ~is_used).all(axis=1)
    networks = [_Network([], []) for _ in range(n_runs)]
    below = np.empty((n_runs, 0, n_rows), dtype=np.int32)
    for number, level in enumerate(values):
        for network in networks:
            network.cuts.append({})
            network.rows.append({})
        run, slot = np.nonzero(used[number] & searched[:, None])
        ends, reads = is_output[number][run, slot], sources[number][run, slot]
        index, of_slots = _cuts_of(level[run, slot], ends, MAX_CUTS if number else KEPT[-1])
        of_rows = _rows_of(index, below, run, reads) if number else []
        below = np.zeros(level.shape, dtype=np.int32)
        below[run, slot] = index
        places = list(zip(run.tolist(), slot.tolist(), strict=True))
        for (at_run, at), of_slot in zip(places, of_slots, strict=True):
            networks[at_run].cuts[-1][at] = of_slot
        for (at_run, at), differing in zip(places, of_rows, strict=False):
            networks[at_run].rows[-1][at] = differing
    n_slots = [level.shape[1] for level in values]
    return [
        _search(network, n_slots) if is_searched else None
        for network, is_searched in zip(networks, searched.tolist(), strict=True)
    ]


def _search(network: _Network, n_slots: Sequence[int]) -> list[np.ndarray] | None:
    """Thresholds of one network; see :func:`joint_thresholds`."""
    levels: list[_Level] = []
    for slots, rows in zip(network.cuts, network.rows, strict=True):
        possible = {
            slot: _possible(cuts, rows[slot], levels[-1]) if levels else cuts
            for slot, cuts in slots.items()
        }
        if not all(len(cuts.at) for cuts in possible.values()):
            return None
        levels.append({slot: cuts.only(slice(KEPT[-1])) for slot, cuts in possible.items()})
    top = max((number for number, level in enumerate(levels) if level), default=0)
    most = max(len(one.at) for level in levels for one in level.values())
    for kept in KEPT:
        some = [{slot: one.only(slice(kept)) for slot, one in level.items()} for level in levels]
        chosen = _descend(top, [some[top]], some, network.rows, _Budget(MAX_STEPS))
        if chosen is not None:
            break
        if most <= kept:  # more would be the same again
            return None
    else:
        return None
    thresholds = [np.full((size, MAX_THRESHOLDS), np.nan) for size in n_slots]
    for level, slots in enumerate(chosen):
        for slot, cut in slots.items():
            thresholds[level][slot] = cut.at[0]
    return thresholds


def _descend(
    number: int,
    chosen: list[_Level],
    levels: list[_Level],
    rows: Sequence[dict[int, _Rows]],
    budget: _Budget,
) -> list[_Level] | None:
    """Depth-first search: one cut for each slot of the levels below ``number``, prepended."""
    if number == 0:
        return chosen
    for below in _fitting(chosen[0], levels[number - 1], rows[number], budget):
        result = _descend(number - 1, [below, *chosen], levels, rows, budget)
        if result is not None:
            return result
    return None


def _fitting(
    above: _Level, level: _Level, rows: dict[int, _Rows], budget: _Budget
) -> Iterator[_Level]:
    """One cut for each slot of a level, such that the cuts fit; best first (branch and bound)."""
    budget.left -= COMPARISON
    separated = _separated_pairs(above, level, rows) if budget.left > 0 else None
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
    above: _Level, level: _Level, rows: dict[int, _Rows]
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
        read = rows[slot].read
        bits = np.concatenate([*(level[source].bits[:, at] for source, at in read)])
        own = cut.bits[0, rows[slot].own]
        kept = _distinct(np.concatenate([bits, own[None]]))
        ones, zeros = kept[own[kept]], kept[~own[kept]]
        n_pairs = len(ones) * len(zeros)
        if n_pairs * len(bits) > MAX_ELEMENTS:
            return None
        apart = bits[:, ones, None] != bits[:, None, zeros]
        packed = np.packbits(apart.reshape(len(bits), -1), axis=1, bitorder="little")
        texts = iter(map(bytes, packed))
        for source, _ in read:
            of_source = masks[source]
            for number in range(len(of_source)):
                of_source[number] |= int.from_bytes(next(texts), "little") << shift
        shift += n_pairs
    return masks, (1 << shift) - 1


def _possible(cuts: _Cuts, rows: _Rows, below: _Level) -> _Cuts:
    """Those cuts of a slot whose bits are a function of the bits that some cuts below give."""
    n_codes = 2 ** len(rows.read)
    n_below = int(np.prod([len(below[source].at) for source, _ in rows.read], dtype=float))
    if len(cuts.at) == 1 or n_below * n_codes * len(cuts.at) > MAX_ELEMENTS:
        return cuts
    own, bits = cuts.bits[:, rows.own], [below[source].bits[:, at] for source, at in rows.read]
    kept = _distinct(np.concatenate([*bits, own]))
    if n_below * n_codes * len(cuts.at) * len(kept) > 16 * MAX_ELEMENTS:
        return cuts
    code = np.zeros((1, len(kept)), dtype=int)  # of the bits read, for all combinations of cuts
    for one in bits:
        code = (2 * code[:, None] + one[:, kept]).reshape(-1, len(kept))
    met = (code[:, None] == np.arange(n_codes)[:, None]).astype(np.float32)
    ones = met @ own[:, kept].T.astype(np.float32)
    possible = ((ones == 0) | (ones == met.sum(axis=2, keepdims=True))).all(axis=1).any(axis=0)
    return cuts.only(possible)


def _distinct(signals: np.ndarray) -> np.ndarray:
    """Indices of rows with distinct bits, of signals of bool, shape (signal, row)."""
    packed = np.ascontiguousarray(np.packbits(signals, axis=0).T)
    first = dict(zip(map(bytes, packed[::-1]), range(len(packed) - 1, -1, -1), strict=True))
    return np.fromiter(first.values(), dtype=int)


def _cuts_of(
    values: np.ndarray, is_output: np.ndarray, most: int
) -> tuple[np.ndarray, list[_Cuts]]:
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
    list of _Cuts
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
        choices = _gap_choices(size)[:most]
        step = max(1, MAX_ELEMENTS // (len(choices) * (size + 1)))
        for some in np.split(same, range(step, len(same), step)):
            gaps = by_width[first[some, None] + np.arange(size)]
            of_slots = _cuts_at(middle[gaps], width[gaps], rank[gaps], choices)
            for number, one in zip(some.tolist(), of_slots, strict=True):
                cuts[number] = one
    return index, cuts


def _cuts_at(
    middles: np.ndarray, widths: np.ndarray, ranks: np.ndarray, choices: np.ndarray
) -> list[_Cuts]:
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
    return [_Cuts(*one) for one in zip(at, score, bits, strict=True)]


def _rows_of(
    index: np.ndarray, below: np.ndarray, runs: np.ndarray, sources: np.ndarray
) -> list[_Rows]:
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
        of_slots.append(_Rows(index[number, rows], values))
    return of_slots


def _single(at: float, bits: np.ndarray) -> _Cuts:
    """The cut by one threshold, which gives these bits."""
    return _Cuts(np.array([[at, *[np.nan] * (MAX_THRESHOLDS - 1)]]), np.zeros(1), bits[None])


#: The one cut of an output.
_ANSWER = _single(0.0, np.array([False, True]))


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
