"""When to draw: many wishes for a picture come to few pictures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

#: Seconds without another wish before the last of a burst is drawn, and the most that one waits.
QUIET, PATIENCE = 0.2, 1.5


class Throttle:
    """Draws at once if nothing was drawn just now; else once, when wishes pause.

    Ten wishes in a second come to two pictures: the first, and the last.  Pictures are drawn in
    the thread of the notebook's event loop, never in one that trains.  Without a loop, as in a
    plain script, what waits is drawn by :meth:`flush`.

    Parameters
    ----------
    draw : callable
    share : float, in (0, 1]
        Drawing takes at most this share of the time while wishes go on.
    rest : float, s
        Least time between two pictures.
    waits_for_quiet : bool
        Whether a new wish puts off the one that waits, as for a slider that is dragged; else it is
        drawn as soon as it may, as for training that goes on.
    """

    def __init__(
        self,
        draw: Callable[[], None],
        *,
        share: float = 1.0,
        rest: float = QUIET,
        waits_for_quiet: bool = False,
    ) -> None:
        self.draw, self.share, self.rest, self.waits = draw, share, rest, waits_for_quiet
        self.count = 0
        self.may_at, self.waiting_since = 0.0, 0.0
        self.waiting = False
        self._timer: asyncio.TimerHandle | None = None

    def ask(self) -> None:
        """Wish for a picture; in the thread of the loop."""
        now = time.monotonic()
        if not self.waiting and now >= self.may_at:
            self._draw()
            return
        if not self.waiting:
            self.waiting, self.waiting_since = True, now
        elif not self.waits:
            return
        at = self.may_at
        if self.waits:
            at = max(at, min(now + self.rest, self.waiting_since + PATIENCE))
            self.may_at = max(self.may_at, min(now + self.rest, self.waiting_since + PATIENCE))
        self._wake(at - now)

    def flush(self) -> None:
        """Draw now what waits."""
        if self.waiting:
            self._draw()

    def cancel(self) -> None:
        """Forget what waits."""
        self.waiting = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = running_loop()
        self._timer = None if loop is None else loop.call_later(max(0.0, delay), self.flush)

    def _draw(self) -> None:
        self.cancel()
        started = time.thread_time()  # a thread that waits for the others takes nothing from them
        try:
            self.count += 1
            self.draw()
        finally:
            pause = (time.thread_time() - started) * (1 / self.share - 1)
            self.may_at = time.monotonic() + max(self.rest, pause)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread, if one runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
