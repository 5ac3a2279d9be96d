"""What networks have learned inside, as tidy tables: slots, gates and linear probes of layers.

Whether a run has found the true structure is a column of its results (``recovered``,
``routing_recovered``, ``edge_f1``, ...); these tables are the details of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from modnets.checked import checked
from modnets.errors import require
from modnets.experiments.store import finished
from modnets.tasks.task import MAX_TABLE_INPUTS


@checked
def gates(
    store: str | Path | pd.DataFrame,
    runs: Iterable[str] | None = None,
    *,
    every: bool = False,
) -> pd.DataFrame:
    """What fills each slot of modular networks and which gate it computes, a row for each slot.

    Parameters
    ----------
    store : str, Path or DataFrame
        A folder of results, or the table of a trained run.
    runs : iterable of str, optional
        Keys of the runs wanted; by default all.
    every : bool
        Rows for every evaluation at which it was recorded (``record="every"``), in place of the
        last.

    Returns
    -------
    DataFrame
        ``run``, ``epoch``, ``task``, ``level`` (1 is the first), ``slot``, ``module`` (of the
        shared pool; own modules are numbered through the levels), ``reads`` (indices in the level
        below), ``used`` (whether an output uses it), ``gate`` (in normal form, see
        ``models/gate_fits.py``), ``clarity`` (in [0, 1]), and of the best matching with the task's
        graph ``node`` and ``sub_function`` (such as ``"XOR 0 1"``; missing where it matches none);
        ``faithful`` (whether the fitted gates of the network reproduce its whole table; missing
        for runs recorded by versions without it).

    Raises
    ------
    ValueError
        If a table lacks a column, or all runs have more than 20 inputs: gates are those of a whole
        table.
    """
    runs = None if runs is None else list(runs)
    rows: list[tuple[Any, ...]] = []
    for run, epoch, structure, config in _recorded(store, runs, every):
        if "gates" not in structure:
            continue
        for task, (of_task, graph) in enumerate(_by_task(structure, config)):
            selection, nodes = of_task.get("selection"), of_task.get("nodes")
            first = 0
            for level, gates in enumerate(of_task["gates"]):
                for slot, gate in enumerate(gates):
                    node = None if nodes is None else nodes[level][slot]
                    module = first + slot if selection is None else selection[level][slot]
                    reads = " ".join(map(str, of_task["routing"][level][slot]))
                    known = None if node is None else graph["levels"][level][node]
                    text = known and " ".join(map(str, [known[0], *known[2]]))
                    used, clear = of_task["used"][level][slot], of_task["clarity"][level][slot]
                    keys = (run, epoch, task, level + 1, slot, module, reads, bool(used))
                    rows.append((*keys, gate, clear, node, text, of_task.get("faithful")))
                first += len(gates)
    if not rows:
        _check_not_wide("gates", store, runs)
    names = ["run", "epoch", "task", "level", "slot", "module", "reads", "used", "gate", "clarity"]
    frame = pd.DataFrame(rows, columns=[*names, "node", "sub_function", "faithful"])
    return frame.astype({"node": "Int64", "faithful": "boolean"})


@checked
def probes(
    store: str | Path | pd.DataFrame,
    runs: Iterable[str] | None = None,
    *,
    every: bool = False,
) -> pd.DataFrame:
    """How well linear probes predict each sub-function from each layer of monolithic networks.

    Parameters
    ----------
    store, runs, every
        As for :func:`gates`.

    Returns
    -------
    DataFrame
        ``run``, ``epoch``, ``layer`` (hidden, 1 is the first), ``level``, ``node``,
        ``sub_function``, ``accuracy`` (balanced, on held-out rows, in [0, 1]; 0.5 is chance).
    """
    runs, rows = None if runs is None else list(runs), []
    for run, epoch, structure, config in _recorded(store, runs, every):
        levels = config["graph"].get("levels") or []
        nodes = [
            (level, index, " ".join(map(str, [name, *inputs])))
            for level, of_level in enumerate(levels, start=1)
            for index, (name, _, inputs) in enumerate(of_level)
        ]
        for layer, accuracies in enumerate(structure.get("readable", []), start=1):
            for node, accuracy in zip(nodes, accuracies, strict=True):
                rows.append((run, epoch, layer, *node, accuracy))
    if not rows:
        _check_not_wide("probes", store, runs)
    names = ["run", "epoch", "layer", "level", "node", "sub_function", "accuracy"]
    return pd.DataFrame(rows, columns=names)


def _check_not_wide(
    name: str, store: str | Path | pd.DataFrame, runs: Iterable[str] | None
) -> None:
    """Raise ValueError where there is nothing since no run has a table to look at."""
    configs = details_of(store, runs, ["config"])["config"].dropna()
    n_inputs = [json.loads(config)["graph"].get("n_inputs", 0) for config in configs]
    require(
        min(n_inputs, default=0) <= MAX_TABLE_INPUTS,
        f"store: runs of {min(n_inputs, default=0)} inputs have no {name}, which are found on the "
        f"whole table; allowed are up to {MAX_TABLE_INPUTS} inputs",
    )


def details_of(
    store: str | Path | pd.DataFrame, runs: Iterable[str] | None, columns: Sequence[str]
) -> pd.DataFrame:
    """The details recorded at each evaluation of some runs, by default all.

    Parameters
    ----------
    store : str, Path or DataFrame
        A folder of results, or the table of a trained run.
    runs : iterable of str, optional
    columns : sequence of str
        Columns that a table needs.

    Returns
    -------
    DataFrame
        A row per run and recorded evaluation.

    Raises
    ------
    ValueError
        If a table lacks one of the columns.
    """
    if not isinstance(store, pd.DataFrame):
        return finished(store).details(runs, every=True)
    missing = sorted(set(columns) - set(store.columns))
    require(
        not missing,
        f"store is a table without {', '.join(missing)}; allowed is a folder of results, or the "
        "table of a trained run",
    )
    return store if runs is None else store[store["run"].isin(list(runs))]


def _recorded(
    store: str | Path | pd.DataFrame, runs: Iterable[str] | None, every: bool
) -> Iterator[tuple[str, int, dict[str, Any], dict[str, Any]]]:
    """Run, epoch, structure and config of each recorded evaluation."""
    frame = details_of(store, runs, ["run", "epoch", "structure", "config"])
    frame = frame.assign(config=frame.groupby("run")["config"].bfill())
    frame = frame if every else frame.groupby("run", sort=False).tail(1)
    configs: dict[str, dict[str, Any]] = {}
    columns = [frame[name] for name in ("run", "epoch", "structure", "config")]
    for run, epoch, structure, config in zip(*columns, strict=True):
        if isinstance(structure, str):
            if run not in configs:
                configs[run] = json.loads(config)
            yield run, int(epoch), json.loads(structure), configs[run]


def _by_task(
    structure: dict[str, Any], config: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The structure and the graph of each task."""
    graphs = config["graph"].get("tasks")
    if graphs is None:
        yield structure, config["graph"]
        return
    for task, graph in enumerate(graphs):
        yield {name: by_task[task] for name, by_task in structure.items()}, graph
