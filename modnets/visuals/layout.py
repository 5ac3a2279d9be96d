"""What a diagram shows and where: numbers only, nothing is drawn here.

A diagram has rows from bottom to top: inputs, levels (or hidden layers), outputs.  One unit is
about the width of a slot with its gap.  Beside a modular network stand the matrices of its
choices, each in the gap whose arrows it explains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from modnets.models.modular import ModularNetwork
from modnets.models.monolithic import MLP
from modnets.models.routing import Routing, Selection

Used = list[tuple[bool, ...]]


def reads(network: ModularNetwork) -> list[list[tuple[int, ...]]]:
    """What is read now: [level][slot] -> sources by input place; the last level is the outputs."""
    output_sources = network.readout.read()[0]
    return [*(routing.read() for routing in network.routing), [(s,) for s in output_sources]]


def fills(network: ModularNetwork) -> list[list[int]]:
    """Which module fills each slot now, [level][slot]; own modules count on through the levels."""
    if network.shared:
        return [selection.fill() for selection in network.selection]
    firsts = [sum(network.slots[:level]) for level in range(len(network.slots))]
    return [list(range(f, f + n)) for f, n in zip(firsts, network.slots, strict=True)]


def used_rows(widths: Sequence[int], reads: Sequence[Sequence[Iterable[int]]]) -> Used:
    """Which nodes some path to an output uses.

    Parameters
    ----------
    widths : sequence of int
        Nodes of each row, from inputs to outputs.
    reads : sequence, [row above the inputs][node] -> sources in the row below

    Returns
    -------
    list of tuple of bool, [row][node]
        All outputs are used.
    """
    rows = [(True,) * widths[-1]]
    for n_sources, level in zip(reversed(widths[:-1]), reversed(reads), strict=True):
        needed = {s for sources, use in zip(level, rows[0], strict=True) if use for s in sources}
        rows.insert(0, tuple(source in needed for source in range(n_sources)))
    return rows


def used_slots(network: ModularNetwork) -> Used:
    """Which slots some path to an output uses, by the choices as they are now.

    Returns
    -------
    list of tuple of bool, [level][slot]
    """
    return _used(network)[1:-1]


def used_inputs(network: ModularNetwork) -> tuple[bool, ...]:
    """Which inputs some path to an output uses."""
    return _used(network)[0]


def used_modules(network: ModularNetwork) -> tuple[bool, ...]:
    """Which modules fill a slot that some path to an output uses; own ones level by level."""
    levels = zip(fills(network), used_slots(network), strict=True)
    filling = {m for level, used in levels for m, use in zip(level, used, strict=True) if use}
    return tuple(m in filling for m in range(sum(pool.count for pool in network.pools)))


def used_units(network: MLP) -> Used:
    """Which units some path of weights other than zero leads to an output from.

    Returns
    -------
    list of tuple of bool, [layer, from the input][unit]
    """
    weights = [network.weights(number)[0].detach() for number in range(len(network.layers))]
    return used_rows(
        network.widths, [[row.nonzero().flatten().tolist() for row in w] for w in weights]
    )


def _used(network: ModularNetwork) -> Used:
    return used_rows((network.n_inputs, *network.slots, network.n_outputs), reads(network))


def letters(module: int) -> str:
    """The name of a shared module: A to Z, then AA, AB and so on."""
    name = ""
    while module >= 0:
        name, module = chr(ord("A") + module % 26) + name, module // 26 - 1
    return name


def choice_values(choice: Routing | Selection) -> list[list[float]]:
    """The matrix of a choice, [source or module][slot]: logits if learned, 0 or 1 if known."""
    if not choice.known:
        return choice.logits.detach().tolist()
    chosen = choice.choice[..., 0]
    chosen = chosen.sum(dim=1) if isinstance(choice, Routing) else chosen
    return chosen.T.tolist()


def chosen_cells(choice: Routing | Selection) -> list[tuple[int, int, int]]:
    """The cells chosen in that matrix: (row, column, input place, from 0)."""
    if isinstance(choice, Selection):
        return [(module, slot, 0) for slot, module in enumerate(choice.fill())]
    return [
        (source, slot, place)
        for slot, sources in enumerate(choice.read())
        for place, source in enumerate(sources)
    ]


@dataclass(frozen=True)
class Layout:
    """Where the parts of a diagram lie, in units.

    Parameters
    ----------
    widths : tuple of int
        Nodes of each row, from inputs to outputs.
    width : float
        Of the rows, which are spread over it evenly.
    pitch : float
        From row to row.
    radius : float
        Of inputs and outputs.
    box : tuple of float
        Width and height of a slot; (0, 0) without slots.
    n_modules : int, optional
        Size of the shared pool, which has matrices of its own.
    """

    widths: tuple[int, ...]
    width: float
    pitch: float
    radius: float
    box: tuple[float, float] = (0.0, 0.0)
    n_modules: int | None = None

    @classmethod
    def levels(cls, widths: Sequence[int], n_modules: int | None = None) -> Layout:
        """Rows of slots: a modular network or a function graph."""
        widths = tuple(widths)
        width = max(2.6, 0.5 * widths[0], 0.72 * max(widths[1:]))
        # Fans of arrows in a wide network need height, or they lie flat on the boxes.
        pitch = max(0.98, 0.13 * width)
        box = min(0.62, 0.86 * width / max(widths[1:-1])), 0.36
        return cls(widths, width, pitch, 0.16, box, n_modules)

    @classmethod
    def layers(cls, widths: Sequence[int]) -> Layout:
        """Rows of units: a monolithic network."""
        width = 4.4
        radius = min(0.16, 0.42 * width / max(widths[0], widths[-1]))
        return cls(tuple(widths), width, 0.75, radius)

    def y(self, row: int) -> float:
        """Centre of a row; row 0 is the inputs, at 0."""
        return self.pitch * row

    def at(self, row: int, node: int) -> tuple[float, float]:
        """Centre of a node."""
        return self.width * (node + 0.5) / self.widths[row], self.y(row)

    def exit(self, row: int, node: int) -> tuple[float, float]:
        """Where arrows leave a node: at its top."""
        x, y = self.at(row, node)
        return x, y + (self.radius if row == 0 else self.box[1] / 2)

    def entry(self, row: int, node: int, place: int, n_places: int) -> tuple[float, float]:
        """Where an arrow ends: at an input place of a slot, or below an output."""
        x, y = self.at(row, node)
        if row == len(self.widths) - 1:
            return x, y - self.radius
        share = (place + 1) / (n_places + 1) - 0.5
        return x + share * self.box[0], y - self.box[1] / 2

    @property
    def top(self) -> float:
        """Centre of the row of outputs."""
        return self.y(len(self.widths) - 1)

    @property
    def pool_y(self) -> float:
        """Centre of the pool of shared modules, below the lowest matrix."""
        return -0.3

    @property
    def bottom(self) -> float:
        """Lower edge of what is drawn."""
        return -self.radius if self.n_modules is None else self.pool_y - 0.16

    @property
    def cell(self) -> float:
        """Side of a matrix cell: the tallest matrix fits between two rows."""
        tallest = max(*self.widths[:-1], self.n_modules or 1)
        return min(0.17, (self.pitch - 0.1) / tallest)

    @property
    def matrices(self) -> tuple[float, ...]:
        """Left edges of the matrices: of routing and, with a pool, of selection."""
        first = self.width + 0.2 + self.cell
        if self.n_modules is None:
            return (first,)
        return first, first + max(self._matrix_width, 0.7) + 0.1 + self.cell

    @property
    def total_width(self) -> float:
        """Width of the rows and of what stands beside them."""
        return self.matrices[-1] + max(self._matrix_width, 0.62)

    @property
    def _matrix_width(self) -> float:
        return self.cell * max(self.widths[1:-1])
