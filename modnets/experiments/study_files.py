"""Files of studies in a store, as they were when their runs were trained."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from modnets.experiments import store_files


def name_of(text: str) -> str:
    """The name of a study's file in a store, by its content."""
    return f"study-{hashlib.sha256(text.encode()).hexdigest()[:16]}.yaml"


def write(folder: Path, text: str) -> Path:
    """Keep a study's file, once."""
    path = folder / name_of(text)
    if not path.is_file():
        store_files.write_bytes(folder, text.encode(), path.name)
    return path


def read(folder: Path) -> dict[str, str]:
    """Name -> text of the studies kept in a folder; one that has changed since is left out."""
    found = {}
    for name in sorted(store_files.names_in(folder)):
        if name.startswith("study-") and name.endswith(".yaml"):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                text = (folder / name).read_bytes().decode()
                if name == name_of(text):
                    found[name] = text
    return found
