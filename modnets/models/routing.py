"""Straight-through choices: which sources a slot reads, and which module fills it.

A choice is one-hot forward; backward it has the gradient of a sigmoid (routing) or softmax
(selection) of its logits: the straight-through estimator of Bengio, Leonard and Courville (2013).
Known choices are constants.  Choices end in a row axis of size 1, or of the batch's size where
each row has noise of its own, so that they broadcast over values shaped (source, row).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from modnets.errors import require


def straight_through(hard: Tensor, soft: Tensor) -> Tensor:
    """The value of ``hard`` with the gradient of ``soft``; both of one shape."""
    return hard + (soft - soft.detach())


def ranks(logits: Tensor) -> Tensor:
    """How many sources are preferred to each one; of equal ones the earlier is preferred.

    Comparisons and sums only, so that a compiler fuses it; a sort it would call from outside.

    Parameters
    ----------
    logits : Tensor, shape (source, ...)

    Returns
    -------
    Tensor of int64, shape (source, ...)
        0 for the largest logit of each column.
    """
    place = torch.arange(logits.shape[0], device=logits.device)
    earlier = place < place[:, None]
    earlier = earlier.reshape(*earlier.shape, *[1] * (logits.dim() - 1))
    this, other = logits[:, None], logits[None, :]
    return ((other > this) | ((other == this) & earlier)).sum(dim=1)


class Choice(nn.Module):
    """A choice, known or learned from logits that start as N(0, 1)."""

    known: bool

    def reset_parameters(self) -> None:
        """Draw the logits anew."""
        if not self.known:
            nn.init.normal_(self.logits)


class Routing(Choice):
    """What each slot of a level reads.

    Parameters
    ----------
    n_sources, n_slots, arity : int
        Each slot reads ``arity`` distinct sources.
    known : sequence of sequences of int, optional
        [slot] -> sources in the order of the input places; places beyond them read zero.
        Without it, routing is learned from logits that start as N(0, 1).

    Raises
    ------
    ValueError
        If a slot would read more sources than there are, or one that is not there.
    """

    def __init__(
        self,
        n_sources: int,
        n_slots: int,
        arity: int,
        known: Sequence[Sequence[int]] | None = None,
    ) -> None:
        super().__init__()
        self.n_sources, self.n_slots, self.arity = n_sources, n_slots, arity
        self.known = known is not None
        require(
            arity >= 1 and (self.known or arity <= n_sources),
            f"arity={arity} needs at least {arity} sources; there are {n_sources}",
        )
        if known is None:
            self.logits = nn.Parameter(torch.empty(n_sources, n_slots))
            self.reset_parameters()
            return
        require(
            len(known) == n_slots, f"routing={known}; allowed are the sources of {n_slots} slots"
        )
        choice = torch.zeros(n_slots, arity, n_sources, 1)
        for slot, sources in enumerate(known):
            require(
                len(sources) <= arity and all(0 <= source < n_sources for source in sources),
                f"slot {slot} reads {tuple(sources)}; "
                f"allowed are up to {arity} places from 0 to {n_sources - 1}",
            )
            for place, source in enumerate(sources):
                choice[slot, place, source] = 1.0
        self.register_buffer("choice", choice)

    @property
    def noise_size(self) -> int:
        """How many logits take Gumbel noise."""
        return 0 if self.known else self.n_sources * self.n_slots

    def forward(self, temperature: Tensor | float = 1.0, noise: Tensor | None = None) -> Tensor:
        """The choice of sources.

        Parameters
        ----------
        temperature : float, > 0, no unit
            Divides the logits.
        noise : Tensor, shape (noise_size, row or 1), optional
            Added to the logits.

        Returns
        -------
        Tensor, shape (slot, place, source, row or 1)
            One-hot over sources; the r-th largest logit of a slot feeds its place r.
        """
        if self.known:
            return self.choice
        logits = self.logits[..., None]
        if noise is not None:
            logits = logits + noise.reshape(self.n_sources, self.n_slots, -1)
        places = torch.arange(self.arity, device=logits.device).reshape(-1, 1, 1, 1)
        hard = (ranks(logits) == places).to(logits.dtype)
        soft = torch.sigmoid(logits / temperature)
        return straight_through(hard, soft.expand_as(hard)).permute(2, 0, 1, 3)

    def read(self) -> list[tuple[int, ...]]:
        """[slot] -> the sources it reads now, in the order of its places; no noise."""
        if self.known:
            used = self.choice[..., 0].any(dim=2).sum(dim=1).tolist()
            sources = self.choice[..., 0].argmax(dim=2).tolist()
            return [tuple(slot[:count]) for slot, count in zip(sources, used, strict=True)]
        order = self.logits.detach().argsort(dim=0, descending=True, stable=True)
        return [tuple(slot) for slot in order[: self.arity].T.tolist()]


class Selection(Choice):
    """Which module of a shared pool fills each slot of a level.

    Parameters
    ----------
    n_modules, n_slots : int
    known : sequence of int, optional
        [slot] -> module.  Without it, selection is learned from logits that start as N(0, 1).

    Raises
    ------
    ValueError
        If a slot takes a module that is not there.
    """

    def __init__(self, n_modules: int, n_slots: int, known: Sequence[int] | None = None) -> None:
        super().__init__()
        self.n_modules, self.n_slots = n_modules, n_slots
        self.known = known is not None
        if known is None:
            self.logits = nn.Parameter(torch.empty(n_modules, n_slots))
            self.reset_parameters()
            return
        require(
            len(known) == n_slots and all(0 <= module < n_modules for module in known),
            f"selection={tuple(known)}; allowed are {n_slots} modules from 0 to {n_modules - 1}",
        )
        choice = torch.zeros(n_slots, n_modules, 1)
        choice[torch.arange(n_slots), torch.tensor(known)] = 1.0
        self.register_buffer("choice", choice)

    @property
    def noise_size(self) -> int:
        """How many logits take Gumbel noise."""
        return 0 if self.known else self.n_modules * self.n_slots

    def forward(self, temperature: Tensor | float = 1.0, noise: Tensor | None = None) -> Tensor:
        """The choice of modules.

        Parameters
        ----------
        temperature : float, > 0, no unit
        noise : Tensor, shape (noise_size, row or 1), optional

        Returns
        -------
        Tensor, shape (slot, module, row or 1)
            One-hot over modules.
        """
        if self.known:
            return self.choice
        logits = self.logits[..., None]
        if noise is not None:
            logits = logits + noise.reshape(self.n_modules, self.n_slots, -1)
        hard = (ranks(logits) == 0).to(logits.dtype)
        soft = torch.softmax(logits / temperature, dim=0)
        return straight_through(hard, soft).transpose(0, 1)

    def fill(self) -> list[int]:
        """[slot] -> the module that fills it now; no noise."""
        if self.known:
            return self.choice[..., 0].argmax(dim=1).tolist()
        return self.logits.detach().argmax(dim=0).tolist()
