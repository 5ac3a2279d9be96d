"""Batched replicas as tensor operations: for short training, and where nothing can be compiled.

All backends take the same state and the same blocks of steps.  For long training on a CPU see
``simd``, for one replica ``single``, for a GPU ``cuda_graph``, for networks that cannot be
vectorised ``plain_loop``; ``choice`` picks one.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.func import vmap
from torch.fx.experimental.proxy_tensor import make_fx

from modnets.imports import get_ready_for_gradients
from modnets.training.batches import Block
from modnets.training.row_blocks import Rows
from modnets.training.step import Batch, Hyperparameters, Scores, StepScale, TrainingStep


class EagerBackend:
    """One tensor operation after the other, each with a replica axis.

    Parameters
    ----------
    training_step : TrainingStep
    flat : Tensor, shape (replica, parameter)
        Initial parameters.
    hyperparameters : Hyperparameters, shape (replica, ...)
    states : list of Tensor, shape (replica, parameter), optional
        What the optimizer keeps; zeros by default.
    """

    compiled = False
    threads = 1

    def __init__(
        self,
        training_step: TrainingStep,
        flat: Tensor,
        hyperparameters: Hyperparameters[Tensor],
        *,
        states: list[Tensor] | None = None,
    ) -> None:
        get_ready_for_gradients()
        self.training_step, self.flat = training_step, flat
        self.hyperparameters = hyperparameters
        self.states = states or [torch.zeros_like(flat) for _ in range(training_step.n_states)]

    def train(self, block: Block) -> None:
        """Take the steps of a block."""
        batch, step_scale = block.at(0)
        arguments = (self.flat, self.states, batch, step_scale, self.hyperparameters)
        function, axes = self.training_step.step, step_axes(batch, step_scale)
        step = self._graph("step", batch.x, function, axes, arguments, block.steps)
        for number in range(block.steps):
            batch, step_scale = block.at(number)
            self.flat, self.states = step(
                (self.flat, self.states, batch, step_scale, self.hyperparameters)
            )

    def evaluate(self, rows: Rows) -> Scores:
        """What ``TrainingStep.evaluate`` gives, with a replica axis in front."""
        of_x, of_y = (None if same else 0 for same in (rows.uniform, rows.same_targets))
        x, function, axes = rows.inputs(), self.training_step.evaluate, (0, 0, of_x, of_y, 0)
        arguments = (self.flat, self.hyperparameters.buffers, x, rows.y, rows.parts)
        name = "evaluate" if rows.same_targets else "evaluate own targets"
        return self._graph(name, x, function, axes, arguments)(arguments)

    def _graph(
        self,
        name: str,
        x: Tensor,
        function: Callable[..., Any],
        axes: tuple[Any, ...],
        arguments: Sequence[Any],
        calls: int = 1,
    ) -> Callable[[Sequence[Any]], Any]:
        """A function with a replica axis, of its arguments in one; traced where that pays.

        A trace is of the very operations that a call takes, so that both give the same bits.
        """
        many = vmap(function, in_dims=axes)
        graph = self.training_step.eager_graph(
            name, tuple(x.shape), len(self.flat), calls, lambda: trace(many, arguments)
        )
        return (lambda arguments: many(*arguments)) if graph is None else graph


def step_axes(batch: Batch[Tensor], step_scale: StepScale[Tensor]) -> tuple[Any, ...]:
    """Where the arguments of ``TrainingStep.step`` have the replica axis."""
    noise, temperature = (None if t is None else 0 for t in (batch.noise, step_scale.temperature))
    return 0, 0, Batch(0, 0, 0, noise), StepScale(0, None, temperature), 0


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

    Subnormal numbers are flushed to zero: they cost up to 100 times as much.  Where several train
    in threads of a process, whoever ends last gives torch its threads back.
    """
    with _TRAINING.lock:
        if not _TRAINING.n_inside:
            _TRAINING.threads = torch.get_num_threads()
        _TRAINING.n_inside += 1
        torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        with _TRAINING.lock:
            _TRAINING.n_inside -= 1
            if not _TRAINING.n_inside:
                torch.set_num_threads(_TRAINING.threads)


class _Training:
    """How many train in threads of this process, and the threads that torch had before."""

    def __init__(self) -> None:
        self.lock, self.n_inside, self.threads = threading.Lock(), 0, 1


_TRAINING = _Training()
