"""``python -m modnets.fork_server COMMAND ...``: a command whose notebooks are forked."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence

from modnets.fork_server import VARIABLE, fork_server


def main(command: Sequence[str]) -> int:
    """Run a command that finds a server, and return its exit code."""
    with fork_server() as address:
        environment = dict(os.environ) | ({VARIABLE: address} if address else {})
        with subprocess.Popen(command, env=environment) as process:
            while True:
                with contextlib.suppress(KeyboardInterrupt):  # the command gets it too
                    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
