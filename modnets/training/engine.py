"""Trains many runs as one batch of replicas, and evaluates each exactly.

Runs of one shape (the same network, number of epochs, batch size, ...) are the replicas of a chunk:
axis 0 of every tensor.  Eager chunks are padded to a fixed size, compiled ones have a lane for each
replica, and no value depends on the number of threads; so a run's result is the same bit for bit
whatever trains beside it, wherever.  What may differ within a chunk is data: seeds, splits,
learning rates, weight decay, temperature, noise.
"""

from __future__ import annotations

import json
import re
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch
from torch import nn

from modnets.config.run_config import RunConfig
from modnets.config.shapes import shape_of
from modnets.errors import require, shown
from modnets.hardware import keep_freed_memory
from modnets.hardware import lanes as vector_width
from modnets.models.losses import BUILT_IN_LOSSES
from modnets.models.network_checks import check_is_network, check_same_shapes
from modnets.models.registry import BUILT_IN
from modnets.training.backends.eager import one_thread
from modnets.training.earlier_runs import How, end_states, keep_ends_of, trained_before
from modnets.training.initialization import (
    EndState,
    EndStates,
    InitialState,
    NetworkInitializer,
    initial_state_of,
    searched,
)
from modnets.training.replicas import in_last_rows, make_replicas
from modnets.training.restarts import Starts, starts_of
from modnets.training.step_cache import training_step_of
from modnets.training.watching import EvaluatedRuns


@dataclass
class Trained:
    """Results of a chunk.

    Parameters
    ----------
    table : DataFrame
        One row per run and evaluated epoch.
    failures : dict
        Run key -> traceback, for runs that could not be trained.
    networks : list of nn.Module
        The trained networks, if requested.
    ends : dict
        Of each run by its key, what its network ended as, if requested.
    duration : float, s
    compiled : bool
        Whether the step was compiled.
    threads : int
        Number of threads that took its steps.
    machine : dict
        Of the worker that trained them, as :func:`modnets.provenance.machine`; else empty.
    """

    table: pd.DataFrame
    failures: dict[str, str] = field(default_factory=dict)
    networks: list[nn.Module] = field(default_factory=list)
    ends: Mapping[str, EndState] = field(default_factory=dict)
    duration: float = 0.0
    compiled: bool = False
    threads: int = 1
    machine: dict[str, Any] = field(default_factory=dict)


DEVICES = re.compile(r"cpu|cuda(:[0-9]{1,2})?")


def choose_device(device: str = "auto") -> torch.device:
    """The device to train on; "auto" is a GPU where there is one."""
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    there = "unknown"
    if isinstance(device, str | torch.device) and DEVICES.fullmatch(str(device)):
        try:
            return torch.empty(0, device=device).device
        except (RuntimeError, AssertionError):
            there = "cuda is not available here"
    raise ValueError(f"device={shown(device)}: {there}; allowed is auto, cpu, cuda")


def train_chunk(
    configs: Sequence[RunConfig],
    *,
    chunk: int,
    compiled: bool = False,
    lanes: int | None = None,
    device: str = "auto",
    threads: int = 1,
    keep_networks: bool = False,
    keep_ends: bool = False,
    on_evaluation: Callable[[int], None] | None = None,
    watch: Callable[[EvaluatedRuns], object] | None = None,
) -> Trained:
    """Train runs of one shape as replicas of one batch.

    Parameters
    ----------
    configs : sequence of RunConfig, at most ``chunk`` of them
    chunk : int
        Number of replicas; slots beyond the runs repeat the first run.
    compiled : bool
        Compile the step; a result is the same bit for bit only for the same choice.
    lanes : int, optional
        Replicas in a vector of a compiled step, likewise: as many as a vector has lanes, or 1 to
        vectorize within each replica, the default for a chunk of one.
    device : str
    threads : int
        For compiled steps; changes no result.
    keep_networks : bool
        Return the trained networks.
    keep_ends : bool
        Return what they end as, for runs that start from them.
    on_evaluation : callable, optional
        Called with the epoch after each evaluation.
    watch : callable, optional
        Called with what has been evaluated, each time, the first before any step; where it returns
        True, training ends there.

    Returns
    -------
    Trained
    """
    started = time.perf_counter()
    keep_freed_memory()
    with one_thread(), torch.no_grad():
        starts, failures = set_up(
            configs, chunk=chunk, compiled=compiled, lanes=lanes, device=device, threads=threads
        )
        if starts is None:
            return Trained(pd.DataFrame(), failures)
        for epoch in starts.evaluations():
            if epoch and on_evaluation is not None:
                on_evaluation(epoch)
            if watch is not None and watch(starts.latest()) is True:
                starts.end()
                break
        trained = finished(starts, failures, keep_networks=keep_networks)
        if keep_ends:
            trained.ends = end_states(starts)
        elif configs[0].pretrained is not None:  # a chain, which may go on
            keep_ends_of(starts, How(chunk, compiled, lanes, str(choose_device(device))))
    trained.duration = time.perf_counter() - started
    return trained


def set_up(
    configs: Sequence[RunConfig],
    *,
    chunk: int,
    compiled: bool,
    lanes: int | None = None,
    device: str,
    threads: int,
) -> tuple[Starts | None, dict[str, str]]:
    """A chunk of runs of one shape before its first step, and tracebacks of those that failed.

    No starts where all failed.  Parameters as for :func:`train_chunk`.
    """
    require(len({shape_of(config) for config in configs}) == 1, "runs of a chunk have one shape")
    require(len(configs) <= chunk, f"chunk={chunk} is too small for {len(configs)} runs")
    earlier, failures = earlier_states(configs, device=device, threads=threads)
    configs = [config for config in configs if config.key not in failures]
    if not configs:
        return None, failures
    plain = {config.key: starts_of(config) for config in configs}
    states, failed = _start(
        [one for starts in plain.values() for one in starts], choose_device(device), earlier
    )
    failures |= {
        key: failed[one.key] for key, starts in plain.items() for one in starts if one.key in failed
    }
    runs = [config for config in configs if config.key not in failures]
    if not runs:
        return None, failures
    starts = [one for run in runs for one in plain[run.key]]
    if lanes is None:
        lanes = 1 if chunk == 1 else vector_width()
    width = lanes if compiled else 0
    initial = [states[one.key] for one in starts]
    replicas = make_replicas(starts, initial, chunk, width, choose_device(device), threads)
    return Starts(runs, replicas), failures


def finished(starts: Starts, failures: dict[str, str], *, keep_networks: bool = False) -> Trained:
    """Results of a chunk that has trained to its end; the caller sets the duration."""
    table, runs = starts.table(), starts.runs
    networks = []
    if keep_networks:
        networks = starts.networks()
    configs = [json.dumps(run.to_dict()) for run in runs]
    table["config"] = in_last_rows(configs, len(table) // len(runs))
    backend = starts.replicas.backend
    return Trained(table, failures, networks, compiled=backend.compiled, threads=backend.threads)


def earlier_states(
    configs: Sequence[RunConfig], *, device: str = "auto", threads: int = 1
) -> tuple[EndStates, dict[str, str]]:
    """What runs start from, by the keys of those trained before, and failures of those that cannot.

    Parameters
    ----------
    configs : sequence of RunConfig
    device, threads
        As for :func:`train_chunk`.
    """

    def train(
        runs: Sequence[RunConfig], how: How
    ) -> tuple[Mapping[str, EndState], Mapping[str, str]]:
        trained = train_chunk(runs, **vars(how), threads=threads, keep_ends=True)
        return trained.ends, trained.failures

    return trained_before(configs, str(choose_device(device)), train)


def _start(
    configs: Sequence[RunConfig], device: torch.device, earlier: EndStates
) -> tuple[dict[str, InitialState], dict[str, str]]:
    """Initial weights of runs by their keys, and tracebacks of those that cannot be built."""
    user_defined = configs[0].model not in BUILT_IN
    to_check = user_defined or configs[0].loss not in BUILT_IN_LOSSES
    starts: dict[str, InitialState] = {}
    failures: dict[str, str] = {}
    initializer, training_step = NetworkInitializer(earlier), None
    try:
        found = searched(configs, earlier)
    except Exception:  # of a routing method of a user's own: the same for all
        return {}, dict.fromkeys((config.key for config in configs), traceback.format_exc())
    for config, one in zip(configs, found, strict=True):
        try:
            network = initializer.draw(config, one)  # first: an error here is this run's alone
            if to_check and training_step is None:
                check_is_network(network, config)
                try:
                    training_step = training_step_of(config.final, device)
                except Exception:  # of the network, or its refusal: the same for all
                    left = [one.key for one in configs if one.key not in failures]
                    return {}, failures | dict.fromkeys(left, traceback.format_exc())
            if not user_defined:
                starts[config.key] = initializer.start()
            else:
                assert training_step is not None
                assert training_step.findings is not None
                check_same_shapes(network, training_step.findings.shapes, config)
                starts[config.key] = initial_state_of(network, training_step)
        except Exception:
            failures[config.key] = traceback.format_exc()
    return starts, failures
