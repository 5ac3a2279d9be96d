"""Libraries in a folder of machine code: found, added by one process at a time, cleared."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from modnets.compiler.cache_folder import folders_there, others_write, trusted
from modnets.leftovers import clear, is_dead, mark

#: Seconds to wait for another process that compiles the same.
PATIENCE = 600
LOCK = re.compile(r"[0-9a-f]{20}\.lock")
#: Working folders as they were called before they named their process, and what lies in them.
OLD_WORK = re.compile(r"tmp[a-z0-9_]{8}")
OLD_PARTS = {"program.cpp", "program.so"}


def find(folder: Path, name: str) -> Path | None:
    """The library of a name; one that is damaged, or that others may write to, goes.

    A damaged library would end the process that loads it.
    """
    for path in sorted(folder.glob(f"{name}-*.so")):
        try:
            content = _read(path)
        except OSError:
            continue  # gone, or not to be read now, which says nothing of its content
        if content is not None and path.name == file_name(name, content):
            return path
        with contextlib.suppress(OSError):
            path.unlink()
    return None


def file_name(name: str, content: bytes) -> str:
    """What a library is called: its name, and a digest of its content."""
    return f"{name}-{hashlib.sha256(content).hexdigest()[:20]}.so"


def _read(path: Path) -> bytes | None:
    """The content of a file; None if others may have written it."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(number, "rb") as file:
        found = os.fstat(number)
        safe = found.st_uid in trusted() and not others_write(found)
        return file.read() if safe and stat.S_ISREG(found.st_mode) else None


@contextlib.contextmanager
def alone(folder: Path, name: str) -> Iterator[None]:
    """Keep other processes from compiling the same; where no lock can be had, they may."""
    from filelock import FileLock

    path = folder / f"{name}.lock"
    lock = FileLock(path, timeout=PATIENCE, mode=0o600)
    with contextlib.suppress(OSError, NotImplementedError):
        lock.acquire()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if lock.is_locked:
                lock.release()
                path.unlink()  # who waits for it looks for the library next


@contextlib.contextmanager
def working_folder(folder: Path) -> Iterator[Path]:
    """A folder in which one library is made; it names this process."""
    prefix = f".work-{mark()}-"
    with tempfile.TemporaryDirectory(dir=folder, prefix=prefix, ignore_cleanup_errors=True) as made:
        yield Path(made)


def clear_leftovers() -> None:
    """Remove what killed processes have left where this user's machine code is kept."""
    for folder in folders_there():
        with contextlib.suppress(OSError):
            clear(list(folder.glob(".work-*")))
            clear(list(filter(_is_old_work, folder.glob("tmp*"))))
            for path in list(folder.glob("*.lock")):
                if LOCK.fullmatch(path.name) and is_dead(path):
                    _clear_lock(path)


def _is_old_work(path: Path) -> bool:
    """Whether it is a working folder of old, and nothing else lies in it."""
    with contextlib.suppress(OSError):
        if OLD_WORK.fullmatch(path.name) and not path.is_symlink():
            return set(os.listdir(path)) <= OLD_PARTS
    return False


def _clear_lock(path: Path) -> None:
    """Remove a lock that nobody holds."""
    from filelock import FileLock

    with contextlib.suppress(OSError, NotImplementedError), FileLock(path, timeout=0):
        path.unlink()
