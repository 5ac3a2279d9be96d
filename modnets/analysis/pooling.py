"""Settings that vary are never pooled: which do, within groups of runs, and what is said then.

Every table that tells something of groups of runs asks here.  A setting may vary from group to
group, as one that was chosen for each kind of network; within a group only seeds may.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import pandas as pd

from modnets.analysis.clusters import SEEDS
from modnets.config.run_config import RunConfig

#: What is asked first: with it, others that follow from it no longer vary within a group.
FIRST = ("graph", "kind", "train_rows", "model", "options")
#: How often one looks at a run does not change it.
LOOKS = ("eval_every", "record")
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
        Columns that may vary within a group, and what follows from them.

    Returns
    -------
    list of str
        Grouped by them too, no other setting varies within a group; one that follows from those
        before it (or from columns of ``by``) is not told again.
    """
    known = [name for name in dict.fromkeys((*by, *pooled)) if name in results]
    names = [n for n in SETTINGS if n in results and n not in (*known, *SEEDS, *LOOKS)]
    if not names:
        return []
    table = results[[*known, *names]].drop_duplicates()
    found: list[str] = []
    for name in names:
        keys = [*known, *found]
        if not keys or (table[[*keys, name]].drop_duplicates().duplicated(keys)).any():
            found.append(name)
    return found


def refuse_pooling(
    results: pd.DataFrame, by: Sequence[str], pooled: Sequence[str] = (), *, name: str = "results"
) -> None:
    """Raise ValueError if a setting varies within groups of runs; see :func:`varying_settings`."""
    varying = varying_settings(results, by, pooled)
    if varying:
        values = results[varying[0]].unique()
        told = ", ".join(map(str, values[:4])) + (", ..." if len(values) > 4 else "")
        more = f" (so do {', '.join(varying[1:4])})" if len(varying) > 1 else ""
        raise ValueError(
            f"{name}: {varying[0]} varies within a group of {', '.join(by)}: {told}{more}; allowed "
            f"is one value in each: give one of them, or tell them apart by a column of the groups"
        )


def one_row_each(frame: pd.DataFrame, keys: Sequence[str], name: str) -> None:
    """Raise ValueError if a table holds several rows where a figure has one point or line.

    Parameters
    ----------
    frame : DataFrame
        What is to be drawn.
    keys : sequence of str
        Columns that make a point.
    name : str
        Of the table, for the message.
    """
    if frame.duplicated(list(keys)).any():
        varying = varying_settings(frame, keys)
        why = f", as {varying[0]} varies" if varying else ""
        raise ValueError(
            f"{name} holds several rows for the same {' and '.join(keys)}{why}; give one"
        )
