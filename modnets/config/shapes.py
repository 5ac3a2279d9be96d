"""What runs have in common that train together: their shape, their steps and their rows."""

from __future__ import annotations

import json
import math

from modnets.config.run_config import RunConfig
from modnets.config.run_keys import PER_RUN, common_of

MIN_PADDED_ROWS = 64


def is_full_batch(config: RunConfig) -> bool:
    """Whether every step sees all training rows."""
    return config.final.batch_size >= config.n_examples


def steps_per_epoch(config: RunConfig) -> int:
    """Number of steps in which the training rows are passed once."""
    return math.ceil(config.n_examples / config.final.batch_size)


def total_steps(config: RunConfig) -> int:
    """Number of optimizer steps from start to end."""
    return steps_per_epoch(config) * config.epochs


def padded_rows(config: RunConfig) -> int:
    """Rows in each step as the engine sees them: full batches are filled up with weight 0.

    Few sizes, so that runs with many different numbers of training rows share one compiled step.
    """
    final = config.final
    if not is_full_batch(final):
        return final.batch_size
    size, task = max(MIN_PADDED_ROWS, 2 ** math.ceil(math.log2(final.n_examples))), final.graph
    return size if task.images is not None else min(size, task.n_rows * task.n_tasks)


def shape_of(config: RunConfig) -> str:
    """What the runs of a chunk have in common, as text: equal for runs that train together."""
    kept = common_of(config).kept  # worked out once for all runs that have it
    if "shape" not in kept:
        kept["shape"] = _shape_of(config)
    return kept["shape"]


def _shape_of(config: RunConfig) -> str:
    values = config.final.to_dict()
    for name in PER_RUN:
        values.pop(name)
    if is_full_batch(config):
        values |= {"train_rows": None, "batch_size": None, "padded_rows": padded_rows(config)}
    return json.dumps(values, sort_keys=True)
