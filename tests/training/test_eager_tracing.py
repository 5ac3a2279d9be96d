"""Tensor operations are called one by one until tracing them pays; both give the same bits."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import modnets as mn
from modnets.training import step
from modnets.training.backends import eager
from modnets.training.engine import train_chunk
from modnets.training.step_cache import forget_steps

SETTINGS: dict[str, dict[str, Any]] = {
    "dense": {"model": "dense", "optimizer": "rmsprop", "schedule": "cosine"},
    "known": {"model": "modular", "routing": "known", "input_noise": 0.1, "batch_size": 8},
    "noise": {"model": "shared", "gumbel": True, "per_sample_routing": True, "loss": "mse"},
    "mixtures": {"model": "shared", "routing_method": "mixtures", "gumbel": True},
}


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The functions that have been traced."""
    seen: list[object] = []
    trace = eager.trace

    def noted(function: Any, arguments: Any) -> Any:
        seen.append(function)
        return trace(function, arguments)

    monkeypatch.setattr(eager, "trace", noted)
    return seen


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=[*SETTINGS])
def test_a_trace_gives_the_same_bits(
    settings: dict[str, Any], traced: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    base = mn.RunConfig(graph="6-2-2", train_rows=20, epochs=12, eval_every=4, **settings)
    runs = mn.grid(base, seeds=range(3))
    forget_steps()
    direct = train_chunk(runs, chunk=4).table
    assert not traced
    monkeypatch.setattr(step, "TRACED_FROM", 1)
    forget_steps()
    pd.testing.assert_frame_equal(train_chunk(runs, chunk=4).table, direct, check_exact=True)
    assert len(traced) == 2  # the step and the evaluation


def test_long_training_is_traced(traced: list[object]) -> None:
    forget_steps()
    runs = mn.grid(
        mn.RunConfig(graph="6-2-2", train_rows=20, epochs=step.TRACED_FROM), seeds=[0, 1]
    )
    train_chunk(runs, chunk=2)
    assert len(traced) == 1
