"""Other programs that train the same networks, measured beside the engine."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

from modnets.errors import require

#: What a line of a peer has to hold.
PEER_KEYS = ("model", "runs", "ms_per_run_per_1000_steps")


def run_peer(command: str) -> list[dict[str, Any]]:
    """The rows that another program prints, one JSON object a line.

    Raises
    ------
    ValueError
        If it cannot be run, fails, or prints no line with PEER_KEYS.
    """
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True)
    except (OSError, ValueError) as error:
        raise ValueError(f"peer {command!r} cannot be run: {error}") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ValueError(f"peer {command!r} ended with {done.returncode}: {said}")
    found = []
    for line in done.stdout.splitlines():
        with contextlib.suppress(json.JSONDecodeError):
            row = json.loads(line)
            if isinstance(row, dict) and set(PEER_KEYS) <= set(row):
                found.append({"peer": Path(shlex.split(command)[0]).name} | row)
    require(bool(found), f"peer {command!r} printed no JSON line with {', '.join(PEER_KEYS)}")
    return found
