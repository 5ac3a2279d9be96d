"""Which nodes of a network are used: what slots read, what fills them, and paths to the outputs.

Functions take one of the tasks of a network.  A node is (row, node): row 0 is the inputs, then come
the levels (or layers), and the outputs last.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.checked import checked
from modnets.models.images import ImageLevel
from modnets.models.modular import ModularNetwork
from modnets.models.monolithic import CNN, Monolithic
from modnets.models.routing import Routing, Selection

Used = list[tuple[bool, ...]]
Node = tuple[int, int]
#: [row above the inputs][node] -> the nodes that it reads.
Reads = list[list[tuple[Node, ...]]]


def output_candidates(network: ModularNetwork) -> list[Node]:
    """The slots that outputs can be read from, in the order of the output routing."""
    levels = list(enumerate(network.slots, start=1))
    levels = levels if network.every_level else levels[-1:]
    return [(row, slot) for row, n_slots in levels for slot in range(n_slots)]


def below(routing: Sequence[Sequence[Sequence[int]]]) -> Reads:
    """Nodes that are read, from [row above the inputs][node] -> indices in the row below."""
    return [
        [tuple((row, source) for source in sources) for sources in level]
        for row, level in enumerate(routing)
    ]


def reads(network: ModularNetwork, task: int = 0) -> Reads:
    """Nodes that each slot reads now, by input position; the last row is the outputs."""
    candidates = output_candidates(network)
    outputs: list[tuple[Node, ...]] = [
        (candidates[source],) for source in network.output_routing.read(task)[0]
    ]
    return [*below([routing.read(task) for routing in network.routing]), outputs]


def fills(network: ModularNetwork, task: int = 0) -> list[list[int]]:
    """Module that fills each slot now, [level][slot]; own ones are numbered through the levels."""
    if network.shared:
        return [selection.fill(task) for selection in network.selection]
    firsts = [sum(network.slots[:level]) for level in range(len(network.slots))]
    return [list(range(f, f + n)) for f, n in zip(firsts, network.slots, strict=True)]


def image_fills(network: ModularNetwork) -> list[int]:
    """Image module that fills each image slot now."""
    level = image_level_of(network)
    return level.structure().get("image_selection", list(range(level.n_slots)))


def image_level_of(network: ModularNetwork) -> ImageLevel:
    """The image level of a network that has one."""
    assert network.image_level is not None
    return network.image_level


def used_rows(widths: Sequence[int], reads: Reads) -> Used:
    """Which nodes some path to an output uses.

    Parameters
    ----------
    widths : sequence of int
        Nodes of each row, from inputs to outputs.
    reads : sequence, [row above the inputs][node] -> nodes that it reads

    Returns
    -------
    list of tuple of bool, [row][node]
        All outputs are used.
    """
    rows = [[row == len(widths) - 1] * width for row, width in enumerate(widths)]
    for row in range(len(widths) - 1, 0, -1):
        for sources, use in zip(reads[row - 1], rows[row], strict=True):
            for source_row, source in sources if use else ():
                rows[source_row][source] = True
    return [tuple(row) for row in rows]


@checked
def used_slots(network: ModularNetwork, task: int = 0) -> Used:
    """Which slots some path to an output uses, with the present choices.

    Parameters
    ----------
    network : ModularNetwork
    task : int
        Index of the task, for a network of several.

    Returns
    -------
    list of tuple of bool, [level][slot]
    """
    return _used(network, task)[1:-1]


def used_inputs(network: ModularNetwork, task: int = 0) -> tuple[bool, ...]:
    """Which inputs, or values of image slots, some path to an output uses."""
    return _used(network, task)[0]


def used_modules(network: ModularNetwork, task: int = 0) -> tuple[bool, ...]:
    """Which modules fill a slot that some path to an output uses; own ones level by level."""
    levels = zip(fills(network, task), used_slots(network, task), strict=True)
    in_use = {m for level, used in levels for m, use in zip(level, used, strict=True) if use}
    return tuple(m in in_use for m in range(sum(pool.count for pool in network.pools)))


def used_image_slots(network: ModularNetwork) -> tuple[bool, ...]:
    """Which image slots have a value that some path to an output uses."""
    values = np.array(used_inputs(network)).reshape(image_level_of(network).n_slots, -1)
    return tuple(np.logical_or.reduce(values, axis=1).tolist())


def used_images(network: ModularNetwork) -> tuple[bool, ...]:
    """Which images a used image slot reads."""
    level = image_level_of(network)
    slots = zip(level.routing.read(), used_image_slots(network), strict=True)
    in_use = {image for images, use in slots for image in images if use}
    return tuple(image in in_use for image in range(level.n_images))


def used_image_modules(network: ModularNetwork) -> tuple[bool, ...]:
    """Which image modules fill a used image slot."""
    slots = zip(image_fills(network), used_image_slots(network), strict=True)
    in_use = {module for module, use in slots if use}
    return tuple(module in in_use for module in range(len(image_level_of(network).pool)))


def used_units(network: Monolithic) -> Used:
    """Which units, or channels, some path of non-zero weights connects to an output.

    Returns
    -------
    list of tuple of bool, [layer, from the input][unit]
        For convolutions images and channels; between the last of them and the first linear layer
        the units that this one reads.
    """
    rows: list[np.ndarray] = [np.ones(len(network.layers[-1].weight), dtype=bool)]
    last_convolution = network.n_convolutions - 1 if isinstance(network, CNN) else None
    for layer in reversed(range(len(network.layers))):
        weight = network.weights(layer)[0].detach().cpu().numpy()
        if layer == last_convolution:  # its outputs are read unit by unit
            rows.insert(0, np.logical_or.reduce(rows[0].reshape(len(weight), -1), axis=1))
        reached = np.any(weight[rows[0]] != 0, axis=0)
        rows.insert(0, np.logical_or.reduce(reached.reshape(len(reached), -1), axis=1))
    return [tuple(row.tolist()) for row in rows]


def _used(network: ModularNetwork, task: int) -> Used:
    return used_rows((network.n_inputs, *network.slots, network.n_outputs), reads(network, task))


def choice_values(choice: Routing | Selection, task: int = 0) -> list[list[float]]:
    """The matrix of a choice, [source or module][slot]: logits if learned, 0 or 1 if known."""
    values = choice.of_task(task)
    if not choice.known:
        values = choice.by_source(values) if isinstance(choice, Routing) else values
        return values.tolist()
    return (values.sum(dim=1) if isinstance(choice, Routing) else values).T.tolist()


def chosen_cells(choice: Routing | Selection, task: int = 0) -> list[tuple[int, int, int]]:
    """The chosen cells of that matrix: (row, column, input position from 0)."""
    if isinstance(choice, Selection):
        return [(module, slot, 0) for slot, module in enumerate(choice.fill(task))]
    return [
        (source, slot, position)
        for slot, sources in enumerate(choice.read(task))
        for position, source in enumerate(sources)
    ]
