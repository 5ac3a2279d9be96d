"""What is in a table of results without knowing its axes, and two of them side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from modnets.analysis.pooling import varying_settings
from modnets.analysis.statistics import last
from modnets.checked import checked

#: Columns that name a group wherever they vary, in this order.
NAMED = ("graph", "kind", "train_rows")
#: Measures of a group, where they are there.
TOLD = ("train_bit_accuracy", "validation_bit_accuracy", "test_bit_accuracy", "bit_accuracy")


@checked
def axes_of(results: pd.DataFrame) -> list[str]:
    """The columns by which the runs of a table differ, but for seeds: graph, kind, rows first."""
    named = [name for name in NAMED if name in results]
    return [*named, *varying_settings(results, named)]


@checked
def overview(results: pd.DataFrame) -> pd.DataFrame:
    """A row for each group of runs that differ in seeds alone.

    Parameters
    ----------
    results : DataFrame
        What a sweep returns; each run enters at its last epoch.

    Returns
    -------
    DataFrame
        The settings that vary, ``runs``, the share ``solved``, and mean accuracies.
    """
    runs = last(results)
    by = axes_of(runs)
    measures = [name for name in TOLD if name in runs and runs[name].notna().any()]
    groups = runs.groupby(by, dropna=False, observed=True)
    return groups.agg(
        runs=("run", "size"),
        solved=("solved", "mean"),
        **{name: (name, "mean") for name in measures},
    ).reset_index()


@checked
def compare_results(left: pd.DataFrame, right: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables of results side by side: by groups of runs, and run by run.

    Returns
    -------
    groups : DataFrame
        The settings that vary in either; ``runs``, ``solved`` and ``test_bit_accuracy`` of both,
        with ``_left`` and ``_right``.
    differences : DataFrame
        A row for each column that differs in some run that both hold: ``column``, ``rows`` that
        differ, ``largest`` difference of numbers.
    """
    both = pd.concat([left.assign(side="left"), right.assign(side="right")], ignore_index=True)
    both = both.reindex(columns=[*dict.fromkeys((*left.columns, *right.columns)), "side"])
    runs = both.loc[both.groupby(["side", "run"], sort=False)["epoch"].idxmax()]
    by = axes_of(runs)
    parts = []
    for side in ("left", "right"):
        groups = runs[runs["side"] == side].groupby(by, sort=False, dropna=False, observed=True)
        told = groups.agg(
            runs=("run", "size"),
            solved=("solved", "mean"),
            test_bit_accuracy=("test_bit_accuracy", "mean"),
        )
        parts.append(told.add_suffix(f"_{side}"))
    side_by_side = parts[0].join(parts[1], how="outer").reset_index()
    return side_by_side, _differences(left, right)


def _differences(left: pd.DataFrame, right: pd.DataFrame) -> pd.DataFrame:
    """Columns that differ in rows that both tables have."""
    index = ["run", "epoch"]
    one, other = left.set_index(index), right.set_index(index)
    rows = one.index.intersection(other.index)
    one, other = one.loc[rows], other.loc[rows]
    found = []
    for name in one.columns.intersection(other.columns):
        a, b = one[name], other[name]
        differs = (a != b) & ~(a.isna() & b.isna())
        if differs.any():
            numbers = pd.api.types.is_numeric_dtype(a) and pd.api.types.is_numeric_dtype(b)
            gaps = (a[differs].astype(float) - b[differs].astype(float)).abs() if numbers else None
            largest = np.nan if gaps is None else gaps.max()
            found.append((name, int(differs.sum()), largest))
    return pd.DataFrame(found, columns=["column", "rows", "largest"])
