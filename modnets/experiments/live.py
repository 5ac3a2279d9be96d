"""Training that can be watched: stopped between evaluations, gone on with, looked into.

Chunks of all kinds train in turn, an evaluation each, in one thread, so that their curves grow side
by side.  What is done is stored as a sweep would store it, bit for bit for the same choice of eager
or compiled steps and of the chunk.  Nobody waits for a compiler: machine code is used where it is
on the disk already, and compiled first only if eager steps would take half a minute.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from modnets.compiler.build_cache import NotCompiledError, without_compiling
from modnets.config.run_config import RunConfig
from modnets.config.shapes import total_steps
from modnets.errors import require
from modnets.experiments.columns import with_measures
from modnets.experiments.planning import Chunk, plan
from modnets.experiments.result_digests import UNSTORED
from modnets.experiments.store import Store
from modnets.experiments.sweep import RunsFailed, provenance_of
from modnets.runs_read import note
from modnets.training.backends.eager import one_thread
from modnets.training.engine import Trained, finished, set_up
from modnets.training.restarts import Starts
from modnets.training.restoring import rebuilt

#: Steps of a chunk from which on it is worth to wait for a compiler.
WAIT_FROM = 4000
#: Bytes of parameters kept for looking back; beyond it every second evaluation is let go.
KEPT = 2**27


class Part:
    """A chunk of a live training."""

    def __init__(self, chunk: Chunk, compiled: bool | None) -> None:
        self.chunk, self.compiled = chunk, compiled
        self.starts: Starts | None = None
        self.failures: dict[str, str] = {}
        self.trained: Trained | None = None
        #: Epoch -> parameters of all that train, shape (parameter,), by their keys.
        self.parameters: dict[int, dict[str, Tensor]] = {}
        self.epoch, self.epochs, self.seconds = -1, chunk.runs[0].epochs, 0.0
        self._evaluations: Iterator[int] = iter(())

    def advance(self) -> None:
        """Train to the next evaluation; the first is before any step."""
        started = time.perf_counter()
        with one_thread(), torch.no_grad():
            if self.starts is None:
                self._set_up()
            if self.starts is not None:
                self._evaluate(self.starts)
        self.seconds += time.perf_counter() - started

    def _set_up(self) -> None:
        steps = total_steps(self.chunk.runs[0])
        waits = steps >= WAIT_FROM if self.compiled is None else self.compiled
        make = partial(
            set_up,
            self.chunk.runs,
            chunk=self.chunk.size,
            lanes=self.chunk.lanes,
            device=self.chunk.device,
            threads=1,
        )
        try:
            if self.compiled is False:
                raise NotCompiledError
            with contextlib.nullcontext() if waits else without_compiling():
                self.starts, self.failures = make(compiled=True)
        except NotCompiledError:
            self.starts, self.failures = make(compiled=False)
        if self.starts is None:  # not one of its networks could be built
            self.epoch, self.trained = self.epochs, Trained(pd.DataFrame(), self.failures)
        else:
            self._evaluations = self.starts.evaluations()

    def _evaluate(self, starts: Starts) -> None:
        self.epoch = next(self._evaluations)
        rows = starts.replicas.rows.detach().cpu().clone()
        keys = (run.key for run in starts.replicas.runs)
        self.parameters[self.epoch] = dict(zip(keys, rows, strict=True))
        if self.epoch == self.epochs:
            self.trained = finished(starts, self.failures)
            self.trained.duration = self.seconds

    @property
    def n_bytes(self) -> int:
        """Memory of the parameters kept."""
        rows = [row for kept in self.parameters.values() for row in kept.values()]
        return sum(row.numel() * row.element_size() for row in rows)

    def thin_out(self) -> None:
        """Let go of the parameters of every second evaluation, never of the last."""
        for epoch in sorted(self.parameters)[-2::-2]:
            del self.parameters[epoch]


class Live:
    """Runs that train while somebody looks on.

    Parameters
    ----------
    runs : iterable of RunConfig
    store : str or Path, optional
        Where finished runs go; those that it holds already are trained again, to be seen, and not
        stored again.
    compiled : bool, optional
        Compile steps, or not; by default what needs no waiting.
    chunk : int, optional
        Runs side by side.

    Raises
    ------
    ValueError
        If there are no runs, or the store cannot be written.
    """

    def __init__(
        self,
        runs: Iterable[RunConfig],
        store: str | Path | None = None,
        *,
        compiled: bool | None = None,
        chunk: int | None = None,
    ) -> None:
        todo = plan(runs, chunk=chunk, compiled=compiled)
        self.runs, self.store = todo.wanted, None if store is None else Store(store, writable=True)
        self.parts = [Part(part, compiled) for part in todo.chunks]
        self._places = {run.key: (part, run) for part in self.parts for run in part.chunk.runs}
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._stretch = (0.0, time.monotonic())

    def start(self, on_evaluation: Callable[[], None], on_end: Callable[[], None]) -> None:
        """Train in a thread to the end, or until it is stopped; also to go on after that.

        Parameters
        ----------
        on_evaluation, on_end : callable
            Called in that thread: after every evaluation; and last of all, also after an error,
            which is then ``error``.
        """
        require(not self.running, "training goes on already; allowed is one at a time")
        self.told, self.error = (on_evaluation, on_end), None  # another may look on later
        self._stop.clear()

        def work() -> None:
            try:
                self.train(lambda: self.told[0]())
            except BaseException as error:  # whoever looks on, or waits, tells it
                self.error = error
            self.told[1]()

        self._thread = threading.Thread(target=work, name="modnets-live", daemon=True)
        self._thread.start()

    def train(self, on_evaluation: Callable[[], None] = lambda: None) -> None:
        """Train in this thread to the end, or until :meth:`stop` is called in another.

        Raises
        ------
        RunsFailed
            After all the others are done, if some runs could not be trained.
        """
        self._stretch = self.share, time.monotonic()
        while not (self._stop.is_set() or self.is_done):
            part = min(self.parts, key=lambda part: part.epoch / part.epochs)
            part.advance()
            if part.trained is not None:
                self._keep(part.chunk, part.trained)
            if sum(part.n_bytes for part in self.parts) > KEPT:
                for one in self.parts:
                    one.thin_out()
            on_evaluation()
        failed = {key: text for part in self.parts for key, text in part.failures.items()}
        if failed and self.is_done:
            raise RunsFailed({key: (self._places[key][1], text) for key, text in failed.items()})

    def stop(self) -> None:
        """Stop after the evaluation that is trained for now, and wait until it has stopped."""
        self._stop.set()
        self.join()

    def join(self) -> None:
        """Wait until its thread has ended."""
        thread = self._thread
        if thread is not None and thread.is_alive() and thread is not threading.current_thread():
            thread.join()

    def _keep(self, chunk: Chunk, trained: Trained) -> None:
        """Store the runs of a chunk that is done, but for those that are there already."""
        table = trained.table
        if table.empty:
            return
        if self.store is None:
            UNSTORED.add(with_measures(table))
            return
        note(self.store, table["run"].unique())
        new = table[~table["run"].isin(self.store.keys())]
        if len(new):
            self.store.write(new, provenance_of(chunk, trained))

    @property
    def running(self) -> bool:
        """Whether its thread trains."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_done(self) -> bool:
        """Whether every run has trained to its end."""
        return all(part.trained is not None for part in self.parts)

    @property
    def share(self) -> float:
        """How much is trained, in [0, 1]."""
        done = sum(max(part.epoch, 0) / part.epochs * len(part.chunk.runs) for part in self.parts)
        return done / len(self.runs)

    @property
    def epoch(self) -> int:
        """Up to where every run has trained."""
        return max(0, min(part.epoch for part in self.parts))

    @property
    def seconds(self) -> float:
        """Time since it was started, or gone on with."""
        return time.monotonic() - self._stretch[1]

    @property
    def seconds_left(self) -> float:
        """Time to the end at the pace since it was started, or gone on with; NaN at first."""
        done = self.share - self._stretch[0]
        return (1 - self.share) / done * self.seconds if done > 0 else np.nan

    def measures(self, *names: str) -> pd.DataFrame:
        """Measures of all evaluations until now, one row per run and evaluated epoch.

        Columns ``run``, ``kind``, ``epoch``, and those asked for by their names in results.
        """
        frames = []
        for part in self.parts:
            if part.starts is None or not part.starts.replicas.evaluated:
                continue
            epochs, measures = part.starts.measures()
            runs = part.starts.runs
            columns: dict[str, Any] = {
                "run": np.repeat([run.key for run in runs], len(epochs)),
                "kind": np.repeat([run.kind for run in runs], len(epochs)),
                "epoch": np.tile(epochs, len(runs)),
            }
            frames.append(pd.DataFrame(columns | {name: measures[name].ravel() for name in names}))
        frames = frames or [pd.DataFrame(columns=["run", "kind", "epoch", *names])]
        return pd.concat(frames, ignore_index=True)

    def record(self, run: str, epoch: int) -> dict[str, Any]:
        """What was recorded of a run at the last evaluation up to an epoch.

        Hands back ``epoch``, ``structure`` and ``predicted``, as in results; nothing before the
        first.
        """
        part, config = self._places[run]
        if part.starts is None or config not in part.starts.runs:
            return {}
        return part.starts.record(config, epoch)

    def chunk_of(self, run: str) -> tuple[int, bool] | None:
        """Runs side by side, and whether steps are compiled: how a run trains, if it does."""
        part, _ = self._places[run]
        if part.starts is None:
            return None
        compiled = part.starts.replicas.backend.compiled
        within = compiled and part.chunk.lanes == 1  # each as if it were alone
        return 1 if within else part.chunk.size, compiled

    def network(self, run: str, epoch: int) -> nn.Module | None:
        """The network of a run as it was at the last evaluation kept up to an epoch."""
        part, config = self._places[run]
        kept = dict(part.parameters)
        last = max((one for one in kept if one <= epoch), default=None)
        if last is None or part.starts is None:
            return None
        start = part.starts.leader(config)
        return rebuilt(start, kept[last][start.key], part.starts.replicas.training_step)
