"""Every function that a modular network can express, if each module may be any gate.

Level by level, all that its slots can be at once is listed, and what is equal is kept once, with
the number of labelled networks behind it.  Symmetries keep the lists short.  The gates are closed
under negation of inputs and output, so with modules of their own signals count up to negation.
Where routing is learned the order of slots does not matter to the level above.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from modnets.analysis.version_space.bitsets import (
    apply_gates,
    distinct_keys,
    distinct_signals,
    numbered,
    pack,
    places_of_keys,
    ranges,
    up_to_negation,
)
from modnets.analysis.version_space.spec import NetworkSpec, narrowed, pools_of
from modnets.errors import require
from modnets.tasks.gates import all_rows

#: What is looked at in one level, at most.
MOST_STATES = 40_000_000
#: Of that at once, beside what is distinct.
AT_ONCE = 4_000_000


@dataclass(frozen=True, eq=False)
class Options:
    """What one slot can be in each state of the level below.

    Parameters
    ----------
    starts : ndarray of int, shape (state + 1,)
        Where the options of each state begin in the two others.
    signals : ndarray of int, shape (option,)
        Ascending in each state.
    networks : ndarray of int64, shape (option,)
        Labelled choices behind each.
    """

    starts: np.ndarray
    signals: np.ndarray
    networks: np.ndarray


@dataclass(frozen=True, eq=False)
class States:
    """What the slots of a level can be at once; of the last level the outputs.

    Parameters
    ----------
    signals : ndarray of uint64, shape (signal, word)
        Truth tables.
    pool : ndarray of int, shape (state,)
        Which of the pools the modules are; 0 in the last level, where equal functions of
        different pools are one.
    slots : ndarray of int32, shape (state, slot)
        Places in ``signals``; 0 for a slot that plays no part.
    networks : ndarray of int64, shape (state,)
        Labelled networks behind each.
    options : dict of Options
        By slot, in the states of the level below.
    """

    signals: np.ndarray
    pool: np.ndarray
    slots: np.ndarray
    networks: np.ndarray
    options: dict[int, Options]


def everywhere(n_inputs: int) -> np.ndarray:
    """The signal that is 1 on every row."""
    return pack(np.ones((2**n_inputs, 1), np.uint8))[0]


def enumerate_levels(structure: NetworkSpec) -> list[States]:
    """The inputs as states, and those of every level.

    Raises
    ------
    ValueError
        If there are more than ``MOST_STATES`` to look at in a level, or more labelled networks
        than can be counted in 63 bits.
    """
    labelled = structure.n_labelled
    require(labelled < 2**63, f"{labelled:.3g} labelled networks; allowed are {2.0**63:.3g}")
    pools, place = pools_of(structure)
    inputs = np.tile(np.arange(structure.n_inputs, dtype=np.int32), (len(pools), 1))
    variables = pack(all_rows(structure.n_inputs))
    levels = [States(variables, np.arange(len(pools)), inputs, np.bincount(place), {})]
    for level in range(len(structure.slots)):
        levels.append(_next(structure, pools, level, levels[-1]))
    return levels


def _next(structure: NetworkSpec, pools: np.ndarray, level: int, below: States) -> States:
    """The states of a level from those of the level below."""
    used, last = structure.used[level], level == len(structure.slots) - 1
    signals, options = _options(structure, pools, level, below)
    many = math.prod(np.diff(options[slot].starts).astype(float) for slot in used).sum()
    _bounded(many, level)
    unused = structure.n_choices(level) ** (structure.slots[level] - len(used))
    n_slots = structure.slots[level]
    parts = []
    for state, found, networks in _combined([options[slot] for slot in used], below.networks):
        slots = np.zeros((len(state), n_slots), np.int32)
        slots[:, used] = found
        for pool, taken, times in _taken(structure, below.pool[state], slots, last):
            parts.append(_distinct(pool, taken, networks * (times * unused), len(signals)))
    pool, slots, networks = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    if len(parts) > 1:
        pool, slots, networks = _distinct(pool, slots, networks, len(signals))
    return States(signals, pool, slots, networks, options)


def _bounded(many: float, level: int) -> None:
    require(
        many <= MOST_STATES,
        f"level {level + 1} has {many:,.0f} states to look at; allowed are {MOST_STATES:,}",
    )


def _taken(
    structure: NetworkSpec, pool: np.ndarray, slots: np.ndarray, last: bool
) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """States as the level above sees them; the last level as each choice of outputs does."""
    if last:
        places, times = structure.output_places
        for chosen in places:
            yield np.zeros_like(pool), slots[:, chosen], times
    else:
        yield pool, slots if structure.routing else np.sort(slots, axis=1), 1


def _options(
    structure: NetworkSpec, pools: np.ndarray, level: int, below: States
) -> tuple[np.ndarray, dict[int, Options]]:
    """The signals of a level, and what each slot can be in each state of the level below."""
    slots = structure.used[level]
    found = {}
    for slot in slots[:1] if structure.alike else slots:
        found[slot] = _choices(structure, pools, level, slot, below)
    signals, place = distinct_signals(np.concatenate([signals for signals, _, _ in found.values()]))
    options, begin = {}, 0
    for slot, (own, places, times) in found.items():
        ids = place[begin : begin + len(own)][places]
        begin += len(own)
        state = np.repeat(np.arange(len(ids)), ids.shape[1])
        keys = state * len(signals) + ids.ravel()
        first, networks = distinct_keys(keys, np.full(len(keys), times))
        starts = np.searchsorted(state[first], np.arange(len(ids) + 1))
        options[slot] = Options(starts, ids.ravel()[first], networks)
    return signals, options if not structure.alike else dict.fromkeys(slots, options[slots[0]])


def _choices(
    structure: NetworkSpec, pools: np.ndarray, level: int, slot: int, below: States
) -> tuple[np.ndarray, np.ndarray, int]:
    """What one slot may choose.

    Returns
    -------
    signals : ndarray of uint64, shape (signal, word)
    places : ndarray of int, shape (state, choice)
        Of each choice in each state its signal.
    times : int
        Labelled choices that each of these stands for.
    """
    reads = np.array(structure.reads(level, slot))
    n_inputs, times = reads.shape[1], 1
    if structure.own:
        # The gates that are 0 where all inputs are, for both signs; reads in one order.
        gates = 2 * np.arange(2 ** (2**n_inputs - 1))[None]
        reads = np.unique(np.sort(reads, axis=1), axis=0) if not structure.routing else reads
        times = structure.n_choices(level) // (gates.size * len(reads))
    else:
        gates = pools[below.pool][:, structure.modules(level, slot)]
        gates = narrowed(gates, structure.arity, n_inputs)
    shape = len(below.pool), len(reads), gates.shape[1]
    _bounded(math.prod(map(float, shape)), level)
    sources = [below.slots[:, reads[:, place], None] for place in range(n_inputs)]
    columns = [np.broadcast_to(c, shape).ravel() for c in (*sources, gates[:, None, :])]
    sizes = [len(below.signals)] * n_inputs + [2 ** (2**n_inputs)]
    first, places = places_of_keys(numbered(columns, sizes))
    read = np.stack([below.signals[column[first]] for column in columns[:-1]], axis=1)
    all_ones = everywhere(structure.n_inputs)
    signals = apply_gates(read, columns[-1][first], all_ones)
    if structure.own:
        signals = up_to_negation(signals, all_ones)
    return signals, places.reshape(shape[0], -1), times


def _combined(
    options: list[Options], networks: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """All that several slots can be together: the state below, signals by slot, networks."""
    many = np.cumsum(math.prod(np.diff(of.starts) for of in options))
    begin = 0
    while begin < len(networks):
        before = many[begin - 1] if begin else 0
        end = max(int(np.searchsorted(many, before + AT_ONCE, side="right")), begin + 1)
        state, found, count = np.arange(begin, end), [], networks[begin:end]
        for of in options:
            times = of.starts[state + 1] - of.starts[state]
            taken = ranges(of.starts[state], times)
            count = np.repeat(count, times) * of.networks[taken]
            found = [np.repeat(column, times) for column in found] + [of.signals[taken]]
            state = np.repeat(state, times)
        yield state, np.stack(found, axis=1), count
        begin = end


def _distinct(
    pool: np.ndarray, slots: np.ndarray, networks: np.ndarray, n_signals: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Equal states once, in ascending order, their networks summed."""
    sizes = [int(pool.max()) + 1] + [n_signals] * slots.shape[1]
    first, networks = distinct_keys(numbered([pool, *slots.T], sizes), networks)
    return pool[first], slots[first], networks
