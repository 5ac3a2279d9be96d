"""What each step of each run is fed: its rows, in their order, and its noise.

A run's random numbers come from streams of its own, each derived from its seed: initial weights,
order of rows, input noise, Gumbel noise.  They are drawn in blocks whose size depends on the run's
config alone, so that neither its neighbours nor the evaluations change them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from modnets.tasks.splits import split_rows
from modnets.training.compiler.indices import ROWS
from modnets.training.compiler.tracing import Input
from modnets.training.config import RunConfig

STREAMS = ("weights", "order", "input noise", "gumbel noise")
BLOCK_NUMBERS = 2**14  # random numbers drawn at once for one run
MIN_PADDED_ROWS = 64
BLOCK_ROWS = 2**18  # rows gathered at once for minibatches, of all runs of a chunk


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

    def take(self, most: int) -> Tensor:
        """The next steps, at least one and at most so many; shape (step, replica, *shape)."""
        if self.place == self.length:
            self.block = torch.zeros_like(self.block)  # what was handed out stays as it is
            for run, source in enumerate(self.generators):
                shape = (self.length, *self.block.shape[2:])
                self.block[:, run] = self.draw(run, source, shape)
            self.place = 0
        start, self.place = self.place, min(self.length, self.place + most)
        return self.block[start : self.place]

    def left(self, most: int) -> int:
        """How many steps ``take`` will hand out."""
        return min(most, self.length - self.place or self.length)


@dataclass
class Block:
    """Some steps: what each is fed, and its pace.

    Parameters
    ----------
    steps : int
    batch : x, y, weight, noise
        Each of shape (step, replica, ...), with one step for all where it does not change; noise
        may be None.  See ``Batches.epoch``.
    pace : factor of the learning rates, shape (step or 1, replica); Adam's corrections (step, 2)
    """

    steps: int
    batch: tuple[Tensor, Tensor, Tensor, Tensor | None]
    pace: tuple[Tensor, ...] = ()

    def at(self, number: int) -> tuple[tuple[Tensor | None, ...], tuple[Tensor, ...]]:
        """Batch and pace of one step."""

        def one(part: Tensor | None) -> Tensor | None:
            return None if part is None else part[number if len(part) > 1 else 0]

        return tuple(map(one, self.batch)), tuple(map(one, self.pace))


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
        per_epoch = self.steps * self.n_replicas * self.rows
        self._epochs_at_once = max(1, BLOCK_ROWS // per_epoch)
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
        self.n_rows, known = [], {}
        for place in range(self.n_replicas):
            final = finals[place] if place < len(finals) else finals[0]
            split = final.train_rows, final.split_seed
            if split not in known:
                rows = graph.rows(split_rows(graph, *split).train)
                outputs = graph.evaluate(rows)
                known[split] = torch.from_numpy(rows), torch.from_numpy(outputs)
            inputs, outputs = known[split]
            x[place, : len(inputs)], y[place, : len(inputs)] = inputs, outputs
            weight[place, : len(inputs)] = 1.0
            self.n_rows.append(len(inputs) if self.full else self.rows)
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

    @property
    def inputs(self) -> tuple[Input, Input, Input, Input | None]:
        """The shapes of a batch, as one replica sees it."""
        noise = None
        if self.gumbel is not None:
            size, *rows = self.gumbel.block.shape[2:]
            noise = Input((size, ROWS) if rows else (size,))
        n_inputs, n_outputs = self.x.shape[2], self.y.shape[2]
        return Input((ROWS, n_inputs)), Input((ROWS, n_outputs)), Input((ROWS,)), noise

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
        for block in self.blocks(1):
            for number in range(block.steps):
                yield block.at(number)[0]

    def blocks(self, epochs: int) -> Iterator[Block]:
        """The steps of the next epochs, in blocks that fit in memory."""
        while epochs:
            most = min(epochs, self._epochs_at_once)
            taken = epochs if self.full else self.order.left(most)
            x, y, weight = self._rows_of(taken)
            yield from self._with_noise(taken * self.steps, x, y, weight)
            epochs -= taken

    def _rows_of(self, epochs: int) -> tuple[Tensor, Tensor, Tensor]:
        """Rows and weights of each step; of one step for all in a full batch."""
        if self.order is None:
            return self.x[None], self.y[None], self.weight[None]
        order = self.order.take(epochs).to(self.device)  # (epoch, replica, row of each step)
        order = order.unflatten(2, (self.steps, self.rows)).transpose(1, 2).flatten(0, 1)
        present = (order >= 0).to(self.x.dtype)
        weight = present / present.sum(dim=2, keepdim=True)
        return self.x[self.replica, order], self.y[self.replica, order], weight

    def _with_noise(self, steps: int, x: Tensor, y: Tensor, weight: Tensor) -> Iterator[Block]:
        done = 0
        while done < steps:
            size = steps - done
            for stream in (self.input_noise, self.gumbel):
                size = size if stream is None else stream.left(size)
            now = slice(done, done + size)
            batch = [part[now] if len(part) > 1 else part for part in (x, y, weight)]
            if self.input_noise is not None:
                batch[0] = batch[0] + self.input_noise.take(size).to(self.device)
            noise = None if self.gumbel is None else self.gumbel.take(size).to(self.device)
            yield Block(size, (*batch, noise))
            done += size
