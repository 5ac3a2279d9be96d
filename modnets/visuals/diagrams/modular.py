"""Diagram of a modular network: slots in levels, what they read, and matrices of their choices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from modnets.models.images import ImageLevel
from modnets.models.modular import ModularNetwork
from modnets.tasks.task import Task
from modnets.visuals.diagrams import usage
from modnets.visuals.diagrams.annotations import Findings, lines_of
from modnets.visuals.diagrams.canvas import Canvas
from modnets.visuals.diagrams.excerpt import Excerpt
from modnets.visuals.diagrams.images import (
    bit_names,
    draw_image_arrows,
    draw_image_slots,
    draw_images,
    letters,
)
from modnets.visuals.diagrams.layout import Layout
from modnets.visuals.diagrams.matrices import draw_matrix, draw_pool, logits
from modnets.visuals.diagrams.parts import (
    draw_arrows,
    draw_boxes,
    draw_inputs,
    draw_note,
    draw_outputs,
    new_canvas,
    short,
)
from modnets.visuals.diagrams.task import gates_of
from modnets.visuals.style import module_colors

#: Smallest font size of headings of matrices, in points.
HEADING = 5.0
#: With more slots in a level, or inputs, unused ones recede.
MANY = 12


def draw_levels(
    network: ModularNetwork,
    graph: Task | None,
    task: int,
    pixels: np.ndarray | None,
    ax: Axes | None,
    title: str | None,
    found: bool = False,
    matrices: bool = True,
) -> Axes:
    """Draw one task of a modular network; see ``diagrams.draw``."""
    names, colors, shared = _modules(network)
    reads, part = usage.reads(network, task), excerpt_of(network, task)
    matrices = matrices and not part.is_part
    layout = layout_of(network, matrices, part)
    used, fills = usage.used_slots(network, task), usage.fills(network, task)
    canvas = new_canvas(ax, layout, layout.total_width if matrices else layout.width, title)
    canvas.crowded = max(layout.widths[1:-1]) > MANY
    canvas.recede = found or not matrices or max(layout.widths) > MANY
    findings = Findings.of(network, graph, task, used) if found and graph is not None else None
    input_labels = None if graph is None else graph.input_labels
    if network.image_level is None:
        inputs = part.of_row(0, short(_labels(input_labels, "x", network.n_inputs), "x"))
        draw_inputs(canvas, layout, part.of_row(0, usage.used_inputs(network, task)), inputs)
    else:
        _draw_image_level(canvas, layout, network, network.image_level, names, colors, pixels)
    output_labels = None if graph is None else graph.output_labels
    outputs = short(_labels(output_labels, "y", network.n_outputs), "y")
    draw_outputs(canvas, layout, part.of_row(-1, outputs))
    modules = [[names[m] for m in level] for level in fills]
    lines = (
        lines_of(findings, modules, not matrices)
        if findings
        else _slot_names(network, graph, task, modules)
    )
    boxes = [[colors[m] for m in level] for level in fills]
    used_drawn = [tuple(level) for level in part.of_levels(used)]
    draw_boxes(canvas, layout, part.of_levels(lines), part.of_levels(boxes), used_drawn, "_slot")
    choices = [*network.routing, network.output_routing]
    used_nodes = [*used_drawn, (True,) * layout.widths[-1]]
    edges = findings.edges if findings else None
    for row, (choice, level) in enumerate(zip(choices, part.reads(reads), strict=True)):
        true = part.of_row(row + 1, edges[row]) if edges else None
        draw_arrows(canvas, layout, row + 1, level, choice.known, used_nodes[row], true)
    if part.is_part:
        draw_note(canvas, part.note("slots"))
    if not matrices:
        return canvas.ax
    modules_used = usage.used_modules(network, task)
    if network.image_level is not None:
        modules_used += usage.used_image_modules(network)
    pool = [index for index, is_shared in enumerate(shared) if is_shared]
    if pool:
        draw_pool(
            canvas,
            layout,
            [names[index] for index in pool],
            [colors[index] for index in pool],
            [modules_used[index] for index in pool],
        )
    labels = None if input_labels is None else short(input_labels, "x", most=5)
    _draw_matrices(canvas, layout, network, task, fills, colors, labels)
    return canvas.ax


def _modules(network: ModularNetwork) -> tuple[list[str], list[str], list[bool]]:
    """Name and colour of each module, and whether it is shared; image modules come last."""
    shared = [network.shared] * sum(pool.count for pool in network.pools)
    if network.image_level is not None:
        shared += [network.image_level.shared] * len(network.image_level.pool)
    indices = [shared[:module].count(is_shared) for module, is_shared in enumerate(shared)]
    names = [
        letters(index) if is_shared else str(index + 1)
        for index, is_shared in zip(indices, shared, strict=True)
    ]
    return names, module_colors(len(names)), shared


def _labels(names: Sequence[str] | None, letter: str, count: int) -> Sequence[str]:
    """Names of inputs or outputs, by default x0, x1 and so on."""
    return names or [f"{letter}{index}" for index in range(count)]


def excerpt_of(network: ModularNetwork, task: int = 0) -> Excerpt:
    """The nodes of a network that are drawn; all where it reads images."""
    widths = (network.n_inputs, *network.slots, network.n_outputs)
    if network.image_level is not None:
        return Excerpt.whole(widths)
    return Excerpt.of(widths, usage.reads(network, task))


def layout_of(network: ModularNetwork, matrices: bool, part: Excerpt) -> Layout:
    """The layout of a network's diagram."""
    n_pool = sum(_modules(network)[2]) if matrices else 0
    level, n_selected = network.image_level, network.pools[0].count if network.shared else 0
    if level is not None and level.selection is not None:
        n_selected = max(n_selected, len(level.pool))
    return Layout.levels(
        part.drawn,
        n_output_candidates=sum(network.slots) if network.every_level and matrices else 0,
        selection=n_selected,
        pool=n_pool,
        images=None if level is None else (level.n_images, level.n_slots),
    )


def _draw_image_level(
    canvas: Canvas,
    layout: Layout,
    network: ModularNetwork,
    level: ImageLevel,
    names: Sequence[str],
    colors: Sequence[str],
    pixels: np.ndarray | None,
) -> None:
    """Images and image slots."""
    used = usage.used_image_slots(network)
    first = len(names) - len(level.pool)
    filled = usage.image_fills(network)
    centres = [layout.image_at(image) for image in range(level.n_images)]
    draw_images(canvas, centres, usage.used_images(network), pixels)
    draw_image_slots(
        canvas,
        layout,
        [[names[first + module], type(level.pool[module]).__name__] for module in filled],
        [colors[first + module] for module in filled],
        used,
        usage.used_inputs(network),
    )
    draw_image_arrows(canvas, layout, level.routing.read(), level.routing.known, used)


def _draw_matrices(
    canvas: Canvas,
    layout: Layout,
    network: ModularNetwork,
    task: int,
    fills: Sequence[Sequence[int]],
    colors: Sequence[str],
    labels: Sequence[str] | None,
) -> None:
    """The matrices of all choices for one task, each in the gap whose arrows it explains."""
    level, choices = network.image_level, network.choices()
    limit = max((abs(v) for c in choices for v in logits(c, task)), default=1.0) or 1.0
    left, right = layout.matrices[0], layout.matrices[-1]
    names = labels or [f"x{source}" for source in range(network.n_inputs)]
    if level is not None:
        names = bit_names(level.n_slots, network.n_inputs // level.n_slots)
        image_names = [f"image {image}" for image in range(level.n_images)]
        draw_matrix(canvas, layout, left, 0, level.routing, 0, limit, names=image_names)
        if level.selection is not None:
            of_images = colors[len(colors) - len(level.pool) :]
            draw_matrix(canvas, layout, right, 0, level.selection, 0, limit, colors=of_images)
    draw_matrix(canvas, layout, left, 1, network.routing[0], task, limit, names=names)
    for row, choice in enumerate(network.routing[1:], start=2):
        below = [colors[module] for module in fills[row - 2]]
        draw_matrix(canvas, layout, left, row, choice, task, limit, colors=below)
    nodes = usage.output_candidates(network)
    below = [colors[fills[row - 1][slot]] for row, slot in nodes]
    levels, top = [row for row, _ in nodes], len(network.slots) + 1
    draw_matrix(
        canvas, layout, left, top, network.output_routing, task, limit, colors=below, levels=levels
    )
    if network.shared:
        shared = colors[: network.pools[0].count]
        for row, selection in enumerate(network.selection, start=1):
            draw_matrix(canvas, layout, right, row, selection, task, limit, colors=shared)
    for x, name in zip(layout.matrices, ("routing", "selection"), strict=False):
        size = max(0.16, HEADING / canvas.unit if canvas.recede else 0.0)
        canvas.text((x - layout.cell, layout.top + max(0.0, size - 0.16)), name, size, ha="left")


def _slot_names(
    network: ModularNetwork, graph: Task | None, task: int, names: Sequence[Sequence[str]]
) -> list[list[list[str]]]:
    """The lines in each slot: its module and, where routing is known, the gate of its role."""
    lines = [[[name] for name in level] for level in names]
    if graph is None or graph.slots != network.slots:
        return lines
    for routing, level, gates in zip(network.routing, lines, gates_of(graph, task), strict=True):
        if routing.known:
            for slot, gate in zip(level, gates, strict=True):
                slot.append(gate.name)
    return lines
