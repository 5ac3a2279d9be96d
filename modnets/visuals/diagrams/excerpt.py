"""An excerpt of a diagram with too many nodes to read: what the first outputs depend on.

Rows of a task or network of hundreds of inputs would be lines of dots.  The excerpt has few nodes
in each row: those on paths to its outputs, as many outputs as their paths fit, from the first one.
A line below says how many of how many nodes are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from modnets.visuals.diagrams.usage import Reads

T = TypeVar("T")

#: Rows of up to so many nodes are drawn whole; of longer ones so many nodes.
MOST_WHOLE, DRAWN = 40, 16


@dataclass(frozen=True)
class Excerpt:
    """Which nodes of each row are drawn.

    Parameters
    ----------
    widths : tuple of int
        Nodes of each row that there are, from inputs to outputs.
    kept : tuple of tuple of int
        [row] -> nodes that are drawn, in ascending order.
    """

    widths: tuple[int, ...]
    kept: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, widths: Sequence[int], reads: Reads) -> Excerpt:
        """All nodes, or some of them where a row has more than MOST_WHOLE.

        Parameters
        ----------
        widths : sequence of int
        reads : [row above the inputs][node] -> nodes that it reads
        """
        if max(widths) <= MOST_WHOLE:
            return cls.whole(widths)
        n_outputs = 1
        while n_outputs < widths[-1]:
            more = _below(n_outputs + 1, reads, widths, max(widths))
            if max(map(len, more)) > DRAWN:
                break
            n_outputs += 1
        return cls(tuple(widths), tuple(map(tuple, _below(n_outputs, reads, widths, DRAWN))))

    @classmethod
    def whole(cls, widths: Sequence[int]) -> Excerpt:
        """All nodes."""
        return cls(tuple(widths), tuple(tuple(range(width)) for width in widths))

    @property
    def is_part(self) -> bool:
        """Whether some nodes are left out."""
        return self.drawn != self.widths

    @property
    def drawn(self) -> tuple[int, ...]:
        """Nodes of each row that are drawn; a row that no path passes has one."""
        return tuple(map(len, self.kept))

    def of_row(self, row: int, nodes: Sequence[T]) -> list[T]:
        """What there is for each node of a row, for those that are drawn."""
        return [nodes[node] for node in self.kept[row]]

    def of_levels(self, levels: Sequence[Sequence[T]]) -> list[list[T]]:
        """The same of all rows between inputs and outputs."""
        return [self.of_row(row, level) for row, level in enumerate(levels, start=1)]

    def reads(self, reads: Reads) -> list[list[tuple[tuple[int, int] | None, ...]]]:
        """What the nodes drawn read, [row above the inputs]; None for a node that is left out."""
        places = [{node: place for place, node in enumerate(row)} for row in self.kept]
        return [
            [
                tuple(
                    (at, places[at][source]) if source in places[at] else None
                    for at, source in sources
                )
                for sources in self.of_row(row, level)
            ]
            for row, level in enumerate(reads, start=1)
        ]

    def note(self, names: str) -> str:
        """How much of the whole is drawn; names are what stands between inputs and outputs."""
        levels = sum(self.drawn[1:-1]), sum(self.widths[1:-1])
        counts = [
            f"{drawn} of {there:,} {name}"
            for name, drawn, there in (
                ("inputs", self.drawn[0], self.widths[0]),
                (names, *levels),
                ("outputs", self.drawn[-1], self.widths[-1]),
            )
        ]
        return f"Drawn: {', '.join(counts)}"


def _below(n_outputs: int, reads: Reads, widths: Sequence[int], most: int) -> list[list[int]]:
    """The nodes of each row that the first outputs depend on, at least one and at most so many."""
    rows: list[set[int]] = [set() for _ in widths]
    rows[-1], kept = set(range(n_outputs)), [[0] for _ in widths]
    for row in range(len(widths) - 1, -1, -1):
        kept[row] = sorted(rows[row])[:most] or [0]
        for node in kept[row] if row and rows[row] else ():
            for at, source in reads[row - 1][node]:
                rows[at].add(source)
    return kept
