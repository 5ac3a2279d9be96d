"""Files and folders of processes that were killed: whose they are, and when they may go."""

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

#: Of processes that cannot be asked after, as those of another machine: age at which they are dead.
OLD = 24 * 3600.0  # s

MARK = re.compile(r"\b([0-9a-f]{12})-(\d{1,9})-(\d+)-[0-9a-f]{8}\b")


def mark() -> str:
    """Part of the name of what this process makes for a moment, other each time."""
    pid = os.getpid()
    return f"{_here()}-{pid}-{_state(pid)[1]}-{uuid.uuid4().hex[:8]}"


def clear(paths: Iterable[Path]) -> list[Path]:
    """Remove files and folders whose makers are surely dead; hands back those that are gone.

    That is so where the mark in their names is that of a process of this machine that runs no
    more; without a mark, or from elsewhere, where they are older than a day.  Nothing that cannot
    be removed stops anybody.
    """
    gone = []
    for path in paths:
        with contextlib.suppress(OSError):
            if not is_dead(path):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
            gone.append(path)
    return gone


def is_dead(path: Path) -> bool:
    """Whether the maker of a file or folder is surely dead; see :func:`clear`.

    Raises
    ------
    OSError
        If it is not there.
    """
    found = MARK.search(path.name)
    if found and found[1] == _here():
        return not _runs(int(found[2]), int(found[3]))
    return time.time() - path.lstat().st_mtime > OLD


@contextlib.contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """A folder that ends with the block; first those of killed processes are cleared."""
    clear_temporary()
    with tempfile.TemporaryDirectory(prefix=f"modnets-{kind}-{mark()}-") as folder:
        yield Path(folder)


def clear_temporary() -> None:
    """Remove what killed processes of this user left among the temporary files."""
    with contextlib.suppress(OSError):
        paths = list(Path(tempfile.gettempdir()).glob("modnets-*"))
        clear(path for path in paths if MARK.search(path.name) and _is_mine(path))


def _is_mine(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.lstat().st_uid == os.geteuid()
    return False


def _runs(pid: int, started: int) -> bool:
    """Whether the process of a number still is the one that was started then."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # of another user
    state, now = _state(pid)
    return state not in ("Z", "X") and (now == started or 0 in (now, started))


def _state(pid: int) -> tuple[str, int]:
    """State of a process, and when it was started, in ticks of the machine's clock.

    "" and 0 where that is not told; Z and X are processes that have ended.
    """
    with contextlib.suppress(OSError, IndexError, ValueError):
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return words[0], int(words[19])
    return "", 0


@cache
def _here() -> str:
    """This machine since it was started, and the numbering of its processes (a container's own)."""
    parts = [platform.node()]
    with contextlib.suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
