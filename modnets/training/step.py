"""One training step and one evaluation of one network, as functions of flat parameters.

A network is an ordinary ``nn.Module``.  ``torch.func`` gives its gradient; its parameters and the
optimizer's state are one flat row.  How many replicas run these functions is decided elsewhere:
see ``backends``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.func import functional_call, grad

from modnets.compiler.compiled import CompiledFunctions, Function, compile_functions
from modnets.compiler.tracing import TensorSpec
from modnets.models import registry
from modnets.models.user_networks import Findings
from modnets.source_files import source_digest
from modnets.tasks.truth_tables import DONT_CARE
from modnets.training.optimizers import OPTIMIZERS

#: Where the code of a step and of the networks of modnets begins; machine code is kept for it.
MADE_FROM = (Path(__file__), Path(registry.__file__))


class TrainingStep:
    """The step and the evaluation of one network.

    Parameters
    ----------
    network : nn.Module
        Where the shapes and the arithmetic come from; its weights are not used.
    optimizer : str
    loss : "bce" or "mse"
    device : torch.device
    known_as : str, optional
        Stands for all of this, where the network is one of modnets' own.
    findings : Findings, optional
        What a network of a person's own is like; its parameters without gradient count as buffers.
    dont_cares : bool
        Whether outputs may be DONT_CARE; those are left out of the loss and count as right.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: str,
        loss: str,
        device: torch.device,
        known_as: str | None = None,
        findings: Findings | None = None,
        dont_cares: bool = False,
    ) -> None:
        self.network, self.findings = network.to(device), findings
        untrained = findings.untrained if findings else frozenset()
        trained = {n: p for n, p in network.named_parameters() if n not in untrained}
        self.names = list(trained)
        self.shapes = [p.shape for p in trained.values()]
        self.sizes = [p.numel() for p in trained.values()]
        #: What no step changes: shapes of buffers, and of parameters without gradient.
        self.buffers = {n: tuple(b.shape) for n, b in self.buffers_of(network).items()}
        self.optimizer = optimizer
        self.direction, self.n_states = OPTIMIZERS[optimizer]
        self.loss = {"bce": bce, "mse": mse}[loss]
        self.known_as, self.dont_cares = known_as, dont_cares
        self.graphs: dict[Any, fx.GraphModule] = {}
        self.machines: dict[str, CompiledFunctions] = {}
        self.refused = False  # whether there can be no machine code
        #: Backend -> why it does not train a person's own network as a plain loop does, if so.
        self.tried: dict[str, str | None] = {}
        self.by_itself_said: str | None = None
        self.takes = taken_by(network)

    def buffers_of(self, network: nn.Module) -> dict[str, Tensor]:
        """Buffers, and parameters without gradient, of a network of this program."""
        trained = set(self.names)
        frozen = {n: p.detach() for n, p in network.named_parameters() if n not in trained}
        return dict(network.named_buffers()) | frozen

    def rate_of(self, name: str) -> str:
        """The setting that a parameter takes its learning rate from, ``lr`` but for choices."""
        rates = getattr(self.network, "learning_rates", {})
        return next((rates[part] for part in name.split(".") if part in rates), "lr")

    def parameters_of(self, network: nn.Module) -> Tensor:
        """The trained parameters of a network in one row, shape (parameter,)."""
        named = dict(network.named_parameters())
        return torch.cat([named[name].detach().reshape(-1) for name in self.names])

    def machine(self, functions: Sequence[Function]) -> CompiledFunctions:
        """Machine code of functions of this program; made at the first call."""
        name = " ".join(repr(one.inputs) for one in functions)
        if name not in self.machines:
            known_as = None
            if self.known_as is not None:  # no code of a person's own
                known_as = f"{self.known_as} {name} {source_digest(*MADE_FROM)}"
            self.machines[name] = compile_functions(functions, known_as)
        return self.machines[name]

    def step_inputs(self, batch: tuple[TensorSpec | None, ...], n_rates: int) -> tuple[Any, ...]:
        """The shapes of what ``step`` takes.

        Parameters
        ----------
        batch : as ``Batches.inputs``
        n_rates : int
            Learning rates of a replica: one, or one for each parameter.
        """
        one, number = TensorSpec((sum(self.sizes),)), TensorSpec(())
        buffers = {name: TensorSpec(shape) for name, shape in self.buffers.items()}
        step_scale = (number, TensorSpec((2,), uniform=True))
        hyperparameters = (buffers, number, TensorSpec((n_rates,)), number)
        return one, [one] * self.n_states, batch, step_scale, hyperparameters

    def unflatten(self, flat: Tensor) -> dict[str, Tensor]:
        """Parameters by name from one row, shape (parameter,), or from many, (run, parameter)."""
        parts = zip(self.names, flat.split(self.sizes, dim=-1), self.shapes, strict=True)
        return {name: part.reshape((*flat.shape[:-1], *shape)) for name, part, shape in parts}

    def _forward(self, flat: Tensor, buffers: dict, x: Tensor, **keywords: Any) -> Tensor:
        keywords = {name: value for name, value in keywords.items() if name in self.takes}
        return functional_call(self.network, (self.unflatten(flat), buffers), (x,), keywords)

    def _mean_loss(self, flat, buffers, x, y, weight, temperature, noise) -> Tensor:
        keywords = {"temperature": temperature} | ({} if noise is None else {"noise": noise})
        return self.mean_loss(self._forward(flat, buffers, x, **keywords), y, weight)

    def mean_loss(self, logits: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """The loss of some rows, weighted; weights of shape (row,) add up to 1."""
        return (self._loss_of_rows(logits, y) * weight).sum()

    def _loss_of_rows(self, logits: Tensor, y: Tensor) -> Tensor:
        """Mean over the outputs of each row; a don't-care has no loss."""
        loss = self.loss(logits, y)
        return (loss * (y < DONT_CARE).to(loss.dtype) if self.dont_cares else loss).mean(dim=-1)

    def step(
        self,
        flat: Tensor,
        states: list[Tensor],
        batch: tuple[Tensor, Tensor, Tensor, Tensor | None],
        step_scale: tuple[Tensor, Tensor],
        hyperparameters: tuple[dict[str, Tensor], Tensor, Tensor, Tensor],
        gradient: Callable[..., Callable[..., Tensor]] = grad,
    ) -> tuple[Tensor, list[Tensor]]:
        """Parameters and optimizer states after one step.

        Parameters
        ----------
        flat : Tensor, shape (parameter,)
        states : list of Tensor, shape (parameter,)
        batch : x (row, input), y (row, output), weight (row,), noise (noise_size,) or None
        step_scale : factor of the learning rates (), Adam's corrections (2,)
        hyperparameters : buffers, temperature (), learning rates (parameter or 1,), weight decay ()
        gradient : a function -> its gradient by its first argument
        """
        self.network.train()
        x, y, weight, noise = batch
        factor, correction = step_scale
        buffers, temperature, lr, decay = hyperparameters
        grads = gradient(self._mean_loss)(flat, buffers, x, y, weight, temperature, noise)
        direction, states = self.direction(grads + decay * flat, states, correction)
        return flat - lr * factor * direction, states

    def evaluate(
        self, flat: Tensor, buffers: dict[str, Tensor], x: Tensor, y: Tensor, parts: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """How good the network is on some rows; no temperature, no noise.

        Parameters
        ----------
        flat : Tensor, shape (parameter,)
        buffers : dict of Tensor
        x, y : Tensor, shape (row, input) and (row, output)
        parts : Tensor, shape (part, row)
            1 where a row belongs to a part.

        Returns
        -------
        Tensor, shape (part,)
            Sums over the rows of each part: of the loss, of the share of right bits, and of the
            rows with every bit right.
        Tensor, shape (row, output)
            Logits.
        """
        self.network.eval()
        return self.scores(self._forward(flat, buffers, x), y, parts)

    def scores(
        self, logits: Tensor, y: Tensor, parts: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """How good logits are; see :meth:`evaluate`."""
        right = ((logits > 0) == (y > 0.5)).to(logits.dtype)
        loss, bits, rows = self._loss_of_rows(logits, y), right, right
        if self.dont_cares:
            cared = (y < DONT_CARE).to(logits.dtype)
            bits, rows = right * cared, torch.maximum(right, 1.0 - cared)
        found = loss, bits.mean(dim=1), rows.amin(dim=1)
        return *(parts @ measure for measure in found), logits


def taken_by(network: nn.Module) -> set[str]:
    """What a network takes beside its rows: of ``temperature`` and ``noise``."""
    parameters = inspect.signature(network.forward).parameters.values()
    any_keyword = any(p.kind is p.VAR_KEYWORD for p in parameters)
    names = {p.name for p in parameters}
    return {name for name in ("temperature", "noise") if any_keyword or name in names}


def bce(logits: Tensor, y: Tensor) -> Tensor:
    """Binary cross-entropy of each bit, in nats."""
    return F.softplus(logits) - logits * y


def mse(logits: Tensor, y: Tensor) -> Tensor:
    """Squared error of each bit's probability."""
    return (torch.sigmoid(logits) - y) ** 2
