"""Random function graphs, drawn by widths and gates, and by what they have to be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from modnets.checked import checked
from modnets.errors import require
from modnets.tasks.gates import SubFunction, gate
from modnets.tasks.graph_draws import GraphDraw, weights_of
from modnets.tasks.graphs import FunctionGraph

#: Draws after which a graph counts as not to be found.
TRIES = 2000


@checked(reuse=(1, 1e6), overlap=(0, 1), irrelevant=(0, 999), blocks=(1, 1000))
def random_graph(
    widths: Sequence[int],
    gates: Sequence[str] | Mapping[str, float] = ("XOR", "AND", "OR"),
    fan_in: int | Mapping[int, float] = 2,
    seed: int = 0,
    *,
    reuse: float | None = None,
    overlap: float | None = None,
    irrelevant: int | None = None,
    blocks: int | None = None,
    balance: Sequence[float] | None = None,
) -> FunctionGraph:
    """A random graph; each level reads the nodes below as evenly as possible.

    With weights, or any argument after ``seed``, graphs are drawn until one is a fair task: no
    output is constant, no two are equal or complements, an output changes if any sub-function is
    complemented, and exactly ``irrelevant`` inputs play no part.  Up to 20 inputs this holds on the
    whole table; above, on 16,384 rows, and of inputs those count that a path leads from.

    Parameters
    ----------
    widths : sequence of int
        Inputs, sub-functions per level, outputs.
    gates : sequence of str, or dict of name -> weight
        From which the gate of each sub-function is drawn.
    fan_in : int, or dict of int -> weight
        Inputs of each gate.
    seed : int
    reuse : float, at least 1, optional
        Sub-functions for each distinct gate, on average; so many distinct gates there are, rounded.
        By default each is drawn by itself.
    overlap : float, 0 to 1, optional
        Share of the sub-functions that read any nodes below, not those read least.
    irrelevant : int, optional
        Inputs that play no part, anywhere among the others.
    blocks : int, optional
        Parts without a connection between them, each with its own inputs and outputs.
    balance : (low, high), optional
        Bounds of the share of ones of each output.

    Raises
    ------
    ValueError
        If there are no levels or gates, a level has fewer sources than a gate reads, or in 2,000
        draws there is no graph as asked for.

    Examples
    --------
    >>> graph = random_graph((8, 3, 2, 2), irrelevant=2, balance=(0.2, 0.8), seed=1)
    >>> len(graph.irrelevant_inputs)
    2
    """
    require(len(widths) >= 3, f"widths={tuple(widths)}; allowed are inputs, levels, outputs")
    require(len(gates) > 0, "gates is empty; allowed are names of gates, such as XOR AND OR")
    given = (reuse, overlap, irrelevant, blocks, balance)
    plain = not isinstance(gates, Mapping) and not isinstance(fan_in, Mapping)
    if plain and all(value is None for value in given):
        assert isinstance(fan_in, int)
        return _evenly(widths, list(gates), fan_in, seed)
    low_high = tuple(balance) if balance is not None else (0.0, 1.0)
    require(len(low_high) == 2, f"balance={low_high}; allowed are two numbers, low and high")
    draw = GraphDraw(
        tuple(widths),
        weights_of(gates),
        weights_of(fan_in),
        reuse,
        overlap or 0.0,
        irrelevant or 0,
        blocks or 1,
        (low_high[0], low_high[1]),
    )
    name = f"{'-'.join(map(str, widths))} random {seed}"
    return _first_right(draw, np.random.default_rng(seed), name)


def _first_right(draw: GraphDraw, rng: np.random.Generator, name: str) -> FunctionGraph:
    reasons: Counter[str] = Counter()
    for _ in range(TRIES):
        graph = draw.graph(rng, name)
        reason = draw.wrong(graph)
        if reason is None and graph is not None:
            return graph
        reasons[str(reason)] += 1
    (most, times), *_ = reasons.most_common(1)
    raise ValueError(
        f"random_graph {name}: none of {TRIES:,} draws is as asked for; {times:,} lacked {most}; "
        "allowed are widths, gates and bounds that some graph meets"
    )


def _evenly(widths: Sequence[int], gates: Sequence[str], fan_in: int, seed: int) -> FunctionGraph:
    """The first draw, whatever it computes."""
    require(1 <= fan_in <= 20, f"fan_in={fan_in}; allowed is 1 to 20")
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
