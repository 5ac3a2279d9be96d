"""A first figure of any table of results, whatever its axes are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnets.analysis.statistics import last, summarize
from modnets.analysis.stores import NAMED, axes_of
from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.generalization import plot_generalization

#: Lines of a panel that can be told apart.
MOST_LINES = 16


@checked
def plot_overview(results: pd.DataFrame) -> np.ndarray:
    """Accuracy on unseen rows and share of runs that solve the table, of any finished store.

    Settings that vary beside graph, kind and training rows are written behind the kind, a line for
    each combination; seeds are pooled.

    Parameters
    ----------
    results : DataFrame
        What :func:`modnets.sweep` or :func:`modnets.load` returns.

    Returns
    -------
    array of Axes, shape (2, graph)
        As those of :func:`~modnets.plot.generalization`.

    Raises
    ------
    ValueError
        If the results are empty, or have more combinations than lines can be told apart.

    Examples
    --------
    >>> axes = plot_overview(modnets.load("results/study"))  # doctest: +SKIP
    """
    require(len(results) > 0, "results is empty; there is nothing to draw")
    runs = last(results)
    others = [name for name in axes_of(runs) if name not in NAMED]
    kinds = runs["kind"].astype(str)
    for name in others:
        values = [f", {name} {value}" if pd.notna(value) else "" for value in runs[name]]
        kinds = kinds + values
    lines = kinds.nunique()
    require(
        lines <= MOST_LINES,
        f"results has {lines} kinds of runs, as {', '.join(others) or 'kind'} vary; allowed are at "
        f"most {MOST_LINES}: draw a part, as results[results['{[*others, 'kind'][0]}'] == ...]",
    )
    return plot_generalization(summarize(runs.assign(kind=kinds)))
