"""How much a circuit that fits the training rows says: bits saved over naming the answers.

The answers of n rows are told by telling the circuit, and the rows in which it is wrong; or without
it, by how many are 1 and which (Rissanen's description length).  By Kraft's inequality, of answers
that have nothing to do with their rows, any circuit at all saves b bits with a chance of at most
2**-b.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby, islice, permutations
from math import comb, inf, lgamma, log, log2

import numpy as np

from modnets.discovery.nodes import Node, laid_out, values_of

#: Orders of a level's slots in which it is looked whether they read evenly.
MOST_ORDERS = 24

Reads = tuple[tuple[int, ...], ...]


@cache
def all_dependent(n_inputs: int) -> float:
    """Number of tables that depend on all their inputs, as a logarithm to base 2."""
    return log2(
        sum((-1) ** (n_inputs - k) * comb(n_inputs, k) * 2 ** (2**k) for k in range(n_inputs + 1))
    )


def description_length(outputs: Sequence[Node], n_inputs: int) -> float:
    """Bits that tell a circuit: levels, slots, what each reads, its table; slots in any order.

    Cheap are sub-functions of two inputs, a last level of nothing but outputs, and levels that read
    the nodes below evenly.
    """
    levels, ends = laid_out(outputs)
    return bits_of_levels(tuple(map(tuple, levels)), n_inputs, len(ends))


@cache
def bits_of_levels(levels: tuple[Reads, ...], n_inputs: int, n_outputs: int) -> float:
    """Bits of what the slots of each level read, and of their tables."""
    fan_ins = [len(read) for level in levels for read in level]
    bits, below = 1.0 + len(levels), n_inputs
    if set(fan_ins) != {2}:
        bits += sum(fan_ins)
    for depth, level in enumerate(levels, start=1):
        last, n_slots = depth == len(levels), len(level)
        if last and n_slots == n_outputs:
            bits += 1
        else:
            bits += last + log2(max(n_inputs, n_slots)) + max(0, n_slots - n_inputs)
        free = sum(log2(comb(below, len(read))) for read in level)
        bits += 1 + min(free, bits_if_even(level, below))
        # Inner signals are read complemented or not: half of the tables.
        bits += sum(all_dependent(len(read)) - (not last) for read in level)
        bits -= 0.0 if last else lgamma(n_slots + 1) / log(2)
        below = n_slots
    return bits


def bits_if_even(reads: Reads, below: int) -> float:
    """Bits that tell what slots read, each those read least before it; infinite if they do not.

    The slots of a level come in the order in which that is so, where there is one.
    """
    orders = islice(permutations(reads), MOST_ORDERS)
    return min((_bits_in_order(order, below) for order in orders), default=inf)


def _bits_in_order(order: Reads, below: int) -> float:
    used, bits = [0] * below, 0.0
    for read in order:
        left = len(read)
        for _, group in groupby(sorted(range(below), key=used.__getitem__), used.__getitem__):
            here = list(group)
            taken = sum(source in read for source in here)
            if taken < min(left, len(here)):
                return inf
            bits, left = bits + log2(comb(len(here), taken)), left - taken
        for source in read:
            used[source] += 1
    return bits


def bits_of_answers(counts: Sequence[tuple[int, int]]) -> float:
    """Bits that tell which of n rows are 1 (or wrong), of each output; ``counts`` of (n, ones)."""
    return sum(log2(n + 1) + log2(comb(n, ones)) for n, ones in counts)


class Rows:
    """Training rows, on which circuits are compared.

    Parameters
    ----------
    x : ndarray of {0, 1}, shape (row, input)
    y : ndarray, shape (row, output)
        Above 1 for don't-cares, which do not count.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x, self.y, self.counted = np.asarray(x, int), np.asarray(y, int), y <= 1
        self.n_rows = self.counted.sum(axis=0).tolist()
        ones = ((self.y == 1) & self.counted).sum(axis=0).tolist()
        self.plain = bits_of_answers(list(zip(self.n_rows, ones, strict=True)))

    def errors(self, outputs: Sequence[Node]) -> list[int]:
        """Wrong answers of each output."""
        wrong = (values_of(outputs, self.x) != self.y) & self.counted
        return wrong.sum(axis=0).tolist()

    def evidence(self, outputs: Sequence[Node], errors: Sequence[int] | None = None) -> float:
        """Bits that a circuit saves; with as many errors as are given, by default its own."""
        wrong = self.errors(outputs) if errors is None else errors
        told = bits_of_answers(list(zip(self.n_rows, wrong, strict=True)))
        return self.plain - told - description_length(outputs, self.x.shape[1])

    def at_most(self, outputs: Sequence[Node]) -> float:
        """Bits that a circuit of this wiring saves if it makes no error."""
        return self.evidence(outputs, [0] * len(self.n_rows))
