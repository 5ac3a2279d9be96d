"""Stale temporary files and folders, of processes that were killed: whose they are, and removal."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

#: Age of a file from which its process counts as dead where it cannot be checked, as on another
#: machine.
OLD = 24 * 3600.0  # s

#: Machine, process id, start time of the process, random digits.
MARK = re.compile(r"\b([0-9a-f]{12})-(\d{1,9})-(\d+)-[0-9a-f]{8}\b")


def mark() -> str:
    """Unique part of the name of a temporary file of this process, which identifies the process."""
    pid = os.getpid()
    return f"{_machine()}-{pid}-{_state(pid)[1]}-{uuid.uuid4().hex[:8]}"


def clear(paths: Iterable[Path]) -> list[Path]:
    """Remove files and folders of processes that are certainly dead; returns those removed.

    A process is dead if the mark in the name is of this machine, and no such process runs; without
    a mark, or with that of another machine, if the file is older than a day.  What cannot be
    removed is skipped.
    """
    removed = []
    for path in paths:
        with contextlib.suppress(OSError):
            if not is_dead(path):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            removed.append(path)
    return removed


def is_dead(path: Path) -> bool:
    """Whether the process that made a file or folder is certainly dead; see :func:`clear`.

    Raises
    ------
    OSError
        If the file does not exist.
    """
    match = MARK.search(path.name)
    if match and match[1] == _machine():
        return not _runs(int(match[2]), int(match[3]))
    return time.time() - path.lstat().st_mtime > OLD


@contextlib.contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """A folder that is removed after the block; first those of killed processes are removed."""
    clear_temporary()
    with tempfile.TemporaryDirectory(prefix=f"modnets-{kind}-{mark()}-") as folder:
        yield Path(folder)


def clear_temporary() -> None:
    """Remove temporary files and folders that killed processes of this user left."""
    with contextlib.suppress(OSError):
        paths = list(Path(tempfile.gettempdir()).glob("modnets-*"))
        clear(path for path in paths if MARK.search(path.name) and _is_mine(path))


def _is_mine(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.lstat().st_uid == os.geteuid()
    return False


def _runs(pid: int, started: int) -> bool:
    """Whether the process with this id runs, and is the one that was started then."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # of another user
    state, now = _state(pid)
    return state not in ("Z", "X") and (now == started or 0 in (now, started))


def _state(pid: int) -> tuple[str, int]:
    """State of a process, and its start time in clock ticks since boot.

    "" and 0 where the system does not tell; Z and X are processes that have ended.
    """
    with contextlib.suppress(OSError, IndexError, ValueError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0], int(fields[19])
    return "", 0


@cache
def _machine() -> str:
    """A digest of this machine, its current boot, and the process id namespace of a container."""
    names = [platform.node()]
    with contextlib.suppress(OSError):
        names.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with contextlib.suppress(OSError):
        names.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
