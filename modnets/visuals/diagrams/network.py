"""Diagrams of networks: modules and connections, read from the model."""

from __future__ import annotations

from math import isqrt
from typing import cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from torch import nn

from modnets.checked import checked
from modnets.errors import require
from modnets.experiments.single_run import TrainedRun
from modnets.models.modular import ModularNetwork
from modnets.models.monolithic import CNN, MLP
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Task
from modnets.visuals.diagrams.canvas import EDGES
from modnets.visuals.diagrams.images import check_images
from modnets.visuals.diagrams.modular import draw_levels
from modnets.visuals.diagrams.monolithic import draw_layers
from modnets.visuals.legends import SignScale
from modnets.visuals.style import DARK, INK, KNOWN, LEARNED

Network = MLP | CNN | ModularNetwork


@checked
def draw(
    network: nn.Module | TrainedRun,
    ax: Axes | None = None,
    *,
    graph: Task | str | None = None,
    task: int | None = None,
    images: np.ndarray | None = None,
    title: str | None = None,
    found: bool | None = None,
    matrices: bool = True,
) -> Axes:
    """Draw a network with its present parameters.

    Inputs are at the bottom, outputs at the top.  A monolithic network shows its units and
    weights: colour is the sign, width and opacity the magnitude, relative to the network's largest
    weight; masked weights are absent.  Of more than 150 weights of a layer all but the 100 largest
    are faint.  A layer of more than 64 units is a block, and the connections to it a band with the
    number of weights.  A convolution shows its feature maps, before max pooling: ``12 @ 8x8`` are
    12 of 8 x 8 values.

    A modular network shows its slots, each with the name and colour of the module that fills it,
    and arrows from what a slot reads to its inputs.  Beside each level are the matrices of its
    choices: routing (rows: sources; columns: slots; digits: input positions) and, for shared
    modules, selection (rows: modules; columns: slots), with the pool below.  Solid arrows are
    known, dashed ones learned.  Nodes that no path to an output uses are dark.  Of a network with
    more than 40 nodes in a row what its first outputs depend on is drawn, without the matrices and
    with a note of how much that is.

    Images are squares at the bottom.  The image slots above them are wide boxes with several values
    each: a2, a1, a0 are those of the first, most significant bit first.

    With ``found``, what a modular network has learned is drawn into it.  In each used slot is the
    gate that it computes on the values that occur: its name, or ``=a`` if it copies its left input
    (b is the next one), ``a∧¬b`` if it is a and not b, ``=0`` if it is constant; with a question
    mark, in italics, if its clarity is low, or if the fitted gates do not reproduce its output.
    Where the task's graph is known, wide green arrows are edges of it, under the best matching of
    slots with sub-functions, and narrow purple ones are not.

    Parameters
    ----------
    network : MLP, CNN, ModularNetwork or TrainedRun
        Of a run its trained network, and its task.
    ax : Axes, optional
        Font sizes follow from its present size; by default a new one, at most as wide as a page.
    graph : Task or str, optional
        The task.  Where routing is known each slot has the role of one of its sub-functions, whose
        gate is then written in the slot.  For an MLP it says which inputs are a task id or pixels.
    task : int, optional
        The task that is drawn, of a modular network of several; by default the first.
    images : array, shape (image, side, side), optional
        Examples for a network with image inputs, any range; the smallest pixel is white.
    title : str, optional
        By default none, or ``"task 0"`` where there are several.
    found : bool, optional
        Whether learned gates and edges are drawn; by default for a TrainedRun only.  Without
        effect without a graph, with images, and for a monolithic network.
    matrices : bool
        Whether the matrices of a modular network's choices are drawn; False is for small panels,
        in which the colour alone is a slot's module where gates are drawn.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If the network is of another type, does not fit the graph, or has no such task or images.
    """
    if isinstance(network, TrainedRun):
        graph, found = graph or network.config.graph, True if found is None else found
        network = network.network
    require(
        isinstance(network, MLP | CNN | ModularNetwork),
        f"network is a {type(network).__name__}; allowed is an MLP, a CNN or a ModularNetwork,"
        " or a run that has trained one",
    )
    network = cast(Network, network)
    graph = None if graph is None else get_graph(graph)
    _check_fit(network, graph)
    n_tasks = network.n_tasks if isinstance(network, ModularNetwork) else 1
    require(task is None or n_tasks > 1, f"task={task}; allowed is None, as the network has one")
    require(task is None or task in range(n_tasks), f"task={task}; allowed are 0 to {n_tasks - 1}")
    n_images, side = _image_shape(network, graph)
    pixels = check_images(images, n_images, side)
    if isinstance(network, ModularNetwork):
        title = f"task {task or 0}" if title is None and n_tasks > 1 else title
        found = bool(found) and graph is not None
        return draw_levels(network, graph, task or 0, pixels, ax, title, found, matrices)
    if graph is None:
        return draw_layers(network, ax, title, n_images, pixels, None)
    names = list(graph.input_labels)
    if graph.n_tasks > 1:
        names += [f"t{index}" for index in range(graph.n_tasks)]
    return draw_layers(network, ax, title, n_images, pixels, names, graph.output_labels)


@checked
def diagram_legend(found: bool = False) -> list[Line2D | Patch]:
    """Legend handles of the diagrams, for ``fig.legend(handles=...)``.

    Parameters
    ----------
    found : bool
        Whether the diagrams show learned gates and edges.
    """
    edges = {"edge of the task": EDGES[True], "another edge": EDGES[False]} if found else {}
    return [
        *(Line2D([], [], color=c, linewidth=w, label=name) for name, (c, w) in edges.items()),
        Line2D([], [], color=INK, linewidth=1, linestyle=KNOWN, label="known"),
        Line2D([], [], color=INK, linewidth=1, linestyle=LEARNED, label="learned"),
        Patch(facecolor=DARK, label="no output uses it"),
        SignScale("weight or logit, − largest to + largest"),
    ]


def _check_fit(network: Network, graph: Task | None) -> None:
    """Raise ValueError unless a network has the sizes of the task."""
    if graph is None:
        return
    sizes, pairs = _sizes(network), graph if isinstance(graph, DigitPairs) else None
    modular = isinstance(network, ModularNetwork)
    wanted = {
        "images": 0 if pairs is None else pairs.n_images,
        "bits of an image": 0 if pairs is None else pairs.bits,
        "inputs": graph.n_sources if modular else graph.n_inputs,
        "outputs": graph.n_outputs,
        "tasks": graph.n_tasks,
    }
    listed = [f"{size} {name}" for name, size in sizes.items() if size > (name == "tasks")]
    require(
        all(wanted[name] == size for name, size in sizes.items()),
        f"graph={graph} does not fit: the network has {', '.join(listed)}",
    )


def _sizes(network: Network) -> dict[str, int]:
    """Sizes that a network requires of its task."""
    if isinstance(network, MLP):
        return {"inputs": network.widths[0], "outputs": network.widths[-1]}
    if isinstance(network, CNN):
        n_images, side, _ = network.image_shape
        n_outputs = len(network.layers[-1].weight)
        return {"images": n_images, "inputs": n_images * side**2, "outputs": n_outputs}
    level, ends = network.image_level, {"outputs": network.n_outputs, "tasks": network.n_tasks}
    if level is None:
        return {"images": 0, "inputs": network.n_inputs} | ends
    return {"images": level.n_images, "bits of an image": network.n_inputs // level.n_slots} | ends


def _image_shape(network: Network, graph: Task | None) -> tuple[int, int | None]:
    """Number of images that a network reads, and their side in pixels where it is known."""
    if isinstance(network, CNN):
        return network.image_shape[0], network.image_shape[1]
    if isinstance(network, MLP):
        return (graph.n_images, graph.side) if isinstance(graph, DigitPairs) else (0, None)
    if network.image_level is None:
        return 0, None
    module = network.image_level.pool[0]
    if isinstance(module, CNN):
        return network.image_level.n_images, module.image_shape[1]
    side = isqrt(module.widths[0]) if isinstance(module, MLP) else None
    return network.image_level.n_images, side
