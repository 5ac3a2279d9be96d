"""Several function graphs over the same inputs as one."""

from __future__ import annotations

from collections.abc import Sequence

from modnets.checked import checked
from modnets.errors import require
from modnets.tasks.gates import SubFunction
from modnets.tasks.graphs import FunctionGraph


@checked
def side_by_side(graphs: Sequence[FunctionGraph], *, name: str | None = None) -> FunctionGraph:
    """One graph with the sub-functions and the outputs of several, over the same inputs.

    Parameters
    ----------
    graphs : sequence of FunctionGraph
        With as many inputs and levels.
    name : str, optional
        By default that of the first and how many there are.

    Returns
    -------
    FunctionGraph
        Its slots and outputs are those of the first graph, then those of the next.

    Raises
    ------
    ValueError
        If graphs have other numbers of inputs or levels, or no structure.

    Examples
    --------
    >>> graphs = [FunctionGraph(4, [[f"{gate} 0 1", "XOR 2 3"]]) for gate in ("XOR", "AND")]
    >>> side_by_side(graphs).widths
    (4, 4, 4)
    """
    require(len(graphs) > 0, "graphs=[]; allowed is at least one graph")
    for graph in graphs:
        sizes, first = (
            (one.n_inputs, len(one.levels) if one.has_structure else 0)
            for one in (graph, graphs[0])
        )
        require(
            sizes == first and sizes[1] > 0,
            f"graphs: {graph} has {sizes[0]} inputs and {sizes[1]} levels; allowed are {first[0]} "
            f"inputs and {max(1, first[1])} levels, as of {graphs[0]}",
        )
    levels: list[list[SubFunction]] = [[] for _ in graphs[0].levels]
    outputs: list[int] = []
    for graph in graphs:
        firsts = [0, *map(len, levels)]
        for level, (nodes, first_below) in enumerate(zip(graph.levels, firsts, strict=False)):
            levels[level] += [
                SubFunction(node.gate, tuple(first_below + source for source in node.inputs))
                for node in nodes
            ]
        outputs += [firsts[-1] + place for place in graph.outputs]
    if name is None:
        name = str(graphs[0]) if len(graphs) == 1 else f"{graphs[0]} and {len(graphs) - 1} more"
    return FunctionGraph(graphs[0].n_inputs, levels, outputs=tuple(outputs), name=name)
