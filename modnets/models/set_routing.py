"""Choices among whole sets of sources, for which the outputs of modules are mixed.

A module is computed for every set that a slot may read, and its outputs are added up, weighted by
the choice.  Its inputs stay those of one set, while a mixture of single sources would be none: of
two of six sources with equal weights it scales the product of two bits by 1/36.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from modnets.errors import require
from modnets.models.hard_choices import choice_of_rows, preferred
from modnets.models.modules import Layers, compute, of_channels
from modnets.models.routing import Choice, Known, Routing, Selection

#: Sets of sources that a slot may choose among.
MAX_CHOICES = 2048


class SetRouting(Routing):
    """What each slot of a level reads: one logit for each set of sources, a softmax over them.

    Known routing is that of :class:`Routing`.  Learned one has logits of shape (set, slot, [task]),
    and is one-hot with the gradient of a softmax.  The inputs of a module are in the order of the
    sources' indices.

    Parameters
    ----------
    n_sources, n_slots, arity : int
    known : sequence of sequences of int, optional
    n_tasks : int

    Raises
    ------
    ValueError
        If there are more than MAX_CHOICES sets.
    """

    scale = 0.1

    def __init__(
        self,
        n_sources: int,
        n_slots: int,
        arity: int,
        known: Known | None = None,
        n_tasks: int = 1,
    ) -> None:
        if known is not None:
            super().__init__(n_sources, n_slots, arity, known, n_tasks)
            return
        self.check(n_sources, arity)
        self.arity, self.n_sources = arity, n_sources
        self.sets = torch.tensor(list(itertools.combinations(range(n_sources), arity)))
        Choice.__init__(self, len(self.sets), n_slots, n_tasks, None)

    @classmethod
    def check(cls, n_sources: int, arity: int) -> None:
        """Refuse what has more sets than are allowed, or none."""
        n_sets = math.comb(n_sources, arity)
        require(
            1 <= n_sets <= MAX_CHOICES,
            f"arity={arity} of {n_sources} sources: {n_sets} sets; allowed are 1 to {MAX_CHOICES}",
        )

    def forward(
        self,
        temperature: Tensor | float = 1.0,
        noise: Tensor | None = None,
        task: Tensor | None = None,
    ) -> Tensor:
        """The choice of sets, shape (slot, set, row or 1); known routing as in ``Routing``."""
        if self.known:
            return super().forward(temperature, noise, task)
        chosen = self.one_of(self._noisy(noise), temperature)
        return choice_of_rows(chosen.transpose(0, 1), task)

    def inputs(self, values: Tensor) -> Tensor:
        """The sources of each set, shape (set, [channel x] position, row), of such values."""
        return of_channels(lambda channel: channel[self.sets], values)

    def sources_by(self, logits: Tensor) -> Tensor:
        """The sources of the set with the largest logit, shape (position, ...)."""
        return self.sets.to(logits.device)[logits.argmax(dim=0)].movedim(-1, 0)

    def by_source(self, logits: Tensor) -> Tensor:
        """The largest logit of the sets that hold a source, shape (source, slot)."""
        sources = torch.arange(self.n_sources)[:, None, None]
        holds = (self.sets == sources).any(dim=2)[..., None]  # (source, set, 1)
        return logits.cpu().where(holds, -torch.inf).amax(dim=1)

    def choose(self, slots: Sequence[Sequence[int]], task: int = 0) -> None:
        """Make a learned choice take these sources: logits of 1 for their set, -1 for others."""
        if not self.known:
            places = {tuple(sources): place for place, sources in enumerate(self.sets.tolist())}
            super().choose([[places[tuple(sorted(sources))]] for sources in slots], task)


class OutputsInOrder(Routing):
    """Output routing that is not learned: the outputs are the last slots of the last level.

    Where a slot learns its sources, and has a module of its own or learns which it takes, slots of
    a level are alike: any output can be computed in any of them, and this is no knowledge.
    """

    def __init__(
        self,
        n_sources: int,
        n_slots: int,
        arity: int,
        known: Known | None = None,
        n_tasks: int = 1,
    ) -> None:
        places = list(range(n_sources - arity, n_sources))
        require(
            known is not None or arity <= n_sources,
            f"{arity} outputs of {n_sources} slots; allowed are up to {n_sources}",
        )
        super().__init__(n_sources, n_slots, arity, [places] if known is None else known, n_tasks)


class SoftChoice(Choice):
    """A choice that is a softmax in training, at the run's temperature, and one-hot otherwise."""

    scale = 0.1

    def one_of(self, logits: Tensor, temperature: Tensor | float) -> Tensor:
        """Weights of the candidates of each slot."""
        if self.training and not self.fixed:
            return torch.softmax(logits / temperature, dim=0)
        return preferred(logits, 1)[0]


class SoftSetRouting(SoftChoice, SetRouting):
    """Routing that mixes the outputs for all sets of sources, in training."""


class SoftSelection(SoftChoice, Selection):
    """Selection that mixes the outputs of all modules of the pool, in training."""


def mixed(layers: Layers, x: Tensor, routing: Tensor, selection: Tensor | None) -> Tensor:
    """The outputs of modules for all sets of sources, added up as chosen.

    Parameters
    ----------
    layers : list of (weight, shape (module, out, in), and bias, shape (module, out))
        A module for each slot, or those of a pool.
    x : Tensor, shape (set, [channel x] position, row)
    routing : Tensor, shape (slot, set, row or 1)
    selection : Tensor, shape (slot, module, row or 1); None for own modules

    Returns
    -------
    Tensor, shape ([channel], slot, row)
    """
    every = compute(layers, x[:, None])  # ([channel], set, module, row)
    if selection is None:
        return (routing.transpose(0, 1) * every).sum(dim=-3)
    filled = (selection[:, None] * every.unsqueeze(-4)).sum(dim=-2)  # ([channel], slot, set, row)
    return (routing * filled).sum(dim=-2)
