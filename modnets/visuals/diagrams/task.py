"""Diagrams of tasks: gates as boxes; several tasks side by side; images of digit pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes

from modnets.checked import checked
from modnets.errors import require
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.gates import Gate
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.samples import Samples
from modnets.tasks.task import Task
from modnets.tasks.task_sets import TaskSet
from modnets.visuals.diagrams import usage
from modnets.visuals.diagrams.canvas import Canvas
from modnets.visuals.diagrams.excerpt import Excerpt
from modnets.visuals.diagrams.images import (
    check_images,
    draw_image_arrows,
    draw_image_slots,
    draw_images,
)
from modnets.visuals.diagrams.layout import Layout
from modnets.visuals.diagrams.parts import (
    draw_arrows,
    draw_boxes,
    draw_inputs,
    draw_note,
    draw_outputs,
    new_canvas,
    short,
)
from modnets.visuals.style import PALE, module_colors

#: Gap between tasks side by side, and height of their names.
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

    A gate has the colour of its shared module under known selection.  Nodes that no output needs
    are dark.  A task without known structure is a single box, of its table or samples.  The tasks
    of a set are side by side, equal gates in equal colours.  Digit pairs have their two images
    below, and in between the bits of each, most significant first.  Of a graph with more than 40
    nodes in a row what its first outputs depend on is drawn, with a note of how much that is.

    Parameters
    ----------
    graph : Task or str
    ax : Axes, optional
    task : int, optional
        The task of a set that is drawn, on the slots that all of them have in common.
    images : array, shape (2, side, side), optional
        Examples for digit pairs.
    title : str, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there is no such task, or the task has no images.
    """
    drawn = get_graph(graph)
    pairs = drawn if isinstance(drawn, DigitPairs) else None
    pixels = check_images(images, *((0, None) if pairs is None else (pairs.n_images, pairs.side)))
    require(
        task is None or (isinstance(drawn, TaskSet) and task in range(drawn.n_tasks)),
        f"task={task} of {drawn}; allowed is None"
        + (f", or 0 to {drawn.n_tasks - 1}" if drawn.n_tasks > 1 else ""),
    )
    if task is None and isinstance(drawn, TaskSet):
        return _draw_side_by_side(drawn, ax, title)
    diagram = _Diagram.of(drawn, task)
    layout = diagram.layout(images=None if pairs is None else (pairs.n_images, pairs.image_slots))
    canvas = new_canvas(ax, layout, layout.width, title)
    used = diagram.draw(canvas, layout)
    if pairs is not None:
        _draw_pairs(canvas, layout, pairs, used, pixels)
    else:
        draw_inputs(canvas, layout, used, diagram.input_names)
    if diagram.excerpt.is_part:
        draw_note(canvas, diagram.excerpt.note("gates"))
    return canvas.ax


def _draw_pairs(
    canvas: Canvas,
    layout: Layout,
    pairs: DigitPairs,
    used: Sequence[bool],
    pixels: np.ndarray | None,
) -> None:
    """The images of digit pairs, and the bits of each."""
    values = np.array(used).reshape(pairs.image_slots, -1)
    slots: list[bool] = np.logical_or.reduce(values, axis=1).tolist()
    images = [slots[i] for (i,) in pairs.image_routing]
    color = module_colors(len(pairs.modules) + 1)[-1]
    draw_images(canvas, [layout.image_at(i) for i in range(pairs.n_images)], images, pixels)
    lines, fills = [["digit"]] * len(slots), [color] * len(slots)
    draw_image_slots(canvas, layout, lines, fills, slots, used, "_digit")
    draw_image_arrows(canvas, layout, pairs.image_routing, True, slots)


def gates_of(graph: Task, task: int = 0) -> list[list[Gate]]:
    """The gate of each slot, [level][slot]; of a task set for one of its tasks."""
    selection = graph.selection[task] if graph.n_tasks > 1 else graph.selection
    return [[graph.modules[module] for module in level] for level in selection]


@dataclass(frozen=True)
class _Diagram:
    """The gates of one task, to be drawn.

    Parameters
    ----------
    widths : tuple of int
        Inputs, gates in each level, outputs.
    names, fills : [level][gate] -> text in it, and its colour
    reads : [row above the inputs][node] -> nodes that it reads
    input_labels, output_labels : sequence of str
    """

    widths: tuple[int, ...]
    names: list[list[str]]
    fills: list[list[str]]
    reads: usage.Reads
    input_labels: Sequence[str]
    output_labels: Sequence[str]

    @classmethod
    def of(
        cls, graph: Task, task: int | None = None, pool: Sequence[Gate] | None = None
    ) -> _Diagram:
        """The gates of a task, in the colours of a pool; by default its own."""
        if task is not None and isinstance(graph, TaskSet) and not graph.has_structure:
            graph, task, pool = graph.graphs[task], None, graph.modules
        labels = graph.input_labels, graph.output_labels
        if not graph.has_structure:
            inputs = tuple((0, source) for source in range(graph.n_sources))
            outputs: list[tuple[usage.Node, ...]] = [((1, 0),)] * graph.n_outputs
            widths = graph.n_sources, 1, graph.n_outputs
            box = "samples" if isinstance(graph, Samples) else "table"
            return cls(widths, [[box]], [[PALE]], [[inputs], outputs], *labels)
        gates = gates_of(graph, task or 0)
        pool = graph.modules if pool is None else pool
        colors = {
            gate.table: fill for gate, fill in zip(pool, module_colors(len(pool)), strict=True)
        }
        routing, outputs_at = graph.routing, graph.places_of_outputs(every_level=True)
        if task is not None:
            routing, outputs_at = routing[task], outputs_at[task]
        nodes = [(row, n) for row, level in enumerate(gates, start=1) for n in range(len(level))]
        return cls(
            (graph.n_sources, *map(len, gates), graph.n_outputs),
            [[gate.name for gate in level] for level in gates],
            [[colors[gate.table] for gate in level] for level in gates],
            [*usage.below(routing), [(nodes[index],) for index in outputs_at]],
            *labels,
        )

    def layout(self, left: float = 0.0, images: tuple[int, int] | None = None) -> Layout:
        """Its layout."""
        return Layout.levels(self.excerpt.drawn, left=left, images=images)

    @cached_property
    def excerpt(self) -> Excerpt:
        """The nodes that are drawn."""
        return Excerpt.of(self.widths, self.reads)

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs that are drawn."""
        return self.excerpt.of_row(0, short(self.input_labels, "x"))

    def draw(self, canvas: Canvas, layout: Layout) -> tuple[bool, ...]:
        """Draw all but the inputs; returns which of these are used."""
        part, rows = self.excerpt, usage.used_rows(self.widths, self.reads)
        used = [tuple(part.of_row(row, level)) for row, level in enumerate(rows)]
        draw_outputs(canvas, layout, part.of_row(-1, short(self.output_labels, "y")))
        names = [[[name] for name in level] for level in part.of_levels(self.names)]
        draw_boxes(canvas, layout, names, part.of_levels(self.fills), used[1:-1], "_gate")
        for row, level in enumerate(part.reads(self.reads), start=1):
            draw_arrows(canvas, layout, row, level, True, used[row])
        return used[0]


def _draw_side_by_side(graph: TaskSet, ax: Axes | None, title: str | None) -> Axes:
    """Each task with its own gates alone, from left to right."""
    diagrams = [_Diagram.of(of_task, pool=graph.modules) for of_task in graph.graphs]
    layouts: list[Layout] = []
    for diagram in diagrams:
        left = layouts[-1].left + layouts[-1].width + GAP if layouts else 0.0
        layouts.append(diagram.layout(left=left))
    last, highest = layouts[-1], max(layout.top + layout.radius for layout in layouts)
    canvas = Canvas(ax, last.left + last.width, last.bottom, highest + NAME, title)
    for task, (diagram, layout) in enumerate(zip(diagrams, layouts, strict=True)):
        draw_inputs(canvas, layout, diagram.draw(canvas, layout), diagram.input_names)
        name = f"task {task}: {graph.graphs[task]}"
        at = layout.left + layout.width / 2, highest + NAME / 2
        canvas.text(at, name, min(0.16, 1.6 * layout.width / len(name)))
    return canvas.ax
