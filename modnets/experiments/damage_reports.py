"""What is said of result files that are damaged, and what a sweep does with them."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from modnets.experiments import store_files
from modnets.experiments.store_files import Content, Damaged


def report_damage(path: Path, error: Damaged, sweeps: bool) -> None:
    """Name a damaged file, in a line."""
    done = "left out; the next sweep sets it aside and does its runs again"
    if sweeps:
        try:
            done = f"set aside as {store_files.set_aside(path).name}, its runs are done again"
        except FileNotFoundError:  # somebody else has done so
            return
        except OSError as refused:
            done = f"left out, as it cannot be set aside ({refused.strerror})"
    print(f"modnets: {path.name} is damaged ({error}); {done}", file=sys.stderr)


def report_flipped(content: Content, sweeps: bool) -> None:
    """Say, in a line, that a bit was put right."""
    done = "put right in reading; the next sweep does so on the disk"
    if sweeps:
        with contextlib.suppress(OSError):
            store_files.write_bytes(content.path.parent, content.data)
            done = "put right"
    print(f"modnets: {content.path.name} has one bit that flipped; {done}", file=sys.stderr)
