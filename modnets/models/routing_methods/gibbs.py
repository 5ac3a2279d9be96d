"""Gibbs sampling over hard choices, at a falling temperature, with tables in place of modules.

One slot after the other is drawn anew given all others: the sources that it reads, and the table
that it applies, with probability exp(-errors / temperature) of the wrong output bits on the training
rows (Geman and Geman, 1984; simulated annealing, Kirkpatrick, Gelatt and Vecchi, 1983).  Of a slot
with a table of its own that needs the circuit above to be followed twice, for a slot of 0 and of 1:
every set of sources then has its best table corner by corner.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from modnets.models.routing_methods.candidates import all_sets, sets_of_inputs
from modnets.models.routing_methods.circuits import (
    ALL_ONES,
    Circuits,
    CircuitShape,
    RowBits,
    corners_of,
    count,
)
from modnets.models.routing_methods.random_numbers import CountedRandom

#: Orders of the sources of a slot that are tried with the tables of a pool.
MAX_ORDERS = 24


@dataclass(frozen=True)
class Annealing:
    """How long is searched.

    Parameters
    ----------
    chains : int
        Circuits of a run that are searched side by side; the first without an error ends it.
    sweeps : int
        Passes over all slots, while the temperature falls.
    rounds : int
        How often that starts anew, as long as there is an error.
    first, last : float, errors
        Temperatures.
    """

    chains: int = 16
    sweeps: int = 60
    rounds: int = 4
    first: float = 1.0
    last: float = 0.3


@dataclass
class FoundCircuit:
    """What was found for a run.

    Parameters
    ----------
    structure : dict
        As ``ModularNetwork.structure``.
    tables : ndarray of bool, shape (table, corner)
        Of own modules level by level; else of the pool.
    errors : int
        Wrong output bits on the training rows.
    sweeps : int
        Passes over all slots, of all rounds.
    additions : int
        Arithmetic of the search: additions of errors over rows.
    seed : int
        Of the run's search.
    """

    structure: dict[str, list]
    tables: np.ndarray
    errors: int
    sweeps: int
    additions: int
    seed: int = 0


def search(
    shape: CircuitShape,
    rows: Sequence[tuple[np.ndarray, np.ndarray]],
    seeds: Sequence[int],
    annealing: Annealing,
) -> list[FoundCircuit]:
    """Circuits that fit the training rows of runs, each as good as was found.

    What is found for a run depends on its rows and seed alone.

    Parameters
    ----------
    shape : CircuitShape
    rows : sequence of (inputs, shape (row, input), and outputs, shape (row, output))
    seeds : sequence of int
    annealing : Annealing
    """
    found: list[FoundCircuit | None] = [None] * len(rows)
    for start in range(0, annealing.rounds):
        left = [run for run, one in enumerate(found) if one is None or one.errors]
        if not left:
            break
        sampler = GibbsSampler(
            shape, [rows[run] for run in left], [seeds[run] for run in left], annealing, start
        )
        for run, one in zip(left, sampler.run(), strict=True):
            before = found[run]
            better = before is None or one.errors < before.errors
            best = one if better else before
            assert best is not None
            if before is not None:
                best.sweeps = before.sweeps + one.sweeps
                best.additions = before.additions + one.additions
            found[run] = best
    best = [one for one in found if one is not None]
    return [replace(one, seed=seed) for one, seed in zip(best, seeds, strict=True)]


class GibbsSampler:
    """A round of the search: many runs side by side, each until it has a circuit without error."""

    def __init__(
        self,
        shape: CircuitShape,
        rows: Sequence[tuple[np.ndarray, np.ndarray]],
        seeds: Sequence[int],
        annealing: Annealing,
        number: int,
    ) -> None:
        self.shape, self.annealing = shape, annealing
        self.circuits = circuits = Circuits(shape, RowBits(rows))
        self.random = CountedRandom(seeds, annealing.chains, number)
        self.n_runs, self.n_chains = len(rows), annealing.chains
        first = sets_of_inputs(shape, circuits.rows)
        others = [all_sets(n, shape.arity) for n in shape.n_sources[1:]]
        self.sets = [first, *(np.broadcast_to(s, (self.n_runs, *s.shape)) for s in others)]
        n_words = circuits.rows.x.shape[-1]
        x = np.take_along_axis(circuits.rows.x, first.reshape(self.n_runs, -1, 1), axis=1)
        self.input_corners = corners_of(x.reshape(*first.shape, n_words))[:, None]
        self.active = np.arange(self.n_runs)
        self._draw_circuits()

    def _draw_circuits(self) -> None:
        shape, circuits, places = self.shape, self.circuits, (self.n_runs, self.n_chains)
        n_tables = sum(shape.slots) if shape.n_shared is None else shape.n_shared
        bits = self.random.uniform(n_tables * shape.corners) < 0.5
        circuits.tables = np.where(bits, ALL_ONES, np.uint64(0)).reshape(*places, n_tables, -1)
        circuits.sources, circuits.filled = [], []
        for level, n_slots in enumerate(shape.slots):
            known = shape.routing[level]
            if known is not None:
                sources = np.broadcast_to(known, (*places, *known.shape)).copy()
            else:
                sets = self.sets[level]
                drawn = self.random.integers(n_slots, sets.shape[1])
                sources = sets[np.arange(self.n_runs)[:, None, None], drawn]
            circuits.sources.append(sources)
            modules = shape.selection[level]
            if shape.n_shared is None:
                filled = np.arange(n_slots) + sum(shape.slots[:level])
                filled = np.broadcast_to(filled, (*places, n_slots)).copy()
            elif modules is not None:
                filled = np.broadcast_to(modules, (*places, n_slots)).copy()
            else:
                filled = self.random.integers(n_slots, shape.n_shared)
            circuits.filled.append(filled)
        outputs = np.arange(shape.n_outputs) if shape.outputs is None else shape.outputs
        circuits.outputs = np.broadcast_to(outputs, (*places, len(outputs))).copy()

    def run(self) -> list[FoundCircuit]:
        """Search; what was found for each run."""
        found: list[FoundCircuit | None] = [None] * self.n_runs
        ratio = self.annealing.last / self.annealing.first
        for sweep in range(self.annealing.sweeps):
            share = sweep / max(1, self.annealing.sweeps - 1)
            self.temperature = self.annealing.first * ratio**share
            self._weights = self._boltzmann()
            values = self._sweep()
            errors = self.circuits.errors(values)
            for index in range(len(self.active)):
                self._keep(found, index, errors[index], sweep + 1)
            solved = errors.min(axis=1) == 0
            if solved.all():
                break
            if solved.any():
                self._go_on_with(~solved)
        return [one for one in found if one is not None]

    def _keep(
        self, found: list[FoundCircuit | None], index: int, errors: np.ndarray, sweeps: int
    ) -> None:
        """Note a circuit of a run if it is the best until now."""
        run, chain = self.active[index], int(errors.argmin())
        before = found[run]
        additions = sweeps * self.additions
        if before is not None and before.errors <= errors[chain]:
            before.sweeps, before.additions = sweeps, additions
            return
        circuits, shape = self.circuits, self.shape
        routing = [
            [[int(s) for s in slot if s < n] for slot in level[index, chain]]
            for level, n in zip(circuits.sources, shape.n_sources, strict=True)
        ]
        structure: dict[str, list] = {"routing": routing}
        if shape.n_shared is not None:
            structure["selection"] = [level[index, chain].tolist() for level in circuits.filled]
        structure["outputs"] = circuits.outputs[index, chain].tolist()
        tables = circuits.tables[index, chain] != 0
        found[run] = FoundCircuit(structure, tables, int(errors[chain]), sweeps, additions)

    @property
    def additions(self) -> int:
        """Additions of errors in a sweep: of each row in each alternative that is looked at."""
        shape = self.shape
        rows = 2 * self.n_chains * self.circuits.rows.n_rows * shape.n_outputs
        looked = 0
        for level, n_slots in enumerate(shape.slots):
            n_sets = 1 if shape.routing[level] is not None else self.sets[level].shape[1]
            looked += n_slots * n_sets
        if shape.n_shared is not None:
            looked += shape.n_shared * shape.corners
        return looked * rows

    def _go_on_with(self, runs: np.ndarray) -> None:
        """Drop the runs that are solved."""
        circuits = self.circuits
        circuits.sources = [level[runs] for level in circuits.sources]
        circuits.filled = [level[runs] for level in circuits.filled]
        circuits.tables, circuits.outputs = circuits.tables[runs], circuits.outputs[runs]
        circuits.rows.x, circuits.rows.y = circuits.rows.x[runs], circuits.rows.y[runs]
        circuits.rows.counted = circuits.rows.counted[runs]
        self.sets = [sets[runs] for sets in self.sets]
        self.input_corners, self.active = self.input_corners[runs], self.active[runs]
        self.random.go_on_with(runs)

    # One sweep

    def _sweep(self) -> list[np.ndarray]:
        """Draw all anew, once; the values of all levels then."""
        circuits, shape = self.circuits, self.shape
        values = circuits.upward([circuits.inputs()])
        for level, n_slots in enumerate(shape.slots):
            corners = None if shape.routing[level] is not None else self._corners(level, values)
            for slot in range(n_slots):
                self._draw_slot(level, slot, values, corners)
                values = circuits.upward([*values[: level + 1]])
        if shape.outputs is None:
            self._draw_outputs(values)
        if shape.n_shared is not None:
            values = self._draw_pool(values)
        return values

    def _corners(self, level: int, values: list[np.ndarray]) -> np.ndarray:
        """The rows in each corner of each set of sources, shape (run, chain or 1, set, ...)."""
        if level == 0:
            return self.input_corners
        sets = self.sets[level][0]
        return corners_of(values[level][:, :, sets])

    def _draw_slot(
        self, level: int, slot: int, values: list[np.ndarray], corners: np.ndarray | None
    ) -> None:
        """Draw the sources of a slot, and its table."""
        circuits, shape = self.circuits, self.shape
        if corners is None:  # known routing
            read = circuits.sources[level][:, :, slot]
            below = np.broadcast_to(
                values[level], (*read.shape[:2], *values[level].shape[2:])
            )
            corners = corners_of(np.take_along_axis(below, read[..., None], axis=2))[:, :, None]
        costs = [
            self._cost(level, slot, values, corners, bit) for bit in (np.uint64(0), ALL_ONES)
        ]
        if shape.n_shared is None:
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

    def _cost(
        self,
        level: int,
        slot: int,
        values: list[np.ndarray],
        corners: np.ndarray,
        bit: np.uint64,
    ) -> np.ndarray:
        """Errors on the rows of each corner if the slot is 0 or 1, shape (run, chain, set, corner)."""
        here = values[level + 1].copy()
        here[:, :, slot] = bit
        wrong = self.circuits.wrong(self.circuits.upward([*values[: level + 1], here]))
        total = None
        for output in range(wrong.shape[2]):
            errors = count(corners & wrong[:, :, output, None, None])
            total = errors if total is None else total + errors
        assert total is not None
        return total

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
        self.circuits.tables[:, :, table] = np.where(bits, ALL_ONES, np.uint64(0))
        return chosen

    def _draw_shared(
        self, level: int, slot: int, zero: np.ndarray, one: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw a set of sources, their order and a table of the pool; set and order."""
        circuits, shape = self.circuits, self.shape
        positions, corners = self._orders(level)
        if shape.selection[level] is not None:
            index = circuits.filled[level][:, :, slot, None, None]
            tables = np.take_along_axis(circuits.tables, index, axis=2)
        else:
            tables = circuits.tables
        bits = (tables != 0)[:, :, :, corners]  # (run, chain, table, order, corner)
        n_tables, n_orders = bits.shape[2:4]
        change = np.einsum(
            "rcsv,rctov->rcsto", (one - zero).astype(np.float64), bits.astype(np.float64)
        )
        errors = (change + zero.sum(axis=-1)[..., None, None]).astype(np.int64)
        errors = errors.reshape(*errors.shape[:2], -1)
        errors -= errors.min(axis=-1, keepdims=True)
        chosen = self._drawn(self._weights[errors])
        order, chosen = chosen % n_orders, chosen // n_orders
        table, chosen = chosen % n_tables, chosen // n_tables
        if shape.selection[level] is None:
            circuits.filled[level][:, :, slot] = table
        return chosen, positions[order]

    def _orders(self, level: int) -> tuple[np.ndarray, np.ndarray]:
        """Orders of sources, shape (order, position), and each corner's index in it.

        A table's corner in an order is that of the set with its bits permuted.
        """
        arity = self.shape.arity
        every = itertools.permutations(range(arity)) if self.shape.routing[level] is None else ()
        positions = np.array(list(itertools.islice(every, MAX_ORDERS)) or [range(arity)])
        corner = np.arange(2**arity)
        bits = corner[None, None, :] >> positions[..., None] & 1  # value of input i of the module
        return positions, (bits << np.arange(arity)[:, None]).sum(axis=1)

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
                circuits.outputs[:, :, other][taken] = now[taken] if other != output else chosen[taken]
            circuits.outputs[:, :, output] = chosen

    def _draw_pool(self, values: list[np.ndarray]) -> list[np.ndarray]:
        """Draw each corner of each table of the pool; the values of all levels then."""
        circuits = self.circuits
        for table, corner in np.ndindex(circuits.tables.shape[2:]):
            errors = []
            for bit in (np.uint64(0), ALL_ONES):
                circuits.tables[:, :, table, corner] = bit
                errors.append(circuits.errors(circuits.upward(values[:1])))
            least = np.minimum(*errors)
            down, up = (self._weights[one - least] for one in errors)
            bits = self.random.uniform(1)[..., 0] * (up + down) < up
            circuits.tables[:, :, table, corner] = np.where(bits, ALL_ONES, np.uint64(0))
        return circuits.upward(values[:1])

    def _drawn(self, weight: np.ndarray) -> np.ndarray:
        """An index drawn by weights along the last axis."""
        cumulated = np.cumsum(weight, axis=-1)
        drawn = self.random.uniform(1) * cumulated[..., -1:]
        return np.minimum((cumulated <= drawn).sum(axis=-1), weight.shape[-1] - 1)

    def _boltzmann(self) -> np.ndarray:
        """exp(-errors / temperature) for each number of errors."""
        most = 2 * self.circuits.rows.n_rows * self.shape.n_outputs
        return np.array([math.exp(-errors / self.temperature) for errors in range(most + 1)])
