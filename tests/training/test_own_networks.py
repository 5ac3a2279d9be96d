"""Networks of a person's own: each trains as a plain torch loop does, or is refused in one line."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from lanes import needs_compiler
from literally import examples, optimizer_of
from torch import Tensor, nn

from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.live import Live
from modnets.models.registry import MODELS, build
from modnets.training.backends.eager import one_thread
from modnets.training.engine import Trained, train_chunk
from modnets.training.random_streams import generator, stream_seed

RUN = RunConfig(graph="6-2-2", train_rows=23, epochs=12, eval_every=12, batch_size=None)


class Net(nn.Module):
    """A dense network with something between its two layers; what differs stands in ``change``."""

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(6, 12), nn.Linear(12, 2)
        self.prepare()

    def prepare(self) -> None:
        """What is there beside the two layers."""

    def change(self, h: Tensor) -> Tensor:
        """Between them."""
        return h.relu()

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.change(self.inner(x)))


class BatchNorm(Net):
    def prepare(self) -> None:
        self.norm = nn.BatchNorm1d(12)

    def change(self, h: Tensor) -> Tensor:
        return self.norm(h).relu()


class BatchNormWithoutStatistics(BatchNorm):
    def prepare(self) -> None:
        self.norm = nn.BatchNorm1d(12, track_running_stats=False)

    def change(self, h: Tensor) -> Tensor:
        return (self.norm(h) if self.training else h).relu()


class LayerNorm(BatchNorm):
    def prepare(self) -> None:
        self.norm = nn.LayerNorm(12)


class GroupNorm(BatchNorm):
    def prepare(self) -> None:
        self.norm = nn.GroupNorm(3, 12)


class Centred(Net):
    def change(self, h: Tensor) -> Tensor:
        return (h - h.mean(0) if self.training else h).relu()


class ByNumberOfRows(Net):
    def change(self, h: Tensor) -> Tensor:
        return (h / len(h) ** 0.5 if self.training else h).relu()


class Tied(Net):
    def prepare(self) -> None:
        self.square = nn.Linear(12, 12)
        self.again = nn.Linear(12, 12)
        self.again.weight = self.square.weight

    def change(self, h: Tensor) -> Tensor:
        return self.again(self.square(h).relu()).relu()


class Double(Net):
    def prepare(self) -> None:
        self.double()


class HalfDouble(Net):
    def prepare(self) -> None:
        self.square = nn.Linear(12, 12).double()

    def change(self, h: Tensor) -> Tensor:
        return self.square(h.double()).float().relu()


class DoubleInside(Net):
    def change(self, h: Tensor) -> Tensor:
        return h.double().relu().float()


class Frozen(Net):
    def prepare(self) -> None:
        self.scale = nn.Parameter(torch.linspace(0.5, 2, 12), requires_grad=False)
        self.inner.weight.requires_grad_(False)

    def change(self, h: Tensor) -> Tensor:
        return (h * self.scale).relu()


class Unused(Net):
    def prepare(self) -> None:
        self.spare = nn.Linear(3, 3)


class NoGrad(Net):
    def change(self, h: Tensor) -> Tensor:
        return h.detach().relu()


class IntegerBuffer(Net):
    def prepare(self) -> None:
        self.register_buffer("order", torch.randperm(12))

    def change(self, h: Tensor) -> Tensor:
        return h[:, self.order].relu() + h


class MaskBuffer(Net):
    def prepare(self) -> None:
        self.register_buffer("mask", (torch.rand(12) < 0.5).float())

    def change(self, h: Tensor) -> Tensor:
        return (h * self.mask).relu()


class BooleanBuffer(Net):
    def prepare(self) -> None:
        self.register_buffer("mask", torch.rand(12) < 0.5)

    def change(self, h: Tensor) -> Tensor:
        return torch.where(self.mask, h.relu(), h.tanh())


class MaskAttribute(Net):
    def prepare(self) -> None:
        self.mask = (torch.rand(12) < 0.5).float()

    def change(self, h: Tensor) -> Tensor:
        return (h * self.mask).relu()


class NumpyAttribute(Net):
    def prepare(self) -> None:
        self.factor = float(np.random.rand()) + random.random()  # noqa: NPY002

    def change(self, h: Tensor) -> Tensor:
        return (h * self.factor).relu()


class FromConfig(nn.Module):
    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.config = config
        self.inner, self.outer = nn.Linear(6, 12), nn.Linear(12, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer((self.inner(x) * (1 + 100 * self.config.lr)).relu())


class KeepsConfig(FromConfig):
    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.inner(x).relu())


class Counter(Net):
    def prepare(self) -> None:
        self.step = 0

    def change(self, h: Tensor) -> Tensor:
        self.step += self.training
        return (h * (1 + 0.1 * self.step)).tanh()


class CountsAll(Counter):
    def change(self, h: Tensor) -> Tensor:
        self.step += 1
        return h.relu() if self.training or self.step else h


class BufferCounter(Net):
    def prepare(self) -> None:
        self.register_buffer("step", torch.zeros(()))

    def change(self, h: Tensor) -> Tensor:
        if self.training:
            self.step += 1
        return (h / (1 + 0.1 * self.step)).relu()


class KeepsHidden(Net):
    def change(self, h: Tensor) -> Tensor:
        self.hidden = h.relu()
        return self.hidden


class ClipsWeights(Net):
    def change(self, h: Tensor) -> Tensor:
        with torch.no_grad():
            self.outer.weight.clamp_(-0.2, 0.2)
        return h.relu()


class WeightNorm(Net):
    def prepare(self) -> None:
        self.inner = nn.utils.parametrizations.weight_norm(self.inner)


class SpectralNorm(Net):
    def prepare(self) -> None:
        self.inner = nn.utils.parametrizations.spectral_norm(self.inner)


class Scalar(Net):
    def prepare(self) -> None:
        self.scale = nn.Parameter(torch.tensor(1.5))

    def change(self, h: Tensor) -> Tensor:
        return self.scale * h.relu()


class Convolution(Net):
    def prepare(self) -> None:
        self.conv = nn.Conv1d(1, 3, 3, padding=1)

    def change(self, h: Tensor) -> Tensor:
        return self.conv(h[:, None]).relu().amax(dim=1)


class Pooled(Net):
    def change(self, h: Tensor) -> Tensor:
        return F.max_pool1d(h[:, None], 3, stride=1, padding=1)[:, 0].relu()


class Recurrent(nn.Module):
    kind: type[nn.Module] = nn.GRU

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.cells, self.outer = self.kind(1, 5, batch_first=True), nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.cells(x.unsqueeze(-1))[0][:, -1])


class LongShort(Recurrent):
    kind = nn.LSTM


class Elman(Recurrent):
    kind = nn.RNN


class Attention(nn.Module):
    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.embed = nn.Linear(1, 8)
        self.heads = nn.MultiheadAttention(8, 2, batch_first=True)
        self.outer = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x.unsqueeze(-1))
        return self.outer(self.heads(h, h, h, need_weights=False)[0].mean(1))


class Encoder(nn.Module):
    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.embed, self.outer = nn.Linear(1, 8), nn.Linear(8, 2)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.layer(self.embed(x.unsqueeze(-1))).mean(1))


class Embedded(nn.Module):
    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.embed, self.outer = nn.Embedding(2, 3), nn.Linear(18, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.embed(x.long()).flatten(1))


class Sign(torch.autograd.Function):
    """The sign, with a straight-through gradient."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx, grad):
        return grad * (ctx.saved_tensors[0].abs() <= 1)


class Binarised(Net):
    def change(self, h: Tensor) -> Tensor:
        return Sign.apply(h)


class MaskAssigned(Net):
    def change(self, h: Tensor) -> Tensor:
        h = h.clone()
        h[h < 0] = 0
        return h


class SliceAssigned(Net):
    def change(self, h: Tensor) -> Tensor:
        whole = torch.zeros(len(h), 12)
        whole[:, :6], whole[:, 6:] = h[:, :6].relu(), h[:, 6:].tanh()
        return whole


class InPlace(Net):
    def change(self, h: Tensor) -> Tensor:
        return h.mul_(2.0).relu_()


class ByValue(Net):
    def change(self, h: Tensor) -> Tensor:
        return h.relu() if self.outer.bias[0] > 0 else h.tanh()


class ByItem(Net):
    def change(self, h: Tensor) -> Tensor:
        return h.relu() * (1 + abs(self.outer.bias[0].item()))


class Topmost(Net):
    def change(self, h: Tensor) -> Tensor:
        values, places = h.topk(6, dim=1)
        return torch.zeros_like(h).scatter(1, places, values)


class Sorted(Net):
    def change(self, h: Tensor) -> Tensor:
        return h.sort(dim=1).values.relu()


class Cumulated(Net):
    def change(self, h: Tensor) -> Tensor:
        return h.cumsum(dim=1).tanh()


class Hooked(Net):
    def prepare(self) -> None:
        self.inner.register_forward_hook(lambda module, given, h: h * 0.5)


class NoDropout(Net):
    def prepare(self) -> None:
        self.drop = nn.Dropout(0.0)

    def change(self, h: Tensor) -> Tensor:
        return self.drop(h).relu()


NETWORKS: list[type[nn.Module]] = [
    *(BatchNorm, BatchNormWithoutStatistics, LayerNorm, GroupNorm, Centred, ByNumberOfRows, Tied),
    *(Double, HalfDouble, DoubleInside, Frozen, Unused, NoGrad, IntegerBuffer, MaskBuffer),
    *(BooleanBuffer, MaskAttribute, NumpyAttribute, FromConfig, KeepsConfig, Counter, CountsAll),
    *(BufferCounter, KeepsHidden, ClipsWeights, WeightNorm, SpectralNorm, Scalar, Convolution),
    *(Pooled, Recurrent, LongShort, Elman, Attention, Encoder, Embedded, Binarised, MaskAssigned),
    *(SliceAssigned, InPlace, ByValue, ByItem, Topmost, Sorted, Cumulated, Hooked, NoDropout),
]
#: Those that train side by side in any sweep; all others one after the other, or compiled.
TOGETHER = (LayerNorm, GroupNorm, Tied, DoubleInside, Frozen, Unused, NoGrad, IntegerBuffer)
TOGETHER += (MaskBuffer, BooleanBuffer, KeepsConfig, Scalar, Convolution, Pooled)
TOGETHER += (Embedded, InPlace, Topmost, Sorted, Cumulated, Hooked, NoDropout)


@pytest.fixture(params=NETWORKS, ids=lambda kind: kind.__name__)
def own(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type[nn.Module]:
    """Each network, by the name ``own``."""
    monkeypatch.setitem(MODELS, "own", request.param)
    return request.param


@one_thread()
def by_hand(run: RunConfig) -> tuple[nn.Module, dict[str, Tensor], Tensor]:
    """A plain torch loop: the network, its state, its logits of the whole table in evaluation."""
    final = run.final
    network = build(final, stream_seed(final.seed, "weights"))
    optimizer = optimizer_of(final, network)
    kind = next(network.parameters()).dtype
    x, y = (part.to(kind) for part in examples(run))
    order = torch.rand(2**10, len(x), generator=generator(final.seed, "order")).argsort(dim=1)
    network.train()
    whole = [torch.arange(len(x))]
    for epoch in range(final.epochs):
        full = final.batch_size == len(x)
        for rows in whole if full else order[epoch].split(final.batch_size):
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(network(x[rows]), y[rows]).backward()
            optimizer.step()
    state = {name: part.clone() for name, part in network.state_dict().items()}
    table = torch.from_numpy(run.graph.rows()).to(kind)
    with torch.no_grad():
        return network, state, network.eval()(table)


def trained(runs: list[RunConfig], compiled: bool = False, chunk: int = 4) -> Trained:
    """What the engine makes of runs; none may fail."""
    found = train_chunk(runs, chunk=chunk, compiled=compiled, keep_networks=True)
    assert not found.failures, next(iter(found.failures.values()))
    return found


def assert_as_by_hand(run: RunConfig, found: nn.Module, table: object) -> None:
    """The same weights, buffers and truth table as a plain loop gives."""
    _, state, logits = by_hand(run)
    for name, value in found.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=2e-3, atol=2e-4, msg=name)
    x = torch.from_numpy(run.graph.rows()).to(logits.dtype)
    with torch.no_grad():
        torch.testing.assert_close(found.eval()(x), logits, rtol=5e-3, atol=1e-3)
    right = run.graph.truth_table() == (logits > 0).numpy()
    assert table.bit_accuracy.iloc[-1] == pytest.approx(right.mean())


def test_each_trains_as_a_plain_loop_does(
    own: type[nn.Module], capfd: pytest.CaptureFixture
) -> None:
    base = replace(RUN, model="own")
    runs = [replace(base, seed=4), replace(base, seed=5, split_seed=7, lr=0.02)]
    found = trained(runs)
    for run, network in zip(runs, found.networks, strict=True):
        assert_as_by_hand(run, network, found.table[found.table.run == run.key])
    said = capfd.readouterr().err
    assert ("one after the other" in said) == (own not in TOGETHER), said
    assert said.count("\n") == (own not in TOGETHER)
    alone = trained(runs[:1], chunk=1)
    assert_as_by_hand(runs[0], alone.networks[0], alone.table)


@needs_compiler
@pytest.mark.parametrize("kind", [*TOGETHER, WeightNorm, Recurrent, Elman, BatchNorm])
def test_each_compiles_or_trains_all_the_same(
    kind: type[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "own", kind)
    run = replace(RUN, model="own", seed=6)
    found = trained([run, replace(run, seed=8)], compiled=True)
    assert_as_by_hand(run, found.networks[0], found.table[found.table.run == run.key])


def test_neighbours_order_and_repetition_change_no_bit(own: type[nn.Module]) -> None:
    base = replace(RUN, model="own", epochs=3)
    one, two, three = (replace(base, seed=seed, split_seed=seed) for seed in (1, 2, 3))
    tables = [trained(runs).table for runs in ([one, two, three], [three, one], [one], [one, two])]
    found = [table[table.run == one.key].reset_index(drop=True) for table in tables]
    for table in found[1:]:
        assert table.equals(found[0])


SETTINGS = [
    {"batch_size": 7},
    {"batch_size": 7, "schedule": "cosine"},
    {"optimizer": "sgd", "lr": 0.3},
    {"optimizer": "momentum", "lr": 0.05, "weight_decay": 0.02},
    {"optimizer": "rmsprop"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("kind", [BatchNorm, Counter, Unused])
def test_settings_hold_for_them_too(
    kind: type[nn.Module], settings: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    if settings.get("schedule"):
        settings = settings | {"epochs": 1}  # at its start the rate is the whole one
    monkeypatch.setitem(MODELS, "own", kind)
    run = replace(RUN, model="own", seed=9, **({"epochs": 3} | settings))
    found = trained([run, replace(run, seed=10)])
    assert_as_by_hand(run, found.networks[0], found.table[found.table.run == run.key])


@pytest.mark.parametrize("chunk", [1, 4])
@pytest.mark.parametrize("model", ["own", "dense"])
def test_logits_that_turn_into_no_numbers_are_said_once(
    model: str, chunk: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setitem(MODELS, "own", Net)
    table = trained([replace(RUN, model=model, lr=1e37, eval_every=1)], chunk=chunk).table
    said = capfd.readouterr().err
    assert said.count("NaN or infinite logits in epoch 1 in 1 of 1 runs") == said.count("\n") == 1
    assert table.train_loss.isna().iloc[-1]


@pytest.mark.parametrize("kind", [BatchNorm, MaskAttribute, Frozen, IntegerBuffer, Double])
def test_live_training_hands_back_the_same_networks(
    kind: type[nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "own", kind)
    runs = grid(replace(RUN, model="own", eval_every=6), seed=[1, 2])
    live = Live(runs, compiled=False)
    live.train()
    found = trained(runs, chunk=live.parts[0].chunk.size)
    for run, network in zip(runs, found.networks, strict=True):
        shown = live.network(run.key, run.epochs).state_dict()
        for name, value in network.state_dict().items():
            torch.testing.assert_close(shown[name], value, rtol=1e-6, atol=1e-7, msg=name)


def test_what_a_network_says_of_itself_is_that_of_the_trained_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Telling(BatchNorm):
        def structure(self) -> dict[str, object]:
            return {"seen": int(self.norm.num_batches_tracked), "bias": self.outer.bias.tolist()}

    monkeypatch.setitem(MODELS, "own", Telling)
    found = trained([replace(RUN, model="own", seed=seed) for seed in (1, 2)])
    texts = found.table.structure.dropna().tolist()
    for text, network in zip(texts, found.networks, strict=True):
        assert json.loads(text) == network.structure()
        assert json.loads(text)["seen"] == RUN.epochs
