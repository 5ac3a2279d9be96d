"""Properties of function graphs that say how hard their structure is to find.

The Fourier degree and the leap are those of Abbe, Boix-Adsera and Misiakiewicz, "SGD learning on
neural networks: leap complexity and saddle-to-saddle dynamics" (COLT, 2023).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from modnets.analysis.wirings import MAX_INPUTS, identifiable
from modnets.checked import checked
from modnets.errors import require, shown
from modnets.tasks.bit_signals import Signals
from modnets.tasks.graphs import FunctionGraph

#: Inputs up to which the spectrum is computed.
MAX_SPECTRUM_INPUTS = 16


@checked(searches=(0, 10_000))
def graph_properties(graphs: Iterable[FunctionGraph], *, searches: int = 4) -> pd.DataFrame:
    """Properties of graphs, a row for each.

    Parameters
    ----------
    graphs : iterable of FunctionGraph
        With levels, as ``mn.graphs`` gives.
    searches : int
        Circuits searched for each to say whether its wiring is identifiable, about 20 ms each; 0
        leaves the column out.

    Returns
    -------
    DataFrame
        ``graph`` (its name), ``inputs``, ``outputs``, ``depth`` (levels), ``slots``,
        ``functions`` (distinct gates), ``reuse`` (slots for each distinct gate), ``overlap``
        (readers of each node that is read, outputs not counted), ``relevant_inputs``,
        ``rho_min``: each sub-function of the first level has a largest absolute correlation with an
        output; the smallest of these; ``ones_min`` and ``ones_max``, shares of ones of the outputs;
        ``entropy`` of all outputs together, bits; ``degree``, the largest number of inputs in a
        term of the Fourier expansion of an output, and ``leap``, the most inputs that a term adds
        to those before it, in the best order; both the largest of any output, NaN above 16 inputs;
        ``identifiable``, as :func:`~modnets.analysis.identifiable` says, missing above 12 inputs.
        Above 20 inputs what needs the table is of 16,384 rows drawn at random.
    """
    rows, graphs = [], list(graphs)
    for graph in graphs:
        require(
            isinstance(graph, FunctionGraph) and graph.has_structure,
            f"graphs has {shown(graph)}; allowed are function graphs with levels",
        )
        rows.append(_properties(graph))
    table = pd.DataFrame(rows)
    if searches and rows:
        table["identifiable"] = _identifiable(graphs, searches)
    return table


def _identifiable(graphs: Sequence[FunctionGraph], searches: int) -> pd.Series:
    """Whether the table of each graph tells its wiring; missing where it is too large."""
    places = [place for place, graph in enumerate(graphs) if graph.n_inputs <= MAX_INPUTS]
    column = pd.Series(pd.NA, index=range(len(graphs)), dtype="boolean")
    found = identifiable([graphs[place] for place in places], searches=searches)
    if places:
        column[places] = found["identifiable"].to_numpy()
    return column


def _properties(graph: FunctionGraph) -> dict[str, Any]:
    signals, n_slots = Signals(graph), sum(graph.slots)
    shares = [y.bit_count() / signals.n_rows for y in signals.outputs]
    small = graph.n_inputs <= MAX_SPECTRUM_INPUTS
    terms = [_terms(y, graph.n_inputs) for y in signals.outputs] if small else []
    reads = [source for level in graph.levels[1:] for node in level for source in node.inputs]
    firsts = [source for node in graph.levels[0] for source in node.inputs]
    read = len(set(firsts)) + sum(
        len({source for node in above for source in node.inputs})
        for _, above in pairwise(graph.levels)
    )
    return {
        "graph": graph.name,
        "inputs": graph.n_inputs,
        "outputs": graph.n_outputs,
        "depth": len(graph.levels),
        "slots": n_slots,
        "functions": len(graph.modules),
        "reuse": n_slots / len(graph.modules),
        "overlap": (len(reads) + len(firsts)) / read,
        "relevant_inputs": len(signals.relevant_inputs),
        "rho_min": _smallest_correlation(signals),
        "ones_min": min(shares),
        "ones_max": max(shares),
        "entropy": _entropy(signals),
        "degree": max(map(_degree, terms)) if small else np.nan,
        "leap": max(map(leap_of, terms)) if small else np.nan,
    }


def _smallest_correlation(signals: Signals) -> float:
    return min(
        max(_correlation(gate, y, signals.n_rows) for y in signals.outputs)
        for gate in signals.levels[0]
    )


def _correlation(a: int, b: int, n_rows: int) -> float:
    """The absolute correlation of two signals; 0 where one is constant."""
    of_a, of_b, both = (x.bit_count() / n_rows for x in (a, b, a & b))
    spread = of_a * (1 - of_a) * of_b * (1 - of_b)
    return abs(both - of_a * of_b) / spread**0.5 if spread else 0.0


def _entropy(signals: Signals) -> float:
    """Of all outputs together, in bits."""
    parts = [signals.every]
    for y in signals.outputs:
        parts = [part for one in parts for part in (one & y, one & ~y) if part]
    shares = np.array([part.bit_count() / signals.n_rows for part in parts])
    return float(abs((shares * np.log2(shares)).sum()))


def _terms(y: int, n_inputs: int) -> np.ndarray:
    """The sets of inputs with a Fourier coefficient that is not 0, as bit masks."""
    size = 2**n_inputs
    packed = np.frombuffer(y.to_bytes(max(1, size // 8), "little"), np.uint8)
    values = 1 - 2 * np.unpackbits(packed, bitorder="little")[:size].astype(np.int64)
    for place in range(n_inputs):
        pairs = values.reshape(-1, 2, 2**place)
        values = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], 1).ravel()
    return np.flatnonzero(values)


def _degree(terms: np.ndarray) -> int:
    return int(np.bitwise_count(terms).max(initial=0))


def leap_of(terms: np.ndarray) -> int:
    """The leap of a function with these terms, bit masks of inputs.

    Whatever adds fewest inputs comes next: that only makes later terms cheaper.
    """
    covered, leap = 0, 0
    while True:
        added = np.bitwise_count(terms & ~covered)
        if not added.any():
            return leap
        smallest = np.where(added > 0, added, 127).argmin()
        leap = max(leap, int(added[smallest]))
        covered |= int(terms[smallest])
