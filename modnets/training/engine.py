"""Trains many runs side by side, and evaluates each exactly.

Runs of one shape (the same network, number of epochs, batch size, ...) fill the places of a chunk:
replicas, axis 0 of every tensor.  Chunks are filled up to a fixed size and trained in one thread,
so that a run's result is the same bit for bit whatever trains beside it, wherever.  What may differ
within a chunk is data: seeds, splits, learning rates, weight decay, temperature, noise.
"""

from __future__ import annotations

import itertools
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
from modnets.models.registry import build
from modnets.tasks.graphs import MAX_TABLE_INPUTS
from modnets.tasks.splits import split_rows
from modnets.training.batches import (
    Batches,
    is_full_batch,
    padded_rows,
    steps_per_epoch,
    stream_seed,
)
from modnets.training.config import RunConfig, source_of
from modnets.training.optimizers import corrections, schedule
from modnets.training.program import Program, can_compile, one_thread

PARTS = ("train", "validation", "test")
#: Rows evaluated at once, to bound memory.
EVALUATION_ROWS = 1024
#: Up to here the truth table that a run has learned is kept in its results.
MAX_KEPT_ROWS = 4096
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


def check_network(network: nn.Module, config: RunConfig) -> None:
    """Raise ValueError unless a network maps the task's inputs to its outputs."""
    graph = config.graph
    require(
        isinstance(network, nn.Module),
        f"model {config.model!r} built a {type(network).__name__}; allowed is an nn.Module",
    )
    require(
        any(True for _ in network.parameters()),
        f"model {config.model!r} has no parameters to train",
    )
    network.eval()
    with torch.no_grad():
        found = tuple(network(torch.zeros(5, graph.n_inputs)).shape)
    require(
        found == (5, graph.n_outputs),
        f"model {config.model!r}: forward gives shape {found} for 5 rows; "
        f"allowed is (5, {graph.n_outputs}), logits of graph {graph}",
    )


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
        self._load_table()

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

    def _load_table(self) -> None:
        """Rows to evaluate, their outputs, and which part of the split each is in."""
        graph = self.finals[0].graph
        splits = [split_rows(graph, f.train_rows, f.split_seed) for f in self.padded]
        enumerable = graph.n_inputs <= MAX_TABLE_INPUTS
        if enumerable:
            x, y = graph.rows(), graph.truth_table()
            numbers = [(s.train, s.validation, s.test) for s in splits]
        else:  # rows drawn for each run, in the order train, validation, test
            drawn = [np.concatenate([s.train, s.validation, s.test]) for s in splits]
            n_rows = max(map(len, drawn))
            drawn = [np.resize(d, n_rows) for d in drawn]
            x = np.stack([graph.rows(d) for d in drawn])
            y = np.stack([graph.evaluate(rows) for rows in x])
            ends = [np.cumsum([0, *s.sizes]) for s in splits]
            numbers = [[np.arange(a, b) for a, b in itertools.pairwise(e)] for e in ends]
        parts = np.zeros((len(splits), len(PARTS), x.shape[-2]), dtype=bool)
        for place, rows_of in enumerate(numbers):
            for part, rows in enumerate(rows_of):
                parts[place, part, rows] = True
        self.enumerable = enumerable
        self.table_x = torch.from_numpy(np.array(x, np.float32)).to(self.device)
        self.table_y = torch.from_numpy(np.array(y, np.float32)).to(self.device)
        self.parts = torch.from_numpy(parts).to(self.device)

    def train(
        self, compiled: bool, on_evaluation: Callable[[int], None] | None = None
    ) -> list[tuple[int, dict[str, np.ndarray]]]:
        """Train to the end; evaluations as (epoch, measure -> value of each replica)."""
        first = self.finals[0]
        steps = steps_per_epoch(first)
        correction = corrections(first.epochs * steps).to(self.device)
        gammas = [final.gamma for final in self.padded]
        factors = schedule(first.schedule, first.epochs, gammas)
        records = [(0, self.evaluate())]
        done = 0
        for epoch in range(1, first.epochs + 1):
            lr = self.lr if factors is None else self.lr * factors[epoch - 1].to(self.device)
            for batch in self.batches.epoch():
                fixed = (self.buffers, self.temperature, lr, self.decay, correction[done])
                arguments = (self.flat, self.states, batch, *fixed)
                self.flat, self.states = self.program.step(arguments, compiled=compiled)
                done += 1
            if epoch % first.eval_every == 0 or epoch == first.epochs:
                records.append((epoch, self.evaluate()))
                if on_evaluation is not None:
                    on_evaluation(epoch)
        return [(epoch, {k: v.cpu().numpy() for k, v in found.items()}) for epoch, found in records]

    def evaluate(self) -> dict[str, Tensor]:
        """Every measure of every replica, over all rows; no random numbers.

        Returns
        -------
        dict of Tensor, shape (replica,)
        """
        sums = None
        n_rows = self.table_x.shape[-2]
        for start in range(0, n_rows, EVALUATION_ROWS):
            rows = slice(start, start + EVALUATION_ROWS)
            found = self._measure(rows)
            sums = found if sums is None else [a + b for a, b in zip(sums, found, strict=True)]
        part_sums, whole_sums = sums
        counts = self.parts.sum(dim=2)
        measures = {}
        for number, part in enumerate(PARTS):
            for kind, name in enumerate(("loss", "bit_accuracy", "row_accuracy")):
                measures[f"{part}_{name}"] = part_sums[:, number, kind] / counts[:, number]
        measures["bit_accuracy"] = whole_sums[:, 1] / n_rows
        measures["row_accuracy"] = whole_sums[:, 2] / n_rows
        measures["solved"] = whole_sums[:, 2] == n_rows
        return measures

    def predict(self, rows: slice = slice(None)) -> tuple[Tensor, Tensor]:
        """Logits of some rows, shape (replica, row, output), and the true bits."""
        x, y = self.table_x[..., rows, :], self.table_y[..., rows, :]
        return self.program.logits(self.flat, self.buffers, x), y

    def _measure(self, rows: slice) -> tuple[Tensor, Tensor]:
        """Sums over rows of loss, right bits and right rows: by part of the split, and in all."""
        logits, y = self.predict(rows)
        y = y.expand_as(logits)
        right = ((logits > 0) == (y > 0.5)).to(logits.dtype)
        loss = self.program.loss(logits, y).mean(dim=2)
        found = torch.stack([loss, right.mean(dim=2), right.amin(dim=2)], dim=2)
        by_part = self.parts[:, :, rows].to(found.dtype) @ found
        return by_part, found.sum(dim=1)

    def write_back(self, networks: Sequence[nn.Module]) -> None:
        """Put the trained parameters into the runs' networks."""
        for network, flat in zip(networks, self.flat.cpu(), strict=False):
            network.load_state_dict(self.program.unflatten(flat.clone()), strict=False)
            network.eval()

    def predicted(self) -> list[str | None]:
        """The truth table that each run has learned: per output a hex number, first row highest."""
        n_rows = self.table_x.shape[-2]
        if not self.enumerable or n_rows > MAX_KEPT_ROWS:
            return [None] * len(self.finals)
        bits = (self.predict()[0] > 0).cpu().numpy().astype(int)
        return [
            " ".join(hex(int("".join(map(str, column)), 2)) for column in table.T)
            for table in bits[: len(self.finals)]
        ]


def _table(
    runs: Sequence[RunConfig],
    networks: Sequence[nn.Module],
    replicas: Replicas,
    records: list[tuple[int, dict[str, np.ndarray]]],
) -> pd.DataFrame:
    """One row per run and evaluated epoch; what a run has learned stands in its last row."""
    with one_thread(), torch.no_grad():
        predicted = replicas.predicted()
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
