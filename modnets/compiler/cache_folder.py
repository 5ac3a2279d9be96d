"""The folder in which machine code is kept: one's own, and closed to others.

Whoever can write there, or exchange a folder above it, decides what runs in this process.  So code
is loaded from a folder only that belongs to this user, or to root, and that nobody else can write
to, all the way up; else it is kept in a private folder among the temporary ones.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import tempfile
from functools import cache
from pathlib import Path

from modnets.notices import say_once

#: Characters that the names of files in the folder may take.
ROOM = 128
#: What modnets has ever put into the folder.
MADE = re.compile(r"[0-9a-f]{20}-[0-9a-f]{20}\.so|[0-9a-f]{20}\.lock|\.work-.*|tmp[a-z0-9_]{8}")


class Unsafe(OSError):
    """A folder from which no code shall be loaded; ``strerror`` says why."""

    def __init__(self, reason: str, path: Path) -> None:
        super().__init__(errno.EPERM, reason, str(path))


def folders_to_read() -> list[Path]:
    """Where machine code may lie: the chosen folder and, if that is only read, a private one.

    Raises
    ------
    OSError
        If there is no safe folder at all.
    """
    try:
        folder = checked(chosen(), make=True)
    except OSError:
        return [cache_folder()]
    found = [folder]
    if not _is_mine(folder):
        with contextlib.suppress(OSError):
            found.append(private_folder())
    return found


def cache_folder() -> Path:
    """Where machine code is written to: the folder that was chosen, or a private one.

    It is ``$MODNETS_CACHE``, else ``modnets`` in ``$XDG_CACHE_HOME`` or ``~/.cache``; made if it is
    missing.  Where another one is taken, a line says why, once.

    Raises
    ------
    OSError
        If there is no safe folder at all.
    """
    try:
        folder = checked(chosen(), make=True)
        if _is_mine(folder):
            return folder
        reason = f"{folder} cannot be written"
    except OSError as error:
        reason = f"{_short(error.filename or 'the working folder')}: {error.strerror}"
    folder = private_folder(make=True)
    say_once(f"{reason}; compiled code is kept in {folder}")
    return folder


def folders_there() -> list[Path]:
    """Folders of this user that machine code may have been written to; none is made."""
    found = []
    for look in (lambda: checked(chosen()), private_folder):
        with contextlib.suppress(OSError):
            found.append(look())
    return [folder for folder in found if _is_mine(folder)]


def chosen() -> Path:
    """The folder that the environment names.

    Raises
    ------
    OSError
        If there is no home to start from.
    """
    named = os.environ.get("MODNETS_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if named:
            return Path(named).expanduser()
        if os.path.isabs(shared):  # the specification: others count as not set
            return Path(shared, "modnets")
        folder = Path.home() / ".cache" / "modnets"
    except RuntimeError:
        folder = Path(named or "~/.cache/modnets")
    if not folder.is_absolute():
        raise Unsafe("no home folder", folder)
    return folder


def checked(folder: Path, make: bool = False) -> Path:
    """The real path of a folder of which each part is safe.

    Parameters
    ----------
    folder : Path
    make : bool
        Make what is missing, closed to others.

    Raises
    ------
    OSError
        If it is missing, or if others can change what lies there.
    """
    if folder.is_symlink() and folder.lstat().st_uid not in trusted():
        raise Unsafe(f"a link of {_name(folder.lstat().st_uid)}", folder)
    real = Path(os.path.realpath(folder))
    if len(os.fsencode(real)) > os.pathconf("/", "PC_PATH_MAX") - ROOM:
        raise Unsafe("too long a name", real)
    for part in [*reversed(real.parents), real]:
        if make and not os.path.lexists(part):
            with contextlib.suppress(FileExistsError):  # another process was quicker
                part.mkdir(0o700)
                part.chmod(0o700)
        found = part.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise Unsafe("not a folder", part)
        if found.st_uid not in trusted():
            raise Unsafe(f"belongs to {_name(found.st_uid)}", part)
        # In a folder with the sticky bit others may not exchange what is not theirs.
        if others_write(found) and (part == real or not found.st_mode & stat.S_ISVTX):
            raise Unsafe("others can write there", part)
    if os.statvfs(real).f_flag & getattr(os, "ST_NOEXEC", 0):
        raise Unsafe("mounted noexec", real)
    is_open = found.st_uid == os.geteuid() and found.st_mode & 0o200 and found.st_mode & 0o077
    if is_open and _holds_code_only(real):
        with contextlib.suppress(OSError):  # some file systems keep no modes
            real.chmod(found.st_mode & 0o700)
    return real


def private_folder(make: bool = False) -> Path:
    """A folder of this user among the temporary ones.

    Raises
    ------
    OSError
        If there is none, and none is to be made or none can be.
    """
    name = f"modnets-{os.geteuid()}"
    error: OSError = Unsafe("no private folder", Path(name))
    for base in _temporary():
        # What another user has put in our way stays there, and the next name is tried.
        tried = [base / name, *sorted(base.glob(f"{name}-*"))]
        for place in [*tried, *([None] if make else [])]:
            try:
                place = place or Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base))
                if checked(place, make) == place and _is_mine(place):  # and no link
                    return place
            except OSError as reason:
                error = reason
    raise error


def _temporary() -> list[Path]:
    """Folders for temporary files, without links on the way."""
    bases = [Path("/tmp"), Path("/var/tmp")]
    with contextlib.suppress(OSError):
        bases.insert(0, Path(tempfile.gettempdir()))
    return [base for base in dict.fromkeys(path.resolve() for path in bases) if base.is_dir()]


def trusted() -> set[int]:
    """Users whose folders are safe: this one and root.

    In a container that does not know root, its files show as those of the overflow user.
    """
    users = {os.geteuid(), 0}
    with contextlib.suppress(OSError, ValueError):
        overflow = int(Path("/proc/sys/kernel/overflowuid").read_text())
        lines = Path("/proc/self/uid_map").read_text().splitlines()
        spans = [[int(word) for word in line.split()] for line in lines]
        if not any(first <= overflow < first + count for first, _, count in spans):
            users.add(overflow)
    return users


def others_write(found: os.stat_result) -> bool:
    """Whether others than its owner, this user and root may write to a file or folder."""
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and not _is_own_group(found.st_gid)


@cache
def _is_own_group(group: int) -> bool:
    """Whether nobody but this user, or root, is in a group, as its name and list say."""
    import grp
    import pwd

    names = {"root"}
    with contextlib.suppress(KeyError):
        names.add(pwd.getpwuid(os.geteuid()).pw_name)
    try:
        found = grp.getgrgid(group)
    except KeyError:
        return False
    return found.gr_name in names and set(found.gr_mem) <= names


def _is_mine(folder: Path) -> bool:
    return folder.stat().st_uid == os.geteuid() and os.access(folder, os.W_OK | os.X_OK)


def _holds_code_only(folder: Path) -> bool:
    """Whether closing a folder shuts nobody out of something else."""
    return all(MADE.fullmatch(name) for name in os.listdir(folder))


def _name(user: int) -> str:
    import pwd

    try:
        return f"user {pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"user {user}"


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}..."
