"""Boolean circuits of one shape on the training rows of many runs: what a search changes.

A circuit is a modular network whose modules are tables: of each combination of input bits, a
corner, an output bit.  There is an axis of runs, each with rows of its own, and one of chains, the
circuits of a run.  Rows are bits of words, so that a gate takes as many steps as it has corners.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modnets.models.modular import ModularNetwork
from modnets.models.routing import Routing, Selection
from modnets.models.structures import readable_slots

#: Inputs, shape (row, input), and outputs, shape (row, output), of a run.
Rows = tuple[np.ndarray, np.ndarray]
ALL_ONES = np.uint64(2**64 - 1)
WORD = 64  # rows in a word
#: Sets of inputs that are tried in each place; of more, those with the most information.
MAX_SETS = 2048


@dataclass(frozen=True)
class CircuitShape:
    """What the circuits of a network have in common.

    Parameters
    ----------
    n_inputs : int
    slots : tuple of int
        In each level.
    arity : int
    n_shared : int or None
        Tables of the pool; None where each slot has one of its own.
    n_outputs : int
    readable : tuple of (level, slot)
        From which outputs are read, in the order of their indices.
    routing, selection, outputs
        What is known, as arrays; None where it is learned.  Routing by level, shape (slot,
        position), a source that is not there being the number of sources; selection by level,
        shape (slot,); outputs, shape (output,).
    """

    n_inputs: int
    slots: tuple[int, ...]
    arity: int
    n_shared: int | None
    n_outputs: int
    readable: tuple[tuple[int, int], ...]
    routing: tuple[np.ndarray | None, ...]
    selection: tuple[np.ndarray | None, ...]
    outputs: np.ndarray | None

    @property
    def corners(self) -> int:
        """Combinations of the inputs of a module."""
        return 2**self.arity

    @property
    def n_sources(self) -> tuple[int, ...]:
        """Values that each level can read."""
        return (self.n_inputs, *self.slots[:-1])

    @property
    def most_sets(self) -> int:
        """Sets of sources that a slot may read, at most."""
        return max(min(math.comb(n, self.arity), MAX_SETS) for n in self.n_sources)

    @classmethod
    def of(cls, network: ModularNetwork) -> CircuitShape:
        """That of a network of bits, of one task."""
        routing, selection = [], []
        for choice in network.routing:
            routing.append(_known_sources(choice) if choice.known else None)
        for level in network.selection if network.shared else ():
            selection.append(_known_modules(level) if level.known else None)
        outputs = network.output_routing
        return cls(
            network.n_inputs,
            network.slots,
            network.routing[0].arity,
            network.pools[0].count if network.shared else None,
            network.n_outputs,
            readable_slots(network.slots, network.every_level),
            tuple(routing),
            tuple(selection) or (None,) * len(network.slots),
            np.array(outputs.read()[0]) if outputs.known else None,
        )


def _known_sources(choice: Routing) -> np.ndarray:
    nothing = [choice.n_candidates] * choice.arity
    return np.array([(*sources, *nothing)[: choice.arity] for sources in choice.read()])


def _known_modules(choice: Selection) -> np.ndarray:
    return np.array(choice.fill())


class RowBits:
    """The rows of many runs, as words.

    Parameters
    ----------
    rows : sequence of Rows
        Of each run; inputs are 0 or 1, and so are outputs, or DONT_CARE.

    Attributes
    ----------
    x : ndarray of uint64, shape (run, input, word)
    y, counted : ndarray of uint64, shape (run, output, word)
        Outputs, and which of them there are: no don't-cares, no rows that fill up a word.
    n_rows : int
        The most that a run has.
    """

    def __init__(self, rows: Sequence[Rows]) -> None:
        self.n_rows = max(len(x) for x, _ in rows)
        self.x = np.stack([self._words(x > 0.5) for x, _ in rows])
        self.y = np.stack([self._words(y == 1) for _, y in rows])
        self.counted = np.stack([self._words(y <= 1) for _, y in rows])

    def _words(self, bits: np.ndarray) -> np.ndarray:
        """Bits, shape (row, column), as words, shape (column, word)."""
        length = -(-self.n_rows // WORD) * WORD
        padded = np.zeros((bits.shape[1], length), bool)
        padded[:, : len(bits)] = bits.T
        return np.packbits(padded, axis=1).view(np.uint64)

    def go_on_with(self, runs: np.ndarray) -> None:
        """Drop all other runs."""
        self.x, self.y, self.counted = self.x[runs], self.y[runs], self.counted[runs]


def count(words: np.ndarray) -> np.ndarray:
    """Number of ones along the last axis."""
    ones = np.bitwise_count(words)
    if ones.shape[-1] == 1:  # up to 64 rows: to sum over one word takes longer than all else here
        return ones[..., 0].astype(np.int32)
    return ones.sum(axis=-1, dtype=np.int32)


def corners_of(sources: np.ndarray) -> np.ndarray:
    """The rows in each corner.

    Parameters
    ----------
    sources : ndarray of uint64, shape (..., position, word)

    Returns
    -------
    ndarray of uint64, shape (..., corner, word)
        Bit i of a corner's index is the value of source i.
    """
    *leading, arity, n_words = sources.shape
    corners = np.empty((*leading, 2**arity, n_words), sources.dtype)
    corners[..., 0, :] = ALL_ONES
    for position in range(arity):
        source, known = sources[..., position : position + 1, :], 2**position
        np.bitwise_and(corners[..., :known, :], source, out=corners[..., known : 2 * known, :])
        corners[..., :known, :] ^= corners[..., known : 2 * known, :]
    return corners


def looked_up(tables: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """What tables give on each row: half of a table's corners drop out with each source.

    Parameters
    ----------
    tables : ndarray of uint64, shape (..., corner), all ones or 0
    sources : ndarray of uint64, shape (..., position, word)

    Returns
    -------
    ndarray of uint64, shape (..., word)
    """
    left = tables[..., None]
    for position in reversed(range(sources.shape[-2])):
        low, high = left[..., : 2**position, :], left[..., 2**position :, :]
        left = low ^ ((low ^ high) & sources[..., position : position + 1, :])
    return left[..., 0, :]


def taken(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """What numpy's ``take_along_axis`` takes of nodes, in a fraction of its time.

    Parameters
    ----------
    values : ndarray, shape (run, chain or 1, node, word)
    index : ndarray of int, shape (run, chain, place)
    """
    n_runs, n_chains, n_nodes, n_words = values.shape
    first = np.arange(0, n_runs * n_chains * n_nodes, n_nodes).reshape(n_runs, n_chains, 1)
    return values.reshape(-1, n_words).take(index + first, axis=0)


class Circuits:
    """Circuits of many runs and chains, and their values on the rows.

    Parameters
    ----------
    shape : CircuitShape
    rows : sequence of Rows
        Of each run.

    Attributes
    ----------
    rows : RowBits
    sources : list of ndarray of int, shape (run, chain, slot, position), one for each level
    tables : ndarray of uint64, shape (run, chain, table, corner), all ones or 0
        Of own modules level by level; else of the pool.
    filled : list of ndarray of int, shape (run, chain, slot), one for each level
        The table of each slot; of a pool's tables that differ by level, modulo their number.
    outputs : ndarray of int, shape (run, chain, output)
        Indices into ``shape.readable``.
    """

    sources: list[np.ndarray]
    tables: np.ndarray
    filled: list[np.ndarray]
    outputs: np.ndarray

    def __init__(self, shape: CircuitShape, rows: Sequence[Rows]) -> None:
        self.shape, self.rows = shape, RowBits(rows)

    def twice(self) -> Circuits:
        """All chains, and then all of them once more."""
        both = copy.copy(self)
        both.sources = [np.concatenate([level] * 2, axis=1) for level in self.sources]
        both.filled = [np.concatenate([level] * 2, axis=1) for level in self.filled]
        both.tables = np.concatenate([self.tables] * 2, axis=1)
        both.outputs = np.concatenate([self.outputs] * 2, axis=1)
        return both

    def with_zero(self, values: np.ndarray) -> np.ndarray:
        """Values, shape (run, chain, node, word), and then a node that is 0."""
        return np.concatenate([values, np.zeros_like(values[:, :, :1])], axis=2)

    def inputs(self) -> np.ndarray:
        """The input bits, shape (run, 1, input + 1, word)."""
        return self.with_zero(self.rows.x[:, None])

    def level(self, level: int, below: np.ndarray) -> np.ndarray:
        """The values of a level, shape (run, chain, slot + 1, word), from those below."""
        return self.with_zero(self.of_slots(level, slice(None), below))

    def of_slots(self, level: int, slots: slice, below: np.ndarray) -> np.ndarray:
        """The values of some slots of a level, shape (run, chain, slot, word)."""
        sources = self.sources[level][:, :, slots]
        n_runs, n_chains, n_slots, arity = sources.shape
        read = taken(below, sources.reshape(n_runs, n_chains, -1))
        tables = taken(self.tables, self.filled[level][:, :, slots])
        return looked_up(tables, read.reshape(n_runs, n_chains, n_slots, arity, -1))

    def upward(self, values: list[np.ndarray]) -> list[np.ndarray]:
        """The values of all levels, inputs first, from those of the lowest ones."""
        values = list(values)
        for level in range(len(values) - 1, len(self.shape.slots)):
            values.append(self.level(level, values[-1]))
        return values

    def wrong(self, values: list[np.ndarray]) -> np.ndarray:
        """Rows in which each output is wrong, shape (run, chain, output, word)."""
        return (
            taken(self.readable(values), self.outputs) ^ self.rows.y[:, None]
        ) & self.rows.counted[:, None]

    def readable(self, values: list[np.ndarray]) -> np.ndarray:
        """The values that outputs can be read from, shape (run, chain, slot, word)."""
        first = self.shape.readable[0][0]
        return np.concatenate([level[:, :, :-1] for level in values[first + 1 :]], axis=2)

    def errors(self, values: list[np.ndarray]) -> np.ndarray:
        """Wrong output bits on all rows, shape (run, chain)."""
        return count(self.wrong(values)).sum(axis=-1)

    def read(self, run: int, chain: int) -> tuple[dict[str, list], np.ndarray]:
        """A circuit's choices, as ``ModularNetwork.structure``, and its tables as bits."""
        levels = zip(self.sources, self.shape.n_sources, strict=True)
        structure: dict[str, list] = {
            "routing": [
                [[source for source in slot if source < n] for slot in sources[run, chain].tolist()]
                for sources, n in levels
            ]
        }
        if self.shape.n_shared is not None:
            n_shared = self.shape.n_shared
            structure["selection"] = [
                (level[run, chain] % n_shared).tolist() for level in self.filled
            ]
        structure["outputs"] = self.outputs[run, chain].tolist()
        return structure, self.tables[run, chain] != 0

    def go_on_with(self, runs: np.ndarray) -> None:
        """Drop all other runs."""
        self.sources = [level[runs] for level in self.sources]
        self.filled = [level[runs] for level in self.filled]
        self.tables, self.outputs = self.tables[runs], self.outputs[runs]
        self.rows.go_on_with(runs)

    def write(self, structure: Mapping[str, Any], tables: np.ndarray) -> None:
        """Make the only circuit of the only run one that :meth:`read` gave."""
        shape, firsts = self.shape, np.cumsum([0, *self.shape.slots])
        filled = structure.get("selection") or [
            range(first, first + n_slots)
            for first, n_slots in zip(firsts, shape.slots, strict=False)
        ]
        levels = zip(structure["routing"], shape.n_sources, strict=True)
        self.sources = [
            np.array([[[(*slot, *[n] * shape.arity)[: shape.arity] for slot in level]]])
            for level, n in levels
        ]
        self.filled = [np.array([[list(level)]]) for level in filled]
        self.tables = np.where(tables, ALL_ONES, np.uint64(0))[None, None]
        self.outputs = np.array([[structure["outputs"]]])


def outputs_of(
    shape: CircuitShape, structure: Mapping[str, Any], tables: np.ndarray, x: np.ndarray
) -> np.ndarray:
    """The outputs of a circuit, as :meth:`Circuits.read` gives it, for rows of bits.

    Parameters
    ----------
    shape : CircuitShape
    structure : dict
    tables : ndarray of bool, shape (table, corner)
    x : ndarray, shape (row, input)

    Returns
    -------
    ndarray of bool, shape (row, output)
    """
    circuits = Circuits(shape, [(x, np.zeros((len(x), shape.n_outputs)))])
    circuits.write(structure, tables)
    wrong = circuits.wrong(circuits.upward([circuits.inputs()]))[0, 0]  # where all should be 0
    return np.unpackbits(wrong.view(np.uint8), axis=1)[:, : len(x)].T.astype(bool)
