"""Networks in Python's own numbers, and gradients by differences, for the tests of models."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterator

import numpy as np
import torch

from modnets.models.modular import ModularNetwork
from modnets.models.monolithic import CNN


def dot(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def sigmoid(column: list[float]) -> list[float]:
    return [1 / (1 + math.exp(-v)) for v in column]


def softmax(column: list[float]) -> list[float]:
    powers = [math.exp(v) for v in column]
    return [power / sum(powers) for power in powers]


def literal_mlp(layers: list[tuple[list, list]], x: list[float]) -> list[float]:
    """Layers of (weight [out][in], bias [out]), ReLU between them."""
    for number, (weight, bias) in enumerate(layers):
        x = x if number == 0 else [max(v, 0.0) for v in x]
        x = [dot(row, x) + b for row, b in zip(weight, bias, strict=True)]
    return x


def literal_convolution(weight: list, bias: list, images: list, border: int) -> list:
    """Images [channel][y][x] -> [out][y][x]; weight [out][in][i][j], zeros around the images."""
    side, size = len(images[0]), len(weight[0][0])
    places = range(side + 2 * border - size + 1)

    def pixel(image: list, y: int, x: int) -> float:
        return image[y][x] if 0 <= y < side and 0 <= x < side else 0.0

    return [
        [
            [
                b
                + sum(
                    kernel[i][j] * pixel(image, y + i - border, x + j - border)
                    for kernel, image in zip(kernels, images, strict=True)
                    for i in range(size)
                    for j in range(size)
                )
                for x in places
            ]
            for y in places
        ]
        for kernels, b in zip(weight, bias, strict=True)
    ]


def literal_cnn(convolutions: list, linear: list, images: list, border: int) -> list[float]:
    """Convolutions, each with ReLU and the largest of 2 x 2, then linear layers."""
    for weight, bias in convolutions:
        found = literal_convolution(weight, bias, images, border)
        halves = range(len(found[0]) // 2)
        images = [
            [
                [
                    max(0.0, *(f[2 * y + i][2 * x + j] for i in (0, 1) for j in (0, 1)))
                    for x in halves
                ]
                for y in halves
            ]
            for f in found
        ]
    return literal_mlp(linear, [v for image in images for row in image for v in row])


def literal_monolithic(net: torch.nn.Module, layers: list, pixels: list[float]) -> list[float]:
    """An MLP or a CNN with the given layers, (weight, bias) from the first on."""
    if not isinstance(net, CNN):
        return literal_mlp(layers, pixels)
    n_images, side, _ = net.image_shape
    rows = [pixels[start : start + side] for start in range(0, len(pixels), side)]
    assert len(rows) == n_images * side
    images = [rows[start : start + side] for start in range(0, len(rows), side)]
    n = net.n_convolutions
    return literal_cnn(layers[:n], layers[n:], images, net.padding)


def parameters(net: torch.nn.Module) -> dict[str, list]:
    return {name: p.tolist() for name, p in net.named_parameters()}


class Literal:
    """A modular network for one row, in Python's own numbers.

    A learned choice is ``hard(start) + soft(now) - soft(start)``: that has the value and the
    gradient which a straight-through estimator is to have, and can be differentiated by
    differences of ``now``.  Noise is told choice by choice: sources (or modules), of each the
    slots, of each the tasks; image slots come last.  Values are told channel by channel, and a bit
    between modules is straight-through as a choice is.
    """

    def __init__(self, net: ModularNetwork, temperature: float = 1.0) -> None:
        self.net, self.temperature = net, temperature
        self.start = parameters(net)
        self.arity = net.pools[0].arch[0] // net.signal_size

    def __call__(self, x: list[float], now: dict | None = None, noise: list | None = None) -> list:
        before: list[float] = []  # what is made a bit, as it was at the start
        self.forward(x, self.start, noise, before.append, lambda value: value)
        was = iter(before)
        return self.forward(x, now or self.start, noise, lambda _: None, lambda _: next(was))

    def forward(self, x: list[float], now: dict, noise: list | None, keep, at_start) -> list:
        net = self.net

        def signals(channels: list[list[float]]) -> list[list[float]]:
            if not net.binary_signals:
                return channels
            bits = []
            for values in channels:
                bits.append([])
                for value in values:
                    keep(value)
                    was = at_start(value)
                    soft = sigmoid([value, was])
                    bits[-1].append((was > 0) + soft[0] - soft[1])
            return bits

        draws = itertools.repeat(0.0) if noise is None else iter(noise)
        task, of = 0, net.n_tasks
        if of > 1:
            x, task = x[: net.n_inputs], x[net.n_inputs :].index(1.0)
        levels, filled = range(len(net.slots)), range(len(net.slots) if net.shared else 0)
        take = (now, draws, task, of)
        routing = [self.choose(f"routing.{level}", self.arity, *take) for level in levels]
        selection = [self.choose(f"selection.{level}", None, *take) for level in filled]
        output_routing = self.choose("output_routing", net.n_outputs, *take)
        if net.image_level is not None:
            (x,) = signals([self.see(x, now, draws)])
        seen, below = [], [x, *[[0.0] * len(x)] * (net.signal_size - 1)]
        for level, slots in enumerate(routing):
            read = [[dot(place, x) for x in below for place in places] for places in slots]
            if net.shared:
                every = [
                    [self.module(0, m, values, now) for m in range(net.pools[0].count)]
                    for values in read
                ]
                given = [
                    [dot(chosen, values) for values in zip(*of_slot, strict=True)]
                    for chosen, of_slot in zip(selection[level], every, strict=True)
                ]
            else:
                given = [self.module(level, slot, values, now) for slot, values in enumerate(read)]
            channels = [list(values) for values in zip(*given, strict=True)]
            x, below = channels[0], signals(channels)
            seen += x
        return [dot(place, seen if net.every_level else x) for place in output_routing[0]]

    def module(self, pool: int, number: int, x: list[float], now: dict) -> list[float]:
        layers = [
            (now[f"pools.{pool}.weight.{n}"][number], now[f"pools.{pool}.bias.{n}"][number])
            for n in range(len(self.net.pools[0].arch) - 1)
        ]
        return literal_mlp(layers, x)

    def see(self, x: list[float], now: dict, draws: Iterator[float]) -> list[float]:
        """The values of all image slots, one slot after the other."""
        level = self.net.image_level
        size = len(x) // level.n_images
        images = [x[start : start + size] for start in range(0, len(x), size)]
        looks = self.choose("image_level.routing", 1, now, draws)
        fills = None
        if level.selection is not None:
            fills = self.choose("image_level.selection", None, now, draws)
        found: list[float] = []
        for slot in range(level.n_slots):
            pixels = [dot(looks[slot][0], values) for values in zip(*images, strict=True)]
            every = [self.look(number, pixels, now) for number in range(len(level.pool))]
            if fills is not None:
                found += [dot(fills[slot], values) for values in zip(*every, strict=True)]
            else:
                found += every[0 if level.shared else slot]
        return found

    def look(self, number: int, pixels: list[float], now: dict) -> list[float]:
        net = self.net.image_level.pool[number]
        names = [f"image_level.pool.{number}.layers.{n}" for n in range(len(net.layers))]
        layers = [(now[f"{name}.weight"], now[f"{name}.bias"]) for name in names]
        return literal_monolithic(net, layers, pixels)

    def choose(
        self,
        name: str,
        n_places: int | None,
        now: dict,
        draws: Iterator[float],
        task: int = 0,
        n_tasks: int = 1,
    ) -> list:
        """[slot][place][source] for routing, [slot][module] for selection (no places)."""
        part = self.net.get_submodule(name)
        if part.known:
            choice = part.choice[..., 0]
            return (choice[..., task] if n_tasks > 1 else choice).tolist()
        start, now = self.start[f"{name}.logits"], now[f"{name}.logits"]
        noise = [[[next(draws) for _ in range(n_tasks)] for _ in row] for row in start]
        soft = softmax if n_places is None else sigmoid
        slots = []
        for slot in range(len(start[0])):
            before, after = (
                [
                    (row[slot][task] if n_tasks > 1 else row[slot]) + extra[slot][task]
                    for row, extra in zip(logits, noise, strict=True)
                ]
                for logits in (start, now)
            )
            order = sorted(range(len(before)), key=lambda i, b=before: (-b[i], i))
            was, becomes = (soft([v / self.temperature for v in c]) for c in (before, after))
            places = [
                [(i == first) + becomes[i] - was[i] for i in range(len(before))]
                for first in order[: n_places or 1]
            ]
            slots.append(places[0] if n_places is None else places)
        return slots


def gradients(literal: Literal, rows: list, upstream: list, noise: list | None = None) -> dict:
    """Gradients of sum(upstream * output) by central differences, parameter by parameter."""

    def total(now: dict) -> float:
        draws = noise or [None] * len(rows)
        return sum(
            dot(up, literal(x, now, drawn))
            for x, up, drawn in zip(rows, upstream, draws, strict=True)
        )

    found = {}
    for name, parameter in literal.net.named_parameters():
        gradient = np.zeros(parameter.shape)
        for place in np.ndindex(*parameter.shape):
            sides = []
            for step in (1e-6, -1e-6):
                now = {**literal.start, name: copy.deepcopy(literal.start[name])}
                entry = now[name]
                for index in place[:-1]:
                    entry = entry[index]
                entry[place[-1]] += step
                sides.append(total(now))
            gradient[place] = (sides[0] - sides[1]) / 2e-6
        found[name] = gradient
    return found


def assert_gradients(net: torch.nn.Module, wanted: dict) -> None:
    assert {name for name, p in net.named_parameters() if p.grad is not None} == set(wanted)
    for name, p in net.named_parameters():
        np.testing.assert_allclose(p.grad.numpy(), wanted[name], rtol=1e-6, atol=1e-7)


def tuples(value):
    """Nested lists as nested tuples."""
    return tuple(map(tuples, value)) if isinstance(value, list | tuple) else value
