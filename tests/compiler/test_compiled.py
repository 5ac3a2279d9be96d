"""What a library of machine code does with memory, steps, rows and lanes; and its cache."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from lanes import Case, assert_alike, by_machine, function, needs_compiler, numbers
from torch import Tensor
from torch.func import grad, vmap

from modnets.compiler import build_cache
from modnets.compiler.compiled import CompiledFunctions, compile_functions
from modnets.compiler.ir import UnsupportedOperation
from modnets.compiler.symbolic import ROWS
from modnets.compiler.tracing import TensorSpec
from modnets.hardware import lanes

pytestmark = needs_compiler

X, SQUARE, SHARED = (ROWS, 6), (4, 4), TensorSpec((ROWS, 6), uniform=True)


def layers(x: Tensor, y: Tensor, *weights: Tensor) -> Tensor:
    """A loss of a small network."""
    first, bias, second = weights
    return ((torch.softmax(F.gelu(x @ first + bias), dim=1) @ second - y) ** 2).sum()


def descend(*given: Tensor) -> list[Tensor]:
    """Weights after a step, and the loss."""
    *weights, x, y = given
    slopes = grad(lambda *inner: layers(x, y, *inner), argnums=(0, 1, 2))(*weights)
    after = [w - 0.01 * grads for w, grads in zip(weights, slopes, strict=True)]
    return [*after, layers(x, y, *weights)]


WEIGHTS = ((6, 7), (7,), (7, 2))
#: Functions with the number of outputs that take the place of inputs.
IN_PLACE: dict[str, tuple[Case, int]] = {
    "added": ((lambda x, y: [x + y], (X, X)), 1),
    "scaled by its sum": ((lambda x: [x / x.sum(1, keepdim=True).abs()], (X,)), 1),
    "turned": ((lambda x: [x.flip(1)], (X,)), 1),
    "transposed": ((lambda x: [x.T * 2], (SQUARE,)), 1),
    "multiplied": ((lambda x: [x @ x], (SQUARE,)), 1),
    "read later": ((lambda x: [x.exp(), x.flip(1) @ x.T[:, :2]], (SQUARE,)), 1),
    "exchanged": ((lambda x, y: [y, x], (X, X)), 2),
    "exchanged with a copy": ((lambda x, y: [y.flip(1), x.flip(1) + y], (X, X)), 2),
    "kept": ((lambda x, y: [x, y * x], (X, X)), 2),
    "twice the same": ((lambda x, y: [x.exp(), x.exp(), x.exp()], (X, X)), 2),
    "made of two": ((lambda x: [torch.cat([x[:, 4:], x[:, :4]], 1), x.sum()], (X,)), 1),
    "made of two alike": ((lambda x: [torch.cat([x[3:] * 2, x[:3] * 3])], ((6,),)), 1),
    "a truth": ((lambda x: [x > 0, x.sum(0)], (X,)), 1),
    "spread": ((lambda x: [x[:1].exp().expand(4, 4)], (SQUARE,)), 1),
    "network": ((descend, (*WEIGHTS, SHARED, (ROWS, 2))), 3),
}
OPERATIONS: list[Callable[[Tensor, Tensor], Tensor]] = [
    *(lambda x, y: x.tanh(), lambda x, y: x + y, lambda x, y: x * y, lambda x, y: x.flip(1)),
    *(lambda x, y: x.softmax(1) - y, lambda x, y: x @ (y.T @ x).tanh(), lambda x, y: x - x.sum(0)),
    *(lambda x, y: torch.maximum(x, y), lambda x, y: torch.cat([y[:, 2:], x[:, :2]], 1)),
    *(lambda x, y: torch.where(x > y, x, 0.5 * y), lambda x, y: x - x.amax(1, keepdim=True)),
    *(
        lambda x, y: x[:, :1] * y.sigmoid(),
        lambda x, y: x.cumsum(1).sin(),
        lambda x, y: x.mean(1)[:, None] + y,
    ),
]


def drawn(seed: int) -> Case:
    """A chain of operations on what went before, and some of what it found."""
    source = random.Random(seed)
    length = source.randrange(3, 25)
    chain = [(source.choice(OPERATIONS), source.random(), source.random()) for _ in range(length)]
    last = [source.randrange(1, 5) for _ in range(4)]

    def call(*given: Tensor) -> list[Tensor]:
        found = list(given)
        for operation, *places in chain:
            x, y = (found[int((1 - place**2) * (len(found) - 1))] for place in places)
            found.append(operation(x, y))
        return [found[-place] for place in last]

    return call, (X, X)


PLACED = {name: function(f"p{i}", *one) for i, (name, one) in enumerate(IN_PLACE.items())}
DRAWN = {seed: function(f"d{seed}", drawn(seed), in_place=seed % 3) for seed in range(16)}


@pytest.fixture(scope="module")
def machine() -> CompiledFunctions:
    """All functions in one library, so that the compiler starts once."""
    return compile_functions([*PLACED.values(), *DRAWN.values()])


@pytest.mark.parametrize("name", PLACED)
@pytest.mark.parametrize("rows", [4, 20])
def test_outputs_in_the_place_of_inputs(machine: CompiledFunctions, name: str, rows: int) -> None:
    assert_alike(machine, PLACED[name], numbers(PLACED[name], rows), rows, tolerance=1e-4)


@pytest.mark.parametrize("seed", DRAWN)
def test_chains_of_operations(machine: CompiledFunctions, seed: int) -> None:
    one = DRAWN[seed]
    assert_alike(machine, one, numbers(one, 8, seed=seed), 8, tolerance=1e-4)


@pytest.mark.parametrize("rows", [4, 8, 64])
def test_several_steps_with_inputs_of_each_step_and_fixed_ones(
    machine: CompiledFunctions, rows: int
) -> None:
    one, steps = PLACED["network"], 5
    given = numbers(one, rows, steps)
    given[:3] = [part[:1] for part in given[:3]]
    given[4] = given[4][:1]
    every_lane = vmap(descend, in_dims=(-1, -1, -1, None, -1), out_dims=-1)
    losses, weights = [], [part[0] for part in given[:3]]
    for step in range(steps):
        *weights, loss = every_lane(*weights, given[3][step], given[4][0])
        losses.append(loss)
    *found, found_losses = by_machine(machine, one, given, [(lanes(),)] * 4, rows)
    for part, wanted in zip(found, weights, strict=True):
        torch.testing.assert_close(part[0], wanted, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found_losses, torch.stack(losses), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("others", [0.0, 1e30, float("inf"), float("nan")])
def test_a_lane_knows_nothing_of_the_others(machine: CompiledFunctions, others: float) -> None:
    one, lane = PLACED["network"], 5
    given = numbers(one, 8)
    shapes = [(*shape, lanes()) for shape in (*WEIGHTS, ())]
    alone = by_machine(machine, one, given, shapes, 8)
    for part, is_given in zip(given, one.inputs, strict=True):
        if not is_given.uniform:
            part[..., :lane] = part[..., lane + 1 :][..., :1] = others
    among = by_machine(machine, one, given, shapes, 8)
    for one_part, other in zip(alone, among, strict=True):
        assert torch.equal(one_part[..., lane], other[..., lane])
        assert not torch.equal(one_part, other)


UNKNOWN: dict[str, Case] = {
    "sort": (lambda x: x.sort(1).values, (X,)),
    "topk": (lambda x: x.topk(2).values, (X,)),
    "convolution": (lambda x, w: F.conv1d(x[:, None], w), (X, (2, 1, 3))),
    "two axes": (lambda x: x[[0, 1], [1, 0]], (SQUARE,)),
    "scatter": (lambda x: x.scatter(1, x.argsort(1), x), (SQUARE,)),
    "put": (lambda x: x.index_put((torch.tensor([1]),), x[0]), (SQUARE,)),
    "rounding": (lambda x: torch.div(x, 2, rounding_mode="floor"), (X,)),
    "float64": (lambda x: x.double(), (X,)),
    "large numbers": (lambda x: x.long() * 2**40, (X,)),
    "numbers of the tensors": (lambda x: x * x.sum().item(), (X,)),
    "branches by tensors": (lambda x: x if x.sum() > 0 else -x, (X,)),
    "random numbers": (lambda x: x + torch.rand(6), (X,)),
    "a changed input": (lambda x: x.add_(1).sum(), (X,)),
    "mean over rows": (lambda x: x - x.mean(0), (X,)),
    "variance over rows": (lambda x: x.var(0), (X,)),
    "batch norm": (lambda x: F.batch_norm(x, None, None, training=True), (X,)),
    "number of rows": (lambda x: x.sum(0) / x.shape[0], (X,)),
    "number of rows as a float": (lambda x: x * len(x) ** -0.5, (X,)),
    "number of rows in a tensor": (lambda x: x / torch.tensor(x.shape[0]), (X,)),
    "number of rows as a filling": (lambda x: x + torch.full((6,), len(x)), (X,)),
    "number of elements": (lambda x: x / x.numel(), (X,)),
    "branches by rows": (lambda x: x * 2 if len(x) > 100 else x * 3, (X,)),
    "more by rows": (lambda x: x.exp().sin() if len(x) > 100 else x.exp(), (X,)),
    "odd rows": (lambda x: x * (len(x) % 2), (X,)),
    "some rows": (lambda x: x[2:], (X,)),
    "every other row": (lambda x: x[::2], (X,)),
    "rows by rows": (lambda x: x @ x.T @ x, (X,)),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_written_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedOperation):
        compile_functions([function("f", UNKNOWN[name])])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sort", r"^aten.sort.default is not known$"),
        ("float64", "^torch.float64 is not known; allowed are torch.bool"),
        ("large numbers", "^1099511627776 has more than 32 bits$"),
        ("mean over rows", "^a mean over rows depends on how many they are$"),
        ("number of rows", "^what depends on the number of rows: div$"),
        ("rows by rows", r"^a tensor of shape \(rows, rows\): rows that meet rows"),
        ("branches by tensors", "^what cannot be traced: "),
    ],
)
def test_the_reason_is_said(name: str, message: str, capfd: pytest.CaptureFixture) -> None:
    with pytest.raises(UnsupportedOperation, match=message):
        compile_functions([function("f", UNKNOWN[name])])
    assert capfd.readouterr() == ("", "")


# The cache

SOURCE = 'extern "C" int answer() { return 42; }'


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for libraries."""
    monkeypatch.setenv("MODNETS_CACHE", str(tmp_path))
    return tmp_path


def refuse() -> str:
    """In place of a source that should not be asked for."""
    raise AssertionError("compiled again")


def test_a_library_is_compiled_once(cache: Path) -> None:
    assert build_cache.load_library("one", lambda: SOURCE).answer() == 42
    assert build_cache.load_library("one", refuse).answer() == 42
    assert build_cache.load_library("two", lambda: SOURCE.replace("42", "43")).answer() == 43
    assert len(list(cache.glob("*.so"))) == 2


@pytest.mark.parametrize("size", [0, 100, 5000, -50])
def test_a_damaged_library_is_compiled_again(cache: Path, size: int) -> None:
    build_cache.load_library("one", lambda: SOURCE)
    (path,) = cache.glob("*.so")
    whole = path.read_bytes()
    path.unlink()  # the file that is loaded stays as it is
    path.write_bytes(whole[:size] if size else bytes(len(whole)))
    found = build_cache.load_library("one", lambda: SOURCE.replace("42", "43"))
    assert found.answer() == 43
    assert path not in cache.glob("*.so")


def test_a_compilers_complaint_is_handed_on(cache: Path) -> None:
    with pytest.raises(RuntimeError, match=r"error: .*answer.* was not declared"):
        build_cache.load_library("one", lambda: "int other() { return answer; }")
    assert list(cache.glob("*.so")) == []


def test_a_compiler_that_is_gone(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_cache, "compiler", lambda: "no-such-compiler")
    with pytest.raises(RuntimeError, match="no-such-compiler"):
        build_cache.load_library("one", lambda: SOURCE)


def test_a_library_that_needs_what_is_not_there(cache: Path) -> None:
    source = 'extern "C" int missing(); extern "C" int answer() { return missing(); }'
    with pytest.raises(RuntimeError, match="missing"):
        build_cache.load_library("one", lambda: source)
