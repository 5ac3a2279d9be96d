"""A network drawn as modules and connections, from the live model itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import nn

from modnets.errors import require
from modnets.models.modular import ModularNetwork
from modnets.models.monolithic import MLP
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import get_graph
from modnets.visuals import layout
from modnets.visuals.canvas import Canvas
from modnets.visuals.layout import Layout
from modnets.visuals.matrices import draw_matrix, draw_pool, logits
from modnets.visuals.style import (
    DARK,
    INK,
    KNOWN,
    LEARNED,
    NEGATIVE,
    PALE,
    POSITIVE,
    module_colors,
)


def draw(
    network: nn.Module,
    ax: Axes | None = None,
    *,
    graph: FunctionGraph | str | None = None,
    title: str | None = None,
) -> Axes:
    """Draw a network as it is now, trained or fresh.

    Inputs are at the bottom, outputs at the top.  A monolithic network shows its units and
    weights: colour is the sign, width and opacity the magnitude, relative to the network's largest
    weight; masked weights are absent.  A modular one shows its slots, each with the name and
    colour of the module that fills it, and arrows from what a slot reads to its input places.
    Beside each level stand the matrices of its choices: routing (rows: what can be read; columns:
    slots; digits: input places) and, for shared modules, selection (rows: modules; columns:
    slots), with the pool below.  Solid arrows are known, dashed ones learned.  Whatever no path to
    an output uses is dark.

    Parameters
    ----------
    network : MLP or ModularNetwork
    ax : Axes, optional
        Drawn into at its present size, from which follow the sizes of letters; by default a new
        one, as wide as a page at most.
    graph : FunctionGraph or str, optional
        The task.  Where routing is known each slot stands for one of its sub-functions, whose
        gate is then written in the slot.
    title : str, optional

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the network is of another type, or does not fit the graph.
    """
    require(
        isinstance(network, MLP | ModularNetwork),
        f"network is a {type(network).__name__}; allowed is an MLP or a ModularNetwork",
    )
    graph = None if graph is None else get_graph(graph)
    modular = isinstance(network, ModularNetwork)
    n_inputs, *_, n_outputs = _widths(network) if modular else network.widths
    require(
        graph is None or (n_inputs, n_outputs) == (graph.n_inputs, graph.n_outputs),
        f"graph={graph} does not fit: the network has {n_inputs} inputs and {n_outputs} outputs",
    )
    if modular:
        return _draw_modular(network, graph, ax, title)
    return _draw_mlp(network, ax, title)


def draw_graph(
    graph: FunctionGraph | str, ax: Axes | None = None, *, title: str | None = None
) -> Axes:
    """Draw a task: its gates as boxes, inputs at the bottom and outputs at the top.

    A gate's colour is that of the shared module which stands for it where selection is known.
    What no output needs is dark.  A task without known structure is a single box.

    Parameters
    ----------
    graph : FunctionGraph or str
    ax : Axes, optional
    title : str, optional

    Returns
    -------
    Axes
    """
    graph = get_graph(graph)
    if graph.has_structure:
        names = [[[node.gate.name] for node in level] for level in graph.levels]
        colors = module_colors(len(graph.modules))
        fills = [[colors[module] for module in level] for level in graph.selection]
        reads = [*graph.routing, [(source,) for source in graph.outputs]]
    else:
        names, fills = [[["table"]]], [[PALE]]
        reads = [[range(graph.n_inputs)], [(0,)] * graph.n_outputs]
    place = Layout.levels((graph.n_inputs, *map(len, names), graph.n_outputs))
    used = layout.used_rows(place.widths, reads)
    canvas = _canvas(ax, place, place.width, title)
    _ends(canvas, place, used[0])
    _boxes(canvas, place, names, fills, used[1:-1], "_gate")
    for row, level in enumerate(reads, start=1):
        _arrows(canvas, place, row, level, True, used[row])
    return canvas.ax


def diagram_legend() -> list[Line2D | Patch]:
    """Handles that explain the diagrams, for ``fig.legend(handles=...)``."""
    return [
        Line2D([], [], color=INK, linewidth=1, linestyle=KNOWN, label="known"),
        Line2D([], [], color=INK, linewidth=1, linestyle=LEARNED, label="learned"),
        Patch(facecolor=DARK, label="no output uses it"),
        Patch(facecolor=POSITIVE, label="weight or logit > 0"),
        Patch(facecolor=NEGATIVE, label="weight or logit < 0"),
    ]


def _widths(network: ModularNetwork) -> tuple[int, ...]:
    return (network.n_inputs, *network.slots, network.n_outputs)


def _canvas(ax: Axes | None, place: Layout, width: float, title: str | None) -> Canvas:
    return Canvas(ax, width, place.bottom, place.top + place.radius, title)


def _ends(canvas: Canvas, place: Layout, used_inputs: Sequence[bool]) -> None:
    """The rows of inputs and outputs."""
    for node, used in enumerate(used_inputs):
        canvas.circle(place.at(0, node), place.radius, used, "_input", f"x{node}")
    for node in range(place.widths[-1]):
        at = place.at(len(place.widths) - 1, node)
        canvas.circle(at, place.radius, True, "_output", f"y{node}")


def _boxes(
    canvas: Canvas,
    place: Layout,
    names: Sequence[Sequence[Sequence[str]]],
    fills: Sequence[Sequence[str]],
    used: layout.Used,
    label: str,
) -> None:
    """The boxes of all levels, [level][slot]."""
    for row, level in enumerate(zip(names, fills, used, strict=True), start=1):
        for slot, (lines, fill, use) in enumerate(zip(*level, strict=True)):
            canvas.box(place.at(row, slot), place.box, fill, use, label, lines)


def _arrows(
    canvas: Canvas,
    place: Layout,
    row: int,
    reads: Sequence[Iterable[int]],
    known: bool,
    used: Sequence[bool],
) -> None:
    """The arrows into one row, [slot] -> sources by input place, from left to right."""
    for slot, sources in enumerate(reads):
        sources = tuple(sources)
        for number, source in enumerate(sources):
            end = place.entry(row, slot, number, len(sources))
            canvas.arrow(place.exit(row - 1, source), end, known, used[slot])


def _draw_mlp(network: MLP, ax: Axes | None, title: str | None) -> Axes:
    place = Layout.layers(network.widths)
    used = layout.used_units(network)
    canvas = _canvas(ax, place, place.width, title)
    weights = [network.weights(n)[0].detach().cpu().numpy() for n in range(len(network.layers))]
    largest = max(float(np.abs(weight).max()) for weight in weights) or 1.0
    for row, weight in enumerate(weights, start=1):
        below = np.array([place.at(row - 1, unit) for unit in range(weight.shape[1])])
        above = np.array([place.at(row, unit) for unit in range(weight.shape[0])])
        starts, ends = np.broadcast_arrays(below[None], above[:, None])
        canvas.weights(starts.reshape(-1, 2), ends.reshape(-1, 2), weight.ravel() / largest)
    _ends(canvas, place, used[0])
    for row in range(1, len(place.widths) - 1):
        radius = min(0.1, 0.36 * place.width / place.widths[row])
        for unit, use in enumerate(used[row]):
            canvas.circle(place.at(row, unit), radius, use, "_unit")
    return canvas.ax


def _draw_modular(
    network: ModularNetwork, graph: FunctionGraph | None, ax: Axes | None, title: str | None
) -> Axes:
    n_modules = sum(pool.count for pool in network.pools)
    place = Layout.levels(_widths(network), n_modules if network.shared else None)
    used, fills, reads = layout.used_slots(network), layout.fills(network), layout.reads(network)
    names = [layout.letters(m) if network.shared else str(m + 1) for m in range(n_modules)]
    colors = module_colors(n_modules)
    canvas = _canvas(ax, place, place.total_width, title)
    _ends(canvas, place, layout.used_inputs(network))
    _boxes(
        canvas,
        place,
        _slot_names(network, graph, [[names[m] for m in level] for level in fills]),
        [[colors[m] for m in level] for level in fills],
        used,
        "_slot",
    )
    choices = [*network.routing, network.readout]
    for row, (choice, level) in enumerate(zip(choices, reads, strict=True), start=1):
        row_used = used[row - 1] if row <= len(used) else [True] * network.n_outputs
        _arrows(canvas, place, row, level, choice.known, row_used)
    if network.shared:
        draw_pool(canvas, place, names, colors, layout.used_modules(network))
    limit = max((abs(v) for c in network.choices() for v in logits(c)), default=1.0) or 1.0
    for row, choice in enumerate(choices, start=1):
        below = [colors[m] for m in fills[row - 2]] if row > 1 else None
        draw_matrix(canvas, place, place.matrices[0], row, choice, limit, below)
    for row, choice in enumerate(network.selection if network.shared else (), start=1):
        draw_matrix(canvas, place, place.matrices[1], row, choice, limit, colors)
    for x, name in zip(place.matrices, ("routing", "selection"), strict=False):
        canvas.text((x - place.cell, place.top), name, 0.16, ha="left")
    return canvas.ax


def _slot_names(
    network: ModularNetwork, graph: FunctionGraph | None, names: Sequence[Sequence[str]]
) -> list[list[list[str]]]:
    """What is written in each slot: its module, and the gate it stands for where that is known."""
    lines = [[[name] for name in level] for level in names]
    if graph is None or graph.slots != network.slots:
        return lines
    for routing, level, nodes in zip(network.routing, lines, graph.levels, strict=True):
        if routing.known:
            for slot, node in zip(level, nodes, strict=True):
                slot.append(node.gate.name)
    return lines
