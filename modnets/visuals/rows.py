"""The rows of a diagram that networks and tasks share: inputs, boxes, arrows, outputs."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from modnets.visuals.canvas import Canvas
from modnets.visuals.layout import Layout
from modnets.visuals.usage import Node, Used


def new_canvas(ax: Axes | None, place: Layout, width: float, title: str | None) -> Canvas:
    """A canvas that the rows of a layout fit on."""
    return Canvas(ax, width, place.bottom, place.top + place.radius, title)


def draw_inputs(
    canvas: Canvas, place: Layout, used: Sequence[bool], names: Sequence[str] | None = None
) -> None:
    """The row of inputs, x0, x1 and so on, or by other names."""
    for node, use in enumerate(used):
        name = names[node] if names else f"x{node}"
        canvas.circle(place.at(0, node), place.radius, use, "_input", name)


def draw_outputs(canvas: Canvas, place: Layout) -> None:
    """The row of outputs."""
    for node in range(place.widths[-1]):
        at = place.at(len(place.widths) - 1, node)
        canvas.circle(at, place.radius, True, "_output", f"y{node}")


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
