"""Training by machine code against eager steps; and what falls back to them."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pandas as pd
import pytest
import torch
from lanes import assert_close, needs_compiler, table_of
from torch import Tensor, nn

import modnets as mn
from modnets.compiler import build_cache
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.planning import choose
from modnets.models.registry import MODELS
from modnets.tasks.random_graphs import random_graph
from modnets.training.engine import train_chunk

NOISY = {"input_noise": 0.1, "gumbel": True}
SLOW = {"schedule": "exponential", "gamma": 0.9, "weight_decay": 0.01, "lr": 0.02}
#: Each with other rows in a step, another optimizer, other noise.
RUNS = {
    "dense": {"hidden": (7, 5), "batch_size": 7, "schedule": "cosine", "loss": "mse"},
    "sparse": {"model": "sparse", "hidden": (5,), "pruning_ratio": 37.0, "optimizer": "sgd"},
    "modular": {"model": "modular", "optimizer": "momentum", **NOISY, **SLOW},
    "shared": {"model": "shared", "per_sample_routing": True, "batch_size": 10, **NOISY}
    | {"optimizer": "rmsprop", "temperature": 0.7},
    "one input": {"graph": mn.FunctionGraph(1, [["NOR 0"]]), "hidden": (3,), "train_rows": 1},
    "22 inputs": {"graph": mn.FunctionGraph(22, [["XOR 0 21", "OR 3 4"]]), "hidden": (5,)},
    "53 inputs": {"graph": random_graph((53, 7, 3)), "model": "modular", "weight_decay": 0.01},
}


def run_of(name: str) -> RunConfig:
    """A run with an odd number of rows."""
    return RunConfig(**{"train_rows": 23, "epochs": 10, "eval_every": 5, "seed": 3} | RUNS[name])


def others_of(run: RunConfig) -> list[RunConfig]:
    """Runs that may train beside it; of other numbers of rows, where that is allowed."""
    rows = [run.train_rows] if run.batch_size or run.graph.n_inputs == 1 else [9, 40]
    return grid(run, seed=range(20, 29), train_rows=rows, split_seed=[1, 2])[:18]


@needs_compiler
@pytest.mark.parametrize("name", RUNS)
def test_machine_code_agrees_with_eager_whatever_is_beside_it(name: str) -> None:
    run, others = run_of(name), others_of(run_of(name))
    eager = table_of(train_chunk([run], chunk=2))
    trained = train_chunk([run], chunk=2, compiled=True)
    assert trained.compiled
    alone = table_of(trained)
    assert_close(eager, alone, 1e-3)
    for runs, threads in (([run, *others], 1), ([*others, run], 2)):
        trained = train_chunk(runs, chunk=32, compiled=True, threads=threads)
        among = table_of(trained).loc[[run.key]]
        pd.testing.assert_frame_equal(among, alone, check_exact=True)


# Networks of a user's own


class Own(nn.Module):
    """A network of a user's own."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        if config.model == "turned":
            self.register_buffer("order", torch.tensor([5, 3, 1, 0, 2, 4]))
        self.inner, self.outer = nn.Linear(6, 8), nn.Linear(8, 2)


class Tokens(nn.Module):
    """Bits that look at each other; with a buffer, and a tensor that is none."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.register_buffer("places", torch.linspace(-1, 1, 6)[:, None])
        self.turned = torch.tensor([5, 3, 1, 0, 2, 4])
        self.reads, self.norm = nn.Linear(2, 12), nn.LayerNorm(4)
        self.outer = nn.Linear(24, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Shape (row, 2)."""
        bits = torch.stack([x[:, self.turned], self.places.T.expand(len(x), 6)], dim=-1)
        q, k, v = self.reads(bits).chunk(3, dim=-1)
        seen = torch.softmax(q @ k.mT / 2, dim=-1) @ v
        return self.outer(self.norm(seen).flatten(1))


REFUSED: dict[str, tuple[Callable[[Own, Tensor], Tensor], str]] = {
    "sorted": (lambda own, x: own.outer(own.inner(x).sort(1).values), "aten.sort.default"),
    "turned": (lambda own, x: own.outer(own.inner(x[:, own.order])), "'order': torch.int64"),
}


#: In evaluation these leave rows alone; else they would not be taken at all.
MEETING: dict[str, Callable[[Own, Tensor], Tensor]] = {
    "centred": lambda own, x: own.outer(own.inner(x - x.mean(0) * own.training)),
    "counted": lambda own, x: own.outer(own.inner(x)) * (len(x) if own.training else 1) ** -0.5,
}


def own(forward: Callable[[Own, Tensor], Tensor]) -> type:
    """A network whose step stays eager."""
    return type("Stays", (Own,), {"forward": forward})


@needs_compiler
def test_a_users_own_network_is_compiled(
    monkeypatch: pytest.MonkeyPatch, forgetful: None, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(MODELS, "tokens", Tokens)
    runs = grid(RunConfig(model="tokens", train_rows=23, epochs=10), seed=range(3))
    trained = [train_chunk(runs, chunk=4, compiled=compiled) for compiled in (False, True)]
    assert [one.compiled for one in trained] == [False, True]
    assert_close(*map(table_of, trained), 1e-3)
    assert capsys.readouterr().err == ""


@needs_compiler
@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_code_trains_eagerly_and_says_so_once(
    name: str, monkeypatch: pytest.MonkeyPatch, forgetful: None, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(MODELS, name, own(REFUSED[name][0]))
    runs = grid(RunConfig(model=name, train_rows=23, epochs=4), seed=range(3))
    eager = table_of(train_chunk(runs, chunk=4))
    assert capfd.readouterr().err == ""
    for _ in range(2):
        trained = train_chunk(runs, chunk=4, compiled=True)
        assert not trained.compiled
        pd.testing.assert_frame_equal(table_of(trained), eager, check_exact=True)
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("modnets: compiling failed, step stays eager: ")
    assert REFUSED[name][1] in line


@needs_compiler
@pytest.mark.parametrize("name", MEETING)
def test_rows_that_meet_in_training_are_those_of_the_batch(
    name: str, monkeypatch: pytest.MonkeyPatch, forgetful: None, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(MODELS, name, own(MEETING[name]))
    runs = grid(RunConfig(model=name, train_rows=23, epochs=4), seed=range(3))
    eager = table_of(train_chunk(runs, chunk=4))
    compiled = train_chunk(runs, chunk=4, compiled=True)
    assert not compiled.compiled
    pd.testing.assert_frame_equal(table_of(compiled), eager, check_exact=True)
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith(
        "one after the other, as in a plain loop: its rows meet each other in training"
    )


@needs_compiler
def test_a_compiler_that_fails(
    monkeypatch: pytest.MonkeyPatch, forgetful: None, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(build_cache, "FLAGS", ("-no-such-flag",))
    run = RunConfig(train_rows=23, epochs=4)
    for _ in range(2):
        trained = train_chunk([run], chunk=2, compiled=True)
        assert not trained.compiled
        assert not trained.failures
    (line,) = capfd.readouterr().err.splitlines()
    assert "no-such-flag" in line


@needs_compiler
@pytest.mark.parametrize(("widths", "compiled"), [((20, 9, 3), False), ((60, 29, 3), True)])
def test_short_runs_are_compiled_where_modules_read_many_sources(
    widths: tuple[int, ...], compiled: bool
) -> None:
    run = RunConfig(graph=random_graph(widths), model="modular", epochs=2, train_rows=23)
    assert (choose([run], None, None)[1] > 0) is compiled
    assert choose([run], None, False)[1] == 0
    dense = RunConfig(graph=random_graph(widths), model="dense", epochs=2, train_rows=23)
    assert choose([dense], None, None)[1] == 0


def test_no_compiler(
    monkeypatch: pytest.MonkeyPatch, forgetful: None, capfd: pytest.CaptureFixture
) -> None:
    looked_up = (build_cache.compiler, build_cache.can_compile)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("CXX", raising=False)
    for function in looked_up:
        function.cache_clear()
    try:
        run = RunConfig(train_rows=23, epochs=4)
        trained = [train_chunk([run], chunk=2, compiled=compiled) for compiled in (False, True)]
        long = grid(RunConfig(epochs=1000), seed=range(65))
        assert choose(long, None, None) == (64, False)
    finally:
        for function in looked_up:
            function.cache_clear()
    assert not trained[1].compiled
    pd.testing.assert_frame_equal(*map(table_of, trained), check_exact=True)
    assert capfd.readouterr().err == ("modnets: no C++ compiler; training stays eager, slower\n")
