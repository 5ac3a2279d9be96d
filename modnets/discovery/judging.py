"""Discovered graphs judged by the true ones: only here is the truth looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import numpy as np
import pandas as pd

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
        A row for each: ``graph``, ``method``, ``train_rows``, ``split_seed``, ``seed``;
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
    computes = one.graph is not None and bool(
        (one.graph.truth_table() == truth.truth_table()).all()
    )
    run = one.run
    return {
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
