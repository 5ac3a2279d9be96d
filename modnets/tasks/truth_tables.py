"""What a truth table is in memory: an array of outputs, some of which may be don't-cares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.errors import require

#: The entry of a truth table where an output may be either; Espresso's own number for it.
DONT_CARE = 2

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
        found.input_names = None if input_names is None else tuple(input_names)
        found.output_names = None if output_names is None else tuple(output_names)
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
    names = (names,) if isinstance(names, str) else tuple(names)
    require(
        len(names) == count == len(set(names))
        and all(isinstance(name, str) and name.strip() for name in names),
        f"{kind}={names!r}; allowed are {count} distinct names",
    )
    return None if names == tuple(f"{letter}{place}" for place in range(count)) else names
