"""Many small result files become few: a sweep merges them as it goes.

Nothing can be lost: files that were merged are removed only when their merged file is whole and on
the disk.  Ended in between, both stand there, with runs that are equal bit for bit and are read
once.  A reader that misses a file lists the folder again.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from modnets.experiments import store_files
from modnets.experiments.columns import decoded, schema
from modnets.experiments.store_files import Content, Damaged, StoreError

#: So many files of like size are merged.
MANY = 16
#: Files of at least so many bytes stay as they are, and so many bytes are merged at once: so much
#: is trained again where one is damaged.
FULL, AT_ONCE = 2**21, 2**23
#: Where the metadata of a file hold how its runs were made.
PROVENANCE = b"modnets"


def provenance_in(metadata: dict[bytes, bytes] | None, n_rows: int) -> list[tuple[int, dict]]:
    """Of each chunk in a file, in the order of its rows: number of rows, and how it was made."""
    recorded = json.loads((metadata or {}).get(PROVENANCE, b"{}"))
    if "merged" in recorded:
        return [(rows, provenance) for rows, provenance in recorded["merged"]]
    return [(n_rows, recorded)]


def compact(folder: Path, *, whole: bool = False) -> None:
    """Merge small files of a store until there are few, or all of them into one.

    What cannot be merged stays as it is.
    """
    with _alone(folder) as alone:
        if not alone:
            return
        if whole:
            _merge(folder, store_files.listed(folder))
            return
        merged = True
        while merged:
            groups = list(_groups(store_files.bytes_of(store_files.listed(folder))))
            merged = sum(_merge(folder, paths) for paths in groups) > 0


def _groups(sizes: dict[Path, int]) -> Iterator[list[Path]]:
    """Files to merge: many of like size, within a factor of four."""
    tiers: dict[int, list[Path]] = {}
    for path, size in sizes.items():
        if size < FULL:
            tiers.setdefault(size.bit_length() // 2, []).append(path)
    for paths in tiers.values():
        group: list[Path] = []
        for index, path in enumerate(paths):
            if not group and len(paths) - index < MANY:
                break
            group.append(path)
            if sum(sizes[one] for one in group) >= AT_ONCE:
                yield group
                group = []
        if len(group) >= MANY:
            yield group


def _merge(folder: Path, paths: Sequence[Path]) -> bool:
    """Put the content of some files into one, and remove them; whether that was done."""
    tables, chunks, merged = [], [], []
    held: pa.Array = pa.array([], pa.string())
    for path in paths:
        try:
            content = store_files.read(path)
            parts = _parts(content)
        except (Damaged, OSError):
            continue  # whoever reads it next says so
        for part, provenance in parts:
            part = part.filter(pc.invert(pc.is_in(part["run"], value_set=held)))
            if len(part):
                tables.append(part)
                chunks.append([len(part), provenance])
        held = pa.concat_arrays([held, *(pc.unique(part["run"]) for part, _ in parts)])
        merged.append(path)
    if len(merged) < 2:
        return False
    metadata = {PROVENANCE.decode(): json.dumps({"merged": chunks})}
    with contextlib.suppress(StoreError):  # as on a full disk: the files stay as they are
        made = store_files.write(folder, pa.concat_tables(tables), metadata)
        for path in merged:
            if path != made:
                path.unlink(missing_ok=True)
        return True
    return False


def _parts(content: Content) -> list[tuple[pa.Table, dict[str, Any]]]:
    """The chunks of a file.

    Raises
    ------
    Damaged, StoreError
        If they cannot be read, or hold what this version of modnets does not know.
    """
    with store_files.decoding(content):
        names = content.open().schema_arrow.names
        if set(names) - set(schema().names):
            raise pa.ArrowInvalid("columns of a later version")
    table = decoded(content)
    with store_files.decoding(content):
        chunks = provenance_in(content.open().metadata.metadata, len(table))
        if sum(rows for rows, _ in chunks) != len(table):
            raise pa.ArrowInvalid("its metadata do not fit its rows")
    parts, start = [], 0
    for rows, provenance in chunks:
        parts.append((table.slice(start, rows), provenance))
        start += rows
    return parts


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Whether no other process merges here, as far as locks say; two would only do it twice."""
    try:
        import fcntl

        number = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield folder.is_dir()
        return
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        alone = True
    except BlockingIOError:
        alone = False
    except OSError:  # a file system without locks
        alone = True
    try:
        yield alone
    finally:
        os.close(number)
