"""Which runs this process has read since its notebook began, for the provenance of figures.

Stores and tables note here what they hand out; :mod:`modnets.figure_records` asks them what of it
went into a figure.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol


class Results(Protocol):
    """What hands out the results of runs."""

    @property
    def folder(self) -> Path | None:
        """The folder of a store; None where no store keeps the results."""

    def run_digests(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Key -> a hash of the run's results, for those of the runs that it has."""

    def keep_keys(self, keys: Sequence[str]) -> None:
        """Keep which runs a figure was made from, where it can."""


_read: dict[Any, tuple[Results, set[str]]] = {}
_notebook: dict[str, Any] = {}


def note(results: Results, keys: Iterable[str]) -> None:
    """Note that some runs were read."""
    place = results.folder or id(results)
    _read.setdefault(place, (results, set()))[1].update(keys)


def begin(namespace: dict[str, Any]) -> None:
    """Forget what was read: a notebook begins, whose ``globals()`` these are."""
    global _notebook
    _read.clear()
    _notebook = namespace


def runs_read() -> list[tuple[Results, list[str]]]:
    """Where runs were read, and their keys, sorted."""
    return [(results, sorted(keys)) for results, keys in _read.values() if keys]


def namespace() -> dict[str, Any]:
    """The variables of the notebook that is run here, or of the script."""
    return _notebook if "In" in _notebook else vars(sys.modules["__main__"])


def digest_of(lines: Iterable[str]) -> str:
    """A hash of lines, whatever their order: 32 hexadecimal digits."""
    return hashlib.sha256("\n".join(sorted(set(lines))).encode()).hexdigest()[:32]


def summed_up(digests: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """How many runs, and hashes of their settings and results, from key and hash of each."""
    pairs = list(digests)
    keys = {key for key, _ in pairs}
    return {
        "runs": len(keys),
        "settings": digest_of(keys) if keys else None,
        "results": digest_of(f"{key} {digest}" for key, digest in pairs) if keys else None,
    }
