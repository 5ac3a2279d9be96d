"""Runs that start from the trained network of another, and rates of zero."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

import modnets as mn
from modnets.hardware import lanes
from modnets.models.registry import MODELS
from modnets.training.earlier_runs import KEPT_NETWORKS, How, KeptNetworks, how_to_train
from modnets.training.engine import Trained, earlier_states, train_chunk
from modnets.training.initialization import initial_network

BASE = mn.RunConfig(graph="6-3-2-2", train_rows=40, epochs=20, eval_every=10)
SHARED = replace(BASE, model="shared")
OTHER = mn.tasks.perturbed_graph(mn.GRAPHS["6-3-2-2"], gates=1, seed=3)


def trained(run: mn.RunConfig, how: How | None = None) -> Trained:
    """A run trained as those are that others start from."""
    how = how or how_to_train(run, "cpu")
    return train_chunk([run], **vars(how), keep_networks=True)


def parameters(network: nn.Module) -> dict[str, Tensor]:
    return {name: part.detach().clone() for name, part in network.named_parameters()}


def started(run: mn.RunConfig) -> dict[str, Tensor]:
    """The parameters of a run before its first step."""
    states, failures = earlier_states([run], device="cpu")
    assert not failures
    return parameters(initial_network(run, states))


def equal(some: dict[str, Tensor], others: dict[str, Tensor], names: list[str]) -> bool:
    return all(torch.equal(some[name], others[name]) for name in names)


def is_logit(name: str) -> bool:
    return name.endswith("logits")


# Rates of zero


@pytest.mark.parametrize(
    ("optimizer", "compiled"),
    [("adam", True), ("adam", False), ("sgd", False), ("momentum", False), ("rmsprop", False)],
)
def test_a_rate_of_zero_leaves_weights_as_they_are(optimizer: str, compiled: bool) -> None:
    how = How(16, compiled, lanes() if compiled else None, "cpu")
    settings = {"optimizer": optimizer, "weight_decay": 0.1, "seed": 3}
    runs = [replace(BASE, lr=0, **settings), replace(SHARED, lr=0, **settings)]
    for run in runs:
        before, after = started(run), parameters(trained(run, how).networks[0])
        weights = [name for name in before if not is_logit(name)]
        assert equal(before, after, weights)
        logits = [name for name in before if is_logit(name)]
        assert (run.model == "dense") == (not logits)
        assert not any(equal(before, after, [name]) for name in logits)


@pytest.mark.parametrize(("rate", "part"), [("lr_routing", "routing"), ("lr_selection", "select")])
def test_choices_of_rate_zero_stay(rate: str, part: str) -> None:
    run = replace(SHARED, **{rate: 0}, schedule="cosine", lr_end=0.001)
    before, after = started(run), parameters(trained(run).networks[0])
    stay = {name for name in before if torch.equal(before[name], after[name])}
    assert stay == {name for name in before if is_logit(name) and part in name}


def test_a_rate_of_zero_has_no_schedule() -> None:
    run = replace(SHARED, lr=0, schedule="linear", lr_end=0.01)
    assert run.key == replace(run, lr_end=None).key
    before, after = started(run), parameters(trained(run).networks[0])
    assert equal(before, after, [name for name in before if not is_logit(name)])
    with pytest.raises(ValueError, match="schedule='exponential': lr=0 cannot fall; allowed are"):
        replace(SHARED, lr=0, schedule="exponential", lr_end=0.01)
    replace(SHARED, lr=0, schedule="exponential", gamma=0.9)


def test_a_rate_of_zero_in_a_plain_loop() -> None:
    try:
        mn.register("test-frozen")(Normalized)
        run = replace(BASE, model="test-frozen", lr=0, epochs=3)
        assert equal(started(run), parameters(trained(run).networks[0]), ["layer.weight"])
    finally:
        del MODELS["test-frozen"]


class Normalized(nn.Module):
    """A network with a state that training changes."""

    def __init__(self, config: mn.RunConfig) -> None:
        super().__init__()
        self.norm, self.layer = nn.BatchNorm1d(6), nn.Linear(6, config.options.get("outputs", 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.norm(x))


# What a run starts from


@pytest.mark.parametrize(
    "source",
    [
        BASE,
        replace(BASE, model="sparse"),
        replace(BASE, model="modular"),
        replace(SHARED, routing="known"),
        replace(SHARED, routing_method="best"),
        replace(SHARED, epochs=1000, eval_every=1000),  # compiled
        replace(SHARED, restarts=3),
    ],
    ids=str,
)
def test_a_run_goes_on_where_another_ended(source: mn.RunConfig) -> None:
    first = trained(source)
    run = replace(source, graph=OTHER, restarts=None, seed=7, pretrained=source)
    ended, now = parameters(first.networks[0]), started(run)
    assert equal(ended, now, list(ended))
    same = replace(source, restarts=None, pretrained=source, epochs=1, eval_every=1)
    before = trained(same, how_to_train(source, "cpu")).table.iloc[0]
    after = first.table.iloc[-1]
    for name in ("train_loss", "test_loss", "bit_accuracy", "row_accuracy"):
        assert before[name] == pytest.approx(after[name], rel=1e-5)
    buffers = dict(first.networks[0].named_buffers())
    masks = [name for name in buffers if name.startswith("weight_mask")]
    assert (source.model == "sparse") == bool(masks)
    mine = dict(trained(run).networks[0].named_buffers())
    assert all(torch.equal(mine[name], buffers[name]) for name in masks)


def test_two_halves_are_one_run() -> None:
    whole = replace(BASE, optimizer="sgd", epochs=40, lr=0.1)
    half = replace(whole, epochs=20)
    ends = [parameters(trained(run).networks[0]) for run in (whole, replace(half, pretrained=half))]
    for name, part in ends[0].items():
        torch.testing.assert_close(part, ends[1][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("model", ["modular", "shared"])
def test_modules_are_taken_and_choices_drawn(model: str) -> None:
    source = replace(BASE, model=model, routing="known")
    fresh = replace(BASE, model=model, graph=OTHER, seed=5)
    run = replace(fresh, pretrained=source, transferred="modules")
    ended, drawn, now = parameters(trained(source).networks[0]), started(fresh), started(run)
    modules = [name for name in now if not is_logit(name)]
    assert set(modules) == set(ended)
    assert equal(now, ended, modules)
    assert equal(now, drawn, [name for name in now if is_logit(name)])
    scaled = started(replace(run, initial_scale=0.5))
    assert all(torch.equal(scaled[name], 0.5 * now[name]) for name in modules)


def test_restarts_of_taken_modules_differ_in_their_choices() -> None:
    source = replace(SHARED, routing="known")
    run = replace(SHARED, restarts=3, pretrained=source, transferred="modules")
    table = trained(run).table
    assert table["start"].iloc[-1] in (0, 1, 2)
    assert table["kind"].iloc[-1] == "shared, learned, reused"


def test_a_result_depends_on_nothing_beside() -> None:
    sources = [replace(SHARED, seed=seed) for seed in range(3)]
    later = [replace(SHARED, graph=OTHER, seed=seed) for seed in range(3)]
    last = [replace(SHARED, lr=0.001, seed=seed) for seed in range(3)]
    stages = mn.in_sequence([sources, later, last])
    assert [run.pretrained for run in stages[2]] == stages[1]
    together = mn.sweep([run for stage in stages for run in stage], progress=False, chunk=4)
    for stage in (stages[2], stages[1]):  # the last first, with nothing kept
        KEPT_NETWORKS.clear()
        for run in stage[1:2]:
            alone = mn.sweep([run], progress=False, chunk=4)
            among = together[together["run"] == run.key].reset_index(drop=True)
            assert alone["train_loss"].tolist() == among["train_loss"].tolist()


def test_shapes_are_trained_together() -> None:
    runs = [
        replace(SHARED, graph=graph, pretrained=replace(SHARED, seed=seed), transferred="modules")
        for graph in ("6-3-2-2", OTHER)
        for seed in range(2)
    ]
    assert len(mn.plan(runs).chunks) == 1
    other = replace(runs[0], pretrained=replace(SHARED, graph="6-2-2", shared_modules=2))
    assert len(mn.plan([*runs, other]).chunks) == 2


# Failures, and what is kept


def test_what_starts_from_a_run_that_fails_fails() -> None:
    try:

        @mn.register("test-fails")
        class Fails(nn.Module):
            def __init__(self, config: mn.RunConfig) -> None:
                super().__init__()
                if config.seed == 1 and config.pretrained is None:
                    raise RuntimeError("no weights today")
                self.layer = nn.Linear(6, 2)

            def forward(self, x: Tensor) -> Tensor:
                return self.layer(x)

        base = replace(BASE, model="test-fails", epochs=2)
        runs = [replace(base, seed=2, pretrained=replace(base, seed=seed)) for seed in (0, 1)]
        with pytest.raises(mn.RunsFailed, match=r"pretrained: .* seed 1 .* failed: .*today"):
            mn.sweep(runs, progress=False)
        own = replace(base, pretrained=replace(base, options={"depth": 2}))
        assert own.key != replace(own, pretrained=base).key
    finally:
        del MODELS["test-fails"]


def test_the_state_of_a_network_of_your_own_is_taken() -> None:
    try:
        mn.register("test-state")(Normalized)
        source = replace(BASE, model="test-state", epochs=4)
        run = replace(source, pretrained=source, seed=1)
        states, _ = earlier_states([run], device="cpu")
        network, ended = initial_network(run, states), trained(source).networks[0]
        for name, part in ended.state_dict().items():
            assert torch.equal(part, network.state_dict()[name]), name
        assert int(ended.state_dict()["norm.num_batches_tracked"]) == 4
        other = replace(source, options={"outputs": 3}, pretrained=source)
        states, _ = earlier_states([other], device="cpu")
        with pytest.raises(ValueError, match=r"pretrained: layer.weight has shape \(2, 6\); allow"):
            initial_network(other, states)
    finally:
        del MODELS["test-state"]


def test_the_networks_used_last_are_kept() -> None:
    kept, how = KeptNetworks(100), How(16, False, None, "cpu")
    for name in ("a", "b", "c"):
        kept.keep(name, how, {"weight": torch.zeros(10)})
        assert kept.get("a", how) is not None
    assert (kept.get("b", how), kept.held) == (None, 80)
    assert kept.get("c", how) is not None
    kept.keep("large", how, {"weight": torch.zeros(100)})
    assert (kept.get("large", how), kept.held) == (None, 0)


def test_a_chain_is_trained_once_where_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    KEPT_NETWORKS.clear()
    stages = mn.in_sequence([[replace(BASE, seed=seed)] for seed in range(6)])
    kept: list[str] = []
    keep = KEPT_NETWORKS.keep
    monkeypatch.setattr(
        KEPT_NETWORKS, "keep", lambda key, how, state: (kept.append(key), keep(key, how, state))
    )
    for (run,) in stages:
        mn.sweep([run], progress=False)
    assert kept == [run.key for (run,) in stages[:-1]]
    run = mn.train(stages[-1][0], progress=False)
    assert equal(parameters(run.untrained), started(run.config), ["layers.0.weight"])
