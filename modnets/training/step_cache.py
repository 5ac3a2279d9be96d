"""The training steps of shapes, cached: only the first chunk of a shape prepares its step."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

import numpy as np
import torch
from torch import Tensor

from modnets.config.run_config import RunConfig
from modnets.config.settings import SCHEDULE_OF
from modnets.config.shapes import shape_of
from modnets.models.identity import identity_of
from modnets.models.losses import BUILT_IN_LOSSES, check_loss
from modnets.models.registry import BUILT_IN, build
from modnets.models.routing_methods.registry import BUILT_IN_METHODS, PUBLISHED
from modnets.models.user_networks import examine
from modnets.tasks.task import Task
from modnets.training.backends.trial import another
from modnets.training.batches import images_on, inputs_of
from modnets.training.schedules import own_schedules
from modnets.training.step import TrainingStep

MAX_STEPS = 64
#: Of what a chunk has in common, what does not enter the step of built-in networks.
NOT_IN_STEP = {
    *(
        "epochs",
        "restarts",
        "full_restarts",
        "eval_every",
        "train_rows",
        "batch_size",
        "padded_rows",
    ),
    *("knowledge", "held_out", "samples", "test_samples", "record", "evaluation_rows"),
    *SCHEDULE_OF.values(),
    "on_evaluation",
    *("pretrained", "transferred"),
}


@dataclass(frozen=True)
class _Key:
    """What identifies a step; ``final`` is any run with this step."""

    known_as: str
    identities: str
    device: torch.device
    final: RunConfig = field(compare=False)


def training_step_of(final: RunConfig, device: torch.device) -> TrainingStep:
    """The step of a run, shared with all runs of its shape."""
    shape = json.loads(shape_of(final))
    if final.model in BUILT_IN:
        shape = {k: v for k, v in shape.items() if k not in NOT_IN_STEP}
        task = cast("Task", final.graph)
        shape["graph"] = [task.n_inputs, task.n_sources, task.n_tasks, task.n_outputs]
        shape["graph"] += ["don't-cares"] * task.has_dont_cares
        shape["own schedules"] = own_schedules(final)
    method = final.routing_method or PUBLISHED
    identities = " ".join(
        (
            identity_of(final.model),
            identity_of(final.loss, "loss"),
            identity_of(method, "routing_method"),
        )
    )
    return _training_step(_Key(json.dumps(shape), identities, device, final))


@lru_cache(MAX_STEPS)
def _training_step(key: _Key) -> TrainingStep:
    final, known_as, findings = key.final, None, None
    network = build(final, seed=0)
    if final.loss not in BUILT_IN_LOSSES:
        check_loss(final.loss)
    elif final.model in BUILT_IN and (final.routing_method or PUBLISHED) in BUILT_IN_METHODS:
        known_as = key.known_as
    if final.model not in BUILT_IN:
        findings = examine(final, build, [another(final)], some_rows(final))
    dont_cares = cast("Task", final.graph).has_dont_cares
    return TrainingStep(
        network,
        final.optimizer,
        final.loss,
        key.device,
        known_as,
        findings,
        dont_cares,
        own_schedules(final),
    )


def some_rows(final: RunConfig, number: int = 5) -> Tensor:
    """A few rows of a run, as a network reads them, shape (row, input)."""
    task = cast("Task", final.graph)
    rows = torch.from_numpy(task.rows(np.concatenate(list(final.split.values()))[:number]))
    images = images_on(task, torch.device("cpu"))
    return inputs_of(rows if images is not None else rows.float(), images)


def forget_steps() -> None:
    """Empty the cache of training steps."""
    _training_step.cache_clear()
