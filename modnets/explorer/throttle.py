"""Throttled and debounced redraws: many requests lead to few drawings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

#: Least seconds between two drawings, and the longest that debouncing delays one.
INTERVAL, MAX_DELAY = 0.2, 1.5


class Throttle:
    """Draws at once if nothing was drawn just now; else once, later.

    Ten requests in a second lead to two drawings: the first, and the last.  Drawing happens in
    the thread of the notebook's event loop, never in one that trains.  Without a loop, as in a
    plain script, :meth:`flush` draws what is pending.

    Parameters
    ----------
    draw : callable
    share : float, in (0, 1]
        Drawing takes at most this share of the time while requests go on.
    interval : float, s
        Least time between two drawings.
    debounce : bool
        Whether a new request postpones the pending one, as for a slider that is dragged; else it
        is drawn as soon as the limits allow, as for training that goes on.
    """

    def __init__(
        self,
        draw: Callable[[], None],
        *,
        share: float = 1.0,
        interval: float = INTERVAL,
        debounce: bool = False,
    ) -> None:
        self.draw, self.share, self.interval, self.debounce = draw, share, interval, debounce
        self.count = 0
        self.earliest, self.pending_since = 0.0, 0.0
        self.pending = False
        self._timer: asyncio.TimerHandle | None = None

    def request(self) -> None:
        """Request a drawing; call it in the thread of the loop."""
        now = time.monotonic()
        if not self.pending and now >= self.earliest:
            self._draw()
            return
        if not self.pending:
            self.pending, self.pending_since = True, now
        elif not self.debounce:
            return
        if self.debounce:
            quiet = min(now + self.interval, self.pending_since + MAX_DELAY)
            self.earliest = max(self.earliest, quiet)
        self._schedule(self.earliest - now)

    def flush(self) -> None:
        """Draw now what is pending."""
        if self.pending:
            self._draw()

    def cancel(self) -> None:
        """Drop what is pending."""
        self.pending = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _schedule(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = running_loop()
        self._timer = None if loop is None else loop.call_later(max(0.0, delay), self.flush)

    def _draw(self) -> None:
        self.cancel()
        started = time.thread_time()  # waiting for other threads does not count
        try:
            self.count += 1
            self.draw()
        finally:
            pause = (time.thread_time() - started) * (1 / self.share - 1)
            self.earliest = time.monotonic() + max(self.interval, pause)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop of this thread, if one runs."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
