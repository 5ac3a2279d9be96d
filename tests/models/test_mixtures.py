"""Choices among sets of sources: mixtures of modules' outputs, and starts from information."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import Tensor

import modnets as mn
from modnets.models.modular import ModularNetwork
from modnets.models.registry import build
from modnets.models.routing import Routing
from modnets.models.routing_methods.candidates import information, sets_of_inputs
from modnets.models.routing_methods.circuits import CircuitShape, RowBits
from modnets.models.routing_methods.information import InformationMethod
from modnets.models.set_routing import SetRouting
from modnets.models.structures import structures
from modnets.training.engine import train_chunk
from modnets.training.initialization import initial_network, searched

METHODS = ("mixtures", "information", "sets")
ANNEALED = {
    "temperature": 1.0,
    "temperature_schedule": "exponential",
    "temperature_end": 0.1,
}


def as_lists(structure: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(structure))


def weights_of(logits: Tensor, temperature: float, soft: bool, training: bool) -> list[Tensor]:
    """Of each candidate: a softmax by hand, or one-hot with its gradient."""
    exponentials = [torch.exp(logit / temperature) for logit in logits]
    total = sum(exponentials[1:], exponentials[0])
    shares = [exponential / total for exponential in exponentials]
    if training and soft:
        return shares
    largest = max(range(len(logits)), key=lambda place: logits[place].item())
    hard = [torch.tensor(float(place == largest)) for place in range(len(logits))]
    if soft:
        return hard
    return [one + share - share.detach() for one, share in zip(hard, shares, strict=True)]


def module(network: ModularNetwork, pool: int, number: int, inputs: list[Tensor]) -> list[Tensor]:
    """The outputs of a module for one row, unit by unit."""
    values = inputs
    for place, (weight, bias) in enumerate(network.pools[pool].layers()):
        values = [value.relu() for value in values] if place else values
        values = [
            sum((w * v for w, v in zip(unit, values, strict=True)), start=b)
            for unit, b in zip(weight[number], bias[number], strict=True)
        ]
    return values


def signal_of(network: ModularNetwork, channels: list[Tensor]) -> list[Tensor]:
    """What a slot gives to the level above."""
    if not network.binary_signals:
        return channels
    soft = [1 / (1 + torch.exp(-value)) for value in channels]
    return [
        (value.detach() > 0) + share - share.detach()
        for value, share in zip(channels, soft, strict=True)
    ]


def literally(network: ModularNetwork, x: Tensor, temperature: float, soft: bool) -> Tensor:
    """The logits of a network with known outputs, one task: row by row, slot by slot."""
    rows = []
    for row in x:
        size = network.signal_size
        given = [[value, *[torch.tensor(0.0)] * (size - 1)] for value in row]
        for level, n_slots in enumerate(network.slots):
            routing, values = network.routing[level], []
            below = [signal_of(network, one) if level else one for one in given]
            sets = list(itertools.combinations(range(len(below)), routing.arity))
            for slot in range(n_slots):
                mode = temperature, soft, network.training
                by_set = weights_of(routing.logits[:, slot], *mode)
                if network.shared:
                    by_module = weights_of(network.selection[level].logits[:, slot], *mode)
                    numbers, pool = range(len(by_module)), 0
                else:
                    by_module, numbers, pool = [torch.tensor(1.0)], range(slot, slot + 1), level
                total = [torch.tensor(0.0)] * size
                for share, sources in zip(by_set, sets, strict=True):
                    inputs = [below[source][place] for place in range(size) for source in sources]
                    for part, number in zip(by_module, numbers, strict=True):
                        of_module = module(network, pool, number, inputs)
                        total = [
                            all_others + share * part * one
                            for all_others, one in zip(total, of_module, strict=True)
                        ]
                values.append(total)
            given = values
        rows.append(torch.stack([given[place][0] for place in network.output_routing.read()[0]]))
    return torch.stack(rows)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("method", ["mixtures", "sets"])
@pytest.mark.parametrize(
    "settings",
    [
        {"model": "modular"},
        {"model": "shared"},
        {"model": "shared", "arity": 3, "slots": (3, 2)},
        {"model": "modular", "signal_size": 2},
        {"model": "shared", "signal_size": 2, "signals": "binary"},
    ],
    ids=str,
)
def test_values_and_gradients_are_those_of_a_literal_loop(
    settings: dict[str, Any], method: str, training: bool
) -> None:
    config = mn.RunConfig(
        **settings, train_rows=40, outputs="known", routing_method=method, module_hidden=(5,)
    )
    network = build(config, 3).train(training)
    assert isinstance(network, ModularNetwork)
    x = torch.from_numpy(mn.GRAPHS["6-3-2-2"].rows()[5:12]).float()
    parameters = dict(network.named_parameters())
    upstream = torch.randn(7, 2, generator=torch.Generator().manual_seed(0))
    given = network(x, temperature=0.7)
    wanted = literally(network, x, 0.7, soft=method == "mixtures")
    assert given.detach().numpy() == pytest.approx(wanted.detach().numpy(), abs=1e-5)
    found, right = (
        torch.autograd.grad((logits * upstream).sum(), list(parameters.values()), allow_unused=True)
        for logits in (given, wanted)
    )
    for name, one, other in zip(parameters, found, right, strict=True):
        if method == "mixtures" and not training and "logits" in name:
            assert one is None
            assert other is None
            continue
        assert one is not None
        assert other is not None
        assert one.numpy() == pytest.approx(other.numpy(), abs=1e-4), name


@pytest.mark.parametrize("method", METHODS)
def test_outputs_are_the_last_slots_where_slots_are_alike(method: str) -> None:
    run = mn.RunConfig(
        model="shared", routing_method=method, slots=(4, 5), train_rows=40, output_levels="every"
    )
    network = build(run, 0)
    assert isinstance(network, ModularNetwork)
    assert network.structure()["outputs"] == [7, 8]
    assert not any(name.startswith("output_routing") for name, _ in network.named_parameters())
    for known in ({"routing": "known", "outputs": "learned"}, {"selection": "known"}):
        other = build(mn.RunConfig(model="shared", routing_method=method, **known), 0)  # type: ignore[arg-type]
        assert "output_routing.logits" in dict(other.named_parameters())
    with pytest.raises(ValueError, match="allowed are tasks of bits"):
        mn.RunConfig(model="shared", graph=next(iter(mn.tasks.TASK_SETS)), routing_method=method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["modular", "shared"])
def test_the_structure_is_read_set_and_kept(kind: str, method: str) -> None:
    config = mn.RunConfig(model=kind, routing_method=method, slots=(5, 4), train_rows=40)
    networks = [build(config, seed).eval() for seed in range(7)]
    first = networks[0]
    assert isinstance(first, ModularNetwork)
    names = dict(first.named_parameters())
    stacked = {
        name: torch.stack([dict(one.named_parameters())[name].detach() for one in networks])
        for name in names
    }
    many = structures(first, stacked).plain()
    for one, network in zip(many, networks, strict=True):
        assert isinstance(network, ModularNetwork)
        assert one == as_lists(network.structure())
        first.choose(one)
        assert as_lists(first.structure()) == one
    routing = first.routing[0]
    if isinstance(routing, SetRouting):
        sets = list(itertools.combinations(range(6), 2))
        best = routing.logits.argmax(dim=0).tolist()
        assert first.structure()["routing"][0] == [sets[place] for place in best]
        by_source = routing.by_source(routing.of_task(0))
        for source, slot in itertools.product(range(6), range(5)):
            among = [routing.logits[c, slot].item() for c, s in enumerate(sets) if source in s]
            assert float(by_source[source, slot]) == max(among)
    plt.close(mn.draw(first).figure)


@pytest.mark.parametrize(
    ("method", "kind"), [("mixtures", "shared"), ("sets", "modular"), ("information", "shared")]
)
def test_compiled_steps_equal_eager_ones_and_train(kind: str, method: str) -> None:
    """In lanes, eager, and the first one within a replica; mini-batches and noise."""
    run = mn.RunConfig(
        model=kind, train_rows=32, routing_method=method, epochs=6, batch_size=16, **ANNEALED
    )
    run = replace(run, gumbel=method == "mixtures", weight_decay=0.0)
    ways = [(16, False), (16, True), *([(1, True)] if method == "mixtures" else [])]
    eager, *compiled = [
        train_chunk([run], chunk=chunk, compiled=compiled).table["train_loss"].to_numpy()
        for chunk, compiled in ways
    ]
    for losses in compiled:
        assert losses == pytest.approx(eager, rel=1e-3, abs=1e-4)
    longer = train_chunk([replace(run, epochs=100)], chunk=16, compiled=True).table["train_loss"]
    assert longer.iloc[-1] < longer.iloc[0]


def test_methods_are_in_keys_and_kinds() -> None:
    run = mn.RunConfig(model="shared", train_rows=32)
    runs = [run, *(replace(run, routing_method=method) for method in METHODS)]
    assert len({one.key for one in runs}) == len(runs)
    assert runs[1].kind == "shared, learned (mixtures)"


@pytest.mark.parametrize("method", ["mixtures", "sets"])
def test_too_many_sets_are_one_line(method: str) -> None:
    graph = mn.FunctionGraph(70, [["XOR 0 1", "AND 2 3"]])
    with pytest.raises(ValueError, match="2415 sets; allowed are 1 to 2048") as error:
        mn.RunConfig(model="shared", graph=graph, routing_method=method, train_rows=32)
    assert "\n" not in str(error.value)
    mn.RunConfig(model="shared", graph=graph, routing="known", routing_method=method, train_rows=32)


def test_sets_are_drawn_by_their_information() -> None:
    config = mn.RunConfig(model="shared", train_rows=24)
    index = config.split["train"]
    graph = mn.GRAPHS["6-3-2-2"]
    rows = mn.models.TrainingRows(graph.rows(index), graph.targets(index))
    network = build(config, 0)
    assert isinstance(network, ModularNetwork)
    bits = RowBits([rows])
    (sets,) = sets_of_inputs(CircuitShape.of(network), bits)
    score = 0.3 * 24 * information(sets, bits, 0)
    shares = np.exp(score) / np.exp(score).sum()
    n = 4000
    found = InformationMethod(weight=0.3).search(network, [rows] * n, range(n))
    first = [one.sets[0] for one in found]
    for share, one in zip(shares, sets.tolist(), strict=True):
        spread = 5 * np.sqrt(share / n)
        assert first.count(tuple(one)) / n == pytest.approx(share, abs=spread)
    assert all(len(set(one.sets)) == 3 for one in found)
    (alone,) = InformationMethod(weight=0.3).search(network, [rows], [7])
    assert alone == found[7]
    sure = InformationMethod(weight=1e6).search(network, [rows], [0])[0].sets
    best = [tuple(one) for one in sets[np.argsort(-score, kind="stable")[:3]].tolist()]
    assert sure == best
    assert InformationMethod().arithmetic(alone) == 2 * 15 * 4 * 2 * 64


def test_networks_start_at_what_is_drawn() -> None:
    run = mn.RunConfig(model="modular", train_rows=32, routing_method="information", slots=(20, 2))
    (found,) = searched([run])
    assert found is not None
    assert len(set(found.found.sets)) == 15  # all there are, and some again
    network = initial_network(run)
    assert isinstance(network, ModularNetwork)
    assert network.structure()["routing"][0] == found.found.sets
    known = replace(run, model="shared", slots=None, routing="known", outputs="learned")
    (found,) = searched([known])
    assert found is not None
    assert found.found is None
    initial_network(known)


def test_estimators_are_classes_of_ones_own() -> None:
    class Flat(SetRouting):
        scale = 0.0

    network = ModularNetwork(6, (3, 2), 2, routing_type=Flat, output_type=Routing)
    assert not network.routing[0].logits.any()
    wrong: Any = int
    with pytest.raises(ValueError, match="allowed is a class, Routing or one derived from it"):
        ModularNetwork(6, (3, 2), 2, routing_type=wrong)
