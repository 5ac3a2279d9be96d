"""Steps vectorized within a replica, and rows in blocks: the same steps as in lanes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from lanes import LOSSES, needs_compiler
from torch import Tensor

from modnets.compiler.compiled import Function, compile_functions
from modnets.compiler.symbolic import ROWS, reshaped_strides
from modnets.compiler.tracing import TensorSpec
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.random_graphs import random_graph
from modnets.training.cost_model import step_times
from modnets.training.engine import train_chunk

pytestmark = needs_compiler

WIDE = random_graph((8, 4, 3, 2), seed=1)
STEPS = {
    "dense": {"model": "dense", "hidden": (40, 17)},
    "sparse": {"model": "sparse"},
    "modular": {"model": "modular", "routing": "learned"},
    "shared": {"model": "shared", "routing": "learned", "gumbel": True},
    "known": {"model": "shared", "routing": "known", "optimizer": "sgd"},
    "minibatches": {"model": "dense", "batch_size": 16, "input_noise": 0.1},
}


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        *(("dense", 200), ("sparse", 40), ("modular", 40), ("shared", 200), ("known", 40)),
        ("minibatches", 40),
    ],
)
def test_all_ways_take_the_same_steps(name: str, rows: int) -> None:
    base = RunConfig(graph=WIDE, train_rows=rows, epochs=4, eval_every=2, **STEPS[name])
    runs = grid(base, seed=range(3))
    eager = train_chunk(runs, chunk=4).table
    for lanes in (None, 1):
        trained = train_chunk(runs, chunk=4, compiled=True, lanes=lanes)
        assert trained.compiled
        for loss in LOSSES:
            np.testing.assert_allclose(trained.table[loss], eager[loss], rtol=2e-4, atol=1e-5)


def test_within_a_replica_a_result_is_its_own_whatever_trains_beside() -> None:
    runs = grid(RunConfig(hidden=(24,), epochs=3), seed=range(3))
    together = train_chunk(runs, chunk=8, compiled=True, lanes=1, threads=2).table
    alone = train_chunk(runs[2:], chunk=1, compiled=True).table  # a chunk of one is so by itself
    for loss in LOSSES:
        assert together[together["run"] == runs[2].key][loss].tolist() == alone[loss].tolist()


@pytest.mark.parametrize(
    ("rows", "inner", "columns"),
    [
        (4, 3, 5),
        (52, 36, 2),
        (52, 300, 70),
        (8, 64, 16),
        (100, 17, 33),
        (12, 2, 97),
        (700, 300, 70),
    ],
)
def test_products_of_all_shapes(rows: int, inner: int, columns: int) -> None:
    """Of matrices and of their transposes, with rests in every direction."""

    def products(a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        forward = a @ b.T
        return forward, forward @ b, c.T @ forward, forward.T @ a

    specs = [TensorSpec((ROWS, inner)), TensorSpec((columns, inner)), TensorSpec((ROWS, 3))]
    machine = compile_functions([Function("f", products, specs)], lanes=1)
    torch.manual_seed(0)
    given = [torch.randn(rows, inner), torch.randn(columns, inner), torch.randn(rows, 3)]
    wanted = products(*given)
    found = [torch.full(one.shape, 777.0) for one in wanted]
    arguments = [part[None, ..., None].contiguous() for part in (*given, *found)]
    machine.call("f", 1, rows, arguments, machine.workspace("f", rows))()
    for one, other in zip(arguments[3:], wanted, strict=True):
        scale = float(other.abs().max())
        torch.testing.assert_close(one[0, ..., 0], other, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize(
    ("n_in", "n_out", "kernel", "padding", "side"),
    [(2, 13, 5, 0, 10), (3, 7, 3, 1, 8), (5, 37, 3, 2, 5), (1, 17, 1, 0, 4)],
)
def test_convolutions_as_products_of_windows(
    n_in: int, n_out: int, kernel: int, padding: int, side: int
) -> None:
    """Pooled, so that their gradients pass through merged axes, with all three gradients."""
    half = (side + 2 * padding - kernel + 1) // 2

    def loss(weight: Tensor, bias: Tensor, outer: Tensor, x: Tensor) -> Tensor:
        y = torch.relu(F.conv2d(x, weight, bias, padding=padding))[:, :, : 2 * half, : 2 * half]
        y = y.unflatten(3, (half, 2)).unflatten(2, (half, 2)).amax(dim=(3, 5))
        return (y.flatten(1) * outer).square().sum()

    def gradients(*given: Tensor) -> list[Tensor]:
        weight, bias, _, x = torch.func.grad(loss, (0, 1, 2, 3))(*given)
        return [weight, bias, x]

    rows, sizes = 12, [(n_out, n_in, kernel, kernel), (n_out,), (n_out * half**2,)]
    specs = [*map(TensorSpec, sizes), TensorSpec((ROWS, n_in, side, side))]
    machine = compile_functions([Function("f", gradients, specs)], lanes=1)
    torch.manual_seed(0)
    given = [*map(torch.randn, sizes), torch.randn(rows, n_in, side, side)]
    wanted = gradients(*given)
    found = [torch.full(one.shape, 777.0) for one in wanted]
    arguments = [part[None, ..., None].contiguous() for part in (*given, *found)]
    machine.call("f", 1, rows, arguments, machine.workspace("f", rows))()
    for one, other in zip(arguments[4:], wanted, strict=True):
        torch.testing.assert_close(one[0, ..., 0], other, rtol=1e-4, atol=1e-3)


def test_few_networks_of_images_take_the_same_steps_as_tensor_operations() -> None:
    base = RunConfig(graph=DigitPairs(), model="dense", image_network="cnn", batch_size=32)
    runs = grid(replace(base, samples=2, test_samples=2, epochs=2), seed=range(2))
    eager = train_chunk(runs, chunk=2).table
    within = train_chunk(runs, chunk=2, compiled=True, lanes=1)
    assert within.compiled
    for name in ("train_loss", "test_loss"):
        np.testing.assert_allclose(within.table[name], eager[name], rtol=1e-3)


@pytest.mark.parametrize(
    "shape", [(2, 3, 5, 7), (6, 35), (2, 15, 7), (210,), (2, 3, 1, 35), (5, 42)]
)
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (1, 2, 3, 0), (0, 1, 3, 2)])
def test_another_shape_of_the_same_memory(shape: tuple[int, ...], order: tuple[int, ...]) -> None:
    sizes = (2, 3, 5, 7)
    back = [order.index(axis) for axis in range(4)]
    tensor = torch.arange(210).reshape([sizes[axis] for axis in order]).permute(back)
    strides = reshaped_strides(sizes, tensor.stride(), shape)
    try:
        wanted = tensor.view(shape)
    except RuntimeError:  # there is no such view
        assert strides is None
        return
    assert strides is not None
    assert torch.equal(tensor.as_strided(shape, strides), wanted)


@pytest.mark.parametrize("network", ["cnn", "mlp"])
def test_a_result_is_the_same_whatever_the_number_of_threads(network: str) -> None:
    base = RunConfig(graph=DigitPairs(), model="dense", image_network=network, batch_size=64)
    runs = [replace(base, samples=2, test_samples=2, epochs=2)]
    weights = []
    for threads in (1, 2, 5):
        trained = train_chunk(runs, chunk=1, compiled=True, threads=threads, keep_networks=True)
        assert trained.threads == threads
        weights.append([p.detach() for p in trained.networks[0].parameters()])
    for others in weights[1:]:
        assert all(map(torch.equal, weights[0], others))


def test_blocks_of_rows_add_up_to_the_same_whatever_the_number_of_threads() -> None:
    """One block, too few blocks for the threads, enough of them, and a rest of one."""

    def loss(first: Tensor, bias: Tensor, second: Tensor, x: Tensor, y: Tensor) -> Tensor:
        return ((torch.relu(x @ first.T + bias) @ second.T - y) ** 2).sum()

    def step(*given: Tensor) -> list[Tensor]:
        gradients = torch.func.grad(loss, (0, 1, 2))(*given)
        moved = [one - 1e-4 * part for one, part in zip(given, gradients, strict=False)]
        return [*moved, torch.relu(given[3] @ given[0].T + given[1])]

    sizes = [(40, 9), (40,), (3, 40)]
    specs = [*map(TensorSpec, sizes), TensorSpec((ROWS, 9)), TensorSpec((ROWS, 3))]
    function = Function("f", step, specs, in_place=3, many_rows=True)
    machine = compile_functions([function], lanes=1)
    for rows in (200, 256, 700, 1100, 2564):
        torch.manual_seed(rows)
        given = [*map(torch.randn, sizes), torch.randn(rows, 9), torch.randn(rows, 3)]
        wanted, results = step(*given), []
        for threads in (1, 2, 3, 5):
            arguments = [part[None, ..., None].clone() for part in given]
            arguments.append(torch.full((1, rows, 40, 1), 777.0))
            workspace = machine.workspace("f", rows, threads).fill_(float("nan"))
            machine.call("f", 1, rows, arguments, workspace, threads)()
            results.append([one[0, ..., 0] for one in (*arguments[:3], arguments[5])])
        for found, one in zip(results[0], wanted, strict=True):
            torch.testing.assert_close(found, one, rtol=1e-4, atol=1e-4)
        for others in results[1:]:
            assert all(map(torch.equal, results[0], others))


def test_rows_that_meet_rows_do_not_go_in_blocks() -> None:
    """Values less their mean over the rows: a sum that each row needs."""

    def centred(x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x - x.sum(dim=0) * 0.01)

    def summed(x: torch.Tensor) -> torch.Tensor:
        return 2 * torch.relu(x).sum(dim=0)

    functions = [
        Function(call.__name__, call, [TensorSpec((ROWS, 3))], many_rows=True)
        for call in (centred, summed)
    ]
    machine = compile_functions(functions)
    torch.manual_seed(0)
    rows, lanes = 1000, machine.lanes
    x = torch.randn(1, rows, 3, lanes)
    for one, shape in zip(functions, [(rows, 3), (3,)], strict=True):
        found = torch.full((1, *shape, lanes), 777.0)
        machine.call(one.name, 1, rows, [x, found], machine.workspace(one.name, rows))()
        wanted = torch.stack([one.call(x[0, ..., lane]) for lane in range(lanes)], dim=-1)
        torch.testing.assert_close(found[0], wanted, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("width", [8, 16])
def test_large_networks_are_vectorized_within_small_ones_in_lanes(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modnets.training.cost_model.vector_width", lambda: width)
    monkeypatch.setattr("modnets.training.cost_model._KNOWN", {})
    small, large = (step_times(RunConfig(hidden=(size,) * 3)) for size in (36, 256))
    assert small.lanes < width * small.within
    assert large.lanes > width * large.within
    images = RunConfig(graph=DigitPairs(), model="dense", image_network="cnn")
    assert step_times(images).within < step_times(images).eager_one
    more = step_times(RunConfig(graph=WIDE, train_rows=200, hidden=(36,) * 3))
    assert more.within > 2 * small.within  # time grows with the rows
