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
from modnets.training.backends.eager import EagerBackend, Hyperparameters, step_axes
from modnets.training.batches import Block
from modnets.training.step import TrainingStep

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
    """A step that lies ready on the device; parameters and what it is fed have fixed places.

    Parameters
    ----------
    program, flat, fixed
        As for Eager.
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
        hyperparameters: Hyperparameters,
        capture: Callable[[Callable[[], None]], Callable[[], None]] = capture,
        fuse: Callable[..., Any] = torch.compile,
    ) -> None:
        super().__init__(training_step, flat, hyperparameters)
        self.capture, self.fuse = capture, fuse
        self.fed: list[Tensor] = []
        self.sources: list[Tensor] = []
        self.replay: Callable[[], None] | None = None

    def train(self, block: Block) -> None:
        """Take the steps of a block."""
        if self.replay is None:
            self._prepare(block)
        parts = list(leaves((block.batch, block.step_scale)))
        for place, part, source in zip(self.fed, parts, self.sources, strict=True):
            if len(part) == 1 and part is not source:
                place.copy_(part[0])
        self.sources = parts
        changing = [(p, part) for p, part in zip(self.fed, parts, strict=True) if len(part) > 1]
        for number in range(block.steps):
            for place, part in changing:
                place.copy_(part[number])
            self.replay()

    def _prepare(self, block: Block) -> None:
        """Give what a step is fed its places, and capture the step that reads them."""
        batch, step_scale = block.at(0)
        self.fed = [part.clone() for part in leaves((batch, step_scale))]
        self.sources = [torch.empty(0)] * len(self.fed)
        nested = (
            self.flat,
            self.states,
            *refill((batch, step_scale), iter(self.fed)),
            self.hyperparameters,
        )
        given = list(leaves(nested))
        function = vmap(self.training_step.step, in_dims=step_axes(batch))

        def call(*tensors: Tensor) -> list[Tensor]:
            return list(leaves(function(*refill(nested, iter(tensors)))))

        graphs, key = self.training_step.graphs, f"captured {[tuple(part.shape) for part in given]}"
        if key not in graphs:
            graph = make_fx(call)(*given)
            graphs[key] = graph, self.fuse(graph)
        graph, fused = graphs[key]
        state = [self.flat, *self.states]

        def step(run: Callable[..., Any] = fused) -> None:
            for place, new in zip(state, run(*given), strict=True):
                place.copy_(new)

        before = [part.clone() for part in state]
        try:
            self.replay = self.capture(step)
        except Exception as error:  # without Triton, say; the graph is captured as it is
            print(
                f"modnets: torch.compile failed, step is not fused: {first_line(error)}",
                file=sys.stderr,
            )
            self.replay = self.capture(lambda: step(graph))
        for place, part in zip(state, before, strict=True):
            place.copy_(part)
