"""Ctrl-C and SIGTERM: work ends in good order, and one line says so."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType


class Terminated(KeyboardInterrupt):
    """SIGTERM, which counts as an interruption."""


@contextlib.contextmanager
def sigterm_interrupts() -> Iterator[bool]:
    """Raise Terminated on SIGTERM, where nobody else takes care of it; whether this does."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield False
        return

    def end(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        raise Terminated

    signal.signal(signal.SIGTERM, end)
    try:
        yield True
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def interruption_in_one_line(stands: Callable[[], str]) -> Iterator[None]:
    """Inside, an interruption is reported in one line, in a notebook as in a script.

    After SIGTERM the process ends, once all is in order, with the exit code that shells give.

    Parameters
    ----------
    stands : callable
        Says how far the work is.
    """
    with contextlib.ExitStack() as stack:
        own = stack.enter_context(sigterm_interrupts())
        try:
            yield
        except Terminated:
            if not own:
                raise
            print(f"modnets: ended by SIGTERM; {stands()}", file=sys.stderr, flush=True)
            stack.close()
            if "ipykernel" in sys.modules:  # where SystemExit ends a cell, and not the process
                os.kill(os.getpid(), signal.SIGTERM)
            raise SystemExit(128 + signal.SIGTERM) from None
        except KeyboardInterrupt:
            raise _in_one_line(f"interrupted; {stands()}") from None


def _in_one_line(text: str) -> KeyboardInterrupt:
    """An interruption of which IPython and Python's own last word show no traceback."""
    error = KeyboardInterrupt(text)
    line = f"modnets: {text}"
    error._render_traceback_ = lambda: [line]  # type: ignore[attr-defined]
    if sys.excepthook is sys.__excepthook__:

        def last_word(
            kind: type[BaseException], value: BaseException, trace: TracebackType | None
        ) -> None:
            if value is error:
                print(line, file=sys.stderr)
            else:
                sys.__excepthook__(kind, value, trace)

        sys.excepthook = last_word
    return error


@contextlib.contextmanager
def shielded() -> Iterator[None]:
    """Processes started inside do not receive Ctrl-C, which is meant for this one.

    This process receives it afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
