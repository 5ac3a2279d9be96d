"""The columns of result files, and how they are read from this version's files and older ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cache

import pyarrow as pa

from modnets.training.config import RunConfig
from modnets.training.evaluation import MEASURES, PARTS
from modnets.training.insight import INSIGHTS
from modnets.training.run_keys import LATER
from modnets.training.store_files import Content, decoding

#: What a run has learned and what made it; not part of the tidy table.
DETAILS = ("predicted", "structure", "config")


@cache
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


def decoded(content: Content, columns: Sequence[str] | None = None) -> pa.Table:
    """Some columns of a file, by default all.

    Those that came later than the file hold what they stand for there.

    Raises
    ------
    Damaged, StoreError
        See :func:`modnets.training.store_files.decoding`.
    """
    wanted = schema().names if columns is None else columns
    later = dict.fromkeys(INSIGHTS) | LATER
    with decoding(content):
        file = content.open()
        there = set(file.schema_arrow.names)
        table = file.read([name for name in wanted if name in there], use_threads=False)
        for name in wanted:
            if name not in there:
                if name not in later:
                    raise pa.ArrowInvalid(f"no column {name!r}")
                value = pa.scalar(later[name], schema().field(name).type)
                table = table.append_column(name, pa.repeat(value, len(table)))
        if not content.checked:
            table.validate(full=True)
        return table.select(wanted).cast(pa.schema([schema().field(name) for name in wanted]))
