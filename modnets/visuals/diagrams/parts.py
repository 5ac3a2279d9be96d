"""Rows in diagrams of networks and of tasks: inputs, boxes, arrows, outputs."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from modnets.visuals.diagrams.canvas import Canvas
from modnets.visuals.diagrams.layout import Layout
from modnets.visuals.diagrams.usage import Node, Used

#: The most letters of a name that fit in a circle, and outside of it.
MAX_INSIDE, MAX_LETTERS = 3, 9
#: Largest font size outside of circles, in units.
NAME = 0.2
#: Height of a line below the diagram, and the font size of what it says, in units.
NOTE, NOTE_FONT = 0.4, 0.15


def new_canvas(ax: Axes | None, layout: Layout, width: float, title: str | None) -> Canvas:
    """A canvas that the rows of a layout fit on."""
    return Canvas(ax, width, layout.bottom, layout.top + layout.radius, title)


def draw_note(canvas: Canvas, note: str) -> None:
    """A line below the diagram."""
    low, high = canvas.ax.get_ylim()
    left, right = canvas.ax.get_xlim()
    canvas.ax.set_ylim(low - NOTE, high)
    size = min(NOTE_FONT, 1.7 * (right - left) / len(note))
    canvas.text(((left + right) / 2, low - NOTE / 2), note, size)


def draw_inputs(
    canvas: Canvas, layout: Layout, used: Sequence[bool], names: Sequence[str] | None = None
) -> None:
    """The row of inputs, x0, x1 and so on, or by other names."""
    names = short(names, "x") if names else [f"x{node}" for node in range(len(used))]
    _draw_ends(canvas, layout, 0, used, "_input", names)


def draw_outputs(canvas: Canvas, layout: Layout, names: Sequence[str] | None = None) -> None:
    """The row of outputs, y0, y1 and so on, or by other names."""
    row = len(layout.widths) - 1
    used = [True] * layout.widths[row]
    names = short(names, "y") if names else [f"y{node}" for node in range(len(used))]
    _draw_ends(canvas, layout, row, used, "_output", names)


def _draw_ends(
    canvas: Canvas,
    layout: Layout,
    row: int,
    used: Sequence[bool],
    label: str,
    names: Sequence[str],
) -> None:
    """Circles with their names inside, or outside where these are too long."""
    points = [layout.at(row, node) for node in range(len(used))]
    inside = max(map(len, names)) <= MAX_INSIDE
    for at, use, name in zip(points, used, names, strict=True):
        canvas.circle(at, layout.radius, use, label, name if inside else "")
    if inside:
        return
    pitch = points[1][0] - points[0][0] if len(points) > 1 else 2.0
    size = 1.5 * pitch / max(map(len, names))
    n_lines = 1 if size >= NAME else 2  # one up, one down
    size, direction = min(NAME, n_lines * size), -1 if row == 0 else 1
    for index, ((x, y), name) in enumerate(zip(points, names, strict=True)):
        distance = layout.radius + size * (0.75 + 1.1 * (index % n_lines))
        canvas.text((x, y + direction * distance), name, size)
    edge = points[0][1] + direction * (layout.radius + size * (0.4 + 1.1 * n_lines))
    low, high = canvas.ax.get_ylim()
    canvas.ax.set_ylim(min(low, edge), max(high, edge))


def short(names: Sequence[str], letter: str, most: int = MAX_LETTERS) -> list[str]:
    """Names that fit into a diagram: long ones abbreviated; numbered if these are not unique.

    Parameters
    ----------
    names : sequence of str
    letter : str
        In front of the number.
    most : int
        Letters of a name, at most.
    """
    half = most // 2
    ends = [f"{name[:half]}…{name[-half:]}" if len(name) > most else name for name in names]
    if len(set(ends)) < len(ends):
        return [f"{letter}{index}" for index in range(len(names))]
    return [name.replace("$", r"\$") for name in ends]  # or it is parsed as a formula


def draw_boxes(
    canvas: Canvas,
    layout: Layout,
    names: Sequence[Sequence[Sequence[str]]],
    fills: Sequence[Sequence[str]],
    used: Used,
    label: str,
) -> None:
    """The boxes of all levels, [level][slot]."""
    for row, level in enumerate(zip(names, fills, used, strict=True), start=1):
        for slot, (lines, fill, use) in enumerate(zip(*level, strict=True)):
            canvas.box(layout.at(row, slot), layout.box, fill, use, label, lines)


def draw_arrows(
    canvas: Canvas,
    layout: Layout,
    row: int,
    reads: Sequence[Sequence[Node | None]],
    known: bool,
    used: Sequence[bool],
    true: Sequence[Sequence[bool | None]] | None = None,
) -> None:
    """The arrows into one row, [slot] -> what it reads by input place, from left to right.

    None stands for what is not drawn.  ``true`` says in the same shape which of them are edges of
    the task's graph.
    """
    for slot, sources in enumerate(reads):
        for index, source in enumerate(sources):
            if source is None:
                continue
            end = layout.entry(row, slot, index, len(sources))
            via = layout.detour(source, (row, slot))
            is_true = true[slot][index] if true else None
            canvas.arrow(layout.exit(*source), end, known, used[slot], via, is_true)
