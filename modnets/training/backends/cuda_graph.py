"""The step on a GPU: fused by torch's compiler, captured once as a CUDA graph, and replayed.

Nothing in the loop over steps waits for the GPU: what changes from step to step is copied on the
device, and results stay there until the end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap
from torch.fx.experimental.proxy_tensor import make_fx

from modnets.compiler.tracing import leaves, refill
from modnets.errors import first_line
from modnets.training.backends.eager import EagerBackend, step_axes
from modnets.training.batches import Block
from modnets.training.step import CudaGraph, Hyperparameters, TrainingStep

WARM_UP = 3  # runs of a step before it is captured, as torch's documentation asks for


def capture(step: Callable[[], None]) -> Callable[[], None]:
    """A step as a CUDA graph; the step is run a few times for that."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UP):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


class CudaGraphBackend(EagerBackend):
    """A captured step; its parameters and inputs are static buffers on the device.

    Parameters
    ----------
    training_step, flat, hyperparameters, states
        As for EagerBackend.
    capture : callable
        Makes a step that takes and returns nothing cheap to run.
    fuse : callable
        Makes a traced graph fast.
    """

    compiled = True

    def __init__(
        self,
        training_step: TrainingStep,
        flat: Tensor,
        hyperparameters: Hyperparameters[Tensor],
        capture: Callable[[Callable[[], None]], Callable[[], None]] = capture,
        fuse: Callable[..., Any] = torch.compile,
        *,
        states: list[Tensor] | None = None,
    ) -> None:
        super().__init__(training_step, flat, hyperparameters, states=states)
        self.capture, self.fuse = capture, fuse
        self.inputs: list[Tensor] = []  # batch and step scale of the captured step
        self.sources: list[Tensor] = []  # what they were copied from
        self.replay: Callable[[], None] | None = None

    def train(self, block: Block) -> None:
        """Take the steps of a block."""
        if self.replay is None:
            self.replay = self._prepare(block)
        sources = list(leaves((block.batch, block.step_scale)))
        for static, source, before in zip(self.inputs, sources, self.sources, strict=True):
            if len(source) == 1 and source is not before:
                static.copy_(source[0])
        self.sources = sources
        changing = [pair for pair in zip(self.inputs, sources, strict=True) if len(pair[1]) > 1]
        for number in range(block.steps):
            for static, source in changing:
                static.copy_(source[number])
            self.replay()

    def _prepare(self, block: Block) -> Callable[[], None]:
        """Allocate the inputs of a step, and capture the step that reads them."""
        batch, step_scale = block.at(0)
        self.inputs = [part.clone() for part in leaves((batch, step_scale))]
        self.sources = [torch.empty(0)] * len(self.inputs)
        nested = (
            self.flat,
            self.states,
            *refill((batch, step_scale), iter(self.inputs)),
            self.hyperparameters,
        )
        arguments = list(leaves(nested))
        function = vmap(self.training_step.step, in_dims=step_axes(batch, step_scale))

        def call(*tensors: Tensor) -> list[Tensor]:
            return list(leaves(function(*refill(nested, iter(tensors)))))

        def traced_and_fused() -> CudaGraph:
            graph = make_fx(call)(*arguments)
            return graph, self.fuse(graph)

        shapes = tuple(tuple(argument.shape) for argument in arguments)
        graph, fused = self.training_step.cuda_graph(shapes, traced_and_fused)
        state = [self.flat, *self.states]

        def step(run: Callable[..., Any] = fused) -> None:
            for static, new in zip(state, run(*arguments), strict=True):
                static.copy_(new)

        before = [part.clone() for part in state]
        try:
            replay = self.capture(step)
        except Exception as error:  # without Triton, say; the graph is captured as it is
            print(
                f"modnets: torch.compile failed, step is not fused: {first_line(error)}",
                file=sys.stderr,
            )
            replay = self.capture(lambda: step(graph))
        for static, part in zip(state, before, strict=True):
            static.copy_(part)
        return replay
