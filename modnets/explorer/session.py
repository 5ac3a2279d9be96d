"""How the explorer trains: in a thread, watched, stopped and gone on with.

The thread only trains.  What it has to tell is carried out in the notebook's event loop, where
everything is drawn; many tidings of the same kind come to one.
"""

from __future__ import annotations

import os
import threading
import traceback
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modnets.analysis.training_curves import allowed_by_data
from modnets.errors import first_line, require
from modnets.experiments.live import Live
from modnets.explorer.controls import Controls
from modnets.explorer.panel import Panel
from modnets.explorer.selection import RunView, plural
from modnets.explorer.throttle import Throttle, running_loop

#: Shares of the time that pictures may take while training goes on.
SHARE_OF_CURVES, SHARE_OF_DETAILS = 0.08, 0.03
#: Least seconds between two pictures of the curves.
REST = 0.3
#: Seconds between two tidings of how far training is, also while there is nothing new to draw.
BEAT = 0.4
#: Folder of a store -> the explorer that trains for it, or did last.
AT_WORK: weakref.WeakValueDictionary[str, Training] = weakref.WeakValueDictionary()


class Training:
    """Trains what controls say, and keeps a panel up to date meanwhile.

    Parameters
    ----------
    panel : Panel
    """

    controls: Controls
    store: Path

    def __init__(self, panel: Panel) -> None:
        self.panel, self.look = panel, RunView(panel)
        self.live: Live | None = None
        self.loop = running_loop()
        self.curves_drawn = Throttle(self._draw_curves, share=SHARE_OF_CURVES, rest=REST)
        self.details_drawn = Throttle(self.draw_details, share=SHARE_OF_DETAILS)
        #: Pictures that follow a person's hand: controls, epochs, runs.
        self.asked_for = Throttle(self.draw_details, waits_for_quiet=True)
        self._theorist: threading.Thread | None = None
        #: Whether the task chosen is shown in place of a run.
        self.previewing = False
        self._turn = 0  # of training; what an earlier one has to tell is out of date

    def draw_details(self) -> None:
        """The run looked at; before any training, or where another was chosen, the task."""
        if self.look.source is not None and not self.previewing:
            self.look.draw_details()
        elif not self.controls.wrong.get("task"):
            self.panel.show_task(self.controls.task())

    def guarded(self, action: Callable[[], Any]) -> Callable[..., None]:
        """An action of a widget; what goes wrong is told in the status line, and not swallowed."""

        def act(*_: Any) -> None:
            try:
                action()
            except Exception as error:
                self.panel.say(first_line(error), failed=True, details=traceback.format_exc())
                if not isinstance(error, ValueError):
                    raise

        return act

    def train(self) -> None:
        """Train what the controls say, in a thread; what trained before is stopped.

        Raises
        ------
        ValueError
            If the controls do not fit together.
        """
        wrong = self.controls.check()
        require(not wrong, next(iter(wrong.values()), ""))
        self.stop()
        self.live = Live(self.controls.configs(), self.store)
        self._look_at_live()
        self._go()

    def _look_at_live(self) -> None:
        """Look at what trains, and find what theory says of it meanwhile."""
        first, self.loop = self.live.runs[0], running_loop()
        self.panel.offer([])
        self.look.at(self.live, first.graph, first.epochs)
        self.previewing = False
        self.panel.stage.selected = self.look.first_of_interest()
        self._theorist = threading.Thread(target=self._theory, args=(self.live,), daemon=True)
        self._theorist.start()

    def _go(self) -> None:
        """Train in a thread, from where it stands."""
        self._watch(self.live.start)

    def _watch(self, start: Callable[[Callable[[], None], Callable[[], None]], None]) -> None:
        """Follow a training that starts, or goes on already."""
        AT_WORK[str(self.store.resolve())] = self
        self.panel.training(True, share=self.live.share)
        self._turn += 1
        turn = self._turn
        start(self._from_thread(self._evaluated), self._from_thread(lambda: self._ended(turn)))
        self._beat(turn)

    def take_over(self) -> bool:
        """Follow the training that another explorer has begun in the same store, if one goes on.

        That is where the cell of a notebook was run again.
        """
        other = AT_WORK.get(str(self.store.resolve()))
        if other is None or other is self or other.live is None or not other.live.running:
            return False
        self.live, other.live = other.live, None
        other._turn += 1
        other.panel.training(False, done=True, share=self.live.share)
        other.panel.say("training goes on in the explorer that was made after this one")
        self._look_at_live()
        self._watch(lambda *told: setattr(self.live, "told", told))
        return True

    def _beat(self, turn: int) -> None:
        """Say how far training is, and again as long as it goes on."""
        if turn != self._turn or not self.live.running:
            if turn == self._turn and self.loop is not None:
                self._ended(turn)  # it had ended before anybody was told
            return
        self.panel.progress(self.live.share, self.live.seconds, self.live.seconds_left)
        if self.loop is not None:
            self.loop.call_later(BEAT, self.guarded(lambda: self._beat(turn)))

    def _theory(self, live: Live) -> None:
        """Find what theory allows, beside the training."""
        found = allowed_by_data(live.runs)
        if live is self.live:
            self.look.theory = found
            self._from_thread(self.curves_drawn.ask)()

    def stop_or_resume(self) -> None:
        """What the button says: stop the training, or go on with it."""
        if self.live is not None and self.live.running:
            self.stop()
        elif self.live is not None and not self.live.is_done:
            self.panel.look_at_newest()
            self.look.forget()
            self._go()

    def stop(self) -> None:
        """Stop between two evaluations; nothing is lost, and no thread is left."""
        if self.live is not None and self.live.running:
            self.live.stop()
            self._ended(self._turn)
        if self._theorist is not None:
            self._theorist.join()

    def wait(self) -> None:
        """Wait until training has ended, and draw what is to be drawn: in scripts, in batch.

        Raises
        ------
        Exception
            That which ended the training.
        """
        if self.live is not None:
            self.live.join()
            self._theorist.join()
            self._ended(self._turn)
            if self.live.error is not None:
                raise self.live.error
        self.flush()

    def flush(self) -> None:
        """Draw at once what waits to be drawn."""
        for picture in (self.curves_drawn, self.details_drawn, self.asked_for):
            picture.flush()

    def close(self) -> None:
        """Stop training, and remove the widgets."""
        self.stop()
        for picture in (self.curves_drawn, self.details_drawn, self.asked_for):
            picture.cancel()
        self.panel.close()

    def _from_thread(self, action: Callable[[], None]) -> Callable[[], None]:
        """A call for another thread that the notebook's loop carries out; the last of several."""
        live, on_its_way = self.live, threading.Event()

        def carry_out() -> None:
            on_its_way.clear()
            if live is self.live:
                self.guarded(action)()

        def call() -> None:
            if self.loop is None or self.loop.is_closed() or on_its_way.is_set():
                return  # in a script whoever waits draws
            on_its_way.set()
            self.loop.call_soon_threadsafe(carry_out)

        return call

    def _evaluated(self) -> None:
        if self.live.running:
            self.curves_drawn.ask()
            self.details_drawn.ask()

    def _draw_curves(self) -> None:
        """Curves, and how far the training is."""
        if self.live is not None and self.live.running:
            self.panel.progress(self.live.share, self.live.seconds, self.live.seconds_left)
            self.panel.follow(self.live.epoch)
        self.look.draw_curves()

    def _ended(self, turn: int) -> None:
        """Training is done, was stopped, or has failed."""
        if turn != self._turn:
            return
        self._turn += 1
        live, panel = self.live, self.panel
        live.join()
        panel.follow(live.runs[0].epochs if live.is_done else live.epoch)
        for picture in (self.curves_drawn, self.details_drawn):
            picture.cancel()
            picture.draw()
        panel.training(False, done=live.is_done, share=live.share)
        if live.error is not None:
            text = "".join(traceback.format_exception(live.error))
            panel.say(first_line(live.error), failed=True, details=text)
        elif live.is_done:
            panel.say(f"done: {plural(len(live.runs), 'run')}, stored in {short(self.store)}")
        else:
            panel.say(f"stopped at {live.share:.0%}; Resume goes on")


def short(path: Path) -> str:
    """A path as seen from the working folder, where that is shorter."""
    return min((os.path.relpath(path), str(path)), key=len)
