"""The training steps of shapes, kept, so that only the first chunk of a shape prepares them."""

from __future__ import annotations

import json

import numpy as np
import torch
from torch import Tensor

from modnets.config.run_config import RunConfig
from modnets.config.shapes import shape_of
from modnets.models.identity import identity_of
from modnets.models.user_networks import examine
from modnets.models.registry import BUILT_IN, build
from modnets.training.backends.trial import another
from modnets.training.batches import images_on, inputs_of
from modnets.training.step import TrainingStep

#: Of what a chunk has in common, what does not enter the step of modnets' own networks.
NOT_IN_STEP = ("epochs", "eval_every", "schedule", "train_rows", "batch_size", "padded_rows")


NOT_IN_STEP += ("knowledge", "held_out", "samples", "test_samples", "record")


def training_step_of(final: RunConfig, device: torch.device) -> TrainingStep:
    """The program of a shape; kept, so that only the first chunk of a shape prepares it."""
    shape = json.loads(shape_of(final))
    if final.model in BUILT_IN:
        shape = {k: v for k, v in shape.items() if k not in NOT_IN_STEP}
        task = final.graph
        shape["graph"] = [task.n_inputs, task.n_sources, task.n_tasks, task.n_outputs]
        shape["graph"] += ["don't-cares"] * task.has_dont_cares
    known_as = json.dumps(shape)
    key = (known_as, identity_of(final.model), str(device))
    if key not in _steps:
        if len(_steps) >= MAX_STEPS:
            _steps.pop(next(iter(_steps)))
        network, findings = build(final, seed=0), None
        if final.model not in BUILT_IN:
            known_as, findings = None, examine(final, build, [another(final)], some_rows(final))
        given = (network, final.optimizer, final.loss, device, known_as, findings)
        _steps[key] = TrainingStep(*given, dont_cares=final.graph.has_dont_cares)
    return _steps[key]


def some_rows(final: RunConfig, number: int = 5) -> Tensor:
    """A few rows of a run, as a network is handed them, shape (row, input)."""
    parts = final.split.values()
    rows = torch.from_numpy(final.graph.rows(np.concatenate(list(parts))[:number]))
    images = images_on(final.graph, torch.device("cpu"))
    return inputs_of(rows if images is not None else rows.float(), images)


def forget_steps() -> None:
    """Prepare every program anew from here on."""
    _steps.clear()


_steps: dict[tuple[str, str, str], TrainingStep] = {}


MAX_STEPS = 64
