"""Which backend takes the steps of a chunk, filled with its replicas.

Replicas of a user-defined network are batched only where that gives the step of a plain loop,
which is tried; see ``models.user_networks`` and ``trial``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from modnets.compiler.build_cache import can_compile
from modnets.compiler.compiled import CompiledFunctions
from modnets.compiler.ir import UnsupportedOperation
from modnets.compiler.tracing import leaves, refill
from modnets.config.run_config import RunConfig
from modnets.errors import first_line
from modnets.models.registry import build
from modnets.training.backends.cuda_graph import CudaGraphBackend
from modnets.training.backends.eager import EagerBackend
from modnets.training.backends.grouped import GroupedBackend
from modnets.training.backends.plain_loop import PlainLoopBackend
from modnets.training.backends.simd import SimdBackend, compile_step
from modnets.training.backends.single import SingleReplicaBackend
from modnets.training.backends.trial import BatchedBackend, another, disagreement
from modnets.training.batches import Batches
from modnets.training.evaluation import Evaluation
from modnets.training.initialization import InitialState, initial_state_of, networks_of
from modnets.training.step import Hyperparameters, TrainingStep

Backend = EagerBackend | GroupedBackend | SimdBackend | PlainLoopBackend


@dataclass(frozen=True)
class ReplicaSlots:
    """The replicas of a chunk; slots beyond its runs repeat the first run.

    Parameters
    ----------
    finals : sequence of RunConfig
        Of each slot, with all defaults resolved.
    flat : Tensor, shape (replica, parameter)
        Initial parameters.
    hyperparameters : Hyperparameters, shape (replica, ...)
    batches : Batches
    evaluation : Evaluation
    """

    finals: Sequence[RunConfig]
    flat: Tensor
    hyperparameters: Hyperparameters[Tensor]
    batches: Batches
    evaluation: Evaluation


@dataclass(frozen=True)
class BackendChoice:
    """What takes the steps of the runs of a chunk, however many of them still train.

    Parameters
    ----------
    training_step : TrainingStep
        Of these runs.
    device : torch.device
    chunk : int
        Replicas in a batch of tensor operations.
    threads : int
        Of compiled steps.
    functions : CompiledFunctions, optional
        Machine code, where there is some.
    kind : type, optional
        Of a backend of tensor operations; without one and without machine code, a plain loop.
    """

    training_step: TrainingStep
    device: torch.device
    chunk: int
    threads: int
    functions: CompiledFunctions | None = None
    kind: type[EagerBackend] | None = None

    def filled(
        self, runs: Sequence[RunConfig], starts: Sequence[InitialState]
    ) -> tuple[Backend, ReplicaSlots]:
        """A backend ready to train, and what it was filled with.

        Parameters
        ----------
        runs : sequence of RunConfig
        starts : sequence of InitialState
            One for each run.
        """
        finals = [run.final for run in runs]
        width = 1 if self.kind is None else self.chunk  # replicas side by side
        width = width if self.functions is None else self.functions.lanes
        missing = -len(runs) % width
        starts, padded = [*starts, *[starts[0]] * missing], [*finals, *[finals[0]] * missing]
        flat, hyperparameters = _initial(self.training_step, starts, padded, self.device)
        batches = Batches(finals, len(padded), self.training_step.noise_size, self.device)
        slots = ReplicaSlots(
            padded, flat, hyperparameters, batches, Evaluation(padded, self.device)
        )
        return self._backend(slots, starts), slots

    def _backend(self, slots: ReplicaSlots, starts: Sequence[InitialState]) -> Backend:
        flat, hyperparameters = slots.flat, slots.hyperparameters
        kept = [torch.stack(part) for part in zip(*(one.states for one in starts), strict=True)]
        states = kept or [torch.zeros_like(flat) for _ in range(self.training_step.n_states)]
        if self.functions is not None:
            return SimdBackend(
                self.functions,
                self.training_step,
                flat,
                hyperparameters,
                slots.batches,
                self.threads,
                states=states,
            )
        if self.kind is None:
            optimizers = [start.optimizer for start in starts]
            networks = networks_of(starts)
            return PlainLoopBackend(
                self.training_step, networks, slots.finals, self.device, optimizers
            )
        groups = []
        for first in range(0, len(flat), self.chunk):
            part = slice(first, first + self.chunk)
            own = refill(hyperparameters, (one[part] for one in leaves(hyperparameters)))
            group = [state[part] for state in states]
            groups.append(self.kind(self.training_step, flat[part], own, states=group))
        return groups[0] if len(groups) == 1 else GroupedBackend(groups)


def choose_backend(
    training_step: TrainingStep,
    runs: Sequence[RunConfig],
    starts: Sequence[InitialState],
    chunk: int,
    lanes: int,
    device: torch.device,
    threads: int,
) -> BackendChoice:
    """What takes the steps of some runs of one shape.

    Parameters
    ----------
    training_step : TrainingStep
        Of these runs.
    runs : sequence of RunConfig
    starts : sequence of InitialState
        One for each run.
    chunk : int
    lanes : int
        Replicas in a vector of a compiled step; 0 for tensor operations.  Where compiling is
        impossible, a line says why.
    device : torch.device
    threads : int
    """
    final = runs[0].final
    user_defined, on_cpu = training_step.findings is not None, device.type == "cpu"
    unbatchable = _why_unbatchable(training_step, starts)
    if lanes and on_cpu and can_compile() and unbatchable is None:
        functions = _compiled(training_step, final, starts, device, lanes)
        if functions is not None:
            return BackendChoice(training_step, device, chunk, threads, functions=functions)
    kind = SingleReplicaBackend if chunk == 1 else EagerBackend
    if lanes and not on_cpu:
        kind = CudaGraphBackend
    if user_defined and unbatchable is None and chunk > 1:
        unbatchable = _trial(
            training_step,
            final,
            device,
            "eager",
            lambda starts, finals, batches: kind(
                training_step, *_initial(training_step, starts, finals, device)
            ),
        )
    plain = user_defined and (chunk == 1 or unbatchable is not None)
    if plain and chunk > 1:
        training_step.print_once(
            "plain loop",
            f"modnets: networks of model {final.model!r} train one after the other, as in a "
            f"plain loop: {unbatchable}",
        )
    return BackendChoice(training_step, device, chunk, threads, kind=None if plain else kind)


def _why_unbatchable(training_step: TrainingStep, starts: Sequence[InitialState]) -> str | None:
    """Why replicas of a user-defined network cannot be batched, before it is tried."""
    findings = training_step.findings
    if findings is None:
        return None
    if findings.by_itself:
        return findings.by_itself
    if any(start.attributes != findings.attributes for start in starts):
        return "a plain attribute differs between runs (a buffer may)"
    return None


def _compiled(
    training_step: TrainingStep,
    final: RunConfig,
    starts: Sequence[InitialState],
    device: torch.device,
    lanes: int,
) -> CompiledFunctions | None:
    """Machine code of a step, or None where there is none; a line says why, once."""
    if training_step.uncompilable is not None:
        return None

    def backend(
        starts: Sequence[InitialState], finals: Sequence[RunConfig], batches: Batches
    ) -> SimdBackend:
        functions = compile_step(training_step, finals[0], starts, lanes)
        initial = _initial(training_step, starts, finals, device)
        return SimdBackend(functions, training_step, *initial, batches, threads=1)

    try:
        if training_step.findings is not None:
            reason = _trial(training_step, final, device, f"compiled {lanes}", backend, lanes)
            if reason is not None:
                raise UnsupportedOperation(reason)
        return compile_step(training_step, final, starts, lanes)
    except (UnsupportedOperation, RuntimeError) as error:
        reason = first_line(error)
        print(f"modnets: compiling failed, step stays eager: {reason}", file=sys.stderr)
        training_step.mark_uncompilable(reason)
        return None


def _trial(
    training_step: TrainingStep,
    final: RunConfig,
    device: torch.device,
    name: str,
    backend: Callable[[Sequence[InitialState], Sequence[RunConfig], Batches], BatchedBackend],
    width: int = 1,
) -> str | None:
    """Why a backend does not take the same step as a plain loop, None where it does."""

    def run() -> str | None:
        finals = [final, another(final)]
        try:
            starts = [initial_state_of(build(one, one.seed), training_step) for one in finals]
        except Exception:  # the second seed may not build
            finals = [final, final]
            starts = [initial_state_of(build(one, one.seed), training_step) for one in finals]
        return disagreement(training_step, starts, finals, backend, device, width)

    return training_step.trial(name, run)


def _initial(
    training_step: TrainingStep,
    starts: Sequence[InitialState],
    finals: Sequence[RunConfig],
    device: torch.device,
) -> tuple[Tensor, Hyperparameters[Tensor]]:
    """Initial parameters and hyperparameters of every replica."""

    def per_run(name: str) -> Tensor:
        values = [getattr(final, name) or 0.0 for final in finals]
        return torch.tensor(values, dtype=torch.float32, device=device)

    flat = torch.stack([start.flat for start in starts]).to(device)
    buffers = {
        name: torch.stack([start.buffers[name] for start in starts]).to(device)
        for name in training_step.buffers
    }
    if training_step.n_rates == 1:  # for all parameters
        rates = per_run("lr")[:, None]
    else:
        names = map(training_step.rate_of, training_step.names)
        sizes = zip(names, training_step.sizes, strict=True)
        rates = torch.cat([per_run(name)[:, None].expand(-1, size) for name, size in sizes], dim=1)
    temperature, decay = per_run("temperature"), per_run("weight_decay")
    return flat, Hyperparameters(buffers, temperature, rates, decay)
