"""The usual way to train a network: one ``nn.Module``, ``torch.optim.Adam``, step by step.

What most scripts do, with a DataLoader or without; here to be measured beside the engine.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from modnets.config.run_config import RunConfig
from modnets.models.registry import build
from modnets.training.batches import images_on, inputs_of
from modnets.training.random_streams import stream_seed
from modnets.training.step import keywords_of


def train_usually(config: RunConfig, workers: int | None = None) -> tuple[nn.Module, float]:
    """Train one network with torch's own tools.

    Parameters
    ----------
    config : RunConfig
        Trained with Adam and binary cross-entropy, with its learning rate of weights for all.
    workers : int, optional
        Worker processes of a DataLoader, 0 for one in this process; without it there is no
        DataLoader, and the batch lies ready.

    Returns
    -------
    nn.Module
    float, s
        Time for all epochs, set-up left out.
    """
    final = config.final
    network = build(final, stream_seed(final.seed, "weights")).train()
    task, index = final.graph, final.split["train"]
    rows = task.rows(index)
    x = inputs_of(torch.tensor(rows), images_on(task, torch.device("cpu"))).float()
    y = torch.tensor(task.targets(index), dtype=torch.float32)
    batches: Iterable[Sequence[Tensor]] = [(x, y)]
    if workers is not None:
        data = TensorDataset(x, y)
        batches = DataLoader(data, final.batch_size, shuffle=True, num_workers=workers)
    optimizer = torch.optim.Adam(network.parameters(), lr=final.lr, weight_decay=final.weight_decay)
    takes = "temperature" in keywords_of(network)
    keywords = {"temperature": final.temperature or 1.0} if takes else {}
    started = time.perf_counter()
    for _ in range(final.epochs):
        for inputs, outputs in batches:
            loss = F.binary_cross_entropy_with_logits(network(inputs, **keywords), outputs)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network, time.perf_counter() - started
