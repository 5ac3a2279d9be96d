"""What a step costs, counted in its trace: arithmetic and memory."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, fx

from modnets.training.batches import Batches, padded_rows
from modnets.training.compiler.indices import ROWS, Size, product, size_of
from modnets.training.compiler.operations import FLOAT, NUMERIC, name_of
from modnets.training.compiler.tracing import trace_one
from modnets.training.config import RunConfig
from modnets.training.replicas import program_of

PRODUCTS = ("mm", "bmm", "addmm", "mv", "dot")
SUMS = ("sum", "mean", "amax", "amin")


def trace_of(config: RunConfig) -> fx.GraphModule:
    """The training step of one replica of a run, as tensor operations."""
    final = config.final
    program = program_of(final, torch.device("cpu"))
    batches = Batches([final], 1, getattr(program.network, "noise_size", 0), torch.device("cpu"))
    inputs = program.step_inputs(batches.inputs, n_rates=sum(program.sizes))
    return trace_one(program.step, inputs, open_rows=False)


def memory_of(config: RunConfig) -> int:
    """Bytes that a replica of a run takes at most: every tensor of a step, none thrown away.

    An upper limit, by which a chunk is chosen for a device; what is fused takes less.
    """
    nodes = trace_of(config).graph.nodes
    return 4 * _at(sum(_elements(node) for node in nodes), padded_rows(config))


def arithmetic_of(config: RunConfig, rows: int | None = None) -> int:
    """Floating-point operations of one training step of one run.

    Sums, products and functions of numbers count 1 for each element, matrix products 2 for each
    pair multiplied; comparisons, choices and moves count nothing.

    Parameters
    ----------
    config : RunConfig
    rows : int, optional
        In a step; by default the training rows of the run, or the batch size.
    """
    total: Size = sum(_operations(trace_of(config)))
    final = config.final
    return _at(total, min(final.train_rows, final.batch_size) if rows is None else rows)


def _operations(graph: fx.GraphModule) -> Iterator[Size]:
    for node in graph.graph.nodes:
        name = name_of(node)
        if name in PRODUCTS:
            yield 2 * _elements(node) * size_of(node.args[-2].meta["val"].shape[-1])
        elif name in SUMS:
            yield _elements(node.args[0])
        elif name in FLOAT or name in NUMERIC or name == "addmm":
            yield _elements(node)


def _elements(node: fx.Node) -> Size:
    tensor = node.meta.get("val")
    return product(map(size_of, tensor.shape)) if isinstance(tensor, Tensor) else 0


def _at(size: Size, rows: int) -> int:
    return int(size if isinstance(size, int) else size.subs(ROWS, rows))
