"""The matrices of a modular network's choices, and its pool, beside its diagram."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from modnets.models.routing import Routing, Selection
from modnets.visuals.diagrams import usage
from modnets.visuals.diagrams.canvas import Canvas
from modnets.visuals.diagrams.layout import SPACE, SPACE_BELOW_HEADINGS, Layout
from modnets.visuals.style import CHOSEN, SIGNED


def logits(choice: Routing | Selection, task: int) -> list[float]:
    """All logits of a choice for one task; none where it is known."""
    return [] if choice.known else choice.of_task(task).flatten().tolist()


def draw_matrix(
    canvas: Canvas,
    layout: Layout,
    x: float,
    row: int,
    choice: Routing | Selection,
    task: int,
    limit: float,
    *,
    colors: Sequence[str] = (),
    names: Sequence[str] = (),
    levels: Sequence[int] = (),
) -> None:
    """The matrix of a choice in the gap below its row, with the candidates at its left.

    Parameters
    ----------
    canvas, layout
    x : float
        Left edge.
    row : int
    choice : Routing or Selection
    task : int
    limit : float
        Largest magnitude of a logit in the network.
    colors, names : sequence of str
        Of the candidates: a colour or else a name.
    levels : sequence of int
        The level of each candidate, where they are of several: separated by lines.
    """
    values = np.array(usage.choice_values(choice, task))
    gap, space = layout.gap(row), SPACE_BELOW_HEADINGS if len(set(levels)) > 1 else SPACE
    cell = min(layout.cell, (gap - space) / len(values))
    top = layout.y(row) - (gap - cell * len(values) + space - SPACE) / 2
    cmap, scale = (CHOSEN, 1.0) if choice.known else (SIGNED, limit)
    canvas.matrix((x, top), cell, values, cmap, scale)
    for source, slot, position in usage.chosen_cells(choice, task):
        mark = str(position + 1) if isinstance(choice, Routing) else "•"
        at = x + (slot + 0.5) * cell, top - (source + 0.5) * cell
        dark = not choice.known and values[source, slot] > 0.9 * limit
        canvas.text(at, mark, 0.8 * cell, "white" if dark else "black", fontweight="bold")
    for source in range(len(values)):
        at = x - 0.6 * cell, top - (source + 0.5) * cell
        if colors:
            canvas.swatch(at, 0.6 * cell, colors[source])
        elif len(names[source]) > 3:
            canvas.text((x - 0.25 * cell, at[1]), names[source], 0.75 * cell, ha="right")
        else:
            canvas.text(at, names[source], 0.75 * cell)
    for source, (lower, upper) in enumerate(pairwise(levels), start=1):
        if lower != upper:
            y = top - source * cell
            canvas.rule((x - cell, y), (x + cell * values.shape[1], y))


def draw_pool(
    canvas: Canvas,
    layout: Layout,
    names: Sequence[str],
    colors: Sequence[str],
    used: Sequence[bool],
) -> None:
    """The shared modules, below the matrices."""
    left = layout.matrices[0] - layout.cell
    canvas.text((left, layout.pool_y), "pool", 0.16, ha="left")
    step = min(0.42, (layout.total_width - left - 0.45) / len(names))
    for module, (name, color, use) in enumerate(zip(names, colors, used, strict=True)):
        at = left + 0.45 + step * (module + 0.5), layout.pool_y
        canvas.box(at, (0.84 * step, min(0.3, 0.84 * step)), color, use, "_module", [name])
