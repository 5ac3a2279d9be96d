"""One run, for a person who wants to look at it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from torch import nn

from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.experiments.columns import with_measures
from modnets.experiments.executors import Report
from modnets.experiments.failures import RunsFailed
from modnets.experiments.interruption import interruption_in_one_line
from modnets.experiments.planning import MOST, Chunk, check_arguments, checked_runs
from modnets.experiments.progress import Progress
from modnets.experiments.result_digests import UNSTORED
from modnets.training.engine import choose_device, earlier_states
from modnets.training.initialization import initial_network
from modnets.training.restarts import starts_of
from modnets.training.watching import EvaluatedRuns, check_callable


@dataclass(repr=False)
class TrainedRun:
    """One run to look at: its network with trained weights, and its table.

    Parameters
    ----------
    config : RunConfig
    network : nn.Module
    table : DataFrame
        One row per evaluated epoch.
    """

    config: RunConfig
    network: nn.Module
    table: pd.DataFrame

    def __repr__(self) -> str:
        end = self.table.iloc[-1]
        state = "solved" if self.solved else f"{100 * end['bit_accuracy']:.0f} % of the bits right"
        return f"<TrainedRun {self.config}: {state} after {int(end['epoch']):,} epochs>"

    @property
    def solved(self) -> bool:
        """Whether every row of the truth table is right at the end."""
        return bool(self.table["solved"].iloc[-1])

    @property
    def untrained(self) -> nn.Module:
        """The network as it was before training."""
        starts = starts_of(self.config)
        start = self.table["start"].iloc[-1] if len(starts) > 1 else 0
        earlier, failures = earlier_states([self.config])
        if failures:
            raise RunsFailed({self.config.key: (self.config, failures[self.config.key])})
        return initial_network(starts[int(start)], earlier).eval()

    @property
    def predicted(self) -> list[str]:
        """The truth table learned: per output a hexadecimal number, first row highest."""
        return self.table["predicted"].iloc[-1].split()

    @property
    def structure(self) -> dict[str, list] | None:
        """Routing, selection and outputs as learned, where the network has them."""
        text = self.table["structure"].iloc[-1]
        return json.loads(text) if isinstance(text, str) else None


def train(
    config: RunConfig,
    *,
    chunk: int = 1,
    compiled: bool = False,
    device: str = "auto",
    progress: bool = True,
    on_evaluation: Callable[[EvaluatedRuns], object] | None = None,
) -> TrainedRun:
    """Train one run, for a person who wants to look at it.

    Parameters
    ----------
    config : RunConfig
    chunk : int
        The chunk of the sweep whose result is to be replayed bit for bit; 1 is quickest.
    compiled : bool
        Likewise; in a chunk of 1 the step is vectorized within the run.
    device : str
    progress : bool
    on_evaluation : callable, optional
        Called at each evaluation with its epoch, the run, and its measures, as that of ``sweep``;
        where it returns True, training ends there, and so does the table.

    Returns
    -------
    TrainedRun

    Raises
    ------
    ValueError
        If an argument is wrong; before anything is trained.
    RunsFailed
        If the run cannot be trained.
    """
    check_arguments(chunk=chunk, device=device, progress=progress, compiled=compiled)
    check_callable(on_evaluation)
    require(chunk is not None, f"chunk=None; allowed is a whole number, 1 to {MOST['chunk']}")
    (config,) = checked_runs([config])
    chunk_of_one = Chunk((config,), chunk, bool(compiled), str(choose_device(str(device))))
    with interruption_in_one_line(lambda: "nothing is kept"), Progress(1, show=progress) as shown:
        trained = chunk_of_one.train(
            keep_networks=True, on_evaluation=Report(chunk_of_one, shown), watch=on_evaluation
        )
    if trained.failures:
        raise RunsFailed({config.key: (config, trained.failures[config.key])})
    table = with_measures(trained.table)
    UNSTORED.add(table)
    return TrainedRun(config, trained.networks[0], table)
