"""The matrices of a modular network's choices, and its pool, beside its diagram."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.models.routing import Routing, Selection
from modnets.visuals import layout
from modnets.visuals.canvas import Canvas
from modnets.visuals.layout import Layout
from modnets.visuals.style import CHOSEN, SIGNED


def logits(choice: Routing | Selection) -> list[float]:
    """All logits of a choice; none where it is known."""
    return [] if choice.known else choice.logits.detach().flatten().tolist()


def draw_matrix(
    canvas: Canvas,
    place: Layout,
    x: float,
    row: int,
    choice: Routing | Selection,
    limit: float,
    colors: Sequence[str] | None,
) -> None:
    """The matrix of a choice in the gap below its row, with what can be chosen at its left."""
    values = np.array(layout.choice_values(choice))
    cell = place.cell
    top = place.y(row) - (place.pitch - cell * len(values)) / 2
    cmap, scale = (CHOSEN, 1.0) if choice.known else (SIGNED, limit)
    canvas.matrix((x, top), cell, values, cmap, scale)
    for source, slot, number in layout.chosen_cells(choice):
        mark = str(number + 1) if isinstance(choice, Routing) else "•"
        at = x + (slot + 0.5) * cell, top - (source + 0.5) * cell
        deep = not choice.known and values[source, slot] > 0.9 * limit
        canvas.text(at, mark, 0.8 * cell, "white" if deep else "black", fontweight="bold")
    for source in range(len(values)):
        at = x - 0.6 * cell, top - (source + 0.5) * cell
        if colors is None:
            canvas.text(at, f"x{source}", 0.75 * cell)
        else:
            canvas.swatch(at, 0.6 * cell, colors[source])


def draw_pool(
    canvas: Canvas, place: Layout, names: Sequence[str], colors: Sequence[str], used: Sequence[bool]
) -> None:
    """The shared modules, below the matrices."""
    left = place.matrices[0] - place.cell
    canvas.text((left, place.pool_y), "pool", 0.16, ha="left")
    step = min(0.42, (place.total_width - left - 0.45) / len(names))
    for module, (name, color, use) in enumerate(zip(names, colors, used, strict=True)):
        at = left + 0.45 + step * (module + 0.5), place.pool_y
        canvas.box(at, (0.84 * step, min(0.3, 0.84 * step)), color, use, "_module", [name])
