"""What every task tells the floors above: its sizes, its rows, and what is known of its structure.

A row is what a network is handed at once: the bits of a truth table, bits with a task id, or two
images.  :class:`~modnets.tasks.graphs.FunctionGraph`, :class:`~modnets.tasks.task_sets.TaskSet` and
:class:`~modnets.tasks.digit_pairs.DigitPairs` are tasks; one engine trains on all of them.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

#: Up to here the whole truth table is computed, and every row of it evaluated.
MAX_TABLE_INPUTS = 20

#: The true routing, [level][slot] -> places in the level below.
Routing = tuple[tuple[tuple[int, ...], ...], ...]
#: The true selection, [level][slot] -> module of the shared pool.
Selection = tuple[tuple[int, ...], ...]


class Task:
    """A task with a table of rows; what most of them have in common.

    Attributes
    ----------
    name : str
    n_inputs, n_outputs : int
        Numbers in a row that a network is handed, and bits that it answers.
    n_tasks : int
        Functions that are learned at once; each row says by its task id which one is asked.
    images : ndarray of float32, shape (image, pixel), or None
        Where they are, ``rows`` gives numbers of images, and a network is handed their pixels.
    """

    name: str
    n_inputs: int
    n_outputs: int
    n_tasks: ClassVar[int] = 1
    images: np.ndarray | None = None

    @property
    def n_sources(self) -> int:
        """What slots of the first level can read."""
        return self.n_inputs

    @property
    def n_rows(self) -> int:
        """Rows of one function's truth table."""
        return 2**self.n_inputs

    @property
    def n_counted(self) -> int:
        """Rows that a split divides: those with an output that is no don't-care."""
        return self.n_rows

    @property
    def has_dont_cares(self) -> bool:
        """Whether some outputs may be either; they are left out of loss and scores."""
        return False

    @property
    def input_labels(self) -> tuple[str, ...]:
        """The names of its inputs where they are drawn, x0, x1, ... if it has no others."""
        return tuple(f"x{place}" for place in range(self.n_sources))

    @property
    def output_labels(self) -> tuple[str, ...]:
        """The names of its outputs where they are drawn, y0, y1, ... if it has no others."""
        return tuple(f"y{place}" for place in range(self.n_outputs))

    @property
    def enumerable(self) -> bool:
        """Whether every row is evaluated, or only those that a split has drawn."""
        return self.n_inputs <= MAX_TABLE_INPUTS

    @property
    def width_name(self) -> str:
        """Its widths in one word, as ``6-3-2-2``."""
        return "-".join(map(str, self.widths))

    def rows(self, index: np.ndarray | None = None) -> np.ndarray:
        """Rows by number, by default all of them, shape (row, n_inputs)."""
        raise NotImplementedError

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """The outputs for the given rows, shape (row, n_outputs); 2 where they may be either."""
        raise NotImplementedError

    def truth_table(self) -> np.ndarray:
        """The outputs for all rows."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """The task as plain JSON values, from which ``task_from_dict`` makes it again."""
        raise NotImplementedError
