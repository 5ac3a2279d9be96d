"""Multi-task learning: several tasks learned by one network, or by a network for each."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from modnets.analysis.clusters import SEEDS
from modnets.analysis.pooling import refuse_pooling
from modnets.analysis.statistics import last
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.errors import require
from modnets.tasks.splits import SEED_STEP
from modnets.tasks.task_sets import TaskSet

#: Arrangement: how several tasks are learned -> its label.
ARRANGEMENTS = {
    "apart": "a network for each task",
    "same": "one network, the same rows held out",
    "different": "one network, different rows held out",
}
MEASURES = ["bit_accuracy", "row_accuracy", "validation_bit_accuracy", "test_bit_accuracy"]


@checked
def arrange(together: pd.DataFrame, apart: pd.DataFrame, sets: Iterable[TaskSet]) -> pd.DataFrame:
    """Runs that learn a set of tasks at once, and those of a network for each task, in one table.

    Parameters
    ----------
    together : DataFrame
        What a sweep over sets of tasks returns; each run enters at its last epoch.
    apart : DataFrame
        What a sweep over their single tasks returns.  Runs of the same kind, rows and seeds are
        combined: they solve the set if each solves its task, and accuracies are means over
        tasks.  Split seeds are those of a set that holds out different rows: task k is split by
        ``split_seed + 10_000 * k``.
    sets : iterable of TaskSet

    Returns
    -------
    DataFrame
        A row per run, or per combined runs: ``graph`` (the set), ``arrangement`` (a key of
        ARRANGEMENTS), ``kind`` (with ", every level" appended where outputs are read from every
        level), ``train_rows`` of each task, ``split_seed``, ``seed``, ``run``, ``epoch``,
        ``solved`` and accuracies.

    Raises
    ------
    ValueError
        If a group of single-task runs lacks a task, or a setting varies within a kind.
    """
    columns = ["graph", "kind", "train_rows", *SEEDS, "run", "epoch", "solved", *MEASURES]
    require_columns(together, [*columns, "held_out", "output_levels"])
    require_columns(apart, columns)
    runs = last(together)
    refuse_pooling(runs, ["graph", "held_out", "kind", "output_levels", "train_rows"])
    refuse_pooling(apart, ["graph", "kind", "train_rows"])
    every = (runs["output_levels"] == "every").map({True: ", every level", False: ""})
    runs = runs.assign(arrangement=runs["held_out"], kind=runs["kind"] + every)
    singles = last(apart)
    combined = [_combined(singles, tasks) for tasks in sets]
    return pd.concat([runs[["arrangement", *columns]], *combined], ignore_index=True)


def _combined(singles: pd.DataFrame, tasks: TaskSet) -> pd.DataFrame:
    """A row for each group of runs that learn the tasks of a set, a run each."""
    names = [str(graph.name) for graph in tasks.graphs]
    runs = singles[singles["graph"].isin(names)]
    first_seed = runs["split_seed"] - SEED_STEP * runs["graph"].map(names.index)
    runs = runs.assign(split_seed=first_seed)
    runs = runs[runs["split_seed"].between(0, SEED_STEP - 1)]
    groups = runs.groupby(["kind", "train_rows", *SEEDS], sort=True)
    sizes = groups.size()
    require(
        bool((sizes == len(names)).all()),
        f"{int((sizes != len(names)).sum())} groups of runs lack a task of {tasks}; allowed is a "
        f"run of each of {', '.join(names)}",
    )
    aggregations = dict.fromkeys(MEASURES, "mean") | {
        "solved": "all",
        "epoch": "max",
        "run": "+".join,
    }
    return groups.agg(aggregations).reset_index().assign(graph=tasks.name, arrangement="apart")
