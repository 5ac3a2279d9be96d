"""What a truth table is in memory: outputs, some of which may be don't-cares, and their names."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from modnets.errors import require, shown
from modnets.tasks.task import MAX_TABLE_INPUTS, Task

#: The entry of a truth table where an output may be either; Espresso's own number for it.
DONT_CARE = 2
#: How the entries 0, 1 and DONT_CARE are written down.
WRITTEN = "01-"

Names = tuple[str, ...]


class TruthTable(np.ndarray):
    """The outputs of a truth table: an array that knows the names of its columns.

    Entries are 0, 1, and ``DONT_CARE`` (2) where an output may be either.  Rows are in
    lexicographic order of the inputs.  What is cut out of it or computed from it has no names.

    Attributes
    ----------
    input_names, output_names : tuple of str, or None
        As the columns were called; None for x0, x1, ... and y0, y1, ...

    See Also
    --------
    read_table : reads one from a file.
    FunctionGraph.from_table : makes a task of it, which keeps the names.
    """

    input_names: Names | None = None
    output_names: Names | None = None

    @classmethod
    def of(
        cls,
        table: np.ndarray,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> TruthTable:
        """Outputs {0, 1, DONT_CARE}, shape (2**n_inputs, n_outputs), with their names."""
        found = np.asarray(table, np.uint8).view(cls)
        n_inputs = max(len(found) - 1, 1).bit_length()
        found.input_names = checked_names("input_names", input_names, "x", n_inputs)
        found.output_names = checked_names("output_names", output_names, "y", found.shape[1])
        return found


def checked_names(kind: str, names: Sequence[str] | None, letter: str, count: int) -> Names | None:
    """Names of columns; None where they are what columns without names are called.

    Raises
    ------
    ValueError
        If there are too few or too many, one stands twice, or one is no text.
    """
    if names is None:
        return None
    names = tuple(names) if isinstance(names, list | tuple | np.ndarray) else (names,)
    require(
        len(names) == count == len(set(names))
        and all(isinstance(name, str) and name.strip() for name in names),
        f"{kind}={shown(names)}; allowed are {count} distinct names",
    )
    return None if names == tuple(f"{letter}{place}" for place in range(count)) else names


class Checked(tuple):
    """The rows of a table that have been checked; in them 2 is a don't-care, not a mistake."""


def checked_rows(table: Any, n_inputs: int) -> Checked:
    """The rows of a table {0, 1}, with NaN or, in a TruthTable, DONT_CARE where either will do.

    Raises
    ------
    ValueError
        If the shape does not fit, an entry is another one, or there are don't-cares alone.
    """
    marked, table = isinstance(table, TruthTable | Checked), np.asarray(table)
    require(
        table.ndim == 2 and len(table) == 2**n_inputs and table.shape[1] > 0,
        f"table has shape {table.shape}; allowed is ({2**n_inputs}, outputs)",
    )
    free = table == DONT_CARE if marked else _is_nan(table)
    require(
        bool((free | np.isin(table, (0, 1))).all()),
        "table: allowed entries are 0 and 1, and NaN for a don't-care",
    )
    require(not free.all(), "table: all outputs are don't-cares; allowed is at least one other")
    return Checked(map(tuple, np.where(free, DONT_CARE, table).astype(int).tolist()))


def _is_nan(table: np.ndarray) -> np.ndarray:
    """Which entries are NaN, or None."""
    if table.dtype.kind not in "fO":
        return np.zeros(table.shape, bool)
    return np.isnan(table.astype(float))


class TabledTask(Task):
    """A task that may be given by its truth table, with don't-cares and names of its own.

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
            A TruthTable where some outputs are DONT_CARE.

        Raises
        ------
        ValueError
            If there are more than 20 inputs; ``evaluate(rows(index))`` serves there.
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
        """Whether some outputs may be either."""
        return self.table is not None and any(DONT_CARE in row for row in self.table)

    @cached_property
    def counted(self) -> np.ndarray:
        """Whether each row of the table has an output that is no don't-care, shape (row,)."""
        return (self.truth_table() != DONT_CARE).any(axis=1)

    @property
    def n_counted(self) -> int:
        """Rows that a split divides: those with an output that is no don't-care."""
        return int(self.counted.sum()) if self.has_dont_cares else self.n_rows

    @property
    def input_labels(self) -> Names:
        """The names of its inputs; x0, x1, ... if it has no others."""
        return self.input_names or super().input_labels

    @property
    def output_labels(self) -> Names:
        """The names of its outputs; y0, y1, ... if it has no others."""
        return self.output_names or super().output_labels
