"""Restarts inside a run: successive halving on the training loss (Jamieson and Talwalkar, 2016).

A run with ``restarts=k`` is k plain runs, its starts, which have one split and differ in their seed
alone.  All train up to a ninth of the epochs, the best third of them up to a third, the best third
of those to the end, by schedules of all epochs; the best of these is what the run has learned.
With ``full_restarts`` all train to the end.
Best is who has the lowest mean loss on training rows, in evaluation: other rows have no say.

Each start is a replica, so that it is the same bit for bit as the plain run of its seed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from torch import nn

from modnets.config.run_config import RunConfig
from modnets.training.costs import epoch_flops
from modnets.training.random_streams import start_seed
from modnets.training.replicas import OF_RESTARTS, Replicas, in_last_rows
from modnets.training.watching import EvaluatedRuns

#: After which shares of the epochs one of so many starts goes on.
SHARES, ONE_OF = (9, 3, 1), 3


class Rung(NamedTuple):
    """A stretch of training: so many starts of a run train up to an epoch."""

    starts: int
    epoch: int


def rungs_of(config: RunConfig) -> list[Rung]:
    """The stretches of a run's training, and how many of its starts take part in each."""
    starts, rungs = config.final.restarts or 1, []
    if config.final.full_restarts:
        return [Rung(starts, config.epochs)]
    for share in SHARES:
        rungs.append(Rung(starts, max(1, round(config.epochs / share))))
        starts = math.ceil(starts / ONE_OF)
    return rungs


def spans_of(config: RunConfig, until: int | None = None) -> list[tuple[int, int]]:
    """How many starts of a run train for how many epochs, one stretch after the other.

    Parameters
    ----------
    config : RunConfig
    until : int, optional
        Only up to this epoch.
    """
    until = config.epochs if until is None else until
    rungs, begin, spans = rungs_of(config), 0, []
    for starts, epoch in rungs:
        end = min(epoch, until)
        spans.append((starts, end - begin))
        begin = end
    return spans


def starts_of(run: RunConfig) -> list[RunConfig]:
    """The plain runs that the starts of a run are; of one without restarts, itself."""
    if run.final.restarts is None:
        return [run]
    plain = replace(run, restarts=None, full_restarts=False)
    seeds = range(1, run.final.restarts)
    return [plain, *(plain.with_seeds(seed=start_seed(run.seed, one)) for one in seeds)]


def best(losses: np.ndarray, n: int) -> np.ndarray:
    """Which n have the lowest losses, in their order; of equal ones the earlier, NaN last.

    Parameters
    ----------
    losses : ndarray, shape (run, start)
    n : int

    Returns
    -------
    ndarray of int, shape (run, n)
    """
    return np.sort(losses.argsort(axis=1, kind="stable")[:, :n], axis=1)


class Starts:
    """The starts of a chunk of runs while they train; one each, where runs have no restarts.

    Parameters
    ----------
    runs : sequence of RunConfig
        Of one shape.
    replicas : Replicas
        Of all their starts, those of a run beside each other.
    """

    def __init__(self, runs: Sequence[RunConfig], replicas: Replicas) -> None:
        self.runs = runs
        numbers = np.tile(np.arange(len(replicas.runs) // len(runs)), (len(runs), 1))
        #: Of those that train now: replicas, and numbers of the starts, shape (run, start).
        self.training = replicas, numbers

    @property
    def replicas(self) -> Replicas:
        """The replicas that train now."""
        return self.training[0]

    @property
    def n_starts(self) -> int:
        """How many starts of each run train now."""
        return self.training[1].shape[1]

    def evaluations(self) -> Iterator[int]:
        """Train to the end; yields the epoch after each evaluation, the first before any step."""
        rungs = rungs_of(self.runs[0])
        left = [*(rung.starts for rung in rungs[1:]), 1]
        for rung, n_left in zip(rungs, left, strict=True):
            if self.n_starts > 1:
                yield from self.replicas.evaluations(before=rung.epoch)
                self._keep(n_left)
        yield from self.replicas.evaluations()

    def _keep(self, n: int) -> None:
        """Let only so many starts of each run go on, the best as they are now."""
        if n == self.n_starts:
            return
        replicas, numbers = self.training
        kept = best(replicas.training_losses().reshape(numbers.shape), n)
        places = np.ravel_multi_index((np.arange(len(kept))[:, None], kept), numbers.shape)
        left = replicas.kept(places.ravel().tolist())
        self.training = left, np.take_along_axis(numbers, kept, axis=1)

    def end(self) -> None:
        """Record what the runs have learned by the last evaluation, where training ends there."""
        self._keep(1)
        self.replicas.end()

    def _leading(self) -> tuple[Replicas, np.ndarray]:
        """The replicas, and which of them lead: of each run that with the lowest training loss."""
        replicas, numbers = self.training
        if numbers.shape[1] == 1:
            return replicas, np.arange(len(numbers))
        losses = replicas.latest().measures["train_loss"].reshape(numbers.shape)
        first = numbers.shape[1] * np.arange(len(self.runs))
        return replicas, first + best(losses, 1)[:, 0]

    def latest(self) -> EvaluatedRuns:
        """The last evaluation, of the starts that lead."""
        replicas, places = self._leading()
        epoch, _, measures = replicas.latest()
        leading = {name: values[places] for name, values in measures.items()}
        return EvaluatedRuns(epoch, tuple(self.runs), leading)

    def measures(self) -> tuple[list[int], dict[str, np.ndarray]]:
        """Epochs evaluated until now, and each measure of the starts that lead, (run, epoch)."""
        replicas, places = self._leading()
        epochs, measures = replicas.measures()
        return epochs, {name: values[places] for name, values in measures.items()}

    def leader(self, run: RunConfig) -> RunConfig:
        """The plain run that the start of a run that leads is."""
        replicas, places = self._leading()
        return replicas.runs[places[self.runs.index(run)]]

    def record(self, run: RunConfig, epoch: int) -> dict[str, Any]:
        """What was recorded of a run's start that leads, at the last evaluation up to an epoch.

        ``epoch``, ``structure`` and ``predicted``, as in results; nothing before the first.
        """
        replicas, places = self._leading()
        place = places[self.runs.index(run)]
        details = dict(replicas.details)
        last = max((one for one in details if one <= epoch), default=None)
        if last is None:
            return {}
        return {"epoch": last} | {
            name: details[last][name][place] for name in ("structure", "predicted")
        }

    def networks(self) -> list[nn.Module]:
        """The networks of the runs, at the end."""
        return self.replicas.networks()

    def table(self) -> pd.DataFrame:
        """What has been evaluated, at the end: one row per run and evaluated epoch."""
        replicas, numbers = self.training
        table = replicas.table(self.runs)
        if self.runs[0].final.restarts is not None:
            n_epochs = len(replicas.evaluated)
            columns = numbers[:, 0].tolist(), self._flops()
            for name, values in zip(OF_RESTARTS, columns, strict=True):
                table[name] = in_last_rows(values, n_epochs).astype(float)
        return table

    def _flops(self) -> list[float]:
        """Floating-point operations of the training steps of all starts of each run."""
        spans = spans_of(self.runs[0], self.replicas.epoch)
        epochs = sum(n_starts * n_epochs for n_starts, n_epochs in spans)
        try:
            return [float(epochs * flops) for flops in epoch_flops(self.replicas.runs)]
        except Exception:  # of a user-defined network, whose step may not be traced
            return [np.nan] * len(self.runs)
