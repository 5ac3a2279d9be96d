"""Steps that lie ready on a device, without one; what fits on it; and a GPU, where there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
import torch
from lanes import LOSSES, assert_close, table_of
from torch import Tensor

from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.planning import choose
from modnets.hardware import lanes
from modnets.training.backends.cuda_graph import CudaGraphBackend
from modnets.training.costs import memory_of
from modnets.training.engine import train_chunk
from modnets.training.initialization import NetworkInitializer
from modnets.training.replicas import Replicas, make_replicas
from modnets.training.step_cache import forget_steps

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device on this machine"
)
CPU = torch.device("cpu")
NOISY = {"input_noise": 0.1, "gumbel": True}


def replicas_of(runs: list[RunConfig], size: int) -> Replicas:
    """A chunk before it is trained."""
    drafts, starts = NetworkInitializer(), []
    for run in runs:
        drafts.draw(run)
        starts.append(drafts.start())
    return make_replicas(runs, starts, size, False, CPU, 1)


def trained(replicas: Replicas) -> pd.DataFrame:
    """Its table at the end."""
    for _ in replicas.evaluations():
        pass
    return replicas.table().set_index(["run", "epoch"])


def captured(runs: list[RunConfig], **keywords: Any) -> pd.DataFrame:
    """Losses of steps that lie ready, without a device to lie on."""
    replicas = replicas_of(runs, 4)
    start = replicas.backend
    made = CudaGraphBackend(start.training_step, start.flat, start.hyperparameters, **keywords)
    replicas.backend = made
    with torch.no_grad():
        return trained(replicas)


def plainly(step: Callable[[], None]) -> Callable[[], None]:
    """A step that is run once while it is captured, as on a device."""
    step()
    return step


CAPTURED = {
    "noise": {"model": "shared", **NOISY},
    "noise of each row": {"model": "modular", "per_sample_routing": True, **NOISY},
    "minibatches": {"hidden": (5,), "batch_size": 7, "schedule": "cosine", "optimizer": "momentum"},
    "full batch": {"hidden": (5,), "weight_decay": 0.01, "eval_every": 2},
    "schedules": {
        **{"model": "shared", "schedule": "cosine", "lr_routing_schedule": "constant"},
        **{"temperature_schedule": "linear", "temperature_end": 0.5},
    },
}


@pytest.mark.parametrize("name", CAPTURED)
def test_a_captured_step_is_the_eager_one(name: str, forgetful: None) -> None:
    base = RunConfig(**{"train_rows": 23, "epochs": 7} | CAPTURED[name])
    runs = grid(base, seed=range(3), lr=[0.01])
    with torch.no_grad():
        eager = trained(replicas_of(runs, 4))
    found = captured(runs, capture=plainly, fuse=lambda graph: graph)
    assert_close(found, eager, 1e-5)


def test_a_step_that_cannot_be_fused_is_captured_as_it_is(
    forgetful: None, capsys: pytest.CaptureFixture
) -> None:
    def broken(graph: Any) -> Callable:
        def run(*given: Tensor) -> None:
            raise RuntimeError("no Triton here\nand more")

        return run

    runs = grid(RunConfig(hidden=(5,), train_rows=23, epochs=3), seed=range(3))
    whole = captured(runs, capture=plainly, fuse=lambda graph: graph)
    forget_steps()
    found = captured(runs, capture=plainly, fuse=broken)
    pd.testing.assert_frame_equal(found[LOSSES], whole[LOSSES], check_exact=True)
    said = capsys.readouterr().err
    assert said == "modnets: torch.compile failed, step is not fused: no Triton here\n"


@needs_cuda
@pytest.mark.filterwarnings("default")  # torch.compile warns of what could be faster
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("name", ["noise", "minibatches", "full batch", "schedules"])
def test_processor_and_gpu_agree(name: str, compiled: bool) -> None:
    base = RunConfig(**{"train_rows": 23, "epochs": 6} | CAPTURED[name])
    runs = grid(base, seed=range(3))
    there = train_chunk(runs, chunk=4, compiled=compiled, device="cuda")
    assert there.compiled == compiled
    here = train_chunk(runs, chunk=4, device="cpu")
    assert_close(*map(table_of, (there, here)), 1e-3)


# Memory of a device


@pytest.mark.parametrize(
    ("replicas", "runs", "chunk"), [(100, 1000, 64), (128, 1000, 128), (0.3, 9, 1), (5000, 9, 16)]
)
def test_a_chunk_takes_half_of_the_memory_that_is_free(
    replicas: float, runs: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = RunConfig(hidden=(5,), epochs=20)
    free = int(2 * replicas * memory_of(base))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10 * free))
    group = grid(base, seed=range(runs))
    assert choose(group, None, None, "cuda") == (chunk, 0)
    assert choose(group, None, True, "cuda") == (chunk, lanes())
    assert choose(group, 3, None, "cuda") == (3, 0)


def test_a_gpu_compiles_without_a_compiler_of_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**36, 2**36))
    monkeypatch.setattr("modnets.experiments.planning.can_compile", lambda: False)
    assert choose([RunConfig(epochs=1000)], None, None, "cuda") == (1, lanes())
    assert choose([RunConfig(epochs=1000)], None, None, "cpu") == (1, 0)


def test_memory_grows_with_rows_and_width() -> None:
    base = RunConfig(hidden=(5,))
    few = replace(base, batch_size=4)
    wide = replace(base, hidden=(50,))
    assert memory_of(few) < memory_of(base) < memory_of(wide)
