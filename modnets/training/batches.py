"""What each step of each run is fed: its rows, in their order, and its noise.

A run's random numbers come from streams of its own, each derived from its seed: initial weights,
order of rows, input noise, Gumbel noise.  They are drawn in blocks whose size depends on the run's
config alone, so that neither its neighbours nor the evaluations change them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Generator, Tensor

from modnets.compiler.symbolic import ROWS
from modnets.compiler.tracing import TensorSpec
from modnets.config.run_config import RunConfig
from modnets.config.shapes import is_full_batch, padded_rows, steps_per_epoch
from modnets.tasks.task import Task
from modnets.tasks.truth_tables import DONT_CARE
from modnets.training.random_blocks import Block, BlockStream

STREAMS = ("weights", "order", "input noise", "gumbel noise")
BLOCK_ROWS = 2**18  # rows put in order at once for minibatches, of all runs of a chunk
GATHERED_NUMBERS = 2**22  # inputs gathered at once for minibatches


def stream_seed(seed: int, stream: str) -> int:
    """The seed of one of a run's streams."""
    sequence = np.random.SeedSequence([seed, STREAMS.index(stream)])
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)


def generator(seed: int, stream: str) -> Generator:
    """A generator at the start of one of a run's streams."""
    return Generator().manual_seed(stream_seed(seed, stream))


def images_on(task: Task, device: torch.device) -> Tensor | None:
    """The pixels of every image, shape (image, pixel), on a device; None without images."""
    return None if task.images is None else torch.from_numpy(task.images).to(device)


def inputs_of(x: Tensor, images: Tensor | None) -> Tensor:
    """What a network is handed: rows themselves, or the pixels of the images that they name.

    Parameters
    ----------
    x : Tensor, shape (..., row, column)
    images : Tensor, shape (image, pixel), optional

    Returns
    -------
    Tensor of float, shape (..., row, input)
    """
    return x if images is None else images[x].flatten(-2)


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
        self.task = first.graph
        self.images = images_on(first.graph, device)
        self._load_rows(finals)
        a_step = self.n_replicas * self.rows
        self._epochs_at_once = max(1, BLOCK_ROWS // (self.steps * a_step))
        self._steps_at_once = max(1, GATHERED_NUMBERS // (a_step * self.task.n_inputs))
        self.order = None if self.full else self._order(finals)
        self.input_noise = self._input_noise(finals)
        self.gumbel = self._gumbel(finals, noise_size) if first.gumbel and noise_size else None

    def _load_rows(self, finals: Sequence[RunConfig]) -> None:
        """Training rows of each run, filled up, and the weight of each in the mean loss."""
        n_rows = self.rows if self.full else finals[0].n_examples
        loaded: list[tuple[Tensor, Tensor]] = []
        known: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
        for final in finals:
            split = final.train_rows, final.split_seed
            if split not in known:
                rows = self.task.rows(final.split["train"])
                known[split] = torch.from_numpy(rows), torch.from_numpy(self.task.evaluate(rows))
            loaded.append(known[split])
        loaded += loaded[:1] * (self.n_replicas - len(finals))
        self.n_rows = [len(x) if self.full else self.rows for x, _ in loaded]
        kind = torch.float32 if self.images is None else torch.int64  # numbers of images
        x = torch.zeros(self.n_replicas, n_rows, loaded[0][0].shape[1], dtype=kind)
        y = torch.zeros(self.n_replicas, n_rows, self.task.n_outputs)
        weight = torch.zeros(self.n_replicas, n_rows)
        for place, (inputs, outputs) in enumerate(loaded):
            x[place, : len(inputs)], y[place, : len(inputs)] = inputs, outputs
            weight[place, : len(inputs)] = 1.0
        weight = self._normed(weight, y)
        self.x, self.y, self.weight = (part.to(self.device) for part in (x, y, weight))
        if self.full:
            self.x = inputs_of(self.x, self.images)
        self.replica = torch.arange(self.n_replicas, device=self.device)[:, None]

    def _normed(self, weight: Tensor, y: Tensor) -> Tensor:
        """The weight of rows in the mean loss, which is that over all bits but don't-cares."""
        bits = weight
        if self.task.has_dont_cares:
            bits = weight * (y < DONT_CARE).to(y.dtype).mean(dim=-1)
        return weight / bits.sum(dim=-1, keepdim=True)

    def _order(self, finals: Sequence[RunConfig]) -> BlockStream:
        """Row numbers for each epoch; the last step is filled up with row number -1."""
        n_rows, batch = finals[0].n_examples, finals[0].batch_size
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

        task_ids = self.task.n_tasks if self.task.n_tasks > 1 else 0

        def draw(run: int, source: Generator, shape: tuple[int, ...]) -> Tensor:
            noise = torch.randn(shape, generator=source).mul_(deviations[run])
            noise[..., shape[-1] - task_ids :] = 0.0  # a task id is no input
            return noise

        sources = [generator(final.seed, "input noise") for final in finals]
        shape = (self.rows, self.task.n_inputs)
        return BlockStream(sources, self.n_replicas, shape, draw)

    def _gumbel(self, finals: Sequence[RunConfig], noise_size: int) -> BlockStream:
        def draw(run: int, source: Generator, shape: tuple[int, ...]) -> Tensor:
            tiny = torch.finfo(torch.float32).tiny
            return -(-torch.rand(shape, generator=source).clamp_(min=tiny).log_()).log_()

        sources = [generator(final.seed, "gumbel noise") for final in finals]
        shape = (noise_size, self.rows) if finals[0].per_sample_routing else (noise_size,)
        return BlockStream(sources, self.n_replicas, shape, draw)

    @property
    def inputs(self) -> tuple[TensorSpec, TensorSpec, TensorSpec, TensorSpec | None]:
        """The shapes of a batch, as one replica sees it."""
        noise = None
        if self.gumbel is not None:
            size, *rows = self.gumbel.block.shape[2:]
            noise = TensorSpec((size, ROWS) if rows else (size,))
        n_inputs, n_outputs = self.task.n_inputs, self.task.n_outputs
        return (
            TensorSpec((ROWS, n_inputs)),
            TensorSpec((ROWS, n_outputs)),
            TensorSpec((ROWS,)),
            noise,
        )

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
            order, taken = None, epochs
            if not self.full:
                taken = self.order.left(min(epochs, self._epochs_at_once))
                order = self.order.take(taken)  # (epoch, replica, row of each step)
                order = order.unflatten(2, (self.steps, self.rows)).transpose(1, 2).flatten(0, 1)
            yield from self._blocks_of(taken * self.steps, order)
            epochs -= taken

    def _blocks_of(self, steps: int, order: Tensor | None) -> Iterator[Block]:
        """Blocks of steps, with the rows in an order, shape (step, replica, row)."""
        done = 0
        while done < steps:
            size = steps - done if order is None else min(steps - done, self._steps_at_once)
            for stream in (self.input_noise, self.gumbel):
                size = size if stream is None else stream.left(size)
            batch = list(self._rows_of(None if order is None else order[done : done + size]))
            if self.input_noise is not None:
                batch[0] = batch[0] + self.input_noise.take(size).to(self.device)
            noise = None if self.gumbel is None else self.gumbel.take(size).to(self.device)
            yield Block(size, (*batch, noise))
            done += size

    def _rows_of(self, order: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Rows and weights of each step; of one step for all in a full batch."""
        if order is None:
            return self.x[None], self.y[None], self.weight[None]
        order = order.to(self.device)
        present = (order >= 0).to(self.y.dtype)
        x = inputs_of(self.x[self.replica, order], self.images)
        y = self.y[self.replica, order]
        return x, y, self._normed(present, y)
