"""Other programs that train the same networks, measured beside the engine."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modnets.errors import first_line, require, shown
from modnets.values import integer, number

#: What a line of a peer has to hold.
PEER_KEYS = ("model", "runs", "ms_per_run_per_1000_steps")


def run_peer(command: str) -> list[dict[str, Any]]:
    """The rows that another program prints, one JSON object a line.

    Raises
    ------
    ValueError
        If it cannot be run, fails, or prints no line with PEER_KEYS.
    """
    require(
        isinstance(command, str), f"peer={shown(command, 200)}; allowed is a command, as a word"
    )
    require(bool(command.strip()), f"peer={command!r} is empty; allowed is a command")
    try:
        arguments = shlex.split(command)
        require(bool(arguments), "it is empty")
        done = subprocess.run(arguments, capture_output=True, text=True)
    except (OSError, ValueError) as error:
        reason = first_line(error)
        raise ValueError(f"peer {shown(command, 200)} cannot be run: {reason}") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise ValueError(f"peer {shown(command, 200)} ended with {done.returncode}: {said}")
    rows = []
    for line in done.stdout.splitlines():
        row = None
        with contextlib.suppress(ValueError, RecursionError):  # other lines may stand between
            row = json.loads(line)
        if isinstance(row, dict) and set(PEER_KEYS) <= set(row):
            rows.append({"peer": Path(arguments[0]).name} | _checked(row, command))
    require(
        bool(rows), f"peer {shown(command, 200)} printed no JSON line with {', '.join(PEER_KEYS)}"
    )
    return rows


def _checked(row: dict[str, Any], command: str) -> dict[str, Any]:
    """What is known of a row's columns, each of its kind."""
    checked: dict[str, Any] = {}
    for name, kind in COLUMNS.items():
        value = row.get(name)
        if value is None and name not in PEER_KEYS:
            continue
        try:
            checked[name] = kind(value)
            least = 1 if kind is integer else 0
            require(kind is _word or checked[name] >= least, "too small")
            require(name != "ms_per_run_per_1000_steps" or checked[name] > 0, "too small")
        except (TypeError, ValueError, OverflowError):
            raise ValueError(
                f"peer {shown(command, 200)} printed {name}={shown(value)}; "
                f"allowed is {MEANINGS[kind]}"
            ) from None
    return checked


def _word(value: Any) -> str:
    require(isinstance(value, str), "no word")
    return value


COLUMNS: dict[str, Callable[[Any], Any]] = {
    "peer": _word,
    "model": _word,
    "kind": _word,
    "runs": integer,
    "rows": integer,
    "steps": integer,
    "ms_per_run_per_1000_steps": number,
    "compile_s": number,
    "gflops": number,
    "share_of_sgemm": number,
    "peak_memory_mb": number,
    "mean_bit_accuracy": number,
    "device": _word,
    "threads": integer,
    "torch": _word,
}
MEANINGS: dict[Callable[[Any], Any], str] = {
    _word: "a word",
    integer: "a whole number, at least 1",
    number: "a positive number",
}
