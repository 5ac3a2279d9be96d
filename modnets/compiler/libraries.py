"""Files in a cache folder: look-up, locks for compilation, removal of stale ones."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from modnets.compiler.cache_folder import existing_folders, folders_to_read, others_write, trusted
from modnets.leftovers import clear, is_dead, mark

#: Endings of compiled code, and of numbers.
LIBRARY, NUMBERS = ".so", ".json"
#: Time to wait for another process that compiles the same source.
LOCK_TIMEOUT = 600  # s
LOCK = re.compile(r"[0-9a-f]{20}\.lock")
#: Names of working folders of earlier versions, and of the files in them.
OLD_WORK = re.compile(r"tmp[a-z0-9_]{8}")
OLD_FILES = {"program.cpp", "program.so"}


def look_up(name: str, suffix: str = LIBRARY) -> Path | None:
    """The file of a name in any cache folder, or None; see :func:`find`.

    Raises
    ------
    OSError
        If there is no safe folder at all.
    """
    return next(filter(None, (find(folder, name, suffix) for folder in folders_to_read())), None)


def keep(folder: Path, name: str, make: Callable[[Path], Path], suffix: str = LIBRARY) -> Path:
    """Make the file of a name, unless another process has just made it, and keep it in a folder.

    Parameters
    ----------
    folder : Path
    name : str
    make : callable
        Writes a file into the working folder that it is given, and returns its path.
    suffix : str

    Raises
    ------
    OSError
        If a file cannot be read or written.
    """
    with compile_lock(folder, name), working_folder(folder) as work:
        existing = find(folder, name, suffix)
        if existing is not None:
            return existing
        made = make(work)
        return made.replace(folder / file_name(name, made.read_bytes(), suffix))


def find(folder: Path, name: str, suffix: str = LIBRARY) -> Path | None:
    """The file of a name, or None; one that is damaged, or writable by others, is removed.

    A damaged library would crash the process that loads it.
    """
    for path in sorted(folder.glob(f"{name}-*{suffix}")):
        try:
            content = _read(path)
        except OSError:
            continue  # removed, or temporarily unreadable, which is no damage
        if content is not None and path.name == file_name(name, content, suffix):
            return path
        with contextlib.suppress(OSError):
            path.unlink()
    return None


def file_name(name: str, content: bytes, suffix: str = LIBRARY) -> str:
    """The file name of what has a name: it, and a digest of the content."""
    return f"{name}-{hashlib.sha256(content).hexdigest()[:20]}{suffix}"


def _read(path: Path) -> bytes | None:
    """The content of a file; None if others may have written it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        safe = status.st_uid in trusted() and not others_write(status)
        return file.read() if safe and stat.S_ISREG(status.st_mode) else None


@contextlib.contextmanager
def compile_lock(folder: Path, name: str) -> Iterator[None]:
    """Keep other processes from compiling the same source, where the file system has locks."""
    from filelock import FileLock

    path = folder / f"{name}.lock"
    lock = FileLock(path, timeout=LOCK_TIMEOUT, mode=0o600)
    with contextlib.suppress(OSError, NotImplementedError):
        lock.acquire()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if lock.is_locked:
                lock.release()
                path.unlink()  # a process that waits for it looks for the library next


@contextlib.contextmanager
def working_folder(folder: Path) -> Iterator[Path]:
    """A folder in which one library is compiled; its name identifies this process."""
    prefix = f".work-{mark()}-"
    with tempfile.TemporaryDirectory(dir=folder, prefix=prefix, ignore_cleanup_errors=True) as work:
        yield Path(work)


def clear_leftovers() -> None:
    """Remove what killed processes left in the cache folders of this user."""
    for folder in existing_folders():
        with contextlib.suppress(OSError):
            clear(list(folder.glob(".work-*")))
            clear(list(filter(_is_old_work, folder.glob("tmp*"))))
            for path in list(folder.glob("*.lock")):
                if LOCK.fullmatch(path.name) and is_dead(path):
                    _clear_lock(path)


def _is_old_work(path: Path) -> bool:
    """Whether it is a working folder of an earlier version, and holds nothing else."""
    with contextlib.suppress(OSError):
        if OLD_WORK.fullmatch(path.name) and not path.is_symlink():
            return set(os.listdir(path)) <= OLD_FILES
    return False


def _clear_lock(path: Path) -> None:
    """Remove a lock file that no process holds."""
    from filelock import FileLock

    with contextlib.suppress(OSError, NotImplementedError), FileLock(path, timeout=0):
        path.unlink()
