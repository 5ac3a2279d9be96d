"""Circuits that a response proposes, compared by the bits that they save on the training rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modnets.discovery.decomposition import Way
from modnets.discovery.evidence import Rows
from modnets.discovery.joining import joined
from modnets.discovery.nodes import Outputs, wiring_of
from modnets.discovery.tables_fitted import fitted

#: Candidates less good than the best, or than no structure, by more bits than this are left out.
BITS_BELOW = 12.0
#: How many of the best are tried with sub-functions joined.
JOINED = 2


@dataclass(frozen=True, eq=False)
class Candidate:
    """A circuit and what speaks for it.

    Parameters
    ----------
    outputs : tuple of Node
    evidence : float
        Bits that it saves on the training rows.
    loss : float
        Of its modules, in the response that proposed it.
    """

    outputs: Outputs
    evidence: float
    loss: float

    @property
    def wiring(self) -> tuple:
        """Of each output."""
        return tuple(map(wiring_of, self.outputs))

    @property
    def rank(self) -> tuple[float, float]:
        """Larger is better."""
        return round(self.evidence, 6), -self.loss


def candidates(ways: Iterable[Way], rows: Rows, most_inputs: int) -> list[Candidate]:
    """The best circuits among ways to compute the outputs, the best first.

    Tables are fitted to the training rows; of one wiring the first is kept.  What could not come
    near to the best, even without errors, is left out.
    """
    first: dict[tuple, Way] = {}
    for way in ways:
        wiring = tuple(map(wiring_of, way[1]))
        if wiring not in first or way[0] < first[wiring][0]:
            first[wiring] = way
    bounds = {wiring: rows.at_most(way[1]) for wiring, way in first.items()}
    found: list[Candidate] = []
    best = 0.0  # of no structure
    for wiring in sorted(first, key=lambda one: (-bounds[one], first[one][0])):
        if found and bounds[wiring] < best - BITS_BELOW:
            break
        loss, outputs = first[wiring]
        outputs = fitted(outputs, rows)
        found.append(Candidate(outputs, rows.evidence(outputs), loss))
        best = max(best, found[-1].evidence)
    found.sort(key=lambda one: one.rank, reverse=True)
    for one in found[:JOINED]:
        outputs = joined(one.outputs, most_inputs, rows.evidence)
        if outputs != one.outputs:
            found.append(Candidate(outputs, rows.evidence(outputs), one.loss))
    return distinct(found)


def distinct(found: Iterable[Candidate]) -> list[Candidate]:
    """Candidates of different wirings, of each the best, the best first."""
    best: dict[tuple, Candidate] = {}
    for one in sorted(found, key=lambda one: one.rank, reverse=True):
        best.setdefault(one.wiring, one)
    return list(best.values())


def posterior(found: Sequence[Candidate]) -> list[float]:
    """The chance of each candidate, against the others and against there being no structure.

    Proportional to 2**evidence, where no structure has an evidence of 0.
    """
    most = max([0.0, *(one.evidence for one in found)])
    weights = [2.0 ** (one.evidence - most) for one in found]
    total = 2.0**-most + sum(weights)
    return [weight / total for weight in weights]
