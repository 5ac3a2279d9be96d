"""The columns of result files, and how they are read from this version's files and older ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache

import pandas as pd
import pyarrow as pa

from modnets.config.run_keys import LATER
from modnets.config.validation import SETTING_TYPES
from modnets.experiments.store_files import Content, decoding
from modnets.models.hooks import MEASURED
from modnets.training.evaluated_rows import PARTS
from modnets.training.evaluation import ERRORS, MEASURES
from modnets.training.inspection import INSPECTED
from modnets.training.replicas import OF_RESTARTS

#: What a run has learned and what made it; not part of the tidy table.
DETAILS = ("predicted", "structure", "config")


@cache
def schema() -> pa.Schema:
    """The columns of a result file: run, kind, every setting, epoch, measures, details."""
    types = {int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    columns: dict[str, pa.DataType] = {"run": pa.string(), "kind": pa.string()}
    for name, setting in SETTING_TYPES.items():
        if name != "train_fraction":
            columns[name] = types.get(setting.kind, pa.string())
    columns["epoch"] = pa.int64()
    for part in PARTS:
        columns |= {f"{part}_{measure}": pa.float64() for measure in MEASURES}
    columns |= dict.fromkeys(("bit_accuracy", "row_accuracy", *ERRORS), pa.float64())
    columns["solved"] = pa.bool_()
    columns |= dict.fromkeys((*INSPECTED, *OF_RESTARTS), pa.float64())
    columns[MEASURED] = pa.string()
    columns |= dict.fromkeys(DETAILS, pa.string())
    return pa.schema(list(columns.items()))


def with_measures(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose column of what hooks have measured is a column for each name, at the end.

    Runs without the hook, and evaluations at which it gave no number, have NaN.  Columns of
    restarts are left out where no run has some.
    """
    texts = table[MEASURED]
    empty = [name for name in OF_RESTARTS if table[name].isna().all()]
    table = table.drop(columns=[MEASURED, *empty])
    if texts.isna().all():
        return table
    rows = [json.loads(text) if isinstance(text, str) else {} for text in texts]
    measures = pd.DataFrame(rows, index=table.index, dtype=float)
    return pd.concat([table, measures], axis=1)


def decoded(
    content: Content, columns: Sequence[str] | None = None, *, coded: bool = False
) -> pa.Table:
    """Some columns of a file, by default all.

    Those that came later than the file hold what they stand for there.

    Parameters
    ----------
    content : Content
    columns : sequence of str, optional
    coded : bool
        Strings, of which few are distinct, as indices into a dictionary: a fraction of the memory.

    Raises
    ------
    Damaged, StoreError
        See :func:`modnets.experiments.store_files.decoding`.
    """
    wanted = schema().names if columns is None else columns
    kinds = {name: schema().field(name).type for name in wanted}
    strings = [name for name in wanted if coded and kinds[name] == pa.string()]
    kinds |= dict.fromkeys(strings, pa.dictionary(pa.int32(), pa.string()))
    later = dict.fromkeys((*INSPECTED, *OF_RESTARTS, *ERRORS, MEASURED)) | LATER
    with decoding(content):
        file = content.open(strings)
        there = set(file.schema_arrow.names)
        table = file.read([name for name in wanted if name in there], use_threads=False)
        for name in wanted:
            if name not in there:
                if name not in later:
                    raise pa.ArrowInvalid(f"no column {name!r}")
                column = pa.repeat(pa.scalar(later[name], schema().field(name).type), len(table))
                column = column.dictionary_encode() if name in strings else column
                table = table.append_column(name, column)
        if not content.checked:
            table.validate(full=True)
        table = table.select(wanted)
        kind = pa.schema(list(kinds.items()))
        return table if table.schema.equals(kind) else table.cast(kind)
