"""The start of a worker process, before it imports what it needs."""

from __future__ import annotations

import os
import threading
import time

from modnets.imports import collect_rarely


def start_worker(parent: int) -> None:
    """Get a worker ready.

    It ends soon after the process that started it, even if that was killed.

    Parameters
    ----------
    parent : int
        The id of that process.
    """
    collect_rarely()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
