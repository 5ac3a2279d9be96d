"""Machine code with a replica in each SIMD lane, or vectorized within one; for long training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch
from torch import Tensor

from modnets.compiler.compiled import CompiledFunctions, Function
from modnets.compiler.ir import UnsupportedOperation
from modnets.compiler.symbolic import ROW_STEP, ROWS, Size
from modnets.compiler.tracing import leaves
from modnets.config.run_config import RunConfig
from modnets.config.shapes import padded_rows
from modnets.training.batches import Batches, Block, batch_specs
from modnets.training.initialization import InitialState
from modnets.training.row_blocks import Rows, row_specs
from modnets.training.step import Hyperparameters, Scores, TrainingStep

#: Up to here the rows of a step stay together: those of the small tasks.
FEW_ROWS = 64


def compile_step(
    training_step: TrainingStep, final: RunConfig, starts: Sequence[InitialState], lanes: int
) -> CompiledFunctions:
    """Machine code of ``train`` and ``evaluate`` for runs of the shape of one.

    Parameters
    ----------
    training_step : TrainingStep
    final : RunConfig
    starts : sequence of InitialState
    lanes : int
        Replicas in a vector; 1 to vectorize within a replica.

    Raises
    ------
    UnsupportedOperation
        If the network has an operation that the compiler does not support.
    RuntimeError
        If the C++ compiler fails.
    """
    dtype = starts[0].flat.dtype
    buffers = ((name, start.buffers[name]) for name in training_step.buffers for start in starts)
    others = {name: buffer.dtype for name, buffer in buffers if buffer.dtype != dtype}
    if others:
        raise UnsupportedOperation(f"buffers that are not of {dtype}: {others}")
    batch = batch_specs(final, training_step.noise_size)
    inputs = training_step.step_specs(batch, training_step.n_rates)
    flat, states, *_, hyperparameters = inputs
    train = Function(
        "train",
        training_step.step,
        inputs,
        in_place=1 + len(states),
        many_rows=padded_rows(final) > FEW_ROWS,
        trace=lambda: training_step.replica_graph(batch, training_step.n_rates),
    )
    evaluation = (flat, hyperparameters.buffers, *row_specs(final))
    evaluate = Function("evaluate", training_step.evaluate, evaluation)
    return training_step.compiled([train, evaluate], lanes)


class SimdBackend:
    """Machine code with a replica in each lane of a vector; one vector of replicas at a time.

    Parameters
    ----------
    functions : CompiledFunctions
        See :func:`compile_step`.
    training_step, flat, hyperparameters, states
        As for EagerBackend.
    batches : Batches
    threads : int
        Vectors at a time; those left over share the work within a replica that has vectors of its
        own.  It changes no result.
    """

    compiled = True

    def __init__(
        self,
        functions: CompiledFunctions,
        training_step: TrainingStep,
        flat: Tensor,
        hyperparameters: Hyperparameters[Tensor],
        batches: Batches,
        threads: int,
        *,
        states: list[Tensor] | None = None,
    ) -> None:
        self.functions, width = functions, functions.lanes
        specs = batch_specs(batches.final, training_step.noise_size)
        shapes = [spec.shape for spec in leaves(specs)]
        states = states or [torch.zeros_like(flat) for _ in range(training_step.n_states)]
        self.vectors = [
            _Vector(
                [flat, *states],
                hyperparameters,
                batches,
                shapes,
                slice(start, start + width),
            )
            for start in range(0, len(flat), width)
        ]
        self.at_once = min(threads, len(self.vectors))
        self.within = threads // self.at_once if width == 1 else 1
        self.threads = self.at_once * self.within
        most = max(vector.rows for vector in self.vectors)
        self.workspaces = [
            functions.workspace("train", most, self.within) for _ in range(self.at_once)
        ]
        self.evaluation_space, self.evaluated_rows = torch.empty(0), 0

    @property
    def flat(self) -> Tensor:
        """Parameters, shape (replica, parameter)."""
        return self._state(0)

    @property
    def states(self) -> list[Tensor]:
        """What the optimizer keeps, each of shape (replica, parameter)."""
        return [self._state(number) for number in range(1, len(self.vectors[0].state))]

    def _state(self, number: int) -> Tensor:
        return torch.cat([vector.state[number][0].T for vector in self.vectors])

    def train(self, block: Block) -> None:
        """Take the steps of a block."""

        def work(start: int) -> None:
            for vector in self.vectors[start :: self.at_once]:
                vector.train(self.functions, block, self.workspaces[start], self.within)

        if self.at_once == 1:
            work(0)
        else:
            list(pool_of(self.at_once).map(work, range(self.at_once)))

    def evaluate(self, rows: Rows) -> Scores:
        """What ``TrainingStep.evaluate`` gives, with a replica axis in front."""
        n_rows = rows.parts.shape[-1]
        if n_rows > self.evaluated_rows:
            self.evaluation_space = self.functions.workspace("evaluate", n_rows)
            self.evaluated_rows = n_rows
        space = self.evaluation_space
        scores = [vector.evaluate(self.functions, rows, space) for vector in self.vectors]
        return Scores(*(torch.cat(part) for part in zip(*scores, strict=True)))


@cache
def pool_of(threads: int) -> ThreadPoolExecutor:
    """Threads, kept for the next block."""
    return ThreadPoolExecutor(threads)


class _Vector:
    """The replicas in the lanes of one vector; axis -1 of its tensors is the lane."""

    def __init__(
        self,
        state: Sequence[Tensor],
        hyperparameters: Hyperparameters[Tensor],
        batches: Batches,
        batch_shapes: Sequence[Sequence[Size]],
        replicas: slice,
    ) -> None:
        self.replicas = replicas
        self.rows = -(-max(batches.n_rows[replicas]) // ROW_STEP) * ROW_STEP
        self.batch_shapes = batch_shapes
        self.laid_out: dict[Any, tuple[Tensor, Tensor]] = {}
        #: Of the last evaluation: rows, workspace, the call, and the scores as it leaves them.
        self.evaluation: tuple[Rows, Tensor, Callable[[], None], list[Tensor]] | None = None
        self.state = [self._in_lanes(part[None]) for part in state]
        self.hyperparameters = [self._in_lanes(part[None]) for part in leaves(hyperparameters)]
        self.buffers = self.hyperparameters[: len(hyperparameters.buffers)]

    def train(
        self, functions: CompiledFunctions, block: Block, workspace: Tensor, threads: int
    ) -> None:
        """Take the steps of a block."""
        batch = [
            self._in_lanes(part, shape, name)
            for name, (part, shape) in enumerate(
                zip(leaves(block.batch), self.batch_shapes, strict=True)
            )
        ]
        factor, corrections, *temperature = leaves(block.step_scale)
        step_scale = self._in_lanes(factor), corrections, *map(self._in_lanes, temperature)
        arguments = [*self.state, *batch, *step_scale, *self.hyperparameters]
        functions.call("train", block.steps, self.rows, arguments, workspace, threads)()

    def evaluate(self, functions: CompiledFunctions, rows: Rows, space: Tensor) -> list[Tensor]:
        """What ``TrainingStep.evaluate`` gives for these replicas; good until the next call."""
        kept = self.evaluation
        if kept is None or kept[0] is not rows or kept[1] is not space:
            kept = rows, space, *self._evaluation_of(functions, rows, space)
        self.evaluation = kept if rows.uniform else None  # replicas' own inputs take memory
        *_, call, scores = kept
        call()
        return scores

    def _evaluation_of(
        self, functions: CompiledFunctions, rows: Rows, space: Tensor
    ) -> tuple[Callable[[], None], list[Tensor]]:
        """A call that evaluates these replicas, and where it writes their scores."""
        table = [rows.x[None], rows.y[None]]
        if not rows.uniform:
            table[0] = rows.inputs(self.replicas).movedim(0, -1).contiguous()[None]
        if not rows.same_targets:
            table[1] = self._in_lanes(rows.y[None], (), f"y {rows.number}")
        parts = self._in_lanes(rows.parts[None], (), f"parts {rows.number}")
        n_parts, n_rows, width = parts.shape[1:]
        sizes = [(n_parts,)] * 3 + [(n_rows, rows.y.shape[-1])]
        scores = [torch.empty(1, *size, width) for size in sizes]
        arguments = [self.state[0], *self.buffers, *table, parts, *scores]
        call = functions.call("evaluate", 1, n_rows, arguments, space)
        return call, [part[0].movedim(-1, 0) for part in scores]

    def _in_lanes(self, part: Tensor, shape: Sequence[Size] = (), name: Any = None) -> Tensor:
        """Shape (step, replica, ...) -> (step, ..., lane), with the rows that are used here.

        What has a name and is the same for all steps is laid out once.
        """
        if name in self.laid_out:
            source, laid_out = self.laid_out[name]
            if source.data_ptr() == part.data_ptr() and len(part) == 1:
                return laid_out
        laid_out = part[:, self.replicas]
        for axis, size in enumerate(shape):
            if size == ROWS:
                laid_out = _resized(laid_out, 2 + axis, self.rows)
        laid_out = laid_out.movedim(1, -1).contiguous()
        if name is not None:
            self.laid_out[name] = part, laid_out
        return laid_out


def _resized(part: Tensor, axis: int, size: int) -> Tensor:
    """The first ``size`` elements of an axis; zeros beyond its end."""
    missing = size - part.shape[axis]
    if missing <= 0:
        return part.narrow(axis, 0, size)
    after = part.dim() - 1 - axis
    return torch.nn.functional.pad(part, (0, 0) * after + (0, missing))
