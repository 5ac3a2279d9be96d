"""One replica without a replica axis, as in the explorer.

No tracing and no vmap, which pay off only for many replicas: the first run of a process takes half
the time (shared, learned routing: 1.9 s for 1,000 steps, traced 3.4 s).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from modnets.compiler.tracing import leaves, refill
from modnets.training.backends.eager import EagerBackend
from modnets.training.batches import Block
from modnets.training.row_blocks import Rows
from modnets.training.step import Scores, StepScale


class SingleReplicaBackend(EagerBackend):
    """The steps of a chunk of one replica, by torch's own gradient.

    Parameters
    ----------
    training_step, flat, hyperparameters, states
        As for EagerBackend; with one replica.
    """

    def train(self, block: Block) -> None:
        """Take the steps of a block."""
        step, hyperparameters = self.training_step.step, _first(self.hyperparameters)
        flat, states = self.flat[0], _first(self.states)
        for number in range(block.steps):
            batch, (factor, corrections, temperature) = block.at(number)
            step_scale = StepScale(factor[0], corrections, _first(temperature))
            flat, states = step(
                flat, states, _first(batch), step_scale, hyperparameters, gradient=by_autograd
            )
        self.flat, self.states = flat[None], [state[None] for state in states]

    def evaluate(self, rows: Rows) -> Scores:
        """What ``TrainingStep.evaluate`` gives, with a replica axis in front."""
        x = rows.inputs() if rows.uniform else rows.inputs()[0]
        y = rows.y if rows.same_targets else rows.y[0]
        buffers = _first(self.hyperparameters.buffers)
        scores = self.training_step.evaluate(self.flat[0], buffers, x, y, rows.parts[0])
        return Scores(*(part[None] for part in scores))


def by_autograd(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The gradient by the first argument, as ``torch.func.grad``; faster, but not under vmap."""

    def gradient(first: Tensor, *others: Any) -> Tensor:
        with torch.enable_grad():
            first = first.detach().requires_grad_()
            (grads,) = torch.autograd.grad(function(first, *others), first)
        return grads

    return gradient


def _first(nested: Any) -> Any:
    """The only replica of nested tensors."""
    return refill(nested, (part[0] for part in leaves(nested)))
