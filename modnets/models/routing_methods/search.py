"""The circuits that fit the training rows of many runs: Gibbs sampling at a falling temperature.

Simulated annealing (Kirkpatrick, Gelatt and Vecchi, 1983), started anew where it ends with errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from modnets.models.routing_methods.circuits import WORD, CircuitShape, Rows
from modnets.models.routing_methods.compiled_gibbs import compiled_sweep
from modnets.models.routing_methods.gibbs import GibbsSampler

#: Words in the largest array of a block of runs.
BLOCK = 2**22


@dataclass(frozen=True)
class Annealing:
    """How long is searched.

    Parameters
    ----------
    chains : int
        Circuits of a run that are drawn side by side; the first without an error ends it.
    sweeps : int
        Passes over all slots, while the temperature falls geometrically.
    rounds : int
        How often that is done, as long as there is an error.
    first, last : float, errors
        Temperatures.
    """

    chains: int = 16
    sweeps: int = 60
    rounds: int = 4
    first: float = 1.0
    last: float = 0.3

    @property
    def temperatures(self) -> Iterator[float]:
        """That of each sweep."""
        for sweep in range(self.sweeps):
            yield self.first * (self.last / self.first) ** (sweep / max(1, self.sweeps - 1))


@dataclass(frozen=True)
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
        Passes over all slots until then, those of earlier rounds too.
    additions : int
        Arithmetic of the search.
    seed : int
    """

    structure: dict[str, list]
    tables: np.ndarray
    errors: int
    sweeps: int
    additions: int
    seed: int


def search(
    shape: CircuitShape,
    rows: Sequence[Rows],
    seeds: Sequence[int],
    annealing: Annealing,
    tables: Sequence[np.ndarray] | None = None,
) -> list[FoundCircuit]:
    """Circuits that fit the training rows of runs, each as well as was found.

    What is found for a run depends on its rows and seed alone.

    Parameters
    ----------
    shape : CircuitShape
    rows : sequence of (inputs, shape (row, input), and outputs, shape (row, output))
        Of each run.
    seeds : sequence of int
        Of each run.
    annealing : Annealing
    tables : sequence of ndarray of bool, shape (table, corner), optional
        Of each run, tables that stay as they are; see :class:`~.gibbs.GibbsSampler`.
    """
    n_words = -(-max(len(x) for x, _ in rows) // WORD)
    size = max(1, BLOCK // (shape.most_sets * shape.corners * n_words * annealing.chains))
    found: list[FoundCircuit] = []
    for start in range(0, len(rows), size):
        block = slice(start, start + size)
        own = None if tables is None else tables[block]
        found += _search(shape, rows[block], seeds[block], annealing, own)
    return found


def _search(
    shape: CircuitShape,
    rows: Sequence[Rows],
    seeds: Sequence[int],
    annealing: Annealing,
    tables: Sequence[np.ndarray] | None,
) -> list[FoundCircuit]:
    found: dict[int, FoundCircuit] = {}
    for number in range(annealing.rounds):
        left = [run for run in range(len(rows)) if run not in found or found[run].errors]
        if not left:
            break
        sampler = GibbsSampler(
            shape,
            [rows[run] for run in left],
            [seeds[run] for run in left],
            annealing.chains,
            number,
            None if tables is None else [tables[run] for run in left],
        )
        before = {run: found[run] for run in left if run in found}
        _anneal(sampler, annealing, left, found)
        for run, one in before.items():
            found[run] = replace(
                found[run],
                sweeps=one.sweeps + found[run].sweeps,
                additions=one.additions + found[run].additions,
            )
    return [replace(found[run], seed=seed) for run, seed in enumerate(seeds)]


def _anneal(
    sampler: GibbsSampler, annealing: Annealing, runs: list[int], found: dict[int, FoundCircuit]
) -> None:
    """A round: each run until one of its chains has no error; the best circuits are kept."""
    left, additions = np.array(runs), sampler.additions
    sweep = compiled_sweep() or GibbsSampler.sweep
    for done, temperature in enumerate(annealing.temperatures, start=1):
        errors = sweep(sampler, temperature)
        for index, (run, chain) in enumerate(
            zip(left.tolist(), errors.argmin(axis=1), strict=True)
        ):
            least = int(errors[index, chain])
            if run not in found or least < found[run].errors:
                structure, tables = sampler.circuits.read(index, chain)
                found[run] = FoundCircuit(structure, tables, least, done, done * additions, 0)
            found[run] = replace(found[run], sweeps=done, additions=done * additions)
        unsolved = errors.min(axis=1) > 0
        if not unsolved.any():
            return
        if not unsolved.all():
            sampler.go_on_with(unsolved)
            left = left[unsolved]
