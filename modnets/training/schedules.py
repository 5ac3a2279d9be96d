"""How learning rates and the temperature change over the epochs, as factors of their first values.

The kinds are those of ``torch.optim.lr_scheduler``: ExponentialLR, CosineAnnealingLR (Loshchilov
and Hutter, 2017, without restarts), LinearLR; each may hold for a share of the epochs first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from modnets.config.run_config import RunConfig
from modnets.config.settings import SCHEDULE_OF
from modnets.config.shapes import steps_per_epoch, total_steps
from modnets.training.optimizers import corrections
from modnets.training.step import StepScale, TrainingStep


def schedule(
    kind: str,
    epochs: int,
    gammas: Sequence[float | None],
    ends: Sequence[float] | None = None,
    holds: Sequence[float] | None = None,
) -> Tensor | None:
    """The factor in each epoch.

    Parameters
    ----------
    kind : "constant", "exponential", "cosine" or "linear"
    epochs : int
        At its end, after so many epochs, the factor would be that of ``ends``.
    gammas : sequence of float or None, one for each run
        The factor per epoch of an exponential schedule; where it is None, its end counts.
    ends : sequence of float, one for each run, optional
        Shares of the first value; 0 by default.
    holds : sequence of float, in [0, 1), one for each run, optional
        Shares of the epochs with a factor of 1; 0 by default.

    Returns
    -------
    Tensor, shape (epoch, run), or None if it is 1 throughout
    """
    if kind == "constant":
        return None
    end, hold = (
        torch.tensor(given or [0.0] * len(gammas), dtype=torch.float64) for given in (ends, holds)
    )
    held = (hold * epochs).round()  # whole epochs
    epoch = torch.arange(epochs, dtype=torch.float64)[:, None]
    past, span = (epoch - held).clamp(min=0), (epochs - held).clamp(min=1)
    if kind == "exponential":
        by_gamma = torch.tensor([gamma is not None for gamma in gammas])
        gamma = torch.tensor([gamma or 1.0 for gamma in gammas], dtype=torch.float64)
        return torch.where(by_gamma, gamma**past, end ** (past / span)).float()
    if kind == "linear":
        return (1 + (end - 1) * past / span).float()
    return (end + (1 - end) * (1 + torch.cos(math.pi * past / span)) / 2).float()


def own_schedules(final: RunConfig) -> tuple[str, ...]:
    """The settings with a factor of their own, beside that of all learning rates."""
    rates = [name for name in ("lr_routing", "lr_selection") if getattr(final, SCHEDULE_OF[name])]
    annealed = final.temperature_schedule != "constant"
    return (*rates, *["temperature"] * annealed)


class StepScales:
    """What scales the updates of a chunk of runs, step by step.

    Parameters
    ----------
    finals : sequence of RunConfig
        Of each replica, of one shape.
    training_step : TrainingStep
    device : torch.device
    """

    def __init__(
        self, finals: Sequence[RunConfig], training_step: TrainingStep, device: torch.device
    ) -> None:
        first = finals[0]
        self.steps, self.device = steps_per_epoch(first), device
        self.corrections = corrections(total_steps(first)).to(device)
        groups = [factors_of(name, finals) for name in training_step.rate_groups]
        length = max(map(len, groups))
        factor = torch.stack([group.expand(length, -1) for group in groups], dim=-1)
        self.factor = (factor if len(groups) > 1 else groups[0]).to(device)
        self.temperature: Tensor | None = None
        if training_step.anneals:
            self.temperature = factors_of("temperature", finals).to(device)

    def of(self, done: int, n_steps: int) -> StepScale[Tensor]:
        """The scale of so many steps, after those that are done."""
        epoch = torch.arange(done, done + n_steps, device=self.device) // self.steps

        def at(factor: Tensor) -> Tensor:
            return factor if len(factor) == 1 else factor[epoch]

        temperature = None if self.temperature is None else at(self.temperature)
        return StepScale(at(self.factor), self.corrections[done : done + n_steps], temperature)


def factors_of(name: str, finals: Sequence[RunConfig]) -> Tensor:
    """The factors of a setting of each run, shape (epoch or 1, run); 1 where it is constant."""
    first = finals[0]
    ends = [
        (getattr(final, f"{name}_end") or 0.0) / (getattr(final, name) or 1.0) for final in finals
    ]
    holds = [getattr(final, f"{name}_hold") or 0.0 for final in finals]
    gammas = [final.gamma if name == "lr" else None for final in finals]
    kind = getattr(first, SCHEDULE_OF[name])
    factors = schedule(kind, first.epochs, gammas, ends, holds)
    return torch.ones(1, len(finals)) if factors is None else factors
