"""Tables of a store as one file, CSV or Parquet, with a dictionary of its columns beside.

They are read back equal, types and missing values too.  In a CSV an empty field is a missing value
and ``""`` an empty text; the dictionary says the type of each column.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from modnets.checked import checked
from modnets.config.setting_docs import setting_doc
from modnets.config.validation import SETTING_TYPES
from modnets.errors import first_line, require, shown
from modnets.leftovers import mark
from modnets.paths import expanded
from modnets.terms import RESULT_COLUMNS, TERMS, Definition
from modnets.training.inspection import INSPECTED

SUFFIXES = (".csv", ".parquet")
#: Type of a column as the dictionary writes it -> as it is read.
TYPES = {
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "text": pa.string(),
    "none": pa.null(),
}
NAMES = {kind: name for name, kind in TYPES.items()}


@checked
def export(table: pd.DataFrame, file: str | Path) -> list[Path]:
    """Write a table of results to one file, and what its columns are beside it.

    Parameters
    ----------
    table : DataFrame
        Columns of numbers, truth values and texts.
    file : str or Path
        ``FILE.csv`` or ``FILE.parquet``; replaced if it is there, whole or not at all.

    Returns
    -------
    list of Path
        The file, and ``FILE.columns.csv``: for each column its name, type, unit, range and meaning.

    Raises
    ------
    ValueError
        If the name ends otherwise, or the file cannot be written.
    """
    path = expanded(file, "file")
    require(
        path.suffix in SUFFIXES, f"file={shown(str(path))}; allowed is a name in .csv or .parquet"
    )
    content = pa.Table.from_pandas(table, preserve_index=False)
    content = _without_wide_types(content)
    about = pa.Table.from_pandas(dictionary(content), preserve_index=False)
    beside = dictionary_of(path)
    try:
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        _write(about, beside)
        _write(content, path)
    except OSError as error:
        raise ValueError(
            f"file={shown(str(path))} cannot be written ({error.strerror or first_line(error)}); "
            "allowed is one in a folder that you may write to"
        ) from None
    return [path, beside]


@checked
def read_export(file: str | Path) -> pd.DataFrame:
    """The table that ``export`` wrote, with the same types and missing values.

    Raises
    ------
    ValueError
        If it cannot be read, or has no dictionary beside it where it is a CSV.
    """
    path = expanded(file, "file")
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path).to_pandas()
        about = pd.read_csv(dictionary_of(path), keep_default_na=False)
        types = {row["column"]: TYPES[row["type"]] for row in about.to_dict("records")}
        options = pa_csv.ConvertOptions(
            column_types=types,
            include_columns=list(types),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            null_values=[""],
            true_values=["true"],
            false_values=["false"],
        )
        parse = pa_csv.ParseOptions(newlines_in_values=True)
        return pa_csv.read_csv(path, convert_options=options, parse_options=parse).to_pandas()
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise ValueError(
            f"file={shown(str(path))} cannot be read ({first_line(error)[:120]}); allowed is what "
            "modnets results export has written, with its .columns.csv beside"
        ) from None


def dictionary_of(path: Path) -> Path:
    """The file of the dictionary beside a table."""
    return path.with_name(f"{path.stem}.columns.csv")


def dictionary(table: pa.Table) -> pd.DataFrame:
    """What the columns of a table are: name, type, unit, range, meaning."""
    rows = []
    for field in table.schema:
        about = meaning_of(field.name)
        kind = NAMES.get(field.type, "text")
        rows.append((field.name, kind, about.unit, about.range, about.text))
    return pd.DataFrame(rows, columns=["column", "type", "unit", "range", "meaning"])


def meaning_of(column: str) -> Definition:
    """What a column of results is; of a hook's measure, that it is one."""
    if column in SETTING_TYPES:
        doc = setting_doc(column)
        return Definition(doc.meaning, doc.unit, doc.allowed)
    if column in RESULT_COLUMNS:
        return RESULT_COLUMNS[column]
    if column in INSPECTED:
        return Definition(INSPECTED[column])
    return TERMS["key"] if column == "run" else Definition("measured by a hook of your own")


def without_empty(table: pd.DataFrame) -> pd.DataFrame:
    """A table without the columns that hold nothing in any row."""
    return table.dropna(axis="columns", how="all")


def _without_wide_types(table: pa.Table) -> pa.Table:
    """Texts in one type, whatever pandas keeps them in."""
    fields = [
        field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields, table.schema.metadata))


def _write(table: pa.Table, path: Path) -> None:
    temporary = path.with_name(f".{path.name}-{mark()}")
    try:
        if path.suffix == ".parquet":
            pq.write_table(table, temporary, compression="zstd")
        else:
            pa_csv.write_csv(table, temporary, pa_csv.WriteOptions(quoting_style="needed"))
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
