"""Modules that start at tables: MLPs changed as little as can be to compute the bits of a table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from modnets.models.modular import ModularNetwork
from modnets.models.modules import Layers, Modules, compute, draw, empty_layers
from modnets.models.random_states import ALONE

#: What a module gives for 0 and for 1: logits of the outputs, and signals between levels.
SIGNALS = (-2.0, 2.0)
BITS = (0.0, 1.0)  # what the first level reads, and all levels where signals are binary
#: Draws of a module's layers that are looked at.
DRAWS = 16
#: Singular values below this share of the largest count as 0, and how bad it is to miss a table.
RANK, BAD = 1e-3, 1e4

Pair = tuple[float, float]


def start_at_tables(network: ModularNetwork, tables: np.ndarray, seed: int) -> None:
    """Change modules such that each computes its table.

    Of all changes of the last layer's weights and bias that do so the one of the least norm is
    taken, and of DRAWS draws of the layers below, its own one the first, that which needs the
    least.  Where none does, as of a module without hidden units, the nearest one.  Of signals of
    several channels the first gives the table's bits, and the others start as what reads zero.

    Parameters
    ----------
    network : ModularNetwork
        Its choices are those for which the tables hold.
    tables : ndarray of bool, shape (table, corner)
        Of own modules level by level; else of the pool.  Bit i of a corner's index is input i.
    seed : int
        Of the other draws.
    """
    with ALONE, torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        _start_at_tables(network, tables)


@torch.no_grad()
def tables_of(network: ModularNetwork) -> np.ndarray:
    """The tables that the modules of a network compute as they are.

    The first level reads bits.  What others read for 0 and 1 are the means of what modules give
    below and above 0 one level deeper, those of a pool always on bits; of signals of several
    channels the first one tells which is which.

    Returns
    -------
    ndarray of bool, shape (table, corner)
        Of own modules level by level.  Of a pool first those of all modules on bits, then those on
        signals.  Bit i of a corner's index is input i.
    """
    tables: list[Tensor] = []
    corners = _corners(network.arity)
    low, high = (np.full(1, bit) for bit in BITS)  # of each channel
    pools = [network.pools[0]] * 2 if network.shared else network.pools
    for pool in pools:
        read = np.where(corners[:, None], high[:, None], low[:, None])
        x = torch.from_numpy(read.reshape(len(corners), -1).T.copy()).to(pool.weight[0].dtype)
        values = compute(pool.layers(), x[None])
        values = values.reshape(-1, *values.shape[-2:])  # (channel, module, corner)
        ones = values[0] > 0
        tables.append(ones)
        if network.binary_signals:
            values = (values > 0).to(values.dtype)
        low, high = (
            values[:, some].mean(dim=1).numpy() if some.any() else np.full(len(values), other)
            for some, other in zip((~ones, ones), SIGNALS, strict=True)
        )
    return torch.cat(tables).numpy()


def _corners(arity: int) -> np.ndarray:
    """The combinations of bits, shape (corner, input); input 0 is fastest."""
    return np.array(list(itertools.product((0, 1), repeat=arity)))[:, ::-1]


def _start_at_tables(network: ModularNetwork, tables: np.ndarray) -> None:
    reads: dict[tuple[int, int], set[Pair]] = {}
    first = 0
    for level, n_slots in enumerate(network.slots):
        low_high = SIGNALS if level and not network.binary_signals else BITS
        modules = network.selection[level].fill() if network.shared else range(n_slots)
        for module in modules:
            reads.setdefault((0 if network.shared else level, module), set()).add(low_high)
    for number, pool in enumerate(network.pools):
        alike: dict[tuple[Pair, ...], list[int]] = {}
        others: dict[int, Layers] = {}
        for module in range(pool.count):
            signals = tuple(sorted(reads.get((number, module), ())))
            if signals:
                alike.setdefault(signals, []).append(module)
                others[module] = draw(empty_layers(DRAWS - 1, pool.arch))
        rest = SIGNALS[0] if network.binary_signals else 0.0
        for signals, modules in alike.items():
            of_modules = tables[[first + module for module in modules]]
            draws = [others[module] for module in modules]
            _fit(pool, modules, draws, of_modules, signals, network.arity, rest)
        first += pool.count


def _fit(
    pool: Modules,
    modules: list[int],
    others: list[Layers],
    tables: np.ndarray,
    signals: Sequence[Pair],
    arity: int,
    rest: float,
) -> None:
    """Make modules compute tables for inputs of some pairs of signals, and else the rest.

    Parameters
    ----------
    pool : Modules
    modules : list of int
    others : list of Layers
        Other draws of the layers of each module.
    tables : ndarray of bool, shape (module, corner)
    signals : sequence of (low, high)
    arity : int
    rest : float
    """
    points = np.concatenate([np.array(pair)[_corners(arity)] for pair in signals])
    wanted = np.full((len(modules), len(points), pool.arch[-1]), rest)
    wanted[..., 0] = np.tile(np.array(SIGNALS)[tables.astype(int)], len(signals))
    layers = [  # shape (module, draw, ...)
        [
            torch.cat([part[modules][:, None], torch.stack(drawn)], dim=1)
            for part, drawn in zip(own, zip(*of_layer, strict=True), strict=True)
        ]
        for own, of_layer in zip(pool.layers(), zip(*others, strict=True), strict=True)
    ]
    x = torch.from_numpy(points.T.copy()).to(layers[0][0].dtype)
    hidden = x.expand(len(modules), DRAWS, -1, -1)
    for weight, bias in layers[:-1]:
        hidden = torch.relu(weight[..., : hidden.shape[2]] @ hidden + bias[..., None])
    weight, bias = layers[-1]
    given = weight[..., : hidden.shape[2]] @ hidden + bias[..., None]  # what is not read is 0
    missing = torch.from_numpy(wanted)[:, None] - given.mT
    features = torch.cat([hidden, torch.ones_like(hidden[:, :, :1])], dim=2).double().mT
    change = torch.linalg.pinv(features, rtol=RANK) @ missing
    left = features @ change - missing
    badness = change.square().sum(dim=(2, 3)) + BAD * left.square().sum(dim=(2, 3))
    best = torch.arange(len(modules)), badness.argmin(dim=1)
    for (weight, bias), (new_weight, new_bias) in zip(pool.layers(), layers, strict=True):
        weight[modules], bias[modules] = new_weight[best], new_bias[best]
    weight, bias = pool.layers()[-1]
    weight[modules, :, : features.shape[3] - 1] += change[best][:, :-1].mT.to(weight.dtype)
    bias[modules] += change[best][:, -1].to(bias.dtype)
