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
from modnets.config.run_config import RunConfig
from modnets.errors import first_line
from modnets.models.registry import build
from modnets.training.backends.cuda_graph import CudaGraphBackend
from modnets.training.backends.eager import EagerBackend
from modnets.training.backends.plain_loop import PlainLoopBackend
from modnets.training.backends.simd import SimdBackend, compile_step
from modnets.training.backends.single import SingleReplicaBackend
from modnets.training.backends.trial import BatchedBackend, another, disagreement
from modnets.training.batches import Batches
from modnets.training.evaluation import Evaluation
from modnets.training.initialization import InitialState, initial_state_of, networks_of
from modnets.training.step import Hyperparameters, TrainingStep

Backend = EagerBackend | SimdBackend | PlainLoopBackend


@dataclass(frozen=True)
class ReplicaSlots:
    """The replicas of a chunk; slots beyond its runs repeat the first run.

    Parameters
    ----------
    finals : list of RunConfig
        Of each slot, with all defaults resolved.
    flat : Tensor, shape (replica, parameter)
        Initial parameters.
    hyperparameters : Hyperparameters, shape (replica, ...)
    batches : Batches
    evaluation : Evaluation
    """

    finals: list[RunConfig]
    flat: Tensor
    hyperparameters: Hyperparameters[Tensor]
    batches: Batches
    evaluation: Evaluation


def make_backend(
    training_step: TrainingStep,
    runs: Sequence[RunConfig],
    starts: Sequence[InitialState],
    chunk: int,
    lanes: int,
    device: torch.device,
    threads: int,
) -> tuple[Backend, ReplicaSlots]:
    """The backend that takes the steps of some runs of one shape, ready to train.

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

    Returns
    -------
    Backend
    ReplicaSlots
        What it was filled with.
    """
    finals = [run.final for run in runs]
    user_defined, on_cpu = training_step.findings is not None, device.type == "cpu"
    unbatchable = _why_unbatchable(training_step, starts)
    functions = None
    if lanes and on_cpu and can_compile() and unbatchable is None:
        functions = _compiled(training_step, finals[0], starts, device, lanes)
    kind = SingleReplicaBackend if chunk == 1 else EagerBackend
    if lanes and not on_cpu:
        kind = CudaGraphBackend
    if user_defined and functions is None and unbatchable is None and chunk > 1:
        unbatchable = _trial(
            training_step,
            finals[0],
            device,
            "eager",
            lambda starts, finals, batches: kind(
                training_step, *_initial(training_step, starts, finals, device)
            ),
        )
    plain = user_defined and functions is None and (chunk == 1 or unbatchable is not None)
    if plain and chunk > 1:
        training_step.print_once(
            "plain loop",
            f"modnets: networks of model {finals[0].model!r} train one after the other, as in a "
            f"plain loop: {unbatchable}",
        )
    size = len(runs) if plain else chunk
    if functions is not None:
        size = -(-len(runs) // lanes) * lanes
    slots = _filled(training_step, finals, starts, size, device)
    if functions is not None:
        initial = slots.flat, slots.hyperparameters
        return SimdBackend(functions, training_step, *initial, slots.batches, threads), slots
    if plain:
        return PlainLoopBackend(training_step, networks_of(starts), finals, device), slots
    return kind(training_step, slots.flat, slots.hyperparameters), slots


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


def _filled(
    training_step: TrainingStep,
    finals: Sequence[RunConfig],
    starts: Sequence[InitialState],
    size: int,
    device: torch.device,
) -> ReplicaSlots:
    """So many replica slots; those beyond the runs repeat the first run."""
    missing = size - len(finals)
    padded = [*finals, *[finals[0]] * missing]
    flat, hyperparameters = _initial(
        training_step, [*starts, *[starts[0]] * missing], padded, device
    )
    return ReplicaSlots(
        finals=padded,
        flat=flat,
        hyperparameters=hyperparameters,
        batches=Batches(finals, size, training_step.noise_size, device),
        evaluation=Evaluation(padded, device),
    )


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
