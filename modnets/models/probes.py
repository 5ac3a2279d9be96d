"""What can be read from the layers of many monolithic networks: linear probes, one for each layer.

A probe is a ridge regression from the units of a hidden layer to a sub-function of the task's graph
(Alain and Bengio, 2016).  It is scored on rows that it was not fitted on, one left out at a time
(means are those of all rows): with nearly as many units as rows a probe fits anything.  A layer of
random weights scores well too on simple functions, so compare with the network before training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.models.monolithic import MLP
from modnets.models.structures import Parameters
from modnets.tasks.graphs import FunctionGraph

#: Weight of the ridge, times the mean square of a unit and the number of rows.
RIDGE = 1e-3


def hidden_units(network: MLP, values: Parameters, x: np.ndarray) -> list[np.ndarray]:
    """The hidden units of many networks of one shape, after ReLU.

    Parameters
    ----------
    network : MLP
    values : dict of Tensor, shape (run, ...)
        Parameters by name, and the masks of sparse networks.
    x : ndarray, shape (row, input)

    Returns
    -------
    list of ndarray, shape (run, row, unit), one for each hidden layer
    """
    arrays = {name: value.detach().cpu().numpy() for name, value in values.items()}
    units, layers = x.astype(np.float32), []
    for number in range(len(network.layers) - 1):
        weight, bias = (arrays[f"layers.{number}.{kind}"] for kind in ("weight", "bias"))
        if network.sparse:
            weight = weight * arrays[f"weight_mask_{number}"]
            bias = bias * arrays[f"bias_mask_{number}"]
        units = np.maximum(units @ weight.swapaxes(1, 2) + bias[:, None], 0.0)
        layers.append(units)
    return layers


def sub_functions(graph: FunctionGraph, x: np.ndarray) -> np.ndarray:
    """Every sub-function's output, level by level, shape (sub-function, row)."""
    return np.concatenate(graph.values(x), axis=1).T


def readable(units: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """How well functions can be read from units on rows left out.

    Parameters
    ----------
    units : ndarray, shape (run, row, unit)
    targets : ndarray of {0, 1}, shape (function, row)

    Returns
    -------
    ndarray, shape (run, function)
        Balanced accuracy, in [0, 1]: the mean of the shares of ones and of zeros that are right;
        0.5 is chance, and NaN stands for a constant function.  What cannot be read may score less:
        without the row left out its own answer is the rarer one.
    """
    units = np.nan_to_num(units.astype(float))
    units = units - units.mean(axis=1, keepdims=True)
    gram = units.swapaxes(1, 2) @ units
    scale = np.trace(gram, axis1=1, axis2=2) / gram.shape[1]
    scale = np.where(scale > 0, scale, 1.0)  # of a layer without a unit in use
    gram += RIDGE * scale[:, None, None] * np.eye(gram.shape[1])
    mean = targets.mean(axis=1, keepdims=True)
    wanted = targets - mean
    solved = np.linalg.solve(gram, units.swapaxes(1, 2))  # (run, unit, row)
    leverage = np.einsum("rnu,run->rn", units, solved)
    told = wanted @ (units @ solved).swapaxes(1, 2)  # (run, function, row)
    left_out = wanted - (wanted - told) / np.maximum(1 - leverage, 1e-9)[:, None]
    ones = targets > 0
    right = (left_out + mean > 0.5) == ones
    with np.errstate(invalid="ignore", divide="ignore"):
        of_ones = (right & ones).sum(axis=2) / ones.sum(axis=1)
        of_zeros = (right & ~ones).sum(axis=2) / (~ones).sum(axis=1)
    return (of_ones + of_zeros) / 2


def readable_by_layer(
    network: MLP, values: Parameters, graph: FunctionGraph, x: np.ndarray
) -> np.ndarray:
    """How well each sub-function can be read from each hidden layer, (run, layer, sub-function).

    Parameters
    ----------
    network, values
        As for ``hidden_units``.
    graph : FunctionGraph
    x : ndarray of {0, 1}, shape (row, input)
    """
    targets = sub_functions(graph, x)
    layers: Sequence[np.ndarray] = hidden_units(network, values, x)
    return np.stack([readable(units, targets) for units in layers], axis=1)
