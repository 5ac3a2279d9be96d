"""Schedules against torch's own; each backend against a literal loop with groups of rates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
import torch
from lanes import assert_close, needs_compiler, table_of
from literally import assert_neighbours_change_nothing, assert_same_network, literal
from torch import nn
from torch.optim import lr_scheduler

from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.models.registry import MODELS
from modnets.training.engine import train_chunk
from modnets.training.schedules import schedule

EPOCHS = 7
BASE = RunConfig(
    model="shared", train_rows=23, batch_size=9, epochs=EPOCHS, eval_every=3, seed=2, lr=0.02
)
#: Each with other groups of rates that change by themselves, and other kinds of schedules.
SCHEDULED: dict[str, dict[str, Any]] = {
    "temperature": {"temperature_schedule": "exponential", "temperature_end": 0.3},
    "routing": {"lr_routing_schedule": "linear", "lr_routing_hold": 0.4},
    "all but routing": {"schedule": "cosine", "lr_end": 0.005, "lr_routing_schedule": "constant"},
    "each by itself": {
        **{"schedule": "exponential", "gamma": 0.8, "lr_hold": 0.3},
        **{"lr_routing_schedule": "cosine", "lr_routing_end": 0.3},
        **{"lr_selection_schedule": "exponential", "lr_selection_end": 0.01},
        **{"temperature_schedule": "linear", "temperature_end": 4.0, "temperature_hold": 0.5},
    },
}


def by_torch(make: Any, epochs: int = EPOCHS) -> list[float]:
    """The rates of a scheduler of torch, first rate 1."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, rates = make(optimizer), []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


LIKE_TORCH = {
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.8),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, EPOCHS, eta_min=0.3),
    "linear": lambda o: lr_scheduler.LinearLR(o, 1.0, 0.3, EPOCHS),
}


@pytest.mark.parametrize("kind", LIKE_TORCH)
def test_each_kind_is_that_of_torch(kind: str) -> None:
    factors = schedule(kind, EPOCHS, [0.8], [0.3])
    assert factors is not None
    assert factors[:, 0].tolist() == pytest.approx(by_torch(LIKE_TORCH[kind]))


@pytest.mark.parametrize("kind", ["exponential", "cosine", "linear"])
def test_what_is_held_falls_as_it_would_in_the_epochs_left(kind: str) -> None:
    held = schedule(kind, 10, [None], [0.2], [0.3])
    falls = schedule(kind, 7, [None], [0.2])
    assert held is not None
    assert falls is not None
    assert held[:, 0].tolist() == [1.0] * 3 + falls[:, 0].tolist()
    almost = schedule(kind, 10, [None], [0.2], [0.99])
    assert almost is not None
    assert almost.eq(1.0).all()


def test_runs_beside_each_other_have_ends_of_their_own() -> None:
    factors = schedule("exponential", 5, [None, 0.5, None], [0.1, 0.1, 1.0], [0.0, 0.2, 0.0])
    assert factors is not None
    assert factors[:, 0].tolist() == pytest.approx([0.1 ** (epoch / 5) for epoch in range(5)])
    assert factors[:, 1].tolist() == [1.0, 1.0, 0.5, 0.25, 0.125]
    assert factors[:, 2].tolist() == [1.0] * 5


@pytest.mark.parametrize("name", SCHEDULED)
def test_a_run_is_that_of_a_literal_loop(name: str) -> None:
    run = replace(BASE, **SCHEDULED[name])
    assert_same_network(run, 5e-4)
    network, _ = literal(run)
    plain, _ = literal(BASE)
    before = dict(plain.named_parameters())
    assert any(not torch.allclose(p, before[n], atol=1e-3) for n, p in network.named_parameters())


def test_neighbours_with_other_ends_change_no_bit() -> None:
    run = replace(BASE, **SCHEDULED["each by itself"])
    others = grid(run, temperature_end=[0.5, 1.0], lr_routing_end=0.01, lr_hold=0.5, seed=[5, 6])
    assert_neighbours_change_nothing(run, others, chunk=8)


@needs_compiler
@pytest.mark.parametrize("name", SCHEDULED)
def test_machine_code_eager_and_single_steps_agree(name: str) -> None:
    run = replace(BASE, **SCHEDULED[name], gumbel=True)
    others = grid(run, seed=[5, 6], temperature=[1.0, 3.0])
    eager = table_of(train_chunk([run, *others], chunk=8)).loc[[run.key]]
    compiled = train_chunk([*others, run], chunk=8, compiled=True)
    assert compiled.compiled
    assert_close(eager, table_of(compiled).loc[[run.key]], 1e-3)
    assert_close(eager, table_of(train_chunk([run], chunk=1)), 1e-3)
    alone = table_of(train_chunk([run], chunk=8, compiled=True))
    among = table_of(compiled).loc[[run.key]]
    pd.testing.assert_frame_equal(alone, among, check_exact=True)


class Choosy(nn.Module):
    """A network of a user's own with a rate of its own, and a temperature."""

    learning_rates = {"gate": "lr_routing"}  # noqa: RUF012

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(6, 5), nn.Linear(5, 2)
        self.gate = nn.Parameter(torch.randn(5))

    def forward(self, x: torch.Tensor, temperature: float | torch.Tensor = 1.0) -> torch.Tensor:
        return self.outer(self.inner(x).tanh() * torch.sigmoid(self.gate / temperature))


class Normed(Choosy):
    """The same with a state, so that it trains in a plain loop."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__(config)
        self.norm = nn.BatchNorm1d(6)

    def forward(self, x: torch.Tensor, temperature: float | torch.Tensor = 1.0) -> torch.Tensor:
        return super().forward(self.norm(x), temperature)


OWN = {
    **{"schedule": "linear", "lr_end": 0.001, "lr_routing_schedule": "cosine"},
    **{"lr_routing_hold": 0.3, "temperature_schedule": "exponential", "temperature_end": 0.2},
}


@pytest.mark.parametrize("kind", [Choosy, Normed])
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=needs_compiler)])
def test_networks_of_ones_own_in_every_backend(
    kind: type[nn.Module], compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "own", kind)
    run = replace(BASE, model="own", **OWN)
    plainly = table_of(train_chunk([run], chunk=1))  # by torch.optim
    many = grid(run, seed=[2, 3, 4])
    trained = train_chunk(many, chunk=4, compiled=compiled)
    assert not trained.failures
    assert trained.compiled == (compiled and kind is Choosy)
    assert_close(plainly, table_of(trained).loc[[run.key]], 1e-3)
    other = replace(run, temperature_end=2.0)
    assert not plainly["train_loss"].equals(table_of(train_chunk([other], chunk=1))["train_loss"])
