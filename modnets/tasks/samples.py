"""Samples: rows with labels and no table, as a data set holds them.

A sample is a row of input bits with output bits.  Nothing says what an input that is not among them
stands for, so there is no truth table, and no structure is known; a network is trained on some of
the samples and scored on others.  Samples may be given twice, and may contradict each other, as
noise makes them.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from modnets.checked import checked
from modnets.errors import require, shown
from modnets.tasks.gates import Gate
from modnets.tasks.task import MAX_INPUTS, Task
from modnets.tasks.truth_tables import DONT_CARE, TruthTable, checked_names, is_nan

#: Numbers of all samples together, at most.
MAX_NUMBERS = 2**26
NO_TABLE = "samples have no truth table; targets(index) gives the labels of samples"


class Samples(Task):
    """Input rows with labels, without a table: what a data set holds.

    Parameters
    ----------
    x : array of {0, 1}, shape (row, n_inputs)
        At most 1,000 inputs.  The same row may stand several times, with other labels too.
    y : array of {0, 1}, shape (row, n_outputs)
        NaN or, in a TruthTable, ``DONT_CARE`` for outputs that may be either; they are left out of
        loss and scores.
    name : str, optional
        By default the numbers of inputs and outputs, and of samples, as in ``"6-2, 64 samples"``.
    test : (x, y), optional
        Test rows that are given.  Training rows are then drawn from the others, the rest of which
        are for validation; all others may be trained on.
    clean : array of {0, 1}, shape (row, n_outputs), optional
        Labels of the same rows without noise, for tests: training and validation rows have the
        labels of ``y``.  Not together with ``test``.
    input_names, output_names : sequence of str, optional
        By default x0, x1, ... and y0, y1, ...

    Raises
    ------
    ValueError
        If shapes do not fit, an entry is no bit, or there are fewer than two samples.

    See Also
    --------
    read_samples : reads them from a CSV or .pla file.

    Notes
    -----
    ``solved`` says that every sample is right, those of training and validation too; where samples
    contradict each other no network solves them.

    Examples
    --------
    >>> task = Samples([[0, 0], [0, 1], [1, 1]], [0, 1, 1])
    >>> task.name, task.n_rows, task.targets([2]).tolist()
    ('2-1, 3 samples', 3, [[1]])
    """

    has_structure = False
    slots: tuple[int, ...] = ()
    routing: tuple[()] = ()
    selection: tuple[()] = ()
    modules: tuple[Gate, ...] = ()
    fan_in = 2

    if TYPE_CHECKING:
        name: str
        n_inputs: int
        n_outputs: int

    @checked
    def __init__(
        self,
        x: Any,
        y: Any,
        name: str | None = None,
        *,
        test: Any = None,
        clean: Any = None,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> None:
        parts = [_part("x", x, "y", y)]
        require(test is None or clean is None, "test and clean; give one of the two, or neither")
        if test is not None:
            pair = isinstance(test, list | tuple) and len(test) == 2
            require(pair, f"test={shown(test)}; allowed is a pair (x, y) of test rows")
            parts.append(_part("test x", test[0], "test y", test[1]))
        if clean is not None:
            parts.append(_part("x", x, "clean", clean))
        sizes = [(rows.shape[1], labels.shape[1]) for rows, labels in parts]
        require(
            sizes[0] == sizes[-1],
            f"tests of {sizes[-1]} inputs and outputs; allowed are {sizes[0]}, as x and y have",
        )
        self._n_rows = len(parts[0][0])
        self.has_test, self.has_clean = test is not None, clean is not None
        self.x, self.y = (np.concatenate(part) for part in zip(*parts, strict=True))
        self._check()
        self.n_inputs, self.n_outputs = self.x.shape[1], self.y.shape[1]
        self.input_names = checked_names("input_names", input_names, "x", self.n_inputs)
        self.output_names = checked_names("output_names", output_names, "y", self.n_outputs)
        self.name = name or f"{self.width_name}, {self.n_rows:,} samples"
        for array in (self.x, self.y):
            array.flags.writeable = False

    def _check(self) -> None:
        n_inputs, n_numbers = self.x.shape[1], self.x.size
        require(
            1 <= n_inputs <= MAX_INPUTS, f"x has {n_inputs} inputs; allowed are 1 to {MAX_INPUTS:,}"
        )
        require(
            n_numbers <= MAX_NUMBERS,
            f"{len(self.x):,} rows of {n_inputs} inputs; allowed are {MAX_NUMBERS // n_inputs:,} "
            "rows",
        )
        require(self.n_rows > 1, f"x has {self.n_rows} rows; allowed are at least 2")
        for part, rows in (("y", self.y[: self.n_rows]), ("test y", self.y[self.n_rows :])):
            require(
                len(rows) == 0 or not (rows == DONT_CARE).all(),
                f"{part}: all outputs are don't-cares; allowed is at least one other",
            )

    @property
    def widths(self) -> tuple[int, ...]:
        """Inputs and outputs."""
        return self.n_inputs, self.n_outputs

    @property
    def n_rows(self) -> int:
        """Number of samples that splits divide, without given test rows."""
        return self._n_rows

    @property
    def enumerable(self) -> bool:
        """True: every sample is evaluated."""
        return True

    @property
    def tests_unseen(self) -> bool:
        """Whether test rows are left over by training: not where they are given."""
        return not self.has_test

    @cached_property
    def has_dont_cares(self) -> bool:  # type: ignore[override]
        """Whether some outputs are don't-cares."""
        return bool((self.y == DONT_CARE).any())

    @cached_property
    def _with_label(self) -> np.ndarray:
        return (self.y != DONT_CARE).any(axis=1)

    @property
    def counted(self) -> np.ndarray:
        """Which samples that a split draws from have an output that is no don't-care."""
        return self._with_label[: self.n_rows]

    @property
    def n_counted(self) -> int:
        """Number of samples that a split divides, without given test rows."""
        return int(self.counted.sum())

    @property
    def tested(self) -> np.ndarray:
        """The labels of the rows that tests are drawn from, shape (row, n_outputs)."""
        return self.y[self.n_rows * (self.has_test or self.has_clean) :]

    def places_of_outputs(self, every_level: bool = False) -> tuple[int, ...]:
        """The slots that are the outputs where these count as known: the first ones."""
        return tuple(range(self.n_outputs))

    def divide(self, order: np.ndarray, train_rows: int) -> tuple[np.ndarray, ...]:
        """Training, validation and test rows; see Task."""
        if self.has_test:
            test = self.n_rows + np.flatnonzero(self._with_label[self.n_rows :])
            return order[:train_rows], order[train_rows:], test
        train, validation, test = super().divide(order, train_rows)
        return train, validation, test + self.n_rows * self.has_clean

    def rows(self, index: ArrayLike | None = None) -> np.ndarray:
        """Samples by index, by default all, those for tests last, shape (row, n_inputs)."""
        return self.x if index is None else self.x[np.asarray(index)]

    def targets(self, index: ArrayLike | None = None) -> np.ndarray:
        """The labels of samples, shape (row, n_outputs); see Task."""
        return self.y if index is None else self.y[np.asarray(index)]

    def evaluate(self, x: np.ndarray) -> NoReturn:
        """Not defined: nothing says what other rows stand for.

        Raises
        ------
        ValueError
        """
        raise ValueError(f"graph={self}: {NO_TABLE}")

    def truth_table(self) -> NoReturn:
        """Not defined.

        Raises
        ------
        ValueError
        """
        raise ValueError(f"graph={self}: {NO_TABLE}")

    def to_dict(self) -> dict[str, Any]:
        """See Task; bits are packed, row by row."""
        return dict(self._spec)

    @cached_property
    def _spec(self) -> dict[str, Any]:
        names = {"input_names": self.input_names, "output_names": self.output_names}
        return {
            "name": self.name,
            "samples": [self.n_rows, len(self.x) - self.n_rows, self.n_inputs, self.n_outputs],
            "clean": self.has_clean,
            "x": _packed(self.x[: self.n_rows] if self.has_clean else self.x),
            "y": _packed(self.y == 1),
            "free": _packed(self.y == DONT_CARE) if self.has_dont_cares else None,
            **{kind: list(labels) for kind, labels in names.items() if labels},
        }

    @classmethod
    def from_dict(cls, spec: Mapping[str, Any]) -> Samples:
        """The samples from the values of ``to_dict``."""
        n_rows, n_test, n_inputs, n_outputs = spec["samples"]
        clean = spec["clean"]
        x = _unpacked(spec["x"], n_rows if clean else n_rows + n_test, n_inputs)
        y = _unpacked(spec["y"], n_rows + n_test, n_outputs)
        if spec["free"]:
            y[_unpacked(spec["free"], *y.shape) > 0] = DONT_CARE
        y = y.view(TruthTable)
        more: dict[str, Any] = {"test": (x[n_rows:], y[n_rows:])} if n_test and not clean else {}
        more |= {"clean": y[n_rows:]} if clean else {}
        names = {kind: spec.get(kind) for kind in ("input_names", "output_names")}
        return cls(x[:n_rows], y[:n_rows], spec["name"], **more, **names)

    @cached_property
    def _digest(self) -> str:
        sizes = f"{self.name} {self.n_rows} {self.has_clean} {self.x.shape} {self.y.shape}"
        text = sizes.encode() + self.x.tobytes() + self.y.tobytes()
        return hashlib.sha256(text).hexdigest()

    def __eq__(self, other: object) -> bool:
        if self is other:  # the usual case, compared for every config
            return True
        return isinstance(other, Samples) and self._digest == other._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    def __repr__(self) -> str:
        return f"Samples({self.name!r})"

    def __str__(self) -> str:
        return self.name


def _part(x_name: str, x: Any, y_name: str, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Input rows and their labels as uint8, shape (row, column)."""
    rows, labels = _array(x_name, x), _array(y_name, y)
    require(rows.ndim == 2, f"{x_name} has shape {rows.shape}; allowed is (rows, inputs)")
    require(
        bool(np.isin(rows, (0, 1)).all()),
        f"{x_name}: allowed entries are 0 and 1; cut numbers into classes, with a bit for each",
    )
    labels = labels[:, None] if labels.ndim == 1 else labels
    require(
        labels.ndim == 2 and labels.shape[1] > 0,
        f"{y_name} has shape {labels.shape}; allowed is (rows, outputs)",
    )
    free = labels == DONT_CARE if isinstance(y, TruthTable) else is_nan(labels)
    require(
        bool((free | np.isin(labels, (0, 1))).all()),
        f"{y_name}: allowed entries are 0 and 1, and NaN for a don't-care",
    )
    require(
        len(rows) == len(labels),
        f"{x_name} has {len(rows)} rows, {y_name} has {len(labels)}; allowed is the same number",
    )
    return rows.astype(np.uint8), np.where(free, DONT_CARE, labels).astype(np.uint8)


def _array(name: str, rows: Any) -> np.ndarray:
    try:
        return np.asarray(rows)
    except ValueError:
        raise ValueError(f"{name}: rows of different lengths; allowed is one length") from None


def _packed(bits: np.ndarray) -> str:
    return base64.b64encode(np.packbits(bits.astype(bool)).tobytes()).decode()


def _unpacked(text: str, n_rows: int, n_columns: int) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(text), np.uint8)
    return np.unpackbits(flat, count=n_rows * n_columns).reshape(n_rows, n_columns)
