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
#: Accuracies that the upper row may show -> its label; the first that some run has is shown.
SHOWN = {
    "test_bit_accuracy": "bit accuracy on unseen rows",
    "test_unseen_bit_accuracy": "bit accuracy on pairs never seen",
    "bit_accuracy": "bit accuracy on the whole table",
}


@checked
def plot_overview(results: pd.DataFrame) -> np.ndarray:
    """Accuracy on unseen rows and share of runs that solve the table, of any finished store.

    Settings that vary beside graph, kind and training rows are written behind the kind, a line for
    each combination; seeds are pooled.  Where no row was left unseen the accuracy is that of the
    whole table, and for pairs of digits that of pairs never seen.

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
    runs, others = with_lines(results)
    lines = runs["kind"].nunique()
    require(
        lines <= MOST_LINES,
        f"results has {lines} kinds of runs, as {', '.join(others) or 'kind'} vary; allowed are at "
        f"most {MOST_LINES}: draw a part, as results[results['{[*others, 'kind'][0]}'] == ...]",
    )
    measure = measure_of(runs)
    axes = plot_generalization(summarize(runs.assign(test_bit_accuracy=runs[measure])))
    axes[0, 0].set_ylabel(SHOWN[measure])
    return axes


def with_lines(results: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The last evaluation of each run, settings that vary written behind its kind; and which do."""
    runs = last(results)
    others = [name for name in axes_of(runs) if name not in NAMED]
    kinds = runs["kind"].astype(str)
    for name in others:
        values = [f", {name} {value}" if pd.notna(value) else "" for value in runs[name]]
        kinds = kinds + values
    return runs.assign(kind=kinds), others


def measure_of(runs: pd.DataFrame) -> str:
    """The accuracy of runs that is shown, a column of SHOWN."""
    held = [name for name in SHOWN if name in runs and runs[name].notna().any()]
    return next(iter(held), "bit_accuracy")
