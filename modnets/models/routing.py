"""Straight-through choices: which sources a slot reads, and which module fills it.

A choice is one-hot in the forward pass; in the backward pass it has the gradient of a sigmoid
(routing) or softmax (selection) of its logits: the straight-through estimator of Bengio, Leonard
and Courville (2013).  Known choices are constants.  The last axis of a choice is a row axis of size
1, or of the batch's size if each row has noise or a task of its own, so that choices broadcast over
values of shape (source, row).  Of several tasks learned at once each has a choice of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from modnets.errors import require
from modnets.models.hard_choices import choice_of_rows, preferred, straight_through

#: A known choice: [slot] -> sources or module; of several tasks [task][slot] -> ...
Known = Sequence[Any]


class Choice(nn.Module):
    """A choice for each slot of a level: known, or learned by logits initialised as N(0, 1).

    Parameters
    ----------
    n_candidates, n_slots : int
    n_tasks : int
        Number of tasks, each with a choice of its own.
    known : sequence, optional
        The known choice, [slot] -> ..., with several tasks [task][slot] -> ...
    """

    choice: Tensor  # if it is known
    logits: nn.Parameter  # if it is learned
    scale = 1.0  # standard deviation of the initial logits

    def __init__(self, n_candidates: int, n_slots: int, n_tasks: int, known: Known | None) -> None:
        super().__init__()
        self.n_candidates, self.n_slots, self.n_tasks = n_candidates, n_slots, n_tasks
        self.known = known is not None
        self.fixed = False  # learned before the first step, see `routing_methods`
        self.task_axis = (n_tasks,) if n_tasks > 1 else ()
        if known is None:
            self.logits = nn.Parameter(torch.empty(n_candidates, n_slots, *self.task_axis))
            self.reset_parameters()
            return
        self.register_buffer("choice", self._one_hots(known))

    def know(self, known: Known) -> None:
        """Make a known choice another one, as a tensor of its own."""
        self.choice = self._one_hots(known)

    def _one_hots(self, known: Known) -> Tensor:
        """The known choice of all tasks, for one row."""
        n_tasks = self.n_tasks
        tasks = known if n_tasks > 1 else [known]
        require(
            len(tasks) == n_tasks, f"{len(tasks)} tasks are known; allowed are {n_tasks} of them"
        )
        choice = torch.stack([self._one_hot(slots) for slots in tasks], dim=-1)[..., None]
        return choice if n_tasks > 1 else choice[..., 0, :]

    def _one_hot(self, known: Known) -> Tensor:
        """The known choice of one task, for one row."""
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Draw the logits anew."""
        if not self.known:
            nn.init.normal_(self.logits, std=self.scale)

    @property
    def noise_size(self) -> int:
        """Number of logits that take Gumbel noise."""
        free = not (self.known or self.fixed)
        return self.n_candidates * self.n_slots * self.n_tasks if free else 0

    def choose(self, slots: Sequence[Sequence[int]], task: int = 0) -> None:
        """Make a learned choice take these candidates, in their order, for each slot.

        The logits are 1 for the first candidate, less for each later rank, and -1 for what is not
        chosen.
        """
        if self.known:
            return
        with torch.no_grad():
            logits = self.logits[..., task] if self.task_axis else self.logits
            logits.fill_(-1.0)
            for slot, candidates in enumerate(slots):
                for rank, candidate in enumerate(candidates):
                    logits[candidate, slot] = 1.0 - rank / len(candidates)

    def _noisy(self, noise: Tensor | None) -> Tensor:
        """Logits with a row axis, shape (candidate, slot, [task], row or 1)."""
        logits = self.logits[..., None]
        return logits if noise is None else logits + noise.reshape(*self.logits.shape, -1)

    def one_of(self, logits: Tensor, temperature: Tensor | float) -> Tensor:
        """One-hot choice of the largest logit of each slot, with the gradient of a softmax."""
        chosen = preferred(logits, 1)[0]
        if not self.fixed:
            chosen = straight_through(chosen, torch.softmax(logits / temperature, dim=0))
        return chosen

    def of_task(self, task: int) -> Tensor:
        """The logits of one task or, if known, its choice for one row."""
        every = self.choice[..., 0] if self.known else self.logits
        return every[..., task].detach() if self.task_axis else every.detach()


class Routing(Choice):
    """What each slot of a level reads.

    Parameters
    ----------
    n_sources, n_slots, arity : int
        Each slot reads ``arity`` distinct sources.
    known : sequence of sequences of int, optional
        [slot] -> sources in the order of the module's inputs; further inputs read zero.  With
        several tasks [task][slot] -> sources.  Without it, routing is learned by logits that are
        initialised as N(0, 1).
    n_tasks : int

    Raises
    ------
    ValueError
        If a slot would read more sources than there are, or one that does not exist.
    """

    def __init__(
        self,
        n_sources: int,
        n_slots: int,
        arity: int,
        known: Known | None = None,
        n_tasks: int = 1,
    ) -> None:
        self.arity = arity
        require(
            arity >= 1 and (known is not None or arity <= n_sources),
            f"arity={arity} needs at least {arity} sources; there are {n_sources}",
        )
        super().__init__(n_sources, n_slots, n_tasks, known)

    def _one_hot(self, known: Known) -> Tensor:
        require(
            len(known) == self.n_slots,
            f"routing={known}; allowed are the sources of {self.n_slots} slots",
        )
        choice = torch.zeros(self.n_slots, self.arity, self.n_candidates)
        for slot, sources in enumerate(known):
            require(
                len(sources) <= self.arity
                and all(0 <= source < self.n_candidates for source in sources),
                f"slot {slot} reads {tuple(sources)}; "
                f"allowed are up to {self.arity} places from 0 to {self.n_candidates - 1}",
            )
            for position, source in enumerate(sources):
                choice[slot, position, source] = 1.0
        return choice

    def forward(
        self,
        temperature: Tensor | float = 1.0,
        noise: Tensor | None = None,
        task: Tensor | None = None,
    ) -> Tensor:
        """The choice of sources.

        Parameters
        ----------
        temperature : float, > 0, no unit
            Divides the logits.
        noise : Tensor, shape (noise_size, row or 1), optional
            Added to the logits.
        task : Tensor, shape (task, row), optional
            One-hot, with several tasks.

        Returns
        -------
        Tensor, shape (slot, position, source, row or 1)
            One-hot over sources; the source of the r-th largest logit is input r of the slot.
        """
        if self.known:
            return choice_of_rows(self.choice, task)
        logits = self._noisy(noise)
        chosen = preferred(logits, self.arity)
        if not self.fixed:
            soft = torch.sigmoid(logits / temperature)
            chosen = straight_through(chosen, soft.expand_as(chosen))
        return choice_of_rows(chosen.permute(2, 0, 1, *range(3, chosen.dim())), task)

    def read(self, task: int = 0) -> list[tuple[int, ...]]:
        """[slot] -> the sources that it reads now, in the order of its inputs; without noise."""
        values = self.of_task(task)
        if self.known:
            used = values.any(dim=2).sum(dim=1).tolist()
            sources = values.argmax(dim=2).tolist()
            return [tuple(slot[:count]) for slot, count in zip(sources, used, strict=True)]
        return [tuple(slot) for slot in self.sources_by(values).T.tolist()]

    def sources_by(self, logits: Tensor) -> Tensor:
        """The sources that slots read, shape (position, slot, ...), by logits (candidate, ...)."""
        return logits.argsort(dim=0, descending=True, stable=True)[: self.arity]

    def by_source(self, logits: Tensor) -> Tensor:
        """How much slots prefer each source, shape (source, slot), by logits (candidate, slot)."""
        return logits


class Selection(Choice):
    """Which module of a shared pool fills each slot of a level.

    Parameters
    ----------
    n_modules, n_slots : int
    known : sequence of int, optional
        [slot] -> module, with several tasks [task][slot] -> module.  Without it, selection is
        learned by logits that are initialised as N(0, 1).
    n_tasks : int

    Raises
    ------
    ValueError
        If a slot takes a module that does not exist.
    """

    def __init__(
        self, n_modules: int, n_slots: int, known: Known | None = None, n_tasks: int = 1
    ) -> None:
        super().__init__(n_modules, n_slots, n_tasks, known)

    def _one_hot(self, known: Known) -> Tensor:
        require(
            len(known) == self.n_slots and all(0 <= module < self.n_candidates for module in known),
            f"selection={tuple(known)}; allowed are {self.n_slots} modules from 0 to "
            f"{self.n_candidates - 1}",
        )
        choice = torch.zeros(self.n_slots, self.n_candidates)
        choice[torch.arange(self.n_slots), torch.tensor(known)] = 1.0
        return choice

    def forward(
        self,
        temperature: Tensor | float = 1.0,
        noise: Tensor | None = None,
        task: Tensor | None = None,
    ) -> Tensor:
        """The choice of modules.

        Parameters
        ----------
        temperature : float, > 0, no unit
        noise : Tensor, shape (noise_size, row or 1), optional
        task : Tensor, shape (task, row), optional

        Returns
        -------
        Tensor, shape (slot, module, row or 1)
            One-hot over modules.
        """
        if self.known:
            return choice_of_rows(self.choice, task)
        chosen = self.one_of(self._noisy(noise), temperature)
        return choice_of_rows(chosen.transpose(0, 1), task)

    def fill(self, task: int = 0) -> list[int]:
        """[slot] -> the module that fills it now; without noise."""
        return self.of_task(task).argmax(dim=1 if self.known else 0).tolist()
