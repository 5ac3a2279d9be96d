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
from itertools import count

import numpy as np

from modnets.models.compiled_thresholds import compiled_thresholds
from modnets.models.cuts import (
    MAX_THRESHOLDS,
    Cuts,
    DistinctRows,
    cuts_of,
    distinct,
    possible,
    rows_of,
)


@dataclass(frozen=True)
class Limits:
    """How much is searched for one network.

    Parameters
    ----------
    cuts : int
        Of a slot, fewest thresholds and widest gaps first.
    kept : tuple of int
        Of those that the slots below can give: few in a first search, then more.
    steps : int
        Partial choices of cuts.  A comparison of levels counts as COMPARISON steps, and a step
        counts more with more than PAIRS pairs of rows.
    elements : int
        Of an array in a comparison.
    """

    cuts: int
    kept: tuple[int, int]
    steps: int
    elements: int


#: Of tables of up to FEW_ROWS rows, and of larger ones, each of whose steps takes longer.
FEW_ROWS = 64
THOROUGH = Limits(cuts=2048, kept=(16, 256), steps=30_000, elements=2**21)
QUICK = Limits(cuts=256, kept=(16, 256), steps=6_000, elements=2**18)
COMPARISON, PAIRS = 400, 2048
#: Largest network that is searched: used slots times rows.
MAX_BITS = 2**15

#: Used slot of a level -> its cuts.
_Level = dict[int, Cuts]


@dataclass(frozen=True)
class _Network:
    """Cuts of the used slots of each level, and of those above the first the rows that differ."""

    cuts: list[_Level]
    rows: list[dict[int, DistinctRows]]


@dataclass
class _Budget:
    """Number of steps left, and the largest number of array elements."""

    left: int
    elements: int


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
    n_rows = values[0].shape[2]
    limits = THOROUGH if n_rows <= FEW_ROWS else QUICK
    searched = sum((level.sum(axis=1) for level in used), np.zeros(1)) * n_rows <= MAX_BITS
    for level, is_used in zip(values, used, strict=True):
        searched &= (np.isfinite(level).all(axis=2) | ~is_used).all(axis=1)
    every = (limits.cuts, *limits.kept, limits.steps, limits.elements, COMPARISON, PAIRS)
    found = compiled_thresholds(values, sources, used, is_output, searched, every)
    if found is None:
        found = _with_arrays(values, sources, used, is_output, searched, limits)
    return found


def _with_arrays(
    values: Sequence[np.ndarray],
    sources: Sequence[np.ndarray],
    used: Sequence[np.ndarray],
    is_output: Sequence[np.ndarray],
    searched: np.ndarray,
    limits: Limits,
) -> list[list[np.ndarray] | None]:
    """What :func:`joint_thresholds` finds, where there is no machine code."""
    n_runs, _, n_rows = values[0].shape
    networks = [_Network([], []) for _ in range(n_runs)]
    below = np.empty((n_runs, 0, n_rows), dtype=np.int32)
    for number, level in enumerate(values):
        for network in networks:
            network.cuts.append({})
            network.rows.append({})
        run, slot = np.nonzero(used[number] & searched[:, None])
        ends, reads = is_output[number][run, slot], sources[number][run, slot]
        index, of_slots = cuts_of(
            level[run, slot], ends, limits.cuts if number else limits.kept[-1]
        )
        of_rows = rows_of(index, below, run, reads) if number else []
        below = np.zeros(level.shape, dtype=np.int32)
        below[run, slot] = index
        places = list(zip(run.tolist(), slot.tolist(), strict=True))
        for (at_run, at), of_slot in zip(places, of_slots, strict=True):
            networks[at_run].cuts[-1][at] = of_slot
        for (at_run, at), differing in zip(places, of_rows, strict=False):
            networks[at_run].rows[-1][at] = differing
    n_slots = [level.shape[1] for level in values]
    return [
        _search(network, n_slots, limits) if is_searched else None
        for network, is_searched in zip(networks, searched.tolist(), strict=True)
    ]


def _search(network: _Network, n_slots: Sequence[int], limits: Limits) -> list[np.ndarray] | None:
    """Thresholds of one network; see :func:`joint_thresholds`."""
    levels: list[_Level] = []
    for slots, rows in zip(network.cuts, network.rows, strict=True):
        left = {
            slot: possible(cuts, rows[slot], levels[-1], limits.elements) if levels else cuts
            for slot, cuts in slots.items()
        }
        if not all(len(cuts.at) for cuts in left.values()):
            return None
        levels.append({slot: cuts.only(slice(limits.kept[-1])) for slot, cuts in left.items()})
    top = max((number for number, level in enumerate(levels) if level), default=0)
    most = max(len(one.at) for level in levels for one in level.values())
    for kept in limits.kept:
        some = [{slot: one.only(slice(kept)) for slot, one in level.items()} for level in levels]
        chosen = _descend(
            top, [some[top]], some, network.rows, _Budget(limits.steps, limits.elements)
        )
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
    rows: Sequence[dict[int, DistinctRows]],
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
    above: _Level, level: _Level, rows: dict[int, DistinctRows], budget: _Budget
) -> Iterator[_Level]:
    """One cut for each slot of a level, such that the cuts fit; best first (branch and bound)."""
    budget.left -= COMPARISON
    separated = _separated_pairs(above, level, rows, budget.elements) if budget.left > 0 else None
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
    above: _Level, level: _Level, rows: dict[int, DistinctRows], most: int
) -> tuple[dict[int, list[int]], int] | None:
    """For each cut of each slot the pairs of rows that it separates, as the bits of an integer.

    A pair is one row on which a slot above gives 1, and one on which it gives 0.

    Returns
    -------
    dict of list of int
    int
        All pairs.  None instead of both if an array would have more than ``most`` elements.
    """
    masks = {slot: [0] * len(cuts.at) for slot, cuts in level.items()}
    shift = 0
    for slot, cut in above.items():
        read = rows[slot].read
        bits = np.concatenate([*(level[source].bits[:, at] for source, at in read)])
        own = cut.bits[0, rows[slot].own]
        kept = distinct(np.concatenate([bits, own[None]]))
        ones, zeros = kept[own[kept]], kept[~own[kept]]
        n_pairs = len(ones) * len(zeros)
        if n_pairs * len(bits) > most:
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
