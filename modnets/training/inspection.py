"""Structure that the runs of a chunk have learned, recorded with their results.

For modular networks the routing, the gate that each slot computes, and how both compare with the
graph of the task; for monolithic ones which sub-functions can be read from each layer.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from torch import Tensor, nn

from modnets.config.run_config import RunConfig
from modnets.models.gate_fits import LevelGateFits, fit_gates_of_runs, inputs_met, reproduced
from modnets.models.modular import ModularNetwork
from modnets.models.monolithic import MLP
from modnets.models.probes import readable_by_layer
from modnets.models.recovery import is_recovered, match, nodes_of
from modnets.models.registry import build
from modnets.models.structures import Parameters, Structures, structures
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.task import Task
from modnets.training.evaluation import MAX_KEPT_ROWS
from modnets.training.restoring import rebuilt
from modnets.training.step import TrainingStep

#: Columns of a table; shares in [0, 1], NaN where a network or a task does not have them.
INSPECTED = {
    "recovered": "1 if the network is the task's graph: wiring, what each slot computes, every row",
    "routing_recovered": "1 if its wiring is the graph's",
    "edge_f1": "edges that agree with the graph's after the best matching of slots",
    "irrelevant_reads": "of the used slots of level 1, those that read an input that plays no part",
    "unused_slots": "slots that no output uses",
    "unused_modules": "modules of the shared pool that no output uses",
    "collapsed": "used slots that are constant, or give what another one of their level gives",
    "clarity": "how clear-cut the gates of the used slots are, mean",
    "faithful": "1 if the gates as read give the network's table, which one-bit signals may not",
    "readable": "balanced accuracy of linear probes for inner sub-functions, of their best layers",
}
#: Values held at once while modules are evaluated, so that they stay in the cache.
MAX_VALUES = 2**20


class NetworkInspector:
    """Looks into the networks of a chunk.

    Parameters
    ----------
    runs : sequence of RunConfig, of one shape
    training_step : TrainingStep
    buffers : dict of Tensor, shape (replica, ...)
    """

    def __init__(
        self, runs: Sequence[RunConfig], training_step: TrainingStep, buffers: Mapping[str, Tensor]
    ) -> None:
        self.runs, self.training_step = runs, training_step
        self.network = build(runs[0].final, seed=0)  # the step's may be of another graph
        self.buffers = {name: part[: len(runs)] for name, part in buffers.items()}
        task = cast("Task", runs[0].graph)
        self.places_of = _places_of([run.graph for run in runs])
        small = task.images is None and task.n_rows <= MAX_KEPT_ROWS
        self.x = inputs_met(task) if small else None

    def look(
        self, flat: Tensor, networks: Sequence[nn.Module] | None = None
    ) -> dict[str, list[Any]]:
        """The columns of each run: ``structure``, JSON or None, and those of INSPECTED.

        Parameters
        ----------
        flat : Tensor, shape (replica, parameter)
        networks : sequence of nn.Module, optional
            The runs' networks, where they are at hand.
        """
        n_runs, network = len(self.runs), self.network
        absent: dict[str, Any] = {name: np.full(n_runs, np.nan) for name in INSPECTED}
        parameters = self.training_step.unflatten(flat[:n_runs])
        graphs = self._graphs
        if type(network) is ModularNetwork:
            plain, measures = self._modular(network, parameters)
        elif type(network) is MLP and graphs is not None and self.x is not None:
            plain, measures = self._monolithic(network, parameters, graphs, self.x)
        else:
            return {"structure": self._user_defined(flat, networks), **absent}
        texts = [json.dumps(one) for one in plain]
        return {"structure": texts} | absent | measures

    def _user_defined(self, flat: Tensor, networks: Sequence[nn.Module] | None) -> list[str | None]:
        """Structures that user-defined networks return; None for those without the method."""
        if not hasattr(self.network, "structure"):
            return [None] * len(self.runs)
        if networks is None:
            pairs = zip(self.runs, flat, strict=False)
            networks = [rebuilt(run, row, self.training_step) for run, row in pairs]
        return [json.dumps(cast("Any", network).structure()) for network in networks]

    @property
    def _graphs(self) -> dict[FunctionGraph, np.ndarray] | None:
        """The places of the runs of each graph, where their structure is known."""
        graphs = {g: at for g, at in self.places_of.items() if isinstance(g, FunctionGraph)}
        known = len(graphs) == len(self.places_of) and all(g.has_structure for g in graphs)
        return graphs if known else None

    def _monolithic(
        self,
        network: MLP,
        parameters: Parameters,
        graphs: Mapping[FunctionGraph, np.ndarray],
        x: np.ndarray,
    ) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
        values = {**parameters, **self.buffers}
        parts = []
        for graph, places in graphs.items():
            some = {name: value[places] for name, value in values.items()}
            parts.append(readable_by_layer(network, some, graph, x))
        by_layer = np.concatenate(parts)[np.argsort(np.concatenate([*graphs.values()]))]
        plain = [{"readable": one} for one in by_layer.round(4).tolist()]
        n_inner = sum(next(iter(graphs)).slots[:-1])
        inner = by_layer[:, :, :n_inner]
        return plain, {"readable": inner.max(axis=1).mean(axis=1)} if n_inner else {}

    def _modular(
        self, network: ModularNetwork, parameters: Parameters
    ) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
        wiring = structures(network, parameters, self.buffers)
        plain, by_task = wiring.plain(), []
        in_use = [wiring.used(task, network.n_inputs)[1:] for task in range(wiring.n_tasks)]
        for task in range(wiring.n_tasks):
            gate_fits = self._fit_gates_of_runs(network, parameters, wiring, task)
            parts: list[dict[str, Any]] = [{} for _ in plain]
            measures: dict[str, np.ndarray] = {}
            if gate_fits is not None:
                measures |= _gates(gate_fits, in_use[task], parts)
                right = reproduced(gate_fits, wiring, task)
                for part, one in zip(parts, right.tolist(), strict=True):
                    part["faithful"] = one
                measures["faithful"] = right.astype(float)
            measures |= self._recovery(wiring, task, gate_fits, parts)
            by_task.append((parts, measures))
        for run, one in enumerate(plain):
            parts = [task[0][run] for task in by_task]
            one |= {name: _by_task([part[name] for part in parts]) for name in parts[0]}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the mean of nothing is NaN
            measures = {
                name: np.min(values, axis=0)
                if "recovered" in name or name == "faithful"
                else np.nanmean(values, axis=0)
                for name in by_task[0][1]
                for values in [[task[1][name] for task in by_task if name in task[1]]]
            }
        return plain, measures | _unused(network, wiring, in_use)

    def _recovery(
        self,
        wiring: Structures,
        task: int,
        gate_fits: Sequence[LevelGateFits] | None,
        parts: list[dict[str, Any]],
    ) -> dict[str, np.ndarray]:
        """Each run compared with its own graph, where that has a structure; see ``_recovery``."""
        measures: dict[str, np.ndarray] = {}
        for of_run, places in self.places_of.items():
            graphs = getattr(of_run, "graphs", (of_run,))
            graph = graphs[task] if len(graphs) == wiring.n_tasks else None
            if not (isinstance(graph, FunctionGraph) and graph.has_structure):
                continue
            fits = gate_fits and [level.of(places) for level in gate_fits]
            some = [parts[place] for place in places]
            for name, values in _recovery(graph, wiring.of(places), task, fits, some).items():
                measures.setdefault(name, np.full(len(parts), np.nan))[places] = values
        return measures

    def _fit_gates_of_runs(
        self, network: ModularNetwork, parameters: Parameters, wiring: Structures, task: int
    ) -> list[LevelGateFits] | None:
        """Gate fits of all runs, some runs at a time."""
        if self.x is None or network.image_level is not None:
            return None
        n_values = len(self.x) * max(network.slots) * max(network.pools[0].arch)
        step = max(1, MAX_VALUES // n_values)
        parts = []
        for start in range(0, wiring.n_runs, step):
            runs = slice(start, start + step)
            some = {name: part[runs] for name, part in parameters.items()}
            parts.append(fit_gates_of_runs(network, some, wiring.of(runs), self.x, task))
        return [
            LevelGateFits(*(np.concatenate([getattr(p, name) for p in level]) for name in _FIELDS))
            for level in zip(*parts, strict=True)
        ]


_FIELDS = ("values", "signals", "tables", "clarity", "faithful")


def _places_of(tasks: Sequence[Task]) -> dict[Task, np.ndarray]:
    """Where each of the tasks stands."""
    places: dict[Task, list[int]] = {}
    for place, task in enumerate(tasks):
        places.setdefault(task, []).append(place)
    return {task: np.array(some) for task, some in places.items()}


def _by_task(values: list[Any]) -> Any:
    return values if len(values) > 1 else values[0]


def _gates(
    gate_fits: Sequence[LevelGateFits], in_use: Sequence[np.ndarray], parts: list[dict[str, Any]]
) -> dict[str, np.ndarray]:
    """Add gates and their clarity to each run's part; measures of clarity and collapse."""
    names = [level.names.tolist() for level in gate_fits]
    clarity = [level.clarity.round(4).tolist() for level in gate_fits]
    uses = [level.astype(int).tolist() for level in in_use]
    for run, part in enumerate(parts):
        part["used"] = [level[run] for level in uses]
        part["gates"] = [level[run] for level in names]
        part["clarity"] = [level[run] for level in clarity]
    used = np.concatenate(in_use, axis=1)
    clear = np.concatenate([level.clarity for level in gate_fits], axis=1)
    twice = [_twice(level.signals, use) for level, use in zip(gate_fits, in_use, strict=True)]
    n_used = used.sum(axis=1)
    return {
        "clarity": (clear * used).sum(axis=1) / n_used,
        "collapsed": np.concatenate(twice, axis=1).sum(axis=1) / n_used,
    }


def _twice(signals: np.ndarray, used: np.ndarray) -> np.ndarray:
    """Used slots that are constant, or give what a used one before them gives; (run, slot)."""
    packed = np.packbits(signals, axis=2)
    same = (packed[:, :, None] == packed[:, None]).all(axis=3)
    same &= used[:, None] & np.tri(used.shape[1], k=-1, dtype=bool)
    return used & (same.any(axis=2) | ~signals.any(axis=2))


def _recovery(
    graph: FunctionGraph,
    wiring: Structures,
    task: int,
    gate_fits: Sequence[LevelGateFits] | None,
    parts: list[dict[str, Any]],
) -> dict[str, np.ndarray]:
    """Add the sub-function of each slot to each run's part; measures of recovery."""
    slots, f1 = match(graph, wiring, task)
    for run, part in enumerate(parts):
        part["nodes"] = nodes_of([level[run] for level in slots], wiring.slots)
    same = is_recovered(graph, wiring, task, None)
    measures = {"routing_recovered": same.astype(float), "edge_f1": f1}
    if gate_fits is not None:
        exact = is_recovered(graph, wiring, task, gate_fits)
        measures["recovered"] = exact.astype(float)
        measures["routing_recovered"] = (same | exact).astype(float)
    first = wiring.edges(task, graph.n_inputs)[0]
    reads = first[..., list(graph.irrelevant_inputs)].any(axis=2)
    n_used = first.any(axis=2).sum(axis=1)
    with np.errstate(invalid="ignore"):
        return measures | {"irrelevant_reads": reads.sum(axis=1) / n_used}


def _unused(
    network: ModularNetwork, wiring: Structures, in_use: Sequence[Sequence[np.ndarray]]
) -> dict[str, np.ndarray]:
    """Slots, and modules of the pool, that no output of any task uses."""
    by_level = [np.logical_or.reduce(tasks) for tasks in zip(*in_use, strict=True)]
    measures = {"unused_slots": 1 - np.concatenate(by_level, axis=1).mean(axis=1)}
    if wiring.selection is None:
        return measures
    taken = np.zeros((wiring.n_runs, network.pools[0].count), dtype=bool)
    for task, levels in enumerate(in_use):
        for selection, used in zip(wiring.selection, levels, strict=True):
            run, slot = np.nonzero(used)
            taken[run, selection[run, task, slot]] = True
    return measures | {"unused_modules": 1 - taken.mean(axis=1)}
