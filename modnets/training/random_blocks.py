"""Random tensors for the steps of many runs, and blocks of steps.

Numbers are drawn in blocks whose size depends on a run's config alone, so that neither its
neighbours nor the evaluations change them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

BLOCK_NUMBERS = 2**14  # random numbers drawn at once for one run


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
    step_scale : tuple of Tensor
        Factor of the learning rates, shape (step or 1, replica); Adam's corrections, (step, 2).
    """

    steps: int
    batch: tuple[Tensor, Tensor, Tensor, Tensor | None]
    step_scale: tuple[Tensor, ...] = ()

    def at(self, number: int) -> tuple[tuple[Tensor | None, ...], tuple[Tensor, ...]]:
        """Batch and pace of one step."""

        def one(part: Tensor | None) -> Tensor | None:
            return None if part is None else part[number if len(part) > 1 else 0]

        return tuple(map(one, self.batch)), tuple(map(one, self.step_scale))
