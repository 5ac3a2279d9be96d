"""The cache folder of compiled libraries, which only this user can write to.

Whoever can write there, or replace a folder above it, decides what code this process runs.  So
libraries are loaded only from a folder that belongs to this user or to root, and that nobody else
can write to, all the way up; otherwise they are kept in a private temporary folder.
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

#: Bytes reserved for the names of files in the folder.
ROOM = 128
#: Names of all files and folders that any version has put into the folder.
MADE = re.compile(
    r"[0-9a-f]{20}-[0-9a-f]{20}\.(so|json)|[0-9a-f]{20}\.lock|\.work-.*|tmp[a-z0-9_]{8}"
)


class UnsafeFolderError(OSError):
    """A folder from which no code may be loaded; ``strerror`` says why."""

    def __init__(self, reason: str, path: Path) -> None:
        super().__init__(errno.EPERM, reason, str(path))


def folders_to_read() -> list[Path]:
    """Folders with compiled libraries: the configured one and, if that is read-only, a private one.

    Raises
    ------
    OSError
        If there is no safe folder at all.
    """
    try:
        folder = checked(configured(), make=True)
    except OSError:
        return [cache_folder()]
    folders = [folder]
    if not _is_mine(folder):
        with contextlib.suppress(OSError):
            folders.append(private_folder())
    return folders


def cache_folder() -> Path:
    """The folder that compiled libraries are written to: the configured one, or a private one.

    It is ``$MODNETS_CACHE``, else ``modnets`` in ``$XDG_CACHE_HOME`` or ``~/.cache``; created if
    missing.  Where a private one is used, a message says why, once.

    Raises
    ------
    OSError
        If there is no safe folder at all.
    """
    try:
        folder = checked(configured(), make=True)
        if _is_mine(folder):
            return folder
        reason = f"{folder} cannot be written"
    except OSError as error:
        reason = f"{_short(error.filename or 'the working folder')}: {error.strerror}"
    folder = private_folder(make=True)
    say_once(f"{reason}; compiled code is kept in {folder}")
    return folder


def existing_folders() -> list[Path]:
    """Folders of this user that libraries may have been written to; none is created."""
    folders = []
    for find in (lambda: checked(configured()), private_folder):
        with contextlib.suppress(OSError):
            folders.append(find())
    return [folder for folder in folders if _is_mine(folder)]


def configured() -> Path:
    """The folder that the environment variables name.

    Raises
    ------
    OSError
        If there is no home folder.
    """
    own = os.environ.get("MODNETS_CACHE")
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if own:
            return Path(own).expanduser()
        if os.path.isabs(xdg):  # by the specification a relative path counts as not set
            return Path(xdg, "modnets")
        folder = Path.home() / ".cache" / "modnets"
    except RuntimeError:
        folder = Path(own or "~/.cache/modnets")
    if not folder.is_absolute():
        raise UnsafeFolderError("no home folder", folder)
    return folder


def checked(folder: Path, make: bool = False) -> Path:
    """The real path of a folder, if nobody else can change what lies in it.

    Parameters
    ----------
    folder : Path
    make : bool
        Create missing folders, without access for others.

    Raises
    ------
    OSError
        If the folder is missing, or others can change what lies in it.
    """
    if folder.is_symlink() and folder.lstat().st_uid not in trusted():
        raise UnsafeFolderError(f"a link of {_name(folder.lstat().st_uid)}", folder)
    real = Path(os.path.realpath(folder))
    if len(os.fsencode(real)) > os.pathconf("/", "PC_PATH_MAX") - ROOM:
        raise UnsafeFolderError("too long a name", real)
    for step in [*reversed(real.parents), real]:
        if make and not os.path.lexists(step):
            with contextlib.suppress(FileExistsError):  # another process was quicker
                step.mkdir(0o700)
                step.chmod(0o700)
        status = step.lstat()
        if not stat.S_ISDIR(status.st_mode):
            raise UnsafeFolderError("not a folder", step)
        if status.st_uid not in trusted():
            raise UnsafeFolderError(f"belongs to {_name(status.st_uid)}", step)
        # In a folder with the sticky bit others cannot replace what is not theirs.
        if others_write(status) and (step == real or not status.st_mode & stat.S_ISVTX):
            raise UnsafeFolderError("others can write there", step)
    if os.statvfs(real).f_flag & getattr(os, "ST_NOEXEC", 0):
        raise UnsafeFolderError("mounted noexec", real)
    is_open = status.st_uid == os.geteuid() and status.st_mode & 0o200 and status.st_mode & 0o077
    if is_open and _holds_code_only(real):
        with contextlib.suppress(OSError):  # some file systems keep no modes
            real.chmod(status.st_mode & 0o700)
    return real


def private_folder(make: bool = False) -> Path:
    """A private temporary folder of this user.

    Raises
    ------
    OSError
        If there is none, and ``make`` is False or none can be created.
    """
    name = f"modnets-{os.geteuid()}"
    error: OSError = UnsafeFolderError("no private folder", Path(name))
    for base in _temporary():
        # Another user may have taken a name: then the next one is tried.
        candidates = [base / name, *sorted(base.glob(f"{name}-*"))]
        for candidate in [*candidates, *([None] if make else [])]:
            try:
                folder = candidate or Path(tempfile.mkdtemp(prefix=f"{name}-", dir=base))
                if checked(folder, make) == folder and _is_mine(folder):  # and no link
                    return folder
            except OSError as reason:
                error = reason
    raise error


def _temporary() -> list[Path]:
    """Folders for temporary files, links resolved."""
    bases = [Path("/tmp"), Path("/var/tmp")]
    with contextlib.suppress(OSError):
        bases.insert(0, Path(tempfile.gettempdir()))
    return [base for base in dict.fromkeys(path.resolve() for path in bases) if base.is_dir()]


def trusted() -> set[int]:
    """Users whose folders are safe: this one and root.

    In a user namespace without root its files belong to the overflow user.
    """
    users = {os.geteuid(), 0}
    with contextlib.suppress(OSError, ValueError):
        overflow = int(Path("/proc/sys/kernel/overflowuid").read_text())
        lines = Path("/proc/self/uid_map").read_text().splitlines()
        spans = [[int(field) for field in line.split()] for line in lines]
        if not any(first <= overflow < first + count for first, _, count in spans):
            users.add(overflow)
    return users


def others_write(status: os.stat_result) -> bool:
    """Whether users other than the owner, this user and root may write to a file or folder."""
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _is_own_group(status.st_gid)


@cache
def _is_own_group(group: int) -> bool:
    """Whether a group has no members but this user and root."""
    import grp
    import pwd

    names = {"root"}
    with contextlib.suppress(KeyError):
        names.add(pwd.getpwuid(os.geteuid()).pw_name)
    try:
        entry = grp.getgrgid(group)
    except KeyError:
        return False
    return entry.gr_name in names and set(entry.gr_mem) <= names


def _is_mine(folder: Path) -> bool:
    return folder.stat().st_uid == os.geteuid() and os.access(folder, os.W_OK | os.X_OK)


def _holds_code_only(folder: Path) -> bool:
    """Whether a folder holds files of modnets only, so that nobody else needs access."""
    return all(MADE.fullmatch(name) for name in os.listdir(folder))


def _name(user: int) -> str:
    import pwd

    try:
        return f"user {pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"user {user}"


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}..."
