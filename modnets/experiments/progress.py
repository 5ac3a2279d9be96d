"""Progress of long work: a bar where a person looks on, elsewhere a line every few seconds."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from types import TracebackType
from typing import Any

from tqdm import tqdm

LINE_EVERY = 5.0  # s
#: The rate is that of the last so many lines: at first compiling makes it low.
RATE_OVER = 6


def in_jupyter() -> bool:
    """Whether a person has this process open in Jupyter (papermill runs a kernel without one)."""
    return "JPY_SESSION_NAME" in os.environ and "ipykernel" in sys.modules


def in_batch() -> bool:
    """Whether nobody looks on who could press a button: papermill, nbconvert, or a script.

    Examples
    --------
    >>> in_batch()
    True
    """
    return not in_jupyter()


class Progress:
    """Runs done, rate, and time left.

    Parameters
    ----------
    total, done : int
        Runs wanted, and runs that the store already holds.
    show : bool
    """

    def __init__(self, total: int, done: int = 0, *, show: bool = True) -> None:
        self.total, self.done = total, float(done)
        self.last_line = time.monotonic()
        self.marks = deque([(self.last_line, self.done)], maxlen=RATE_OVER + 1)
        self.bar: Any = None
        self.lines, self.told = False, -1
        if not show or done >= total:
            return
        if in_jupyter():
            from tqdm.notebook import tqdm as notebook_bar

            self.bar = notebook_bar(total=total, initial=done, unit="run")
        elif sys.stderr.isatty():
            self.bar = tqdm(total=total, initial=done, unit="run", dynamic_ncols=True)
        else:
            self.lines = True

    def advance(self, runs: float) -> None:
        """Count runs, or parts of runs, as done."""
        self.done += runs
        if self.bar is not None:
            self.bar.n = min(self.total, round(self.done, 1))
            self.bar.refresh()
        elif self.lines and time.monotonic() - self.last_line >= LINE_EVERY:
            self._line()

    def _line(self) -> None:
        self.last_line = now = time.monotonic()
        then, done_then = self.marks[0]
        self.marks.append((now, self.done))
        rate = (self.done - done_then) / (now - then) if now > then else 0.0
        left = max(0.0, self.total - self.done) / rate if rate > 0 else float("inf")
        self.told = complete = int(self.done + 1e-6)  # parts of runs add up to a little less
        to_do = max(0, self.total - complete)
        print(
            f"{complete} of {self.total} runs done, {to_do} to do, "
            f"{rate:.1f} runs/s, {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.n = round(self.done)
            self.bar.refresh()
            self.bar.close()
        elif self.lines and kind is None and self.told < self.total:
            self._line()
