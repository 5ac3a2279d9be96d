"""Units grouped by what they lead to: cosine of outgoing connectivity, modularity over a null.

After "Neural Sculpting: Uncovering hierarchically modular task structure in neural networks through
pruning and network analysis" (Patil, Michael and Dovrolis, NeurIPS 2023): units of a layer whose
outgoing connections are alike are one module, if the modularity of the grouping is above that of
shuffled connections.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Shuffled connections, and the share of them whose modularity a grouping has to exceed.
SHUFFLES, QUANTILE = 40, 0.95
#: Modules whose mean outgoing connections have a cosine above this are merged.
ALIKE = 0.9


@dataclass(frozen=True, eq=False)
class Grouping:
    """Groups of units by their outgoing connectivity.

    Parameters
    ----------
    groups : ndarray of int, shape (unit,)
    modularity : float
        Of the groups in the graph of cosines.
    null : float
        Quantile of the modularity of shuffled connections.
    """

    groups: np.ndarray
    modularity: float
    null: float

    @property
    def found(self) -> bool:
        """Whether the groups are more modular than chance."""
        return self.modularity > self.null

    def sets(self) -> list[tuple[int, ...]]:
        """The units of each group."""
        return [tuple(np.flatnonzero(self.groups == one).tolist()) for one in set(self.groups)]


def cosines(outgoing: np.ndarray) -> np.ndarray:
    """Cosines of the strengths of outgoing connections, (..., unit, unit) of (..., unit, above)."""
    strengths = np.abs(outgoing)
    norms = np.linalg.norm(strengths, axis=-1, keepdims=True)
    unit = strengths / np.maximum(norms, 1e-12)
    return np.clip(unit @ np.swapaxes(unit, -1, -2), 0.0, 1.0)


def modularity(similarity: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Newman's modularity of groups in graphs whose weights are similarities.

    Parameters
    ----------
    similarity : ndarray, shape (graph, unit, unit)
    groups : ndarray of int, shape (graph, unit)
    """
    weights = similarity * ~np.eye(similarity.shape[-1], dtype=bool)
    degree, total = weights.sum(axis=2), np.maximum(weights.sum(axis=(1, 2)), 1e-12)
    expected = degree[:, :, None] * degree[:, None] / total[:, None, None]
    same = groups[:, :, None] == groups[:, None]
    return ((weights - expected) * same).sum(axis=(1, 2)) / total


def grouped(outgoing: np.ndarray, rng: np.random.Generator) -> Grouping:
    """Groups of units with alike outgoing connections, and what shuffled connections would give.

    Parameters
    ----------
    outgoing : ndarray of float, shape (unit, unit above)
    rng : Generator
        Of the shuffles.
    """
    shuffled = [rng.permuted(outgoing, axis=1) for _ in range(SHUFFLES)]
    groups, reached = best_groups(cosines(np.stack([outgoing, *shuffled])))
    null = float(np.quantile(reached[1:], QUANTILE))
    return Grouping(_merged(outgoing, groups[0]), float(reached[0]), null)


def best_groups(similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of average linkage of units, the cut with the highest modularity, for many graphs at once.

    Parameters
    ----------
    similarity : ndarray, shape (graph, unit, unit)

    Returns
    -------
    groups : ndarray of int, shape (graph, unit)
    modularity : ndarray, shape (graph,)
    """
    n_graphs, n_units, _ = similarity.shape
    groups = np.tile(np.arange(n_units), (n_graphs, 1))
    best, reached = groups.copy(), modularity(similarity, groups)
    for _ in range(n_units - 2):  # two groups are left at the end
        member = (groups[:, None] == np.arange(n_units)[:, None]).astype(float)
        sizes = member.sum(axis=2)
        linked = member @ similarity @ np.swapaxes(member, 1, 2)
        pairs = sizes[:, :, None] * sizes[:, None]
        mean = np.where(pairs > 0, linked / np.maximum(pairs, 1), -1.0)
        mean -= 2 * np.eye(n_units)
        first, second = np.divmod(mean.reshape(n_graphs, -1).argmax(axis=1), n_units)
        moved = groups == second[:, None]
        groups = np.where(moved, first[:, None], groups)
        now = modularity(similarity, groups)
        better = now > reached
        best[better], reached[better] = groups[better], now[better]
    return best, reached


def _merged(outgoing: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Groups whose mean strengths are alike made one."""
    groups = groups.copy()
    while True:
        names = sorted(set(groups.tolist()))
        means = np.array([np.abs(outgoing)[groups == name].mean(axis=0) for name in names])
        alike = cosines(means) - 2 * np.eye(len(names))
        first, second = np.unravel_index(alike.argmax(), alike.shape)
        if alike[first, second] < ALIKE or len(names) < 3:
            return groups
        groups[groups == names[second]] = names[first]
