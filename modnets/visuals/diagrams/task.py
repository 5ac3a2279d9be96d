"""Tasks drawn: their gates as boxes; several tasks side by side; images where bits come of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from modnets.checked import checked
from modnets.errors import require
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.gates import Gate
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Task
from modnets.tasks.task_sets import TaskSet
from modnets.visuals.diagrams import usage
from modnets.visuals.diagrams.canvas import Canvas
from modnets.visuals.diagrams.images import check_images, draw_image_slots, draw_images, draw_looks
from modnets.visuals.diagrams.layout import Layout
from modnets.visuals.diagrams.parts import (
    draw_arrows,
    draw_boxes,
    draw_inputs,
    draw_outputs,
    new_canvas,
)
from modnets.visuals.style import PALE, module_colors

#: Between tasks side by side, and room for their names.
GAP, NAME = 0.5, 0.36


@checked
def draw_graph(
    graph: Task | str,
    ax: Axes | None = None,
    *,
    task: int | None = None,
    images: np.ndarray | None = None,
    title: str | None = None,
) -> Axes:
    """Draw a task: its gates as boxes, inputs at the bottom and outputs at the top.

    A gate's colour is that of the shared module which stands for it where selection is known.
    What no output needs is dark.  A task without known structure is a single box.  Tasks that are
    learned at once stand side by side, equal gates in equal colours.  Digit pairs have their two
    images below, and in between the bits of each, most significant first.

    Parameters
    ----------
    graph : Task or str
    ax : Axes, optional
    task : int, optional
        Of several tasks the one that is drawn, on the slots that serve all of them.
    images : array, shape (2, side, side), optional
        Examples for digit pairs.
    title : str, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there is no such task, or no images are looked at.
    """
    graph = get_graph(graph)
    pairs = isinstance(graph, DigitPairs)
    size = (graph.n_images, graph.side) if pairs else (0, None)
    pixels = check_images(images, *size)
    require(
        task is None or (isinstance(graph, TaskSet) and task in range(graph.n_tasks)),
        f"task={task} of {graph}; allowed is None"
        + (f", or 0 to {graph.n_tasks - 1}" if graph.n_tasks > 1 else ""),
    )
    if task is None and isinstance(graph, TaskSet):
        return _draw_side_by_side(graph, ax, title)
    part = _Part.of(graph, task)
    place = part.place(images=(graph.n_images, graph.image_slots) if pairs else None)
    canvas = new_canvas(ax, place, place.width, title)
    used = part.draw(canvas, place)
    if pairs:
        slots = np.reshape(used, (graph.image_slots, -1)).any(axis=1).tolist()
        seen = [slots[i] for (i,) in graph.image_routing]
        color = module_colors(len(graph.modules) + 1)[-1]
        draw_images(canvas, [place.image_at(i) for i in range(graph.n_images)], seen, pixels)
        lines, fills = [["digit"]] * len(slots), [color] * len(slots)
        draw_image_slots(canvas, place, lines, fills, slots, used, "_digit")
        draw_looks(canvas, place, graph.image_routing, True, slots)
    else:
        draw_inputs(canvas, place, used, part.labels[0])
    return canvas.ax


def gates_of(graph: Task, task: int = 0) -> list[list[Gate]]:
    """The gate that each slot stands for, [level][slot]; of several tasks for one of them."""
    selection = graph.selection[task] if graph.n_tasks > 1 else graph.selection
    return [[graph.modules[module] for module in level] for level in selection]


@dataclass(frozen=True)
class _Part:
    """The gates of one task, to be drawn.

    Parameters
    ----------
    widths : tuple of int
        Inputs, gates in each level, outputs.
    names, fills : [level][gate] -> what is written in it, and its colour
    reads : [row above the inputs][node] -> nodes that it reads
    labels : names of inputs, and of outputs
    """

    widths: tuple[int, ...]
    names: list[list[str]]
    fills: list[list[str]]
    reads: usage.Reads
    labels: tuple[Sequence[str], Sequence[str]]

    @classmethod
    def of(cls, graph: Task, task: int | None = None, pool: Sequence[Gate] | None = None) -> _Part:
        """The gates of a task, in the colours of a pool; by default its own."""
        if task is not None and not graph.has_structure:
            graph, task, pool = graph.graphs[task], None, graph.modules
        if not graph.has_structure:
            inputs = tuple((0, place) for place in range(graph.n_sources))
            box = [["table"]], [[PALE]], [[inputs], [((1, 0),)] * graph.n_outputs]
            labels = graph.input_labels, graph.output_labels
            return cls((graph.n_sources, 1, graph.n_outputs), *box, labels)
        gates = gates_of(graph, task or 0)
        pool = graph.modules if pool is None else pool
        colors = {
            gate.table: fill for gate, fill in zip(pool, module_colors(len(pool)), strict=True)
        }
        routing, places = graph.routing, graph.places_of_outputs(every_level=True)
        if task is not None:
            routing, places = routing[task], places[task]
        nodes = [(row, n) for row, level in enumerate(gates, start=1) for n in range(len(level))]
        return cls(
            (graph.n_sources, *map(len, gates), graph.n_outputs),
            [[gate.name for gate in level] for level in gates],
            [[colors[gate.table] for gate in level] for level in gates],
            [*usage.below(routing), [(nodes[place],) for place in places]],
            (graph.input_labels, graph.output_labels),
        )

    def place(self, **parts: object) -> Layout:
        """Where it lies."""
        return Layout.levels(self.widths, **parts)

    def draw(self, canvas: Canvas, place: Layout) -> tuple[bool, ...]:
        """Draw all but the inputs, and tell which of these are used."""
        used = usage.used_rows(self.widths, self.reads)
        draw_outputs(canvas, place, self.labels[1])
        names = [[[name] for name in level] for level in self.names]
        draw_boxes(canvas, place, names, self.fills, used[1:-1], "_gate")
        for row, level in enumerate(self.reads, start=1):
            draw_arrows(canvas, place, row, level, True, used[row])
        return used[0]


def _draw_side_by_side(graph: TaskSet, ax: Axes | None, title: str | None) -> Axes:
    """Each task with its own gates alone, from left to right."""
    parts = [_Part.of(one, pool=graph.modules) for one in graph.graphs]
    places: list[Layout] = []
    for part in parts:
        left = places[-1].left + places[-1].width + GAP if places else 0.0
        places.append(part.place(left=left))
    last, highest = places[-1], max(place.top + place.radius for place in places)
    canvas = Canvas(ax, last.left + last.width, last.bottom, highest + NAME, title)
    for number, (part, place) in enumerate(zip(parts, places, strict=True)):
        draw_inputs(canvas, place, part.draw(canvas, place), part.labels[0])
        name = f"task {number}: {graph.graphs[number]}"
        at = place.left + place.width / 2, highest + NAME / 2
        canvas.text(at, name, min(0.16, 1.6 * place.width / len(name)))
    return canvas.ax
