"""Whether replicas side by side take the same step as each network by itself.

A network of a person's own may do what no rule foresees.  Before it is trained side by side, one
step of two replicas, whose settings differ in all that may differ within a chunk, is taken both
ways and compared.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from modnets.compiler.build_cache import NotCompiledError
from modnets.config.run_config import RunConfig
from modnets.errors import first_line
from modnets.training.backends.plain_loop import PlainLoopBackend
from modnets.training.batches import Batches, Block
from modnets.training.evaluation import Evaluation, Rows
from modnets.training.initialization import InitialState
from modnets.training.optimizers import corrections
from modnets.training.step import TrainingStep

#: Gradients below this share of the largest one are noise, which Adam makes a whole step of.
NOISE = 1e-4
TOLERANCE = 1e-2


def another(final: RunConfig) -> RunConfig:
    """A run of the same shape with other seeds, rates, temperature and so on."""
    rates = {n: getattr(final, n) for n in ("lr", "lr_routing", "lr_selection", "temperature")}
    changed = {name: value and 1.25 * value for name, value in rates.items()}
    changed |= {"seed": final.seed ^ 1, "split_seed": final.split_seed ^ 1}
    return replace(final, weight_decay=final.weight_decay * 1.25 + 1e-4, **changed).final


@contextlib.contextmanager
def vectorised_only() -> Iterator[None]:
    """Let an operation that torch cannot vectorise raise, in place of a loop and a warning."""
    functorch = torch._C._functorch
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
    backend: Callable[[Sequence[InitialState], Sequence[RunConfig], Batches, Rows], Any],
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
        Given runs, what they start from, their batches and rows, what takes their steps.
    device : torch.device
    width : int
        How many replicas it takes at least; the two runs fill its places.
    """
    noise_size = getattr(training_step.network, "noise_size", 0)
    n_runs, times = len(finals), -(-width // len(finals))
    many_starts, many_finals = [*starts] * times, [*finals] * times
    batches = Batches(many_finals, len(many_finals), noise_size, device)
    rows = Evaluation(many_finals, device).blocks[0]
    block = next(batches.blocks(1))
    block = Block(1, tuple(part if part is None else part[:1] for part in block.batch))
    block.step_scale = torch.ones(1, len(many_finals), device=device), corrections(1).to(device)
    plain = PlainLoopBackend(training_step, [start.network for start in starts], finals, device)
    try:
        with vectorised_only():
            many = backend(many_starts, many_finals, batches, rows)
            logits = many.evaluate(rows)[3][:n_runs]
            before = many.flat.clone()
            many.train(block)
            steps = (many.flat - before)[:n_runs]
    except NotCompiledError:
        raise
    except Exception as error:  # it may be anything that a person's own network does
        return first_line(error)[:150]
    if not _close(logits, plain.evaluate(rows)[3]):
        return "side by side its logits are others"
    before = plain.flat
    plain.train(block)
    decay = torch.tensor([final.weight_decay for final in finals], device=device)
    grads = (_gradients(plain) + decay[:, None] * before).abs()
    clear = grads > NOISE * grads.amax(dim=1, keepdim=True)
    wanted = plain.flat - before
    if not all(_close(steps[i][clear[i]], wanted[i][clear[i]]) for i in range(n_runs)):
        return "side by side its steps are others"
    return None


def _gradients(plain: PlainLoopBackend) -> Tensor:
    rows = []
    for network in plain.networks:
        named = dict(network.named_parameters())
        parts = [named[name] for name in plain.training_step.names]
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parts]
        rows.append(torch.cat([grad.reshape(-1) for grad in grads]))
    return torch.stack(rows)


def _close(found: Tensor, wanted: Tensor) -> bool:
    if not wanted.numel():
        return True
    scale = float(wanted.abs().max())
    return torch.allclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE * scale / 100)
