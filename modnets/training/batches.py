"""The batches of each run: its rows, in their order, with their weights, and its noise.

For the random numbers see ``random_streams``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Generator, Tensor

from modnets.compiler.symbolic import ROWS
from modnets.compiler.tracing import TensorSpec, leaves, refill
from modnets.config.run_config import RunConfig
from modnets.config.shapes import is_full_batch, padded_rows, steps_per_epoch
from modnets.tasks.task import Task
from modnets.tasks.truth_tables import DONT_CARE
from modnets.training.random_streams import BlockStream, generator
from modnets.training.step import Batch, StepScale

BLOCK_ROWS = 2**18  # rows put in order at once for minibatches, of all runs of a chunk
GATHERED_NUMBERS = 2**22  # inputs gathered at once for minibatches


@dataclass(frozen=True)
class Block:
    """Consecutive training steps.

    Parameters
    ----------
    steps : int
    batch : Batch of Tensor, shape (step, replica, ...)
        With one step for all where it does not change.
    step_scale : StepScale of Tensor, shape (step or 1, replica, ...); corrections (step, 2)
    """

    steps: int
    batch: Batch[Tensor]
    step_scale: StepScale[Tensor]

    def of(self, replicas: slice) -> Block:
        """The same steps of some of the replicas."""
        batch = refill(self.batch, (part[:, replicas] for part in leaves(self.batch)))
        factor, corrections, temperature = self.step_scale
        temperature = None if temperature is None else temperature[:, replicas]
        return Block(self.steps, batch, StepScale(factor[:, replicas], corrections, temperature))

    def at(self, step: int) -> tuple[Batch[Tensor], StepScale[Tensor]]:
        """Batch and step scale of one step."""
        factor, corrections, temperature = self.step_scale
        temperature = None if temperature is None else _at(temperature, step)
        step_scale = StepScale(_at(factor, step), _at(corrections, step), temperature)
        return batch_at(self.batch, step), step_scale


def batch_at(batch: Batch[Tensor], step: int) -> Batch[Tensor]:
    """The batch of one step, from a batch with an axis of steps; see :class:`Block`."""
    x, y, weight, noise = batch
    noise = None if noise is None else _at(noise, step)
    return Batch(_at(x, step), _at(y, step), _at(weight, step), noise)


def _at(part: Tensor, step: int) -> Tensor:
    return part[step if len(part) > 1 else 0]


def images_on(task: Task, device: torch.device) -> Tensor | None:
    """The pixels of every image, shape (image, pixel), on a device; None without images."""
    return None if task.images is None else torch.from_numpy(task.images).to(device)


def inputs_of(x: Tensor, images: Tensor | None) -> Tensor:
    """What a network reads: the rows themselves, or the pixels of the images that they index.

    Parameters
    ----------
    x : Tensor, shape (..., row, column)
    images : Tensor, shape (image, pixel), optional

    Returns
    -------
    Tensor of float, shape (..., row, input)
    """
    return x if images is None else images[x].flatten(-2)


def batch_specs(final: RunConfig, noise_size: int) -> Batch[TensorSpec]:
    """The shapes of a batch, as one replica sees it.

    Parameters
    ----------
    final : RunConfig
    noise_size : int
        Number of logits that take Gumbel noise.
    """
    task = cast("Task", final.graph)
    noise = None
    if final.gumbel and noise_size:
        noise = TensorSpec((noise_size, ROWS) if final.per_sample_routing else (noise_size,))
    return Batch(
        TensorSpec((ROWS, task.n_inputs)),
        TensorSpec((ROWS, task.n_outputs)),
        TensorSpec((ROWS,)),
        noise,
    )


class Batches:
    """The batches of a chunk of runs.

    Parameters
    ----------
    configs : sequence of RunConfig
        Runs of one shape (see ``config.shapes.shape_of``).
    n_replicas : int
        Size of the chunk; slots beyond the runs repeat the first one's rows.
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
        self.final = first = finals[0]
        self.n_replicas, self.device = n_replicas, device
        self.rows = padded_rows(first)
        self.full = is_full_batch(first)
        self.steps = steps_per_epoch(first)
        self.task = cast("Task", first.graph)
        self.images = images_on(self.task, device)
        self._load_rows(finals)
        a_step = self.n_replicas * self.rows
        self._epochs_at_once = max(1, BLOCK_ROWS // (self.steps * a_step))
        self._steps_at_once = max(1, GATHERED_NUMBERS // (a_step * self.task.n_inputs))
        self.order = None if self.full else self._order(finals)
        self.input_noise = self._input_noise(finals)
        self.gumbel = self._gumbel(finals, noise_size) if first.gumbel and noise_size else None

    def _load_rows(self, finals: Sequence[RunConfig]) -> None:
        """Training rows of each run, padded, and the weight of each in the mean loss."""
        n_rows = self.rows if self.full else finals[0].n_examples
        keys = [(final.train_rows, final.split_seed) for final in finals]
        # Copies: of a large table the whole split takes megabytes, and is let go at once.
        indices = {
            key: final.split["train"].copy()
            for key, final in dict(zip(keys, finals, strict=True)).items()
        }
        rows = {key: torch.from_numpy(self.task.rows(index)) for key, index in indices.items()}
        outputs: dict[Any, Tensor] = {}
        for final, key in zip(finals, keys, strict=True):
            if (final.graph, key) not in outputs:
                task = cast("Task", final.graph)
                outputs[task, key] = torch.from_numpy(task.targets(indices[key]))
        loaded = [
            (rows[key], outputs[final.graph, key]) for final, key in zip(finals, keys, strict=True)
        ]
        loaded += loaded[:1] * (self.n_replicas - len(finals))
        self.n_rows = [len(x) if self.full else self.rows for x, _ in loaded]
        dtype = torch.float32 if self.images is None else torch.int64  # image indices
        x = torch.zeros(self.n_replicas, n_rows, loaded[0][0].shape[1], dtype=dtype)
        y = torch.zeros(self.n_replicas, n_rows, self.task.n_outputs)
        weight = torch.zeros(self.n_replicas, n_rows)
        for replica, (inputs, targets) in enumerate(loaded):
            x[replica, : len(inputs)], y[replica, : len(inputs)] = inputs, targets
            weight[replica, : len(inputs)] = 1.0
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
        """Row indices for each epoch; the last step is padded with index -1."""
        n_rows = finals[0].n_examples
        padded = self.steps * self.rows

        def draw(run: int, random: Generator, shape: tuple[int, ...]) -> Tensor:
            order = torch.rand(shape[0], n_rows, generator=random).argsort(dim=1)
            return torch.nn.functional.pad(order, (0, padded - n_rows), value=-1)

        generators = [generator(final.seed, "order") for final in finals]
        return BlockStream(generators, self.n_replicas, (padded,), draw, torch.int64)

    def _input_noise(self, finals: Sequence[RunConfig]) -> BlockStream | None:
        deviations = [final.input_noise for final in finals]
        if not any(deviations):
            return None

        task_ids = self.task.n_tasks if self.task.n_tasks > 1 else 0

        def draw(run: int, random: Generator, shape: tuple[int, ...]) -> Tensor:
            noise = torch.randn(shape, generator=random).mul_(deviations[run])
            noise[..., shape[-1] - task_ids :] = 0.0  # none on the task id
            return noise

        generators = [generator(final.seed, "input noise") for final in finals]
        shape = (self.rows, self.task.n_inputs)
        return BlockStream(generators, self.n_replicas, shape, draw)

    def _gumbel(self, finals: Sequence[RunConfig], noise_size: int) -> BlockStream:
        def draw(run: int, random: Generator, shape: tuple[int, ...]) -> Tensor:
            tiny = torch.finfo(torch.float32).tiny
            return -(-torch.rand(shape, generator=random).clamp_(min=tiny).log_()).log_()

        generators = [generator(final.seed, "gumbel noise") for final in finals]
        shape = (noise_size, self.rows) if finals[0].per_sample_routing else (noise_size,)
        return BlockStream(generators, self.n_replicas, shape, draw)

    def epoch(self) -> Iterator[Batch[Tensor]]:
        """The batch of each step of the next epoch, its parts of shape (replica, ...)."""
        for steps, batch in self.blocks(1):
            for step in range(steps):
                yield batch_at(batch, step)

    def skip(self, epochs: int) -> None:
        """Pass over the next epochs."""
        if self.order is not None:
            self.order.skip(epochs)
        for noise in (self.input_noise, self.gumbel):
            if noise is not None:
                noise.skip(epochs * self.steps)

    def blocks(self, epochs: int) -> Iterator[tuple[int, Batch[Tensor]]]:
        """The next epochs in blocks that fit in memory.

        Yields
        ------
        steps : int
        batch : Batch of Tensor, shape (step, replica, ...)
            With one step for all where it does not change.
        """
        while epochs:
            order, taken = None, epochs
            if self.order is not None:
                taken = self.order.left(min(epochs, self._epochs_at_once))
                order = self.order.take(taken)  # (epoch, replica, row of each step)
                order = order.unflatten(2, (self.steps, self.rows)).transpose(1, 2).flatten(0, 1)
            yield from self._blocks_of(taken * self.steps, order)
            epochs -= taken

    def _blocks_of(self, steps: int, order: Tensor | None) -> Iterator[tuple[int, Batch[Tensor]]]:
        """Blocks of steps, with the rows in an order, shape (step, replica, row)."""
        done = 0
        while done < steps:
            size = steps - done if order is None else min(steps - done, self._steps_at_once)
            for stream in (self.input_noise, self.gumbel):
                size = size if stream is None else stream.left(size)
            x, y, weight = self._rows_of(None if order is None else order[done : done + size])
            if self.input_noise is not None:
                x = x + self.input_noise.take(size).to(self.device)
            noise = None if self.gumbel is None else self.gumbel.take(size).to(self.device)
            yield size, Batch(x, y, weight, noise)
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
