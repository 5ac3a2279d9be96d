"""Hard choices and bits as functions of logits, with the gradient of soft ones.

See ``routing``, whose choices they are.
"""

from __future__ import annotations

import torch
from torch import Tensor

#: Up to so many candidates all pairs are compared; what a slot reads is a sum that is fused.
FEW_CANDIDATES = 32


def straight_through(hard: Tensor, soft: Tensor) -> Tensor:
    """The value of ``hard`` with the gradient of ``soft``; both of one shape."""
    return hard + (soft - soft.detach())


def binarised(logits: Tensor) -> Tensor:
    """1 where a logit is above 0, else 0, with the gradient of a sigmoid."""
    return straight_through((logits > 0).to(logits.dtype), torch.sigmoid(logits))


def ranks(logits: Tensor) -> Tensor:
    """The number of sources preferred to each one; of equal ones the earlier is preferred.

    Comparisons and sums only, which a compiler fuses; a sort would be an external call.

    Parameters
    ----------
    logits : Tensor, shape (source, ...)

    Returns
    -------
    Tensor of int64, shape (source, ...)
        0 for the largest logit of each column.
    """
    index = torch.arange(logits.shape[0], device=logits.device)
    earlier = index < index[:, None]
    earlier = earlier.reshape(*earlier.shape, *[1] * (logits.dim() - 1))
    this, other = logits[:, None], logits[None, :]
    return ((other > this) | ((other == this) & earlier)).sum(dim=1)


def preferred(logits: Tensor, count: int) -> Tensor:
    """The sources preferred most, as one-hot choices; of equal ones the earlier comes first.

    Of many sources, of which few are preferred, one largest logit after the other is looked for:
    time and memory grow with their number, and not with its square.

    Parameters
    ----------
    logits : Tensor, shape (source, ...)
    count : int

    Returns
    -------
    Tensor, shape (position, source, ...)
    """
    axes = [1] * logits.dim()
    if len(logits) <= max(FEW_CANDIDATES, 16 * count):
        positions = torch.arange(count, device=logits.device).reshape(-1, *axes)
        return (ranks(logits) == positions).to(logits.dtype)
    index = torch.arange(len(logits), device=logits.device, dtype=logits.dtype)
    index, left, chosen = index.reshape(-1, *axes[1:]), logits.detach(), []
    for _ in range(count):
        largest = left == left.amax(dim=0)
        first = torch.where(largest, index, float(len(logits))).amin(dim=0)
        taken = index == first
        chosen.append(taken.to(logits.dtype))
        left = torch.where(taken, -torch.inf, left)
    return torch.stack(chosen)


def choice_of_rows(choice: Tensor, task: Tensor | None) -> Tensor:
    """The choice of the task that each row is of.

    Parameters
    ----------
    choice : Tensor, shape (..., task, row or 1); without tasks (..., row or 1)
    task : Tensor, shape (task, row), optional
        One-hot.

    Returns
    -------
    Tensor, shape (..., row); without tasks the choice itself
    """
    return choice if task is None else (choice * task).sum(dim=-2)
