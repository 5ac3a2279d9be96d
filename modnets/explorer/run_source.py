"""Runs that the explorer shows, live or finished, behind one interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pandas as pd
from torch import nn

from modnets.config.run_config import RunConfig
from modnets.experiments.live import Live
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Task


class RunSource(Protocol):
    """Runs of one task, with their measures, records and networks."""

    @property
    def graph(self) -> Task:
        """The task of the runs."""

    @property
    def epochs(self) -> int:
        """Epochs of a complete run."""

    @property
    def configs(self) -> Mapping[str, RunConfig | None]:
        """Key of each run -> its config; None where it is not stored."""

    @property
    def seeds(self) -> Mapping[str, int]:
        """Key of each run -> its seed."""

    @property
    def theory(self) -> Mapping[str, float]:
        """Kind -> accuracy that theory allows, in [0, 1]; empty if it is not known."""

    @property
    def has_weights(self) -> bool:
        """Whether networks have the trained weights, and not only the recorded choices."""

    @property
    def running(self) -> bool:
        """Whether the runs are training now."""

    @property
    def missing_configs(self) -> str:
        """The message to show for a run without a config; empty for none."""

    def measures(self, *names: str) -> pd.DataFrame:
        """Measures of all evaluations, one row per run and evaluated epoch.

        Columns ``run``, ``kind``, ``epoch``, and those requested by their names in results.
        """

    def record(self, run: str, epoch: int) -> dict[str, Any]:
        """``epoch``, ``structure`` and ``predicted`` of a run, at the last record up to an epoch.

        Empty if nothing is recorded.
        """

    def network(self, run: str, epoch: int) -> nn.Module | None:
        """The network of a run as it was at an epoch; None if it cannot be rebuilt."""


class LiveRuns:
    """The runs of a live training, as a :class:`RunSource`."""

    has_weights, missing_configs = True, ""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.graph, self.epochs = get_graph(live.runs[0].graph), live.runs[0].epochs
        self.configs: dict[str, RunConfig | None] = {run.key: run for run in live.runs}
        self.seeds = {run.key: run.seed for run in live.runs}
        #: Replaced once it has been computed, in another thread.
        self.theory: dict[str, float] = {}
        self.measures, self.record, self.network = live.measures, live.record, live.network

    @property
    def running(self) -> bool:
        """Whether the runs are training now."""
        return self.live.running
