"""The share of runs that solve a task as a curve over its training rows, with graphs at random.

For one kind of network, the share solved of graph ``g`` at ``n`` rows is

    ceiling * sigmoid(steepness * (log2 n - m_g)),    m_g = properties_g @ effects + spread * z_g

with ``z_g`` standard normal: a logistic mixed model, with a ceiling as some kinds fail at any
number of rows.  What a graph's own runs leave open, the others say (partial pooling).  Graphs are
summed out on a grid of ``z``; the fit is the maximum of the likelihood times weak priors, which
only keep a curve finite where a kind solves everything, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

from modnets.hardware import one_blas_thread

#: Places of z at which a graph is summed out, and the logarithms of their weights.
NODES = np.linspace(-3.6, 3.6, 25)
LOG_WEIGHTS = -0.5 * NODES**2 - np.log(np.exp(-0.5 * NODES**2).sum())

#: Weak priors of log steepness, log spread (octaves) and logit ceiling: centre, standard deviation.
PRIORS = np.array([[np.log(3.0), 1.0], [np.log(0.7), 1.0], [3.0, 1.5]])
EFFECT_DEVIATION = 4.0  # of an effect, octaves for each standard deviation of a property


@dataclass(frozen=True, eq=False)
class Counts:
    """Runs of one kind of network, counted by graph and point.

    Parameters
    ----------
    log_rows : ndarray of float, shape (graph, point)
        Binary logarithm of the training rows.
    solved, runs : ndarray of float, shape (graph, point)
        Runs that solve the task, and all; no run where a graph has fewer points.
    properties : ndarray of float, shape (graph, property)
        The first column is 1.
    weights : ndarray of float, shape (graph,)
        How often each graph counts.
    """

    log_rows: np.ndarray
    solved: np.ndarray
    runs: np.ndarray
    properties: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class SolvedCurves:
    """A fitted model of one kind of network.

    Parameters
    ----------
    effects : ndarray of float, shape (property,)
        Octaves of training rows; the first is the mean.
    steepness : float
        Logits for each doubling of the rows.
    spread : float
        Standard deviation of graphs around what their properties say, octaves.
    ceiling : float, in (0, 1)
        Share solved with any number of rows.
    """

    effects: np.ndarray
    steepness: float
    spread: float
    ceiling: float

    @classmethod
    def fitted(cls, counts: Counts, start: SolvedCurves | None = None) -> SolvedCurves:
        """The most likely curves; a start near them makes it faster."""
        at = (start or cls._rough(counts))._parameters()
        bounds = [(None, None)] * len(at[:-3]) + [(-3.0, 5.0), (-4.0, 3.0), (-5.0, 9.0)]
        # Priors of effects are centred at where the rows tried are.
        center = np.zeros(len(at) - 3)
        center[0] = (counts.log_rows * counts.runs).sum() / counts.runs.sum()
        options = {"ftol": 1e-8}
        with one_blas_thread():
            found = minimize(
                _loss, at, (counts, center), "L-BFGS-B", True, bounds=bounds, options=options
            )
        return cls._of(found.x)

    def offset(self, share: float) -> float:
        """Octaves from a curve's middle to where it reaches a share; infinite above the ceiling."""
        return (
            float(logit(share / self.ceiling)) / self.steepness if share < self.ceiling else np.inf
        )

    def middles(self, counts: Counts) -> tuple[np.ndarray, np.ndarray]:
        """Of each graph, the places that its middle can have, and how likely each is.

        Returns
        -------
        places : ndarray of float, shape (graph, node)
            Octaves.
        shares : ndarray of float, shape (graph, node)
            Their sum is 1.
        """
        places = (counts.properties @ self.effects)[:, None] + self.spread * NODES
        logs = _graph_logs(self._parameters(), counts)[0] + LOG_WEIGHTS
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        return places, shares / shares.sum(axis=1, keepdims=True)

    @classmethod
    def _rough(cls, counts: Counts) -> SolvedCurves:
        tried = counts.log_rows[counts.runs > 0]
        effects = np.zeros(counts.properties.shape[1])
        effects[0] = tried.max() - counts.solved.sum() / counts.runs.sum() * np.ptp(tried)
        return cls(effects, 3.0, 0.7, 0.95)

    @classmethod
    def _of(cls, parameters: np.ndarray) -> SolvedCurves:
        steepness, spread, ceiling = parameters[-3:]
        return cls(parameters[:-3], np.exp(steepness), np.exp(spread), float(expit(ceiling)))

    def _parameters(self) -> np.ndarray:
        rest = [np.log(self.steepness), np.log(self.spread), logit(self.ceiling)]
        return np.concatenate([self.effects, rest])


def _graph_logs(parameters: np.ndarray, counts: Counts) -> tuple[np.ndarray, ...]:
    """Log likelihood of each graph at each node, and what its gradient needs.

    Returns
    -------
    logs : ndarray of float, shape (graph, node)
    places, by_place, by_ceiling : ndarray of float, shape (graph, node, point)
        Logits of the curves, and the derivatives by them and by the logit of the ceiling.
    """
    steepness, spread, ceiling = (
        np.exp(parameters[-3]),
        np.exp(parameters[-2]),
        expit(parameters[-1]),
    )
    middles = (counts.properties @ parameters[:-3])[:, None] + spread * NODES
    places = steepness * (counts.log_rows[:, None, :] - middles[:, :, None])
    below = expit(places)
    failed = 1 - ceiling * below
    hits, misses = counts.solved[:, None, :], (counts.runs - counts.solved)[:, None, :]
    logs = hits * (log_expit(places) + np.log(ceiling)) + misses * np.log(failed)
    rise = misses * ceiling * below / failed
    return logs.sum(axis=2), places, (1 - below) * (hits - rise), (1 - ceiling) * (hits - rise)


def _loss(parameters: np.ndarray, counts: Counts, center: np.ndarray) -> tuple[float, np.ndarray]:
    """The negative log posterior and its gradient."""
    logs, places, by_place, by_ceiling = _graph_logs(parameters, counts)
    logs = logs + LOG_WEIGHTS
    top = logs.max(axis=1, keepdims=True)
    shares = np.exp(logs - top)
    total = shares.sum(axis=1, keepdims=True)
    loss = -(counts.weights @ (top + np.log(total))[:, 0])
    shares *= counts.weights[:, None] / total
    steepness, spread = np.exp(parameters[-3:-1])
    along = by_place.sum(axis=2) * shares
    by_middle = -steepness * along
    gradient = np.concatenate(
        [
            by_middle.sum(axis=1) @ counts.properties,
            [((by_place * places).sum(axis=2) * shares).sum()],
            [(by_middle * NODES).sum() * spread],
            [(by_ceiling.sum(axis=2) * shares).sum()],
        ]
    )
    centers = np.concatenate([center, PRIORS[:, 0]])
    deviations = np.concatenate([np.full(len(center), EFFECT_DEVIATION), PRIORS[:, 1]])
    away = (parameters - centers) / deviations
    return float(loss + 0.5 * away @ away), away / deviations - gradient
