"""The training of an explorer: in a thread, stopped and resumed, with progress events.

The thread only trains.  Events are delivered in the notebook's event loop, where everything is
drawn; several of the same kind that are under way become one.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from enum import Enum, auto
from pathlib import Path

from modnets.analysis.epoch_curves import allowed_by_data
from modnets.config.run_config import RunConfig
from modnets.experiments.live import Live
from modnets.explorer.run_source import LiveRuns
from modnets.explorer.throttle import running_loop

#: Seconds between two progress events, also while there is nothing new to draw.
HEARTBEAT = 0.4

Action = Callable[[], None]


class Event(Enum):
    """What a session reports."""

    #: There are new runs, not yet in training.
    CREATED = auto()
    #: Training begins or resumes.
    STARTED = auto()
    #: Every ``HEARTBEAT`` seconds while it trains.
    PROGRESS = auto()
    #: There is a new evaluation.
    EVALUATED = auto()
    #: What theory allows has been computed.
    THEORY = auto()
    #: Training is complete, was stopped, or has failed.
    ENDED = auto()
    #: Another session takes over; the last event with these runs.
    TAKEN_OVER = auto()


class Session:
    """Trains runs in a thread, and reports events.

    Parameters
    ----------
    store : Path
        Where results go.
    on_event : callable
        Called with each :class:`Event`, in the thread of the loop or of the caller.
    guard : callable
        Wraps what the loop calls, so that errors in it are shown.
    """

    def __init__(
        self,
        store: Path,
        on_event: Callable[[Event], None],
        guard: Callable[[Action], Action],
    ) -> None:
        self.store, self.on_event, self.guard = store, on_event, guard
        self.runs: LiveRuns | None = None
        self.loop = running_loop()
        self._theory_thread: threading.Thread | None = None
        self._period = 0  # of training; events of an earlier one are out of date

    @property
    def live(self) -> Live | None:
        """The training, from its first start on; None if there is none."""
        return None if self.runs is None else self.runs.live

    @property
    def running(self) -> bool:
        """Whether it trains now."""
        return self.runs is not None and self.runs.running

    def train(self, configs: Iterable[RunConfig]) -> None:
        """Train runs in a thread; what trained before is stopped.

        Raises
        ------
        ValueError
            If there are no runs, or the store cannot be written.
        """
        self.stop()
        live = Live(configs, self.store)
        self._create(live)
        self._follow(live, live.start)

    def resume(self) -> None:
        """Train on from where it was stopped."""
        if self.live is not None:
            self._follow(self.live, self.live.start)

    def take_over(self) -> bool:
        """Follow the training of another session for the same store, if one is running.

        That is so where the cell of a notebook is run again.
        """
        other = SESSIONS.get(str(self.store.resolve()))
        if other is None or other is self or other.live is None or not other.running:
            return False
        live = other.live
        other._hand_over()
        self._create(live)

        def replace_callbacks(on_evaluation: Action, on_end: Action) -> None:
            live.told = on_evaluation, on_end

        self._follow(live, replace_callbacks)
        return True

    def _hand_over(self) -> None:
        self._period += 1
        self.on_event(Event.TAKEN_OVER)
        self.runs = None

    def _create(self, live: Live) -> None:
        """Report the runs of a training, and compute meanwhile what theory allows."""
        self.runs, self.loop = LiveRuns(live), running_loop()
        self.on_event(Event.CREATED)
        self._theory_thread = threading.Thread(
            target=self._compute_theory, args=(self.runs,), daemon=True
        )
        self._theory_thread.start()

    def _compute_theory(self, runs: LiveRuns) -> None:
        theory = allowed_by_data(runs.live.runs)
        if runs is self.runs:
            runs.theory = theory
            self._in_loop(runs.live, lambda: self.on_event(Event.THEORY))()

    def _follow(self, live: Live, start: Callable[[Action, Action], None]) -> None:
        """Report events of a training that starts, or is running already."""
        SESSIONS[str(self.store.resolve())] = self
        self.on_event(Event.STARTED)
        self._period += 1
        period = self._period

        def evaluated() -> None:
            if live.running:
                self.on_event(Event.EVALUATED)

        start(self._in_loop(live, evaluated), self._in_loop(live, lambda: self._end(live, period)))
        self._heartbeat(live, period)

    def _heartbeat(self, live: Live, period: int) -> None:
        """Report progress, and again as long as it trains."""
        if period != self._period:
            return
        if not live.running:
            if self.loop is not None:
                self._end(live, period)  # it had ended before its callbacks were replaced
            return
        self.on_event(Event.PROGRESS)
        if self.loop is not None:
            self.loop.call_later(HEARTBEAT, self.guard(lambda: self._heartbeat(live, period)))

    def _end(self, live: Live, period: int) -> None:
        """Report the end of a period, once."""
        if period != self._period:
            return
        self._period += 1
        live.join()
        self.on_event(Event.ENDED)

    def stop(self) -> None:
        """Stop between two evaluations; nothing is lost, and no thread is left."""
        if self.live is not None and self.live.running:
            self.live.stop()
            self._end(self.live, self._period)
        if self._theory_thread is not None:
            self._theory_thread.join()

    def wait(self) -> None:
        """Wait until training has ended.

        Raises
        ------
        Exception
            The error that ended the training.
        """
        if self.live is None:
            return
        self.live.join()
        if self._theory_thread is not None:
            self._theory_thread.join()
        self._end(self.live, self._period)
        if self.live.error is not None:
            raise self.live.error

    def _in_loop(self, live: Live, action: Action) -> Action:
        """A call for another thread that runs an action in the loop; calls under way are merged."""
        scheduled = threading.Event()

        def run() -> None:
            scheduled.clear()
            if live is self.live:
                self.guard(action)()

        def call() -> None:
            if self.loop is None or self.loop.is_closed() or scheduled.is_set():
                return  # in a script, whoever waits draws
            scheduled.set()
            self.loop.call_soon_threadsafe(run)

        return call


#: Folder of a store -> the session that trains for it, or did last.
SESSIONS: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()
