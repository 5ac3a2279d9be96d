"""Runs of one kind of network on many graphs: counted for a fit, and resampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from modnets.analysis.solved_curves import Counts, SolvedCurves


@dataclass(frozen=True, eq=False)
class GraphRuns:
    """The runs of a kind, by codes of their graph, number of rows and split, shape (run,) each."""

    log_rows: np.ndarray  # shape (graph, point)
    graph: np.ndarray
    point: np.ndarray
    split: np.ndarray
    solved: np.ndarray

    @classmethod
    def of(cls, runs: pd.DataFrame, names: list[str], splits: np.ndarray) -> GraphRuns:
        """The runs of a table, with codes of their places in names and in splits, sorted."""
        graph = pd.Categorical(runs["graph"], names).codes.astype(int)
        point = runs.groupby("graph", observed=True)["train_rows"].rank("dense").to_numpy(int) - 1
        log_rows = np.zeros((len(names), point.max() + 1))
        log_rows[graph, point] = np.log2(runs["train_rows"].to_numpy(float))
        split = np.searchsorted(splits, runs["split_seed"].to_numpy())
        return cls(log_rows, graph, point, split, runs["solved"].to_numpy(float))

    def counts(
        self, x: np.ndarray, weights: np.ndarray | None = None, splits: np.ndarray | None = None
    ) -> Counts:
        """By graph and number of rows; graphs and splits count as often as their weights say."""
        each = np.ones(len(self.graph)) if splits is None else splits[self.split]
        code, shape = self.graph * self.log_rows.shape[1] + self.point, self.log_rows.shape
        solved, n = (
            np.bincount(code, each * one, self.log_rows.size).reshape(shape)
            for one in (self.solved, 1.0)
        )
        weights = np.ones(shape[0]) if weights is None else weights
        return Counts(self.log_rows, solved, n, x, weights)


def resampled(
    runs: dict[str, GraphRuns],
    x: np.ndarray,
    fits: dict[str, SolvedCurves],
    resamples: int,
    seed: int,
) -> dict[str, list[SolvedCurves]]:
    """The fits to resamples, the same for every kind.

    A graph is drawn with all its splits.  Where graphs share split seeds, these are drawn anew too,
    so that a run counts as often as both.
    """
    rng, n_graphs = np.random.default_rng(seed), len(x)
    pairs = [np.stack([one.split, one.graph]) for one in runs.values()]
    of_split = np.unique(np.concatenate(pairs, axis=1), axis=1)[0]
    n_splits = int(of_split.max()) + 1
    shared = 1 < n_splits < len(of_split)
    draws: dict[str, list[SolvedCurves]] = {kind: [] for kind in runs}
    for _ in range(resamples):
        weights = rng.multinomial(n_graphs, np.full(n_graphs, 1 / n_graphs)).astype(float)
        splits = rng.multinomial(n_splits, np.full(n_splits, 1 / n_splits)) if shared else None
        for kind, one in runs.items():
            draws[kind].append(SolvedCurves.fitted(one.counts(x, weights, splits), fits[kind]))
    return draws
