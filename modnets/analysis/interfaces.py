"""Interfaces: what signals between modules are, and whether modules that use them can be exchanged.

A module can stand in for another one if both compute the same gate, and if networks agree on the
code: on what stands for a bit between modules.  Single values, directions of several values, and
bits are such codes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from modnets.analysis.clusters import Clusters
from modnets.analysis.intervals import share_interval
from modnets.analysis.statistics import last
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.experiments.planning import Chunk, plan
from modnets.models.modular import ModularNetwork
from modnets.models.module_exchange import exchange

#: Columns of a run that an exchange keeps.
OF_RUNS = ("run", "graph", "kind", "train_rows", "signal_size", "signals", "split_seed", "seed")


@checked
def interface(run: RunConfig) -> str:
    """What the signals between modules of a run are, in words.

    Parameters
    ----------
    run : RunConfig

    Returns
    -------
    str
        ``"scalar"``, ``"bit"``, ``"2 values"``, ``"4 bits"``; ``""`` where there are no modules.

    Examples
    --------
    >>> interface(RunConfig(model="shared", signals="binary"))
    'bit'
    """
    if not run.is_modular:
        return ""
    size, is_binary = run.final.signal_size or 1, run.final.signals == "binary"
    if size == 1:
        return "bit" if is_binary else "scalar"
    return f"{size} {'bits' if is_binary else 'values'}"


@checked
def exchanges(runs: Iterable[RunConfig]) -> pd.DataFrame:
    """Every slot of trained networks with the modules of another network of the same task.

    Networks of one graph, kind, interface and number of rows make a ring, in the order in which
    they are given: each takes modules of the next one.  Those that are wrong on a training row of
    theirs are left out, of both sides.  One module is exchanged at a time; nothing is trained on.

    Parameters
    ----------
    runs : iterable of RunConfig
        Modular networks of one task of bits; they are trained here, and nothing is stored.

    Returns
    -------
    DataFrame
        A row per slot and module that takes its place: settings of the run, and its ``interface``
        in words; ``donor``, the key of the other; ``level``, ``slot``, ``donor_level`` and
        ``donor_slot``; ``same_gate``, whether both modules compute one gate of high and low bits;
        ``right``, the share of the run's training rows with every output right; ``kept``, whether
        all are.

    Raises
    ------
    ValueError
        If a run is not modular, a graph has one run only, or a run cannot be trained.
    """
    given = list(runs)
    for run in given:
        require(run.is_modular, f"runs: {run} has no modules; allowed are modular networks")
    members = {m.run.key: m for chunk in plan(given).chunks for m in _trained(chunk)}
    rings: dict[tuple, list[_Member]] = {}
    for run in given:
        same = run.graph, run.kind, interface(run), run.final.train_rows
        rings.setdefault(same, []).append(members[run.key])
    rows: list[dict[str, Any]] = []
    for ring in rings.values():
        require(len(ring) > 1, f"runs: one of {ring[0].run.graph}; allowed are several of each")
        for member, donor in zip(ring, [*ring[1:], ring[0]], strict=True):
            if member.is_right and donor.is_right:
                rows += _between(member, donor)
    columns = [
        "interface",
        "donor",
        "level",
        "slot",
        "donor_level",
        "donor_slot",
        "same_gate",
        "right",
        "kept",
    ]
    return pd.DataFrame(rows, columns=[*OF_RUNS, *columns])


class _Member(NamedTuple):
    run: RunConfig
    network: ModularNetwork
    is_right: bool  # on all rows that it was trained on


def _trained(chunk: Chunk) -> Iterator[_Member]:
    trained = chunk.train(keep_networks=True)
    for key, text in trained.failures.items():
        require(False, f"runs: {key} cannot be trained: {text.splitlines()[-1]}")
    ends = last(trained.table).set_index("run")["train_row_accuracy"]
    for run, network in zip(chunk.runs, trained.networks, strict=True):
        yield _Member(run, cast("ModularNetwork", network), bool(ends[run.key] == 1))


def _between(member: _Member, donor: _Member) -> Iterator[dict[str, Any]]:
    run = member.run
    row = run.to_row()
    known = {name: row[name] for name in OF_RUNS}
    known |= {"interface": interface(run), "donor": donor.run.key}
    rows = run.split["train"].tolist()
    for one in exchange(member.network, donor.network, run.final.graph, rows):
        yield known | vars(one) | {"kept": one.right == 1}


@checked
def exchange_shares(
    exchanged: pd.DataFrame, by: Sequence[str], *, confidence: float = 0.95
) -> pd.DataFrame:
    """Share of exchanges after which a network is still right on all rows that it was trained on.

    Parameters
    ----------
    exchanged : DataFrame
        What :func:`exchanges` returns.
    by : sequence of str
        Columns that make the groups.
    confidence : float, in (0, 1)

    Returns
    -------
    DataFrame
        A row per group: ``n`` exchanges, ``networks``, ``graphs``, the share ``kept`` with
        ``kept_low`` and ``kept_high``, Wilson's with the effective sample size of the graphs.
    """
    require_columns(exchanged, [*by, "kept", "run", "graph"])
    require(len(exchanged) > 0, "exchanged is empty; no two networks were right on their rows")
    rows = []
    for values, group in exchanged.groupby(list(by), observed=True, dropna=False):
        names, codes = np.unique(group["graph"].to_numpy(str), return_inverse=True)
        clusters = Clusters(len(group), codes if len(names) > 1 else None)
        low, high = share_interval(group["kept"].to_numpy(bool), clusters, confidence)
        counts = {"n": len(group), "networks": group["run"].nunique(), "graphs": len(names)}
        shares = {"kept": group["kept"].mean(), "kept_low": low, "kept_high": high}
        rows.append(dict(zip(by, values, strict=True)) | counts | shares)
    return pd.DataFrame(rows).assign(confidence=confidence)
