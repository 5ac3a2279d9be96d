"""Losses by name, and how to add one.

A loss is a function of logits and targets, both of shape (row, output), that gives the loss of
each output bit, of the same shape; a step descends on its mean over all bits::

    @mn.models.register_loss("focal")
    def focal(logits, y):
        wrong = (torch.sigmoid(logits) - y).abs()
        return wrong**2 * F.binary_cross_entropy_with_logits(logits, y, reduction="none")

A network may add to the mean loss itself: in training its forward may give ``(logits, penalty)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import grad, vmap

from modnets.checked import checked
from modnets.errors import first_line, require
from modnets.models.object_hasher import ObjectHasher
from modnets.models.random_states import Drawn, at_rest, random_state

Loss = Callable[[Tensor, Tensor], Tensor]


def bce(logits: Tensor, y: Tensor) -> Tensor:
    """Binary cross-entropy of each bit, in nats."""
    return F.softplus(logits) - logits * y


def mse(logits: Tensor, y: Tensor) -> Tensor:
    """Squared error of each bit's probability."""
    return (torch.sigmoid(logits) - y) ** 2


def logits_and_penalty(given: Any) -> tuple[Any, Any]:
    """What a network's forward gives: logits, and what it adds to the mean loss or None."""
    return given if isinstance(given, tuple) and len(given) == 2 else (given, None)


#: Name -> loss of each bit, first those of modnets itself.
LOSSES: dict[str, Loss] = {"bce": bce, "mse": mse}
#: Names of the losses of modnets itself.
BUILT_IN_LOSSES = tuple(LOSSES)


@checked
def register_loss(name: str) -> Callable[[Loss], Loss]:
    """Decorator that adds a loss: a function of logits and targets, bit by bit.

    Both are of shape (row, output), targets 0 or 1, and so is the result.  Registering a name
    again replaces the loss.  A run's key includes all code and values that it can reach.  It is
    compiled with the step; what is not a loss is refused in one line before training.

    Raises
    ------
    ValueError
        If the name is that of a built-in loss.
    """
    require(name not in BUILT_IN_LOSSES, f"loss name {name!r} is taken; allowed is any other")

    def add(loss: Loss) -> Loss:
        LOSSES[name] = loss
        return loss

    return add


def check_loss(name: str) -> None:
    """Raise ValueError, in one line, unless a loss is a function of each row's logits and targets.

    Parameters
    ----------
    name : str
        In LOSSES.
    """
    at_rest(lambda: _check_loss(name, LOSSES[name]))


def _check_loss(name: str, loss: Callable[[Tensor, Tensor], Any]) -> None:
    logits = torch.linspace(-3.0, 3.0, 10).reshape(5, 2)
    y = torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    before = ObjectHasher().digest(random_state())
    value = _called(name, lambda: loss(logits, y))
    wanted = "allowed is a loss of each bit, of the shape of the logits"
    kind = type(value).__name__
    require(isinstance(value, Tensor), f"loss={name!r} gives a {kind}; {wanted}")
    shapes = f"shape {tuple(value.shape)} for logits {tuple(logits.shape)}"
    require(value.shape == logits.shape, f"loss={name!r} gives {shapes}; {wanted}")
    require(
        value.is_floating_point() and bool(value.isfinite().all()),
        f"loss={name!r} gives {value.dtype}, or no finite number; allowed are finite real numbers",
    )
    rows = [(logits[row : row + 1], y[row : row + 1]) for row in range(len(y))]
    alone = _called(name, lambda: torch.cat([loss(*row) for row in rows]))
    require(
        torch.allclose(value, alone, rtol=1e-4, atol=1e-6),
        f"loss={name!r}: the loss of a row depends on other rows, or on the time; allowed is a "
        "function of its logits and targets",
    )
    if before != ObjectHasher().digest(random_state()):
        raise Drawn(
            f"loss={name!r} draws random numbers; allowed is a function of logits and targets"
        )
    gradient = vmap(grad(lambda one, target: loss(one, target).sum()))
    many = logits.expand(3, -1, -1), y.expand(3, -1, -1)
    slope = _called(name, lambda: gradient(*many), "cannot be differentiated for many runs at once")
    require(
        bool(slope.isfinite().all()) and bool(slope.any()),
        f"loss={name!r}: its gradient is 0, or not finite; allowed is one that logits can follow",
    )


def _called(name: str, call: Callable[[], Any], what: str = "fails") -> Any:
    try:
        return call()
    except Exception as error:
        raise ValueError(
            f"loss={name!r} {what} ({first_line(error)[:200]}); allowed is a function of logits "
            "and targets, both of shape (row, output)"
        ) from error
