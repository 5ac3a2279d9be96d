"""What the modules of many networks have learned: the gate that each slot computes.

A slot is fed the values that it really meets, those of all rows of the truth table.  Its output is
cut at the midpoint of its range, or at 0 where it is an output of the network, a logit, and 0 parts
its values clearly: its *signal*, a bit for each row.  Its gate is what maps the signals of its
sources to its own.  A signal and its complement are the same to the levels above, so signals are
told in a normal form in which the first row, all inputs 0, gives 0: an XNOR feeding a NOR reads as
the XOR and the AND that they amount to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modnets.checked import checked
from modnets.errors import require
from modnets.models.modular import ModularNetwork
from modnets.models.structures import (
    NOTHING,
    Parameters,
    Structures,
    parameters_of,
    structures,
)
from modnets.tasks.gate_names import NEVER, name_of
from modnets.tasks.gates import all_rows
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Task

#: Range of a slot's output, as a share of its size, below which it counts as constant.
CONSTANT = 1e-5
#: Gap around 0, as a share of the range, from which on an output counts as parted by 0.
APART = 0.1


@dataclass(frozen=True)
class Readout:
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
    """

    name: str
    clarity: float
    table: tuple[int, ...]


@dataclass(frozen=True)
class LevelReadouts:
    """The gates of a level's slots, of many runs.

    Parameters
    ----------
    values : ndarray, shape (run, slot, row)
        Outputs.
    signals : ndarray of bool, shape (run, slot, row)
        In normal form.
    tables : ndarray of {0, 1, NEVER}, shape (run, slot, combination)
    clarity : ndarray, shape (run, slot)
    """

    values: np.ndarray
    signals: np.ndarray
    tables: np.ndarray
    clarity: np.ndarray

    @property
    def names(self) -> np.ndarray:
        """Name of each slot's gate, shape (run, slot)."""
        flat = self.tables.reshape(-1, self.tables.shape[-1])
        # A row as one number: rows would be sorted column by column.
        codes = (flat + 1) @ 3 ** np.arange(min(flat.shape[1], 39)) if flat.shape[1] <= 39 else None
        _, first, place = np.unique(
            flat if codes is None else codes,
            axis=0,
            return_index=True,
            return_inverse=True,
        )
        names = np.array([name_of(tuple(flat[one].tolist())) for one in first], dtype=object)
        return names[place].reshape(self.tables.shape[:-1])


def read_outs(
    network: ModularNetwork, parameters: Parameters, found: Structures, x: np.ndarray, task: int = 0
) -> list[LevelReadouts]:
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
    list of LevelReadouts
    """
    below = np.broadcast_to(x.T.astype(np.float32), (found.n_runs, *x.T.shape))
    signals, levels = below > 0.5, []
    for level, routing in enumerate(found.routing):
        sources = routing[:, task]
        read = _gather(below, sources)
        for number, (weight, bias) in enumerate(_layers(network, parameters, found, level, task)):
            read = np.maximum(read, 0.0) if number else read
            read = weight @ read + bias[..., None]
        below = read[:, :, 0]
        is_output = found.is_output(level, task)
        level_of = read_signals(below, _gather(signals, sources), is_output)
        signals = level_of.signals
        levels.append(level_of)
    return levels


@checked
def read_out(network: ModularNetwork, graph: Task | str, task: int = 0) -> list[list[Readout]]:
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
    levels = read_outs(network, parameters, structures(network, parameters), x, task)
    return [
        [Readout(n, float(c), tuple(t)) for n, c, t in zip(*parts, strict=True)]
        for parts in ((one.names[0], one.clarity[0], one.tables[0].tolist()) for one in levels)
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


def read_signals(
    values: np.ndarray, sources: np.ndarray, is_output: np.ndarray | None = None
) -> LevelReadouts:
    """Signals and gates of slots from what they give and what they read.

    Parameters
    ----------
    values : ndarray, shape (run, slot, row)
    sources : ndarray of bool, shape (run, slot, place, row)
        Signals of what each place reads.
    is_output : ndarray of bool, shape (run, slot), optional
        Slots whose output is a logit; without it none.
    """
    low, high = values.min(axis=2), values.max(axis=2)
    spread = high - low
    constant = ~(spread > CONSTANT * np.maximum(np.abs(low), np.abs(high)))  # of NaN too
    cut = (low + high) / 2
    if is_output is not None:
        above = np.where(values > 0, values, np.inf).min(axis=2)
        under = np.where(values > 0, -np.inf, values).max(axis=2)
        apart = above - under > APART * spread  # not where either is missing
        cut = np.where(is_output & apart & np.isfinite(above - under), np.zeros_like(cut), cut)
    bits = values > cut[..., None]
    flipped = bits[..., :1]
    signals = (bits != flipped) & ~constant[..., None]
    upright = np.where(flipped, -values, values)
    tables, bottom, top = _tables(signals, upright, sources)
    with np.errstate(invalid="ignore", divide="ignore"):
        clarity = np.clip(np.where(constant, 1.0, (bottom - top) / spread), 0.0, 1.0)
    return LevelReadouts(values, signals, tables, np.nan_to_num(clarity))


def _tables(
    signals: np.ndarray, values: np.ndarray, sources: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gate tables, the smallest output read as 1, and the largest read as 0."""
    n_places = sources.shape[2]
    weights = 1 << np.arange(n_places - 1, -1, -1)
    code = np.einsum("rspn,p->rsn", sources, weights)
    tables = np.empty((*code.shape[:2], 2**n_places), dtype=np.int8)
    bottom = np.full(code.shape[:2], np.inf, dtype=values.dtype)
    top = -bottom
    for combination in range(2**n_places):
        met = code == combination
        count, ones = met.sum(axis=2), (met & signals).sum(axis=2)
        one = 2 * ones > count
        tables[..., combination] = np.where(count == 0, NEVER, one)
        least = np.where(met, values, np.inf).min(axis=2)
        most = np.where(met, values, -np.inf).max(axis=2)
        bottom = np.where(one, np.minimum(bottom, least), bottom)
        top = np.where(one, top, np.maximum(top, most))
    bottom = np.where(np.isfinite(bottom), bottom, -np.inf)  # no combination is read as 1
    return tables, bottom, top


def _gather(below: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """What each place reads, shape (run, slot, place, row); zero where it reads nothing."""
    runs = np.arange(len(below))[:, None, None]
    read = below[runs, sources]
    return np.where((sources == NOTHING)[..., None], np.zeros((), below.dtype), read)


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
