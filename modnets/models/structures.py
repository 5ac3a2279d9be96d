"""Routing and selection of many networks of one shape, as arrays with a leading run axis.

``ModularNetwork.structure`` gives them for one network as lists; here they are computed for all
runs of a chunk at once, fast enough to be recorded at every evaluation of every run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from modnets.models.modular import ModularNetwork
from modnets.models.routing import Routing, Selection

#: Parameters by name, each with a leading run axis.
Parameters = Mapping[str, Tensor]
#: Source of an input of a slot that reads nothing.
NOTHING = -1
#: A slot as (level, slot); level 0 is the first above the inputs.
Slot = tuple[int, int]


@dataclass(frozen=True)
class Structures:
    """Routing, output routing and selection of many networks of one shape.

    Parameters
    ----------
    routing : tuple of ndarray of int, shape (run, task, slot, position), one for each level
        Sources: indices into the level below, or NOTHING.
    outputs : ndarray of int, shape (run, task, output)
        Indices into ``readable``.
    readable : tuple of (level, slot)
        The slots that outputs can be read from.
    selection : tuple of ndarray of int, shape (run, task, slot), one for each level, optional
        Modules of the shared pool; None for own modules.
    images : dict of ndarray
        Of networks that read images: ``image_routing``, shape (run, slot, 1), and
        ``image_selection``, shape (run, slot).
    """

    routing: tuple[np.ndarray, ...]
    outputs: np.ndarray
    readable: tuple[Slot, ...]
    selection: tuple[np.ndarray, ...] | None = None
    images: Mapping[str, np.ndarray] | None = None

    @property
    def n_runs(self) -> int:
        """Length of the run axis."""
        return len(self.outputs)

    @property
    def n_tasks(self) -> int:
        """Length of the task axis."""
        return self.outputs.shape[1]

    @property
    def slots(self) -> tuple[int, ...]:
        """Slots in each level."""
        return tuple(level.shape[2] for level in self.routing)

    def of(self, runs: slice | np.ndarray) -> Structures:
        """Those of some of the runs."""
        selection = self.selection and tuple(level[runs] for level in self.selection)
        images = self.images and {name: array[runs] for name, array in self.images.items()}
        routing = tuple(level[runs] for level in self.routing)
        return replace(
            self, routing=routing, outputs=self.outputs[runs], selection=selection, images=images
        )

    def is_output(self, level: int, task: int) -> np.ndarray:
        """Which slots of a level are read as an output, shape (run, slot)."""
        ends = np.array(self.readable)[self.outputs[:, task]]  # (run, output, level and slot)
        slots = np.arange(self.slots[level])
        here = (ends[..., 0] == level)[..., None] & (ends[..., 1:] == slots)
        return here.any(axis=1)

    def used(self, task: int, n_inputs: int) -> list[np.ndarray]:
        """Which inputs, and which slots of each level, have a path to an output.

        Returns
        -------
        list of ndarray of bool, shape (run, node)
        """
        rows = [np.zeros((self.n_runs, size), dtype=bool) for size in (n_inputs, *self.slots)]
        for level in reversed(range(len(self.slots))):
            rows[level + 1] |= self.is_output(level, task)
            sources = self.routing[level][:, task]
            run, slot, position = np.nonzero(rows[level + 1][:, :, None] & (sources != NOTHING))
            rows[level][run, sources[run, slot, position]] = True
        return rows

    def edges(self, task: int, n_inputs: int) -> list[np.ndarray]:
        """The edges from the level below to each used slot.

        Returns
        -------
        list of ndarray of bool, shape (run, slot, node of the level below), one for each level
        """
        levels = []
        for level, (below, above) in enumerate(pairwise(self.used(task, n_inputs))):
            sources = self.routing[level][:, task]
            edges = np.zeros((*above.shape, below.shape[1]), dtype=bool)
            run, slot, position = np.nonzero(above[:, :, None] & (sources != NOTHING))
            edges[run, slot, sources[run, slot, position]] = True
            levels.append(edges)
        return levels

    def plain(self) -> list[dict[str, Any]]:
        """For each run the lists that ``ModularNetwork.structure`` gives."""
        choices: dict[str, list[Any]] = {"routing": [level.tolist() for level in self.routing]}
        if self.selection is not None:
            choices["selection"] = [level.tolist() for level in self.selection]
        outputs, structures = self.outputs.tolist(), []
        images = {name: array.tolist() for name, array in (self.images or {}).items()}
        gaps = any((level == NOTHING).any() for level in self.routing)
        for run in range(self.n_runs):
            by_level = {name: [level[run] for level in levels] for name, levels in choices.items()}
            by_task: dict[str, Any] = {
                name: [list(task) for task in zip(*levels, strict=True)]
                for name, levels in by_level.items()
            }
            if gaps:
                by_task["routing"] = [_without_gaps(task) for task in by_task["routing"]]
            by_task["outputs"] = outputs[run]
            if self.n_tasks == 1:
                by_task = {name: tasks[0] for name, tasks in by_task.items()}
            structures.append(by_task | {name: array[run] for name, array in images.items()})
        return structures

    @classmethod
    def from_plain(
        cls, structures: Sequence[Mapping[str, Any]], *, n_tasks: int = 1, every_level: bool = False
    ) -> Structures:
        """The arrays from the lists that ``plain`` gives, for runs of one shape.

        Parameters
        ----------
        structures : sequence of dict
        n_tasks : int
        every_level : bool
            Whether outputs are read from the slots of all levels.
        """

        def tasks(one: Mapping[str, Any], name: str) -> Sequence[Any]:
            return one[name] if n_tasks > 1 else [one[name]]

        def levels(name: str) -> tuple[np.ndarray, ...]:
            per_level = zip(
                *(zip(*tasks(one, name), strict=True) for one in structures), strict=True
            )
            return tuple(_padded(list(level)) for level in per_level)

        routing = levels("routing")
        return cls(
            routing,
            np.array([tasks(one, "outputs") for one in structures]),
            readable_slots([level.shape[2] for level in routing], every_level),
            levels("selection") if "selection" in structures[0] else None,
        )


def structures(
    network: ModularNetwork, parameters: Parameters, buffers: Parameters | None = None
) -> Structures:
    """The current routing and selection of networks of one shape, without noise.

    Parameters
    ----------
    network : ModularNetwork
        Gives their shape; its own weights are not used.
    parameters : dict of Tensor, shape (run, ...)
        By the names of ``network.named_parameters()``.
    buffers : dict of Tensor, shape (run, ...), optional
        The known choices of each run, by the names of ``network.named_buffers()``; by default all
        know what the network knows.

    Returns
    -------
    Structures
    """
    n_runs = len(next(iter(parameters.values())))
    buffers = buffers or {}

    def read(choice: Routing | Selection, name: str) -> np.ndarray:
        if not choice.known:
            return _read(choice, parameters[f"{name}.logits"])
        known = _known(choice, buffers.get(f"{name}.choice", choice.choice[None]))
        return np.broadcast_to(known, (n_runs, *known.shape[1:]))

    level = network.image_level
    images = {} if level is None else {"image_routing": read(level.routing, "image_level.routing")}
    if level is not None and level.shared:
        images["image_selection"] = np.zeros((n_runs, 1, level.n_slots), int)
        if level.selection is not None:
            images["image_selection"] = read(level.selection, "image_level.selection")
    selection = network.selection if network.shared else ()
    return Structures(
        tuple(read(choice, f"routing.{n}") for n, choice in enumerate(network.routing)),
        read(network.output_routing, "output_routing")[:, :, 0],
        readable_slots(network.slots, network.every_level),
        tuple(read(c, f"selection.{n}") for n, c in enumerate(selection)) or None,
        {name: array[:, 0] for name, array in images.items()},
    )


def parameters_of(network: nn.Module) -> dict[str, Tensor]:
    """The parameters of one network with a run axis of 1."""
    return {name: value.detach()[None] for name, value in network.named_parameters()}


def readable_slots(slots: Sequence[int], every_level: bool) -> tuple[Slot, ...]:
    """The slots that outputs can be read from, in the order of the output routing's sources."""
    first = 0 if every_level else len(slots) - 1
    return tuple(
        (level, slot) for level in range(first, len(slots)) for slot in range(slots[level])
    )


def _known(choice: Routing | Selection, one_hot: Tensor) -> np.ndarray:
    """A known choice, as :func:`_read` gives a learned one.

    Parameters
    ----------
    choice : Routing or Selection
    one_hot : Tensor, shape (run, slot, [position], candidate, [task], 1)
    """
    one_hot = one_hot[..., 0] if choice.task_axis else one_hot
    if isinstance(choice, Selection):
        return one_hot.argmax(dim=2).transpose(1, 2).cpu().numpy()
    sources = torch.where(one_hot.any(dim=3), one_hot.argmax(dim=3), NOTHING)
    return sources.permute(0, 3, 1, 2).cpu().numpy()


def _read(choice: Routing | Selection, logits: Tensor) -> np.ndarray:
    """A learned choice: routing (run, task, slot, position), selection (run, task, slot).

    Parameters
    ----------
    choice : Routing or Selection
    logits : Tensor, shape (run, candidate, slot, [task])
    """
    if not choice.task_axis:
        logits = logits[..., None]
    if isinstance(choice, Routing):
        sources = choice.sources_by(logits.permute(1, 2, 0, 3))  # (position, slot, run, task)
        return sources.permute(2, 3, 1, 0).cpu().numpy()
    return logits.argmax(dim=1).transpose(1, 2).cpu().numpy()


def _padded(lists: Sequence[Any], arity: int = 0) -> np.ndarray:
    """Lists of [run][task][slot][position] as an array, padded by NOTHING to at least an arity."""
    if isinstance(lists[0][0][0], int):  # a selection
        return np.array(lists, dtype=int)
    sizes = {len(sources) for run in lists for task in run for sources in task}
    most = max(arity, *sizes)
    if sizes == {most}:
        return np.array(lists, dtype=int)
    padding = [NOTHING] * most
    padded = [[[(*s, *padding)[:most] for s in task] for task in run] for run in lists]
    return np.array(padded, dtype=int)


def _without_gaps(levels: Sequence[Any]) -> list[Any]:
    return [[[s for s in sources if s != NOTHING] for sources in level] for level in levels]
