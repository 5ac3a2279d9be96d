"""What each step of each run is fed: its rows, in their order, and its noise.

A run's random numbers come from streams of its own, each derived from its seed: initial weights,
order of rows, input noise, Gumbel noise.  They are drawn in blocks whose size depends on the run's
config alone, so that neither its neighbours nor the evaluations change them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from modnets.tasks.splits import split_rows
from modnets.training.config import RunConfig

STREAMS = ("weights", "order", "input noise", "gumbel noise")
BLOCK_NUMBERS = 2**14  # random numbers drawn at once for one run
MIN_PADDED_ROWS = 64


def stream_seed(seed: int, stream: str) -> int:
    """The seed of one of a run's streams."""
    sequence = np.random.SeedSequence([seed, STREAMS.index(stream)])
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)


def generator(seed: int, stream: str) -> Generator:
    """A generator at the start of one of a run's streams."""
    return Generator().manual_seed(stream_seed(seed, stream))


def is_full_batch(config: RunConfig) -> bool:
    """Whether every step sees all training rows."""
    return config.final.batch_size >= config.final.train_rows


def steps_per_epoch(config: RunConfig) -> int:
    """Number of steps in which the training rows are passed once."""
    return math.ceil(config.final.train_rows / config.final.batch_size)


def total_steps(config: RunConfig) -> int:
    """Number of optimizer steps from start to end."""
    return steps_per_epoch(config) * config.epochs


def padded_rows(config: RunConfig) -> int:
    """Rows in each step as the engine sees them: full batches are filled up with weight 0.

    Few sizes, so that runs with many different numbers of training rows share one compiled step.
    """
    final = config.final
    if not is_full_batch(final):
        return final.batch_size
    size = max(MIN_PADDED_ROWS, 2 ** math.ceil(math.log2(final.train_rows)))
    return min(size, 2**final.graph.n_inputs)


class BlockStream:
    """Random tensors for each step of a chunk of runs, drawn a block of steps at a time.

    Parameters
    ----------
    generators : sequence of Generator, one for each run
    shape : tuple of int
        What one run takes in one step.
    draw : callable
        ``draw(run, generator, shape) -> Tensor``, the block of one run, shape (step, *shape).
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
        self.place = self.length

    def __next__(self) -> Tensor:
        if self.place == self.length:
            for run, source in enumerate(self.generators):
                shape = (self.length, *self.block.shape[2:])
                self.block[:, run] = self.draw(run, source, shape)
            self.place = 0
        self.place += 1
        return self.block[self.place - 1]


class Batches:
    """The steps of a chunk of runs.

    Parameters
    ----------
    configs : sequence of RunConfig
        Runs of one shape (see ``engine.shape_of``).
    n_replicas : int
        Size of the chunk; places beyond the runs repeat the first one's rows.
    noise_size : int
        Number of logits that take Gumbel noise.
    device : torch.device
    """

    def __init__(
        self,
        configs: Sequence[RunConfig],
        n_replicas: int,
        noise_size: int,
        device: torch.device,
    ) -> None:
        finals = [config.final for config in configs]
        first = finals[0]
        self.n_replicas, self.device = n_replicas, device
        self.rows = padded_rows(first)
        self.full = is_full_batch(first)
        self.steps = steps_per_epoch(first)
        self._load_rows(finals)
        self.order = None if self.full else self._order(finals)
        self.input_noise = self._input_noise(finals)
        self.gumbel = self._gumbel(finals, noise_size) if first.gumbel and noise_size else None

    def _load_rows(self, finals: Sequence[RunConfig]) -> None:
        """Training rows of each run, filled up, and the weight of each in the mean loss."""
        graph = finals[0].graph
        n_rows = self.rows if self.full else finals[0].train_rows
        x = torch.zeros(self.n_replicas, n_rows, graph.n_inputs)
        y = torch.zeros(self.n_replicas, n_rows, graph.n_outputs)
        weight = torch.zeros(self.n_replicas, n_rows)
        for place in range(self.n_replicas):
            final = finals[place] if place < len(finals) else finals[0]
            train = split_rows(graph, final.train_rows, final.split_seed).train
            rows = graph.rows(train)
            x[place, : len(train)] = torch.from_numpy(rows)
            y[place, : len(train)] = torch.from_numpy(graph.evaluate(rows))
            weight[place, : len(train)] = 1.0
        weight /= weight.sum(dim=1, keepdim=True)
        self.x, self.y, self.weight = (part.to(self.device) for part in (x, y, weight))
        self.replica = torch.arange(self.n_replicas, device=self.device)[:, None]

    def _order(self, finals: Sequence[RunConfig]) -> BlockStream:
        """Row numbers for each epoch; the last step is filled up with row number -1."""
        n_rows, batch = finals[0].train_rows, finals[0].batch_size
        filled = self.steps * batch

        def draw(run: int, source: Generator, shape: tuple[int, ...]) -> Tensor:
            order = torch.rand(shape[0], n_rows, generator=source).argsort(dim=1)
            return torch.nn.functional.pad(order, (0, filled - n_rows), value=-1)

        sources = [generator(final.seed, "order") for final in finals]
        return BlockStream(sources, self.n_replicas, (filled,), draw, torch.int64)

    def _input_noise(self, finals: Sequence[RunConfig]) -> BlockStream | None:
        deviations = [final.input_noise for final in finals]
        if not any(deviations):
            return None

        def draw(run: int, source: Generator, shape: tuple[int, ...]) -> Tensor:
            return torch.randn(shape, generator=source).mul_(deviations[run])

        sources = [generator(final.seed, "input noise") for final in finals]
        shape = (self.rows, finals[0].graph.n_inputs)
        return BlockStream(sources, self.n_replicas, shape, draw)

    def _gumbel(self, finals: Sequence[RunConfig], noise_size: int) -> BlockStream:
        def draw(run: int, source: Generator, shape: tuple[int, ...]) -> Tensor:
            tiny = torch.finfo(torch.float32).tiny
            return -(-torch.rand(shape, generator=source).clamp_(min=tiny).log_()).log_()

        sources = [generator(final.seed, "gumbel noise") for final in finals]
        shape = (noise_size, self.rows) if finals[0].per_sample_routing else (noise_size,)
        return BlockStream(sources, self.n_replicas, shape, draw)

    def epoch(self) -> Iterator[tuple[Tensor, Tensor, Tensor, Tensor | None]]:
        """The steps of the next epoch.

        Yields
        ------
        x : Tensor, shape (replica, row, input)
        y : Tensor, shape (replica, row, output)
        weight : Tensor, shape (replica, row)
            Of each row in the mean loss; rows that fill up have 0.
        noise : Tensor, shape (replica, noise_size) or (replica, noise_size, row), or None
        """
        order = None if self.full else next(self.order).to(self.device)
        for step in range(self.steps):
            x, y, weight = self.x, self.y, self.weight
            if order is not None:
                batch = order[:, step * self.rows : (step + 1) * self.rows]
                x, y = x[self.replica, batch], y[self.replica, batch]
                present = (batch >= 0).to(x.dtype)
                weight = present / present.sum(dim=1, keepdim=True)
            if self.input_noise is not None:
                x = x + next(self.input_noise).to(self.device)
            yield x, y, weight, None if self.gumbel is None else next(self.gumbel).to(self.device)
