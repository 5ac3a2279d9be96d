"""A chunk of runs while it trains, evaluates and records."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.models.hooks import MEASURED, called
from modnets.training.backends.choice import BackendChoice, choose_backend
from modnets.training.backends.plain_loop import PlainLoopBackend, restored
from modnets.training.batches import Block
from modnets.training.initialization import InitialState
from modnets.training.inspection import INSPECTED, NetworkInspector
from modnets.training.random_streams import stream_seed
from modnets.training.restoring import rebuilt
from modnets.training.schedules import StepScales
from modnets.training.step_cache import training_step_of
from modnets.training.watching import EvaluatedRuns

#: Columns that runs with restarts fill.
OF_RESTARTS = ("start", "flops")


def make_replicas(
    runs: Sequence[RunConfig],
    starts: Sequence[InitialState],
    chunk: int,
    lanes: int,
    device: torch.device,
    threads: int,
) -> Replicas:
    """A chunk of runs of one shape before its first step.

    Parameters
    ----------
    runs : sequence of RunConfig
    starts : sequence of InitialState
        One for each run.
    chunk : int
    lanes : int
        Replicas in a vector of a compiled step; 0 for tensor operations.
    device : torch.device
    threads : int
    """
    training_step = training_step_of(runs[0].final, device)
    choice = choose_backend(training_step, runs, starts, chunk, lanes, device, threads)
    return Replicas(runs, starts, choice)


class Replicas:
    """A chunk of runs, and the backend that takes their steps.

    Parameters
    ----------
    runs : sequence of RunConfig, of one shape
    starts : sequence of InitialState
        Where training begins, or goes on, for each run.
    choice : BackendChoice
    epoch : int
        How many epochs have passed.
    """

    def __init__(
        self,
        runs: Sequence[RunConfig],
        starts: Sequence[InitialState],
        choice: BackendChoice,
        epoch: int = 0,
    ) -> None:
        self.runs, self.starts, self.choice, self.epoch = runs, starts, choice, epoch
        self.first, self.training_step = runs[0].final, choice.training_step
        self.backend, slots = choice.filled(runs, starts)
        buffers = slots.hyperparameters.buffers
        self.inspector = NetworkInspector(runs, self.training_step, buffers)
        self.padded, self.batches = slots.finals, slots.batches
        self.batches.skip(epoch)
        self.evaluation = slots.evaluation
        self.step_scales = StepScales(self.padded, self.training_step, choice.device)
        #: Of each evaluation: epoch, sums as in ``evaluation.Evaluated``, what is solved.
        self.evaluated: list[tuple[int, list[Tensor], Tensor]] = []
        #: Of each evaluation at which it is recorded: columns of what the runs have learned.
        self.details: dict[int, dict[str, Sequence[Any]]] = {}
        #: Of each evaluation: what hooks have measured of each run, as JSON.
        self.measured: list[list[str]] = []
        self.columns: set[str] = set()  # names that are taken
        self.warned_of_nan = False

    @property
    def rows(self) -> Tensor:
        """The current state of the runs' networks, a row for each; see :func:`rebuilt`."""
        backend = self.backend
        rows = backend.rows if isinstance(backend, PlainLoopBackend) else backend.flat
        return rows[: len(self.runs)]

    def networks(self) -> list[nn.Module]:
        """The current networks of the runs."""
        if isinstance(self.backend, PlainLoopBackend):
            return [network.eval() for network in self.backend.networks]
        return [
            rebuilt(run, row, self.training_step)
            for run, row in zip(self.runs, self.rows, strict=True)
        ]

    def evaluations(self, before: int | None = None) -> Iterator[int]:
        """Train to the end; yields the epoch after each evaluation, the first before any step.

        Parameters
        ----------
        before : int, optional
            Train up to this epoch only, at which nothing is evaluated yet.
        """
        first = self.first
        assert first.eval_every is not None  # resolved
        for epoch in sorted({*range(0, first.epochs, first.eval_every), first.epochs}):
            if self.evaluated and epoch <= self.evaluated[-1][0]:
                continue
            if before is not None and epoch >= before:
                break
            self._train(epoch)
            self._evaluate(epoch)
            yield epoch
        if before is not None:
            self._train(before)

    def _train(self, epoch: int) -> None:
        """Take the steps up to an epoch."""
        done = self.epoch * self.batches.steps
        for n_steps, batch in self.batches.blocks(epoch - self.epoch):
            self.backend.train(Block(n_steps, batch, self.step_scales.of(done, n_steps)))
            done += n_steps
        self.epoch = epoch

    def training_losses(self) -> np.ndarray:
        """Mean losses on training rows as the runs are now, in evaluation; shape (run,)."""
        found = self.evaluation.scored(self.backend.evaluate, recorded=False)
        sums = [part[None] for part in found.sums]
        measures = self.evaluation.measures(sums, found.solved[None])
        return measures["train_loss"][0, : len(self.runs)]

    def kept(self, places: Sequence[int]) -> Replicas:
        """Some of the runs, where they are now, with what has been evaluated of them."""
        reached = self._reached()
        starts, runs = [reached[place] for place in places], [self.runs[place] for place in places]
        kept = Replicas(runs, starts, self.choice, self.epoch)
        slots = [*places, *[places[0]] * (len(kept.padded) - len(places))]
        kept.evaluated = [
            (epoch, [part[slots] for part in sums], solved[slots])
            for epoch, sums, solved in self.evaluated
        ]
        kept.details = {
            epoch: {name: [column[place] for place in places] for name, column in columns.items()}
            for epoch, columns in self.details.items()
        }
        kept.measured = [[texts[place] for place in places] for texts in self.measured]
        kept.columns, kept.warned_of_nan = self.columns, self.warned_of_nan
        return kept

    def _reached(self) -> list[InitialState]:
        """What the runs go on from."""
        backend, flat = self.backend, self.backend.flat
        if isinstance(backend, PlainLoopBackend):
            networks = zip(self.starts, flat, backend.optimizers, strict=True)
            return [replace(one, flat=row, optimizer=own) for one, row, own in networks]
        states = list(zip(*backend.states, strict=True)) or [()] * len(flat)
        replicas = zip(self.starts, flat, states, strict=False)  # some may be there to fill up
        return [replace(one, flat=row, states=kept) for one, row, kept in replicas]

    def _evaluate(self, epoch: int) -> None:
        recorded = epoch == self.first.epochs or self.first.record == "every"
        found = self.evaluation.scored(self.backend.evaluate, recorded=recorded)
        self.evaluated.append((epoch, found.sums, found.solved))
        self._warn_of_nan(epoch, (~found.finite)[: len(self.runs)])
        if recorded:
            self._record(epoch, found.bits)
        if self.first.on_evaluation:
            self.measured.append(self._measure(epoch))

    def _record(self, epoch: int, bits: Sequence[Tensor]) -> None:
        """Keep what the runs have learned."""
        predicted = self.evaluation.predicted(bits)[: len(self.runs)]
        plain = isinstance(self.backend, PlainLoopBackend)
        columns = self.inspector.look(self.backend.flat, self.networks() if plain else None)
        self.details[epoch] = {"predicted": predicted, **columns}

    def end(self) -> None:
        """Record what the runs have learned by the last evaluation, where training ends there."""
        epoch = self.evaluated[-1][0]
        if epoch not in self.details:
            self._record(epoch, self.evaluation.scored(self.backend.evaluate).bits)

    def latest(self) -> EvaluatedRuns:
        """The last evaluation."""
        epoch, sums, solved = self.evaluated[-1]
        measures = self.evaluation.measures([one[None] for one in sums], solved[None])
        measures = {name: one[0, : len(self.runs)] for name, one in measures.items()}
        if self.measured:
            own = pd.DataFrame([json.loads(text) for text in self.measured[-1]], dtype=float)
            measures |= {str(name): column.to_numpy() for name, column in own.items()}
        return EvaluatedRuns(epoch, tuple(self.runs), measures)

    def _measure(self, epoch: int) -> list[str]:
        """What the hooks of the runs measure, as JSON, of each run."""
        texts = []
        self.columns = self.columns or {*self.table()}
        for run, network in zip(self.runs, self.networks(), strict=True):
            plain = isinstance(self.backend, PlainLoopBackend)
            with restored(network) if plain else contextlib.nullcontext():
                seed = stream_seed(run.seed, "hooks")
                names = run.on_evaluation or ()
                by_hook = [called(name, network, run, epoch, seed) for name in names]
            measured = {name: one[name] for one in by_hook for name in one}
            taken = ", ".join(self.columns.intersection(measured))
            require(
                not taken,
                f"on_evaluation={run.on_evaluation} measures {taken}; allowed are names that "
                "results do not have",
            )
            texts.append(json.dumps(measured))
        return texts

    def _warn_of_nan(self, epoch: int, nonfinite: Tensor) -> None:
        """Print once which runs give NaN or infinite logits; their losses are NaN from here on."""
        if self.warned_of_nan or not bool(nonfinite.any()):
            return
        self.warned_of_nan = True
        first = self.runs[int(nonfinite.nonzero()[0])]
        print(
            f"modnets: NaN or infinite logits in epoch {epoch} in {int(nonfinite.sum())} of "
            f"{len(self.runs)} runs, as {first} ({first.key}): their loss is no number, and a bit "
            "counts as 1 only where its logit is above 0",
            file=sys.stderr,
        )

    def table(self, runs: Sequence[RunConfig] | None = None) -> pd.DataFrame:
        """What has been evaluated until now: one row per run and evaluated epoch.

        Parameters
        ----------
        runs : sequence of RunConfig, optional
            Whose settings the rows have, in place of those that train.
        """
        return self._table(self.runs if runs is None else runs, *self.measures())

    def measures(self) -> tuple[list[int], dict[str, np.ndarray]]:
        """Epochs evaluated until now, and each measure of the runs, shape (run, epoch)."""
        epochs, sums, solved = zip(*self.evaluated, strict=True)
        every = [torch.stack(measure) for measure in zip(*sums, strict=True)]
        measures = self.evaluation.measures(every, torch.stack(solved))
        return list(epochs), {name: one[:, : len(self.runs)].T for name, one in measures.items()}

    def _table(
        self, runs: Sequence[RunConfig], epochs: Sequence[int], measures: dict[str, np.ndarray]
    ) -> pd.DataFrame:
        n_runs, n_epochs = len(runs), len(epochs)
        rows = [run.to_row() for run in runs]
        columns: dict[str, Any] = {
            name: np.repeat(_column([row[name] for row in rows]), n_epochs) for name in rows[0]
        }
        columns["epoch"] = np.tile(np.array(epochs), n_runs)
        columns |= {name: values.ravel() for name, values in measures.items()}
        by_run = list(zip(*self.measured, strict=True))
        texts = [text for run in by_run for text in run] or [None] * (n_runs * n_epochs)
        columns[MEASURED] = _column(texts)
        absent = {"predicted": None, "structure": None} | dict.fromkeys(INSPECTED, np.nan)
        columns |= {name: self._recorded(name, epochs, none) for name, none in absent.items()}
        return pd.DataFrame(columns | dict.fromkeys(OF_RESTARTS, np.nan))

    def _recorded(self, name: str, epochs: Sequence[int], absent: Any) -> np.ndarray:
        """A column of what was recorded, absent in the rows of other epochs."""
        kind = object if absent is None else float
        column = np.full((len(self.runs), len(epochs)), absent, dtype=kind)
        for index, epoch in enumerate(epochs):
            if epoch in self.details:
                column[:, index] = self.details[epoch][name]
        return column.ravel()


def _column(values: Sequence[Any]) -> np.ndarray:
    """Values of runs as an array; texts and None stay objects."""
    if all(isinstance(value, bool | int | float) for value in values):
        return np.array(values)
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def in_last_rows(values: Sequence[Any], n_epochs: int) -> np.ndarray:
    """A column with a value in each run's last row."""
    column = np.full((len(values), n_epochs), None, dtype=object)
    column[:, -1] = values
    return column.ravel()
