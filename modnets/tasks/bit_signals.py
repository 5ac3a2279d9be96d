"""What each node of a function graph computes on many rows, as one number: a bit for each row.

Of up to 20 inputs the rows are the whole table, above that 16,384 rows drawn at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from modnets.tasks.gates import Gate
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.task import MAX_TABLE_INPUTS

#: Rows drawn where a table is too large to list.
SAMPLED_ROWS = 2**14


@dataclass(frozen=True)
class Signals:
    """The nodes of a graph on many rows.

    Parameters
    ----------
    graph : FunctionGraph
        With levels.
    """

    graph: FunctionGraph

    @property
    def exact(self) -> bool:
        """Whether the rows are the whole table."""
        return self.graph.n_inputs <= MAX_TABLE_INPUTS

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return 2**self.graph.n_inputs if self.exact else SAMPLED_ROWS

    @property
    def every(self) -> int:
        """A 1 for each row."""
        return (1 << self.n_rows) - 1

    @cached_property
    def inputs(self) -> list[int]:
        """The input bits, one number for each input."""
        n_inputs, n_rows = self.graph.n_inputs, self.n_rows
        if not self.exact:
            drawn = np.random.default_rng(0).bytes(n_inputs * n_rows // 8)
            size = n_rows // 8
            return [
                int.from_bytes(drawn[place * size : (place + 1) * size], "little")
                for place in range(n_inputs)
            ]
        found = []
        for place in range(n_inputs):
            run = 2 ** (n_inputs - 1 - place)  # rows between two changes of this bit
            found.append(self.every // ((1 << run) + 1) << run & self.every)
        return found

    @cached_property
    def levels(self) -> list[list[int]]:
        """The output of each sub-function, [level][sub-function]."""
        return self.given({})

    @property
    def outputs(self) -> list[int]:
        """The outputs of the graph."""
        return [self.levels[-1][place] for place in self.graph.outputs]

    def given(self, flipped: dict[tuple[int, int], bool]) -> list[list[int]]:
        """The output of each sub-function, where those of some (level, place) are complemented."""
        below, levels = self.inputs, []
        for depth, level in enumerate(self.graph.levels):
            below = [
                _computed(node.gate, [below[source] for source in node.inputs], self.every)
                ^ (self.every if flipped.get((depth, place)) else 0)
                for place, node in enumerate(level)
            ]
            levels.append(below)
        return levels

    @cached_property
    def needed(self) -> list[list[bool]]:
        """Whether an output changes on some row if a sub-function is complemented."""
        return [
            [
                any(
                    self.given({(depth, place): True})[-1][output] != self.levels[-1][output]
                    for output in self.graph.outputs
                )
                for place in range(len(level))
            ]
            for depth, level in enumerate(self.graph.levels)
        ]

    @cached_property
    def relevant_inputs(self) -> list[int]:
        """Inputs on which an output depends; above 20 inputs those that a path leads from."""
        if not self.exact:
            return [i for i in range(self.graph.n_inputs) if i not in self.graph.irrelevant_inputs]
        found = []
        for place, ones in enumerate(self.inputs):
            run = 2 ** (self.graph.n_inputs - 1 - place)
            zeros = self.every ^ ones
            if any((y & ones) >> run != y & zeros for y in self.outputs):
                found.append(place)
        return found


def _computed(gate: Gate, inputs: Sequence[int], every: int) -> int:
    """A gate's output on all rows, by Shannon's expansion; equal parts of its table once."""
    known: dict[tuple[int, ...], int] = {}

    def expand(table: tuple[int, ...], place: int) -> int:
        if len(set(table)) == 1:
            return every if table[0] else 0
        if table not in known:
            half, x = len(table) // 2, inputs[place]
            low, high = expand(table[:half], place + 1), expand(table[half:], place + 1)
            known[table] = low ^ (x & (low ^ high))
        return known[table]

    return expand(gate.table, 0)
