"""A folder of results: one Parquet file for each chunk of runs, whole or not there at all.

A file holds one row per run and evaluated epoch; what a run has learned (``predicted``,
``structure``) and its whole ``config`` stand in its last row, and the provenance of the chunk in
the file's metadata.  No file is ever changed; a damaged one is set aside, and its runs done again.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import uuid
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from modnets.errors import first_line
from modnets.training.config import LATER, RunConfig
from modnets.training.evaluation import MEASURES, PARTS
from modnets.training.insight import INSIGHTS

#: What a run has learned and what made it; not part of the tidy table.
DETAILS = ("predicted", "structure", "config")


def schema() -> pa.Schema:
    """The columns of a result file: run, kind, every setting, epoch, measures, details."""
    types = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
    columns: dict[str, pa.DataType] = {"run": pa.string(), "kind": pa.string()}
    for f in fields(RunConfig):
        if f.name != "train_fraction":
            columns[f.name] = types.get(str(f.type).split(" ")[0], pa.string())
    columns["epoch"] = pa.int64()
    for part in PARTS:
        columns |= {f"{part}_{measure}": pa.float64() for measure in MEASURES}
    columns |= {"bit_accuracy": pa.float64(), "row_accuracy": pa.float64(), "solved": pa.bool_()}
    columns |= dict.fromkeys(INSIGHTS, pa.float64())
    columns |= dict.fromkeys(DETAILS, pa.string())
    return pa.schema(list(columns.items()))


class Store:
    """A folder of results.

    Parameters
    ----------
    folder : str or Path
        Made if it is missing.

    Raises
    ------
    ValueError
        If it cannot be written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / f".probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise ValueError(
                f"store={str(folder)!r} cannot be written ({error.strerror}); "
                "allowed is a folder that you may write to"
            ) from None

    def write(self, table: pd.DataFrame, provenance: dict[str, Any]) -> Path:
        """Add the results of some runs; when the call returns they are on the disk.

        Parameters
        ----------
        table : DataFrame
            One row per run and evaluated epoch.
        provenance : dict
            JSON values: how these runs were made.
        """
        keys = " ".join(sorted(set(table["run"])))
        path = self.folder / f"runs-{hashlib.sha256(keys.encode()).hexdigest()[:16]}.parquet"
        content = pa.Table.from_pandas(table, schema=schema(), preserve_index=False)
        content = content.replace_schema_metadata({"modnets": json.dumps(provenance)})
        partial = self.folder / f".{path.name}.{uuid.uuid4().hex}"
        with open(partial, "wb") as file:
            pq.write_table(content, file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        return path

    def files(self) -> list[Path]:
        """The result files, in a fixed order."""
        return sorted(self.folder.glob("runs-*.parquet"))

    def _read(self, columns: list[str] | None) -> list[pa.Table]:
        """Some columns of every file; a file that cannot be read is set aside, and named."""
        tables = []
        for path in self.files():
            try:
                tables.append(_read_file(path, columns))
            except (OSError, pa.ArrowException) as error:
                aside = path.with_suffix(".damaged")
                path.rename(aside)
                print(
                    f"modnets: {path.name} is damaged ({first_line(error)}); "
                    f"set aside as {aside.name}, its runs are done again",
                    file=sys.stderr,
                )
        return tables

    def keys(self) -> set[str]:
        """The runs that the store holds.

        Every file is read whole once, so that damage is found before a run is taken as done.
        """
        return {key for part in self._read(None) for key in part["run"].unique().to_pylist()}

    def table(self, runs: Iterable[str] | None = None) -> pd.DataFrame:
        """The tidy table: one row per run and evaluated epoch, every setting a column.

        Parameters
        ----------
        runs : iterable of str, optional
            Keys of the runs wanted, in the order wanted; by default all, by key.
        """
        columns = [name for name in schema().names if name not in DETAILS]
        return self._collect(columns, runs)

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
            highest.  ``structure``: JSON; :func:`modnets.gates` reads it.  ``config``: JSON, for
            ``RunConfig.from_dict``.
        """
        found = self._collect(["run", "epoch", *DETAILS], runs)
        recorded = found["config"].notna() | (every & found["structure"].notna())
        found = found[recorded].reset_index(drop=True)
        return found.assign(config=found.groupby("run")["config"].bfill())

    def provenance(self) -> list[dict[str, Any]]:
        """How the runs were made, a dict for each file."""
        metadata = (pq.read_schema(path).metadata or {} for path in self.files())
        return [json.loads(found.get(b"modnets", b"{}")) for found in metadata]

    def _collect(self, columns: list[str], runs: Iterable[str] | None) -> pd.DataFrame:
        empty = pa.table({name: pa.array([], schema().field(name).type) for name in columns})
        frame = pa.concat_tables([empty, *self._read(columns)]).to_pandas()
        return ordered(frame.drop_duplicates(["run", "epoch"]), runs)


def _read_file(path: Path, columns: list[str] | None) -> pa.Table:
    """Some columns of a file; those that came later than it hold what they stand for there."""
    later = dict.fromkeys(INSIGHTS) | LATER
    with pq.ParquetFile(path) as file:
        wanted = schema().names if columns is None else columns
        absent = [name for name in wanted if name not in file.schema_arrow.names]
        table = file.read([name for name in wanted if name not in absent])
    for name in absent:
        if name not in later:
            raise pa.ArrowInvalid(f"no column {name!r}")
        value = pa.scalar(later[name], schema().field(name).type)
        table = table.append_column(name, pa.repeat(value, len(table)))
    return table.select(wanted)


def ordered(frame: pd.DataFrame, runs: Iterable[str] | None = None) -> pd.DataFrame:
    """The rows of the given runs, in their order and by epoch."""
    if runs is None:
        return frame.sort_values(["run", "epoch"], ignore_index=True)
    place = {key: number for number, key in enumerate(runs)}
    frame = frame[frame["run"].isin(place)]
    order = frame.assign(place=frame["run"].map(place))
    order = order.sort_values(["place", "epoch"], ignore_index=True)
    return order.drop(columns="place")


def load(store: str | Path) -> pd.DataFrame:
    """The tidy table of everything in a store.

    Raises
    ------
    ValueError
        If there is no such folder.
    """
    if not Path(store).is_dir():
        raise ValueError(f"store={str(store)!r} is no folder; allowed is one that a sweep has made")
    return Store(store).table()
