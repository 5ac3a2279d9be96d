"""What tests of the backends share: functions run lane after lane, and tables to compare."""

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
    """What is to be compiled, from a function and the shapes of its inputs."""
    call, shapes = case
    return Function(
        name, call, [s if isinstance(s, TensorSpec) else TensorSpec(s) for s in shapes], in_place
    )


def numbers(one: Function, rows: int, steps: int = 1, seed: int = 0) -> list[Tensor]:
    """Random inputs, shape (step, ..., lane); uniform ones have no lanes."""
    source = torch.Generator().manual_seed(seed)
    found = []
    for given in leaves(one.inputs):
        shape = [rows if size == ROWS else size for size in given.shape]
        shape += [] if given.uniform else [lanes()]
        found.append(torch.randn(steps, *shape, generator=source))
    return found


def by_torch(one: Function, given: Sequence[Tensor]) -> list[Tensor]:
    """The outputs of a step, shape (..., lane), one lane after the other."""
    uniform = [part.uniform for part in leaves(one.inputs)]
    found = []
    for lane in range(lanes()):
        parts = [g if u else g[..., lane] for g, u in zip(given, uniform, strict=True)]
        found.append([part.float() for part in leaves(one.call(*parts))])
    return [torch.stack(part, dim=-1) for part in zip(*found, strict=True)]


def by_machine(
    machine: CompiledFunctions,
    one: Function,
    given: Sequence[Tensor],
    shapes: Sequence[Any],
    rows: int,
) -> list[Tensor]:
    """The outputs of all steps, shape (step, ..., lane); inputs in whose place they lie change."""
    steps = max(len(part) for part in given)
    inputs = [part.clone() for part in given]
    others = [torch.full((steps, *shape), 777.0) for shape in shapes[one.in_place :]]
    workspace = machine.workspace(one.name, rows)
    machine.run(one.name, steps, rows, [*inputs, *others], workspace)
    return [*inputs[: one.in_place], *others]


def assert_alike(
    machine: CompiledFunctions,
    one: Function,
    given: Sequence[Tensor],
    rows: int,
    tolerance: float = 1e-5,
) -> None:
    """One step of machine code against torch; nan where torch has nan."""
    wanted = by_torch(one, [part[0] for part in given])
    found = by_machine(machine, one, given, [part.shape for part in wanted], rows)
    for number, (one_found, one_wanted) in enumerate(zip(found, wanted, strict=True)):
        torch.testing.assert_close(
            one_found[0],
            one_wanted,
            rtol=tolerance,
            atol=tolerance / 5,
            equal_nan=True,
            msg=lambda text, number=number: f"output {number}: {text}",
        )


def table_of(trained: Trained) -> pd.DataFrame:
    """All that is measured, by run and epoch."""
    assert not trained.failures
    return trained.table.set_index(["run", "epoch"]).sort_index()


def assert_close(one: pd.DataFrame, other: pd.DataFrame, tolerance: float) -> None:
    """Losses agree."""
    one, other = one[LOSSES].astype(float), other[LOSSES].astype(float)
    pd.testing.assert_frame_equal(one, other, rtol=tolerance, atol=tolerance / 10)
