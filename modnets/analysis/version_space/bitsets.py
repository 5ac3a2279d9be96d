"""Truth tables as bitsets, and integer keys without duplicates; numpy does the work.

A bitset is the truth table of one output: bit r of its words is the output on row r.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

WORD_BITS = 64


def pack(bits: np.ndarray) -> np.ndarray:
    """Columns of bits as bitsets.

    Parameters
    ----------
    bits : ndarray of {0, 1}, shape (row, bitset)

    Returns
    -------
    ndarray of uint64, shape (bitset, word)
    """
    n_words = -(-len(bits) // WORD_BITS)
    padded = np.zeros((bits.shape[1], 8 * n_words), np.uint8)
    octets = np.packbits(bits.T.astype(bool), axis=1, bitorder="little")
    padded[:, : octets.shape[1]] = octets
    return padded.view("<u8").astype(np.uint64)


def unpack(words: np.ndarray, n_rows: int) -> np.ndarray:
    """Bitsets as bits, shape (bitset, row): the transpose of what :func:`pack` takes."""
    octets = np.ascontiguousarray(words.astype("<u8")).view(np.uint8)
    return np.unpackbits(octets, axis=1, count=n_rows, bitorder="little")


def bitset_of_rows(rows: np.ndarray, n_rows: int) -> np.ndarray:
    """The bitset that is 1 on these rows, shape (word,)."""
    bits = np.zeros((n_rows, 1), np.uint8)
    bits[rows] = 1
    return pack(bits)[0]


def apply_gates(sources: np.ndarray, gates: np.ndarray, all_ones: np.ndarray) -> np.ndarray:
    """The outputs of gates as bitsets.

    Parameters
    ----------
    sources : ndarray of uint64, shape (n, input, word)
    gates : ndarray of int64, shape (n,)
        Bit i is the output for input row i; the first input is its most significant bit.
    all_ones : ndarray of uint64, shape (word,)
        The bitset that is 1 on every row.

    Returns
    -------
    ndarray of uint64, shape (n, word)
    """
    n_inputs = sources.shape[1]
    outputs = np.zeros((len(sources), sources.shape[2]), np.uint64)
    for row in range(2**n_inputs):
        matching = np.broadcast_to(all_ones, outputs.shape)  # rows where the inputs are this row
        for position in range(n_inputs):
            on = row >> (n_inputs - 1 - position) & 1
            matching = matching & (sources[:, position] if on else ~sources[:, position])
        is_one = (gates >> row & 1).astype(bool)
        outputs[is_one] |= matching[is_one]
    return outputs


def up_to_negation(bitsets: np.ndarray, all_ones: np.ndarray) -> np.ndarray:
    """Of each bitset and its negation the one that is 0 on the first row."""
    negative = (bitsets[:, :1] & np.uint64(1)).astype(bool)
    return np.where(negative, ~bitsets & all_ones, bitsets)


def distinct_bitsets(bitsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct bitsets, and the index of each one among them."""
    if bitsets.shape[1] == 1:
        distinct, inverse = np.unique(bitsets[:, 0], return_inverse=True)
        return distinct[:, None], inverse
    distinct, inverse = np.unique(bitsets, axis=0, return_inverse=True)
    return distinct, inverse.reshape(-1)


def row_keys(columns: Sequence[np.ndarray], sizes: Sequence[int]) -> np.ndarray:
    """An integer key for each row of several columns, in the order of rows; equal for equal rows.

    Parameters
    ----------
    columns : sequence of ndarray of int, shape (n,)
    sizes : sequence of int
        Of each column: an upper bound that its values lie below.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    keys, size = np.zeros(len(columns[0]), np.int64), 1
    for column, column_size in zip(columns, sizes, strict=True):
        if size * column_size >= 2**62:  # ranks, so that keys fit into 63 bits
            distinct, keys = np.unique(keys, return_inverse=True)
            size = len(distinct)
        keys *= column_size
        keys += column
        size *= column_size
    return keys


def argsort_keys(keys: np.ndarray) -> np.ndarray:
    """Stable argsort of non-negative keys.

    Key and index are sorted as one integer where both fit into 63 bits: several times as fast as
    ``np.argsort``.
    """
    bits = max(len(keys) - 1, 1).bit_length()
    if len(keys) == 0 or int(keys.max()) >= 2 ** (63 - bits):
        return np.argsort(keys, kind="stable")
    packed = keys << bits
    packed |= np.arange(len(keys))
    packed.sort()
    return packed & (2**bits - 1)


def distinct_keys(keys: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first index of each distinct key, in ascending order of keys, and its summed weight."""
    order = argsort_keys(keys)
    ordered = keys[order]
    first = np.flatnonzero(_is_new(ordered))
    return order[first], np.add.reduceat(weights[order], first)


def unique_keys(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first index of each distinct key, and the index of each key among the distinct ones."""
    order = argsort_keys(keys)
    new = _is_new(keys[order])
    inverse = np.empty(len(keys), np.int64)
    inverse[order] = np.cumsum(new) - 1
    return order[new], inverse


def _is_new(ordered: np.ndarray) -> np.ndarray:
    """Whether a key in ascending order differs from the one before it."""
    new = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return new


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The ranges from each start, of each count, concatenated."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - counts), counts)
