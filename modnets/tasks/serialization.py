"""Tasks from JSON values, which their ``to_dict`` gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.samples import Samples
from modnets.tasks.task import Task
from modnets.tasks.task_sets import TaskSet

#: Entries with the names of inputs and outputs.
LABELS = ("input_names", "output_names")


def task_from_dict(spec: Mapping[str, Any]) -> Task:
    """The task from the values of its ``to_dict``."""
    if "tasks" in spec:
        return TaskSet.from_dict(spec)
    if "digits" in spec:
        return DigitPairs.from_dict(spec)
    if "samples" in spec:
        return Samples.from_dict(spec)
    return FunctionGraph.from_dict(spec)


def without_labels(spec: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The values of ``to_dict`` without the names of inputs and outputs.

    Names change no result, so that runs that differ in them alone are the same run.
    """
    if spec is None:
        return None
    unlabelled = {name: value for name, value in spec.items() if name not in LABELS}
    if "tasks" in unlabelled:
        unlabelled["tasks"] = [without_labels(one) for one in unlabelled["tasks"]]
    if isinstance(unlabelled.get("graph"), Mapping):
        unlabelled["graph"] = without_labels(unlabelled["graph"])
    return unlabelled
