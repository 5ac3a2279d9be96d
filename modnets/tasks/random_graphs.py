"""Random function graphs, drawn by widths and gates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.checked import checked
from modnets.errors import require
from modnets.tasks.gates import SubFunction, gate
from modnets.tasks.graphs import FunctionGraph


@checked(fan_in=(1, 20))
def random_graph(
    widths: Sequence[int],
    gates: Sequence[str] = ("XOR", "AND", "OR"),
    fan_in: int = 2,
    seed: int = 0,
) -> FunctionGraph:
    """A random graph; each level reads the nodes below as evenly as possible.

    Parameters
    ----------
    widths : sequence of int
        Inputs, sub-functions per level, outputs.
    gates : sequence of str
        Names from which the gate of each sub-function is drawn.
    fan_in : int
        Inputs of each gate.
    seed : int

    Raises
    ------
    ValueError
        If there are no levels or gates, or a level has fewer sources than a gate reads.
    """
    require(len(widths) >= 3, f"widths={tuple(widths)}; allowed are inputs, levels, outputs")
    require(len(gates) > 0, "gates is empty; allowed are names of gates, such as XOR AND OR")
    n_inputs, *slots, n_outputs = widths
    rng = np.random.default_rng(seed)
    levels, n_sources = [], n_inputs
    for depth, width in enumerate(slots, start=1):
        require(
            fan_in <= n_sources,
            f"fan_in={fan_in} needs at least {fan_in} sources, but level {depth} has "
            f"{n_sources} (widths {'-'.join(map(str, widths))})",
        )
        uses = np.zeros(n_sources)
        level = []
        for _ in range(width):
            order = np.lexsort((rng.random(n_sources), uses))[:fan_in]
            uses[order] += 1
            inputs = tuple(int(source) for source in np.sort(order))
            level.append(SubFunction(gate(str(rng.choice(gates)), fan_in), inputs))
        levels.append(level)
        n_sources = width
    require(0 < n_outputs <= n_sources, f"outputs={n_outputs}; allowed is 1 to {n_sources}")
    name = f"{'-'.join(map(str, widths))} random {seed}"
    return FunctionGraph(n_inputs, levels, outputs=tuple(range(n_outputs)), name=name)
