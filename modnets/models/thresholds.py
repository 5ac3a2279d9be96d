"""Thresholds for all slots of a network at once, so that its gates give the network's own table.

Each slot cut at the midpoint of its own range may tell apart what the levels above do not need, and
merge what they do.  Here the cuts are searched from the outputs down.  Outputs are cut at 0, as the
network's answers are.  A slot of a level below may be cut in any gap between the values that it
takes, and in several: an XOR that gives -1, 0, 0 and 1 is read as one if the level above does not
care for the sign.  Cuts fit if no two rows on which a slot above gives different bits look the same
to it.  Of cuts that fit, those with the fewest thresholds come first, then those with the widest
gaps, as shares of their slots' ranges; the levels below are then tried for them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, count, islice

import numpy as np

from modnets.models.structures import NOTHING

#: Values nearer than this, as a share of the range, count as one.
SAME = 1e-5
#: Most thresholds of a slot.
MAX_THRESHOLDS = 4
#: Most ways to cut a slot, fewest thresholds and widest gaps first.
MAX_CUTS = 2048
#: Most of those that some cuts of the slots below can give: few at first, then more.
KEPT = (16, 256)
#: Most partial choices that are looked at, for one network; a comparison of levels counts as so
#: many, and steps count more where there are more pairs of rows than this.
MAX_STEPS, COMPARISON, PAIRS = 30_000, 400, 2048
#: Largest network that is looked at: slots in use times rows.
MAX_BITS = 2**15
#: Most numbers held for a comparison.
MAX_NUMBERS = 2**21


@dataclass(frozen=True)
class _Cuts:
    """Ways to cut a slot.

    Parameters
    ----------
    at : ndarray, shape (way, MAX_THRESHOLDS)
        NaN where there are fewer.
    worth : ndarray, shape (way,)
    bits : ndarray of bool, shape (way, row)
    """

    at: np.ndarray
    worth: np.ndarray
    bits: np.ndarray

    def only(self, ways: np.ndarray | slice) -> _Cuts:
        """Some of them."""
        return _Cuts(self.at[ways], self.worth[ways], self.bits[ways])


#: A level's slots in use, each with ways to cut it.
_Level = dict[int, _Cuts]


@dataclass
class _Budget:
    """Steps that are left."""

    left: int


def joint_thresholds(
    values: Sequence[np.ndarray],
    sources: Sequence[np.ndarray],
    used: Sequence[np.ndarray],
    is_output: Sequence[np.ndarray],
) -> list[np.ndarray] | None:
    """Thresholds of one network's used slots with which gates give its table.

    Parameters
    ----------
    values : sequence of ndarray, shape (slot, row), one for each level
    sources : sequence of ndarray of int, shape (slot, place)
        Places in the level below; NOTHING where a place reads none.
    used, is_output : sequence of ndarray of bool, shape (slot,)

    Returns
    -------
    list of ndarray, shape (slot, MAX_THRESHOLDS), or None
        NaN where a slot has fewer, and for slots not in use.  None if there are no such
        thresholds, or none were found among those tried, or the network is too large to try.
    """
    n_bits = values[0].shape[1] * sum(map(np.count_nonzero, used))
    if n_bits > MAX_BITS:
        return None
    if not all(np.isfinite(level[use]).all() for level, use in zip(values, used, strict=True)):
        return None
    levels: list[_Level] = []
    for level, uses in enumerate(used):
        levels.append({})
        for slot in np.flatnonzero(uses).tolist():
            given = values[level][slot]
            ways = _one_way(0.0, given > 0) if is_output[level][slot] else _ways(given)
            if level:
                ways = _possible(ways, [levels[-2][s] for s in sources[level][slot] if s >= 0])
            if not len(ways.at):
                return None
            levels[-1][slot] = ways.only(slice(KEPT[-1]))
    top = max((number for number, level in enumerate(levels) if level), default=0)
    for kept in KEPT:
        some = [{slot: ways.only(slice(kept)) for slot, ways in one.items()} for one in levels]
        chosen = _descend(top, [some[top]], some, sources, _Budget(MAX_STEPS))
        if chosen is not None:
            break
    else:
        return None
    cuts = [np.full((len(level), MAX_THRESHOLDS), np.nan) for level in values]
    for level, slots in enumerate(chosen):
        for slot, cut in slots.items():
            cuts[level][slot] = cut.at[0]
    return cuts


def _descend(
    number: int,
    chosen: list[_Level],
    levels: list[_Level],
    sources: Sequence[np.ndarray],
    budget: _Budget,
) -> list[_Level] | None:
    """One way for each slot of all levels below one that is settled, put in front of those."""
    if number == 0:
        return chosen
    for below in _fitting(chosen[0], levels[number - 1], sources[number], budget):
        found = _descend(number - 1, [below, *chosen], levels, sources, budget)
        if found is not None:
            return found
    return None


def _fitting(
    above: _Level, level: _Level, sources: np.ndarray, budget: _Budget
) -> Iterator[_Level]:
    """Choices of a level with which every slot above is a gate of it, best first."""
    budget.left -= COMPARISON
    told = _told_apart(above, level, sources) if budget.left > 0 else None
    if told is None:
        return
    masks, wanted = told
    n_pairs = wanted.bit_length()
    budget.left -= n_pairs * sum(len(cuts.at) for cuts in level.values()) // PAIRS
    slots = sorted(level, key=lambda slot: len(level[slot].at))
    worths = {slot: level[slot].worth.tolist() for slot in slots}
    rest, hope = [0] * (len(slots) + 1), [0.0] * (len(slots) + 1)  # of the slots still to come
    for place in reversed(range(len(slots))):
        rest[place] = rest[place + 1]
        for mask in masks[slots[place]]:
            rest[place] |= mask
        hope[place] = hope[place + 1] + max(worths[slots[place]])
    order, queue = count(), [(-hope[0], 0, 0.0, 0, ())]
    while queue and budget.left > 0:
        _, _, worth, mask, picked = heapq.heappop(queue)
        place = len(picked)
        if place == len(slots):
            if mask == wanted:
                yield {
                    s: level[s].only(slice(n, n + 1)) for s, n in zip(slots, picked, strict=True)
                }
            continue
        slot = slots[place]
        budget.left -= len(worths[slot]) * (1 + n_pairs // PAIRS)
        for number, (one, more) in enumerate(zip(masks[slot], worths[slot], strict=True)):
            now = mask | one
            if now | rest[place + 1] == wanted:
                bound = -(worth + more + hope[place + 1])
                heapq.heappush(queue, (bound, -next(order), worth + more, now, (*picked, number)))


def _told_apart(
    above: _Level, level: _Level, sources: np.ndarray
) -> tuple[dict[int, list[int]], int] | None:
    """For each cut of each slot the pairs of rows that it tells apart, as the bits of a number.

    Pairs are those of one row on which a slot above gives 1 and one on which it gives 0.

    Returns
    -------
    dict of list of int
    int
        All pairs.  None in place of both if there are too many.
    """
    masks = {slot: [0] * len(cuts.at) for slot, cuts in level.items()}
    shift = 0
    for slot, cut in above.items():
        read = [int(place) for place in sources[slot] if place != NOTHING]
        seen = np.concatenate([*(level[place].bits for place in read), cut.bits])
        rows = _distinct(seen)
        ones, zeros = rows[cut.bits[0, rows]], rows[~cut.bits[0, rows]]
        n_pairs = len(ones) * len(zeros)
        if n_pairs * sum(len(level[place].at) for place in read) > MAX_NUMBERS:
            return None
        for place in read:
            bits = level[place].bits
            apart = bits[:, ones, None] != bits[:, None, zeros]
            packed = np.packbits(apart.reshape(len(bits), -1), axis=1, bitorder="little")
            for number, row in enumerate(packed):
                masks[place][number] |= int.from_bytes(row.tobytes(), "little") << shift
        shift += n_pairs
    return masks, (1 << shift) - 1


def _possible(ways: _Cuts, below: Sequence[_Cuts]) -> _Cuts:
    """Those cuts of a slot that some cuts of what it reads can give, each by itself."""
    n_codes = 2 ** len(below)
    n_below = int(np.prod([len(one.at) for one in below], dtype=float))
    if len(ways.at) == 1 or n_below * n_codes * len(ways.at) > MAX_NUMBERS:
        return ways
    # Of rows that look the same one will do.
    seen = np.concatenate([*(one.bits for one in below), ways.bits])
    rows = _distinct(seen)
    if n_below * n_codes * len(ways.at) * len(rows) > 16 * MAX_NUMBERS:
        return ways
    code = np.zeros((1, len(rows)), dtype=int)  # of what is read, for all combinations below
    for one in below:
        code = (2 * code[:, None] + one.bits[:, rows]).reshape(-1, len(rows))
    met = (code[:, None] == np.arange(n_codes)[:, None]).astype(np.float32)
    ones = met @ ways.bits[:, rows].T.astype(np.float32)
    possible = ((ones == 0) | (ones == met.sum(axis=2, keepdims=True))).all(axis=1).any(axis=0)
    return ways.only(possible)


def _distinct(seen: np.ndarray) -> np.ndarray:
    """One row of each kind: ``seen`` is of bool, shape (signal, row)."""
    packed = np.ascontiguousarray(np.packbits(seen, axis=0).T)
    first = dict(zip(map(bytes, packed[::-1]), range(len(packed) - 1, -1, -1), strict=True))
    return np.fromiter(first.values(), dtype=int)


def _one_way(at: float, bits: np.ndarray) -> _Cuts:
    """A single threshold, and the bits that it gives."""
    return _Cuts(np.array([[at, *[np.nan] * (MAX_THRESHOLDS - 1)]]), np.zeros(1), bits[None])


def _ways(values: np.ndarray) -> _Cuts:
    """The ways to cut what a slot gives, shape (row,), best first."""
    ordered = np.unique(values).astype(float)
    spread = ordered[-1] - ordered[0]
    if not spread > SAME * max(abs(ordered[0]), abs(ordered[-1])):
        return _one_way(ordered[-1], np.zeros(len(values), dtype=bool))
    widths = np.diff(ordered) / spread
    wide = np.flatnonzero(widths > SAME)
    wide = wide[np.argsort(-widths[wide], kind="stable")]
    some = _choices(len(wide))
    at = np.append((ordered[wide] + ordered[wide + 1]) / 2, np.nan)[some]
    over = np.append(values > at[: len(wide), :1], [np.zeros_like(values, dtype=bool)], axis=0)
    bits = np.logical_xor.reduce(over[some], axis=1)
    n_thresholds = (some >= 0).sum(axis=1)
    worth = np.append(widths[wide], np.inf)[some].min(axis=1) - (n_thresholds - 1)
    return _Cuts(np.sort(at, axis=1), worth, bits)


@cache
def _choices(n_gaps: int) -> np.ndarray:
    """Which gaps, widest first, are cut: shape (way, MAX_THRESHOLDS), -1 where there are fewer."""
    narrowest_last = (
        (*wider, last, *[-1] * (MAX_THRESHOLDS - n_thresholds))
        for n_thresholds in range(1, MAX_THRESHOLDS + 1)
        for last in range(n_gaps)
        for wider in combinations(range(last), n_thresholds - 1)
    )
    return np.array(list(islice(narrowest_last, MAX_CUTS)))
