"""Sums over what lies side by side, a vector at a time: the same sums, whatever is left over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from lanes import needs_compiler
from torch import Tensor
from torch.nn.functional import pad

from modnets.compiler.codegen import write_function
from modnets.compiler.compiled import Function, compile_functions
from modnets.compiler.symbolic import ROWS
from modnets.compiler.tracing import TensorSpec, trace_one

#: Units whose rows lie side by side, and one more row of numbers.
UNITS, LINE = TensorSpec((2, 5, ROWS)), TensorSpec((ROWS,))


def total(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sum(dim=2)


def total_of_two(x: Tensor, y: Tensor) -> Tensor:
    """The outer sum is written out: two loops, and one total of both."""
    return (x * y).sum(dim=(0, 2)) + 1.0


def total_of_five(x: Tensor, y: Tensor) -> Tensor:
    """One loop in the other."""
    return torch.sigmoid((x * y).sum(dim=(1, 2)) * 0.1)


def total_of_ones(x: Tensor, y: Tensor) -> Tensor:
    """What is added is not 0 where a vector is not full."""
    return (torch.exp(x * 0.1) + y).sum(dim=2)


def least(x: Tensor, y: Tensor) -> Tensor:
    """No sum."""
    return (x * y).amin(dim=2)


def softmax(x: Tensor, y: Tensor) -> Tensor:
    """A sum of what a maximum is needed for."""
    return torch.softmax(x + y, dim=2)


def summed_in_units(x: Tensor, y: Tensor) -> Tensor:
    """A sum of products of sums."""
    return ((x * y).sum(dim=2, keepdim=True) * x).sum(dim=(1, 2))


def backwards(x: Tensor, y: Tensor) -> Tensor:
    """Steps of -1."""
    return (x.flip(2) * y).sum(dim=(0, 2))


def padded(x: Tensor, y: Tensor) -> Tensor:
    """A test says what is read."""
    return (pad(x, (3, 0))[..., :-3] * y).sum(dim=2) + (pad(x, (1, 0))[..., :-1] * y).sum(dim=2)


CASES = {
    total: True,
    total_of_two: True,
    total_of_five: True,
    total_of_ones: True,
    summed_in_units: True,
    softmax: True,
    backwards: False,
    least: False,
}


#: Shapes of what is read: rows themselves are not padded.
NOT_LINEAR = {padded: [(2, 5, 48), (48,)]}


def code_of(call: Callable[..., Tensor], lanes: int, inputs: Sequence[TensorSpec]) -> str:
    return write_function("f", trace_one(call, inputs), inputs, 0, lanes)


def results(
    call: Callable[..., Tensor],
    shapes: Sequence[tuple[int, ...]],
    specs: Sequence[TensorSpec],
    atol: float,
) -> list[Tensor]:
    """What machine code finds with one thread and with three, compared with torch."""
    machine = compile_functions([Function("f", call, specs)], lanes=1)
    rows = shapes[-1][0]
    torch.manual_seed(rows)
    given = [torch.randn(shape) for shape in shapes]
    wanted, every = call(*given), []
    for threads in (1, 3):
        found = torch.full((1, *wanted.shape, 1), 777.0)
        workspace = machine.workspace("f", rows, threads).fill_(float("nan"))
        arguments = [*(one[None, ..., None] for one in given), found]
        machine.call("f", 1, rows, arguments, workspace, threads)()
        torch.testing.assert_close(found[0, ..., 0], wanted, rtol=1e-4, atol=atol)
        every.append(found)
    return every


@needs_compiler
@pytest.mark.parametrize("call", NOT_LINEAR)
def test_what_does_not_lie_side_by_side_is_summed_one_by_one(call: Callable[..., Tensor]) -> None:
    specs = [TensorSpec(shape) for shape in NOT_LINEAR[call]]
    assert "splat(total(" not in code_of(call, 1, specs)
    assert torch.equal(*results(call, NOT_LINEAR[call], specs, 1e-4))


@pytest.mark.parametrize("call", CASES)
def test_where_a_vector_takes_in_a_sum(call: Callable[..., Tensor]) -> None:
    assert ("splat(total(" in code_of(call, 1, [UNITS, LINE])) == CASES[call]
    assert "splat(total(" not in code_of(call, 16, [UNITS, LINE])


@needs_compiler
@pytest.mark.parametrize("call", CASES)
def test_a_sum_is_right_whatever_a_vector_leaves_over(call: Callable[..., Tensor]) -> None:
    for rows in (4, 16, 20, 60, 64, 1028):
        assert torch.equal(*results(call, [(2, 5, rows), (rows,)], [UNITS, LINE], 1e-3))
