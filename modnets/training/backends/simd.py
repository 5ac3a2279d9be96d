"""Machine code with a replica in each SIMD lane; for long work on a processor."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch
from torch import Tensor

from modnets.compiler.compiled import CompiledFunctions, Function
from modnets.compiler.ir import UnsupportedOperation
from modnets.compiler.symbolic import ROW_STEP, ROWS, Size
from modnets.compiler.tracing import leaves
from modnets.hardware import lanes
from modnets.training.backends.eager import Hyperparameters, Sums
from modnets.training.batches import Batches, Block
from modnets.training.evaluation import Rows
from modnets.training.step import TrainingStep


class SimdBackend:
    """Machine code with a replica in each lane of a vector; a vector of replicas after the other.

    Parameters
    ----------
    program, flat, fixed
        As for Eager.
    batches : Batches
    rows : Rows
        Such as will be evaluated.
    threads : int
        Vectors at a time; it changes no result.

    Raises
    ------
    UnsupportedOperation
        If the network has an operation without code for lanes.
    RuntimeError
        If the compiler refuses.
    """

    compiled = True

    def __init__(
        self,
        training_step: TrainingStep,
        flat: Tensor,
        hyperparameters: Hyperparameters,
        batches: Batches,
        rows: Rows,
        threads: int,
    ) -> None:
        others = {
            name: part.dtype
            for name, part in hyperparameters[0].items()
            if part.dtype != flat.dtype
        }
        if others:
            raise UnsupportedOperation(f"buffers that are not of {flat.dtype}: {others}")
        width = lanes()
        places = [slice(start, start + width) for start in range(0, len(flat), width)]
        self.vectors = [
            _Vector(training_step.n_states, flat, hyperparameters, batches, p) for p in places
        ]
        self.threads = min(threads, len(self.vectors))
        inputs = training_step.step_inputs(batches.inputs, hyperparameters[2].shape[1])
        one, states, *_, (buffers, *_) = inputs
        train = Function("train", training_step.step, inputs, in_place=1 + len(states))
        evaluate = Function("evaluate", training_step.evaluate, (one, buffers, *rows.inputs))
        self.machine = training_step.machine([train, evaluate])
        most = max(vector.rows for vector in self.vectors)
        self.workspaces = [self.machine.workspace("train", most) for _ in range(self.threads)]

    @property
    def flat(self) -> Tensor:
        """Parameters, shape (replica, parameter)."""
        return torch.cat([vector.state[0][0].T for vector in self.vectors])

    def train(self, block: Block) -> None:
        """Take the steps of a block."""

        def work(start: int) -> None:
            for vector in self.vectors[start :: self.threads]:
                vector.train(self.machine, block, self.workspaces[start])

        if self.threads == 1:
            work(0)
        else:
            list(pool_of(self.threads).map(work, range(self.threads)))

    def evaluate(self, rows: Rows) -> Sums:
        """What ``TrainingStep.evaluate`` gives, with a replica axis in front."""
        workspace = self.machine.workspace("evaluate", rows.parts.shape[-1])
        found = [vector.evaluate(self.machine, rows, workspace) for vector in self.vectors]
        return tuple(torch.cat(part) for part in zip(*found, strict=True))


@cache
def pool_of(threads: int) -> ThreadPoolExecutor:
    """Threads that stay for the next block."""
    return ThreadPoolExecutor(threads)


class _Vector:
    """The replicas in the lanes of one vector; the numbers of a replica lie a vector apart."""

    def __init__(
        self,
        n_states: int,
        flat: Tensor,
        hyperparameters: Hyperparameters,
        batches: Batches,
        places: slice,
    ) -> None:
        self.places = places
        self.rows = -(-max(batches.n_rows[places]) // ROW_STEP) * ROW_STEP
        self.batch_shapes = [part.shape for part in leaves(batches.inputs)]
        self.laid_out: dict[Any, tuple[Tensor, Tensor]] = {}
        self.state = [self._in_lanes(flat[None])]
        self.state += [torch.zeros_like(self.state[0]) for _ in range(n_states)]
        self.hyperparameters = [self._in_lanes(part[None]) for part in leaves(hyperparameters)]
        self.buffers = self.hyperparameters[: len(hyperparameters[0])]

    def train(self, machine: CompiledFunctions, block: Block, workspace: Tensor) -> None:
        """Take the steps of a block."""
        parts = [
            self._in_lanes(part, shape, name)
            for name, (part, shape) in enumerate(
                zip(leaves(block.batch), self.batch_shapes, strict=True)
            )
        ]
        factor, correction = block.step_scale
        arguments = [*self.state, *parts, self._in_lanes(factor), correction, *self.hyperparameters]
        machine.run("train", block.steps, self.rows, arguments, workspace)

    def evaluate(self, machine: CompiledFunctions, rows: Rows, workspace: Tensor) -> list[Tensor]:
        """What ``TrainingStep.evaluate`` gives for the replicas here."""
        if rows.uniform:
            table = [rows.x[None], rows.y[None]]
        else:
            table = [rows.fed(self.places).movedim(0, -1).contiguous()[None]]
            table.append(self._in_lanes(rows.y[None], (), f"y {rows.number}"))
        parts = self._in_lanes(rows.parts[None], (), f"parts {rows.number}")
        n_parts, n_rows, width = parts.shape[1:]
        sizes = [(n_parts,)] * 3 + [(n_rows, rows.y.shape[-1])]
        found = [torch.empty(1, *size, width) for size in sizes]
        arguments = [self.state[0], *self.buffers, *table, parts, *found]
        machine.run("evaluate", 1, n_rows, arguments, workspace)
        return [part[0].movedim(-1, 0) for part in found]

    def _in_lanes(self, part: Tensor, shape: Sequence[Size] = (), name: Any = None) -> Tensor:
        """Shape (step, replica, ...) -> (step, ..., lane), with the rows that are used here.

        What has a name and is the same for all steps is laid out once.
        """
        source, laid_out = self.laid_out.get(name, (None, None))
        if source is not None and source.data_ptr() == part.data_ptr() and len(part) == 1:
            return laid_out
        laid_out = part[:, self.places]
        for axis, size in enumerate(shape):
            if size == ROWS:
                laid_out = _resized(laid_out, 2 + axis, self.rows)
        laid_out = laid_out.movedim(1, -1).contiguous()
        if name is not None:
            self.laid_out[name] = part, laid_out
        return laid_out


def _resized(part: Tensor, axis: int, size: int) -> Tensor:
    """The first places of an axis; zeros beyond its end."""
    missing = size - part.shape[axis]
    if missing <= 0:
        return part.narrow(axis, 0, size)
    after = part.dim() - 1 - axis
    return torch.nn.functional.pad(part, (0, 0) * after + (0, missing))
