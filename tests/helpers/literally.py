"""Helpers for tests of the engine: single networks, trained step by step with torch.optim."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from modnets.config.run_config import RunConfig
from modnets.models.registry import build
from modnets.tasks.splits import split_rows
from modnets.training.backends.eager import one_thread
from modnets.training.engine import train_chunk
from modnets.training.random_streams import generator, stream_seed


def optimizer_of(config: RunConfig, network: torch.nn.Module) -> torch.optim.Optimizer:
    """torch's optimizer with the learning rate of each part."""
    rates = {"routing": config.lr_routing, "output_routing": config.lr_routing}
    rates["selection"] = config.lr_selection
    groups = [
        {"params": [p], "lr": next((rates[n] for n in name.split(".") if n in rates), config.lr)}
        for name, p in network.named_parameters()
    ]
    decay = {"weight_decay": config.weight_decay}
    return {
        "adam": lambda: torch.optim.Adam(groups, **decay),
        "sgd": lambda: torch.optim.SGD(groups, lr=config.lr, **decay),
        "momentum": lambda: torch.optim.SGD(groups, lr=config.lr, momentum=0.9, **decay),
        "rmsprop": lambda: torch.optim.RMSprop(groups, **decay),
    }[config.optimizer]()


def parts_by_hand(run: RunConfig) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """Inputs and outputs of each part of a split of tables, one table after the other."""
    final, tasks = run.final, getattr(run.graph, "graphs", (run.graph,))
    parts: dict[str, list] = {"train": [], "validation": [], "test": []}
    for task, graph in enumerate(tasks):
        apart = 10_000 * task if final.held_out == "different" else 0
        split = split_rows(graph, final.train_rows, final.split_seed + apart)
        ids = [] if len(tasks) == 1 else [int(other == task) for other in range(len(tasks))]
        for part, rows in parts.items():
            bits = graph.rows(getattr(split, part))
            rows.append((np.array([[*row, *ids] for row in bits.tolist()]), graph.evaluate(bits)))
    return parts


def tensors(rows: list[tuple[np.ndarray, np.ndarray]]) -> tuple[Tensor, Tensor]:
    """Inputs and outputs as tensors, shape (row, input) and (row, output)."""
    x, y = (np.concatenate(part) for part in zip(*rows, strict=True))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


def seen_by_hand(run: RunConfig, numbers: np.ndarray) -> tuple[Tensor, Tensor, list[int]]:
    """Pixels, outputs and pairs of digits of rows of digit pairs, image by image."""
    digits, task = run.graph.digits, run.graph
    n, n_digits = len(digits.labels), 2**task.bits
    x, pairs = [], []
    for number in numbers.tolist():
        first, second = number // n, number % n
        pixels = [digits.images[image].ravel() / digits.largest for image in (first, second)]
        x.append(np.concatenate(pixels))
        pairs.append(int(digits.labels[first]) * n_digits + int(digits.labels[second]))
    y = torch.tensor(task.graph.truth_table()[pairs], dtype=torch.float32)
    return torch.tensor(np.array(x), dtype=torch.float32), y, pairs


def examples(run: RunConfig) -> tuple[Tensor, Tensor]:
    """What a run trains on, in the order of its split."""
    if run.graph.images is None:
        return tensors(parts_by_hand(run)["train"])
    return seen_by_hand(run, run.split["train"])[:2]


def factors(run: RunConfig, name: str, epoch: int) -> float:
    """The factor of a rate, or of the temperature, in an epoch, by its formula."""
    final, own = run.final, name
    kind = getattr(final, f"{name}_schedule", None) if name != "lr" else final.schedule
    if kind is None:  # as all rates
        own, kind = "lr", final.schedule
    end = (getattr(final, f"{own}_end") or 0.0) / getattr(final, own)
    held = round((getattr(final, f"{own}_hold") or 0.0) * final.epochs)
    if kind == "constant" or epoch <= held:
        return 1.0
    share = (epoch - held) / (final.epochs - held)
    if kind == "exponential" and own == "lr" and final.gamma is not None:
        return final.gamma ** (epoch - held)
    if kind == "exponential":
        return end**share
    fallen = share if kind == "linear" else (1 - np.cos(np.pi * share)) / 2
    return 1 - (1 - end) * fallen


@one_thread()
def literal(run: RunConfig) -> tuple[torch.nn.Module, list[float]]:
    """Train one network step by step with torch.optim; losses in evaluation, per epoch."""
    config = run.final
    network = build(config, stream_seed(config.seed, "weights"))
    optimizer = optimizer_of(config, network)
    rates = [group["lr"] for group in optimizer.param_groups]
    x, y = examples(run)
    random = generator(config.seed, "order")
    n_batches = -(-len(x) // config.batch_size)
    block = max(1, 2**14 // (n_batches * config.batch_size))
    orders = torch.rand(block, len(x), generator=random).argsort(dim=1)
    names = {"routing": "lr_routing", "output_routing": "lr_routing", "selection": "lr_selection"}
    settings = [
        next((names[part] for part in name.split(".") if part in names), "lr")
        for name, _ in network.named_parameters()
    ]
    losses = []
    for epoch in range(config.epochs):
        for group, rate, name in zip(optimizer.param_groups, rates, settings, strict=True):
            group["lr"] = rate * factors(run, name, epoch)
        keywords = {}
        if config.is_modular and config.temperature:
            keywords["temperature"] = config.temperature * factors(run, "temperature", epoch)
        for batch in orders[epoch].split(config.batch_size):
            logits = network(x[batch], **keywords)
            if config.loss == "bce":
                loss = F.binary_cross_entropy_with_logits(logits, y[batch])
            else:
                loss = F.mse_loss(torch.sigmoid(logits), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            losses.append(float(F.binary_cross_entropy_with_logits(network(x), y)))
    return network, losses


def engine_weights(run: RunConfig, beside: list[RunConfig], **keywords) -> dict[str, Tensor]:
    """The weights of a run that the engine trained in a batch with others."""
    trained = train_chunk([*beside, run], keep_networks=True, **keywords)
    assert not trained.failures
    return trained.networks[-1].state_dict()


def assert_same_network(run: RunConfig, tolerance: float) -> None:
    network, _ = literal(run)
    beside = [replace(run, seed=101, split_seed=3, lr=0.02), replace(run, seed=102)]
    weights = engine_weights(run, beside, chunk=5)
    for name, value in network.state_dict().items():
        torch.testing.assert_close(weights[name], value, rtol=tolerance, atol=tolerance, msg=name)


def results(runs: list[RunConfig], **keywords) -> pd.DataFrame:
    trained = train_chunk(runs, **keywords)
    assert not trained.failures
    assert trained.compiled == keywords.get("compiled", False)
    return trained.table.set_index(["run", "epoch"]).sort_index()


def assert_neighbours_change_nothing(run: RunConfig, others: list[RunConfig], **keywords) -> None:
    """The run's table is the same bit for bit: alone, first, and last among others."""
    alone = results([run], **keywords)
    for runs in ([run, *others], [*others, run]):
        among = results(runs, **keywords).loc[[run.key]]
        pd.testing.assert_frame_equal(among, alone, check_exact=True)
    assert results([others[0]], **keywords)["train_loss"].iloc[-1] != alone["train_loss"].iloc[-1]
