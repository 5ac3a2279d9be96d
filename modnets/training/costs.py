"""Arithmetic and memory of a training step and of a forward pass, counted in their traces.

Elementwise operations and sums count 1 for each element, matrix products and convolutions 2
for each pair multiplied; comparisons, choices and moves count nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd
import torch
from torch import Tensor, fx
from torch.func import functional_call

from modnets.checked import checked
from modnets.compiler.elementwise import FLOAT, NUMERIC, name_of
from modnets.compiler.symbolic import ROWS, Size, product, size_at, size_of
from modnets.compiler.tracing import TensorSpec, trace_one
from modnets.config.run_config import RunConfig
from modnets.config.shapes import padded_rows, shape_of
from modnets.models.losses import logits_and_penalty
from modnets.models.modular import ModularNetwork
from modnets.models.monolithic import MLP
from modnets.models.registry import n_weights
from modnets.training.batches import batch_specs
from modnets.training.step import TrainingStep
from modnets.training.step_cache import training_step_of
from modnets.values import MAX_INTEGER

PRODUCTS = ("mm", "bmm", "addmm", "mv", "dot")
SUMS = ("sum", "mean", "amax", "amin")


def trace_of(config: RunConfig) -> fx.GraphModule:
    """The training step of one replica of a run, as tensor operations: what is compiled."""
    training_step = training_step_on_cpu(config)
    batch = batch_specs(config.final, training_step.noise_size)
    return training_step.replica_graph(batch, training_step.n_rates)


def not_in_trace(config: RunConfig) -> int:
    """Operations that a trace lacks where all parameters have one learning rate.

    In all counts each has a rate of its own, so that they compare.
    """
    training_step = training_step_on_cpu(config)
    return sum(training_step.sizes) - training_step.n_rates


def memory_of(config: RunConfig) -> int:
    """Upper bound of a replica's memory, in bytes: every tensor of a step, none freed.

    The size of a chunk is chosen by it; fused operations take less.
    """
    nodes = trace_of(config).graph.nodes
    return 4 * size_at(sum(_elements(node) for node in nodes), padded_rows(config))


@checked(rows=(1, MAX_INTEGER))
def arithmetic_of(config: RunConfig, rows: int | None = None) -> int:
    """Floating-point operations of one training step of one run: forward, backward, optimizer.

    Parameters
    ----------
    config : RunConfig
    rows : int, optional
        In a step; by default the training rows of the run, or the batch size.
    """
    rows = config.final.batch_size if rows is None else rows
    return size_at(_step_operations(config), rows)


@checked
def forward_flops(config: RunConfig, *, wired: bool = False) -> int:
    """Floating-point operations of a network for one row, in evaluation.

    Parameters
    ----------
    config : RunConfig
    wired : bool
        Count a built-in network with its choices fixed: each slot computes its one module, routing
        costs nothing, and pruned weights are absent.  Without it count what the model computes:
        choices are computed from their logits and multiplied with as zeros and ones, with learned
        selection every slot computes the entire pool, and pruned weights are multiplied too.
    """
    training_step = training_step_on_cpu(config)
    network = training_step.network
    if wired and isinstance(network, ModularNetwork):
        arch, (first, *rest) = network.pools[0].arch, network.slots
        return first * _perceptron((network.arity, *arch[1:])) + sum(rest) * _perceptron(arch)
    if wired and isinstance(network, MLP):
        return _perceptron(network.widths, n_weights(network))

    def forward(flat: Tensor, buffers: dict[str, Tensor], x: Tensor) -> Tensor:
        parameters = training_step.unflatten(flat), buffers
        logits, _ = logits_and_penalty(functional_call(network, parameters, (x,)))
        return logits

    network.eval()
    buffers = {name: TensorSpec(shape) for name, shape in training_step.buffers.items()}
    inputs = (
        TensorSpec((sum(training_step.sizes),)),
        buffers,
        TensorSpec((ROWS, config.graph.n_inputs)),
    )
    return size_at(_operations(trace_one(forward, inputs, open_rows=False)), rows=1)


@checked
def costs_of(runs: Iterable[RunConfig]) -> pd.DataFrame:
    """What runs cost in weights and in arithmetic, counted from their models, not timed.

    Parameters
    ----------
    runs : iterable of RunConfig

    Returns
    -------
    DataFrame
        A row per run, in their order: ``run`` (its key), ``graph``, ``kind``, ``train_rows``;
        ``weights``, as :func:`~modnets.models.n_weights`; ``forward_flops`` and ``wired_flops``, of
        one row, as :func:`~modnets.analysis.forward_flops` without and with ``wired``;
        ``epoch_flops``, of the training steps of an epoch.
    """
    networks: dict[str, dict[str, Any]] = {}
    steps: dict[str, Size] = {}
    rows = []
    for run in runs:
        shape, final = shape_of(run), run.final
        if shape not in steps:
            steps[shape] = _step_operations(run)
            networks[shape] = {
                "weights": n_weights(training_step_on_cpu(run).network),
                "forward_flops": forward_flops(run),
                "wired_flops": forward_flops(run, wired=True),
            }
        epoch = _of_epoch(steps[shape], run)
        named: dict[str, Any] = {"run": run.key, "graph": str(run.graph), "kind": run.kind}
        named |= {"train_rows": final.train_rows}
        rows.append(named | networks[shape] | {"epoch_flops": epoch})
    return pd.DataFrame(rows)


def epoch_flops(runs: Sequence[RunConfig]) -> list[int]:
    """Floating-point operations of the training steps of an epoch, of runs of one shape."""
    steps = _step_operations(runs[0])
    return [_of_epoch(steps, run) for run in runs]


def _of_epoch(steps: Size, run: RunConfig) -> int:
    """Operations of an epoch, given those of a step."""
    full, rest = divmod(run.n_examples, run.final.batch_size)
    return full * size_at(steps, run.final.batch_size) + (rest and size_at(steps, rest))


def training_step_on_cpu(config: RunConfig) -> TrainingStep:
    """The step that costs are counted in."""
    return training_step_of(config.final, torch.device("cpu"))


def _perceptron(widths: Sequence[int], weights: int | None = None) -> int:
    """Operations of linear layers with ReLU between them; by default no weight is pruned."""
    weights = sum(n_in * n_out for n_in, n_out in pairwise(widths)) if weights is None else weights
    return 2 * weights + sum(widths[1:]) + sum(widths[1:-1])


def _step_operations(config: RunConfig) -> Size:
    return _operations(trace_of(config)) + not_in_trace(config)


def _operations(graph: fx.GraphModule) -> Size:
    return sum(operations_of(node) for node in graph.graph.nodes)


def operations_of(node: fx.Node) -> Size:
    """Floating-point operations of one operation of a trace."""
    name = name_of(node)
    arguments: tuple[Any, ...] = node.args  # nodes, numbers, lists
    if name in PRODUCTS:
        pairs = _elements(node) * size_of(arguments[-2].meta["val"].shape[-1])
        return 2 * pairs + (_elements(node) if name == "addmm" else 0)
    if name == "convolution":
        _, weight, bias = arguments[:3]
        return _elements(node) * (2 * _window(weight) + (bias is not None))
    if name == "convolution_backward":
        grads, _, weight, *_, (images, kernels, bias) = arguments
        return _elements(grads) * (2 * _window(weight) * (images + kernels) + bias)
    if name in SUMS:
        return _elements(arguments[0])
    return _elements(node) if name in FLOAT or name in NUMERIC else 0


def _window(weight: fx.Node) -> Size:
    """Number of weights of a kernel: channels of its images times height times width."""
    return product(map(size_of, weight.meta["val"].shape[1:]))


def _elements(node: fx.Node) -> Size:
    tensor = node.meta.get("val")
    return product(map(size_of, tensor.shape)) if isinstance(tensor, Tensor) else 0
