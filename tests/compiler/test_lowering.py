"""Machine code against torch: every operation, at the edges too, and every rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from lanes import Case, assert_alike, function, needs_compiler, numbers
from torch import Tensor

from modnets.compiler import tracing
from modnets.compiler.compiled import CompiledFunctions, compile_functions
from modnets.compiler.elementwise import COMPARISONS, FLOAT, LOGIC, NUMERIC, TESTS
from modnets.compiler.lowerings.registry import RULES
from modnets.compiler.symbolic import ROWS
from modnets.compiler.tracing import TensorSpec
from modnets.hardware import lanes

pytestmark = needs_compiler

INF = math.inf
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 100.0, -100.0, 1e-6, -1e-6, 1e-30, 1e5, -1e5, 1e30]
EDGES += [-1e30, INF, -INF, math.nan]
BITWISE = [f"bitwise_{name}" for name in LOGIC]
OPERATIONS = [*FLOAT, *NUMERIC, *COMPARISONS, *TESTS, *(f"logical_{name}" for name in LOGIC)]
OF_WHOLE = [*NUMERIC, *COMPARISONS, *BITWISE]
OF_ONE = {name for name, operation in FLOAT.items() if "{1}" not in operation.cpp}
OF_ONE |= {"neg", "logical_not", "bitwise_not", *TESTS}


def each(names: list[str], x: Tensor, y: Tensor) -> list[Tensor]:
    """Operations of those names; of the first alone, where they take one."""
    return [getattr(torch, name)(x, *([] if name in OF_ONE else [y])) for name in names]


def scatters(x: Tensor, y: Tensor) -> list[Tensor]:
    """Parts replaced, from before the beginning to beyond the end."""
    return [
        *(torch.slice_scatter(x, y, 1, *place) for place in ((-3, -1), (1, 3), (4, 99))),
        torch.slice_scatter(x, y, 1, 0, 4, 2),
        torch.slice_scatter(x, y[:, :0], 1, 3, 3),
        torch.slice_scatter(x, (y > 0).long(), 1, 2, 4),
        torch.select_scatter(x, y[:, 0], 1, -2),
    ]


def assigned(x: Tensor) -> list[Tensor]:
    """What a function changes in a copy of its own."""
    y = x.clone()
    y[:, 1] = 3.0
    y[:, 2:4] = x[:, :2]
    y[:, -1] += 1
    y.mul_(2)
    return [y, x]


NUMBERS = torch.tensor([2, 0, -1, 2])
TABLE = torch.tensor([[1, 0], [2, 2]])
X, SQUARE, CUBE = (ROWS, 6), (4, 4), (2, 3, 5)
RULED: dict[str, Case] = {
    "reshape": (lambda x: [x.reshape(-1), x.T.reshape(-1), x.view(-1, 2, 3, 1)], (X,)),
    "expressions reshaped": (lambda x: [x.exp().T.reshape(-1), x.sin().reshape(-1, 3, 2)], (X,)),
    "axes": (lambda x: [x.permute(2, 0, 1), x.transpose(-1, 0), x.movedim(0, -1)], (CUBE,)),
    "t": (lambda x: [x.t(), x.T.exp().mT], (X,)),
    "expand": (lambda x: [x.expand(3, 2, 4), x.expand(2, -1), x.exp().expand(7, 4)], ((1, 4),)),
    "squeeze": (
        lambda x: [x.squeeze(), x.squeeze(1), x.squeeze((0, -1)), x.unsqueeze(-1), x[:, None]],
        ((1, 3, 1),),
    ),
    "select": (lambda x: [x[1], x[:, -1], x[..., 2]], (CUBE,)),
    "select rows": (lambda x: [x[1], x[-1], x[-2].exp()], (X,)),
    "slice": (
        lambda x: [x[:, a:b] for a, b in ((1, 3), (-4, -1), (-10, None), (3, 100), (2, 2))],
        (X,),
    ),
    "slice with steps": (lambda x: [x[:, ::2], x[:, 1:5:3], x[:, -5::2].exp()], (X,)),
    "slice rows": (lambda x: [x[:4], x[-4:], x.flip(0)[-4:-1]], (X,)),
    "flip": (lambda x: [x.flip(0), x.flip(1), x.flip((0, -1))], (X,)),
    "split": (
        lambda x: [*x.split(2, 1), *x.exp().split([1, 4], -1), *x.sum(0).chunk(2), *x.unbind(0)],
        (CUBE,),
    ),
    "repeat": (
        lambda x: [x.repeat(2, 3), x.exp().repeat(2, 1, 1), x.repeat_interleave(2, 1), x.tile(2)],
        ((3, 4),),
    ),
    "windows": (lambda x: [x.unfold(1, 3, 2), x.exp().unfold(1, 2, 1)], (X,)),
    "cat": (
        lambda x, y: [
            torch.cat([x.tanh(), y, x], 1),
            torch.cat([x, y.flip(1)[:, :2].sum(1)[:, None]], -1),
        ],
        (X, (ROWS, 2)),
    ),
    "cat rows": (lambda x, y: torch.cat([x, x * y, y]), (X, X)),
    "cat of one axis": (lambda x: torch.cat([x.T.reshape(-1), x[:, 0].long(), x[0]]), (SQUARE,)),
    "cat of nothing": (lambda x: torch.cat([torch.empty(0), x, x[:, :0]], 1), (X,)),
    "stack": (lambda x, y: [torch.stack([x, y], a) for a in (0, 1, -1)], (SQUARE, SQUARE)),
    "pads": (
        lambda x: [F.pad(x, (1, 2)), F.pad(x, (-1, 2), value=3.0), F.pad(x, (-1, -1, 2, 0))],
        (SQUARE,),
    ),
    "scatters": (scatters, (X, (ROWS, 2))),
    "assigned": (assigned, (X,)),
    "sums": (
        lambda x: [
            x.sum(),
            x.sum(1),
            x.sum((0, -1)),
            x.sum(()),
            x.sum(0, keepdim=True),
            x[0, 0, 0].sum(),
        ],
        (CUBE,),
    ),
    "sums of rows": (lambda x: [x.sum(), x.sum(0), x.exp().sum(1), x.sum(0).sum(0)], (X,)),
    "means": (lambda x: [x.mean(1), x.mean((0, 2), keepdim=True), x.mean()], (CUBE,)),
    "products": (lambda x: [x.prod(), x.prod(1), x.prod(0, keepdim=True)], (SQUARE,)),
    "extremes": (
        lambda x: [x.amax(), x.amax(1), x.amin((0, 2)), x.amax(1, keepdim=True), x.max(), x.min()],
        (CUBE,),
    ),
    "extremes of whole numbers": (lambda x: [(x * 9).long().amax(1), (x > 0).amin(1)], (CUBE,)),
    "places of extremes": (
        lambda x: [*x.max(1), *x.min(-1, keepdim=True), x.argmax(), x.argmin(0), x.argmax(1, True)],
        (CUBE,),
    ),
    "any and all": (
        lambda x: [
            *((x > 1).any(), (x > 1).any(1), (x > 1).any(0, keepdim=True), (x > -1).all(1)),
            *(torch.stack([x, -x]).any(0), x.any(), (x > 1).sum(), (x > 0).sum(1), x[0, 0].any()),
        ],
        (X,),
    ),
    "deviations": (lambda x: [x.var(1), x.std(1, correction=0), x.var(0), x.var()], (SQUARE,)),
    "normed": (lambda x, w: F.layer_norm(x, (6,), w), (X, (6,))),
    "cumulated": (lambda x: [x.cumsum(1), x.exp().cumsum(0), x.cumprod(1)], (SQUARE,)),
    "mm": (
        lambda x, w: [x @ w, (x @ w).T @ x, x[0] @ w, x @ w[:, 0], x[0].dot(w[:, 1])],
        (X, (6, 5)),
    ),
    "mm of whole numbers": (lambda x: (x * 3).long() @ torch.arange(12).reshape(6, 2), (X,)),
    "bmm": (
        lambda x, y: [
            *(x @ y, torch.einsum("bij,bjk->bki", x, y)),
            torch.baddbmm(torch.ones(3, 4, 5), x, y, beta=2, alpha=0.5),
        ],
        ((3, 4, 2), (3, 2, 5)),
    ),
    "addmm": (
        lambda b, x, w: [
            *(torch.addmm(b, x, w), torch.addmm(b, x, w, alpha=0.5, beta=2)),
            torch.addmv(b, w.T, x[1], alpha=0.5, beta=3),
        ],
        ((5,), X, (6, 5)),
    ),
    "arange": (
        lambda x: [
            x * torch.arange(*ends) for ends in ((6,), (1, 13, 2), (0.5, 3.5, 0.5), (5, -1, -1))
        ],
        (X,),
    ),
    "arange of rows": (lambda x: x + torch.arange(x.shape[0])[:, None], (X,)),
    "new": (
        lambda x: [
            *(torch.full((3,), 2.5), torch.full_like(x, 3), x.new_full((2,), -INF), torch.zeros(3)),
            *(torch.ones(2, 2), torch.zeros_like(x), torch.ones_like(x), x.new_zeros(2)),
            *(x.new_ones(2), torch.full((2,), True), torch.scalar_tensor(2.0)),
            *(torch.empty(3).fill_(2), torch.linspace(0, 1, 6) * x),
        ],
        (X,),
    ),
    "conversions": (
        lambda x: [(x * 3).long(), (x * 3).int(), x.round().bool(), (x > 0).float(), (x > 0).int()],
        (X,),
    ),
    "truths in sums": (lambda x: [(x > 0) + (x < 1), (x > 0) * (x < 1), (x > 0) * 2.5], (X,)),
    "scaled": (
        lambda x: [
            *(torch.rsub(x, 2, alpha=3), torch.sub(x, 1, alpha=2), torch.add(x, x, alpha=2), 1 - x),
            *(torch.addcmul(x, x, x, value=0.5), torch.lerp(x, x * 2, 0.3), x * 1, x + 0, x / 1),
        ],
        (X,),
    ),
    "powers": (
        lambda x: [
            *(x.abs() ** p for p in (0, 0.5, -0.5, 1, 2, 3, 4, 5, -1, 1.7)),
            2**x,
            x**2,
            x**3,
        ],
        (X,),
    ),
    "clamps": (
        lambda x: [
            *(x.clamp(-0.5, 0.5), x.clamp(min=0.1), x.clamp(max=0), x.clamp_min(0.3)),
            *(x.clamp_max(0.3), x.clamp(x.flip(1), x.abs()), (x * 3).long().clamp(-1, 2)),
        ],
        (X,),
    ),
    "choices": (
        lambda x: [
            *(torch.where(x > 0, x, 0), torch.where(x > 0, 1, 0), torch.where(x > 0, 1.0, x)),
            *(torch.where(x > 0, x > 1, True), x.masked_fill(x > 0, -INF), x.tril()),
            torch.where(torch.tensor(True), x, 0),
        ],
        (SQUARE,),
    ),
    "constants": (
        lambda x: [
            *(x * torch.tensor([1.0, 2, 3, 4, 5, INF]), x + torch.tensor(3.0)),
            *(x * torch.tensor([1, 2, 3, 4, 5, 6]), x * torch.tensor([-1.5, -INF, 0, 0, 1, 1])),
            torch.where(torch.tensor([True, False, True, False, True, True]), x, 0.0),
        ],
        (X,),
    ),
    "index": (lambda x: [x[:, NUMBERS], x[:, TABLE].exp(), x.index_select(1, TABLE[0])], (X,)),
    "index in front": (lambda x: [x[NUMBERS], x.exp()[TABLE], x[:2][TABLE[0]]], (SQUARE,)),
    "gather": (
        lambda x: [x.gather(1, TABLE.repeat(2, 2)), x[0, 0].gather(0, TABLE[0, 1])],
        (SQUARE,),
    ),
    "gather what is found": (
        lambda x: [x.gather(1, x.argmax(1, keepdim=True)), F.one_hot(x.argmin(1), 4)],
        (SQUARE,),
    ),
    "added": (
        lambda x, y: [
            *(x.index_add(1, NUMBERS.clamp(min=0), y), x.scatter_add(1, TABLE.repeat(2, 2), y)),
            *(x.scatter(1, y.argmax(1, keepdim=True), y), x.scatter(0, TABLE.reshape(1, 4), 7.0)),
            torch.ops.aten.index_put(x, [None, NUMBERS], y.sum(1, keepdim=True), True),
        ],
        (SQUARE, SQUARE),
    ),
    "convolutions": (
        lambda x, w, b: [
            *(
                F.conv2d(x.reshape(-1, 1, 2, 3), w, b),
                F.conv2d(x.reshape(-1, 1, 2, 3), w, padding=1),
            ),
            *torch.ops.aten.convolution_backward(
                *(x[:, :3].reshape(-1, 3, 1, 1), x.reshape(-1, 1, 2, 3), w, [3]),
                *([1, 1], [0, 0], [1, 1], False, [0, 0], 1, [True, True, True]),
            ),
        ],
        (X, (3, 1, 2, 3), (3,)),
    ),
    "embedding": (lambda w: F.embedding(TABLE, w), ((3, 4),)),
    "uniform": (lambda x, y: [x * y, y, y.sum(), x @ y.T[:, :3]], (X, TensorSpec((ROWS, 6), True))),
    "broadcast": (lambda x, y: [x + y, x[:, :1] * y.exp(), x[:1] - y], ((5, 6), (6,))),
    "several numbers from one": (lambda x: [x, x.exp(), x.exp(), x.exp()[:, :2], x > 0, x.T], (X,)),
}


def plain(x: Tensor) -> list[Tensor]:
    """Operations that torch would write as others, as a later version may not."""
    aten, prims = torch.ops.aten, torch.ops.prims
    return [
        *(x.t(), x.transpose(0, -1), *x.split(3), *x.unbind(1), x.detach(), aten.alias(x)),
        *(x.clamp_min(0.3), x.clamp_max(0.3), torch.mv(x, x[0]), torch.dot(x[0], x[:, 1])),
        *(torch.zeros(3), torch.ones(2, 2), torch.zeros_like(x), torch.ones_like(x)),
        *(x.new_zeros(2), x.new_ones(2), x.new_full((2,), 2.0), aten._unsafe_view(x, [2, 8])),
        *(torch.empty(2).copy_(x[0, :2]), torch.empty_like(x).copy_(x), x.new_empty(4).copy_(x[1])),
        *(torch.select_scatter(x, x[0], 1, -2), prims.convert_element_type(x, torch.int32)),
        torch.empty_permuted((4, 4), (1, 0)).copy_(x),
    ]


CASES: dict[str, Case] = {
    "operations": (lambda x, y: each(OPERATIONS, x, y), ((len(EDGES),) * 2,) * 2),
    "of whole numbers": (
        lambda x, y: each(OF_WHOLE, (x * 3).long(), (y * 3).long()),
        ((ROWS, 11),) * 2,
    ),
    **RULED,
}
FUNCTIONS = {name: function(f"f{i}", case) for i, (name, case) in enumerate(CASES.items())}


PLAIN = function("plain", (plain, (SQUARE,)))


class Compiled(NamedTuple):
    """Libraries, so that the compiler starts once for all cases, and the rules that were used."""

    cases: CompiledFunctions
    plain: CompiledFunctions
    used: set[str]


@pytest.fixture(scope="module")
def compiled() -> Compiled:
    """All functions."""
    used = set()

    def noted(name: str, rule: Callable) -> Callable:
        return lambda *args, **keywords: (used.add(name), rule(*args, **keywords))[1]

    with pytest.MonkeyPatch.context() as patch:
        for name, rule in RULES.items():
            patch.setitem(RULES, name, noted(name, rule))
        cases = compile_functions(list(FUNCTIONS.values()))
        patch.setattr(tracing, "_decompositions", dict)
        return Compiled(cases, compile_functions([PLAIN]), used)


def edges() -> list[Tensor]:
    """All pairs of edge values, other ones in each lane; shape (1, edge, edge, lane)."""
    values = torch.tensor(EDGES)
    pairs = [torch.cartesian_prod(values.roll(lane), values) for lane in range(lanes())]
    shape = (1, len(EDGES), len(EDGES), lanes())
    return [torch.stack([pair[:, i] for pair in pairs], dim=1).reshape(shape) for i in (0, 1)]


def test_edges(compiled: Compiled) -> None:
    assert_alike(compiled.cases, FUNCTIONS["operations"], edges(), 4)


@pytest.mark.parametrize("name", [name for name in CASES if name != "operations"])
def test_case(compiled: Compiled, name: str) -> None:
    one, rows = FUNCTIONS[name], 12
    assert_alike(compiled.cases, one, numbers(one, rows), rows)


def test_operations_as_they_are(compiled: Compiled) -> None:
    assert_alike(compiled.plain, PLAIN, numbers(PLAIN, 4), 4)


def test_every_rule_has_a_case(compiled: Compiled) -> None:
    assert set(RULES) - compiled.used == set()
