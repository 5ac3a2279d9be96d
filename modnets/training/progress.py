"""Progress of long work: a bar where a person looks on, elsewhere a line every few seconds."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Any

from tqdm import tqdm

LINE_EVERY = 5.0  # s


def in_jupyter() -> bool:
    """Whether a person has this process open in Jupyter (papermill runs a kernel without one)."""
    return "JPY_SESSION_NAME" in os.environ and "ipykernel" in sys.modules


class Progress:
    """Runs done, rate, and time left.

    Parameters
    ----------
    total, done : int
        Runs wanted, and runs that the store already holds.
    show : bool
    """

    def __init__(self, total: int, done: int = 0, *, show: bool = True) -> None:
        self.total, self.start, self.done = total, done, float(done)
        self.started = self.last_line = time.monotonic()
        self.bar: Any = None
        self.lines = False
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
        self.last_line = time.monotonic()
        seconds = self.last_line - self.started
        rate = (self.done - self.start) / seconds if seconds > 0 else 0.0
        left = max(0.0, self.total - self.done) / rate if rate > 0 else float("inf")
        to_do = max(0, self.total - int(self.done))
        print(
            f"{int(self.done)} of {self.total} runs done, {to_do} to do, "
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
        elif self.lines and kind is None:
            self._line()
