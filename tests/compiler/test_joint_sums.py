"""Sums that read the same share a loop, and come out as they do alone, bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from modnets.compiler.codegen import write_function
from modnets.compiler.compiled import CompiledFunctions, compile_functions
from modnets.compiler.ir import Buffer
from modnets.compiler.kernels import Kernel, fused
from modnets.compiler.lowering import lower
from modnets.compiler.symbolic import ROWS
from modnets.compiler.tracing import leaves, trace_one
from tests.helpers.lanes import by_machine, function, lanes, needs_compiler, numbers

pytestmark = needs_compiler

#: Of 3 modules: hidden units, inputs, and the gradient of the output.
LAYER = (3, 12, ROWS), (3, 2, ROWS), (3, ROWS)
#: The same of a pool of 2 modules that fills 2 slots of one level and 3 of another.
POOL = tuple(
    (slots, 2, 12, ROWS) if part == 0 else (slots, 2, ROWS) for slots in (2, 3) for part in (0, 1)
)


def weights(hidden: Tensor, x: Tensor, dy: Tensor) -> Tensor:
    behind = torch.where(hidden <= 0, 0.0, dy[:, None])
    return (behind[:, :, None] * x[:, None]).sum(-1)


def biases(hidden: Tensor, x: Tensor, dy: Tensor) -> Tensor:
    return torch.where(hidden <= 0, 0.0, dy[:, None]).sum(-1)


def outputs(hidden: Tensor, x: Tensor, dy: Tensor) -> Tensor:
    return (hidden * dy[:, None])[:, None].sum(-1)


def pool_outputs(low: Tensor, dlow: Tensor, high: Tensor, dhigh: Tensor) -> Tensor:
    return (low * dlow[:, :, None]).sum((0, 3)) + (high * dhigh[:, :, None]).sum((0, 3))


def pool_biases(low: Tensor, dlow: Tensor, high: Tensor, dhigh: Tensor) -> Tensor:
    parts = (
        torch.where(low <= 0, 0.0, dlow[:, :, None]),
        torch.where(high <= 0, 0.0, dhigh[..., None, :]),
    )
    return parts[0].sum((0, 3)) + parts[1].sum((0, 3))


def together(*parts: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda *given: torch.cat([part(*given).flatten() for part in parts])


CASES = {
    "a layer": ((weights, biases, outputs), LAYER),
    "another order": ((outputs, weights, biases), LAYER),
    "a pool": ((pool_outputs, pool_biases), POOL),
}
JOINT = {
    name: function(f"j{i}", (together(*one), s)) for i, (name, (one, s)) in enumerate(CASES.items())
}
ALONE = {
    part: function(part.__name__, (part, shapes))
    for parts, shapes in CASES.values()
    for part in parts
}


@pytest.fixture(scope="module")
def machine() -> CompiledFunctions:
    """All functions in one library, so that the compiler starts once."""
    return compile_functions([*JOINT.values(), *ALONE.values()])


def kernels(name: str) -> list[Kernel]:
    one = JOINT[name]
    specs = list(leaves(one.inputs))
    arguments = [Buffer(f"a{n}", spec.shape) for n, spec in enumerate(specs)]
    return fused(lower(trace_one(one.call, one.inputs), arguments).kernels, jointly=True)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rows", [4, 52])
def test_joint_sums_are_those_alone_bit_for_bit(
    machine: CompiledFunctions, name: str, rows: int
) -> None:
    given = numbers(JOINT[name], rows)
    sizes = [part(*(one[0, ..., 0] for one in given)).shape for part in CASES[name][0]]
    (found,) = by_machine(
        machine, JOINT[name], given, [(sum(map(torch.Size.numel, sizes)), lanes())], rows
    )
    parts = []
    for part, size in zip(CASES[name][0], sizes, strict=True):
        (alone,) = by_machine(machine, ALONE[part], given, [(*size, lanes())], rows)
        parts.append(alone.flatten(1, -2))
    assert torch.equal(found, torch.cat(parts, dim=1))
    expected = torch.vmap(JOINT[name].call, in_dims=-1, out_dims=-1)(*(one[0] for one in given))
    torch.testing.assert_close(found[0], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "n_outputs", "n_loops"), [("a layer", 4, 1), ("a pool", 2, 5)])
def test_what_they_read_is_read_in_one_loop(name: str, n_outputs: int, n_loops: int) -> None:
    """Of the pool a loop over rows for each slot, as sums go through one slot after the other."""
    (kernel,) = kernels(name)
    assert kernel.joint
    assert len(kernel.outputs) == n_outputs
    one = JOINT[name]
    source = write_function("f", trace_one(one.call, one.inputs), list(leaves(one.inputs)), 0, 16)
    assert source.count("< rows; ++k") == n_loops


def test_a_sum_that_needs_another_one_has_a_loop_of_its_own() -> None:
    def centred(x: Tensor) -> tuple[Tensor, Tensor]:
        total = x.sum(-1)
        return total, (x * total[:, None]).sum(-1)

    one = function("centred", (centred, ((5, ROWS),)))
    given = numbers(one, 12)
    arguments = [Buffer("a0", (5, ROWS))]
    lowered = lower(trace_one(one.call, one.inputs), arguments)
    assert not any(kernel.joint for kernel in fused(lowered.kernels, jointly=True))
    found = by_machine(compile_functions([one]), one, given, [(5, lanes())] * 2, 12)
    expected = torch.vmap(centred, in_dims=-1, out_dims=-1)(given[0][0])
    for part, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(part[0], wanted, rtol=1e-4, atol=1e-4)


def test_a_joint_sum_in_the_place_of_what_another_one_reads_is_copied_last() -> None:
    """The gradient of one layer's weights may not overwrite what others still read."""

    def call(w: Tensor, hidden: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
        behind = torch.where(hidden <= 0, 0.0, w.flip(0)[..., None] * dy[:, None])
        return behind.sum(-1), (hidden * dy[:, None]).sum(-1)

    one = function("placed", (call, ((3, 12), (3, 12, ROWS), (3, ROWS))), in_place=1)
    given = numbers(one, 8)
    found = by_machine(compile_functions([one]), one, given, [(3, 12, lanes())] * 2, 8)
    expected = torch.vmap(call, in_dims=-1, out_dims=-1)(*(part[0] for part in given))
    for part, wanted in zip(found, expected, strict=True):
        torch.testing.assert_close(part[0], wanted, rtol=1e-4, atol=1e-4)
