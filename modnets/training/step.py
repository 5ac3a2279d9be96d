"""One training step and one evaluation of one network, as functions of flat parameters.

A network is an ordinary ``nn.Module``.  ``torch.func`` gives its gradient; its parameters and the
optimizer's state are one flat row.  How many replicas run these functions is decided elsewhere:
see ``backends``.
"""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Callable, Hashable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, fx, nn
from torch.func import functional_call, grad

from modnets.compiler.compiled import CompiledFunctions, Function, compile_functions
from modnets.compiler.tracing import TensorSpec, trace_one
from modnets.models import registry
from modnets.models.losses import BUILT_IN_LOSSES, LOSSES, logits_and_penalty
from modnets.models.user_networks import Findings
from modnets.source_files import source_digest
from modnets.tasks.truth_tables import DONT_CARE
from modnets.training.optimizers import OPTIMIZERS

#: Where the code of a step and of the networks of modnets begins; machine code is kept for it.
MADE_FROM = (Path(__file__), Path(registry.__file__))
#: Calls of a function from which on it is traced: 0.2 to 0.5 s, that save 2 to 5 ms a call.
TRACED_FROM = 100


T = TypeVar("T")
Key = TypeVar("Key", bound=Hashable)


class Batch(NamedTuple, Generic[T]):
    """The examples of a step, or (T) their shapes or axes; a backend adds axes in front.

    Parameters
    ----------
    x : shape (row, input)
    y : shape (row, output)
    weight : shape (row,)
        Of each row in the mean loss; padding has 0.
    noise : shape (noise_size,) or (noise_size, row), or None
        Gumbel noise of the logits.
    """

    x: T
    y: T
    weight: T
    noise: T | None


class StepScale(NamedTuple, Generic[T]):
    """What scales an update and changes from step to step.

    Parameters
    ----------
    factor : shape () or (group,)
        Of the learning rates, from the schedule; one for each of ``TrainingStep.rate_groups``
        where they are several.
    corrections : shape (2,)
        Adam's; see ``optimizers.corrections``.
    temperature : shape (), or None
        Factor of the temperature; None where that is constant.
    """

    factor: T
    corrections: T
    temperature: T | None = None


class Hyperparameters(NamedTuple, Generic[T]):
    """What no step changes, of one replica; a backend adds a replica axis in front.

    Parameters
    ----------
    buffers : dict
    temperature : shape ()
    learning_rates : shape (1,) or (parameter,)
    weight_decay : shape ()
    """

    buffers: dict[str, T]
    temperature: T
    learning_rates: T
    weight_decay: T


class Scores(NamedTuple):
    """How good a network is; a backend adds a replica axis in front.

    Parameters
    ----------
    loss, right_bits, right_rows : Tensor, shape (part,)
        Sums over the rows of each part: of the loss, of the share of right bits, and of the rows
        with every bit right.
    logits : Tensor, shape (row, output)
    """

    loss: Tensor
    right_bits: Tensor
    right_rows: Tensor
    logits: Tensor


class TrainingStep:
    """The step and the evaluation of one network, and what has been prepared for them.

    Parameters
    ----------
    network : nn.Module
        Where the shapes and the arithmetic come from; its weights are not used.
    optimizer : str
    loss : str
        In LOSSES.
    device : torch.device
    known_as : str, optional
        Identifies all of this, where the network is a built-in one.
    findings : Findings, optional
        Properties of a user-defined network; its parameters without gradient count as buffers.
    dont_cares : bool
        Whether outputs may be DONT_CARE; those are left out of the loss and count as right.
    own_schedules : tuple of str
        Settings with a schedule of their own: rates of learned choices, the temperature.

    Attributes
    ----------
    rate_groups : tuple of str
        Settings of learning rates that change by a factor of their own; all others do as the first.
    anneals : bool
        Whether the temperature changes.
    uncompilable : str or None
        Why the step cannot be compiled, once that has been tried.
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
        own_schedules: tuple[str, ...] = (),
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
        self.loss, self.own_loss = LOSSES[loss], loss not in BUILT_IN_LOSSES
        self.known_as, self.dont_cares = known_as, dont_cares
        self.anneals = "temperature" in own_schedules
        self.rate_groups = ("lr", *(name for name in own_schedules if name != "temperature"))
        self.keywords = keywords_of(network)
        self.noise_size: int = getattr(network, "noise_size", 0)
        self.uncompilable: str | None = None
        self._compiled: dict[tuple[str, int], CompiledFunctions] = {}
        self._eager_graphs: dict[tuple[str, tuple[int, ...], int], fx.GraphModule] = {}
        self._eager_calls: dict[tuple[str, tuple[int, ...], int], int] = {}
        self._cuda_graphs: dict[tuple[tuple[int, ...], ...], CudaGraph] = {}
        self._replica_graphs: dict[str, fx.GraphModule] = {}
        self._trials: dict[str, str | None] = {}
        self._printed: set[str] = set()

    def compiled(self, functions: Sequence[Function], lanes: int) -> CompiledFunctions:
        """Machine code of functions of this step; compiled at the first call."""
        name = " ".join(f"{one.inputs} {one.many_rows}" for one in functions)

        def make() -> CompiledFunctions:
            known_as = None
            if self.known_as is not None:  # no user-defined code
                known_as = f"{self.known_as} {name} {source_digest(*MADE_FROM)}"
            return compile_functions(functions, known_as, lanes=lanes)

        return _cached(self._compiled, (name, lanes), make)

    def mark_uncompilable(self, reason: str) -> None:
        """Compile it no more: that has failed."""
        self.uncompilable = reason

    def eager_graph(
        self,
        name: str,
        shape: tuple[int, ...],
        n_replicas: int,
        calls: int,
        make: Callable[[], fx.GraphModule],
    ) -> fx.GraphModule | None:
        """The tensor operations of a function for rows of some shape.

        None until as many calls are asked for, in all, as make up for the time that tracing takes.
        """
        key = (name, shape, n_replicas)
        self._eager_calls[key] = self._eager_calls.get(key, 0) + calls
        if self._eager_calls[key] < TRACED_FROM:
            return None
        return _cached(self._eager_graphs, key, make)

    def cuda_graph(
        self, shapes: tuple[tuple[int, ...], ...], make: Callable[[], CudaGraph]
    ) -> CudaGraph:
        """The step for arguments of some shapes, traced and fused; made at the first call."""
        return _cached(self._cuda_graphs, shapes, make)

    def replica_graph(self, batch: Batch[TensorSpec], n_rates: int) -> fx.GraphModule:
        """The step of one replica for any number of rows, traced at the first call.

        Parameters
        ----------
        batch, n_rates
            As in ``step_specs``.
        """
        inputs = self.step_specs(batch, n_rates)
        return _cached(
            self._replica_graphs,
            str(inputs),
            lambda: trace_one(self.step, inputs, open_rows=False),
        )

    def trial(self, backend: str, run: Callable[[], str | None]) -> str | None:
        """Why a backend does not train as a plain loop does, None where it does; tried once."""
        return _cached(self._trials, backend, run)

    def print_once(self, topic: str, message: str) -> None:
        """Print a message to stderr, the first one of its topic only."""
        if topic not in self._printed:
            self._printed.add(topic)
            print(message, file=sys.stderr)

    def buffers_of(self, network: nn.Module) -> dict[str, Tensor]:
        """Buffers, and parameters without gradient, of a network of this shape."""
        trained = set(self.names)
        frozen = {n: p.detach() for n, p in network.named_parameters() if n not in trained}
        return dict(network.named_buffers()) | frozen

    def rate_of(self, name: str) -> str:
        """The setting of a parameter's learning rate, ``lr`` but for learned choices."""
        rates = getattr(self.network, "learning_rates", {})
        return next((rates[part] for part in name.split(".") if part in rates), "lr")

    @property
    def n_rates(self) -> int:
        """Learning rates of a replica: one, or one for each parameter."""
        same = all(self.rate_of(name) == "lr" for name in self.names)
        return 1 if same and self.names else sum(self.sizes)

    def group_of(self, name: str) -> int:
        """The index in ``rate_groups`` of a parameter."""
        rate = self.rate_of(name)
        return self.rate_groups.index(rate) if rate in self.rate_groups else 0

    def _factor_of_parameters(self, factor: Tensor) -> Tensor:
        """The factor of each learning rate, shape () or (parameter,)."""
        if len(self.rate_groups) == 1:
            return factor
        groups = itertools.groupby(
            zip(map(self.group_of, self.names), self.sizes, strict=True), key=itemgetter(0)
        )
        return torch.cat(
            [factor[group].expand(sum(n for _, n in sizes)) for group, sizes in groups]
        )

    def parameters_of(self, network: nn.Module) -> Tensor:
        """The trained parameters of a network in one row, shape (parameter,)."""
        named = dict(network.named_parameters())
        return torch.cat([named[name].detach().reshape(-1) for name in self.names])

    def step_specs(self, batch: Batch[TensorSpec], n_rates: int) -> StepSpecs:
        """The shapes of what ``step`` takes.

        Parameters
        ----------
        batch : see ``batches.batch_specs``
        n_rates : int
            Learning rates of a replica: one, or one for each parameter.
        """
        flat, scalar = TensorSpec((sum(self.sizes),)), TensorSpec(())
        buffers = {name: TensorSpec(shape) for name, shape in self.buffers.items()}
        several = len(self.rate_groups) > 1
        step_scale = StepScale(
            TensorSpec((len(self.rate_groups),)) if several else scalar,
            TensorSpec((2,), uniform=True),
            scalar if self.anneals else None,
        )
        hyperparameters = Hyperparameters(buffers, scalar, TensorSpec((n_rates,)), scalar)
        return flat, [flat] * self.n_states, batch, step_scale, hyperparameters

    def unflatten(self, flat: Tensor) -> dict[str, Tensor]:
        """Parameters by name from one row, shape (parameter,), or from many, (run, parameter)."""
        parts = zip(self.names, flat.split(self.sizes, dim=-1), self.shapes, strict=True)
        return {name: part.reshape((*flat.shape[:-1], *shape)) for name, part, shape in parts}

    def _forward(
        self, flat: Tensor, buffers: dict[str, Tensor], x: Tensor, **keywords: Any
    ) -> tuple[Tensor, Tensor | None]:
        """Logits, and the penalty that a network of a user's own adds to the loss."""
        keywords = {name: value for name, value in keywords.items() if name in self.keywords}
        parameters = self.unflatten(flat), buffers
        return logits_and_penalty(functional_call(self.network, parameters, (x,), keywords))

    def _mean_loss(
        self, flat: Tensor, buffers: dict[str, Tensor], batch: Batch[Tensor], temperature: Tensor
    ) -> Tensor:
        keywords = {"temperature": temperature}
        if batch.noise is not None:
            keywords["noise"] = batch.noise
        logits, penalty = self._forward(flat, buffers, batch.x, **keywords)
        loss = self.mean_loss(logits, batch.y, batch.weight)
        return loss if penalty is None else loss + penalty

    def mean_loss(self, logits: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        """The loss of some rows, weighted; weights of shape (row,) add up to 1."""
        return (self._loss_of_rows(logits, y) * weight).sum()

    def _loss_of_rows(self, logits: Tensor, y: Tensor) -> Tensor:
        """Mean over the outputs of each row; a don't-care has no loss."""
        if not self.dont_cares:
            return self.loss(logits, y).mean(dim=-1)
        cared = (y < DONT_CARE).to(logits.dtype)
        loss = self.loss(logits, y * cared if self.own_loss else y)  # which knows of 0 and 1 only
        return (loss * cared).mean(dim=-1)

    def step(
        self,
        flat: Tensor,
        states: list[Tensor],
        batch: Batch[Tensor],
        step_scale: StepScale[Tensor],
        hyperparameters: Hyperparameters[Tensor],
        gradient: Callable[..., Callable[..., Tensor]] = grad,
    ) -> tuple[Tensor, list[Tensor]]:
        """Parameters and optimizer states after one step.

        Parameters
        ----------
        flat : Tensor, shape (parameter,)
        states : list of Tensor, shape (parameter,)
        batch, step_scale, hyperparameters
        gradient : a function -> its gradient by its first argument
        """
        self.network.train()
        buffers, temperature, rates, decay = hyperparameters
        if step_scale.temperature is not None:
            temperature = temperature * step_scale.temperature
        grads = gradient(self._mean_loss)(flat, buffers, batch, temperature)
        direction, states = self.direction(grads + decay * flat, states, step_scale.corrections)
        factor = self._factor_of_parameters(step_scale.factor)
        return flat - rates * factor * direction, states

    def evaluate(
        self, flat: Tensor, buffers: dict[str, Tensor], x: Tensor, y: Tensor, parts: Tensor
    ) -> Scores:
        """How good the network is on some rows; no temperature, no noise.

        Parameters
        ----------
        flat : Tensor, shape (parameter,)
        buffers : dict of Tensor
        x, y : Tensor, shape (row, input) and (row, output)
        parts : Tensor, shape (part, row)
            1 where a row belongs to a part.
        """
        self.network.eval()
        return self.scores(self._forward(flat, buffers, x)[0], y, parts)

    def scores(self, logits: Tensor, y: Tensor, parts: Tensor) -> Scores:
        """How good logits are; see :meth:`evaluate`."""
        right = ((logits > 0) == (y > 0.5)).to(logits.dtype)
        loss, bits, rows = self._loss_of_rows(logits, y), right, right
        if self.dont_cares:
            cared = (y < DONT_CARE).to(logits.dtype)
            bits, rows = right * cared, torch.maximum(right, 1.0 - cared)
        bits, rows = bits.mean(dim=1), rows.amin(dim=1)
        return Scores(parts @ loss, parts @ bits, parts @ rows, logits)


#: The step as tensor operations, and the same fused.
CudaGraph = tuple[fx.GraphModule, Callable[..., Any]]
StepSpecs = tuple[
    TensorSpec,
    list[TensorSpec],
    Batch[TensorSpec],
    StepScale[TensorSpec],
    Hyperparameters[TensorSpec],
]


def _cached(cache: dict[Key, T], key: Key, make: Callable[[], T]) -> T:
    if key not in cache:
        cache[key] = make()
    return cache[key]


def keywords_of(network: nn.Module) -> set[str]:
    """Which of the keywords ``temperature`` and ``noise`` a network's forward takes."""
    parameters = inspect.signature(network.forward).parameters.values()
    any_keyword = any(p.kind is p.VAR_KEYWORD for p in parameters)
    names = {p.name for p in parameters}
    return {name for name in ("temperature", "noise") if any_keyword or name in names}
