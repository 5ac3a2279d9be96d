"""What runs have in common that train together: their shape, their steps and their rows."""

from __future__ import annotations

import hashlib
import json
import math
from functools import lru_cache
from typing import cast

from modnets.config.defaults import n_examples
from modnets.config.run_config import RunConfig
from modnets.config.run_keys import MAX_KEPT, PER_RUN, Common
from modnets.config.settings import GRAPH_SETTINGS, FinalSettings, Settings
from modnets.models.registry import BUILT_IN
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.task import Task

MIN_PADDED_ROWS = 64


def is_full_batch(config: RunConfig) -> bool:
    """Whether every step sees all training rows."""
    return _is_full_batch(config.final)


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
    return _padded_rows(config.final)


def _is_full_batch(final: FinalSettings) -> bool:
    return final.batch_size >= n_examples(final)


def _padded_rows(final: FinalSettings) -> int:
    if not _is_full_batch(final):
        return final.batch_size
    size, task = max(MIN_PADDED_ROWS, 2 ** math.ceil(math.log2(n_examples(final)))), final.graph
    return size if task.images is not None else min(size, task.n_rows * task.n_tasks)


def graph_is_data(final: Settings) -> bool:
    """Whether runs of other function graphs of the same widths train in the same chunk.

    To a built-in network its graph is data: rows, their outputs, and known choices as buffers.
    """
    graphs = [getattr(final, name) for name in GRAPH_SETTINGS]
    return final.model in BUILT_IN and all(one is None or _is_plain(one) for one in graphs)


def _is_plain(task: Task) -> bool:
    return type(task) is FunctionGraph and not task.has_dont_cares


def shape_of(config: RunConfig) -> str:
    """What the runs of a chunk have in common, as text: equal for runs that train together."""
    return _shape_of(config.common)


@lru_cache(maxsize=MAX_KEPT)
def _shape_of(common: Common) -> str:
    final = common.final
    values = final.to_dict()
    for name in PER_RUN:
        values.pop(name)
    if final.pretrained is not None:  # in a digest, as a chain may be long
        earlier = shape_of(cast("RunConfig", final.pretrained))
        values["pretrained"] = hashlib.sha256(earlier.encode()).hexdigest()[:16]
    if graph_is_data(final):
        graphs = {name: getattr(final, name) for name in GRAPH_SETTINGS}
        values |= {name: graph and graph.widths for name, graph in graphs.items()}
    if _is_full_batch(final):
        values |= {"train_rows": None, "batch_size": None, "padded_rows": _padded_rows(final)}
    return json.dumps(values, sort_keys=True)
