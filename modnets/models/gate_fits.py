"""Gate fits: the gate that each slot of many networks computes.

A slot is evaluated on the values that occur in its network, on all rows of the truth table.  Its
*signal*, a bit for each row, is its output with a threshold at the midpoint of its range; at 0 if
it is an output of the network, a logit, and its values have a clear gap around 0.  Its gate maps
the signals of its sources to its own.  Levels above can use a signal and its complement alike, so
signals have a normal form that is 0 on the first row, all inputs 0: an XNOR that feeds a NOR is
fitted as the equivalent XOR and AND.

The gates should give the truth table of their network, whose answers are logit > 0.  If those with
separate thresholds do not, thresholds of all slots are searched jointly (``thresholds.py``); if
there are none, since slots pass more than a bit, the gates are marked as not faithful.

Of signals of several channels the values that are read are those along the direction in which they
vary most (``slot_values.py``); of binary signals, the bits themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import cast

import numpy as np

from modnets.checked import checked
from modnets.errors import require
from modnets.models.modular import ModularNetwork
from modnets.models.signals import LevelGateFits, apply, gather, read_signals
from modnets.models.slot_values import slot_layers, slot_values
from modnets.models.structures import Parameters, Structures, parameters_of, structures
from modnets.models.thresholds import joint_thresholds
from modnets.tasks.gates import all_rows
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.samples import Samples
from modnets.tasks.task import Task
from modnets.tasks.task_sets import TaskSet


@dataclass(frozen=True)
class GateFit:
    """The gate that a slot computes.

    Parameters
    ----------
    name : str
        One of the two-input gates, or AND, OR, XOR, ... of more inputs; ``A``, ``B``, ... copy an
        input; ``OTHER`` has no name.
    clarity : float, in [0, 1]
        Gap between the outputs that are read as 1 and those read as 0, as a share of the range of
        outputs: 1 if there are two values only, 0 if they overlap.
    table : tuple of {0, 1, NEVER}
        Its output for each combination of inputs, in lexicographic order.
    faithful : bool
        Whether this gate, applied to the fitted gates below, gives the slot's signal on every row;
        for an output of the network, its answer.
    """

    name: str
    clarity: float
    table: tuple[int, ...]
    faithful: bool = True


def fit_gates_of_runs(
    network: ModularNetwork,
    parameters: Parameters,
    wiring: Structures,
    x: np.ndarray,
    task: int = 0,
) -> list[LevelGateFits]:
    """The gates of many networks of one shape, level by level.

    Parameters
    ----------
    network : ModularNetwork
        Gives their shape; without images.
    parameters : dict of Tensor, shape (run, ...)
    wiring : Structures
        Their routing and selection.
    x : ndarray of {0, 1}, shape (row, input)
        All rows of the truth table, that of all inputs 0 first.
    task : int
        Of several tasks, the one that is evaluated.

    Returns
    -------
    list of LevelGateFits
    """
    layers = slot_layers(network, parameters, wiring, task)
    values = slot_values(network, layers, wiring, x, task)
    levels = _fit(values, wiring, x, task)
    wrong = np.flatnonzero(~reproduced(levels, wiring, task))
    if not len(wrong):
        return levels
    cuts = _joint(values, wiring.of(wrong), wrong, task, x.shape[1])
    refitted = np.array([r for r, cut in zip(wrong, cuts, strict=True) if cut is not None], int)
    if len(refitted):
        joint = [np.stack(level) for level in zip(*[cut for cut in cuts if cut], strict=True)]
        again = _fit([level[refitted] for level in values], wiring.of(refitted), x, task, joint)
        for level, better in zip(levels, again, strict=True):
            for field in fields(level):
                getattr(level, field.name)[refitted] = getattr(better, field.name)
    return levels


def reproduced(levels: Sequence[LevelGateFits], wiring: Structures, task: int) -> np.ndarray:
    """Whether the fitted gates of each network give its truth table, shape (run,)."""
    right = np.ones(wiring.n_runs, dtype=bool)
    for level, gates in enumerate(levels):
        right &= (gates.faithful | ~wiring.is_output(level, task)).all(axis=1)
    return right


def _fit(
    values: Sequence[np.ndarray],
    wiring: Structures,
    x: np.ndarray,
    task: int,
    cuts: Sequence[np.ndarray] | None = None,
) -> list[LevelGateFits]:
    """The gates of all levels, with these thresholds; by default each slot by itself."""
    signals = np.broadcast_to(x.T > 0.5, (wiring.n_runs, *x.T.shape))
    composed, levels = signals, []
    for level, below in enumerate(values):
        sources, is_output = wiring.routing[level][:, task], wiring.is_output(level, task)
        cut = None if cuts is None else cuts[level]
        gates = read_signals(below, gather(signals, sources), is_output, cut)
        signals = gates.signals
        answers = below > 0
        wanted = np.where(is_output[..., None], answers ^ answers[..., :1], signals)
        composed, defined = apply(gates.tables, gather(composed, sources))
        levels.append(replace(gates, faithful=((composed == wanted) & defined).all(axis=2)))
    return levels


def _joint(
    values: Sequence[np.ndarray], wiring: Structures, runs: np.ndarray, task: int, n_inputs: int
) -> list[list[np.ndarray] | None]:
    """Joint thresholds of some runs; ``wiring`` is that of these, ``values`` are those of all."""
    return joint_thresholds(
        [level[runs] for level in values],
        [level[:, task] for level in wiring.routing],
        wiring.used(task, n_inputs)[1:],
        [wiring.is_output(level, task) for level in range(len(values))],
    )


@checked
def fit_gates(network: ModularNetwork, graph: Task | str, task: int = 0) -> list[list[GateFit]]:
    """The gate that each slot of one network computes, [level][slot].

    Parameters
    ----------
    network : ModularNetwork
        Without images.
    graph : Task or str
        Gives the rows on which it is evaluated.
    task : int
        Of several tasks, the one that is evaluated.

    Raises
    ------
    ValueError
        If the network does not fit the task.
    """
    one_graph = graph_of(network, graph, task)
    parameters = parameters_of(network)
    x = inputs_met(one_graph)
    levels = fit_gates_of_runs(network, parameters, structures(network, parameters), x, task)
    return [
        [
            GateFit(name, float(clarity), tuple(table), bool(faithful))
            for name, clarity, table, faithful in zip(
                level.names[0],
                level.clarity[0],
                level.tables[0].tolist(),
                level.faithful[0],
                strict=True,
            )
        ]
        for level in levels
    ]


def graph_of(network: ModularNetwork, graph: Task | str, task: int) -> FunctionGraph:
    """The graph of one task, if a network fits it; a ValueError if not."""
    graph = get_graph(graph)
    require(
        isinstance(network, ModularNetwork) and network.image_level is None,
        f"network is a {type(network).__name__}; allowed is a ModularNetwork that sees no images",
    )
    sizes = (graph.n_sources, graph.n_outputs, graph.n_tasks)
    actual = (network.n_inputs, network.n_outputs, network.n_tasks)
    text = "{} inputs, {} outputs, {} tasks".format
    require(sizes == actual, f"graph={graph} has {text(*sizes)}; the network has {text(*actual)}")
    require(task in range(graph.n_tasks), f"task={task}; allowed are 0 to {graph.n_tasks - 1}")
    one = cast("TaskSet", graph).graphs[task] if graph.n_tasks > 1 else graph
    require(one.enumerable, f"graph={one}: all rows are looked at, allowed are up to 20 inputs")
    return cast("FunctionGraph", one)


def inputs_met(graph: Task) -> np.ndarray:
    """The input bits of every row of one task, of samples each once, shape (row, input)."""
    if isinstance(graph, Samples):
        return np.unique(graph.rows(), axis=0)
    return all_rows(graph.n_sources)
