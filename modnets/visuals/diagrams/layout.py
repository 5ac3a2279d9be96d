"""Coordinates of the elements of a diagram; nothing is drawn here.

A diagram has rows from bottom to top: inputs, levels (or hidden layers), outputs.  With images,
the image slots are its row of inputs, and the images are below.  One unit is about the width of a
slot with its gap.  Beside a modular network are the matrices of its choices, each in the gap whose
arrows it explains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]

#: Side of an image, and the height of its name below it.
IMAGE_SIDE, IMAGE_NAME = 0.62, 0.22
#: Side of a matrix cell, the space around a matrix, and around one just below the headings.
CELL, SPACE, SPACE_BELOW_HEADINGS = 0.17, 0.1, 0.4


@dataclass(frozen=True)
class Layout:
    """Coordinates of the elements of a diagram, in units.

    Parameters
    ----------
    widths : tuple of int
        Nodes of each row, from inputs to outputs.
    width : float
        Of the rows, over which nodes are spread evenly.
    pitch : float
        From row to row.
    radius : float
        Of inputs and outputs.
    box : tuple of float
        Width and height of a slot; (0, 0) without slots.
    selection : int
        The most modules that a slot selects from; 0 without selection.
    pool : int
        Shared modules, drawn below the matrices.
    images : tuple of int, optional
        Numbers of images and of image slots.
    extra : tuple of float
        Height added to the gap below each row above the inputs; by default none.
    left : float
        Left edge.
    """

    widths: tuple[int, ...]
    width: float
    pitch: float
    radius: float
    box: tuple[float, float] = (0.0, 0.0)
    selection: int = 0
    pool: int = 0
    images: tuple[int, int] | None = None
    extra: tuple[float, ...] = ()
    left: float = 0.0

    @classmethod
    def levels(
        cls,
        widths: Sequence[int],
        *,
        n_output_candidates: int = 0,
        left: float = 0.0,
        selection: int = 0,
        pool: int = 0,
        images: tuple[int, int] | None = None,
    ) -> Layout:
        """Rows of slots: a modular network or a function graph.

        Parameters
        ----------
        widths : sequence of int
        n_output_candidates : int
            Slots that outputs can be read from, where these are the slots of all levels.
        left, selection, pool, images
            As in the class.
        """
        widths = tuple(widths)
        width = max(2.6, 0.5 * widths[0], 0.72 * max(widths[1:]))
        # Arrows in a wide network need height, or they are almost horizontal.
        pitch = max(0.98, 0.13 * width)
        box = min(0.62, 0.86 * width / max(widths[1:-1])), 0.36
        extra = [0.0] * (len(widths) - 1)
        if images:  # each has several values, with a cell each in the matrix above
            extra[0] = _room(widths[0], SPACE, pitch)
        if n_output_candidates:
            extra[-1] = _room(n_output_candidates, SPACE_BELOW_HEADINGS, pitch)
        # In a wide network, which is scaled down, names need larger circles.
        step = width / max(widths[0], widths[-1])
        radius = max(0.16, min(0.3, 0.013 * width, 0.4 * step))
        return cls(widths, width, pitch, radius, box, selection, pool, images, tuple(extra), left)

    @classmethod
    def layers(cls, widths: Sequence[int], extra: Sequence[float] = ()) -> Layout:
        """Rows of units: a monolithic network."""
        width = 4.4
        radius = min(0.16, 0.42 * width / max(widths[0], widths[-1]))
        return cls(tuple(widths), width, 0.75, radius, extra=tuple(extra))

    def y(self, row: int) -> float:
        """Centre of a row; row 0 is the inputs, at 0, and row -1 the images."""
        return self.pitch * row + sum(self.extra[: max(row, 0)])

    def gap(self, row: int) -> float:
        """From the row below to this one."""
        return self.pitch + (self.extra[row - 1] if row > 0 and self.extra else 0.0)

    def at(self, row: int, node: int) -> Point:
        """Centre of a node."""
        return self.left + self.width * (node + 0.5) / self.widths[row], self.y(row)

    def exit(self, row: int, node: int) -> Point:
        """Where arrows leave a node: at its top."""
        x, y = self.at(row, node)
        half = self.image_slot[1] / 2 if self.images else self.radius
        return x, y + (half if row == 0 else self.box[1] / 2)

    def entry(self, row: int, node: int, position: int, n_inputs: int) -> Point:
        """Where an arrow ends: at an input position of a slot, or below an output."""
        x, y = self.at(row, node)
        if row == len(self.widths) - 1:
            return x, y - self.radius
        share = (position + 1) / (n_inputs + 1) - 0.5
        return x + share * self.box[0], y - self.box[1] / 2

    def detour(self, start: tuple[int, int], end: tuple[int, int]) -> list[Point]:
        """Waypoints between the boxes of the rows that an arrow passes, lower and upper in turn."""
        (x0, y0), (x1, y1) = self.at(*start), self.at(*end)
        points = []
        for row in range(start[0] + 1, end[0]):
            y, step = self.y(row), self.width / self.widths[row]
            x = x0 + (x1 - x0) * (y - y0) / (y1 - y0)
            slot = min(max(int((x - self.left) / step), 0), self.widths[row] - 1)
            middle = self.at(row, slot)[0]
            clear = self.box[0] / 2 + min(0.1, (step - self.box[0]) / 2)
            if abs(x - middle) < clear:
                x = middle + (clear if x > middle else -clear)
            points += [(x, y - 0.6 * self.box[1]), (x, y + 0.6 * self.box[1])]
        return points

    def image_at(self, image: int) -> Point:
        """Centre of an image."""
        return self.left + self.width * (image + 0.5) / self._image_counts[0], self.y(-1)

    def image_slot_at(self, slot: int) -> Point:
        """Centre of an image slot."""
        return self.left + self.width * (slot + 0.5) / self._image_counts[1], self.y(0)

    @property
    def image_slot(self) -> tuple[float, float]:
        """Width and height of an image slot: as wide as its values above it."""
        return 0.92 * self.width / self._image_counts[1], 0.46

    @property
    def _image_counts(self) -> tuple[int, int]:
        assert self.images is not None
        return self.images

    @property
    def top(self) -> float:
        """Centre of the row of outputs."""
        return self.y(len(self.widths) - 1)

    @property
    def pool_y(self) -> float:
        """Centre of the pool of shared modules, below the lowest matrix."""
        return -0.3 if self.images is None else self.y(-1) - 0.3

    @property
    def bottom(self) -> float:
        """Lower edge of the diagram."""
        lowest = -self.radius
        if self.images is not None:
            lowest = self.y(-1) - IMAGE_SIDE / 2 - IMAGE_NAME
        return min(lowest, self.pool_y - 0.16) if self.pool else lowest

    @property
    def cell(self) -> float:
        """Side of a matrix cell: the tallest matrix fits between two rows."""
        spaces = [(self.gap(row) - SPACE) / n for row, n in enumerate(self.widths[:-1], start=1)]
        return min(CELL, *spaces, (self.pitch - SPACE) / (self.selection or 1))

    @property
    def matrices(self) -> tuple[float, ...]:
        """Left edges of the matrices of routing and, where there is one, of selection."""
        first = self.left + self.width + 0.2 + self.cell
        if not self.selection:
            return (first,)
        return first, first + max(self._matrix_width, 0.7) + 0.1 + self.cell

    @property
    def total_width(self) -> float:
        """Width of the rows with the matrices beside them."""
        return self.matrices[-1] + max(self._matrix_width, 0.62)

    @property
    def _matrix_width(self) -> float:
        return self.cell * max(*self.widths[1:-1], self.images[1] if self.images else 0)


def _room(n_rows: int, space: float, pitch: float) -> float:
    """Extra height of a gap for a matrix of so many rows, at most 0.8 of the pitch."""
    return min(max(0.0, 0.8 * CELL * n_rows + space - pitch), 0.8 * pitch)
