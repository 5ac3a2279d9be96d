"""Gibbs sampling over hard choices, with tables in place of modules.

One slot after the other is drawn anew given all others: the sources that it reads and the table
that it applies, with probability exp(-errors / temperature) of the wrong output bits on the
training rows (Geman and Geman, 1984).  For a slot with a table of its own the circuit above it is
followed twice, for a slot of 0 and for one of 1: the best table of each set of sources then follows
corner by corner.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from modnets.models.routing_methods.candidates import all_sets, sets_of_inputs
from modnets.models.routing_methods.circuits import (
    ALL_ONES,
    Circuits,
    CircuitShape,
    Rows,
    corners_of,
    count,
    taken,
)
from modnets.models.routing_methods.random_numbers import CountedRandom

#: Orders of the sources of a slot that are tried with the tables of a pool.
MAX_ORDERS = 24
ZERO = np.uint64(0)


def as_words(bits: np.ndarray) -> np.ndarray:
    """Bits as words of all ones or zeros."""
    return np.where(bits, ALL_ONES, ZERO)


class GibbsSampler:
    """Circuits of many runs, several chains of each, drawn at random and then drawn anew.

    Parameters
    ----------
    shape : CircuitShape
    rows : sequence of (inputs, shape (row, input), and outputs, shape (row, output))
        Of each run.
    seeds : sequence of int
        Of each run.
    n_chains : int
    number : int
        Another number, other random numbers.
    tables : sequence of ndarray of bool, shape (table, corner), optional
        Of each run, tables that stay as they are, as :func:`~tables.tables_of` gives them: of a
        pool those for the first level and then those for all others.
    """

    def __init__(
        self,
        shape: CircuitShape,
        rows: Sequence[Rows],
        seeds: Sequence[int],
        n_chains: int,
        number: int = 0,
        tables: Sequence[np.ndarray] | None = None,
    ) -> None:
        self.shape, self.circuits = shape, Circuits(shape, rows)
        self.given = None if tables is None else as_words(np.stack(tables))
        #: The first table of the pool by level.
        above = 0 if tables is None or shape.n_shared is None else shape.n_shared
        self.first_table = [0, *[above] * (len(shape.slots) - 1)]
        self.random = CountedRandom(seeds, n_chains, number)
        self.orders = _orders(shape.arity)
        bits = self.circuits.rows
        first = sets_of_inputs(shape, bits)
        others = [all_sets(n, shape.arity)[None].repeat(len(rows), 0) for n in shape.n_sources[1:]]
        #: Sets of sources that are tried, by level, shape (run, set, position).
        self.sets = [first, *others]
        x = np.take_along_axis(bits.x, first.reshape(len(rows), -1, 1), axis=1)
        self.input_corners = corners_of(x.reshape(*first.shape, -1))[:, None]
        self._draw_circuits(len(rows), n_chains)

    def _draw_circuits(self, n_runs: int, n_chains: int) -> None:
        shape, circuits, places = self.shape, self.circuits, (n_runs, n_chains)
        if self.given is None:
            n_tables = sum(shape.slots) if shape.n_shared is None else shape.n_shared
            bits = self.random.uniform(n_tables * shape.corners) < 0.5
            circuits.tables = as_words(bits).reshape(*places, n_tables, -1)
        else:
            circuits.tables = self.given[:, None].repeat(n_chains, axis=1)
        circuits.sources, circuits.filled = [], []
        for level, n_slots in enumerate(shape.slots):
            known = shape.routing[level]
            if known is not None:
                sources = np.broadcast_to(known, (*places, *known.shape)).copy()
            else:
                sets = self.sets[level]
                drawn = self.random.integers(n_slots, sets.shape[1])
                sources = sets[np.arange(n_runs)[:, None, None], drawn]
            circuits.sources.append(sources)
            modules = shape.selection[level]
            if shape.n_shared is None:
                filled = np.arange(n_slots) + sum(shape.slots[:level])
                filled = np.broadcast_to(filled, (*places, n_slots)).copy()
            elif modules is not None:
                filled = self.first_table[level] + modules
                filled = np.broadcast_to(filled, (*places, n_slots)).copy()
            else:
                filled = self.first_table[level] + self.random.integers(n_slots, shape.n_shared)
            circuits.filled.append(filled)
        outputs = np.arange(shape.n_outputs) if shape.outputs is None else shape.outputs
        circuits.outputs = np.broadcast_to(outputs, (*places, len(outputs))).copy()

    @property
    def additions(self) -> int:
        """Additions of errors in a sweep of a run: of each row for each alternative looked at."""
        shape, n_chains = self.shape, self.circuits.tables.shape[1]
        drawn = shape.n_shared is not None and self.given is None
        looked = (shape.n_shared or 0) * shape.corners if drawn else 0
        for level, n_slots in enumerate(shape.slots):
            known = shape.routing[level] is not None
            looked += n_slots * (1 if known else self.sets[level].shape[1])
        return 2 * looked * n_chains * self.circuits.rows.n_rows * shape.n_outputs

    def go_on_with(self, runs: np.ndarray) -> None:
        """Drop all other runs."""
        self.circuits.go_on_with(runs)
        self.random.go_on_with(runs)
        self.sets = [sets[runs] for sets in self.sets]
        self.input_corners = self.input_corners[runs]

    def weights_at(self, temperature: float) -> np.ndarray:
        """The weight of each number of errors, exp(-errors / temperature)."""
        most = 2 * self.circuits.rows.n_rows * self.shape.n_outputs
        return np.array([math.exp(-errors / temperature) for errors in range(most + 1)])

    def sweep(self, temperature: float) -> np.ndarray:
        """Draw everything anew, once; ``compiled_gibbs`` does the same as machine code.

        Parameters
        ----------
        temperature : float, errors

        Returns
        -------
        ndarray of int, shape (run, chain)
            Errors then: wrong output bits on the training rows.
        """
        circuits, shape = self.circuits, self.shape
        self._weights = self.weights_at(temperature)
        values = circuits.upward([circuits.inputs()])
        for level, n_slots in enumerate(shape.slots):
            corners = None if shape.routing[level] is not None else self._corners(level, values)
            both = circuits.twice()  # a slot's own sources and table play no part above it
            for slot in range(n_slots):
                self._draw_slot(level, slot, values, corners, both)
                here = slice(slot, slot + 1)  # those above are looked at only when all are drawn
                values[level + 1][:, :, here] = circuits.of_slots(level, here, values[level])
            values = circuits.upward(values[: level + 2])
        if shape.outputs is None:
            self._draw_outputs(values)
        if shape.n_shared is not None and self.given is None:
            values = self._draw_pool(values)
        return circuits.errors(values)

    def _corners(self, level: int, values: list[np.ndarray]) -> np.ndarray:
        """The rows in each corner of each set of sources, shape (run, chain or 1, set, ...)."""
        if level == 0:
            return self.input_corners
        sets = self.sets[level][0]
        return corners_of(values[level][:, :, sets])

    def _draw_slot(
        self,
        level: int,
        slot: int,
        values: list[np.ndarray],
        corners: np.ndarray | None,
        both: Circuits,
    ) -> None:
        """Draw the sources of a slot, and its table."""
        circuits, shape = self.circuits, self.shape
        if corners is None:  # known routing
            read = circuits.sources[level][:, :, slot]
            corners = corners_of(taken(values[level], read))[:, :, None]
        costs = self._costs(level, slot, values, corners, both)
        if shape.n_shared is None and self.given is None:
            chosen = self._draw_own(level, slot, *costs)
            orders = None
        else:
            chosen, orders = self._draw_shared(level, slot, *costs)
        if shape.routing[level] is None:
            sets = self.sets[level]
            drawn = sets[np.arange(len(sets))[:, None], chosen]
            if orders is not None:
                drawn = np.take_along_axis(drawn, orders, axis=-1)
            circuits.sources[level][:, :, slot] = drawn

    def _costs(
        self,
        level: int,
        slot: int,
        values: list[np.ndarray],
        corners: np.ndarray,
        both: Circuits,
    ) -> list[np.ndarray]:
        """Errors on the rows of each corner if the slot is 0, and if it is 1.

        Parameters
        ----------
        both : Circuits
            With all chains twice: followed upward side by side for a slot of 0 and one of 1.

        Returns
        -------
        two ndarrays of int, shape (run, chain, set, corner)
        """
        inputs, *below = values[: level + 2]
        below = [np.concatenate([one, one], axis=1) for one in below]
        n_chains = below[-1].shape[1] // 2
        below[-1][:, :n_chains, slot], below[-1][:, n_chains:, slot] = ZERO, ALL_ONES
        wrong = both.wrong(both.upward([inputs, *below]))
        costs = []
        for one in (wrong[:, :n_chains], wrong[:, n_chains:]):
            cost, *others = (
                count(corners & of_output[:, :, None, None]) for of_output in np.moveaxis(one, 2, 0)
            )
            for other in others:
                cost += other
            costs.append(cost)
        return costs

    def _draw_own(self, level: int, slot: int, zero: np.ndarray, one: np.ndarray) -> np.ndarray:
        """Draw a set of sources and a table of its own; the index of the set."""
        weights = self._weights
        least = np.minimum(zero, one)
        errors = least.sum(axis=-1)
        errors -= errors.min(axis=-1, keepdims=True)
        weight = weights[errors]
        for corner in range(least.shape[-1]):
            weight = weight * (1.0 + weights[np.abs(zero[..., corner] - one[..., corner])])
        chosen = self._drawn(weight)
        index = chosen[..., None, None]
        zero, one, least = (
            np.take_along_axis(part, index, axis=2)[:, :, 0] for part in (zero, one, least)
        )
        up, down = weights[one - least], weights[zero - least]
        bits = self.random.uniform(least.shape[-1]) * (up + down) < up
        table = self.circuits.filled[level][0, 0, slot]
        self.circuits.tables[:, :, table] = as_words(bits)
        return chosen

    def _draw_shared(
        self, level: int, slot: int, zero: np.ndarray, one: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw a set of sources, their order and a table of those there are; set and order."""
        circuits, shape, first = self.circuits, self.shape, self.first_table[level]
        positions, corners = self.orders
        if shape.routing[level] is not None:
            positions, corners = positions[:1], corners[:1]
        only_one = shape.n_shared is None or shape.selection[level] is not None
        if only_one:
            index = circuits.filled[level][:, :, slot, None, None]
            tables = np.take_along_axis(circuits.tables, index, axis=2)
        else:
            tables = circuits.tables[:, :, first : first + (shape.n_shared or 0)]
        bits = (tables != 0)[:, :, :, corners]  # (run, chain, table, order, corner)
        n_tables, n_orders = bits.shape[2:4]
        filled = bits.reshape(*bits.shape[:2], n_tables * n_orders, -1).astype(np.float64)
        change = (one - zero).astype(np.float64) @ filled.swapaxes(2, 3)  # whole numbers
        errors = (change + zero.sum(axis=-1)[..., None]).astype(np.int64)
        errors = errors.reshape(*errors.shape[:2], -1)
        errors -= errors.min(axis=-1, keepdims=True)
        chosen = self._drawn(self._weights[errors])
        order, chosen = chosen % n_orders, chosen // n_orders
        table, chosen = chosen % n_tables, chosen // n_tables
        if not only_one:
            circuits.filled[level][:, :, slot] = first + table
        return chosen, positions[order]

    def _draw_outputs(self, values: list[np.ndarray]) -> None:
        """Draw the slot that each output reads; one that another reads is exchanged."""
        circuits, rows = self.circuits, self.circuits.rows
        read = circuits.readable(values)
        wrong = (read[:, :, :, None] ^ rows.y[:, None, None]) & rows.counted[:, None, None]
        errors = count(wrong)  # (run, chain, slot, output)
        for output in range(self.shape.n_outputs):
            now = circuits.outputs[:, :, output]
            cost = errors[..., output].copy()
            for other in range(self.shape.n_outputs):
                if other == output:
                    continue
                theirs = circuits.outputs[:, :, other, None]
                swapped = np.take_along_axis(errors[..., other], now[..., None], axis=2)
                cost_there = np.take_along_axis(cost, theirs, axis=2)
                before = np.take_along_axis(errors[..., other], theirs, axis=2)
                np.put_along_axis(cost, theirs, cost_there + swapped - before, axis=2)
            cost = cost - cost.min(axis=-1, keepdims=True)
            chosen = self._drawn(self._weights[cost])
            for other in range(self.shape.n_outputs):
                taken = circuits.outputs[:, :, other] == chosen
                circuits.outputs[:, :, other][taken] = (
                    now[taken] if other != output else chosen[taken]
                )
            circuits.outputs[:, :, output] = chosen

    def _draw_pool(self, values: list[np.ndarray]) -> list[np.ndarray]:
        """Draw each corner of each table of the pool; the values of all levels then."""
        both, n_chains = self.circuits.twice(), self.circuits.tables.shape[1]
        for table, corner in np.ndindex(both.tables.shape[2:]):
            of_chains = both.tables[:, :, table, corner]
            of_chains[:, :n_chains], of_chains[:, n_chains:] = ZERO, ALL_ONES
            errors = both.errors(both.upward(values[:1]))
            zero, one = errors[:, :n_chains], errors[:, n_chains:]
            least = np.minimum(zero, one)
            down, up = self._weights[zero - least], self._weights[one - least]
            bits = self.random.uniform(1)[..., 0] * (up + down) < up
            of_chains[:, :n_chains] = of_chains[:, n_chains:] = as_words(bits)
        self.circuits.tables = both.tables[:, :n_chains].copy()
        return self.circuits.upward(values[:1])

    def _drawn(self, weight: np.ndarray) -> np.ndarray:
        """An index drawn by weights along the last axis."""
        cumulated = np.cumsum(weight, axis=-1)
        drawn = self.random.uniform(1) * cumulated[..., -1:]
        return np.minimum((cumulated <= drawn).sum(axis=-1), weight.shape[-1] - 1)


def _orders(arity: int) -> tuple[np.ndarray, np.ndarray]:
    """Orders of sources, shape (order, position), their own first, and each corner's index in it.

    A table's corner in an order is that of the set with its bits permuted.
    """
    positions = np.array(list(itertools.islice(itertools.permutations(range(arity)), MAX_ORDERS)))
    bits = np.arange(2**arity) >> positions[..., None] & 1  # value of input i of the module
    return positions, (bits << np.arange(arity)[:, None]).sum(axis=1)
