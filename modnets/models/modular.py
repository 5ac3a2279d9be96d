"""Hierarchically modular networks: levels of slots, each filled by a small module.

A slot reads a few outputs of the level below (routing) and applies a module to them: its own one,
or one of a pool that all slots of all levels share (selection).  Output routing reads the outputs
from the last level.  Routing, selection and output routing are each known or learned.  Of several
tasks learned at once each has its own choices, and all use the same modules; if inputs are images,
a level of image modules comes first.

What a module gives to the level above is a *signal*: one value or several, its *channels*, as they
are or as bits.  Inputs are channel 0 of signals that are zero else, and outputs are channel 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from modnets.checked import checked
from modnets.errors import require
from modnets.models.hard_choices import binarised
from modnets.models.images import ImageLevel
from modnets.models.modules import Modules, compute, read
from modnets.models.routing import Choice, Known, Routing, Selection
from modnets.models.set_routing import SetRouting, mixed


class ModularNetwork(nn.Module):
    """A hierarchically modular network.

    Parameters
    ----------
    n_inputs, n_outputs : int
        With images, ``n_inputs`` is the number of values that the image level gives.
    slots : sequence of int
        Slots in each level.
    module_arch : sequence of int
        Units of each layer of a module whose signals are single values: the first is the arity, the
        last is 1.
    n_shared : int, optional
        Size of the shared pool; by default each slot has a module of its own.
    routing : sequence of [slot] -> sources, one for each level, optional
        Known routing; by default learned.
    selection : sequence of [slot] -> module, one for each level, optional
        Known selection from the shared pool; by default learned.
    outputs : sequence of int, optional
        Known output routing, indices of slots in the last level; by default learned.
    n_tasks : int
        Tasks learned at once; known choices are then [task] -> ...
    every_level : bool
        Read outputs from the slots of all levels; else from those of the last level.
    image_level : ImageLevel, optional
        Computes the inputs of the first level from images.
    routing_type, selection_type : type
        Classes of the learned choices of sources and of modules.
    output_type : type, optional
        Class of the learned output routing; by default that of the choices of sources.
    fixed : bool
        Whether learned choices stay as they are before the first step.
    signal_size : int
        Values of a signal: modules have that many inputs for each slot that they read, and that
        many outputs.
    binary_signals : bool
        Whether a signal is 1 where the module's output is above 0, else 0, with the gradient of a
        sigmoid (straight-through); outputs of the network stay as they are.

    Raises
    ------
    ValueError
        If a known choice has a level, slot or source that does not exist, or a module has several
        outputs.
    """

    routing: Sequence[Routing]  # an nn.ModuleList, as the next two
    selection: Sequence[Selection]  # if modules are shared
    pools: Sequence[Modules]

    #: Attribute -> the setting with its learning rate; all others have ``lr``.
    learning_rates: ClassVar[Mapping[str, str]] = {
        "routing": "lr_routing",
        "output_routing": "lr_routing",
        "selection": "lr_selection",
    }

    @checked
    def __init__(
        self,
        n_inputs: int,
        slots: Sequence[int],
        n_outputs: int,
        module_arch: Sequence[int] = (2, 12, 1),
        *,
        n_shared: int | None = None,
        routing: Known | None = None,
        selection: Known | None = None,
        outputs: Known | None = None,
        n_tasks: int = 1,
        every_level: bool = False,
        image_level: ImageLevel | None = None,
        routing_type: type[Routing] = Routing,
        selection_type: type[Selection] = Selection,
        output_type: type[Routing] | None = None,
        fixed: bool = False,
        signal_size: int = 1,
        binary_signals: bool = False,
    ) -> None:
        super().__init__()
        require(module_arch[-1] == 1, f"module_arch={tuple(module_arch)}; allowed is 1 output")
        self.n_inputs, self.slots, self.n_outputs = n_inputs, tuple(slots), n_outputs
        self.n_tasks, self.every_level, self.shared = n_tasks, every_level, n_shared is not None
        self.image_level, self.arity = image_level, module_arch[0]
        self.signal_size, self.binary_signals = signal_size, binary_signals
        arch = (self.arity * signal_size, *module_arch[1:-1], signal_size)
        known_routing = self._by_level("routing", routing)
        known_selection = self._by_level("selection", selection)
        routing_levels = [
            routing_type(n_sources, n_slots, self.arity, known, n_tasks)
            for n_sources, n_slots, known in zip(
                (n_inputs, *self.slots), self.slots, known_routing, strict=False
            )
        ]
        self.routing = cast("Sequence[Routing]", nn.ModuleList(routing_levels))
        self.output_routing = self._make_output_routing(outputs, output_type or routing_type)
        counts = self.slots if n_shared is None else [n_shared]
        pools = [Modules(count, arch) for count in counts]
        self.pools = cast("Sequence[Modules]", nn.ModuleList(pools))
        if n_shared is not None:
            selection_levels = [
                selection_type(n_shared, n_slots, known, n_tasks)
                for n_slots, known in zip(self.slots, known_selection, strict=True)
            ]
            self.selection = cast("Sequence[Selection]", nn.ModuleList(selection_levels))
        for choice in self.choices():
            choice.fixed = fixed and not choice.known
        self.known = (routing, selection, outputs)

    def know(
        self,
        *,
        routing: Known | None = None,
        selection: Known | None = None,
        outputs: Known | None = None,
    ) -> None:
        """Take the known choices of another graph of the same widths, given as at the start."""
        if self.known == (routing, selection, outputs):
            return
        self.known = (routing, selection, outputs)
        levels: list[tuple[Sequence[Choice], Known | None]] = [(self.routing, routing)]
        levels += [(self.selection, selection)] if self.shared else []
        for choices, known in levels:
            for choice, one in zip(choices, self._by_level("known choices", known), strict=True):
                if one is not None:
                    choice.know(one)
        if outputs is not None:
            self.output_routing.know(self._known_outputs(outputs))

    def _by_level(self, name: str, known: Known | None) -> list[Known | None]:
        """The known choice of each level, of several tasks [level][task]; None if it is learned."""
        if known is None:
            return [None] * len(self.slots)
        for levels in known if self.n_tasks > 1 else [known]:
            require(
                len(levels) == len(self.slots),
                f"{name} has {len(levels)} levels; allowed are the {len(self.slots)} of "
                f"{self.slots}",
            )
        return list(zip(*known, strict=True)) if self.n_tasks > 1 else list(known)

    def _make_output_routing(self, outputs: Known | None, kind: type[Routing]) -> Routing:
        """The routing of the outputs."""
        n_sources = sum(self.slots) if self.every_level else self.slots[-1]
        known = None if outputs is None else self._known_outputs(outputs)
        return kind(n_sources, 1, self.n_outputs, known, self.n_tasks)

    def _known_outputs(self, outputs: Known) -> Known:
        """Known outputs as the routing of one slot."""
        tasks = outputs if self.n_tasks > 1 else [outputs]
        require(
            all(len(slots) == self.n_outputs for slots in tasks),
            f"outputs={outputs}; allowed are {self.n_outputs} places of the last level",
        )
        return [[slots] for slots in tasks] if self.n_tasks > 1 else [outputs]

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Read a state dict; in older ones the output routing is called ``readout``."""
        old, new = f"{prefix}readout.", f"{prefix}output_routing."
        for name in [name for name in state_dict if name.startswith(old)]:
            state_dict.setdefault(new + name.removeprefix(old), state_dict.pop(name))
        super()._load_from_state_dict(state_dict, prefix, *args)

    def reset_parameters(self) -> None:
        """Draw all parameters anew, in the order in which they were drawn first."""
        selection = self.selection if self.shared else ()
        first = () if self.image_level is None else (self.image_level,)
        for module in (*first, *self.routing, self.output_routing, *self.pools, *selection):
            module.reset_parameters()

    def choices(self) -> list[Routing | Selection]:
        """All choices, in the order of their shares of the noise."""
        selection = self.selection if self.shared else ()
        choices: list[Routing | Selection] = [*self.routing, *selection, self.output_routing]
        return choices if self.image_level is None else [*choices, *self.image_level.choices()]

    def choose(self, structure: Mapping[str, Any]) -> None:
        """Make learned choices those of a structure, as :meth:`structure` gives it; no images."""
        for task in range(self.n_tasks):
            of = {name: one[task] if self.n_tasks > 1 else one for name, one in structure.items()}
            for routing, slots in zip(self.routing, of["routing"], strict=True):
                routing.choose(slots, task)
            if self.shared:
                for selection, modules in zip(self.selection, of["selection"], strict=True):
                    selection.choose([[module] for module in modules], task)
            self.output_routing.choose([of["outputs"]], task)

    @property
    def noise_size(self) -> int:
        """Number of logits that take Gumbel noise."""
        return sum(choice.noise_size for choice in self.choices())

    def forward(
        self,
        x: Tensor,
        *,
        temperature: Tensor | float = 1.0,
        noise: Tensor | None = None,
    ) -> Tensor:
        """Logits of the outputs.

        Parameters
        ----------
        x : Tensor, shape (row, input)
            With several tasks (row, input + task): the one-hot task id follows the inputs.  With
            images (row, image x pixel).
        temperature : float, > 0, no unit
            Divides the logits of learned choices in training.
        noise : Tensor, shape (noise_size,) or (noise_size, row), optional
            Gumbel noise for the logits of learned choices, in training: one draw, or one per row.

        Returns
        -------
        Tensor, shape (row, output)
        """
        values, task = x.T, None
        if self.n_tasks > 1:
            values, task = values[: self.n_inputs], values[self.n_inputs :]
        chosen = self._choose(temperature, noise, task)
        n_levels = len(chosen)
        if self.image_level is not None:
            n_levels -= len(self.image_level.choices())
            values = self._signals(self.image_level(x, *chosen[n_levels:]))
        every = []
        for level in range(len(self.slots)):
            selection = chosen[len(self.slots) + level] if self.shared else None
            values = self._level(level, values, chosen[level], selection)
            every.append(values if self.signal_size == 1 else values[0])
            values = self._signals(values)
        last = torch.cat(every) if self.every_level else every[-1]
        return read(chosen[n_levels - 1], last)[0].T

    def _signals(self, values: Tensor) -> Tensor:
        """What a level gives to the one above, from the outputs of its modules."""
        return binarised(values) if self.binary_signals else values

    def _choose(
        self, temperature: Tensor | float, noise: Tensor | None, task: Tensor | None
    ) -> list[Tensor]:
        """The value of each choice, in the order of ``choices``."""
        choices = self.choices()
        shares: Sequence[Tensor | None] = [None] * len(choices)
        if noise is not None:
            noise = noise.reshape(self.noise_size, -1)
            shares = noise.split([choice.noise_size for choice in choices])
        return [
            choice(temperature, share, task) for choice, share in zip(choices, shares, strict=True)
        ]

    def structure(self) -> dict[str, list]:
        """The current routing, selection and output routing, without noise, as lists.

        Returns
        -------
        dict
            ``routing`` [level][slot] -> sources, ``selection`` [level][slot] -> module of the
            shared pool (absent for own modules), ``outputs`` -> indices of slots in the last level,
            or in all levels.  Of several tasks each is a list by task.  With images also
            ``image_routing`` and ``image_selection``.
        """
        tasks = [self._structure_of(task) for task in range(self.n_tasks)]
        structure = tasks[0]
        if self.n_tasks > 1:
            structure = {name: [one[name] for one in tasks] for name in structure}
        return structure if self.image_level is None else structure | self.image_level.structure()

    def _structure_of(self, task: int) -> dict[str, list]:
        structure: dict[str, list] = {"routing": [level.read(task) for level in self.routing]}
        if self.shared:
            structure["selection"] = [level.fill(task) for level in self.selection]
        return structure | {"outputs": list(self.output_routing.read(task)[0])}

    def _level(
        self, level: int, values: Tensor, routing: Tensor, selection: Tensor | None
    ) -> Tensor:
        """Outputs of a level, shape ([channel], slot, row), from signals below and its choices."""
        choice, pool = self.routing[level], self.pools[0 if self.shared else level]
        if isinstance(choice, SetRouting) and not choice.known:
            return mixed(pool.layers(), choice.inputs(values), routing, selection)
        x = read(routing, values)  # (slot, [channel x] position, row)
        if selection is None:
            return compute(pool.layers(), x)
        filled = self.selection[level]
        if (filled.known or filled.fixed) and self.n_tasks == 1:
            return compute(pool.layers_of(selection[..., 0]), x)
        every = compute(pool.layers(), x[:, None])  # ([channel], slot, module, row)
        return (selection * every).sum(dim=-2)
