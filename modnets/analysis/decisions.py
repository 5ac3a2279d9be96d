"""Whether the training rows of a run leave one function: what any learner could do.

Exact where all functions of a network can be enumerated; else from circuits that are searched
independently of each other and fit the rows: two that differ prove that several functions are left.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import cast

import numpy as np
import pandas as pd

from modnets.analysis.version_space.modular import VersionSpace
from modnets.analysis.version_space.spec import NetworkSpec
from modnets.checked import checked
from modnets.config.run_config import RunConfig
from modnets.config.shapes import shape_of
from modnets.errors import require
from modnets.models.modular import ModularNetwork
from modnets.models.registry import build
from modnets.models.routing_methods.circuits import CircuitShape, outputs_of
from modnets.models.routing_methods.search import Annealing, search
from modnets.training.initialization import by_knowledge, training_rows
from modnets.training.random_streams import stream_seed

#: Rows of a table on which circuits are compared; of a larger one, a sample.
MOST_ROWS = 2**12
#: Searches of a run between looks at what they have found.
AT_ONCE = 4


@checked(searches=(2, 10_000))
def decided(runs: Iterable[RunConfig], *, searches: int = 32) -> pd.DataFrame:
    """Whether the training rows of each run leave one function that its network can express.

    Modules may be any gate, and what is known of routing, selection and outputs holds; else the
    choices are free.  No learner that knows nothing more can be sure of the others.

    Parameters
    ----------
    runs : iterable of RunConfig
        Of modular networks on tasks of bits.
    searches : int
        Circuits that are searched where the functions are too many to enumerate.

    Returns
    -------
    DataFrame
        A row for each run: ``run``, its key; ``decided``, a bool; ``exact``, whether by
        enumeration.  Where it is not exact, False is certain, and True says that all searches
        found the same function (or none, if no circuit fits).

    Raises
    ------
    ValueError
        If a network has no slots, or reads images, or several tasks at once.
    """
    given = list(runs)
    for run in given:
        require(
            run.is_modular and run.graph.images is None and run.graph.n_tasks == 1,
            f"runs: {run}; allowed are modular networks on tasks of bits, one at a time",
        )
    found: dict[str, tuple[bool, bool]] = {}
    left: list[RunConfig] = []
    # The functions left are compared with the task: graphs of one shape are apart.
    refused: set[NetworkSpec] = set()
    for group in _grouped(given, lambda run: (shape_of(run), run.graph, run.known_graph)):
        space = _space(group[0], refused)
        if space is None:
            left += group
            continue
        answers = space.answers([run.split for run in group])
        singles = zip(group, answers["single"], strict=True)
        found |= {run.key: (bool(single), True) for run, single in singles}
    for group in _grouped(left, shape_of):
        for places in by_knowledge([run.final for run in group]):
            some = [group[place] for place in places]
            told = zip(some, _by_search(some, searches), strict=True)
            found |= {run.key: (one, False) for run, one in told}
    rows = [(run.key, *found[run.key]) for run in given]
    return pd.DataFrame(rows, columns=["run", "decided", "exact"])


def _grouped(
    runs: Iterable[RunConfig], key: Callable[[RunConfig], Hashable]
) -> list[list[RunConfig]]:
    groups: dict[Hashable, list[RunConfig]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return list(groups.values())


def _space(run: RunConfig, refused: set[NetworkSpec]) -> VersionSpace | None:
    """The functions of a run's network, where they can be enumerated.

    Networks that are too many are added to ``refused``: to find out takes seconds, and what can be
    expressed does not depend on the graph that is learned.
    """
    try:
        space = VersionSpace(run)
    except ValueError:
        return None
    if space.spec in refused:
        return None
    if space.refusal is not None:
        refused.add(space.spec)
        return None
    return space


def _by_search(runs: Sequence[RunConfig], searches: int) -> list[bool]:
    """Whether independent searches find one function, for runs of one shape that know the same."""
    shape = CircuitShape.of(cast("ModularNetwork", build(runs[0].final, seed=0)))
    functions: list[set[bytes]] = [set() for _ in runs]
    for first in range(0, searches, AT_ONCE):
        left = [index for index, one in enumerate(functions) if len(one) <= 1]
        if not left:
            break
        seeds = range(first, min(first + AT_ONCE, searches))
        places = [index for index in left for _ in seeds]
        rows = {index: training_rows(runs[index].final) for index in left}
        circuits = search(
            shape,
            [rows[index] for index in places],
            [stream_seed(seed, "routing") for _ in left for seed in seeds],
            Annealing(),
        )
        compared = {index: _rows_compared(runs[index]) for index in left}
        for index, one in zip(places, circuits, strict=True):
            if one.errors == 0:
                outputs = outputs_of(shape, one.structure, one.tables, compared[index])
                functions[index].add(outputs.tobytes())
    return [len(one) <= 1 for one in functions]


def _rows_compared(run: RunConfig) -> np.ndarray:
    task = run.final.graph
    if task.enumerable and task.n_rows <= MOST_ROWS:
        return task.rows()
    index = np.concatenate([part[:MOST_ROWS] for part in run.split.values()])
    return task.rows(index[:MOST_ROWS])
