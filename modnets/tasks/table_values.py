"""From cells to a truth table: bits as 0 and 1, True and False, -1 and 1; rows in any order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from modnets.errors import require
from modnets.tasks.gates import index_of
from modnets.tasks.truth_tables import DONT_CARE

#: Notation of bits -> how 0 and 1 are written in it, in lower case.
NOTATIONS = {
    "0 and 1": ("0", "1"),
    "-1 and 1": ("-1", "1"),
    "True and False": ("false", "true"),
    "T and F": ("f", "t"),
    "yes and no": ("no", "yes"),
    "Y and N": ("n", "y"),
    "on and off": ("off", "on"),
}
#: Notations of a don't-care: an output that may be either, or an input that stands for both values.
EITHER = ("-", "x", "*", "?")
_NOTATION_OF = {entry: name for name, entries in NOTATIONS.items() for entry in entries}
_NOTATION_OF["1"] = "0 and 1"


def _number(cell: str) -> float | None:
    """The number in a cell, also with a decimal comma; None if it is none."""
    try:
        return float(cell.replace(",", ".")) if "_" not in cell else None
    except ValueError:
        return None


def is_number(cell: str) -> bool:
    """Whether a cell holds any number."""
    return _number(cell) is not None


def entry_of(cell: str) -> str | None:
    """A cell in its shortest form, as ``1`` for ``1.000e+00``; None if it is no valid entry."""
    lower = cell.lower()
    if lower in _NOTATION_OF or lower in EITHER:
        return lower
    number = _number(cell)
    return f"{number:.0f}".replace("-0", "0") if number in (-1.0, 0.0, 1.0) else None


def notation_of(cell: str) -> str | None:
    """The notation of a bit, as ``"0 and 1"``; None if a cell is no bit."""
    entry = entry_of(cell)
    return None if entry is None else _NOTATION_OF.get(entry)


def bits_of_cells(
    rows: Sequence[tuple[int, list[str]]], columns: Sequence[int], where: str
) -> np.ndarray:
    """The bits of some columns.

    Parameters
    ----------
    rows : sequence of (int, list of str)
        Number of the line, and its cells.
    columns : sequence of int
        Their indices.
    where : str
        Name of the table in errors.

    Returns
    -------
    ndarray of uint8, shape (row, column)
        0, 1 or DONT_CARE.

    Raises
    ------
    ValueError
        With the line, if an entry is invalid, or in another notation than the rest.
    """
    cells = [[row[column] for column in columns] for _, row in rows]
    counts = Counter(cell for row in cells for cell in row)
    entries = {cell: entry_of(cell) for cell in counts}
    fitting = {
        notation: sum(n for cell, n in counts.items() if entries[cell] in pair)
        for notation, pair in NOTATIONS.items()
    }
    notation = max(NOTATIONS, key=lambda name: fitting[name])
    bits: dict[str | None, int] = {**dict.fromkeys(EITHER, DONT_CARE)}
    bits |= dict(zip(NOTATIONS[notation], (0, 1), strict=True))
    value = {cell: bits.get(entry) for cell, entry in entries.items()}
    if None in value.values():
        for (number, _), row in zip(rows, cells, strict=True):
            for cell in row:
                same = ", one way in the whole table" if notation_of(cell) else ""
                require(
                    value[cell] is not None,
                    f"{where}, line {number}: entry {cell!r}; allowed are {notation}{same}",
                )
    flat = [value[cell] for row in cells for cell in row]
    return np.array(flat, np.uint8).reshape(len(rows), len(columns))


def filled(
    ins: np.ndarray, outs: np.ndarray, lines: np.ndarray, where: str, missing: str
) -> np.ndarray:
    """The complete table, from rows in any order.

    Parameters
    ----------
    ins, outs : ndarray of {0, 1, DONT_CARE}, shape (row, column)
        An input that is a don't-care stands for both values.
    lines : ndarray of int, shape (row,)
        Their numbers in the file.
    where : str
        Name of the table in errors.
    missing : "refuse" or "dont_care"

    Returns
    -------
    ndarray of uint8, shape (2**n_inputs, n_outputs)

    Raises
    ------
    ValueError
        If a row is missing, two rows of the same inputs differ, or no output is 0 or 1.
    """
    n_inputs = ins.shape[1]
    for column in np.flatnonzero((ins == DONT_CARE).any(axis=0)):
        both = ins[:, column] == DONT_CARE
        more = ins[both]
        more[:, column] = 1
        ins[both, column] = 0
        ins, outs = np.concatenate([ins, more]), np.concatenate([outs, outs[both]])
        lines = np.concatenate([lines, lines[both]])
    rows = index_of(ins)
    order = np.lexsort((lines, rows))
    first, second = order[:-1], order[1:]
    wrong = (rows[first] == rows[second]) & (outs[first] != outs[second]).any(axis=1)
    if wrong.any():
        index = np.flatnonzero(wrong)[lines[second][wrong].argmin()]
        row, line, before = rows[second[index]], lines[second[index]], lines[first[index]]
        raise ValueError(
            f"{where}, line {line}: input row {row:0{n_inputs}b} stands in line {before} already, "
            "with other outputs; allowed is each input row once"
        )
    table = np.full((2**n_inputs, outs.shape[1]), DONT_CARE, np.uint8)
    there = np.zeros(len(table), bool)
    table[rows], there[rows] = outs, True
    if missing == "refuse" and not there.all():
        raise ValueError(
            f"{where}: input row {int((~there).argmax()):0{n_inputs}b} is missing "
            f"({there.sum()} of {len(table)} rows are there); allowed is each input row once; "
            "outputs - leave a row out of loss and scores, read_table(missing='dont_care') all "
            "that are missing"
        )
    require(
        bool((table != DONT_CARE).any()),
        f"{where}: all outputs are don't-cares; allowed is at least one 0 or 1",
    )
    return table
