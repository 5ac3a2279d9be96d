"""Tasks written down as plain values, and read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.task import Task
from modnets.tasks.task_sets import TaskSet

#: Entries that say what inputs and outputs are called.
LABELS = ("input_names", "output_names")


def task_from_dict(spec: Mapping[str, Any]) -> Task:
    """The task that its ``to_dict`` wrote down."""
    for entry, kind in (("tasks", TaskSet), ("digits", DigitPairs)):
        if entry in spec:
            return kind.from_dict(spec)
    return FunctionGraph.from_dict(spec)


def without_labels(spec: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What ``to_dict`` wrote of a task without the names of its inputs and outputs.

    They change no result, so that runs that differ in them alone are one run.
    """
    if spec is None:
        return None
    plain = {name: value for name, value in spec.items() if name not in LABELS}
    if "tasks" in plain:
        plain["tasks"] = [without_labels(one) for one in plain["tasks"]]
    if isinstance(plain.get("graph"), Mapping):
        plain["graph"] = without_labels(plain["graph"])
    return plain
