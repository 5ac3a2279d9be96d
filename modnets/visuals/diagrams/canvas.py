"""The shapes that diagrams are made of, on one Axes.

Lengths are in units of the layout.  Fonts and line widths scale with the Axes, so that a diagram
looks the same as a small panel and as a figure of its own.  Every artist has a label for its role:
``_slot``, ``_module``, ``_gate``, ``_unit``, ``_block``, ``_map``, ``_image``, ``_pixels``,
``_input``, ``_output``, ``_arrow``, ``_weights``, ``_band``, ``_matrix`` (the underscore keeps it
out of legends).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle
from matplotlib.path import Path

from modnets.visuals.diagrams.layout import Point
from modnets.visuals.style import (
    DARK,
    FALSE_EDGE,
    INK,
    KNOWN,
    LEARNED,
    NEGATIVE,
    PAGE_WIDTH,
    PALE,
    PIXELS,
    POSITIVE,
    TRUE_EDGE,
)

#: Font size in points: the largest, and the smallest that is drawn where details recede.
MAX_FONT, MIN_FONT = 10.0, 4.0
UNIT_INCHES = 0.68
MARGIN = 0.12
FAINT, HINT = "#b0b0b0", "#e4e4e4"
#: Whether an edge is true -> colour, and width in units of ``Canvas.line``; None: not evaluated.
EDGES = {None: (INK, 1.0), True: (TRUE_EDGE, 1.9), False: (FALSE_EDGE, 0.9)}
#: Symbols of gates, where their names do not fit.
SYMBOLS = {"XOR": "⊕", "AND": "∧", "OR": "∨", "XNOR": "⊙", "NAND": "⊼", "NOR": "⊽"}
SYMBOLS |= {"a∧¬b": "↛", "¬a∧b": "↚", "¬a∨b": "→", "a∨¬b": "←", "other": "…"}
POINTS_PER_INCH = 72
#: Of more weights between two rows than the first, only so many, the largest, are emphasized.
MANY_WEIGHTS, STRONGEST = 150, 100


class Canvas:
    """An Axes to draw a diagram on.

    Parameters
    ----------
    ax : Axes, optional
        By default a new one in a figure of its own, as wide as a page at most.
    width, bottom, top : float, units
        Visible range; the left edge is at 0.
    title : str, optional
    """

    def __init__(
        self, ax: Axes | None, width: float, bottom: float, top: float, title: str | None
    ) -> None:
        size = width + 2 * MARGIN, top - bottom + 2 * MARGIN
        if ax is None:
            unit = min(UNIT_INCHES, PAGE_WIDTH / size[0])
            title_height = 0.3 if title else 0.0
            height = unit * size[1] + title_height
            fig = plt.figure(figsize=(unit * size[0], height))
            ax = fig.add_axes((0, 0, 1, 1 - title_height / height))
        ax.set_xlim(-MARGIN, width + MARGIN)
        ax.set_ylim(bottom - MARGIN, top + MARGIN)
        ax.set_aspect("equal")
        ax.set_axis_off()
        if title:
            ax.set_title(title)
        position = ax.get_position(original=True)
        figure = cast(Figure, ax.figure)  # a SubFigure has no size
        inches = figure.get_size_inches() * (position.width, position.height)
        self.ax = ax
        #: Points (1/72 inch) per unit.
        self.unit = float(min(inches / size)) * POINTS_PER_INCH
        #: Base line width in points.
        self.line = min(max(0.3, 0.018 * self.unit), 1.2)
        #: Whether details recede: unused arrows are faint, unused slots have no name, and text too
        #: small to read is left out.
        self.recede = False
        #: Whether there are many slots: unused ones are drawn flat.
        self.crowded = False

    def legible(self, size: float) -> bool:
        """Whether text of that font size, in units, is drawn."""
        return not self.recede or size * self.unit >= MIN_FONT

    def text(self, at: Point, text: str, size: float, color: str = INK, **keywords: Any) -> None:
        """Text, font size in units; none where it is not legible."""
        if not self.legible(size):
            return
        keywords = {"ha": "center", "va": "center_baseline"} | keywords
        fontsize = min(size * self.unit, MAX_FONT)
        self.ax.text(*at, text, fontsize=fontsize, color=color, **keywords)

    def box(
        self, at: Point, size: Point, fill: str, used: bool, label: str, lines: Sequence[str]
    ) -> None:
        """A box with up to two lines of text, the second one smaller."""
        if label == "_slot" and not used and self.recede:
            lines, size = (), (size[0], size[1] * (0.4 if self.crowded else 1.0))
        corner = at[0] - size[0] / 2, at[1] - size[1] / 2
        rounding = f"round,pad=0,rounding_size={0.2 * min(size)}"
        face, ink = (fill, "#000000") if used else (DARK, "#ffffff")
        patch = FancyBboxPatch(corner, *size, rounding, fc=face, ec=INK, lw=self.line, label=label)
        patch.set_zorder(3)
        self.ax.add_patch(patch)
        if len(lines) == 2 and not self.legible(_fitting(lines[1], 0.36, size)):
            lines = lines[:1]
        offsets = (0.0,) if len(lines) == 1 else (0.19 * size[1], -0.24 * size[1])
        shares = (0.62,) if len(lines) == 1 else (0.5, 0.36)
        for line, offset, share in zip(lines, offsets, shares, strict=bool(lines)):
            if not self.legible(_fitting(line, share, size)):
                gate = line.rstrip("?")
                line, share = SYMBOLS.get(gate, gate) + line[len(gate) :], 0.8
            style = "italic" if line.endswith("?") else "normal"
            font_size = _fitting(line, share, size)
            self.text((at[0], at[1] + offset), line, font_size, ink, zorder=4, fontstyle=style)

    def swatch(self, at: Point, side: float, color: str) -> None:
        """A small coloured square."""
        corner = at[0] - side / 2, at[1] - side / 2
        self.ax.add_patch(Rectangle(corner, side, side, fc=color, ec="none", label="_swatch"))

    def circle(self, at: Point, radius: float, used: bool, label: str, name: str = "") -> None:
        """A unit, an input or an output."""
        face, ink = ("#ffffff", INK) if used else (DARK, "#ffffff")
        width = self.line if radius > 0.05 else 0.5 * self.line
        self.ax.add_patch(Circle(at, radius, fc=face, ec=INK, lw=width, label=label, zorder=3))
        if name:
            self.text(at, name, min(1.15 * radius, 2.6 * radius / len(name)), ink, zorder=4)

    def square(self, at: Point, side: float, used: bool, label: str) -> None:
        """An image or a feature map, without its pixels."""
        corner = at[0] - side / 2, at[1] - side / 2
        face = "#ffffff" if used else DARK
        width = self.line if side > 0.2 else 0.7 * self.line
        patch = Rectangle(corner, side, side, fc=face, ec=INK, lw=width, label=label, zorder=3)
        self.ax.add_patch(patch)

    def pixels(self, at: Point, side: float, values: np.ndarray, limits: Point, used: bool) -> None:
        """The pixels of an image, shape (side, side); the first of both limits is white."""
        (x, y), half = at, side / 2
        self.ax.imshow(
            values,
            cmap=PIXELS,
            vmin=limits[0],
            vmax=limits[1],
            extent=(x - half, x + half, y - half, y + half),
            interpolation="nearest",
            alpha=1.0 if used else 0.35,
            label="_pixels",
            zorder=3.5,
        )

    def band(self, lower: tuple[Point, Point], upper: tuple[Point, Point]) -> None:
        """All connections between two rows, where these are too many to be drawn one by one."""
        corners = [*lower, *reversed(upper)]
        self.ax.add_patch(Polygon(corners, fc=PALE, ec="none", alpha=0.55, label="_band", zorder=1))

    def arrow(
        self,
        start: Point,
        end: Point,
        known: bool,
        used: bool,
        via: Sequence[Point] = (),
        true: bool | None = None,
    ) -> None:
        """An arrow: solid if known, dashed if learned, faint if its target is unused.

        Parameters
        ----------
        start, end : (x, y), units
        known, used : bool
        via : sequence of (x, y)
            Pairs of waypoints, lower and upper, between which it goes straight up.
        true : bool, optional
            Whether it is an edge of the task's graph; None: not evaluated.
        """
        color, width = EDGES[true] if used else (FAINT, 1.0)
        head = "-|>"
        if self.recede and not used:
            color, width, head = HINT, 0.6, "-"
        route: dict[str, Any] = {"posA": start, "posB": end}
        if via:
            route = {"path": _path(start, end, via)}
        patch = FancyArrowPatch(
            **route,
            arrowstyle=head,
            mutation_scale=0.16 * self.unit,
            shrinkA=0,
            shrinkB=0,
            linestyle=KNOWN if known else LEARNED,
            linewidth=width * self.line,
            color=color,
            joinstyle="miter",
            label="_arrow",
            zorder=1.5 if not used else 2.1 if true else 2,
        )
        self.ax.add_patch(patch)

    def rule(self, start: Point, end: Point) -> None:
        """A separating line."""
        self.ax.plot(*zip(start, end, strict=True), color=INK, lw=self.line, label="_rule")

    def weights(self, starts: np.ndarray, ends: np.ndarray, values: np.ndarray) -> None:
        """Lines for non-zero weights; of many all but the largest are faint.

        Parameters
        ----------
        starts, ends : ndarray, shape (line, 2), units
        values : ndarray, shape (line,), in [-1, 1]
        """
        order = np.argsort(np.abs(values), kind="stable")
        order = order[values[order] != 0]
        size = np.abs(values[order])
        colors = np.where(values[order, None] > 0, to_rgba(POSITIVE), to_rgba(NEGATIVE))
        colors[:, 3] = 0.06 + 0.8 * size
        widths = self.line * (0.3 + 1.2 * size)
        if len(order) > MANY_WEIGHTS:  # they would overlap: only the strongest are emphasized
            weak = np.arange(len(order)) < len(order) - STRONGEST
            colors[weak] = to_rgba(PALE, 0.12)
            widths[weak] = 0.25 * self.line
            colors[~weak, 3] = np.maximum(colors[~weak, 3], 0.35)
        lines = LineCollection(
            np.stack([starts, ends], axis=1)[order],
            colors=colors,
            linewidths=widths,
            label="_weights",
            zorder=1,
        )
        # Thousands of lines take less space rasterized, also inside a vector file.
        lines.set_rasterized(len(order) > 3000)
        self.ax.add_collection(lines, autolim=False)

    def matrix(
        self, at: Point, cell: float, values: np.ndarray, cmap: Colormap | str, limit: float
    ) -> None:
        """A matrix of cells from its upper left corner; colours run from -limit to limit."""
        n_rows, n_columns = values.shape
        self.ax.pcolormesh(
            at[0] + cell * np.arange(n_columns + 1),
            at[1] - cell * np.arange(n_rows + 1),
            values,
            cmap=cmap,
            vmin=-limit,
            vmax=limit,
            edgecolors="#999999" if cell * self.unit > 3 else "none",  # too small for lines
            linewidth=0.3 * self.line,
            label="_matrix",
        )


def _fitting(line: str, share: float, size: Point) -> float:
    """Font size of a line: that share of a box's height, or less to fit its width."""
    return min(share * size[1], 1.25 * size[0] / max(len(line), 1))


def _path(start: Point, end: Point, via: Sequence[Point]) -> Path:
    """A smooth curve through waypoints that rises everywhere."""
    points, codes = [start], [Path.MOVETO]
    for lower, upper in zip([start, *via[1::2]], [*via[0::2], end], strict=True):
        bend = (upper[1] - lower[1]) / 2
        points += [(lower[0], lower[1] + bend), (upper[0], upper[1] - bend), upper]
        codes += [Path.CURVE4] * 3
        if upper in via:
            points.append(via[via.index(upper) + 1])
            codes.append(Path.LINETO)
    return Path(points, codes)
