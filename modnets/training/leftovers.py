"""Files and folders of processes that were killed: whose they are, and when they may go."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import time
import uuid
from collections.abc import Iterable
from functools import cache
from pathlib import Path

#: Of processes that cannot be asked after, as those of another machine: age at which they are dead.
OLD = 24 * 3600.0  # s

MARK = re.compile(r"\b([0-9a-f]{12})-(\d+)-(\d+)-[0-9a-f]{8}\b")


def mark() -> str:
    """Part of the name of what this process makes for a moment, other each time."""
    pid = os.getpid()
    return f"{_here()}-{pid}-{_started(pid)}-{uuid.uuid4().hex[:8]}"


def clear(paths: Iterable[Path]) -> list[Path]:
    """Remove files and folders whose makers are surely dead; hands back those that are gone.

    That is so where the mark in their names is that of a process of this machine that runs no
    more; without a mark, or from elsewhere, where they are older than a day.  Nothing that cannot
    be removed stops anybody.
    """
    gone = []
    for path in paths:
        with contextlib.suppress(OSError):
            if not _is_dead(path):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            gone.append(path)
    return gone


def _is_dead(path: Path) -> bool:
    found = MARK.search(path.name)
    if found and found[1] == _here():
        pid = int(found[2])
        return not _runs(pid) or (_started(pid) != int(found[3]))
    newest = path.lstat().st_mtime
    if path.is_dir() and not path.is_symlink():
        newest = max([newest, *(inner.lstat().st_mtime for inner in path.rglob("*"))])
    return time.time() - newest > OLD


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user
        return True
    return True


def _started(pid: int) -> int:
    """When a process was started, in ticks of the machine's clock; 0 where that is not told."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    return 0


@cache
def _here() -> str:
    """This machine since it was started, and the numbering of its processes (a container's own)."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
