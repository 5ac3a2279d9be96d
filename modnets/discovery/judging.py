"""Discovered graphs judged by the true ones: only here is the truth looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import cast

import numpy as np
import pandas as pd

from modnets.analysis.intervals import percentiles
from modnets.analysis.tables import require_columns
from modnets.checked import checked
from modnets.discovery.discoveries import Discovery
from modnets.discovery.nodes import Outputs, edges_of, in_words, nodes_of, wiring_of
from modnets.errors import require
from modnets.tasks.graphs import FunctionGraph


@checked
def judge_discoveries(
    discoveries: Iterable[Discovery], truths: Sequence[FunctionGraph] | None = None
) -> pd.DataFrame:
    """How right discovered graphs are, up to names of slots, order of inputs and complements.

    Parameters
    ----------
    discoveries : iterable of Discovery
    truths : sequence of FunctionGraph, optional
        The true graph of each, by default that of its run's task.

    Returns
    -------
    DataFrame
        A row for each, as of a sweep, for :func:`~modnets.summarize`: ``run`` (its key),
        ``epoch``, ``graph``, ``method``, ``train_rows``, ``split_seed``, ``seed``;
        ``structured``, whether there is a true graph; ``found``; ``recovered``, whether the wiring
        is the true one; ``computes``, whether the graph gives the whole table; ``wrong``, whether a
        graph was found of which neither is true; ``edge_f1``, 0 where nothing was found;
        ``confidence``, ``evidence``, ``flops``.
    """
    return pd.DataFrame([_judged(one, truth) for one, truth in _pairs(discoveries, truths)])


def _pairs(
    discoveries: Iterable[Discovery], truths: Sequence[FunctionGraph] | None
) -> list[tuple[Discovery, FunctionGraph]]:
    given = list(discoveries)
    trues = [cast("FunctionGraph", one.run.graph) for one in given] if truths is None else truths
    require(len(trues) == len(given), f"truths: {len(trues)} graphs; allowed are {len(given)}")
    return list(zip(given, trues, strict=True))


def _true_nodes(truth: FunctionGraph) -> Outputs | None:
    """The nodes of a true graph; None without known structure."""
    structured = isinstance(truth, FunctionGraph) and truth.has_structure
    return nodes_of(truth) if structured else None


def _judged(one: Discovery, truth: FunctionGraph) -> dict:
    true = _true_nodes(truth)
    recovered, f1 = False, np.nan if true is None else 0.0
    if true is not None and one.graph is not None:
        own = nodes_of(one.graph)
        recovered = list(map(wiring_of, own)) == list(map(wiring_of, true))
        edges, wanted = edges_of(own), edges_of(true)
        f1 = 2 * len(edges & wanted) / (len(edges) + len(wanted))
    computes = False
    if one.graph is not None and isinstance(truth, FunctionGraph):
        table = truth.truth_table()
        computes = bool(((one.graph.truth_table() == table) | (table > 1)).all())
    run = one.run
    return {
        "run": run.key,
        "epoch": run.epochs,
        "graph": str(run.graph),
        "method": one.method,
        "train_rows": run.final.train_rows,
        "split_seed": run.split_seed,
        "seed": run.seed,
        "structured": true is not None,
        "found": one.found,
        "recovered": recovered,
        "computes": computes,
        "wrong": one.found and not (recovered or computes),
        "edge_f1": f1,
        "confidence": one.confidence,
        "evidence": one.evidence,
        "flops": one.flops,
    }


@checked
def judge_edges(
    discoveries: Iterable[Discovery], truths: Sequence[FunctionGraph] | None = None
) -> pd.DataFrame:
    """Every edge of every discovery with its confidence, and whether it is true.

    Parameters
    ----------
    discoveries, truths
        As for :func:`judge_discoveries`; without a true graph no edge is true.

    Returns
    -------
    DataFrame
        The columns of ``Discovery.edges``, ``true``, ``found`` and those that tell the run.
    """
    tables = []
    for one, truth in _pairs(discoveries, truths):
        true = _true_nodes(truth)
        words = {tuple(map(in_words, edge)) for edge in edges_of(true or ())}
        pairs = zip(one.edges["source"], one.edges["reader"], strict=True)
        table = one.edges.assign(true=[pair in words for pair in pairs], found=one.found)
        run = one.run
        told = (str(run.graph), one.method, run.final.train_rows, run.split_seed)
        names = ("graph", "method", "train_rows", "split_seed")
        tables.append(table.assign(**dict(zip(names, told, strict=True))))
    return pd.concat(tables, ignore_index=True)


@checked
def edge_calibration(
    edges: pd.DataFrame,
    by: Sequence[str] = ("method",),
    *,
    bins: Sequence[float] = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.0),
    confidence: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Share of edges that are true, by the confidence that they were given.

    Parameters
    ----------
    edges : DataFrame
        What :func:`judge_edges` returns.
    by : sequence of str
        Columns that make the groups.
    bins : sequence of float
        Bounds of the confidences that are taken together, each bin with its upper bound.
    confidence : float, in (0, 1)
        Of the intervals.
    resamples, seed : int
        Of the bootstrap, which draws graphs anew with all their edges.

    Returns
    -------
    DataFrame
        A row per group and bin that has edges: ``bin``, ``confidence`` (mean), ``true`` (share),
        ``true_low``, ``true_high``, ``edges`` and ``graphs`` (how many).
    """
    require_columns(edges, [*by, "graph", "confidence", "true"])
    rows, names = [], list(by)
    labels = [f"{low:g} to {high:g}" for low, high in pairwise(bins)]
    cut = pd.cut(edges["confidence"], list(bins), include_lowest=True, labels=labels)
    binned = edges.assign(bin=cut)
    rng = np.random.default_rng(seed)
    for key, group in binned.groupby([*names, "bin"], observed=True):
        counts = group.groupby("graph")["true"].agg(["sum", "size"]).to_numpy(float)
        n_graphs = len(counts)
        drawn = rng.multinomial(n_graphs, np.full(n_graphs, 1 / n_graphs), resamples) @ counts
        low, high = percentiles(drawn[:, 0] / drawn[:, 1], confidence, n_graphs)
        told = dict(zip([*names, "bin"], key, strict=True))
        told["bin"] = str(told["bin"])
        told |= {"confidence": group["confidence"].mean(), "true": group["true"].mean()}
        told |= {"true_low": low, "true_high": high, "edges": len(group), "graphs": n_graphs}
        rows.append(told)
    return pd.DataFrame(rows)
