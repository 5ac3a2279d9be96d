"""Truth tables as bits in integers, and lists of numbers without duplicates; numpy does the work.

A signal is one truth table: bit r of its words says what it is on row r.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BITS = 64  # of a word


def pack(bits: np.ndarray) -> np.ndarray:
    """Columns of bits as words.

    Parameters
    ----------
    bits : ndarray of {0, 1}, shape (row, signal)

    Returns
    -------
    ndarray of uint64, shape (signal, word)
    """
    n_words = -(-len(bits) // BITS)
    found = np.zeros((bits.shape[1], 8 * n_words), np.uint8)
    octets = np.packbits(bits.T.astype(bool), axis=1, bitorder="little")
    found[:, : octets.shape[1]] = octets
    return found.view("<u8").astype(np.uint64)


def unpack(words: np.ndarray, n_rows: int) -> np.ndarray:
    """Words as bits, shape (signal, row): what :func:`pack` was given, turned."""
    octets = np.ascontiguousarray(words.astype("<u8")).view(np.uint8)
    return np.unpackbits(octets, axis=1, count=n_rows, bitorder="little")


def words_of(rows: np.ndarray, n_rows: int) -> np.ndarray:
    """The signal that is 1 on these rows, shape (word,)."""
    bits = np.zeros((n_rows, 1), np.uint8)
    bits[rows] = 1
    return pack(bits)[0]


def apply_gates(sources: np.ndarray, gates: np.ndarray, everywhere: np.ndarray) -> np.ndarray:
    """What gates make of signals.

    Parameters
    ----------
    sources : ndarray of uint64, shape (n, input, word)
    gates : ndarray of int64, shape (n,)
        Bit i is the output for input row i; the first input is its most significant bit.
    everywhere : ndarray of uint64, shape (word,)
        The signal that is 1 on every row.

    Returns
    -------
    ndarray of uint64, shape (n, word)
    """
    n_inputs = sources.shape[1]
    found = np.zeros((len(sources), sources.shape[2]), np.uint64)
    for row in range(2**n_inputs):
        here = np.broadcast_to(everywhere, found.shape)
        for place in range(n_inputs):
            on = row >> (n_inputs - 1 - place) & 1
            here = here & (sources[:, place] if on else ~sources[:, place])
        says = (gates >> row & 1).astype(bool)
        found[says] |= here[says]
    return found


def up_to_negation(signals: np.ndarray, everywhere: np.ndarray) -> np.ndarray:
    """Of each signal and its negation the one that is 0 on the first row."""
    negative = (signals[:, :1] & np.uint64(1)).astype(bool)
    return np.where(negative, ~signals & everywhere, signals)


def distinct_signals(signals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct signals, and the place of each one among them."""
    if signals.shape[1] == 1:
        found, place = np.unique(signals[:, 0], return_inverse=True)
        return found[:, None], place
    found, place = np.unique(signals, axis=0, return_inverse=True)
    return found, place.reshape(-1)


def numbered(columns: Sequence[np.ndarray], sizes: Sequence[int]) -> np.ndarray:
    """One number for each row of several columns, equal for equal rows, in their order.

    Parameters
    ----------
    columns : sequence of ndarray of int, shape (n,)
    sizes : sequence of int
        Of each column: its numbers are below.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    keys, size = np.zeros(len(columns[0]), np.int64), 1
    for column, more in zip(columns, sizes, strict=True):
        if size * more >= 2**62:
            found, keys = np.unique(keys, return_inverse=True)
            size = len(found)
        keys = keys * more + column
        size *= more
    return keys


def order_of(keys: np.ndarray) -> np.ndarray:
    """The places of non-negative keys in ascending order; equal ones as they came.

    Key and place are sorted as one number where both fit into 63 bits: that is several times as
    fast as an argsort.
    """
    bits = max(len(keys) - 1, 1).bit_length()
    if len(keys) == 0 or int(keys.max()) >= 2 ** (63 - bits):
        return np.argsort(keys, kind="stable")
    packed = keys << bits
    packed |= np.arange(len(keys))
    packed.sort()
    return packed & (2**bits - 1)


def distinct_keys(keys: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each distinct key stands first, in ascending order of keys, and its summed weight."""
    order = order_of(keys)
    ordered = keys[order]
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    return order[first], np.add.reduceat(weights[order], first)


def places_of_keys(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each distinct key stands first, and the place of each key among the distinct ones."""
    order = order_of(keys)
    new = np.diff(keys[order], prepend=-1) != 0
    places = np.empty(len(keys), np.int64)
    places[order] = np.cumsum(new) - 1
    return order[new], places


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """``starts[0], starts[0] + 1, ...``, so many of each, one after another."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - counts), counts)
