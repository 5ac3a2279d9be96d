"""What takes the steps of a chunk: machine code, tensor operations, or each network by itself.

A network of a person's own trains side by side with others only where that gives the step of a
plain loop, which is tried; see ``models.user_networks`` and ``trial``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from modnets.compiler.build_cache import can_compile
from modnets.compiler.ir import UnsupportedOperation
from modnets.config.run_config import RunConfig
from modnets.errors import first_line
from modnets.hardware import lanes
from modnets.models.registry import build
from modnets.training.backends.cuda_graph import CudaGraphBackend
from modnets.training.backends.eager import EagerBackend, Hyperparameters
from modnets.training.backends.plain_loop import PlainLoopBackend
from modnets.training.backends.simd import SimdBackend
from modnets.training.backends.single import SingleReplicaBackend
from modnets.training.backends.trial import another, disagreement
from modnets.training.batches import Batches
from modnets.training.evaluation import Evaluation, Rows
from modnets.training.initialization import InitialState, initial_state_of
from modnets.training.step import TrainingStep

Backend = EagerBackend | SimdBackend | PlainLoopBackend


@dataclass
class Places:
    """The places of a chunk, those beyond its runs filled up.

    Parameters
    ----------
    finals : list of RunConfig
        Of each place, worked out.
    flat : Tensor, shape (replica, parameter)
        Initial parameters.
    hyperparameters : Hyperparameters
        What no step changes.
    batches : Batches
    evaluation : Evaluation
    """

    finals: list[RunConfig]
    flat: Tensor
    hyperparameters: Hyperparameters
    batches: Batches
    evaluation: Evaluation


def make_backend(
    training_step: TrainingStep,
    runs: Sequence[RunConfig],
    starts: Sequence[InitialState],
    chunk: int,
    compiled: bool,
    device: torch.device,
    threads: int,
) -> tuple[Backend, Places]:
    """What takes the steps of some runs of one shape, and the places that it fills.

    Parameters
    ----------
    training_step : TrainingStep
        Of these runs.
    runs, starts : sequence
    chunk : int
    compiled : bool
        Whether compiled steps are wanted; where they cannot be had, a line says why.
    device : torch.device
    threads : int
    """
    finals = [run.final for run in runs]
    own, on_cpu = training_step.findings is not None, device.type == "cpu"
    by_itself = _why_by_itself(training_step, starts) if own else None
    if compiled and on_cpu and can_compile() and not (by_itself or training_step.refused):
        places = _fill(training_step, finals, starts, -(-len(runs) // lanes()) * lanes(), device)
        given = (training_step, places.flat, places.hyperparameters, places.batches)
        try:
            if own:
                _try(
                    training_step,
                    finals[0],
                    device,
                    "compiled",
                    lambda *all: SimdBackend(*all, 1),
                    lanes(),
                )
            return SimdBackend(*given, places.evaluation.blocks[0], threads), places
        except (UnsupportedOperation, RuntimeError) as error:
            said = f"compiling failed, step stays eager: {first_line(error)}"
            print(f"modnets: {said}", file=sys.stderr)
            training_step.refused = True
    eager = SingleReplicaBackend if chunk == 1 else EagerBackend
    kind = CudaGraphBackend if compiled and not on_cpu else eager
    if own and chunk > 1 and by_itself is None:
        try:
            _try(
                training_step,
                finals[0],
                device,
                "eager",
                lambda p, flat, hyperparameters, *_: kind(p, flat, hyperparameters),
            )
        except UnsupportedOperation as error:
            by_itself = first_line(error)
    if own and (chunk == 1 or by_itself):
        _say_by_itself(training_step, finals[0].model, None if chunk == 1 else by_itself)
        places = _fill(training_step, finals, starts, len(runs), device)
        return PlainLoopBackend(
            training_step, [start.network for start in starts], finals, device
        ), places
    places = _fill(training_step, finals, starts, chunk, device)
    return kind(training_step, places.flat, places.hyperparameters), places


def _why_by_itself(training_step: TrainingStep, starts: Sequence[InitialState]) -> str | None:
    """Why networks of a person's own cannot train side by side, before it is tried."""
    findings = training_step.findings
    if findings.by_itself:
        return findings.by_itself
    if any(start.attributes != findings.attributes for start in starts):
        return "a plain attribute differs between runs (a buffer may)"
    return None


def _try(
    training_step: TrainingStep,
    final: RunConfig,
    device: torch.device,
    name: str,
    backend: Callable[..., Any],
    width: int = 1,
) -> None:
    """Raise Unsupported unless a backend takes the same step as a plain loop; tried once."""
    if name not in training_step.tried:
        finals = [final, another(final)]
        try:
            starts = [initial_state_of(build(one, one.seed), training_step) for one in finals]
        except Exception:  # the other one's seed may be a bad one
            finals = [final, final]
            starts = [initial_state_of(build(one, one.seed), training_step) for one in finals]

        def made(
            starts: Sequence[InitialState],
            finals: Sequence[RunConfig],
            batches: Batches,
            rows: Rows,
        ) -> Any:
            flat = torch.stack([start.flat for start in starts]).to(device)
            return backend(
                training_step, flat, _fixed(training_step, starts, finals, device), batches, rows
            )

        training_step.tried[name] = disagreement(training_step, starts, finals, made, device, width)
    if training_step.tried[name] is not None:
        raise UnsupportedOperation(training_step.tried[name])


def _say_by_itself(training_step: TrainingStep, model: str, reason: str | None) -> None:
    """Once for each program, why its networks train one after the other."""
    if reason is not None and training_step.by_itself_said is None:
        training_step.by_itself_said = reason
        print(
            f"modnets: networks of model {model!r} train one after the other, as in a plain loop: "
            f"{reason}",
            file=sys.stderr,
        )


def _fill(
    training_step: TrainingStep,
    finals: Sequence[RunConfig],
    starts: Sequence[InitialState],
    size: int,
    device: torch.device,
) -> Places:
    """Fill so many places; those beyond the runs repeat the first one."""
    missing = size - len(finals)
    padded = [*finals, *[finals[0]] * missing]
    starts = [*starts, *[starts[0]] * missing]
    noise_size = getattr(training_step.network, "noise_size", 0)
    return Places(
        finals=padded,
        flat=torch.stack([start.flat for start in starts]).to(device),
        hyperparameters=_fixed(training_step, starts, padded, device),
        batches=Batches(finals, size, noise_size, device),
        evaluation=Evaluation(padded, device),
    )


def _fixed(
    training_step: TrainingStep,
    starts: Sequence[InitialState],
    finals: Sequence[RunConfig],
    device: torch.device,
) -> Hyperparameters:
    """Buffers, temperature, learning rates and weight decay of every replica."""

    def per_run(name: str) -> Tensor:
        values = [getattr(final, name) or 0.0 for final in finals]
        return torch.tensor(values, dtype=torch.float32, device=device)

    buffers = {
        name: torch.stack([start.buffers[name] for start in starts]).to(device)
        for name in training_step.buffers
    }
    names = [training_step.rate_of(name) for name in training_step.names]
    if set(names) == {"lr"}:  # one rate for all parameters
        rates = per_run("lr")[:, None]
    else:
        sizes = zip(names, training_step.sizes, strict=True)
        rates = torch.cat([per_run(name)[:, None].expand(-1, size) for name, size in sizes], dim=1)
    return buffers, per_run("temperature"), rates, per_run("weight_decay")
