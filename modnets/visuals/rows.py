"""The rows of a diagram that networks and tasks share: inputs, boxes, arrows, outputs."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from modnets.visuals.canvas import Canvas
from modnets.visuals.layout import Layout
from modnets.visuals.usage import Node, Used

#: Letters of a name that fit in a circle.
MAX_LETTERS = 5


def new_canvas(ax: Axes | None, place: Layout, width: float, title: str | None) -> Canvas:
    """A canvas that the rows of a layout fit on."""
    return Canvas(ax, width, place.bottom, place.top + place.radius, title)


def draw_inputs(
    canvas: Canvas, place: Layout, used: Sequence[bool], names: Sequence[str] | None = None
) -> None:
    """The row of inputs, x0, x1 and so on, or by other names."""
    names = short(names, "x") if names else [f"x{node}" for node in range(len(used))]
    for node, use in enumerate(used):
        canvas.circle(place.at(0, node), place.radius, use, "_input", names[node])


def draw_outputs(canvas: Canvas, place: Layout, names: Sequence[str] | None = None) -> None:
    """The row of outputs, y0, y1 and so on, or by other names."""
    count = place.widths[-1]
    names = short(names, "y") if names else [f"y{node}" for node in range(count)]
    for node in range(count):
        at = place.at(len(place.widths) - 1, node)
        canvas.circle(at, place.radius, True, "_output", names[node])


def short(names: Sequence[str], letter: str) -> list[str]:
    """Names that can be read in a circle: of long ones the ends; letter and number if none differ.

    Parameters
    ----------
    names : sequence of str
    letter : str
        Stands before the number where two names have the same ends.
    """
    ends = [f"{name[:2]}…{name[-2:]}" if len(name) > MAX_LETTERS else name for name in names]
    if len(set(ends)) < len(ends):
        return [f"{letter}{place}" for place in range(len(names))]
    return [name.replace("$", r"\$") for name in ends]  # or it is read as a formula


def draw_boxes(
    canvas: Canvas,
    place: Layout,
    names: Sequence[Sequence[Sequence[str]]],
    fills: Sequence[Sequence[str]],
    used: Used,
    label: str,
) -> None:
    """The boxes of all levels, [level][slot]."""
    for row, level in enumerate(zip(names, fills, used, strict=True), start=1):
        for slot, (lines, fill, use) in enumerate(zip(*level, strict=True)):
            canvas.box(place.at(row, slot), place.box, fill, use, label, lines)


def draw_arrows(
    canvas: Canvas,
    place: Layout,
    row: int,
    reads: Sequence[Sequence[Node]],
    known: bool,
    used: Sequence[bool],
    true: Sequence[Sequence[bool | None]] | None = None,
) -> None:
    """The arrows into one row, [slot] -> what it reads by input place, from left to right.

    ``true`` tells in the same shape which of them are edges of the task's graph.
    """
    for slot, sources in enumerate(reads):
        for number, source in enumerate(sources):
            end = place.entry(row, slot, number, len(sources))
            via = place.detour(source, (row, slot))
            is_true = true[slot][number] if true else None
            canvas.arrow(place.exit(*source), end, known, used[slot], via, is_true)
