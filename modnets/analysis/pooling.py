"""Settings that vary are never pooled: which of them vary within groups of runs, and the refusal.

Every function that summarizes groups of runs checks here.  A setting may vary from group to group,
such as a learning rate that was tuned for each kind of network; within a group only seeds may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import pandas as pd

from modnets.analysis.clusters import SEEDS
from modnets.config.run_config import RunConfig

#: Settings checked first: grouped by these, others that follow from them no longer vary.
FIRST = ("graph", "kind", "train_rows", "model", "options")
#: Settings of how a run is evaluated and recorded, which do not change its result.
OBSERVATION = ("eval_every", "record", "on_evaluation")
SETTINGS = list(dict.fromkeys((*FIRST, *(field.name for field in fields(RunConfig)))))


def varying_settings(
    results: pd.DataFrame, by: Sequence[str], pooled: Sequence[str] = ()
) -> list[str]:
    """Settings that vary within groups of runs, though only seeds should.

    Parameters
    ----------
    results : DataFrame
        A row per run, or per run and epoch, with settings as columns.
    by : sequence of str
        Columns that make the groups.
    pooled : sequence of str
        Columns that may vary within a group, and with them what follows from them.

    Returns
    -------
    list of str
        Grouped by them too, no other setting varies within a group; a setting that follows from
        those before it (or from columns of ``by``) is left out.
    """
    known = [name for name in dict.fromkeys((*by, *pooled)) if name in results]
    names = [n for n in SETTINGS if n in results and n not in (*known, *SEEDS, *OBSERVATION)]
    names = [name for name in names if not _is_constant(results[name])]
    if not names:
        return []
    table = results[[*known, *names]].drop_duplicates()
    varying: list[str] = []
    for name in names:
        keys = [*known, *varying]
        if not keys or (table[[*keys, name]].drop_duplicates().duplicated(keys)).any():
            varying.append(name)
    return varying


def _is_constant(column: pd.Series) -> bool:
    """Whether a column has one value; most settings do, and to compare is quicker than to group."""
    if not len(column):
        return True
    first = column.iloc[0]
    return bool((column.isna() if pd.isna(first) else column == first).all())


def refuse_pooling(
    results: pd.DataFrame, by: Sequence[str], pooled: Sequence[str] = (), *, name: str = "results"
) -> None:
    """Raise ValueError if a setting varies within groups of runs; see :func:`varying_settings`."""
    varying = varying_settings(results, by, pooled)
    if varying:
        values = results[varying[0]].unique()
        some = ", ".join(map(str, values[:4])) + (", ..." if len(values) > 4 else "")
        more = f" (so do {', '.join(varying[1:4])})" if len(varying) > 1 else ""
        raise ValueError(
            f"{name}: {varying[0]} varies within a group of {', '.join(by)}: {some}{more}; allowed "
            f"is one value in each: give one of them, or tell them apart by a column of the groups"
        )


def one_row_each(frame: pd.DataFrame, keys: Sequence[str], name: str) -> None:
    """Raise ValueError if a table holds several rows where a figure has one point or line.

    Parameters
    ----------
    frame : DataFrame
        The table to be drawn.
    keys : sequence of str
        Columns that identify a point.
    name : str
        Name of the table, for the message.
    """
    if frame.duplicated(list(keys)).any():
        varying = varying_settings(frame, keys)
        why = f", as {varying[0]} varies" if varying else ""
        raise ValueError(
            f"{name} holds several rows for the same {' and '.join(keys)}{why}; give one"
        )
