"""Runs that failed, noted in a store: which, why and when; a file for the runs of each chunk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modnets.config.run_config import RunConfig
from modnets.experiments import store_files
from modnets.experiments.failures import reason_of


@dataclass(frozen=True)
class Failure:
    """A run that failed.

    Parameters
    ----------
    about : str
        The run in words.
    config : dict
        For ``RunConfig.from_dict``.
    trace : str
        The whole traceback.
    finished : str
        When, in UTC.
    """

    about: str
    config: dict[str, Any]
    trace: str
    finished: str

    @property
    def reason(self) -> str:
        """What the traceback comes to, in a line."""
        return reason_of(self.trace)


def write(folder: Path, failures: Mapping[str, tuple[RunConfig, str]]) -> Path:
    """Note runs that have failed, by key: config and traceback."""
    finished = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    noted = {
        key: {"about": str(run), "config": run.to_dict(), "trace": trace, "finished": finished}
        for key, (run, trace) in failures.items()
    }
    name = hashlib.sha256(" ".join(sorted(noted)).encode()).hexdigest()[:16]
    return store_files.write_bytes(folder, json.dumps(noted).encode(), f"failed-{name}.json")


def read(folder: Path) -> dict[str, Failure]:
    """Key -> the last failure of a run; notes that cannot be read count as none."""
    found: dict[str, Failure] = {}
    for _, notes in _files(folder):
        for key, note in notes.items():
            if key not in found or found[key].finished <= note.finished:
                found[key] = note
    return found


def forget(folder: Path, held: Set[str]) -> None:
    """Remove files of which all runs are held by the store now."""
    for path, notes in _files(folder):
        if notes.keys() <= held:
            with contextlib.suppress(OSError):
                path.unlink()


def _files(folder: Path) -> Iterator[tuple[Path, dict[str, Failure]]]:
    for name in sorted(store_files.names_in(folder)):
        if name.startswith("failed-") and name.endswith(".json"):
            with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
                notes = json.loads((folder / name).read_bytes())
                yield folder / name, {key: Failure(**note) for key, note in notes.items()}
