"""Truth tables as arrays: outputs, some of which may be don't-cares, and the names of columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from modnets.errors import require, shown
from modnets.tasks.task import MAX_TABLE_INPUTS, Task

#: The entry of a truth table for a don't-care; the same number as in Espresso.
DONT_CARE = 2
#: Characters for the entries 0, 1 and DONT_CARE.
WRITTEN = "01-"

Names = tuple[str, ...]


class TruthTable(np.ndarray):
    """The outputs of a truth table: an array with names of its columns.

    Entries are 0, 1, and ``DONT_CARE`` (2) where an output may be either.  Rows are in
    lexicographic order of the inputs.  Slices and results of arithmetic have no names.

    Attributes
    ----------
    input_names, output_names : tuple of str, or None
        Names of the columns; None for x0, x1, ... and y0, y1, ...

    See Also
    --------
    read_table : reads one from a file.
    FunctionGraph.from_table : a task with this table and these names.
    """

    input_names: Names | None = None
    output_names: Names | None = None

    @classmethod
    def of(
        cls,
        table: ArrayLike,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> TruthTable:
        """Outputs {0, 1, DONT_CARE}, shape (2**n_inputs, n_outputs), with their names."""
        result = np.asarray(table, np.uint8).view(cls)
        n_inputs = max(len(result) - 1, 1).bit_length()
        result.input_names = checked_names("input_names", input_names, "x", n_inputs)
        result.output_names = checked_names("output_names", output_names, "y", result.shape[1])
        return result


def checked_names(kind: str, names: Sequence[str] | None, letter: str, count: int) -> Names | None:
    """Names of columns as a tuple; None if they are the default names.

    Raises
    ------
    ValueError
        If there are too few or too many, two are equal, or one is no text.
    """
    if names is None:
        return None
    labels: tuple[Any, ...] = (
        tuple(names) if isinstance(names, list | tuple | np.ndarray) else (names,)
    )
    require(
        len(labels) == count == len(set(labels))
        and all(isinstance(label, str) and label.strip() for label in labels),
        f"{kind}={shown(labels)}; allowed are {count} distinct names",
    )
    return None if labels == tuple(f"{letter}{index}" for index in range(count)) else labels


class Checked(tuple[tuple[int, ...], ...]):
    """The rows of a table that has been checked; in them 2 is a don't-care, not an error."""


def checked_rows(table: Any, n_inputs: int) -> Checked:
    """The rows of a table of {0, 1}, with NaN or, in a TruthTable, DONT_CARE for don't-cares.

    Raises
    ------
    ValueError
        If the shape does not fit, an entry has another value, or all are don't-cares.
    """
    marked, table = isinstance(table, TruthTable | Checked), np.asarray(table)
    require(
        table.ndim == 2 and len(table) == 2**n_inputs and table.shape[1] > 0,
        f"table has shape {table.shape}; allowed is ({2**n_inputs}, outputs)",
    )
    free = table == DONT_CARE if marked else is_nan(table)
    require(
        bool((free | np.isin(table, (0, 1))).all()),
        "table: allowed entries are 0 and 1, and NaN for a don't-care",
    )
    require(not free.all(), "table: all outputs are don't-cares; allowed is at least one other")
    return Checked(map(tuple, np.where(free, DONT_CARE, table).astype(int).tolist()))


def is_nan(table: np.ndarray) -> np.ndarray:
    """Which entries are NaN, or None."""
    if table.dtype.kind not in "fO":
        return np.zeros(table.shape, bool)
    return np.isnan(table.astype(float))


class TabledTask(Task):
    """A task that may be defined by its truth table, with don't-cares and names of columns.

    Attributes
    ----------
    table : tuple of tuple of {0, 1, DONT_CARE}, or None
    input_names, output_names : tuple of str, or None
    """

    table: tuple[tuple[int, ...], ...] | None
    input_names: Names | None
    output_names: Names | None

    def truth_table(self) -> np.ndarray:
        """The outputs for all rows, in lexicographic order of x0, x1, ...

        Returns
        -------
        ndarray of uint8, shape (2**n_inputs, n_outputs)
            A TruthTable if some outputs are DONT_CARE.

        Raises
        ------
        ValueError
            If there are more than 20 inputs; use ``evaluate(rows(index))`` there.
        """
        self._check_enumerable()
        return self._table_bits

    @cached_property
    def _table_bits(self) -> np.ndarray:
        bits = np.array(self.table, np.uint8) if self.table else self.evaluate(self.rows())
        if self.has_dont_cares:
            bits = TruthTable.of(bits, self.input_names, self.output_names)
        bits.flags.writeable = False
        return bits

    def _check_enumerable(self) -> None:
        require(
            self.enumerable,
            f"n_inputs={self.n_inputs}: the whole table is computed up to {MAX_TABLE_INPUTS} "
            "inputs; evaluate(rows(index)) computes rows on demand",
        )

    @cached_property
    def has_dont_cares(self) -> bool:  # type: ignore[override]
        """Whether some outputs are don't-cares."""
        return self.table is not None and any(DONT_CARE in row for row in self.table)

    @cached_property
    def counted(self) -> np.ndarray:
        """Which rows of the table have an output that is no don't-care, shape (row,)."""
        return (self.truth_table() != DONT_CARE).any(axis=1)

    @property
    def n_counted(self) -> int:
        """Number of rows that a split divides: those with an output that is no don't-care."""
        return int(self.counted.sum()) if self.has_dont_cares else self.n_rows
