"""Whether batched replicas take the same step as each network by itself.

A user-defined network may do anything.  Before replicas of it are batched, one step of two
replicas, whose settings differ in all that may differ within a chunk, is taken both ways and
compared.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor

from modnets.compiler.build_cache import NotCompiledError
from modnets.config.run_config import RunConfig
from modnets.errors import first_line
from modnets.training.backends.plain_loop import PlainLoopBackend
from modnets.training.batches import Batches, Block
from modnets.training.evaluation import Evaluation
from modnets.training.initialization import InitialState, networks_of
from modnets.training.row_blocks import Rows
from modnets.training.schedules import StepScales
from modnets.training.step import Batch, Scores, TrainingStep

#: Gradients below this share of the largest one are noise, which Adam turns into a full step.
NOISE = 1e-4
TOLERANCE = 1e-2


class BatchedBackend(Protocol):
    """What takes the steps of batched replicas."""

    @property
    def flat(self) -> Tensor: ...
    def train(self, block: Block) -> None: ...
    def evaluate(self, rows: Rows) -> Scores: ...


def another(final: RunConfig) -> RunConfig:
    """A run of the same shape with other seeds, rates, temperature and so on."""
    rates = {n: getattr(final, n) for n in ("lr", "lr_routing", "lr_selection", "temperature")}
    changed = {name: value and 1.25 * value for name, value in rates.items()}
    changed |= {"seed": final.seed ^ 1, "split_seed": final.split_seed ^ 1}
    return replace(final, weight_decay=final.weight_decay * 1.25 + 1e-4, **changed).final


@contextlib.contextmanager
def vectorised_only() -> Iterator[None]:
    """Raise at an operation that torch cannot vectorise, in place of a loop and a warning."""
    functorch: Any = torch._C._functorch
    before = functorch._is_vmap_fallback_enabled()
    functorch._set_vmap_fallback_enabled(False)
    try:
        yield
    finally:
        functorch._set_vmap_fallback_enabled(before)


def disagreement(
    training_step: TrainingStep,
    starts: Sequence[InitialState],
    finals: Sequence[RunConfig],
    backend: Callable[[Sequence[InitialState], Sequence[RunConfig], Batches], BatchedBackend],
    device: torch.device,
    width: int,
) -> str | None:
    """Why a backend does not train as a plain loop does; None where it does.

    Parameters
    ----------
    training_step : TrainingStep
    starts, finals : sequence
        Of two runs.
    backend : callable
        Makes a backend from initial states, runs and their batches.
    device : torch.device
    width : int
        The least number of replicas of the backend; the two runs are repeated.
    """
    n_runs, times = len(finals), -(-width // len(finals))
    many_starts, many_finals = [*starts] * times, [*finals] * times
    batches = Batches(many_finals, len(many_finals), training_step.noise_size, device)
    rows = Evaluation(many_finals, device).blocks[0]
    _, (x, y, weight, noise) = next(batches.blocks(1))
    batch = Batch(x[:1], y[:1], weight[:1], None if noise is None else noise[:1])
    block = Block(1, batch, StepScales(many_finals, training_step, device).of(0, 1))
    plain = PlainLoopBackend(training_step, networks_of(starts), finals, device)
    try:
        with vectorised_only():
            many = backend(many_starts, many_finals, batches)
            logits = many.evaluate(rows).logits[:n_runs]
            before = many.flat.clone()
            many.train(block)
            steps = (many.flat - before)[:n_runs]
    except NotCompiledError:
        raise
    except Exception as error:  # it may be anything that a user-defined network does
        return first_line(error)[:150]
    if not _close(logits, plain.evaluate(rows).logits):
        return "batched, its logits differ"
    before = plain.flat
    plain.train(block)
    decay = torch.tensor([final.weight_decay for final in finals], device=device)
    grads = (_gradients(plain) + decay[:, None] * before).abs()
    clear = grads > NOISE * grads.amax(dim=1, keepdim=True)
    expected = plain.flat - before
    if not all(_close(steps[i][clear[i]], expected[i][clear[i]]) for i in range(n_runs)):
        return "batched, its steps differ"
    return None


def _gradients(plain: PlainLoopBackend) -> Tensor:
    rows = []
    for network in plain.networks:
        named = dict(network.named_parameters())
        parts = [named[name] for name in plain.training_step.names]
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parts]
        rows.append(torch.cat([grad.reshape(-1) for grad in grads]))
    return torch.stack(rows)


def _close(value: Tensor, expected: Tensor) -> bool:
    if not expected.numel():
        return True
    scale = float(expected.abs().max())
    return torch.allclose(value, expected, rtol=TOLERANCE, atol=TOLERANCE * scale / 100)
