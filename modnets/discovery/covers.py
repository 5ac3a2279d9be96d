"""Outputs as gates of two sub-functions that may read a source in common."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from modnets.discovery.inner_gates import gates_of
from modnets.discovery.nodes import Node

#: Loss above which two sub-functions do not give an output.
MAX_LOSS = 0.3
#: Covers of an output that are as good as the best: within this loss of it, and at most so many.
MARGIN, MOST = 0.02, 24
#: Most combinations of covers of all outputs that are compared.
MOST_TOGETHER = 5000
TINY = 1e-12

#: A sub-function of two sources, and a cover of an output by two: what they read and their tables.
Part = tuple[tuple[int, ...], tuple[int, ...]]


@cache
def sub_functions(n_sources: int) -> tuple[list[Part], np.ndarray]:
    """Every gate of two sources, and each source itself, with its bits (part, combination)."""
    gates, cube = gates_of(2), np.arange(2**n_sources)
    bits = cube[None] >> np.arange(n_sources - 1, -1, -1)[:, None] & 1
    parts: list[Part] = [((source,), (0, 1)) for source in range(n_sources)]
    rows = list(bits)
    for pair in itertools.combinations(range(n_sources), 2):
        corner = 2 * bits[pair[0]] + bits[pair[1]]
        for gate in gates:
            parts.append((pair, tuple(gate.tolist())))
            rows.append(gate[corner])
    return parts, np.array(rows, float)


def losses_of_pairs(bits: np.ndarray, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Share of an output's variance that two bits leave open, shape (part, part)."""
    n, s = weights.sum(), (weights * values).sum()
    ones, sums = bits @ weights, bits @ (weights * values)
    both, both_sums = (bits * weights) @ bits.T, (bits * (weights * values)) @ bits.T
    cells = [
        (both, both_sums),
        (ones[:, None] - both, sums[:, None] - both_sums),
        (ones[None] - both, sums[None] - both_sums),
        (n - ones[:, None] - ones[None] + both, s - sums[:, None] - sums[None] + both_sums),
    ]
    known = sum(total**2 / np.maximum(seen, TINY) for seen, total in cells)
    squares = (weights * values**2).sum()
    return (squares - known) / max(squares - s**2 / n, TINY)


def covered(
    sources: Sequence[Node], values: np.ndarray, weights: np.ndarray
) -> tuple[float, tuple[Node, ...]] | None:
    """Output nodes, each a gate of two sub-functions, with as few of them as can be.

    Parameters
    ----------
    sources : sequence of Node
    values : ndarray of float, shape (combination, output)
    weights : ndarray of float, shape (combination,)

    Returns
    -------
    (loss, nodes), or None where some output has no cover
    """
    parts, bits = sub_functions(len(sources))
    first, second = np.triu_indices(len(parts), 1)
    ways, best = [], []
    for output in range(values.shape[1]):
        lost = losses_of_pairs(bits, values[:, output], weights)[first, second]
        least = lost.min()
        if least > MAX_LOSS:
            return None
        near = np.flatnonzero(lost <= least + MARGIN)
        near = near[np.argsort(lost[near], kind="stable")][:MOST]
        ways.append([(int(first[at]), int(second[at])) for at in near])
        best.append(float(least))
    chosen = _fewest(ways)
    nodes = [_gate(sources, parts, bits, pair, values[:, o], weights) for o, pair in chosen]
    return sum(best), tuple(nodes)


def _fewest(ways: Sequence[Sequence[tuple[int, int]]]) -> list:
    """A cover of each output, those that need the fewest sub-functions together."""
    together = itertools.islice(itertools.product(*ways), MOST_TOGETHER)

    def size(chosen: Iterable[tuple[int, int]]) -> int:
        return len({at for pair in chosen for at in pair})

    return list(enumerate(min(together, key=size)))


def _gate(
    sources: Sequence[Node],
    parts: Sequence[Part],
    bits: np.ndarray,
    pair: tuple[int, int],
    values: np.ndarray,
    weights: np.ndarray,
) -> Node:
    read = [
        Node(tuple(sources[place] for place in places), table) if len(places) > 1
        else sources[places[0]]
        for places, table in (parts[at] for at in pair)
    ]  # fmt: skip
    corner = (2 * bits[pair[0]] + bits[pair[1]]).astype(int)
    sums = np.bincount(corner, weights * values, 4)
    return Node(tuple(read), tuple((sums > 0).astype(int).tolist()))
