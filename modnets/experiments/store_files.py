"""Result files: their names, which tell when their content has changed, and what can go wrong.

A file is named by the digest and the checksum of all its bytes, so that any change in it is
noticed, and a single flipped bit put right.  Files of earlier versions have other names and are
read without that check.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from modnets.errors import first_line
from modnets.experiments.bitflips import mended
from modnets.leftovers import mark

NAMED_BY_DIGEST = re.compile(r"runs-([0-9a-f]{32})-([0-9a-f]{8})\.parquet")
#: What keeps a folder from being written today, and is no mistake of the caller.
PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
#: Times that the folder is listed until nothing changes meanwhile.
LISTINGS = 1000
#: So long NFS may list what another machine has removed: s.
STALE_FOR = 90.0
#: Rows up to which the better compression saves hardly a byte, and takes 7 ms longer, as much as
#: all else in writing a chunk.
FEW_ROWS = 1024
#: No table takes so many times the bytes of its file; what asks for them is damaged.
EXPANSION = 100_000


class StoreError(OSError):
    """A store that cannot be read or written just now; nothing in it was changed."""


class Damaged(Exception):
    """A file that was read, and whose content is not what was written."""


@dataclass(frozen=True)
class Content:
    """A whole file as it was read, not yet decoded.

    Parameters
    ----------
    path : Path
    data : bytes
    checked : bool
        Whether its bytes are surely those that were written.
    mended : bool
        Whether a bit of them had flipped.
    """

    path: Path
    data: bytes
    checked: bool
    mended: bool = False

    def open(self, coded: Sequence[str] = ()) -> pq.ParquetFile:
        """The file, to read columns and metadata from; ``coded`` columns as dictionary indices."""
        file = pq.ParquetFile(pa.BufferReader(self.data))
        names = file.schema_arrow.names  # made anew each time
        there = [name for name in coded if name in names]
        if not there:
            return file
        options = {"metadata": file.metadata, "read_dictionary": there}
        return pq.ParquetFile(pa.BufferReader(self.data), **options)


def listed(folder: Path) -> list[Path]:
    """The result files, in a fixed order; none where there is no such folder.

    While files are merged by another process, one listing may miss both what is merged and what
    it was merged from; so the folder is listed until nothing changes meanwhile.

    Raises
    ------
    StoreError
        If the folder cannot be read.
    """
    before = None
    for _ in range(LISTINGS):
        names = sorted(name for name in names_in(folder) if _is_result(name))
        if names == before:
            break
        before = names
    return [folder / name for name in before or []]


def names_in(folder: Path) -> list[str]:
    """The names of all that lies in a folder; none where there is no such folder."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(
            f"store={str(folder)!r} cannot be read ({error.strerror}); allowed is a folder that "
            "you may read"
        ) from None


def _is_result(name: str) -> bool:
    return name.startswith("runs-") and name.endswith(".parquet")


def read(path: Path) -> Content:
    """All bytes of a file, compared with the digest in its name.

    Raises
    ------
    Damaged
        If they are not those that were written.
    FileNotFoundError
        If it has gone meanwhile.
    StoreError
        If it cannot be read: no permission, a disk or network that fails, no memory.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except (OSError, MemoryError) as error:
        if getattr(error, "errno", None) == errno.ESTALE:  # NFS: removed by another machine
            raise FileNotFoundError(errno.ENOENT, "removed meanwhile", str(path)) from None
        raise unreadable(path, error) from None
    named = NAMED_BY_DIGEST.fullmatch(path.name)
    if named is None or name_of(data) == path.name:
        return Content(path, data, checked=named is not None)
    right = mended(data, int(named[2], 16))
    if right is None or name_of(right) != path.name:
        raise Damaged("its content has changed since it was written")
    return Content(path, right, checked=True, mended=True)


class Gone:
    """Waits for a listing in which files that have gone are not named any more.

    A file system of a network names them for a while yet, and not those that hold their rows now.
    """

    def __init__(self) -> None:
        self.paths: list[Path] = []
        self.since, self.pause = time.monotonic(), 0.001

    def wait(self, paths: list[Path]) -> None:
        """Wait a little where the same files have gone as the last time.

        Raises
        ------
        StoreError
            If they are named for too long.
        """
        if not paths or paths != self.paths:
            self.paths, self.since, self.pause = paths, time.monotonic(), 0.001
            return
        if time.monotonic() - self.since > STALE_FOR:
            raise unreadable(paths[0], FileNotFoundError("it is listed and not there"))
        time.sleep(self.pause)
        self.pause = min(1.0, 2 * self.pause)


def name_of(data: Any) -> str:
    """The name of a file with this content."""
    return f"runs-{hashlib.sha256(data).hexdigest()[:32]}-{zlib.crc32(data):08x}.parquet"


def unreadable(path: Path, error: BaseException) -> StoreError:
    """What to say of a file that cannot be read just now."""
    reason = getattr(error, "strerror", None) or first_line(error)
    return StoreError(
        f"store={str(path.parent)!r}: {path.name} cannot be read ({reason}); nothing was changed, "
        "and the same call goes on once it can be read"
    )


@contextlib.contextmanager
def decoding(content: Content) -> Iterator[None]:
    """Tell what goes wrong when a file is decoded.

    Raises
    ------
    Damaged
        If the content is not that of a result file.
    StoreError
        If it is what was written and cannot be decoded all the same: no memory, or a later
        version wrote it.
    """
    try:
        yield
    except Damaged:
        raise
    except MemoryError as error:
        asked = re.search(r"size (\d+) failed", str(error))
        if not content.checked and asked and int(asked[1]) > EXPANSION * (len(content.data) + 1):
            raise Damaged(first_line(error)) from None
        raise unreadable(content.path, error) from None
    except Exception as error:
        if content.checked:
            raise unreadable(content.path, error) from None
        raise Damaged(first_line(error)) from None


def write(folder: Path, content: pa.Table, metadata: dict[str, str]) -> Path:
    """Write a file, whole or not at all; when the call returns it is on the disk.

    Raises
    ------
    StoreError
        If it cannot be written, with what to do; what was there is left as it was.
    """
    sink = pa.BufferOutputStream()
    compression = "zstd" if len(content) > FEW_ROWS else "snappy"
    pq.write_table(content.replace_schema_metadata(metadata), sink, compression=compression)
    return write_bytes(folder, sink.getvalue())


def write_bytes(folder: Path, data: Any, name: str | None = None) -> Path:
    """Write what is in a file, by default one of results; see :func:`write`."""
    path = folder / (name or name_of(data))
    partial = folder / f".runs-{mark()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(partial, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync(folder)
    except OSError as error:
        raise _unwritten(folder, error) from None
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return path


def sync(folder: Path) -> None:
    """Put a folder's list of names on the disk, where the system can."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def set_aside(path: Path) -> Path:
    """Rename a damaged file, so that nobody reads it again; never over another one."""
    aside, number = path.with_suffix(".damaged"), 1
    while aside.exists():
        number += 1
        aside = path.with_suffix(f".damaged-{number}")
    path.rename(aside)
    return aside


def may_write(folder: Path) -> None:
    """Raise ValueError unless a folder may be written, or made."""
    probe = folder / f".probe-{mark()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        if error.errno in PASSING:
            raise _unwritten(folder, error) from None
        raise ValueError(
            f"store={str(folder)!r} cannot be written ({error.strerror}); "
            "allowed is a folder that you may write to"
        ) from None


def _unwritten(folder: Path, error: OSError) -> StoreError:
    return StoreError(
        f"store={str(folder)!r} cannot be written ({error.strerror}); make room or give "
        "permission there, and the same call goes on: what was stored before is kept"
    )


def bytes_of(paths: Sequence[Path]) -> dict[Path, int]:
    """The sizes of files, without those that have gone."""
    sizes = {}
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            sizes[path] = path.stat().st_size
    return sizes
