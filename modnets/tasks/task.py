"""The interface of a task: its sizes, its rows, and its structure where that is known.

A row is one example: the bits of a truth table, bits with a one-hot task id, or two images.
:class:`~modnets.tasks.graphs.FunctionGraph`, :class:`~modnets.tasks.task_sets.TaskSet` and
:class:`~modnets.tasks.digit_pairs.DigitPairs` are tasks; one engine trains on all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from modnets.tasks.gates import Gate

#: Largest number of inputs of which the full truth table is computed and every row evaluated.
MAX_TABLE_INPUTS = 20

#: Most inputs of a task.
MAX_INPUTS = 1000
#: Up to here a row is the binary number of its index; above, its bits are drawn by its index.
MAX_INDEXED_INPUTS = 63

#: The true routing, [level][slot] -> indices into the level below.
Routing = tuple[tuple[tuple[int, ...], ...], ...]
#: The true selection, [level][slot] -> module of the shared pool.
Selection = tuple[tuple[int, ...], ...]


class Task:
    """Base class of tasks, with what most of them have in common.

    Attributes
    ----------
    name : str
    n_inputs, n_outputs : int
        Size of a row as a network reads it, and number of output bits.
    widths : tuple of int
        Inputs, sub-functions in each level, outputs.
    n_tasks : int
        Functions that are learned at once; the task id of a row says which one it is of.
    images : ndarray of float32, shape (image, pixel), or None
        If there are images, ``rows`` gives image indices, and a network reads their pixels.
    has_structure : bool
        Whether the true structure is known: ``slots``, ``routing``, ``selection``, ``modules``.
    """

    if TYPE_CHECKING:  # fields or properties of the subclasses

        @property
        def name(self) -> str: ...
        @property
        def n_inputs(self) -> int: ...
        @property
        def n_outputs(self) -> int: ...
        @property
        def widths(self) -> tuple[int, ...]: ...
        @property
        def n_tasks(self) -> int: ...
        @property
        def images(self) -> np.ndarray | None: ...
        @property
        def has_structure(self) -> bool: ...
        @property
        def slots(self) -> tuple[int, ...]: ...
        @property
        def routing(self) -> Any: ...
        @property
        def selection(self) -> Any: ...
        @property
        def modules(self) -> tuple[Gate, ...]: ...
        @property
        def fan_in(self) -> int: ...
        @property
        def counted(self) -> np.ndarray: ...
        def places_of_outputs(self, every_level: bool = False) -> Any: ...
        # of tasks with images
        @property
        def n_images(self) -> int: ...
        @property
        def side(self) -> int: ...
        @property
        def bits(self) -> int: ...
        @property
        def image_slots(self) -> int: ...
    else:
        n_tasks = 1
        images = None

    #: Where a task has names of its own.
    input_names: tuple[str, ...] | None = None
    output_names: tuple[str, ...] | None = None

    @property
    def n_sources(self) -> int:
        """Number of values that slots of the first level can read."""
        return self.n_inputs

    @property
    def n_rows(self) -> int:
        """Number of rows of one function's truth table."""
        return 2**self.n_inputs

    @property
    def n_counted(self) -> int:
        """Number of rows that a split divides: those with an output that is no don't-care."""
        return self.n_rows

    @property
    def has_dont_cares(self) -> bool:
        """Whether some outputs are don't-cares, which are left out of loss and scores."""
        return False

    @property
    def input_labels(self) -> tuple[str, ...]:
        """The names of its inputs in diagrams, by default x0, x1, ..."""
        return self.input_names or tuple(f"x{index}" for index in range(self.n_sources))

    @property
    def output_labels(self) -> tuple[str, ...]:
        """The names of its outputs in diagrams, by default y0, y1, ..."""
        return self.output_names or tuple(f"y{index}" for index in range(self.n_outputs))

    @property
    def enumerable(self) -> bool:
        """Whether every row is evaluated, or only those that a split draws."""
        return self.n_inputs <= MAX_TABLE_INPUTS

    @property
    def tests_unseen(self) -> bool:
        """Whether test rows are those that training leaves over, so that some have to be left."""
        return self.images is None  # pairs of digits that are seen are tested too

    @property
    def width_name(self) -> str:
        """Its widths, as ``6-3-2-2``."""
        return "-".join(map(str, self.widths))

    def rows(self, index: np.ndarray | None = None) -> np.ndarray:
        """Rows by index, by default all of them, shape (row, n_inputs)."""
        raise NotImplementedError

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """The outputs for rows, shape (row, n_outputs); 2 for a don't-care."""
        raise NotImplementedError

    def truth_table(self) -> np.ndarray:
        """The outputs for all rows, shape (row, n_outputs)."""
        raise NotImplementedError

    def targets(self, index: np.ndarray | None = None) -> np.ndarray:
        """The outputs of rows by index, by default of all, shape (row, n_outputs)."""
        return self.truth_table() if index is None else self.evaluate(self.rows(index))

    def divide(self, order: np.ndarray, train_rows: int) -> tuple[np.ndarray, ...]:
        """Training, validation and test rows, from the permuted indices of those that count."""
        half = train_rows + (len(order) - train_rows) // 2
        return order[:train_rows], order[train_rows:half], order[half:]

    def to_dict(self) -> dict[str, Any]:
        """The task as plain JSON values, from which ``task_from_dict`` restores it."""
        raise NotImplementedError
