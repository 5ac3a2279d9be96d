"""A kernel that a fork server starts; one that starts by itself where there is no server.

As ``python -m modnets.fork_server.kernel`` it takes the words that ``ipykernel_launcher`` takes.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence

from modnets.fork_server import forked
from modnets.worker_process import start_worker


def launch(words: Sequence[str]) -> None:
    """Be a kernel, in a forked process; it ends with the server."""
    from ipykernel.kernelapp import launch_new_instance

    launch_new_instance([*words, f"--IPKernelApp.parent_handle={os.getppid()}"])


if __name__ == "__main__":
    start_worker(os.getppid())
    code = forked("kernel", sys.argv[1:])
    if code is None:
        runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
    sys.exit(code)
