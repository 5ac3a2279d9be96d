"""Function graphs: Boolean tasks built from sub-functions in levels.

A level holds sub-functions, each a gate that reads nodes of the level below (level 0 is the
input).  The graph determines its truth table, the true routing (what each slot of a modular
network has to read), the true selection (which module has to fill it) and the widths that name it:
``6-3-2-2`` has 6 inputs, levels of 3 and 2 sub-functions, and 2 outputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from modnets.checked import check_fields
from modnets.errors import require
from modnets.tasks.gates import Gate, SubFunction, all_rows, bits_of, drawn_bits, index_of
from modnets.tasks.task import (
    MAX_INDEXED_INPUTS,
    MAX_INPUTS,
    MAX_TABLE_INPUTS,
    Routing,
    Selection,
)
from modnets.tasks.truth_tables import WRITTEN, TabledTask, TruthTable, checked_names, checked_rows


@dataclass(frozen=True)
class FunctionGraph(TabledTask):
    """A Boolean task: levels of sub-functions, each reading the level below.

    Parameters
    ----------
    n_inputs : int, 1 to 1,000
        Above 20 the whole truth table is not computed: rows for training and tests are drawn.
    levels : sequence of sequences of SubFunction or str
        ``[["XOR 0 1", "XOR 2 3"], ["AND 0 1"]]``: two XORs of the inputs, and an AND of both.
    outputs : sequence of int, optional
        Which sub-functions of the last level are the task's outputs, in order and without
        repetition; by default all of them.
    table : ndarray of {0, 1}, shape (2**n_inputs, n_outputs), optional
        In place of levels: a task without known structure, given by its truth table.  Outputs that
        may be either (don't-cares) are NaN, or as :func:`read_table` gives them; they are left out
        of loss and scores.
    name : str, optional
        By default the widths, as in ``"6-3-2-2"``.
    input_names, output_names : sequence of str, optional
        Labels of inputs and outputs in diagrams; by default those of the table, or x0, x1, ... and
        y0, y1, ...  Two tasks that differ in labels alone are equal.

    Raises
    ------
    ValueError
        If a sub-function reads a node that the level below does not have, a level is empty, or
        the table or the names do not fit.

    Examples
    --------
    >>> graph = FunctionGraph(4, [["XOR 0 1", "XOR 2 3"], ["AND 0 1"]])
    >>> graph.name, graph.truth_table().sum()
    ('4-2-1-1', np.uint64(4))
    """

    if TYPE_CHECKING:  # the fields as __post_init__ leaves them
        n_inputs: int
        levels: tuple[tuple[SubFunction, ...], ...]
        outputs: tuple[int, ...]
        table: tuple[tuple[int, ...], ...] | None
        name: str
        input_names: tuple[str, ...] | None
        output_names: tuple[str, ...] | None

        def __init__(
            self,
            n_inputs: int,
            levels: Sequence[Sequence[SubFunction | str]] = (),
            outputs: Sequence[int] | None = None,
            table: np.ndarray | Sequence[Sequence[int]] | None = None,
            name: str | None = None,
            input_names: Sequence[str] | None = None,
            output_names: Sequence[str] | None = None,
        ) -> None: ...
    else:
        n_inputs: int
        levels: tuple[tuple[SubFunction, ...], ...] = ()
        outputs: tuple[int, ...] | None = None
        table: tuple[tuple[int, ...], ...] | None = field(default=None, repr=False)
        name: str | None = None
        input_names: tuple[str, ...] | None = field(default=None, compare=False, repr=False)
        output_names: tuple[str, ...] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        check_fields(self, "n_inputs", "outputs", "name")
        require(
            1 <= self.n_inputs <= MAX_INPUTS,
            f"n_inputs={self.n_inputs}; allowed is 1 to {MAX_INPUTS:,}",
        )
        object.__setattr__(self, "levels", SubFunction.parse_levels(self.levels))
        if self.table is None:
            self._check_levels()
        else:
            self._check_table()
        for kind, letter, count in (
            ("input_names", "x", self.n_inputs),
            ("output_names", "y", self.n_outputs),
        ):
            names = checked_names(kind, getattr(self, kind), letter, count)
            object.__setattr__(self, kind, names)
        if self.name is None:
            object.__setattr__(self, "name", self.width_name)

    def _check_levels(self) -> None:
        require(len(self.levels) > 0, "levels is empty; give levels of sub-functions, or a table")
        n_sources = self.n_inputs
        for depth, level in enumerate(self.levels, start=1):
            require(len(level) > 0, f"level {depth} is empty; allowed is at least 1 sub-function")
            for node in level:
                require(
                    all(0 <= source < n_sources for source in node.inputs),
                    f"level {depth}: '{node}' reads {node.inputs}; "
                    f"allowed places are 0 to {n_sources - 1}",
                )
            n_sources = len(level)
        outputs = tuple(range(n_sources)) if self.outputs is None else tuple(self.outputs)
        require(
            0 < len(outputs) == len(set(outputs)) and all(0 <= o < n_sources for o in outputs),
            f"outputs={outputs}; allowed are distinct places from 0 to {n_sources - 1}",
        )
        object.__setattr__(self, "outputs", outputs)

    def _check_table(self) -> None:
        require(not self.levels, "give levels or a table, not both")
        require(
            self.n_inputs <= MAX_TABLE_INPUTS,
            f"n_inputs={self.n_inputs}; a table has at most {MAX_TABLE_INPUTS} inputs",
        )
        rows = checked_rows(self.table, self.n_inputs)
        for kind in ("input_names", "output_names"):
            names = getattr(self, kind) or getattr(self.table, kind, None)
            object.__setattr__(self, kind, names)
        object.__setattr__(self, "table", rows)
        object.__setattr__(self, "outputs", tuple(range(len(rows[0]))))

    @classmethod
    def from_table(
        cls,
        table: np.ndarray,
        name: str | None = None,
        *,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
    ) -> FunctionGraph:
        """A task given by its truth table; rows in lexicographic order of x0, x1, ...

        Parameters
        ----------
        table : ndarray of {0, 1}, shape (2**n_inputs, n_outputs)
            NaN for don't-cares; or what :func:`read_table` gives.
        name : str, optional
        input_names, output_names : sequence of str, optional
            By default those of the table.
        """
        n_inputs = max(len(table) - 1, 1).bit_length()
        return cls(
            n_inputs, table=table, name=name, input_names=input_names, output_names=output_names
        )

    @property
    def n_outputs(self) -> int:
        """Number of output bits."""
        return len(self.outputs)

    @property
    def slots(self) -> tuple[int, ...]:
        """Number of sub-functions in each level; empty without known structure."""
        return tuple(len(level) for level in self.levels)

    @property
    def widths(self) -> tuple[int, ...]:
        """Inputs, sub-functions per level, outputs: the widths that name the graph."""
        return (self.n_inputs, *self.slots, self.n_outputs)

    @property
    def has_structure(self) -> bool:
        """Whether levels, and so the true routing and selection, are known."""
        return bool(self.levels)

    @property
    def fan_in(self) -> int:
        """The most inputs that a sub-function reads; 2 without known structure."""
        return max((node.gate.n_inputs for level in self.levels for node in level), default=2)

    @property
    def routing(self) -> Routing:
        """The true routing, [level][slot] -> indices into the level below."""
        return tuple(tuple(node.inputs for node in level) for level in self.levels)

    @cached_property
    def modules(self) -> tuple[Gate, ...]:
        """The distinct gates, in the order of first use: the true pool of shared modules."""
        pool: dict[tuple[int, ...], Gate] = {}
        for level in self.levels:
            for node in level:
                pool.setdefault(node.gate.table, node.gate)
        return tuple(pool.values())

    @property
    def selection(self) -> Selection:
        """The true selection, [level][slot] -> index of its gate in :attr:`modules`."""
        index = {module.table: number for number, module in enumerate(self.modules)}
        return tuple(tuple(index[node.gate.table] for node in level) for level in self.levels)

    def places_of_outputs(self, every_level: bool = False) -> tuple[int, ...]:
        """The slots that are the outputs: indices into the last level, or into all levels."""
        before = sum(self.slots[:-1]) if every_level else 0
        return tuple(before + slot for slot in self.outputs)

    @property
    def irrelevant_inputs(self) -> tuple[int, ...]:
        """Inputs from which no path leads to an output."""
        needed = set(self.outputs)
        for level in reversed(self.levels):
            needed = {source for slot in needed for source in level[slot].inputs}
        return tuple(i for i in range(self.n_inputs) if self.levels and i not in needed)

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """The outputs for input rows.

        Parameters
        ----------
        x : ndarray of {0, 1}, shape (row, n_inputs)

        Returns
        -------
        ndarray of uint8, shape (row, n_outputs)
            DONT_CARE for don't-cares.
        """
        x = np.asarray(x, dtype=np.uint8)
        require(
            x.ndim == 2 and x.shape[1] == self.n_inputs,
            f"x has shape {x.shape}; allowed is (rows, {self.n_inputs})",
        )
        if self.table is not None:
            return self._table_bits[index_of(x)]
        return self.values(x)[-1][:, self.outputs]

    def values(self, x: np.ndarray) -> list[np.ndarray]:
        """The output of every sub-function for rows {0, 1} of shape (row, n_inputs).

        Returns
        -------
        list of ndarray of uint8, shape (row, sub-function), one for each level
        """
        levels, below = [], x
        for level in self.levels:
            below = np.stack([node.gate(below[:, node.inputs]) for node in level], axis=1)
            levels.append(below)
        return levels

    def rows(self, index: np.ndarray | None = None) -> np.ndarray:
        """Input rows by index, by default all of them, in lexicographic order.

        Above 63 inputs no index numbers all rows: it is a seed that a row's bits are drawn by,
        another row for each index.

        Parameters
        ----------
        index : ndarray of int, shape (row,), optional

        Returns
        -------
        ndarray of uint8, shape (row, n_inputs)
        """
        if index is None:
            self._check_enumerable()
            return all_rows(self.n_inputs)
        wide = self.n_inputs > MAX_INDEXED_INPUTS
        return drawn_bits(index, self.n_inputs) if wide else bits_of(index, self.n_inputs)

    def to_dict(self) -> dict[str, Any]:
        """The graph as lists and strings, from which ``from_dict`` restores it."""
        levels = [
            [[node.gate.name, list(node.gate.table), list(node.inputs)] for node in level]
            for level in self.levels
        ]
        table = self.table and ["".join(WRITTEN[bit] for bit in row) for row in self.table]
        names = {"input_names": self.input_names, "output_names": self.output_names}
        return {
            "name": self.name,
            "n_inputs": self.n_inputs,
            "levels": levels,
            "outputs": list(self.outputs),
            "table": table,
            **{kind: list(labels) for kind, labels in names.items() if labels},
        }

    @classmethod
    def from_dict(cls, spec: Mapping[str, Any]) -> FunctionGraph:
        """The graph from the values of ``to_dict``."""
        levels = [
            [SubFunction(Gate(name, tuple(table)), tuple(inputs)) for name, table, inputs in level]
            for level in spec["levels"]
        ]
        table = spec["table"] and TruthTable.of([[*map(WRITTEN.index, r)] for r in spec["table"]])
        outputs = tuple(spec["outputs"]) if table is None else None
        labels = spec.get("input_names"), spec.get("output_names")
        return cls(spec["n_inputs"], levels, outputs, table, spec["name"], *labels)

    def __str__(self) -> str:
        return str(self.name)
