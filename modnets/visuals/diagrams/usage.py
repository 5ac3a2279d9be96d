"""What of a network is in use: what its slots read, what fills them, what leads to an output.

A network of several tasks is looked at for one of them.  Nodes are told as (row, node): row 0 is
the inputs, then come the levels (or layers), and the outputs last.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.checked import checked
from modnets.models.modular import ModularNetwork
from modnets.models.monolithic import CNN, Monolithic
from modnets.models.routing import Routing, Selection

Used = list[tuple[bool, ...]]
Node = tuple[int, int]
#: [row above the inputs][node] -> the nodes that it reads.
Reads = list[list[tuple[Node, ...]]]


def output_candidates(network: ModularNetwork) -> list[Node]:
    """The slots that outputs can be read from, in the order of their choice."""
    levels = list(enumerate(network.slots, start=1))
    levels = levels if network.every_level else levels[-1:]
    return [(row, slot) for row, n_slots in levels for slot in range(n_slots)]


def below(routing: Sequence[Sequence[Sequence[int]]]) -> Reads:
    """What is read, from [row above the inputs][node] -> places in the row below."""
    return [
        [tuple((row, source) for source in sources) for sources in level]
        for row, level in enumerate(routing)
    ]


def reads(network: ModularNetwork, task: int = 0) -> Reads:
    """What is read now, by input place; the last row is the outputs."""
    can_be_read = output_candidates(network)
    outputs = [(can_be_read[source],) for source in network.output_routing.read(task)[0]]
    return [*below([routing.read(task) for routing in network.routing]), outputs]


def fills(network: ModularNetwork, task: int = 0) -> list[list[int]]:
    """Which module fills each slot now, [level][slot]; own modules count on through the levels."""
    if network.shared:
        return [selection.fill(task) for selection in network.selection]
    firsts = [sum(network.slots[:level]) for level in range(len(network.slots))]
    return [list(range(f, f + n)) for f, n in zip(firsts, network.slots, strict=True)]


def image_fills(network: ModularNetwork) -> list[int]:
    """Which image module fills each image slot now."""
    level = network.image_level
    return level.structure().get("image_selection", list(range(level.n_slots)))


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
    """Which slots some path to an output uses, by the choices as they are now.

    Parameters
    ----------
    network : ModularNetwork
    task : int
        Of a network of several tasks, the one that is asked.

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
    filling = {m for level, used in levels for m, use in zip(level, used, strict=True) if use}
    return tuple(m in filling for m in range(sum(pool.count for pool in network.pools)))


def used_image_slots(network: ModularNetwork) -> tuple[bool, ...]:
    """Which image slots give a value that some path to an output uses."""
    values = np.reshape(used_inputs(network), (network.image_level.n_slots, -1))
    return tuple(values.any(axis=1).tolist())


def used_images(network: ModularNetwork) -> tuple[bool, ...]:
    """Which images a used image slot looks at."""
    level = network.image_level
    slots = zip(level.routing.read(), used_image_slots(network), strict=True)
    seen = {image for images, use in slots for image in images if use}
    return tuple(image in seen for image in range(level.n_images))


def used_image_modules(network: ModularNetwork) -> tuple[bool, ...]:
    """Which image modules fill a used image slot."""
    slots = zip(image_fills(network), used_image_slots(network), strict=True)
    filling = {module for module, use in slots if use}
    return tuple(module in filling for module in range(len(network.image_level.pool)))


def used_units(network: Monolithic) -> Used:
    """Which units, or channels, some path of weights other than zero leads to an output from.

    Returns
    -------
    list of tuple of bool, [layer, from the input][unit]
        Of convolutions images and channels; between the last of them and the first linear layer
        the units that this one reads.
    """
    rows = [np.ones(len(network.layers[-1].weight), dtype=bool)]
    last_convolution = network.n_convolutions - 1 if isinstance(network, CNN) else None
    for number in reversed(range(len(network.layers))):
        weight = network.weights(number)[0].detach().cpu().numpy()
        if number == last_convolution:  # what it gives is read unit by unit
            rows.insert(0, rows[0].reshape(len(weight), -1).any(axis=1))
        reached = (weight[rows[0]] != 0).any(axis=0)
        rows.insert(0, reached.reshape(len(reached), -1).any(axis=1))
    return [tuple(row.tolist()) for row in rows]


def _used(network: ModularNetwork, task: int) -> Used:
    return used_rows((network.n_inputs, *network.slots, network.n_outputs), reads(network, task))


def choice_values(choice: Routing | Selection, task: int = 0) -> list[list[float]]:
    """The matrix of a choice, [source or module][slot]: logits if learned, 0 or 1 if known."""
    part = choice.of_task(task)
    if not choice.known:
        return part.tolist()
    return (part.sum(dim=1) if isinstance(choice, Routing) else part).T.tolist()


def chosen_cells(choice: Routing | Selection, task: int = 0) -> list[tuple[int, int, int]]:
    """The cells chosen in that matrix: (row, column, input place, from 0)."""
    if isinstance(choice, Selection):
        return [(module, slot, 0) for slot, module in enumerate(choice.fill(task))]
    return [
        (source, slot, place)
        for slot, sources in enumerate(choice.read(task))
        for place, source in enumerate(sources)
    ]
