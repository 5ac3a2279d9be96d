"""The training steps of shapes, kept, so that only the first chunk of a shape prepares them."""

from __future__ import annotations

import json

import numpy as np
import torch
from torch import Tensor

from modnets.config.run_config import RunConfig
from modnets.config.shapes import shape_of
from modnets.models.identity import identity_of
from modnets.models.own_networks import examine
from modnets.models.registry import BUILT_IN, build
from modnets.training.backends.trial import another
from modnets.training.batches import images_on, inputs_of
from modnets.training.step import Program

#: Of what a chunk has in common, what does not enter the step of modnets' own networks.
NOT_IN_PROGRAM = ("epochs", "eval_every", "schedule", "train_rows", "batch_size", "padded_rows")


NOT_IN_PROGRAM += ("knowledge", "held_out", "samples", "test_samples", "record")


def program_of(final: RunConfig, device: torch.device) -> Program:
    """The program of a shape; kept, so that only the first chunk of a shape prepares it."""
    shape = json.loads(shape_of(final))
    if final.model in BUILT_IN:
        shape = {k: v for k, v in shape.items() if k not in NOT_IN_PROGRAM}
        task = final.graph
        shape["graph"] = [task.n_inputs, task.n_sources, task.n_tasks, task.n_outputs]
        shape["graph"] += ["don't-cares"] * task.has_dont_cares
    known_as = json.dumps(shape)
    key = (known_as, identity_of(final.model), str(device))
    if key not in _programs:
        if len(_programs) >= MAX_PROGRAMS:
            _programs.pop(next(iter(_programs)))
        network, findings = build(final, seed=0), None
        if final.model not in BUILT_IN:
            known_as, findings = None, examine(final, build, [another(final)], some_rows(final))
        given = (network, final.optimizer, final.loss, device, known_as, findings)
        _programs[key] = Program(*given, dont_cares=final.graph.has_dont_cares)
    return _programs[key]


def some_rows(final: RunConfig, number: int = 5) -> Tensor:
    """A few rows of a run, as a network is handed them, shape (row, input)."""
    parts = final.split.values()
    rows = torch.from_numpy(final.graph.rows(np.concatenate(list(parts))[:number]))
    images = images_on(final.graph, torch.device("cpu"))
    return inputs_of(rows if images is not None else rows.float(), images)


def forget_programs() -> None:
    """Prepare every program anew from here on."""
    _programs.clear()


_programs: dict[tuple[str, str, str], Program] = {}


MAX_PROGRAMS = 64
