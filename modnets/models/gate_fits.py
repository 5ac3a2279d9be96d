"""What the modules of many networks have learned: the gate that each slot computes.

A slot is fed the values that it really meets, those of all rows of the truth table.  Its output is
cut at the midpoint of its range, or at 0 where it is an output of the network, a logit, and 0 parts
its values clearly: its *signal*, a bit for each row.  Its gate is what maps the signals of its
sources to its own.  A signal and its complement are the same to the levels above, so signals are
told in a normal form in which the first row, all inputs 0, gives 0: an XNOR feeding a NOR reads as
the XOR and the AND that they amount to.

Gates must give the table of their network, each answer its logit > 0.  Where those of a network as
read one by one give another, its slots are cut jointly (``thresholds.py``); where no cuts do, since
slots pass more than a bit, the gates are marked as not faithful.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from modnets.checked import checked
from modnets.errors import require
from modnets.models.modular import ModularNetwork
from modnets.models.signals import LevelGateFits, apply, gather, read_signals
from modnets.models.structures import Parameters, Structures, parameters_of, structures
from modnets.models.thresholds import joint_thresholds
from modnets.tasks.gates import all_rows
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Task


@dataclass(frozen=True)
class GateFit:
    """The gate that a slot computes.

    Parameters
    ----------
    name : str
        One of the two-input gates, or AND, OR, XOR, ... of more inputs; ``A``, ``B``, ... copy an
        input; ``OTHER`` has no name.
    clarity : float, in [0, 1]
        Gap between the outputs read as 1 and those read as 0, as a share of the output's range: 1
        if it takes two values only, 0 if they overlap.
    table : tuple of {0, 1, NEVER}
        Its output for each combination of inputs, in lexicographic order.
    faithful : bool
        Whether this gate, fed by those below it as they are read, gives the slot's signal on every
        row; an output's is the network's own answer.
    """

    name: str
    clarity: float
    table: tuple[int, ...]
    faithful: bool = True


def fit_gates_of_runs(
    network: ModularNetwork, parameters: Parameters, found: Structures, x: np.ndarray, task: int = 0
) -> list[LevelGateFits]:
    """The gates of many networks of one shape, level by level.

    Parameters
    ----------
    network : ModularNetwork
        Their shape; of those that look at images there are no read-outs.
    parameters : dict of Tensor, shape (run, ...)
    found : Structures
        What they read and use.
    x : ndarray of {0, 1}, shape (row, input)
        Every row that they meet, all inputs 0 first.
    task : int
        Of several tasks, the one that is asked.

    Returns
    -------
    list of LevelGateFits
    """
    values = _values(network, parameters, found, x, task)
    levels = _read(values, found, x, task)
    wrong = np.flatnonzero(~reproduced(levels, found, task))
    if not len(wrong):
        return levels
    cuts = _joint(values, found.of(wrong), wrong, task, x.shape[1])
    mended = [run for run, cut in zip(wrong, cuts, strict=True) if cut is not None]
    if mended:
        some = [np.stack(level) for level in zip(*[cut for cut in cuts if cut], strict=True)]
        again = _read([level[mended] for level in values], found.of(mended), x, task, some)
        for level, better in zip(levels, again, strict=True):
            for part in fields(level):
                getattr(level, part.name)[mended] = getattr(better, part.name)
    return levels


def reproduced(levels: Sequence[LevelGateFits], found: Structures, task: int) -> np.ndarray:
    """Whether the gates of each network, as read, give its whole table, shape (run,)."""
    right = np.ones(found.n_runs, dtype=bool)
    for level, gates in enumerate(levels):
        right &= (gates.faithful | ~found.is_output(level, task)).all(axis=1)
    return right


def _values(
    network: ModularNetwork, parameters: Parameters, found: Structures, x: np.ndarray, task: int
) -> list[np.ndarray]:
    """What slots give, shape (run, slot, row), level by level."""
    below, levels = np.broadcast_to(x.T.astype(np.float32), (found.n_runs, *x.T.shape)), []
    for level, routing in enumerate(found.routing):
        read = gather(below, routing[:, task])
        for number, (weight, bias) in enumerate(_layers(network, parameters, found, level, task)):
            read = np.maximum(read, 0.0) if number else read
            read = weight @ read + bias[..., None]
        below = read[:, :, 0]
        levels.append(below)
    return levels


def _read(
    values: Sequence[np.ndarray],
    found: Structures,
    x: np.ndarray,
    task: int,
    cuts: Sequence[np.ndarray] | None = None,
) -> list[LevelGateFits]:
    """The gates of all levels, cut as told, else each slot by itself."""
    signals = np.broadcast_to(x.T > 0.5, (found.n_runs, *x.T.shape))
    composed, levels = signals, []
    for level, below in enumerate(values):
        sources, is_output = found.routing[level][:, task], found.is_output(level, task)
        cut = None if cuts is None else cuts[level]
        gates = read_signals(below, gather(signals, sources), is_output, cut)
        signals = gates.signals
        answers = below > 0
        wanted = np.where(is_output[..., None], answers ^ answers[..., :1], signals)
        composed, met = apply(gates.tables, gather(composed, sources))
        levels.append(replace(gates, faithful=((composed == wanted) & met).all(axis=2)))
    return levels


def _joint(
    values: Sequence[np.ndarray], found: Structures, runs: np.ndarray, task: int, n_inputs: int
) -> list[list[np.ndarray] | None]:
    """Joint thresholds of some runs; ``found`` is theirs, ``values`` are those of all."""
    used = found.used(task, n_inputs)[1:]
    ends = [found.is_output(level, task) for level in range(len(values))]
    return [
        joint_thresholds(
            [level[run] for level in values],
            [level[number, task] for level in found.routing],
            [level[number] for level in used],
            [level[number] for level in ends],
        )
        for number, run in enumerate(runs)
    ]


@checked
def read_out(network: ModularNetwork, graph: Task | str, task: int = 0) -> list[list[GateFit]]:
    """The gate that each slot of one network computes, [level][slot].

    Parameters
    ----------
    network : ModularNetwork
        Without images.
    graph : Task or str
        Whose truth table it meets.
    task : int
        Of several tasks, the one that is asked.

    Raises
    ------
    ValueError
        If the network does not fit the task.
    """
    graph = graph_of(network, graph, task)
    parameters = parameters_of(network)
    x = inputs_met(graph)
    levels = fit_gates_of_runs(network, parameters, structures(network, parameters), x, task)
    return [
        [
            GateFit(name, float(clarity), tuple(table), bool(faithful))
            for name, clarity, table, faithful in zip(
                one.names[0], one.clarity[0], one.tables[0].tolist(), one.faithful[0], strict=True
            )
        ]
        for one in levels
    ]


def graph_of(network: ModularNetwork, graph: Task | str, task: int) -> FunctionGraph:
    """The graph of the task that is asked, if a network fits it; a ValueError if not."""
    graph = get_graph(graph)
    require(
        isinstance(network, ModularNetwork) and network.image_level is None,
        f"network is a {type(network).__name__}; allowed is a ModularNetwork that sees no images",
    )
    sizes = (graph.n_sources, graph.n_outputs, graph.n_tasks)
    found = (network.n_inputs, network.n_outputs, network.n_tasks)
    words = "{} inputs, {} outputs, {} tasks".format
    require(sizes == found, f"graph={graph} has {words(*sizes)}; the network has {words(*found)}")
    require(task in range(graph.n_tasks), f"task={task}; allowed are 0 to {graph.n_tasks - 1}")
    one = graph.graphs[task] if graph.n_tasks > 1 else graph
    require(one.enumerable, f"graph={one}: all rows are looked at, allowed are up to 20 inputs")
    return one


def inputs_met(graph: Task) -> np.ndarray:
    """The input bits of every row of one task, shape (row, input)."""
    return all_rows(graph.n_sources)


def _layers(
    network: ModularNetwork, parameters: Parameters, found: Structures, level: int, task: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight, shape (run, slot, out, in), and bias, shape (run, slot, out), of a level's slots."""
    pool, n_layers = (0 if network.shared else level), len(network.pools[0].arch) - 1
    layers = [
        [
            parameters[f"pools.{pool}.{kind}.{layer}"].detach().cpu().numpy()
            for kind in ("weight", "bias")
        ]
        for layer in range(n_layers)
    ]
    if network.shared:
        runs, modules = np.arange(found.n_runs)[:, None], found.selection[level][:, task]
        layers = [[part[runs, modules] for part in layer] for layer in layers]
    return [tuple(layer) for layer in layers]
