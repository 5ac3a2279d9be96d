"""Every function that a modular network can express, if each module may be any gate.

Level by level, all joint states of its slots are enumerated, equal ones once, with the number of
labelled networks that each stands for.  Symmetries keep the lists short: the gates are closed
under negation of inputs and output, so with own modules truth tables count up to negation; where
routing is learned the order of slots does not matter to the level above.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from modnets.analysis.version_space.bitsets import (
    apply_gates,
    distinct_bitsets,
    distinct_keys,
    pack,
    ranges,
    row_keys,
    unique_keys,
    up_to_negation,
)
from modnets.analysis.version_space.spec import NetworkSpec, narrowed, pools_of
from modnets.errors import require
from modnets.tasks.gates import all_rows

#: The most states that are enumerated in one level.
MOST_STATES = 40_000_000
#: States held in memory at once, beside the distinct ones.
BATCH = 4_000_000


@dataclass(frozen=True, eq=False)
class Options:
    """The truth tables that one slot can have, for each state of the level below.

    Parameters
    ----------
    starts : ndarray of int, shape (state + 1,)
        Where the options of each state start in the two other arrays.
    tables : ndarray of int, shape (option,)
        Indices in ``States.bitsets``, ascending in each state.
    networks : ndarray of int64, shape (option,)
        Number of labelled choices that each stands for.
    """

    starts: np.ndarray
    tables: np.ndarray
    networks: np.ndarray


@dataclass(frozen=True, eq=False)
class States:
    """The joint states of the slots of a level; in the last level those of the outputs.

    Parameters
    ----------
    bitsets : ndarray of uint64, shape (bitset, word)
        Truth tables.
    pool : ndarray of int, shape (state,)
        Index of the pool of modules; 0 in the last level, where equal functions of different
        pools are one state.
    slots : ndarray of int32, shape (state, slot)
        Truth table of each slot, an index in ``bitsets``; 0 for an unused slot.
    networks : ndarray of int64, shape (state,)
        Number of labelled networks that each stands for.
    options : dict of Options
        By slot, for the states of the level below.
    """

    bitsets: np.ndarray
    pool: np.ndarray
    slots: np.ndarray
    networks: np.ndarray
    options: dict[int, Options]


def all_ones(n_inputs: int) -> np.ndarray:
    """The bitset that is 1 on every row, shape (word,)."""
    return pack(np.ones((2**n_inputs, 1), np.uint8))[0]


def enumerate_levels(spec: NetworkSpec) -> list[States]:
    """The states of the inputs, and of every level.

    Raises
    ------
    ValueError
        If a level has more than ``MOST_STATES``, or there are more labelled networks than fit into
        63 bits.
    """
    labelled = spec.n_labelled
    require(labelled < 2**63, f"{labelled:.3g} labelled networks; allowed are {2.0**63:.3g}")
    pools, inverse = pools_of(spec)
    inputs = np.tile(np.arange(spec.n_inputs, dtype=np.int32), (len(pools), 1))
    variables = pack(all_rows(spec.n_inputs))
    levels = [States(variables, np.arange(len(pools)), inputs, np.bincount(inverse), {})]
    for level in range(len(spec.slots)):
        levels.append(_next(spec, pools, level, levels[-1]))
    return levels


def _next(spec: NetworkSpec, pools: np.ndarray, level: int, below: States) -> States:
    """The states of a level from those of the level below."""
    used, last = spec.used[level], level == len(spec.slots) - 1
    bitsets, options = _options(spec, pools, level, below)
    counts = [np.diff(options[slot].starts).astype(float) for slot in used]
    _check_size(float(np.prod(counts, axis=0).sum()), level)
    n_slots = spec.slots[level]
    unused = spec.n_choices(level) ** (n_slots - len(used))
    batches = []
    for state, tables, networks in _combined([options[slot] for slot in used], below.networks):
        slots = np.zeros((len(state), n_slots), np.int32)
        slots[:, used] = tables
        for pool, seen, times in _as_seen_above(spec, below.pool[state], slots, last):
            batches.append(_distinct(pool, seen, networks * (times * unused), len(bitsets)))
    pool, slots, networks = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    if len(batches) > 1:
        pool, slots, networks = _distinct(pool, slots, networks, len(bitsets))
    return States(bitsets, pool, slots, networks, options)


def _check_size(n_states: float, level: int) -> None:
    require(
        n_states <= MOST_STATES,
        f"level {level + 1} has {n_states:,.0f} states to look at; allowed are {MOST_STATES:,}",
    )


def _as_seen_above(
    spec: NetworkSpec, pool: np.ndarray, slots: np.ndarray, last: bool
) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Pool, slots and multiplicity of states, up to what the level above can tell apart.

    Of the last level: for each choice of outputs.
    """
    if last:
        choices, times = spec.output_choices
        for outputs in choices:
            yield np.zeros_like(pool), slots[:, outputs], times
    else:
        yield pool, slots if spec.routing else np.sort(slots, axis=1), 1


def _options(
    spec: NetworkSpec, pools: np.ndarray, level: int, below: States
) -> tuple[np.ndarray, dict[int, Options]]:
    """The bitsets of a level, and the options of each slot."""
    slots = spec.used[level]
    choices = {}
    for slot in slots[:1] if spec.interchangeable else slots:
        choices[slot] = _choices(spec, pools, level, slot, below)
    bitsets, inverse = distinct_bitsets(np.concatenate([own for own, _, _ in choices.values()]))
    options, start = {}, 0
    for slot, (own, indices, times) in choices.items():
        tables = inverse[start : start + len(own)][indices]
        start += len(own)
        state = np.repeat(np.arange(len(tables)), tables.shape[1])
        keys = state * len(bitsets) + tables.ravel()
        first, networks = distinct_keys(keys, np.full(len(keys), times))
        starts = np.searchsorted(state[first], np.arange(len(tables) + 1))
        options[slot] = Options(starts, tables.ravel()[first], networks)
    return bitsets, options if not spec.interchangeable else dict.fromkeys(slots, options[slots[0]])


def _choices(
    spec: NetworkSpec, pools: np.ndarray, level: int, slot: int, below: States
) -> tuple[np.ndarray, np.ndarray, int]:
    """The truth table of each choice of one slot.

    Returns
    -------
    bitsets : ndarray of uint64, shape (bitset, word)
    indices : ndarray of int, shape (state, choice)
        Index in ``bitsets`` of each choice in each state.
    times : int
        Labelled choices that each of these stands for.
    """
    reads = np.array(spec.reads(level, slot))
    n_inputs, times = reads.shape[1], 1
    if spec.own:
        # The gates that are 0 where all inputs are, for both signs; reads in one order.
        gates = 2 * np.arange(2 ** (2**n_inputs - 1))[None]
        reads = np.unique(np.sort(reads, axis=1), axis=0) if not spec.routing else reads
        times = spec.n_choices(level) // (gates.size * len(reads))
    else:
        gates = pools[below.pool][:, spec.modules(level, slot)]
        gates = narrowed(gates, spec.arity, n_inputs)
    shape = len(below.pool), len(reads), gates.shape[1]
    _check_size(math.prod(map(float, shape)), level)
    sources = [below.slots[:, reads[:, position], None] for position in range(n_inputs)]
    columns = [np.broadcast_to(c, shape).ravel() for c in (*sources, gates[:, None, :])]
    sizes = [len(below.bitsets)] * n_inputs + [2 ** (2**n_inputs)]
    first, indices = unique_keys(row_keys(columns, sizes))
    read = np.stack([below.bitsets[column[first]] for column in columns[:-1]], axis=1)
    ones = all_ones(spec.n_inputs)
    bitsets = apply_gates(read, columns[-1][first], ones)
    if spec.own:
        bitsets = up_to_negation(bitsets, ones)
    return bitsets, indices.reshape(shape[0], -1), times


def _combined(
    options: list[Options], networks: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Joint options of several slots, in batches: the state below, tables by slot, networks."""
    total = np.cumsum(np.prod([np.diff(of_slot.starts) for of_slot in options], axis=0))
    start = 0
    while start < len(networks):
        before = total[start - 1] if start else 0
        end = max(int(np.searchsorted(total, before + BATCH, side="right")), start + 1)
        state, count = np.arange(start, end), networks[start:end]
        tables: list[np.ndarray] = []
        for of_slot in options:
            times = of_slot.starts[state + 1] - of_slot.starts[state]
            indices = ranges(of_slot.starts[state], times)
            count = np.repeat(count, times) * of_slot.networks[indices]
            tables = [np.repeat(column, times) for column in tables] + [of_slot.tables[indices]]
            state = np.repeat(state, times)
        yield state, np.stack(tables, axis=1), count
        start = end


def _distinct(
    pool: np.ndarray, slots: np.ndarray, networks: np.ndarray, n_bitsets: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Equal states once, in ascending order, their networks summed."""
    sizes = [int(pool.max()) + 1] + [n_bitsets] * slots.shape[1]
    first, networks = distinct_keys(row_keys([pool, *slots.T], sizes), networks)
    return pool[first], slots[first], networks
