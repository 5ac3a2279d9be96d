"""Functions taken apart: sets of sources that act on all outputs through a single bit.

A set of sources is a *module* if the outputs tell apart no more than two kinds of combinations of
them, whatever the other sources are (a bound set with two columns, of Ashenhurst, 1957, and Curtis,
1962).  Its bit takes the place of the set, and what is left is taken apart in the same way, until
each output reads two sources.  Here outputs are real numbers, such as the answers of a network that
is not right everywhere: of a set and a gate, the *loss* is the share of what the set explains that
the gate's bit does not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from modnets.discovery.covers import covered
from modnets.discovery.inner_gates import gates_of
from modnets.discovery.nodes import Node, inputs

#: Inputs up to which all their combinations are looked at.
MOST_INPUTS = 12
#: Share of an output's variance below which a source plays no part, as is tried.
MIN_EFFECTS = (0.02, 0.08, 0.2)
#: Loss above which a set is no module.
MAX_LOSS = 0.6
#: Sources of which outputs may be gates although a set of them is a module.
FEW_SOURCES = 4
#: Most sources of which an output may be two sub-functions that overlap.
MOST_COVERED = 6
TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Response:
    """What outputs are for all combinations of some sources.

    Parameters
    ----------
    values : ndarray of float, shape (combination, output)
        Combinations in lexicographic order of the sources; about -1 for a 0 and 1 for a 1.
    weights : ndarray of float, shape (combination,)
        How often each was seen; 0 where not.
    """

    values: np.ndarray
    weights: np.ndarray

    @property
    def n_sources(self) -> int:
        """Number of sources."""
        return len(self.weights).bit_length() - 1

    def of(self, outputs: Sequence[int]) -> Response:
        """That of some outputs."""
        return Response(self.values[:, outputs], self.weights)

    def effects(self, relative: bool = True) -> np.ndarray:
        """What is lost of an output's variance if a source is not known, (source, output).

        As a share of it, or the sum of squares.
        """
        order = arranged(self.n_sources, *((source,) for source in range(self.n_sources)))
        values, weights = self.values[order], self.weights[order]  # (source, context, bit)
        product = weights[..., 0] * weights[..., 1] / np.maximum(weights.sum(axis=2), TINY)
        lost = (product[..., None] * (values[:, :, 0] - values[:, :, 1]) ** 2).sum(axis=1)
        if not relative:
            return lost
        mean = self.weights @ self.values / max(self.weights.sum(), TINY)
        return lost / np.maximum(self.weights @ (self.values - mean) ** 2, TINY)

    def without(self, kept: Sequence[int]) -> Response:
        """The response to some of the sources, averaged over the others."""
        others = [source for source in range(self.n_sources) if source not in kept]
        order = (
            arranged(self.n_sources, tuple(others))[0]
            if others
            else np.arange(len(self.weights))[None].T
        )
        return self._averaged(order.reshape(len(self.weights) // 2 ** len(others), -1))

    def merged(self, chosen: Sequence[int], table: np.ndarray) -> Response:
        """The response with a set of sources replaced by a gate's bit, as the last source."""
        order = arranged(self.n_sources, tuple(chosen))[0].T  # (combination of set, context)
        parts = [order[table == bit].T for bit in (0, 1)]
        both = [self._averaged(part) for part in parts]
        values = np.stack([one.values for one in both], axis=1)
        weights = np.stack([one.weights for one in both], axis=1)
        return Response(values.reshape(-1, values.shape[-1]), weights.ravel())

    def _averaged(self, order: np.ndarray) -> Response:
        """Means over combinations, shape (new combination, combination)."""
        weights = self.weights[order]
        total = weights.sum(axis=1)
        sums = (self.values[order] * weights[..., None]).sum(axis=1)
        return Response(sums / np.maximum(total, TINY)[:, None], total)


@cache
def arranged(n_sources: int, *chosen: tuple[int, ...]) -> np.ndarray:
    """Combinations of all sources by context and by combination of a set, for sets of one size.

    Returns
    -------
    ndarray of int, shape (set, context, combination of the set)
        Contexts are combinations of the other sources, in lexicographic order.
    """
    cube = np.arange(2**n_sources).reshape((2,) * n_sources)
    tables = []
    for one in chosen:
        others = [source for source in range(n_sources) if source not in one]
        tables.append(cube.transpose(*others, *one).reshape(-1, 2 ** len(one)))
    return np.array(tables)


def losses(response: Response, chosen: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Of sets of one size and their gates, what the gate's bit loses, shape (set, gate).

    As a share of what knowing the set explains, given the other sources: 0 for a module.
    """
    order = arranged(response.n_sources, *chosen)  # (set, context, combination)
    values, weights = response.values[order], response.weights[order]
    kinds = np.stack([1 - gates_of(len(chosen[0])), gates_of(len(chosen[0]))]).astype(float)
    seen = np.einsum("bgk,sck->sbgc", kinds, weights)
    sums = np.einsum("bgk,scko->sbgco", kinds, values * weights[..., None])
    squares = (values**2 * weights[..., None]).sum(axis=(1, 2))  # (set, output)
    between = (sums**2 / np.maximum(seen, TINY)[..., None]).sum(axis=(1, 3))  # (set, gate, output)
    whole = (values * weights[..., None]).sum(axis=2) ** 2
    known = (whole / np.maximum(weights.sum(axis=2), TINY)[..., None]).sum(axis=1)
    within = (squares[:, None] - between).sum(axis=2)
    total = (squares - known).sum(axis=1)
    return within / np.maximum(total, TINY)[:, None]


@dataclass(frozen=True, eq=False)
class Parts:
    """A function that is taken apart in part: nodes, and how outputs respond to them.

    The response to given nodes is the same however they were found.

    Parameters
    ----------
    sources : tuple of Node
    respond : callable
        Gives the response to these sources, when it is wanted.
    loss : float
        Of all modules so far, summed.
    """

    sources: tuple[Node, ...]
    respond: Callable[[], Response]
    loss: float = 0.0

    @cached_property
    def response(self) -> Response:
        """The response to the sources."""
        return self.respond()

    def after(self, loss: float) -> Parts:
        """The same with what was lost before."""
        return Parts(self.sources, lambda: self.response, loss + self.loss)

    def of(self, places: Sequence[int]) -> Parts:
        """With some of the sources, averaged over the others."""
        if len(places) == len(self.sources):
            return self
        sources = tuple(self.sources[place] for place in places)
        return Parts(sources, lambda: self.response.without(places), self.loss)

    def alone(self, output: int, places: Sequence[int]) -> Parts:
        """With one output and some of the sources, before which nothing is lost."""
        sources = tuple(self.sources[place] for place in places)
        others = len(places) < len(self.sources)

        def respond() -> Response:
            response = self.response.of([output])
            return response.without(places) if others else response

        return Parts(sources, respond)

    def replaced(self, chosen: tuple[int, ...], table: np.ndarray, loss: float) -> Parts:
        """With a set of sources replaced by a node."""
        node = Node(tuple(self.sources[place] for place in chosen), tuple(table.tolist()))
        left = [one for place, one in enumerate(self.sources) if place not in chosen]
        return Parts((*left, node), lambda: self.response.merged(chosen, table), self.loss + loss)


#: A way to compute outputs: the loss of its modules, and the output nodes.
Way = tuple[float, tuple[Node, ...]]


class Search:
    """A beam search for ways to compute outputs by modules.

    Parameters
    ----------
    response : Response
        To the inputs.
    width : int
        Ways that are followed side by side.
    most_inputs : int
        Of a module.
    """

    def __init__(self, response: Response, width: int = 4, most_inputs: int = 3) -> None:
        self.start = Parts(tuple(inputs(response.n_sources)), lambda: response)
        self.width, self.most_inputs = width, most_inputs
        self._modules: dict[Any, list[Parts]] = {}
        self._reads: dict[Any, list[np.ndarray]] = {}
        self._ends: dict[Any, list[Way]] = {}
        self._alone: dict[Any, Way | None] = {}
        self._covers: dict[Any, Way | None] = {}

    @property
    def outputs(self) -> tuple[int, ...]:
        """Indices of the outputs."""
        return tuple(range(self.start.response.values.shape[1]))

    def ways(self) -> list[Way]:
        """Ways to compute the outputs, without order; some may be alike."""
        return self._followed(self.start, self.outputs)

    def ends(self, parts: Parts) -> list[Way]:
        """Ways to compute the outputs from nodes that are there already, as gates of these."""
        found: list[Way] = []
        for every in self._reads_of(parts, self.outputs):
            kept = np.flatnonzero(every.any(axis=1)).tolist()
            found += self._ended(parts.of(kept), self.outputs, every[kept])
        return found

    def _followed(self, start: Parts, outputs: tuple[int, ...]) -> list[Way]:
        beam, found = [start], []
        while beam:
            grown: dict[frozenset[Node], Parts] = {}
            for one in beam:
                for every in self._reads_of(one, outputs):
                    kept = np.flatnonzero(every.any(axis=1)).tolist()
                    parts, reads = one.of(kept), every[kept]
                    wide = reads.sum(axis=0).max() > 2
                    modules = self._best_modules(parts, outputs) if wide else []
                    if not modules or len(kept) <= FEW_SOURCES:
                        found += self._ended(parts, outputs, reads)
                    for larger in modules:
                        key = frozenset(larger.sources)
                        if key not in grown or larger.loss < grown[key].loss:
                            grown[key] = larger
            beam = sorted(grown.values(), key=lambda one: one.loss)[: self.width]
        return found

    def _reads_of(self, parts: Parts, outputs: tuple[int, ...]) -> list[np.ndarray]:
        """Which source each output reads, in the ways that there are; (source, output) each."""
        key = parts.sources, outputs
        if key not in self._reads:
            effects = parts.response.effects()
            found: list[np.ndarray] = []
            for least in MIN_EFFECTS:
                reads = effects > least
                new = not any(np.array_equal(reads, one) for one in found)
                if new and reads.any(axis=0).all():
                    found.append(reads)
            self._reads[key] = found
        return self._reads[key]

    def _best_modules(self, parts: Parts, outputs: tuple[int, ...]) -> list[Parts]:
        """What replacing one set by one gate gives, the smallest losses first."""
        key = parts.sources, outputs
        if key not in self._modules:
            start = Parts(parts.sources, lambda: parts.response)
            self._modules[key] = list(self._new_modules(start))
        return [one.after(parts.loss) for one in self._modules[key]]

    def _new_modules(self, parts: Parts) -> Iterator[Parts]:
        for size in range(2, min(self.most_inputs, len(parts.sources) - 1) + 1):
            sets = tuple(itertools.combinations(range(len(parts.sources)), size))
            lost = losses(parts.response, sets)
            order = np.argsort(lost, axis=None, kind="stable")[: self.width]
            chosen = [np.unravel_index(at, lost.shape) for at in order]
            chosen = [(s, g) for s, g in chosen if lost[s, g] < MAX_LOSS]
            for s, g in chosen:
                yield parts.replaced(sets[s], gates_of(size)[g], float(lost[s, g]))
            if chosen:
                return

    def _ended(self, parts: Parts, outputs: tuple[int, ...], reads: np.ndarray) -> list[Way]:
        """Outputs that read the sources that are left; those of many in each way that there is."""
        key = parts.sources, outputs, reads.tobytes()
        if key not in self._ends:
            self._ends[key] = list(self._new_ends(parts, outputs, reads))
        return [(parts.loss + loss, nodes) for loss, nodes in self._ends[key]]

    def _new_ends(self, parts: Parts, outputs: tuple[int, ...], reads: np.ndarray) -> Iterator[Way]:
        if reads.sum(axis=0).max() > 2 and len(parts.sources) <= MOST_COVERED:
            cover = self._cover(parts, outputs)
            if cover is not None:
                yield cover
        nodes, loss = [], 0.0
        for place, output in enumerate(outputs):
            kept = np.flatnonzero(reads[:, place]).tolist()
            alone = parts.alone(place, kept)
            node = _last(alone)
            if len(kept) > 2 and len(outputs) > 1:
                way = self._way_alone(alone, output)
                if way is not None:
                    loss, (node,) = loss + way[0], way[1]
            nodes.append(node)
        yield loss, tuple(nodes)

    def _way_alone(self, alone: Parts, output: int) -> Way | None:
        """The best way to compute one output by modules of its own."""
        if len(alone.sources) <= FEW_SOURCES:
            return self._cover(alone, (output,))
        key = alone.sources, output
        if key not in self._alone:
            ways = self._followed(alone, (output,))
            self._alone[key] = min(ways, key=lambda way: way[0], default=None)
        return self._alone[key]

    def _cover(self, parts: Parts, outputs: tuple[int, ...]) -> Way | None:
        key = parts.sources, outputs
        if key not in self._covers:
            response = parts.response
            self._covers[key] = covered(parts.sources, response.values, response.weights)
        return self._covers[key]


def _last(parts: Parts) -> Node:
    """The node of an output that reads all sources; of a single one it, or its complement."""
    table = tuple((parts.response.values[:, 0] > 0).astype(int).tolist())
    (source, *others) = parts.sources
    if not others and table == (0, 1):
        return source
    if not others and table == (1, 0) and source.sources:
        return Node(source.sources, tuple(1 - bit for bit in source.table))
    return Node(parts.sources, table)
