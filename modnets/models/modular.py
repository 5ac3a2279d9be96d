"""Hierarchically modular networks: levels of slots, each filled by a small module.

A slot reads a few outputs of the level below (routing) and computes a module of them: its own one,
or one of a pool that all slots of all levels share (selection).  A last choice takes the outputs
from the last level.  Routing, selection and outputs are each known or learned.

Values are shaped (source, row), and module arithmetic is written as multiply and sum: matrices of
2 x 12 are too small for a library's matrix products, and a compiler makes loops of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from modnets.errors import require
from modnets.models.routing import Routing, Selection

Layers = list[tuple[Tensor, Tensor]]


class Modules(nn.Module):
    """Small MLPs of one shape, their weights stacked.

    Parameters
    ----------
    count : int
        How many modules.
    arch : sequence of int
        Units of each layer, as in ``(2, 12, 1)``.
    """

    def __init__(self, count: int, arch: Sequence[int]) -> None:
        super().__init__()
        self.count, self.arch = count, tuple(arch)
        self.weight, self.bias = nn.ParameterList(), nn.ParameterList()
        for n_in, n_out in pairwise(arch):
            self.weight.append(torch.empty(count, n_out, n_in))
            self.bias.append(torch.empty(count, n_out))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw weights and biases anew, as those of nn.Linear are drawn."""
        for weight, bias in self.layers():
            bound = weight.shape[-1] ** -0.5
            weight.uniform_(-bound, bound)
            bias.uniform_(-bound, bound)

    def layers(self) -> Layers:
        """Weight, shape (module, out, in), and bias, shape (module, out), of each layer."""
        return list(zip(self.weight, self.bias, strict=True))

    def layers_of(self, choice: Tensor) -> Layers:
        """The same with a slot axis in place of modules, from a choice (slot, module)."""
        return [
            ((choice[..., None, None] * weight).sum(dim=1), (choice[..., None] * bias).sum(dim=1))
            for weight, bias in self.layers()
        ]


def compute(layers: Layers, x: Tensor) -> Tensor:
    """The output of modules.

    Parameters
    ----------
    layers : list of (weight, shape (module, out, in), and bias, shape (module, out))
    x : Tensor, shape (..., module or 1, in, row)

    Returns
    -------
    Tensor, shape (..., module, row)
    """
    for number, (weight, bias) in enumerate(layers):
        x = x if number == 0 else F.relu(x)
        x = (weight[..., None] * x[..., None, :, :]).sum(dim=-2) + bias[..., None]
    return x[..., 0, :]


class ModularNetwork(nn.Module):
    """A hierarchically modular network.

    Parameters
    ----------
    n_inputs, n_outputs : int
    slots : sequence of int
        Slots in each level.
    module_arch : sequence of int
        Units of a module's layers: the first is the arity, the last is 1.
    n_shared : int, optional
        Size of the shared pool; without it each slot has a module of its own.
    routing : sequence of [slot] -> sources, one for each level, optional
        Known routing; learned without it.
    selection : sequence of [slot] -> module, one for each level, optional
        Known selection from the shared pool; learned without it.
    outputs : sequence of int, optional
        Known output choice, places in the last level; learned without it.

    Raises
    ------
    ValueError
        If a level, slot or output is given that is not there, or a module has several outputs.
    """

    #: Which learning rate of a run's config each part takes; the others take ``lr``.
    learning_rates: ClassVar[Mapping[str, str]] = {
        "routing": "lr_routing",
        "readout": "lr_routing",
        "selection": "lr_selection",
    }

    def __init__(
        self,
        n_inputs: int,
        slots: Sequence[int],
        n_outputs: int,
        module_arch: Sequence[int] = (2, 12, 1),
        *,
        n_shared: int | None = None,
        routing: Sequence[Sequence[Sequence[int]]] | None = None,
        selection: Sequence[Sequence[int]] | None = None,
        outputs: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        require(module_arch[-1] == 1, f"module_arch={tuple(module_arch)}; allowed is 1 output")
        for name, known in (("routing", routing), ("selection", selection)):
            require(
                known is None or len(known) == len(slots),
                f"{name} has {len(known or ())} levels; allowed are the {len(slots)} of {slots}",
            )
        require(
            outputs is None or len(outputs) == n_outputs,
            f"outputs={outputs}; allowed are {n_outputs} places of the last level",
        )
        self.n_inputs, self.slots, self.n_outputs = n_inputs, tuple(slots), n_outputs
        self.shared = n_shared is not None
        arity = module_arch[0]
        known_routing = routing or [None] * len(self.slots)
        self.routing = nn.ModuleList(
            Routing(n_sources, n_slots, arity, known)
            for n_sources, n_slots, known in zip(
                (n_inputs, *self.slots), self.slots, known_routing, strict=False
            )
        )
        self.readout = Routing(self.slots[-1], 1, n_outputs, None if outputs is None else [outputs])
        if self.shared:
            self.pools = nn.ModuleList([Modules(n_shared, module_arch)])
            known_selection = selection or [None] * len(self.slots)
            self.selection = nn.ModuleList(
                Selection(n_shared, n_slots, known)
                for n_slots, known in zip(self.slots, known_selection, strict=True)
            )
        else:
            self.pools = nn.ModuleList(Modules(n_slots, module_arch) for n_slots in self.slots)

    def reset_parameters(self) -> None:
        """Draw all parameters anew, in the order in which they were drawn first."""
        selection = self.selection if self.shared else ()
        for part in (*self.routing, self.readout, *self.pools, *selection):
            part.reset_parameters()

    def choices(self) -> list[Routing | Selection]:
        """Every choice, in the order in which they take their part of the noise."""
        return [*self.routing, *(self.selection if self.shared else ()), self.readout]

    @property
    def noise_size(self) -> int:
        """How many logits take Gumbel noise."""
        return sum(choice.noise_size for choice in self.choices())

    def forward(
        self,
        x: Tensor,
        task: Tensor | None = None,
        *,
        temperature: Tensor | float = 1.0,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Logits of the outputs.

        Parameters
        ----------
        x : Tensor, shape (row, input)
        task : None
            One task; here for the contract that all models share.
        temperature : float, > 0, no unit
            Divides the logits of learned choices in training.
        noise : Tensor, shape (noise_size,) or (noise_size, row), optional
            Gumbel noise for the logits of learned choices, in training: one draw, or one per row.

        Returns
        -------
        Tensor, shape (row, output)
        """
        choices = self.choices()
        if noise is None:
            parts = [None] * len(choices)
        else:
            noise = noise.reshape(self.noise_size, -1)
            parts = noise.split([choice.noise_size for choice in choices])
        chosen = [choice(temperature, part) for choice, part in zip(choices, parts, strict=True)]
        values = x.T
        for level in range(len(self.slots)):
            selection = chosen[len(self.slots) + level] if self.shared else None
            values = self._level(level, read(chosen[level], values), selection)
        return read(chosen[-1], values)[0].T

    def structure(self) -> dict[str, list]:
        """What the network reads and uses now, noise aside, as plain lists.

        Returns
        -------
        dict
            ``routing`` [level][slot] -> sources, ``selection`` [level][slot] -> module of the
            shared pool (absent for own modules), ``outputs`` -> places in the last level.
        """
        found = {"routing": [level.read() for level in self.routing]}
        if self.shared:
            found["selection"] = [level.fill() for level in self.selection]
        return found | {"outputs": list(self.readout.read()[0])}

    def _level(self, level: int, x: Tensor, selection: Tensor | None) -> Tensor:
        """Values, shape (slot, row), from what the slots read, shape (slot, place, row)."""
        if not self.shared:
            return compute(self.pools[level].layers(), x)
        if self.selection[level].known:
            return compute(self.pools[0].layers_of(selection[..., 0]), x)
        every = compute(self.pools[0].layers(), x[:, None])  # (slot, module, row)
        return (selection * every).sum(dim=1)


def read(choice: Tensor, values: Tensor) -> Tensor:
    """What each place of each slot reads.

    Parameters
    ----------
    choice : Tensor, shape (slot, place, source, row or 1)
    values : Tensor, shape (source, row)

    Returns
    -------
    Tensor, shape (slot, place, row)
    """
    return (choice * values).sum(dim=2)
