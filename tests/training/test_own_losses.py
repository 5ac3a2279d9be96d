"""Losses of a user's own, and penalties of networks, against a plain torch loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from lanes import assert_close, needs_compiler, table_of
from literally import examples, optimizer_of
from torch import Tensor, nn

import modnets as mn
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.failures import RunsFailed
from modnets.models.losses import LOSSES
from modnets.models.registry import MODELS, build
from modnets.training.backends.eager import one_thread
from modnets.training.engine import train_chunk
from modnets.training.random_streams import stream_seed
from modnets.training.step_cache import forget_steps

STEPS = 30
RUN = RunConfig(model="shared", train_rows=23, epochs=STEPS, eval_every=10, seed=3)
GAMMA = 2


def focal(logits: Tensor, y: Tensor) -> Tensor:
    """Focal loss (Lin and others, 2017): what is nearly right counts little."""
    wrong = (torch.sigmoid(logits) - y).abs()
    return wrong**GAMMA * F.binary_cross_entropy_with_logits(logits, y, reduction="none")


def hinge(logits: Tensor, y: Tensor) -> Tensor:
    """Squared hinge loss."""
    return (1 - (2 * y - 1) * logits).clamp(min=0) ** 2


@one_thread()
def by_hand(run: RunConfig, loss: Callable[[Tensor, Tensor], Tensor]) -> dict[str, Tensor]:
    """The weights after a plain loop over full batches."""
    final = run.final
    network = build(final, stream_seed(final.seed, "weights"))
    optimizer, (x, y) = optimizer_of(final, network), examples(run)
    keywords = {"temperature": final.temperature} if final.is_modular else {}
    network.train()
    for _ in range(final.epochs):
        optimizer.zero_grad()
        given = network(x, **keywords)
        logits, penalty = given if isinstance(given, tuple) else (given, torch.zeros(()))
        (loss(logits, y).mean() + penalty).backward()
        optimizer.step()
    return network.state_dict()


def agree(run: RunConfig, loss: Callable[[Tensor, Tensor], Tensor], **how: object) -> None:
    """The engine's weights are those of the plain loop."""
    beside = [replace(run, seed=11, lr=0.03), replace(run, seed=12)]
    trained = train_chunk([*beside, run], keep_networks=True, **how)
    assert not trained.failures, trained.failures
    expected = by_hand(run, loss)
    for name, value in trained.networks[-1].state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=2e-3, atol=2e-4, msg=name)
    assert trained.compiled == how.get("compiled", False)


COMPILED = [False, pytest.param(True, marks=needs_compiler)]


@pytest.mark.parametrize("compiled", COMPILED)
@pytest.mark.parametrize("loss", [focal, hinge])
def test_a_loss_of_ones_own_trains_as_a_plain_loop_does(
    loss: Callable[[Tensor, Tensor], Tensor], compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LOSSES, "mine", loss)
    run = replace(RUN, loss="mine")
    agree(run, loss, chunk=4, compiled=compiled)
    table = table_of(train_chunk([run], chunk=1))
    assert_close(table_of(train_chunk([run], chunk=2)), table, 1e-3)
    network = mn.train(run, progress=False).network
    x, y = examples(run)
    with torch.no_grad():
        expected = float(loss(network(x), y).mean())
    assert table["train_loss"].iloc[-1] == pytest.approx(expected, rel=1e-4)


def test_a_loss_never_meets_a_dont_care(monkeypatch: pytest.MonkeyPatch) -> None:
    def strict(logits: Tensor, y: Tensor) -> Tensor:
        return torch.where(
            y > 1, torch.nan, F.binary_cross_entropy_with_logits(logits, y, reduction="none")
        )

    monkeypatch.setitem(LOSSES, "strict", strict)
    table = mn.FunctionGraph(4, [["XOR 0 1", "AND 2 3"]]).truth_table().astype(float)
    table[::3, 0] = np.nan
    base = RunConfig(graph=mn.FunctionGraph.from_table(table), train_rows=9, epochs=5)
    tables = [
        table_of(train_chunk([replace(base, loss=name)], chunk=2)) for name in ("strict", "bce")
    ]
    assert_close(*(one.droplevel("run") for one in tables), 1e-4)


def test_the_key_holds_the_code_of_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOSSES, "mine", focal)
    run = replace(RUN, loss="mine")
    before = run.key
    assert before != RUN.key
    monkeypatch.setitem(globals(), "GAMMA", 3)
    assert run.key != before
    monkeypatch.setitem(globals(), "GAMMA", 2)
    assert run.key == before
    monkeypatch.setitem(LOSSES, "mine", hinge)
    assert run.key != before
    agree(run, hinge, chunk=3)  # not the step of the loss before


WRONG = {
    "a mean": (lambda z, y: (z - y).square().mean(), r"shape \(\) for logits \(5, 2\); allowed"),
    "a number": (lambda z, y: 1.0, "gives a float; allowed is a loss of each bit"),
    "rows meet": (lambda z, y: (z - z.mean(0)) ** 2, "depends on other rows"),
    "random": (lambda z, y: (z - y) ** 2 + 0 * torch.randn(1), "draws random numbers"),
    "NaN": (lambda z, y: z.log(), "finite real numbers"),
    "flat": (lambda z, y: 0 * z, "its gradient is 0"),
    "fails": (lambda z, y: z @ y, "fails .*allowed is a function of logits and targets"),
    "steps by value": (
        lambda z, y: (z - y) ** 2 if z.abs().max() < 99 else z,
        "for many runs at once",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_loss_is_refused_in_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loss, message = WRONG[name]
    monkeypatch.setitem(LOSSES, "mine", loss)
    with pytest.raises(RunsFailed, match=message) as caught:
        mn.sweep(grid(RUN, loss=["bce", "mine"], epochs=2), progress=False)
    assert len(caught.value.failures) == 1
    with pytest.raises(ValueError, match="'bce' is taken; allowed is any other"):
        mn.models.register_loss("bce")


@pytest.mark.filterwarnings("ignore")
def test_workers_know_the_losses_of_this_process() -> None:
    try:
        mn.models.register_loss("mine")(lambda logits, y: (logits - 2 * y + 1) ** 2)
        runs = grid(RUN, loss="mine", model=["dense", "shared"], epochs=10)
        here = mn.sweep(runs, workers=1, compiled=False, progress=False)
        there = mn.sweep(runs, workers=2, compiled=False, progress=False)
        assert here["train_loss"].tolist() == there["train_loss"].tolist()
    finally:
        del LOSSES["mine"]


# Penalties


class Sparse(nn.Module):
    """An L1 penalty on weights; one on a parameter that logits do not follow from."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(6, 7), nn.Linear(7, 2)
        self.aside = nn.Parameter(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        logits = self.outer(self.inner(x).tanh())
        return logits, 0.05 * self.inner.weight.abs().sum() + self.aside.square().sum()


class InTraining(Sparse):
    """The same, in training only."""

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        given = super().forward(x)
        return given if self.training else given[0]


class Active(Sparse):
    """A penalty on activity, the mean over rows, which padding would change."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.inner(x).tanh()
        return self.outer(hidden), 0.3 * hidden.abs().mean() + self.aside.square().sum()


@pytest.mark.parametrize("compiled", COMPILED)
@pytest.mark.parametrize("kind", [Sparse, InTraining, Active])
def test_a_penalty_is_added_to_the_loss_in_training(
    kind: type[nn.Module],
    compiled: bool,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture,
) -> None:
    monkeypatch.setitem(MODELS, "own", kind)
    monkeypatch.setitem(LOSSES, "mine", focal)
    forget_steps()  # what is said once is said again
    run = replace(RUN, model="own")
    batched = kind is not Active
    trained = train_chunk(
        [replace(run, seed=8), run], chunk=4, compiled=compiled, keep_networks=True
    )
    assert trained.compiled == (compiled and batched)
    assert ("its penalty depends on the rows" in capfd.readouterr().err) == (not batched)
    expected = by_hand(run, lambda z, y: F.binary_cross_entropy_with_logits(z, y))
    for name, value in trained.networks[-1].state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=2e-3, atol=2e-4, msg=name)
    x, y = examples(run)
    with torch.no_grad():
        given = trained.networks[-1].eval()(x)
    logits = given[0] if isinstance(given, tuple) else given
    loss = trained.table["train_loss"].iloc[-1]
    assert loss == pytest.approx(float(F.binary_cross_entropy_with_logits(logits, y)), rel=1e-4)
    agree(replace(run, loss="mine"), focal, chunk=4)
    alone = table_of(train_chunk([run], chunk=1))
    assert_close(
        alone, trained.table[trained.table.run == run.key].set_index(["run", "epoch"]), 1e-3
    )
