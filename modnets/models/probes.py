"""Linear probes of the layers of many monolithic networks.

A probe is a ridge regression from the units of a hidden layer to a sub-function of the task's graph
(Alain and Bengio, 2016).  It is scored by leave-one-out cross-validation (means are those of all
rows), since with nearly as many units as rows a probe fits anything.  A layer of random weights
scores well too on simple functions, so compare with the network before training.  Of a table of
more than 512 rows probes take a fixed sample, the same for all networks of a width.
"""

from __future__ import annotations

import numpy as np
import torch

from modnets.models.monolithic import MLP
from modnets.models.structures import Parameters
from modnets.tasks.graphs import FunctionGraph

#: Ridge penalty, relative to the sum of squares of a unit over all rows, averaged over units.
RIDGE = 1e-3
#: Tables of up to so many rows, or so many times the units of the widest layer, are probed whole.
WHOLE_ROWS, ROWS_FOR_UNIT = 512, 8
#: Units times rows of the networks that are probed at once, so that they stay in the cache.
MAX_VALUES = 2**18


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
    tensors = {name: value.detach().cpu() for name, value in values.items()}
    units, layers = torch.from_numpy(x.astype(np.float32)), []
    for number in range(len(network.layers) - 1):
        weight, bias = (tensors[f"layers.{number}.{kind}"] for kind in ("weight", "bias"))
        if network.sparse:
            weight = weight * tensors[f"weight_mask_{number}"]
            bias = bias * tensors[f"bias_mask_{number}"]
        units = (units @ weight.mT).add_(bias[:, None]).relu_()
        layers.append(units.numpy())
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
    # Products by torch, which keeps to one thread in a chunk: more are slower at these sizes.
    inputs = torch.from_numpy(units.astype(float))
    if not inputs.isfinite().all():
        inputs.nan_to_num_()
    inputs -= inputs.mean(dim=1, keepdim=True)
    gram = inputs.mT @ inputs
    diagonal = gram.diagonal(dim1=1, dim2=2)
    scale = diagonal.mean(dim=1, keepdim=True)
    diagonal += RIDGE * scale.where(scale > 0, 1.0)  # a layer whose units are all constant
    mean = targets.mean(axis=1, keepdims=True)
    centred = targets - mean
    factor = torch.linalg.cholesky_ex(gram).L
    whitened = torch.linalg.solve_triangular(factor, inputs.mT, upper=False)  # (run, unit, row)
    leverage = whitened.square().sum(dim=1).numpy()
    # (run, function, row), with no matrix of rows x rows
    predicted = ((torch.from_numpy(centred) @ whitened.mT) @ whitened).numpy()
    left_out = centred - (centred - predicted) / np.maximum(1 - leverage, 1e-9)[:, None]
    ones = targets > 0
    right = (left_out + mean > 0.5) == ones
    with np.errstate(invalid="ignore", divide="ignore"):
        of_ones = (right & ones).sum(axis=2) / ones.sum(axis=1)
        of_zeros = (right & ~ones).sum(axis=2) / (~ones).sum(axis=1)
    return (of_ones + of_zeros) / 2


def probed_rows(n_rows: int, n_units: int) -> np.ndarray:
    """The rows of a table that probes take, in ascending order, shape (row,).

    Parameters
    ----------
    n_rows : int
        Of the table.
    n_units : int
        Of the widest layer: a probe needs several rows for each unit.
    """
    most = max(WHOLE_ROWS, ROWS_FOR_UNIT * n_units)
    if n_rows <= most:
        return np.arange(n_rows)
    return np.sort(np.random.default_rng(0).permutation(n_rows)[:most])


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
        All rows; see :func:`probed_rows`.
    """
    widest = max(len(layer.weight) for layer in list(network.layers)[:-1])
    x = x[probed_rows(len(x), widest)]
    targets, n_runs = sub_functions(graph, x), len(next(iter(values.values())))
    step = max(1, MAX_VALUES // (len(x) * widest))
    parts = []
    for start in range(0, n_runs, step):
        some = {name: value[start : start + step] for name, value in values.items()}
        layers = hidden_units(network, some, x)
        parts.append(np.stack([readable(units, targets) for units in layers], axis=1))
    return np.concatenate(parts)
