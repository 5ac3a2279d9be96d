"""Helpers for tests of the backends: functions run lane by lane, and tables to compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pytest
import torch
from torch import Tensor

from modnets.compiler.build_cache import can_compile
from modnets.compiler.compiled import CompiledFunctions, Function
from modnets.compiler.symbolic import ROWS
from modnets.compiler.tracing import TensorSpec, leaves
from modnets.hardware import lanes
from modnets.training.engine import Trained

needs_compiler = pytest.mark.skipif(not can_compile(), reason="no C++ compiler on this machine")

LOSSES = ["train_loss", "test_loss"]

Case = tuple[Callable[..., Any], tuple]


def function(name: str, case: Case, in_place: int = 0) -> Function:
    """A function to compile, from a callable and the shapes of its inputs."""
    call, shapes = case
    return Function(
        name, call, [s if isinstance(s, TensorSpec) else TensorSpec(s) for s in shapes], in_place
    )


def numbers(one: Function, rows: int, steps: int = 1, seed: int = 0) -> list[Tensor]:
    """Random inputs, shape (step, ..., lane); uniform ones have no lanes."""
    generator = torch.Generator().manual_seed(seed)
    inputs = []
    for spec in leaves(one.inputs):
        shape = [rows if size == ROWS else size for size in spec.shape]
        shape += [] if spec.uniform else [lanes()]
        inputs.append(torch.randn(steps, *shape, generator=generator))
    return inputs


def by_torch(one: Function, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The outputs of a step, shape (..., lane), one lane after the other."""
    uniform = [spec.uniform for spec in leaves(one.inputs)]
    by_lane = []
    for lane in range(lanes()):
        of_lane = [x if u else x[..., lane] for x, u in zip(inputs, uniform, strict=True)]
        by_lane.append([output.float() for output in leaves(one.call(*of_lane))])
    return [torch.stack(output, dim=-1) for output in zip(*by_lane, strict=True)]


def by_machine(
    machine: CompiledFunctions,
    one: Function,
    inputs: Sequence[Tensor],
    shapes: Sequence[Any],
    rows: int,
) -> list[Tensor]:
    """The outputs of all steps, shape (step, ..., lane); some are written in place of inputs."""
    steps = max(len(part) for part in inputs)
    inputs = [part.clone() for part in inputs]
    others = [torch.full((steps, *shape), 777.0) for shape in shapes[one.in_place :]]
    workspace = machine.workspace(one.name, rows)
    machine.call(one.name, steps, rows, [*inputs, *others], workspace)()
    return [*inputs[: one.in_place], *others]


def assert_alike(
    machine: CompiledFunctions,
    one: Function,
    inputs: Sequence[Tensor],
    rows: int,
    tolerance: float = 1e-5,
) -> None:
    """One step of machine code against torch; NaN where torch has NaN."""
    expected = by_torch(one, [part[0] for part in inputs])
    outputs = by_machine(machine, one, inputs, [part.shape for part in expected], rows)
    for number, (output, expected_output) in enumerate(zip(outputs, expected, strict=True)):
        torch.testing.assert_close(
            output[0],
            expected_output,
            rtol=tolerance,
            atol=tolerance / 5,
            equal_nan=True,
            msg=lambda text, number=number: f"output {number}: {text}",
        )


def table_of(trained: Trained) -> pd.DataFrame:
    """The results, indexed by run and epoch."""
    assert not trained.failures
    return trained.table.set_index(["run", "epoch"]).sort_index()


def assert_close(one: pd.DataFrame, other: pd.DataFrame, tolerance: float) -> None:
    """Losses agree."""
    one, other = one[LOSSES].astype(float), other[LOSSES].astype(float)
    pd.testing.assert_frame_equal(one, other, rtol=tolerance, atol=tolerance / 10)
