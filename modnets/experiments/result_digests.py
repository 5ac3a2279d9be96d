"""Hashes of the results of runs, and the lists of runs that stores keep for figures.

A figure's record has a hash of the settings of its runs, which is one of their keys, and of their
results.  A store keeps the keys in a file named by the first, so that the second can be worked out
again: ``keys-<16 digits>.txt``, a key in a line.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from modnets.experiments import store_files
from modnets.runs_read import digest_of, note

#: Digits of a digest in the name of a file.
DIGITS = 16


def run_digests(table: pd.DataFrame) -> dict[str, str]:
    """Key -> a hash of a run's results: of all numbers of its evaluations.

    Neither the order of the rows enters nor columns that hold nothing for the run, so that the hash
    stays where a later version records more.

    Parameters
    ----------
    table : DataFrame
        A row per run and evaluated epoch, tidy.

    Returns
    -------
    dict of str to str
        32 hexadecimal digits for each run.
    """
    if "run" not in table or "epoch" not in table or table.empty:
        return {}
    first = table.columns.get_loc("epoch")
    numbers = table.iloc[:, first:].select_dtypes(["number", "bool"])
    names = sorted(map(str, numbers.columns))
    values = numbers.rename(columns=str)[names].to_numpy(dtype="<f8", na_value=np.nan)
    values[np.isnan(values)] = np.nan  # in one notation
    runs = table["run"].to_numpy(dtype=object)
    order = np.lexsort((values[:, names.index("epoch")], runs.astype(str)))
    values, runs = values[order], runs[order]
    starts = np.flatnonzero(np.r_[True, runs[1:] != runs[:-1]])
    held = np.logical_or.reduceat(~np.isnan(values), starts)
    parts = np.split(values, starts[1:])
    return {
        str(run): _digest(names, mask, part)
        for run, mask, part in zip(runs[starts], held, parts, strict=True)
    }


def _digest(names: Sequence[str], held: np.ndarray, rows: np.ndarray) -> str:
    digest = hashlib.sha256(",".join(np.array(names)[held]).encode())
    digest.update(np.ascontiguousarray(rows[:, held]).tobytes())
    return digest.hexdigest()[:32]


class Unstored:
    """Results that no store keeps, as those of a sweep without one: what figures say of them."""

    folder: Path | None = None

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}

    def add(self, table: pd.DataFrame) -> None:
        """Note runs that were trained, or read from an exported file."""
        digests = run_digests(table)
        self._digests.update(digests)
        note(self, digests)

    def run_digests(self, keys: Sequence[str]) -> dict[str, str]:
        """Key -> a hash of the run's results."""
        return {key: self._digests[key] for key in keys if key in self._digests}

    def keep_keys(self, keys: Sequence[str]) -> None:
        """Nothing, as there is no store."""


#: Of this process.
UNSTORED = Unstored()


def keep_keys(folder: Path, keys: Sequence[str]) -> None:
    """Keep a list of runs in a store; one that cannot be written is left as it is."""
    name, text = name_of(digest_of(keys)), "\n".join(sorted(keys)) + "\n"
    if not (folder / name).is_file():
        with contextlib.suppress(OSError, ValueError):
            store_files.write_bytes(folder, text.encode(), name)


def kept_keys(folder: Path, digest: str) -> list[str] | None:
    """The runs of a list in a store by their digest; None if it is not there, or has changed."""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        keys = (folder / name_of(digest)).read_bytes().decode().split()
        return keys if digest_of(keys) == digest else None
    return None


def name_of(digest: str) -> str:
    """The name of a list's file."""
    return f"keys-{digest[:DIGITS]}.txt"


def changed_lists(folder: Path) -> Iterator[str]:
    """Names of lists in a store that are not what was written."""
    for name in sorted(store_files.names_in(folder)):
        if name.startswith("keys-") and name.endswith(".txt"):
            with contextlib.suppress(OSError):
                keys = (folder / name).read_bytes().decode(errors="replace").split()
                if name_of(digest_of(keys)) != name:
                    yield name
