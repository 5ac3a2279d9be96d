"""The random streams of a run: every random number that it trains with comes from here.

Each stream is seeded from the run's seed: initial weights, order of rows, input noise, Gumbel
noise.  Numbers are drawn in blocks whose size depends on the run's config alone, so that neither
its neighbours nor the evaluations change them.  Splits have a seed of their own; see
``tasks.splits``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Generator, Tensor

STREAMS = ("weights", "order", "input noise", "gumbel noise", "hooks", "routing")
BLOCK_NUMBERS = 2**14  # random numbers drawn at once for one run


def stream_seed(seed: int, stream: str) -> int:
    """The seed of one of a run's streams."""
    sequence = np.random.SeedSequence([seed, STREAMS.index(stream)])
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)


def start_seed(seed: int, start: int) -> int:
    """The seed of one of a run's starts, of all its streams; of the first the run's own."""
    if start == 0:
        return seed
    sequence = np.random.SeedSequence(seed, spawn_key=(start,))
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)


def generator(seed: int, stream: str) -> Generator:
    """A generator at the start of one of a run's streams."""
    return Generator().manual_seed(stream_seed(seed, stream))


class BlockStream:
    """Random tensors for each step of a chunk of runs, drawn a block of steps at a time.

    Parameters
    ----------
    generators : sequence of Generator, one for each run
    n_replicas : int
        At least the number of runs; the slots beyond them hold zeros.
    shape : tuple of int
        What one run takes in one step.
    draw : callable
        ``draw(run, generator, shape) -> Tensor``, the block of one run, of ``shape`` for each step.
    """

    def __init__(
        self,
        generators: Sequence[Generator],
        n_replicas: int,
        shape: tuple[int, ...],
        draw: Callable[[int, Generator, tuple[int, ...]], Tensor],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.generators, self.draw = generators, draw
        self.length = max(1, BLOCK_NUMBERS // max(1, math.prod(shape)))
        self.block = torch.zeros(self.length, n_replicas, *shape, dtype=dtype)
        self.position = self.length

    def take(self, most: int) -> Tensor:
        """The next 1 to ``most`` steps, of ``shape`` for each step and replica."""
        if self.position == self.length:
            self.block = torch.zeros_like(self.block)  # earlier results keep their values
            for run, random in enumerate(self.generators):
                shape = (self.length, *self.block.shape[2:])
                self.block[:, run] = self.draw(run, random, shape)
            self.position = 0
        start, self.position = self.position, min(self.length, self.position + most)
        return self.block[start : self.position]

    def skip(self, steps: int) -> None:
        """Pass over the next steps."""
        while steps:
            steps -= len(self.take(steps))

    def left(self, most: int) -> int:
        """The number of steps that ``take`` will return."""
        return min(most, self.length - self.position or self.length)
