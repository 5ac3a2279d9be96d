"""Trains many runs side by side, and evaluates each exactly.

Runs of one shape (the same network, number of epochs, batch size, ...) fill the places of a chunk:
replicas, axis 0 of every tensor.  Chunks are filled up to a fixed size, and no number depends on
the count of threads, so that a run's result is the same bit for bit whatever trains beside it,
wherever.  What may differ within a chunk is data: seeds, splits, learning rates, weight decay,
temperature, noise.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pandas as pd
import torch
from torch import nn

from modnets.errors import require
from modnets.models.registry import BUILT_IN, build, check_network
from modnets.training.backends import one_thread
from modnets.training.batches import stream_seed
from modnets.training.config import RunConfig
from modnets.training.replicas import Replicas, Start, in_last_rows, shape_of


@dataclass
class Trained:
    """What comes out of a chunk.

    Parameters
    ----------
    table : DataFrame
        One row per run and evaluated epoch.
    failures : dict
        Run key -> traceback, for runs that could not be trained.
    networks : list of nn.Module
        The trained networks, where they were asked for.
    duration : float, s
    compiled : bool
        Whether the step was compiled.
    threads : int
        How many took its steps.
    """

    table: pd.DataFrame
    failures: dict[str, str] = field(default_factory=dict)
    networks: list[nn.Module] = field(default_factory=list)
    duration: float = 0.0
    compiled: bool = False
    threads: int = 1


def choose_device(device: str = "auto") -> torch.device:
    """The device to train on; "auto" is a GPU where there is one."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError):
        there = "cuda is not available here" if device.startswith("cuda") else "unknown"
        raise ValueError(f"device={device!r}: {there}; allowed is auto, cpu, cuda") from None


def train_chunk(
    configs: Sequence[RunConfig],
    *,
    chunk: int,
    compiled: bool = False,
    device: str = "auto",
    threads: int = 1,
    keep_networks: bool = False,
    on_evaluation: Callable[[int], None] | None = None,
) -> Trained:
    """Train runs of one shape side by side.

    Parameters
    ----------
    configs : sequence of RunConfig, at most ``chunk`` of them
    chunk : int
        Number of replicas; places beyond the runs are filled up.
    compiled : bool
        Compile the step; a result is the same bit for bit only for the same choice.
    device : str
    threads : int
        For compiled steps; changes no result.
    keep_networks : bool
        Hand back the trained networks.
    on_evaluation : callable, optional
        Called with the epoch after each evaluation.

    Returns
    -------
    Trained
    """
    require(len({shape_of(config) for config in configs}) == 1, "runs of a chunk have one shape")
    require(len(configs) <= chunk, f"chunk={chunk} is too small for {len(configs)} runs")
    started = time.perf_counter()
    starts, failures = _start(configs)
    runs = [config for config in configs if config.key not in failures]
    if not runs:
        return Trained(pd.DataFrame(), failures)
    with one_thread(), torch.no_grad():
        replicas = Replicas(runs, starts, chunk, compiled, choose_device(device), threads)
        table = replicas.train(on_evaluation)
        networks = _networks(replicas) if keep_networks else []
        table["structure"] = in_last_rows(_structures(replicas), len(table) // len(runs))
    configs_json = [json.dumps(run.to_dict()) for run in runs]
    table["config"] = in_last_rows(configs_json, len(table) // len(runs))
    duration = time.perf_counter() - started
    backend = replicas.backend
    return Trained(table, failures, networks, duration, backend.compiled, backend.threads)


def _start(configs: Sequence[RunConfig]) -> tuple[list[Start], dict[str, str]]:
    """Initial weights of runs, and tracebacks of those that cannot be built or do not fit."""
    starts: list[Start] = []
    failures = {}
    network = None
    for config in configs:
        final = config.final
        try:
            network = build(final, stream_seed(final.seed, "weights"), again=network)
            if not starts:
                check_network(network, config)
            starts.append(Start.of(network))
        except Exception:
            failures[config.key] = traceback.format_exc()
    return starts, failures


def _networks(replicas: Replicas) -> list[nn.Module]:
    """The trained network of each run."""
    networks = []
    for run, flat in zip(replicas.runs, replicas.flat, strict=False):
        network = build(run.final, stream_seed(run.final.seed, "weights"))
        networks.append(replicas.program.load(network, flat).eval())
    return networks


def _structures(replicas: Replicas) -> list[str | None]:
    """What each run's network reads and uses, as JSON; None for networks without structure."""
    network = None
    found: list[str | None] = []
    for run, flat in zip(replicas.runs, replicas.flat, strict=False):
        if network is None or run.model not in BUILT_IN:
            network = build(run.final, stream_seed(run.final.seed, "weights"))
        if not hasattr(network, "structure"):
            return [None] * len(replicas.runs)
        found.append(json.dumps(replicas.program.load(network, flat).structure()))
    return found
