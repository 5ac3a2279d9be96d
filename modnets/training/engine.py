"""Trains many runs side by side, and evaluates each exactly.

Runs of one shape (the same network, number of epochs, batch size, ...) fill the places of a chunk:
replicas, axis 0 of every tensor.  Chunks are filled up to a fixed size and trained in one thread,
so that a run's result is the same bit for bit whatever trains beside it, wherever.  What may differ
within a chunk is data: seeds, splits, learning rates, weight decay, temperature, noise.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from modnets.errors import require
from modnets.models.registry import build, check_network
from modnets.training.batches import (
    Batches,
    is_full_batch,
    padded_rows,
    stream_seed,
    total_steps,
)
from modnets.training.compilation import can_compile
from modnets.training.config import RunConfig, source_of
from modnets.training.evaluation import Evaluation
from modnets.training.optimizers import corrections, schedule
from modnets.training.program import Program, one_thread

#: Settings that may differ between the runs of a chunk.
PER_RUN = ("seed", "split_seed", "lr", "lr_routing", "lr_selection", "weight_decay")
PER_RUN += ("temperature", "input_noise", "gamma")


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
    """

    table: pd.DataFrame
    failures: dict[str, str] = field(default_factory=dict)
    networks: list[nn.Module] = field(default_factory=list)
    duration: float = 0.0
    compiled: bool = False


def shape_of(config: RunConfig) -> str:
    """What the runs of a chunk have in common, as text: equal for runs that train together."""
    values = config.final.to_dict()
    for name in PER_RUN:
        values.pop(name)
    if is_full_batch(config):
        values |= {"train_rows": None, "batch_size": None, "padded_rows": padded_rows(config)}
    return json.dumps(values, sort_keys=True)


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
    networks, failures = _build(configs)
    runs = [config for config in configs if config.key not in failures]
    if not runs:
        return Trained(pd.DataFrame(), failures)
    with one_thread(), torch.no_grad():
        replicas = Replicas(runs, networks, chunk, choose_device(device))
        compiled = compiled and can_compile()
        records = replicas.train(compiled, on_evaluation)
        replicas.write_back(networks)
        table = _table(runs, networks, replicas, records)
    duration = time.perf_counter() - started
    kept = networks if keep_networks else []
    return Trained(table, failures, kept, duration, compiled and replicas.program.compiled)


def _build(configs: Sequence[RunConfig]) -> tuple[list[nn.Module], dict[str, str]]:
    """The networks of runs, and tracebacks of those that cannot be built or do not fit."""
    networks, failures = [], {}
    for config in configs:
        final = config.final
        try:
            network = build(final, stream_seed(final.seed, "weights"))
            if not networks:
                check_network(network, config)
            networks.append(network)
        except Exception:
            failures[config.key] = traceback.format_exc()
    return networks, failures


def program_of(final: RunConfig, chunk: int, device: str) -> Program:
    """The program of a shape; kept, so that only the first chunk of a shape is traced."""
    key = (shape_of(final), source_of(final.model), chunk, device)
    if key not in _programs:
        if len(_programs) >= MAX_PROGRAMS:
            _programs.pop(next(iter(_programs)))
        network = build(final, seed=0)
        _programs[key] = Program(network, final.optimizer, final.loss, torch.device(device))
    return _programs[key]


_programs: dict[tuple[str, str, int, str], Program] = {}
MAX_PROGRAMS = 64


class Replicas:
    """The state of a chunk: parameters, optimizer, rows.

    Parameters
    ----------
    runs : list of RunConfig, of one shape
    networks : list of nn.Module
        One for each run, with its initial weights.
    chunk : int
    device : torch.device
    """

    def __init__(
        self,
        runs: Sequence[RunConfig],
        networks: Sequence[nn.Module],
        chunk: int,
        device: torch.device,
    ) -> None:
        self.finals = [run.final for run in runs]
        self.padded = [*self.finals, *[self.finals[0]] * (chunk - len(runs))]
        places = [*networks, *[networks[0]] * (chunk - len(runs))]
        first = self.finals[0]
        self.program = program_of(first, chunk, str(device))
        template = self.program.network
        self.device = device
        self.flat = torch.stack([self.program.flatten(n) for n in places]).to(device)
        self.states = [torch.zeros_like(self.flat) for _ in range(self.program.n_states)]
        self.buffers = {
            name: torch.stack([n.get_buffer(name) for n in places]).to(device)
            for name, _ in template.named_buffers()
        }
        noise_size = getattr(template, "noise_size", 0)
        self.batches = Batches(self.finals, chunk, noise_size, device)
        self.lr = self._rates(template)
        self.decay = self._per_run("weight_decay")[:, None]
        self.temperature = self._per_run("temperature")
        self.evaluation = Evaluation(self.padded, self.program.loss, device)

    def _per_run(self, name: str) -> Tensor:
        values = [getattr(final, name) or 0.0 for final in self.padded]
        return torch.tensor(values, dtype=torch.float32, device=self.device)

    def _rates(self, template: nn.Module) -> Tensor:
        """The learning rate of every parameter, shape (replica, parameter)."""
        rates = getattr(template, "learning_rates", {})
        parts = []
        for name, size in zip(self.program.names, self.program.sizes, strict=True):
            rate = self._per_run(rates.get(name.split(".")[0], "lr"))
            parts.append(rate[:, None].expand(-1, size))
        return torch.cat(parts, dim=1)

    def train(
        self, compiled: bool, on_evaluation: Callable[[int], None] | None = None
    ) -> list[tuple[int, dict[str, np.ndarray]]]:
        """Train to the end; evaluations as (epoch, measure -> value of each replica)."""
        first = self.finals[0]
        correction = corrections(total_steps(first)).to(self.device)
        gammas = [final.gamma for final in self.padded]
        factors = schedule(first.schedule, first.epochs, gammas)
        records = [(0, self.evaluation(self.predict))]
        done = 0
        for epoch in range(1, first.epochs + 1):
            lr = self.lr if factors is None else self.lr * factors[epoch - 1].to(self.device)
            for batch in self.batches.epoch():
                fixed = (self.buffers, self.temperature, lr, self.decay, correction[done])
                arguments = (self.flat, self.states, batch, *fixed)
                self.flat, self.states = self.program.step(arguments, compiled=compiled)
                done += 1
            if epoch % first.eval_every == 0 or epoch == first.epochs:
                records.append((epoch, self.evaluation(self.predict)))
                if on_evaluation is not None:
                    on_evaluation(epoch)
        return [(epoch, {k: v.cpu().numpy() for k, v in found.items()}) for epoch, found in records]

    def predict(self, x: Tensor) -> Tensor:
        """Logits of every replica, shape (replica, row, output), for rows."""
        return self.program.logits(self.flat, self.buffers, x)

    def write_back(self, networks: Sequence[nn.Module]) -> None:
        """Put the trained parameters into the runs' networks."""
        for network, flat in zip(networks, self.flat.cpu(), strict=False):
            network.load_state_dict(self.program.unflatten(flat.clone()), strict=False)
            network.eval()


def _table(
    runs: Sequence[RunConfig],
    networks: Sequence[nn.Module],
    replicas: Replicas,
    records: list[tuple[int, dict[str, np.ndarray]]],
) -> pd.DataFrame:
    """One row per run and evaluated epoch; what a run has learned stands in its last row."""
    predicted = replicas.evaluation.predicted(replicas.predict)
    rows = []
    for place, (run, network) in enumerate(zip(runs, networks, strict=True)):
        settings = run.to_row()
        for epoch, measures in records:
            values = {name: found[place].item() for name, found in measures.items()}
            rows.append(settings | {"epoch": epoch} | values)
        structure = network.structure() if hasattr(network, "structure") else None
        rows[-1] |= {
            "predicted": predicted[place],
            "structure": None if structure is None else json.dumps(structure),
            "config": json.dumps(run.to_dict()),
        }
    return pd.DataFrame(rows)
