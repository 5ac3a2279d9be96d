"""Random numbers of many runs and chains at once, the same whatever runs beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.tasks.gates import GOLDEN_GAMMA, mixed


class CountedRandom:
    """SplitMix64 with a state for each chain of each run: numbers follow from seed and count.

    Parameters
    ----------
    seeds : sequence of int
        One for each run.
    n_chains : int
    number : int
        Another number, other streams.
    """

    def __init__(self, seeds: Sequence[int], n_chains: int, number: int = 0) -> None:
        runs = mixed(np.array([seed % 2**64 for seed in seeds], dtype=np.uint64))
        chains = np.arange(n_chains, dtype=np.uint64) + np.uint64(number * n_chains + 1)
        self.state = mixed(runs[:, None] + chains * GOLDEN_GAMMA)
        self.taken = 0

    def uniform(self, n: int) -> np.ndarray:
        """Numbers in [0, 1), shape (run, chain, n)."""
        counts = np.arange(self.taken + 1, self.taken + n + 1, dtype=np.uint64)
        self.taken += n
        bits = mixed(self.state[..., None] + counts * GOLDEN_GAMMA)
        return (bits >> np.uint64(11)) * 2.0**-53

    def integers(self, n: int, below: int) -> np.ndarray:
        """Whole numbers from 0, shape (run, chain, n)."""
        return (self.uniform(n) * below).astype(np.int64)

    def go_on_with(self, runs: np.ndarray) -> None:
        """Drop all other runs."""
        self.state = self.state[runs]
