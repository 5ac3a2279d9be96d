"""Networks pruned to the accuracy kept: units first, then edges, many networks side by side.

Units go whose removal raises the training loss least, then edges that matter least to the unit that
they lead to; what is left trains on for a few steps, and a network that has lost accuracy on its
training rows goes back and tries half as many, until not even one can go.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from modnets.models.monolithic import Monolithic
from modnets.training.backends.eager import one_thread

#: Shares of units, and of edges, that are tried at first.
FIRST_UNITS, FIRST_EDGES = 0.5, 0.3
#: Steps of Adam after each removal, and their rate.
STEPS, RATE = 20, 0.01
#: A training loss that counts as kept, and how many times the loss before pruning does.
KEPT_LOSS, TIMES = 0.05, 1.2
MOST_ROUNDS = 60


@dataclass(frozen=True, eq=False)
class PrunedNetwork:
    """What is left of a network.

    Parameters
    ----------
    weights, biases : list of ndarray
        Of each layer, shapes (unit, unit below) and (unit,); edges that are gone are 0.
    units : list of ndarray of int
        Of each hidden layer, which of the network's units are left.
    accuracy : float
        On training bits.
    flops : float
        Floating-point operations of pruning.
    """

    weights: list[np.ndarray]
    biases: list[np.ndarray]
    units: list[np.ndarray]
    accuracy: float
    flops: float

    @property
    def n_units(self) -> int:
        """Hidden units left."""
        return sum(map(len, self.units))

    @property
    def n_edges(self) -> int:
        """Edges left."""
        return sum(int(np.count_nonzero(one)) for one in self.weights)

    def layers(self, x: np.ndarray) -> list[np.ndarray]:
        """Activations of hidden layers, and logits, for rows (row, input); each (row, unit)."""
        found, below = [], np.asarray(x, float)
        for number, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            below = below @ weight.T + bias
            if number < len(self.units):
                below = np.maximum(below, 0.0)
            found.append(below)
        return found


@dataclass(frozen=True, eq=False)
class _Stack:
    """Networks side by side: of each layer weights (network, out, in), biases, and edges left."""

    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    edges: tuple[Tensor, ...]
    units: tuple[Tensor, ...]  # (network, unit) of each hidden layer; -1 for none

    @property
    def alive(self) -> list[Tensor]:
        """Which units of each hidden layer are there, shape (network, unit)."""
        return [units >= 0 for units in self.units]

    def tensors(self) -> list[Tensor]:
        return [*self.weights, *self.biases, *self.edges, *self.units]

    @classmethod
    def from_tensors(cls, tensors: Sequence[Tensor]) -> _Stack:
        n = (len(tensors) + 1) // 4
        parts = tensors[:n], tensors[n : 2 * n], tensors[2 * n : 3 * n], tensors[3 * n :]
        return cls(*map(tuple, parts))


def pruned(
    networks: Sequence[Monolithic], rows: Sequence[tuple[np.ndarray, np.ndarray]]
) -> list[PrunedNetwork]:
    """Networks of one shape, pruned to the accuracy that they have on their training rows.

    Parameters
    ----------
    networks : sequence of Monolithic
        Of bits.
    rows : sequence of (inputs, outputs)
        Of each network, shapes (row, input) and (row, output); outputs above 1 do not count.
    """
    with one_thread():
        return _pruned(networks, _Data(rows))


def _pruned(networks: Sequence[Monolithic], data: _Data) -> list[PrunedNetwork]:
    with torch.no_grad():
        stack = _stacked(networks)
        loss, accuracy = data.scores(stack)
    kept = torch.clamp(TIMES * loss, min=KEPT_LOSS), accuracy
    for of_units in (True, False):
        stack = _shrunk(stack, data, kept, of_units)
    with torch.no_grad():
        _, accuracy = data.scores(stack)
    return _separated(stack, accuracy.tolist(), data.flops / len(networks))


class _Data:
    """Training rows of many networks, padded, and what was computed on them."""

    def __init__(self, rows: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
        most = max(len(x) for x, _ in rows)
        pad = lambda part, value: np.pad(  # noqa: E731
            np.asarray(part, np.float32), ((0, most - len(part)), (0, 0)), constant_values=value
        )
        self.x = torch.from_numpy(np.stack([pad(x, 0) for x, _ in rows]))
        y = torch.from_numpy(np.stack([pad(y, 2) for _, y in rows]))
        self.counted, self.y = (y <= 1).float(), (y == 1).float()
        self.share = self.counted / self.counted.sum((1, 2), keepdim=True).clamp(min=1)
        self.flops = 0.0

    def loss(self, logits: Tensor) -> Tensor:
        """Mean loss of each network, shape (network,)."""
        each = binary_cross_entropy_with_logits(logits, self.y, reduction="none")
        return (each * self.share).sum((1, 2))

    def scores(self, stack: _Stack) -> tuple[Tensor, Tensor]:
        """Loss and bit accuracy of each network."""
        logits = self.layers(stack.weights, stack.biases)[-1]
        right = ((logits > 0).float() == self.y).float()
        return self.loss(logits), (right * self.share).sum((1, 2))

    def layers(
        self, weights: Sequence[Tensor], biases: Sequence[Tensor], below: Tensor | None = None
    ) -> list[Tensor]:
        """Activations, and logits, from what a layer reads, by default the inputs."""
        below, found = self.x if below is None else below, []
        for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            self.flops += 2 * below.shape[1] * weight.numel()
            below = torch.baddbmm(bias[:, None], below, weight.mT)
            if number < len(weights) - 1:
                below = below.relu()
            found.append(below)
        return found


def _stacked(networks: Sequence[Monolithic]) -> _Stack:
    layers = range(len(networks[0].layers))
    parts = [[one.weights(number) for one in networks] for number in layers]
    weights = tuple(torch.stack([w.detach().float() for w, _ in of]) for of in parts)
    biases = tuple(torch.stack([b.detach().float() for _, b in of]) for of in parts)
    edges = tuple((weight != 0).float() for weight in weights)
    units = tuple(
        torch.arange(weight.shape[1]).expand(len(networks), -1).clone() for weight in weights[:-1]
    )
    return _Stack(weights, biases, edges, units)


def _shrunk(stack: _Stack, data: _Data, kept: tuple[Tensor, Tensor], of_units: bool) -> _Stack:
    """Without the units, or the edges, that the accuracy on training rows does not need."""
    share = torch.full((len(data.x),), FIRST_UNITS if of_units else FIRST_EDGES)
    done = torch.zeros(len(data.x), dtype=torch.bool)
    for _ in range(MOST_ROUNDS):
        there, worth = _worth_of_units(stack, data) if of_units else _worth_of_edges(stack, data)
        number = torch.floor(there.sum(1) * share).clamp(min=1)
        rank = worth.argsort(dim=1, stable=True).argsort(1)
        left = there & ~((rank < number[:, None]) & ~done[:, None])
        smaller = _with_units(stack, left) if of_units else _with_edges(stack, left)
        smaller = _trained(smaller, data)
        with torch.no_grad():
            loss, accuracy = data.scores(smaller)
        good = (loss <= kept[0]) & (accuracy >= kept[1] - 1e-6) & ~done & (left.sum(1) > 0)
        stack = _compact(_chosen(good, smaller, stack))
        done |= ~good & (number <= 1)
        share = torch.where(good, share, share / 2)
        if bool(done.all()):
            break
    return stack


def _worth_of_units(stack: _Stack, data: _Data) -> tuple[Tensor, Tensor]:
    """Which units are there, and how much the loss rises without each, (network, unit of all)."""
    worth = []
    with torch.no_grad():
        found = data.layers(stack.weights, stack.biases)
        for number, activations in enumerate(found[:-1]):
            above = stack.weights[number + 1 :], stack.biases[number + 1 :]
            for unit in range(activations.shape[2]):
                without = activations.clone()
                without[..., unit] = 0.0
                worth.append(data.loss(data.layers(*above, without)[-1]))
    there = torch.cat(stack.alive, dim=1)
    return there, torch.where(there, torch.stack(worth, dim=1), torch.inf)


def _worth_of_edges(stack: _Stack, data: _Data) -> tuple[Tensor, Tensor]:
    """Which edges are there, and the share of what its unit reads that varies with each."""
    worth, there = [], []
    with torch.no_grad():
        read = [data.x, *data.layers(stack.weights, stack.biases)[:-1]]
        for weight, edges, below in zip(stack.weights, stack.edges, read, strict=True):
            varies = weight.abs() * below.std(dim=1)[:, None]
            varies = varies / varies.square().sum(2, keepdim=True).sqrt().clamp(min=1e-9)
            worth.append(torch.where(edges > 0, varies, torch.inf).flatten(1))
            there.append(edges.flatten(1) > 0)
    return torch.cat(there, dim=1), torch.cat(worth, dim=1)


def _with_units(stack: _Stack, left: Tensor) -> _Stack:
    sizes = [units.shape[1] for units in stack.units]
    units = tuple(
        torch.where(keep, one, -1)
        for one, keep in zip(stack.units, left.split(sizes, dim=1), strict=True)
    )
    return _without_loose_ends(replace(stack, units=units))


def _with_edges(stack: _Stack, left: Tensor) -> _Stack:
    sizes = [edges[0].numel() for edges in stack.edges]
    edges = tuple(
        keep.reshape(one.shape).float()
        for one, keep in zip(stack.edges, left.split(sizes, dim=1), strict=True)
    )
    return _without_loose_ends(replace(stack, edges=edges))


def _without_loose_ends(stack: _Stack) -> _Stack:
    """Without edges of units that are gone, and units that nothing leads to, or from."""
    edges, units = list(stack.edges), list(stack.units)
    for _ in range(len(units) + 1):
        for number in range(len(units)):
            here = units[number] >= 0
            edges[number] = edges[number] * here[:, :, None]
            edges[number + 1] = edges[number + 1] * here[:, None]
            # A unit that reads nothing is a constant, which the biases above can take.
            used = (edges[number].sum(2) > 0) & (edges[number + 1].sum(1) > 0)
            units[number] = torch.where(used, units[number], -1)
    weights = [weight * edge for weight, edge in zip(stack.weights, edges, strict=True)]
    biases = [
        bias * (units[number] >= 0) if number < len(units) else bias
        for number, bias in enumerate(stack.biases)
    ]
    return _Stack(tuple(weights), tuple(biases), tuple(edges), tuple(units))


def _trained(stack: _Stack, data: _Data) -> _Stack:
    """After a few steps of Adam on the training rows."""
    weights = [one.clone().requires_grad_() for one in stack.weights]
    biases = [one.clone().requires_grad_() for one in stack.biases]
    alive = [*(one[..., None] for one in stack.alive), None]
    optimizer = torch.optim.Adam([*weights, *biases], lr=RATE, foreach=True)
    masks = [*stack.edges, *(1.0 if one is None else one[..., 0].float() for one in alive)]
    with torch.enable_grad():
        for _ in range(STEPS):
            parts: list[Any] = [p * m for p, m in zip([*weights, *biases], masks, strict=True)]
            logits = data.layers(parts[: len(weights)], parts[len(weights) :])[-1]
            optimizer.zero_grad()
            data.loss(logits).sum().backward()
            optimizer.step()
    data.flops += 2 * STEPS * sum(2 * data.x.shape[1] * one.numel() for one in weights)
    with torch.no_grad():
        parts = [(p * m).detach() for p, m in zip([*weights, *biases], masks, strict=True)]
    return replace(stack, weights=tuple(parts[: len(weights)]), biases=tuple(parts[len(weights) :]))


def _chosen(good: Tensor, smaller: _Stack, larger: _Stack) -> _Stack:
    """For each network the smaller one where that is good."""
    pairs = zip(smaller.tensors(), larger.tensors(), strict=True)
    return _Stack.from_tensors(
        [torch.where(good.reshape(-1, *[1] * (a.dim() - 1)), a, b) for a, b in pairs]
    )


def _compact(stack: _Stack) -> _Stack:
    """Without places in hidden layers that no network needs."""
    weights, biases, edges, units = map(
        list, (stack.weights, stack.biases, stack.edges, stack.units)
    )
    for number, alive in enumerate(stack.alive):
        width = max(1, int(alive.sum(1).max()))
        if width == alive.shape[1]:
            continue
        order = (~alive).to(torch.uint8).argsort(dim=1, stable=True)[:, :width]
        units[number] = units[number].gather(1, order)
        biases[number] = biases[number].gather(1, order)
        for parts in (weights, edges):
            below, above = parts[number], parts[number + 1]
            parts[number] = below.gather(1, order[..., None].expand(-1, -1, below.shape[2]))
            parts[number + 1] = above.gather(2, order[:, None].expand(-1, above.shape[1], -1))
    return _Stack(tuple(weights), tuple(biases), tuple(edges), tuple(units))


def _separated(stack: _Stack, accuracy: list[float], flops: float) -> list[PrunedNetwork]:
    found = []
    for index, right in enumerate(accuracy):
        units = [one[index].numpy() for one in stack.units]
        places = [np.flatnonzero(one >= 0) for one in units]
        first = np.arange(stack.weights[0].shape[2])
        last = np.arange(stack.weights[-1].shape[1])
        weights, biases = [], []
        for weight, bias, below, here in zip(
            stack.weights, stack.biases, [first, *places], [*places, last], strict=True
        ):
            weights.append(weight[index].numpy().astype(float)[np.ix_(here, below)])
            biases.append(bias[index].numpy().astype(float)[here])
        names = [one[place] for one, place in zip(units, places, strict=True)]
        found.append(PrunedNetwork(weights, biases, names, right, flops))
    return found
