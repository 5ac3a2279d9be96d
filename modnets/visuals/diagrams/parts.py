"""The rows of a diagram that networks and tasks share: inputs, boxes, arrows, outputs."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from modnets.visuals.diagrams.canvas import Canvas
from modnets.visuals.diagrams.layout import Layout
from modnets.visuals.diagrams.usage import Node, Used

#: Letters of a name that fit in a circle, and that are written at all.
MAX_INSIDE, MAX_LETTERS = 3, 9
#: Size of letters outside of circles, at most, in units.
NAME = 0.2


def new_canvas(ax: Axes | None, place: Layout, width: float, title: str | None) -> Canvas:
    """A canvas that the rows of a layout fit on."""
    return Canvas(ax, width, place.bottom, place.top + place.radius, title)


def draw_inputs(
    canvas: Canvas, place: Layout, used: Sequence[bool], names: Sequence[str] | None = None
) -> None:
    """The row of inputs, x0, x1 and so on, or by other names."""
    names = short(names, "x") if names else [f"x{node}" for node in range(len(used))]
    _draw_ends(canvas, place, 0, used, "_input", names)


def draw_outputs(canvas: Canvas, place: Layout, names: Sequence[str] | None = None) -> None:
    """The row of outputs, y0, y1 and so on, or by other names."""
    row = len(place.widths) - 1
    used = [True] * place.widths[row]
    names = short(names, "y") if names else [f"y{node}" for node in range(len(used))]
    _draw_ends(canvas, place, row, used, "_output", names)


def _draw_ends(
    canvas: Canvas,
    place: Layout,
    row: int,
    used: Sequence[bool],
    label: str,
    names: Sequence[str],
) -> None:
    """Circles with their names in them; names that are too long for that stand outside."""
    places = [place.at(row, node) for node in range(len(used))]
    inside = max(map(len, names)) <= MAX_INSIDE
    for at, use, name in zip(places, used, names, strict=True):
        canvas.circle(at, place.radius, use, label, name if inside else "")
    if inside:
        return
    pitch = places[1][0] - places[0][0] if len(places) > 1 else 2.0
    size = 1.5 * pitch / max(map(len, names))
    n_lines = 1 if size >= NAME else 2  # one up, one down
    size, way = min(NAME, n_lines * size), -1 if row == 0 else 1
    for number, ((x, y), name) in enumerate(zip(places, names, strict=True)):
        away = place.radius + size * (0.75 + 1.1 * (number % n_lines))
        canvas.text((x, y + way * away), name, size)
    edge = places[0][1] + way * (place.radius + size * (0.4 + 1.1 * n_lines))
    low, high = canvas.ax.get_ylim()
    canvas.ax.set_ylim(min(low, edge), max(high, edge))


def short(names: Sequence[str], letter: str, most: int = MAX_LETTERS) -> list[str]:
    """Names that can be read in a drawing: of long ones the ends; numbers if these are the same.

    Parameters
    ----------
    names : sequence of str
    letter : str
        Stands before the number.
    most : int
        Letters of a name.
    """
    half = most // 2
    ends = [f"{name[:half]}…{name[-half:]}" if len(name) > most else name for name in names]
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
