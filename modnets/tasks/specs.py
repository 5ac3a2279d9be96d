"""Tasks written down as plain values, and read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.task import Task
from modnets.tasks.task_sets import TaskSet


def task_from_dict(spec: Mapping[str, Any]) -> Task:
    """The task that its ``to_dict`` wrote down."""
    for entry, kind in (("tasks", TaskSet), ("digits", DigitPairs)):
        if entry in spec:
            return kind.from_dict(spec)
    return FunctionGraph.from_dict(spec)
