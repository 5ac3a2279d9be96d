"""What networks of a person's own may not do is said in one line."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.sweep import RunsFailed, sweep
from modnets.models.registry import MODELS

RUN = RunConfig(graph="6-2-2", train_rows=23, epochs=2)
SHARED = nn.Linear(6, 2)
RNG = np.random.default_rng(0)
SEEN: list[int] = []


class Net(nn.Module):
    """A linear network, with something done to its logits."""

    total = 0

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 2)
        self.drop = nn.Dropout(0.3)

    def forward(self, x: Tensor) -> Any:
        return self.last(self.linear(x))


def with_last(change: Callable[[Net, Tensor], Any]) -> Callable[[RunConfig], Net]:
    """A network whose logits are changed."""
    return type("Changed", (Net,), {"last": change})


def counted(network: Net, h: Tensor) -> Tensor:
    Net.total += 1
    return h


def noted(network: Net, h: Tensor) -> Tensor:
    SEEN.append(1)
    return h


def lazy(config: RunConfig) -> nn.Module:
    return nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2))


def depth_by_seed(config: RunConfig) -> nn.Module:
    inner = [nn.Linear(6, 6) for _ in range(int(torch.randint(1, 9, ())))]
    return nn.Sequential(*inner, nn.Linear(6, 2))


def unseeded(config: RunConfig) -> nn.Module:
    network = nn.Linear(6, 2)
    network.weight.data += float(np.random.default_rng().normal())
    return network


def by_clock(network: Net, h: Tensor) -> Tensor:
    return h * (time.perf_counter() % 1)  # of its whole seconds float32 knows no small part


def told(config: RunConfig) -> nn.Module:
    network = nn.Linear(6, 2)
    network.structure = lambda: {"weights": network.weight}
    return network


def failing(config: RunConfig) -> nn.Module:
    raise KeyError("no such width")


REFUSED: dict[str, tuple[Any, str]] = {
    "no module": (lambda config: lambda x: x, "built a function; allowed is an nn.Module"),
    "no parameters": (lambda config: nn.Sequential(nn.ReLU()), "has no parameters to train"),
    "a tuple": (with_last(lambda s, h: (h, h, h)), r"a tuple for 5 rows; allowed is \(5, 2\)"),
    "two logits": (with_last(lambda s, h: (h, h)), r"logits and shape \(5, 2\).*tensor of shape"),
    "a penalty that is a number": (with_last(lambda s, h: (h, 0.1)), "logits and a float; allowed"),
    "a whole penalty": (with_last(lambda s, h: (h, h.sum().long())), "torch.int64; allowed beside"),
    "a penalty of NaN": (with_last(lambda s, h: (h, h.sum() * float("nan"))), "penalty of nan;"),
    "lazy": (lazy, "size of 0.weight.* is not given; allowed are layers whose sizes are"),
    "depth by seed": (depth_by_seed, "has another shape for another seed; allowed"),
    "shape": (lambda config: nn.Linear(6, 3), r"shape \(5, 3\) for 5 rows; allowed is"),
    "inputs": (lambda config: nn.Linear(5, 2), r"forward fails on rows of shape \(5, 6\)"),
    "whole numbers": (with_last(lambda s, h: h.round().long()), "torch.int64; allowed are real"),
    "dropout": (with_last(lambda s, h: s.drop(h)), r"random.*\(drop\); allowed.*noise_size"),
    "numpy's noise": (with_last(lambda s, h: h + np.random.rand()), "draws random numbers"),  # noqa: NPY002
    "a global source": (with_last(lambda s, h: h + RNG.normal()), "a global.*runs stay apart"),
    "a class attribute": (with_last(counted), "changes a global, a class attribute"),
    "a global list": (with_last(noted), "changes a global"),
    "the clock": (with_last(by_clock), "at another time; allowed are logits that follow"),
    "nan": (with_last(lambda s, h: h / 0 * 0), "gives NaN before any training"),
    "infinity": (with_last(lambda s, h: h.abs() / 0), "gives infinity before any training"),
    "rows meet": (with_last(lambda s, h: h - h.mean(0)), "depend on the other rows in evaluation"),
    "one for all": (lambda config: SHARED, "two networks share .*a new network each time"),
    "without a seed": (unseeded, "weight is another one for the same seed"),
    "no gradient": (with_last(lambda s, h: h.detach()), "no parameter gets a gradient"),
    "structure": (told, r"structure\(\) gives no JSON"),
    "constructor": (failing, "KeyError: 'no such width'"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_said_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    builder, message = REFUSED[name]
    monkeypatch.setitem(MODELS, "own", builder)
    runs = grid(RUN, model="own", seed=range(3))
    for some in (runs, runs[:1]):
        with pytest.raises(RunsFailed) as caught:
            sweep(some, progress=False)
        assert re.search(message, str(caught.value).splitlines()[-1])


def test_refused_runs_stop_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "own", REFUSED["dropout"][0])
    with pytest.raises(RunsFailed) as caught:
        sweep([*grid(RUN, seed=range(3)), *grid(RUN, model="own", seed=range(2))], progress=False)
    assert len(caught.value.failures) == 2
