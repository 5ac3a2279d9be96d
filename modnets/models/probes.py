"""Linear probes of the layers of many monolithic networks.

A probe is a ridge regression from the units of a hidden layer to a sub-function of the task's graph
(Alain and Bengio, 2016).  It is scored by leave-one-out cross-validation (means are those of all
rows), since with nearly as many units as rows a probe fits anything.  A layer of random weights
scores well too on simple functions, so compare with the network before training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from modnets.models.monolithic import MLP
from modnets.models.structures import Parameters
from modnets.tasks.graphs import FunctionGraph

#: Ridge penalty, relative to the sum of squares of a unit over all rows, averaged over units.
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
    """Leave-one-out accuracy of linear probes for functions.

    Parameters
    ----------
    units : ndarray, shape (run, row, unit)
    targets : ndarray of {0, 1}, shape (function, row)

    Returns
    -------
    ndarray, shape (run, function)
        Balanced accuracy, in [0, 1]: the mean of the shares of ones and of zeros that are right;
        0.5 is chance, and NaN stands for a constant function.  A function that cannot be decoded
        may score less, since leaving a row out makes its answer rarer among the rest.
    """
    units = np.nan_to_num(units.astype(float))
    units = units - units.mean(axis=1, keepdims=True)
    gram = units.swapaxes(1, 2) @ units
    scale = np.trace(gram, axis1=1, axis2=2) / gram.shape[1]
    scale = np.where(scale > 0, scale, 1.0)  # a layer whose units are all constant
    gram += RIDGE * scale[:, None, None] * np.eye(gram.shape[1])
    mean = targets.mean(axis=1, keepdims=True)
    centred = targets - mean
    solved = np.linalg.solve(gram, units.swapaxes(1, 2))  # (run, unit, row)
    leverage = np.einsum("rnu,run->rn", units, solved)
    predicted = (centred @ units) @ solved  # (run, function, row), no matrix of rows x rows
    left_out = centred - (centred - predicted) / np.maximum(1 - leverage, 1e-9)[:, None]
    ones = targets > 0
    right = (left_out + mean > 0.5) == ones
    with np.errstate(invalid="ignore", divide="ignore"):
        of_ones = (right & ones).sum(axis=2) / ones.sum(axis=1)
        of_zeros = (right & ~ones).sum(axis=2) / (~ones).sum(axis=1)
    return (of_ones + of_zeros) / 2


def readable_by_layer(
    network: MLP, values: Parameters, graph: FunctionGraph, x: np.ndarray
) -> np.ndarray:
    """Accuracy of probes for each sub-function, shape (run, layer, sub-function).

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
