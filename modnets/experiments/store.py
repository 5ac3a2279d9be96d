"""A folder of results: Parquet files of one or more chunks of runs, whole or not there at all.

A file holds one row per run and evaluated epoch; what a run has learned (``predicted``,
``structure``) and its whole ``config`` stand in its last row, and the provenance of its chunks in
the file's metadata.  No file is ever changed.  Sweeps merge small ones into larger ones, and set
damaged ones aside, whose runs are done again; reading changes nothing.

What is damage is decided in :mod:`modnets.experiments.store_files`: ``read`` compares the bytes of
a file with the digest in its name, ``decoding`` sorts the errors of the Parquet reader.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.experiments import failed_runs, result_digests, store_files, study_files
from modnets.experiments.columns import DETAILS, decoded, schema, with_measures
from modnets.experiments.compaction import compact, provenance_in
from modnets.experiments.damage_reports import report_damage, report_flipped
from modnets.experiments.exports import SUFFIXES, read_export, without_empty
from modnets.experiments.failed_runs import Failure
from modnets.experiments.ordering import quick_memory, tidy, wanted_rows
from modnets.experiments.store_files import Content, Damaged, StoreError
from modnets.leftovers import clear
from modnets.paths import expanded
from modnets.runs_read import note

READERS = 4  # threads that read and decode files

Part = TypeVar("Part")


class Store:
    """A folder of results.

    Reading it changes nothing: damaged files are reported and left out, and the folder may be one
    that you may only read.

    Parameters
    ----------
    folder : str or Path
        Made by the first result if it is missing.
    writable : bool
        Make it now, and make sure that it can be written.

    Raises
    ------
    ValueError
        If it can be no folder, or shall be written and cannot.
    """

    def __init__(self, folder: str | Path, *, writable: bool = False) -> None:
        self.folder = expanded(folder, "store").absolute()
        existing = self.folder
        while not os.path.lexists(existing) and existing != existing.parent:
            existing = existing.parent
        require(
            existing.is_dir() or not os.access(existing.parent, os.X_OK),
            f"store={str(folder)!r} cannot be written ({existing.name} is no folder); allowed is a "
            "folder that you may write to",
        )
        if writable:
            self.check_writable()

    def write(self, table: pd.DataFrame, provenance: dict[str, Any]) -> Path:
        """Add the results of some runs; when the call returns they are on the disk.

        Parameters
        ----------
        table : DataFrame
            One row per run and evaluated epoch.
        provenance : dict
            JSON values: how these runs were made.

        Raises
        ------
        StoreError
            If the folder cannot be written, as when the disk is full; no half of a file is left.
        """
        content = pa.Table.from_pandas(table, schema=schema(), preserve_index=False)
        return store_files.write(self.folder, content, {"modnets": json.dumps(provenance)})

    def files(self) -> list[Path]:
        """The result files, in a fixed order."""
        return store_files.listed(self.folder)

    def _read(
        self, take: Callable[[Content], Part], *, sweeps: bool = False, lenient: bool = False
    ) -> list[Part]:
        """What is taken from every file that is not damaged; files that are, are named.

        A sweep sets them aside, and puts right where a bit has flipped.  One that cannot be read
        is an error, or a printed line where that is enough.
        """
        outcomes: dict[Path, Part | Damaged | StoreError] = {}
        flipped: dict[Path, Content] = {}

        def one(path: Path) -> Part | Damaged | StoreError | None:
            try:
                content = store_files.read(path)
                if content.mended:
                    flipped[path] = content
                return take(content)
            except Damaged as error:
                return error
            except StoreError as error:
                if not lenient:
                    raise
                return error
            except FileNotFoundError:  # merged with others meanwhile: it is in another one now
                return None

        paths, gone = self.files(), store_files.Gone()
        while new := [path for path in paths if path not in outcomes]:
            with ThreadPoolExecutor(READERS) as readers:
                taken = zip(new, readers.map(one, new), strict=True)
                outcomes |= {path: part for path, part in taken if part is not None}
            gone.wait([path for path in new if path not in outcomes])
            paths = self.files()
        parts: list[Part] = []
        for path in paths:
            outcome = outcomes.get(path)
            if isinstance(outcome, Damaged):
                report_damage(path, outcome, sweeps)
            elif isinstance(outcome, StoreError):
                print(f"modnets: {outcome}", file=sys.stderr)
            elif outcome is not None:
                parts.append(outcome)
            if path in flipped:
                report_flipped(flipped[path], sweeps)
        return parts

    def keys(self) -> set[str]:
        """The runs that the store holds.

        Every file is read whole once, so that damage is found before a run is taken as done.
        """
        return self._keys()

    def keys_read(self) -> set[str]:
        """As :meth:`keys`, of the files that can be read; the others are reported."""
        return self._keys(lenient=True)

    def _keys(self, **how: bool) -> set[str]:
        return set().union(*self._read(_runs_in, **how))

    def table(self, runs: Iterable[str] | None = None, *, last: bool = False) -> pd.DataFrame:
        """The tidy table: one row per run and evaluated epoch, every setting a column.

        Parameters
        ----------
        runs : iterable of str, optional
            Keys of the runs wanted, in the order wanted; by default all, by key.
        last : bool
            Only the last row of each run, which takes a fraction of the memory.

        Raises
        ------
        StoreError
            If a file cannot be read that is not damaged; so in all that follows.
        """
        table = self._table(runs, last=last)
        note(self, table["run"].unique())
        return table

    def _table(self, runs: Iterable[str] | None, *, last: bool = False) -> pd.DataFrame:
        columns = [name for name in schema().names if name not in DETAILS]
        return with_measures(self._collect(columns, runs, last=last))

    def run_digests(self, keys: Iterable[str]) -> dict[str, str]:
        """Key -> a hash of the results of a run, for those that are there; figures carry them."""
        return result_digests.run_digests(self._table(keys))

    def keep_keys(self, keys: Sequence[str]) -> None:
        """Keep which runs a figure was made from."""
        result_digests.keep_keys(self.folder, keys)

    def details(self, runs: Iterable[str] | None = None, *, every: bool = False) -> pd.DataFrame:
        """What runs have learned: ``run``, ``epoch``, ``predicted``, ``structure``, ``config``.

        Parameters
        ----------
        runs : iterable of str, optional
            Keys of the runs wanted, in the order wanted; by default all, by key.
        every : bool
            A row for each evaluation at which it was recorded, in place of one for each run.

        Returns
        -------
        DataFrame
            ``predicted``: the truth table, for each output a hexadecimal number, first row
            highest.  ``structure``: JSON; :func:`modnets.analysis.gates` reads it.  ``config``:
            JSON, for ``RunConfig.from_dict``.
        """
        rows = self._collect(["run", "epoch", *DETAILS], runs)
        recorded = rows["config"].notna() | (every & rows["structure"].notna())
        rows = rows[recorded].reset_index(drop=True)
        return rows.assign(config=rows.groupby("run")["config"].bfill())

    def provenance(self) -> list[dict[str, Any]]:
        """How the runs were made, a dict for each chunk that trained side by side."""
        return [provenance for _, provenance in self.chunks()]

    def chunks(self) -> list[tuple[list[str], dict[str, Any]]]:
        """The keys of runs that trained side by side, and how they were made."""

        def made(content: Content) -> list[tuple[list[str], dict[str, Any]]]:
            with store_files.decoding(content):
                metadata = content.open().metadata
                parts = provenance_in(metadata.metadata, metadata.num_rows)
            runs, start, chunks = decoded(content, ["run"])["run"], 0, []
            for rows, provenance in parts:
                chunks.append((pc.unique(runs.slice(start, rows)).to_pylist(), provenance))
                start += rows
            return chunks

        return [chunk for part in self._read(made) for chunk in part]

    def _collect(
        self, columns: list[str], runs: Iterable[str] | None, *, last: bool = False
    ) -> pd.DataFrame:
        keys = None if runs is None else list(runs)
        wanted = None if keys is None else set(keys)

        def rows(content: Content) -> list[pa.Table]:
            # Most files have no run of a small sweep.
            if wanted is not None and content.checked and wanted.isdisjoint(_runs_in(content)):
                return []
            table = decoded(content, columns, coded=not {*DETAILS} & {*columns})
            return [wanted_rows(table, wanted, last=last)]

        with quick_memory():
            parts = [part for some in self._read(rows) for part in some]
            if not parts:
                parts = [pa.table({n: pa.array([], schema().field(n).type) for n in columns})]
            return tidy(pa.concat_tables(parts), keys).to_pandas()

    def failures(self) -> dict[str, Failure]:
        """The runs that failed and are not there, by key: what went wrong, and when."""
        return failed_runs.read(self.folder)

    def studies(self) -> dict[str, str]:
        """The files of studies whose runs were trained here: name -> text."""
        return study_files.read(self.folder)

    # What a sweep does, and nobody else

    def write_failures(self, failures: Mapping[str, tuple[RunConfig, str]]) -> None:
        """Note which runs have failed, with their tracebacks."""
        failed_runs.write(self.folder, failures)

    def forget_failures(self, held: Set[str]) -> None:
        """Remove notes on runs that are there now."""
        failed_runs.forget(self.folder, held)

    def keep_study(self, text: str) -> None:
        """Keep the file of a study beside its results, under a name by its content."""
        study_files.write(self.folder, text)

    def clean_up(self) -> set[str]:
        """Clear away what killed processes left, set damaged files aside; the runs it holds."""
        names = store_files.names_in(self.folder)
        passing = [name for name in names if name.startswith((".runs-", ".probe-"))]
        clear(self.folder / name for name in passing)
        return self._keys(sweeps=True)

    def check_writable(self) -> None:
        """Raise ValueError unless the folder may be written, or made."""
        store_files.may_write(self.folder)

    def compact(self, *, whole: bool = False) -> None:
        """Merge many small files into few, or all into one; others that read or write go on."""
        with contextlib.suppress(OSError):
            compact(self.folder, whole=whole)


def _runs_in(content: Content) -> set[str]:
    """The keys of the runs in a file."""
    # What has no digest is damaged or not by what its columns say.
    table = decoded(content, ["run"] if content.checked else None)
    return set(pc.unique(table["run"]).to_pylist())


def load(store: str | Path, *, empty: bool = True) -> pd.DataFrame:
    """The tidy table of everything in a store, or of a file that was exported from one.

    Nothing in it is changed; damaged files are reported and left out.

    Parameters
    ----------
    store : str or Path
        The folder of a sweep; or ``FILE.csv``, ``FILE.parquet`` of ``modnets results export``.
    empty : bool
        Whether columns that hold nothing in any row are there too.

    Raises
    ------
    ValueError
        If there is no such folder.
    StoreError
        If a file in it cannot be read that is not damaged.
    """
    path = expanded(store, "store")
    is_file = path.suffix in SUFFIXES and path.is_file()
    table = read_export(path) if is_file else finished(store).table()
    if is_file:
        result_digests.UNSTORED.add(table)
    return table if empty else without_empty(table)


def finished(folder: str | Path, name: str = "store") -> Store:
    """A store that is there.

    Raises
    ------
    ValueError
        If it is not, under the name of the parameter.
    """
    path = expanded(folder, name)
    if not path.is_dir() and os.access(path.absolute().parent, os.X_OK):
        raise ValueError(
            f"{name}={str(folder)!r} is no folder; allowed is one that a sweep has made"
        )
    return Store(path)
