"""The rows of runs in order: by the runs wanted and by epoch, each once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

THREADS = 4


@contextlib.contextmanager
def quick_memory() -> Iterator[None]:
    """Large tables are made in memory that is kept, where pyarrow has such a pool.

    Its default gives huge pages back and takes them again, each time filled with zeros: for a
    million runs two thirds of the time.
    """
    before = pa.default_memory_pool()
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def tidy(table: pa.Table, runs: Iterable[str] | None = None) -> pa.Table:
    """The rows of some runs, by default all by key, in their order and by epoch, each once.

    Columns may be coded by dictionaries; those handed back are not.
    """
    coded = table["run"].combine_chunks()
    coded = coded if pa.types.is_dictionary(coded.type) else coded.dictionary_encode()
    codes, keys = coded.indices.to_numpy(zero_copy_only=False), coded.dictionary
    rank = np.empty(len(keys), np.int64)
    if runs is None:
        rank[pc.sort_indices(keys).to_numpy()] = np.arange(len(keys))
    else:
        ranks = {key: number for number, key in enumerate(runs)}
        wanted = np.array([*ranks.values(), -1])
        positions = pc.index_in(keys, value_set=pa.array(list(ranks), pa.string()))
        rank[:] = wanted[positions.fill_null(-1).to_numpy()]
    rows, epochs = rank[codes], table["epoch"].to_numpy()
    order = np.lexsort((epochs, rows))
    rows, epochs = rows[order], epochs[order]
    kept = rows >= 0
    kept[1:] &= (rows[1:] != rows[:-1]) | (epochs[1:] != epochs[:-1])
    order = order[kept]
    taken = pa.array(order)
    stays = len(order) == len(table) and bool((order[1:] > order[:-1]).all())

    def rows_of(column: pa.ChunkedArray) -> pa.Array:
        array = column.combine_chunks()
        array = array if stays else array.take(taken)
        return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array

    with ThreadPoolExecutor(THREADS) as threads:
        return pa.table(list(threads.map(rows_of, table.columns)), names=table.column_names)


def wanted_rows(table: pa.Table, runs: Set[str] | None, *, last: bool = False) -> pa.Table:
    """The rows of a file that are wanted: of some runs, of each the last one.

    Parameters
    ----------
    table : Table
        With all rows of its runs.
    runs : set of str, optional
        Keys; by default all.
    last : bool
    """
    coded = table["run"].combine_chunks()
    coded = coded if pa.types.is_dictionary(coded.type) else coded.dictionary_encode()
    codes, keys = coded.indices.to_numpy(zero_copy_only=False), coded.dictionary.to_pylist()
    wanted = np.array([runs is None or key in runs for key in keys], dtype=bool)[codes]
    if last:
        epochs = table["epoch"].to_numpy()
        latest = np.full(len(keys), -1, epochs.dtype)
        np.maximum.at(latest, codes, epochs)
        wanted &= epochs == latest[codes]
    return table if wanted.all() else table.filter(pa.array(wanted))


def ordered(frame: pd.DataFrame, runs: Sequence[str]) -> pd.DataFrame:
    """The rows of the given runs, in their order and by epoch."""
    rank = {key: number for number, key in enumerate(runs)}
    frame = frame[frame["run"].isin(rank)]
    order = frame.assign(rank=frame["run"].map(rank))
    order = order.sort_values(["rank", "epoch"], ignore_index=True)
    return order.drop(columns="rank")
