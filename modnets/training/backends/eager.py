"""Replicas side by side as tensor operations: for short work, and where no code can be written.

All backends take the same state and the same blocks of steps.  For long work on a processor see
``simd``, for one replica ``single``, for a GPU ``cuda_graph``, for networks that cannot be
vectorised ``plain_loop``; ``choice`` picks one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.func import vmap
from torch.fx.experimental.proxy_tensor import make_fx

from modnets.training.batches import Block
from modnets.training.evaluation import Rows
from modnets.training.step import TrainingStep

#: Buffers, temperature, learning rates and weight decay, each with a replica axis in front.
Hyperparameters = tuple[dict[str, Tensor], Tensor, Tensor, Tensor]
Sums = tuple[Tensor, Tensor, Tensor, Tensor]


class EagerBackend:
    """Tensor operations with a replica axis, one after the other.

    Parameters
    ----------
    training_step : TrainingStep
    flat : Tensor, shape (replica, parameter)
        Initial parameters.
    hyperparameters : Hyperparameters
    """

    compiled = False

    def __init__(
        self, training_step: TrainingStep, flat: Tensor, hyperparameters: Hyperparameters
    ) -> None:
        self.training_step, self.flat, self.hyperparameters, self.threads = (
            training_step,
            flat,
            hyperparameters,
            1,
        )
        self.states = [torch.zeros_like(flat) for _ in range(training_step.n_states)]

    def train(self, block: Block) -> None:
        """Take the steps of a block."""
        for number in range(block.steps):
            batch, step_scale = block.at(number)
            arguments = (self.flat, self.states, batch, step_scale, self.hyperparameters)
            name, axes = f"step {tuple(batch[0].shape)}", step_axes(batch)
            step = self._graph(name, self.training_step.step, axes, arguments)
            self.flat, self.states = step(arguments)

    def evaluate(self, rows: Rows) -> Sums:
        """What ``TrainingStep.evaluate`` gives, with a replica axis in front."""
        axis = None if rows.uniform else 0
        x = rows.fed()
        arguments = (self.flat, self.hyperparameters[0], x, rows.y, rows.parts)
        name, axes = f"evaluate {tuple(x.shape)}", (0, 0, axis, axis, 0)
        return self._graph(name, self.training_step.evaluate, axes, arguments)(arguments)

    def _graph(
        self, name: str, function: Callable[..., Any], axes: Any, arguments: Sequence[Any]
    ) -> fx.GraphModule:
        key = (name, len(self.flat))
        if key not in self.training_step.graphs:
            self.training_step.graphs[key] = trace(vmap(function, in_dims=axes), arguments)
        return self.training_step.graphs[key]


def step_axes(batch: Sequence[Tensor | None]) -> tuple[Any, ...]:
    """Where the arguments of ``TrainingStep.step`` have the replica axis."""
    return 0, 0, tuple(None if part is None else 0 for part in batch), (0, None), 0


def trace(function: Callable[..., Any], arguments: Sequence[Any]) -> fx.GraphModule:
    """The tensor operations of a function, with all of torch.func's work done."""

    def call(arguments: Sequence[Any]) -> Any:
        return function(*arguments)

    graph = make_fx(call)(arguments)
    for node in graph.graph.find_nodes(op="call_function", target=torch.ops.aten.detach.default):
        node.replace_all_uses_with(node.args[0])  # no gradient is taken of the graph itself
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def warm_up() -> None:
    """Load what tracing needs, which takes a second or two the first time."""
    trace(torch.neg, (torch.zeros(1),))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Train in one thread, so that a result does not depend on the number of cores.

    Numbers too small for full precision are taken for zero: they cost up to 100 times as much.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)
