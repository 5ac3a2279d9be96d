"""Gradients of layers and of single operations, as machine code against torch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from lanes import Case, assert_alike, function, needs_compiler, numbers
from torch import Tensor, nn
from torch.func import functional_call, grad

from modnets.compiler.compiled import CompiledFunctions, compile_functions
from modnets.compiler.symbolic import ROWS

pytestmark = needs_compiler

NUMBERS = torch.tensor([2, 0, -1, 2])
TABLE = torch.tensor([[1, 0], [2, 2]])
X, SQUARE = (ROWS, 6), (4, 4)


def grads(loss: Callable[..., Tensor], *shapes: tuple) -> Case:
    """The gradient of a loss by all that it is given."""
    return grad(loss, argnums=tuple(range(len(shapes)))), shapes


def layer(module: nn.Module) -> Case:
    """The gradient of a module's squared output by its parameters and its input."""
    parameters = dict(module.named_parameters())
    shapes = [tuple(p.shape) for p in parameters.values()]

    def loss(x: Tensor, *given: Tensor) -> Tensor:
        found = functional_call(module, dict(zip(parameters, given, strict=True)), (x,))
        return (found * found).sum() + found[0].sum()

    return grads(loss, X, *shapes)


class Residual(nn.Module):
    """A block around which its input is led."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 5), nn.SiLU(), nn.Linear(5, 6))

    def forward(self, x: Tensor) -> Tensor:
        """Shape (row, 6)."""
        return x + self.inner(x)


class Attention(nn.Module):
    """Features of a row that look at each other."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = nn.Linear(2, 9)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (row, 6)."""
        q, k, v = self.reads(x.reshape(-1, 3, 2)).chunk(3, dim=-1)
        return (torch.softmax(q @ k.mT / 3**0.5, dim=-1) @ v).flatten(1)


class Convolutions(nn.Module):
    """Two convolutions over a row seen as an image of 2 x 3, one with a border of zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, (2, 3), padding=1)
        self.second = nn.Conv2d(3, 2, 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (row, 8)."""
        return self.second(self.first(x.reshape(-1, 1, 2, 3)).tanh()).flatten(1)


ACTIVATIONS = (nn.Tanh(), nn.ELU(), nn.LeakyReLU(), nn.Softplus(), nn.Sigmoid(), nn.Hardtanh())
ACTIVATIONS += (nn.SELU(), nn.Mish(), nn.Softsign(), nn.LogSigmoid(), nn.GELU("tanh"), nn.PReLU())
SLOPES: dict[str, Case] = {
    "linear": layer(nn.Sequential(nn.Linear(6, 7), nn.GELU(), nn.Linear(7, 3), nn.ReLU())),
    "norms": layer(nn.Sequential(nn.LayerNorm(6), nn.RMSNorm(6))),
    "attention": layer(Attention()),
    "residual": layer(Residual()),
    "convolutions": layer(Convolutions()),
    **{type(module).__name__ + str(i): layer(module) for i, module in enumerate(ACTIVATIONS)},
    "bilinear": grads(lambda x, w: torch.einsum("ri,oij,rj->ro", x, w, x).sum(), X, (2, 6, 6)),
    "softmax": grads(lambda x: (x.softmax(1) ** 2).sum() + x.log_softmax(1)[:, 0].sum(), X),
    "logsumexp": grads(lambda x: x.logsumexp(1).sum() + x.std(1).sum() + x.norm(dim=1).sum(), X),
    "cross entropy": grads(lambda x: F.cross_entropy(x, torch.tensor([1, 2, 3, 0])), SQUARE),
    "parts": grads(lambda x: (x[:, 1::2] * x[:, :3] + x[:, -3:]).exp().sum(), X),
    "moved": grads(lambda x: (torch.stack([x, x.flip(1)]).cumsum(2).mT[1] ** 2).sum(), X),
    "extremes": grads(lambda x: x.amax(1).sum() + x.max(0).values.exp().sum() + x.min(), SQUARE),
    "products": grads(lambda x: x.prod(1).sum() + (x.cumprod(1) ** 2).sum(), SQUARE),
    "index": grads(lambda x: (x[:, NUMBERS] ** 2).sum() + x[:, TABLE].exp().sum(), X),
    "gather": grads(lambda x: (x.gather(1, TABLE.repeat(2, 2)) ** 2).sum(), SQUARE),
    "embedding": grads(lambda w: (F.embedding(TABLE, w) ** 2).sum(), (3, 4)),
    "windows": grads(lambda x, w: (x.unfold(1, 3, 1) @ w).exp().sum(), SQUARE, (3,)),
}

FUNCTIONS = {name: function(f"f{i}", case) for i, (name, case) in enumerate(SLOPES.items())}


@pytest.fixture(scope="module")
def machine() -> CompiledFunctions:
    """All functions in one library, so that the compiler starts once."""
    return compile_functions(list(FUNCTIONS.values()))


@pytest.mark.parametrize("name", SLOPES)
def test_gradient(machine: CompiledFunctions, name: str) -> None:
    one, rows = FUNCTIONS[name], 12
    assert_alike(machine, one, numbers(one, rows), rows, tolerance=3e-4)
