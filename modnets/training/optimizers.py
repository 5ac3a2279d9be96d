"""Optimizers, as functions of flat parameters of many runs.

They agree with ``torch.optim`` to rounding; weight decay is added to the gradient, as there.
Adam: Kingma and Ba (2015).  RMSprop: Tieleman and Hinton (2012).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
MOMENTUM = 0.9
RMS_DECAY = 0.99

State = list[Tensor]


def adam(grad: Tensor, state: State, corrections: Tensor) -> tuple[Tensor, State]:
    """Adam's direction and its new moments."""
    first = state[0] + (grad - state[0]) * (1 - BETA1)
    second = state[1] * BETA2 + grad * grad * (1 - BETA2)
    direction = first / corrections[0] / (second.sqrt() / corrections[1] + EPSILON)
    return direction, [first, second]


def sgd(grad: Tensor, state: State, corrections: Tensor) -> tuple[Tensor, State]:
    """Plain gradient descent."""
    return grad, []


def momentum(grad: Tensor, state: State, corrections: Tensor) -> tuple[Tensor, State]:
    """Gradient descent with a momentum of 0.9."""
    velocity = state[0] * MOMENTUM + grad
    return velocity, [velocity]


def rmsprop(grad: Tensor, state: State, corrections: Tensor) -> tuple[Tensor, State]:
    """RMSprop with a decay of 0.99."""
    square = state[0] * RMS_DECAY + grad * grad * (1 - RMS_DECAY)
    return grad / (square.sqrt() + EPSILON), [square]


#: Name -> (direction from the gradient, number of state tensors).
OPTIMIZERS: dict[str, tuple[Callable[..., tuple[Tensor, State]], int]] = {
    "adam": (adam, 2),
    "sgd": (sgd, 0),
    "momentum": (momentum, 1),
    "rmsprop": (rmsprop, 1),
}


def of_torch(name: str, groups: list[dict[str, Any]], weight_decay: float) -> torch.optim.Optimizer:
    """The same optimizer of torch, for one network."""
    kinds: dict[str, tuple[Callable[..., torch.optim.Optimizer], dict[str, Any]]] = {
        "adam": (torch.optim.Adam, {"betas": (BETA1, BETA2), "eps": EPSILON}),
        "sgd": (torch.optim.SGD, {}),
        "momentum": (torch.optim.SGD, {"momentum": MOMENTUM}),
        "rmsprop": (torch.optim.RMSprop, {"alpha": RMS_DECAY, "eps": EPSILON}),
    }
    kind, settings = kinds[name]
    return kind(groups, weight_decay=weight_decay, **settings)


def corrections(n_steps: int) -> Tensor:
    """What Adam divides its moments by: they start at zero, and are too small at first.

    Returns
    -------
    Tensor, shape (step, 2)
        ``1 - beta1**t`` and ``sqrt(1 - beta2**t)`` for steps t = 1, 2, ...
    """
    t = torch.arange(1, n_steps + 1, dtype=torch.float64)
    return torch.stack([1 - BETA1**t, (1 - BETA2**t).sqrt()], dim=1).float()
