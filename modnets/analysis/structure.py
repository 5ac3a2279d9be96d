"""What networks have learned inside, as tidy frames.

Whether a run has found the true structure is a column of its results (``recovered``,
``routing_recovered``, ``edge_f1``, ...); here are the slots, gates and layers behind it.
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
        shared pool; own modules count on through the levels), ``reads`` (places of the level
        below), ``used`` (whether an output uses it), ``gate`` (in normal form, see
        ``models/gate_fits.py``), ``clarity`` (in [0, 1]), and of the best matching with the task's
        graph ``node`` and ``sub_function`` (as ``"XOR 0 1"``; missing where it matches none);
        ``faithful`` (whether the gates of the network, as read, give its whole table; missing
        for runs recorded before that was looked at).
    """
    rows = []
    for run, epoch, structure, config in _recorded(store, runs, every):
        if "gates" not in structure:
            continue
        for task, (one, graph) in enumerate(_by_task(structure, config)):
            first = 0
            for level, names in enumerate(one["gates"]):
                for slot, gate in enumerate(names):
                    node = one["nodes"][level][slot] if "nodes" in one else None
                    module = one["selection"][level][slot] if "selection" in one else first + slot
                    reads = " ".join(map(str, one["routing"][level][slot]))
                    known = None if node is None else graph["levels"][level][node]
                    text = known and " ".join(map(str, [known[0], *known[2]]))
                    used, clear = one["used"][level][slot], one["clarity"][level][slot]
                    place = (run, epoch, task, level + 1, slot, module, reads, bool(used))
                    rows.append((*place, gate, clear, node, text, one.get("faithful")))
                first += len(names)
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
    """How well each sub-function can be read linearly from each layer of monolithic networks.

    Parameters
    ----------
    store, runs, every
        As for :func:`gates`.

    Returns
    -------
    DataFrame
        ``run``, ``epoch``, ``layer`` (hidden, 1 is the first), ``level``, ``node``,
        ``sub_function``, ``accuracy`` (balanced, on rows left out, in [0, 1]; 0.5 is chance).
    """
    rows = []
    for run, epoch, structure, config in _recorded(store, runs, every):
        levels = config["graph"].get("levels") or []
        nodes = [
            (level, number, " ".join(map(str, [name, *inputs])))
            for level, nodes in enumerate(levels, start=1)
            for number, (name, _, inputs) in enumerate(nodes)
        ]
        for layer, found in enumerate(structure.get("readable", []), start=1):
            for node, accuracy in zip(nodes, found, strict=True):
                rows.append((run, epoch, layer, *node, accuracy))
    names = ["run", "epoch", "layer", "level", "node", "sub_function", "accuracy"]
    return pd.DataFrame(rows, columns=names)


def details_of(
    store: str | Path | pd.DataFrame, runs: Iterable[str] | None, columns: Sequence[str]
) -> pd.DataFrame:
    """A row for each evaluation of some runs, by default all, with what was recorded then.

    Parameters
    ----------
    store : str, Path or DataFrame
        A folder of results, or the table of a trained run.
    runs : iterable of str, optional
    columns : sequence of str
        What a table must have.

    Raises
    ------
    ValueError
        If it lacks one of them.
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
    """Run, epoch, structure and config of what was recorded."""
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
        yield {name: part[task] for name, part in structure.items()}, graph
