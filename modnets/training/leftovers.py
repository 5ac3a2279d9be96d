"""What killed processes leave behind: their files name them, and whoever comes next clears them.

A name holds the machine, the process and when that was started, so that a file of a living process
is never taken for a leftover: not on another machine that shares the folder, and not where a
number has gone to a new process.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

#: How a file or folder names its process: machine, number, start.
OWNER = re.compile(r"(?P<machine>[0-9a-f]{8})-(?P<number>\d{1,9})-(?P<start>\d{1,20})")
#: Seconds after which what another machine left, or what names no process, is surely dead.
OLD = 24 * 3600


def owner() -> str:
    """This process, as a part of a file's name."""
    return f"{_machine()}-{os.getpid()}-{_state(os.getpid())[1]}"


def is_left(path: Path) -> bool:
    """Whether the process that made a file or folder is surely dead.

    Parameters
    ----------
    path : Path
        If its name holds no owner, or one of another machine, then what has not been written to
        for a day is dead.
    """
    named = OWNER.search(path.name)
    if named and named["machine"] == _machine():
        return not _lives(int(named["number"]), named["start"])
    with contextlib.suppress(OSError):
        return time.time() - path.lstat().st_mtime > OLD
    return False


def clear(folder: Path, pattern: str) -> None:
    """Remove what dead processes of this user left in a folder, where their names tell so.

    What cannot be removed stays.
    """
    for path in filter(lambda path: OWNER.search(path.name), list(folder.glob(pattern))):
        with contextlib.suppress(OSError):
            if path.lstat().st_uid != os.geteuid() or not is_left(path):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


@contextlib.contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """A folder that ends with the block; first those of killed processes are cleared."""
    clear_temporary()
    with tempfile.TemporaryDirectory(prefix=f"modnets-{kind}-{owner()}-") as folder:
        yield Path(folder)


def clear_temporary() -> None:
    """Remove what killed processes left among the temporary files."""
    with contextlib.suppress(OSError):
        clear(Path(tempfile.gettempdir()), "modnets-*")


@cache
def _machine() -> str:
    """Where process numbers mean the same processes: a host since its start, or a container."""
    known = [platform.node()]
    with contextlib.suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text())
    with contextlib.suppress(OSError):
        known.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256(repr(known).encode()).hexdigest()[:8]


def _lives(number: int, start: str) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # there is one, of another user
    state, started = _state(number)
    return state not in ("Z", "X") and (started in ("0", start) or start == "0")


def _state(number: int) -> tuple[str, str]:
    """State and start of a process, in ticks since the machine's; "0" where it is not known."""
    with contextlib.suppress(OSError, IndexError):
        words = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        return words[0], words[19]
    return "", "0"
