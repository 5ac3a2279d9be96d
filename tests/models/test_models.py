"""The networks against literal ones: Python loops over slots, inputs and modules."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from literals import Literal, assert_gradients, gradients, literal_mlp, tuples

from modnets.config.run_config import RunConfig
from modnets.models.modular import ModularNetwork, Modules
from modnets.models.monolithic import MLP
from modnets.models.registry import BUILT_IN, MODELS, build, n_weights, register
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS

CHOICES = ("known", "learned")
MIXES = list(itertools.product(("modular", "shared"), CHOICES, CHOICES, CHOICES))


def mixed(kind: str, routing: str, selection: str, outputs: str, hidden=(12,)) -> ModularNetwork:
    config = RunConfig(
        graph="6-3-2-2",
        model=kind,
        routing=routing,
        selection=selection,
        outputs=outputs,
        module_hidden=hidden,
    )
    return build(config, seed=3).double()


@pytest.mark.parametrize(("kind", "routing", "selection", "outputs"), MIXES)
def test_every_mix_is_its_literal_network(kind, routing, selection, outputs) -> None:
    net = mixed(kind, routing, selection, outputs)
    x = torch.randn(5, 6, dtype=torch.float64)
    wanted = [Literal(net)(row) for row in x.tolist()]
    np.testing.assert_allclose(net(x).detach().numpy(), wanted, rtol=1e-12, atol=1e-12)
    graph, structure = GRAPHS["6-3-2-2"], net.structure()
    parts = {"routing": routing, "outputs": outputs}
    parts |= {"selection": selection} if kind == "shared" else {}
    assert set(structure) == set(parts)
    logits = {name.split(".")[0] for name, _ in net.named_parameters() if "logits" in name}
    names = {"routing": "routing", "selection": "selection", "outputs": "output_routing"}
    assert logits == {names[part] for part, choice in parts.items() if choice == "learned"}
    known = {"routing": graph.routing, "selection": graph.selection, "outputs": graph.outputs}
    for part, choice in parts.items():
        if choice == "known":
            assert tuples(structure[part]) == known[part]


@pytest.mark.parametrize(("kind", "routing", "selection", "outputs"), MIXES)
def test_every_mix_has_the_straight_through_gradient(kind, routing, selection, outputs) -> None:
    net = mixed(kind, routing, selection, outputs, hidden=(3,))
    x = torch.randn(2, 6, dtype=torch.float64)
    upstream = torch.randn(2, 2, dtype=torch.float64)
    net(x, temperature=2.0).backward(upstream)
    literal = Literal(net, temperature=2.0)
    assert_gradients(net, gradients(literal, x.tolist(), upstream.tolist()))


@pytest.mark.parametrize("arity", [2, 3, 4])
@pytest.mark.parametrize("n_shared", [None, 17])
def test_sizes_that_are_distinct_primes(arity: int, n_shared: int | None) -> None:
    net = ModularNetwork(11, (7, 5), 3, (arity, 13, 23, 1), n_shared=n_shared).double()
    x = torch.randn(19, 11, dtype=torch.float64)
    logits = net(x)
    assert logits.shape == (19, 3)
    wanted = [Literal(net)(row) for row in x.tolist()]
    np.testing.assert_allclose(logits.detach().numpy(), wanted, rtol=1e-11, atol=1e-12)
    net(x, temperature=0.5).sum().backward()
    assert all(p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("n_shared", [None, 3])
@pytest.mark.parametrize("per_sample", [False, True])
def test_gumbel_noise_moves_choices_and_gradients(n_shared: int | None, per_sample: bool) -> None:
    net = ModularNetwork(5, (3, 2), 2, (2, 3, 1), n_shared=n_shared).double()
    assert net.noise_size == 5 * 3 + 3 * 2 + 2 + (0 if n_shared is None else 3 * 3 + 3 * 2)
    shape = (net.noise_size, 3) if per_sample else (net.noise_size,)
    noise = -torch.log(-torch.log(torch.rand(shape, dtype=torch.float64)))
    of_row = noise.T.tolist() if per_sample else [noise.tolist()] * 3
    x = torch.randn(3, 5, dtype=torch.float64)
    upstream = torch.randn(3, 2, dtype=torch.float64)

    literal = Literal(net, temperature=2.0)
    wanted = [literal(row, noise=draws) for row, draws in zip(x.tolist(), of_row, strict=True)]
    logits = net(x, temperature=2.0, noise=noise)
    np.testing.assert_allclose(logits.detach().numpy(), wanted, rtol=1e-11, atol=1e-12)
    assert not torch.allclose(logits, net(x))
    logits.backward(upstream)
    assert_gradients(net, gradients(literal, x.tolist(), upstream.tolist(), of_row))


def test_temperature_changes_gradients_and_no_value() -> None:
    net = ModularNetwork(7, (5, 3), 2, n_shared=3)
    x = torch.randn(13, 7)
    slopes = []
    for temperature in (0.5, 1.0, torch.tensor(2.0)):
        logits = net(x, temperature=temperature)
        assert torch.equal(logits, net(x))
        slopes.append(torch.autograd.grad(logits.sum(), net.routing[0].logits)[0])
    assert not torch.allclose(slopes[0], slopes[1])
    assert not torch.allclose(slopes[1], slopes[2])


@pytest.mark.parametrize("n_shared", [None, 2])
def test_places_beyond_the_known_sources_read_zero(n_shared: int | None) -> None:
    graph = GRAPHS["6-2-2"]
    net = ModularNetwork(
        6,
        (2,),
        2,
        (4, 13, 1),
        n_shared=n_shared,
        routing=graph.routing,
        selection=n_shared and [[1, 0]],
        outputs=graph.outputs,
    )
    x = torch.randn(11, 6)
    before = net(x)
    wanted = [Literal(net)(row) for row in x.tolist()]
    np.testing.assert_allclose(before.detach().numpy(), wanted, rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        net.pools[0].weight[0][..., 2:] += 100.0  # the weights of inputs 2 and 3
    assert torch.equal(net(x), before)
    net(x).sum().backward()
    assert not net.pools[0].weight[0].grad[..., 2:].any()


def test_a_network_built_by_hand_computes_its_truth_table(structured: FunctionGraph) -> None:
    """AND, OR and XOR of a, b from relu(a + b) and relu(a + b - 1)."""
    heads = {"AND": (0.0, 1.0), "OR": (1.0, -1.0), "XOR": (1.0, -2.0)}

    def fill(modules: Modules, number: int, name: str, threshold: float) -> None:
        modules.weight[0][number, :2] = 1.0
        modules.bias[0][number, 1] = -1.0
        modules.weight[1][number, 0, :2] = torch.tensor(heads[name])
        modules.bias[1][number] = -threshold

    for kind in ("modular", "shared"):
        net = build(RunConfig(graph=structured, model=kind, routing="known"), seed=0)
        last = {node.gate.name for node in structured.levels[-1]}
        with torch.no_grad():
            for p in net.parameters():
                p.zero_()
            for pool, level in zip(net.pools, structured.levels, strict=False):
                gates = [node.gate for node in level] if kind == "modular" else structured.modules
                for number, gate in enumerate(gates):
                    top = level is structured.levels[-1] if kind == "modular" else gate.name in last
                    fill(pool, number, gate.name, 0.5 if top else 0.0)
        rows = torch.from_numpy(structured.rows()).float()
        assert ((net(rows) > 0).numpy() == structured.truth_table()).all()


def test_rows_do_not_mix(model: str) -> None:
    net = build(RunConfig(model=model), seed=1)
    x = torch.randn(13, 6)
    together = net(x)
    assert together.shape == (13, 2)
    alone = torch.cat([net(row[None]) for row in x])
    torch.testing.assert_close(together, alone)


# Monolithic networks


@pytest.mark.parametrize("pruning_ratio", [0.0, 75.0])
def test_an_mlp_is_its_literal_network(pruning_ratio: float) -> None:
    net = MLP((5, 13, 7, 3), pruning_ratio).double()
    x = torch.randn(11, 5, dtype=torch.float64)
    layers = []
    for number, layer in enumerate(net.layers):
        weight, bias = layer.weight.tolist(), layer.bias.tolist()
        if pruning_ratio:
            mask = net.get_buffer(f"weight_mask_{number}").tolist()
            weight = (np.array(weight) * mask).tolist()
            bias = [b if any(row) else 0.0 for b, row in zip(bias, mask, strict=True)]
        layers.append((weight, bias))
    wanted = [literal_mlp(layers, row) for row in x.tolist()]
    np.testing.assert_allclose(net(x).detach().numpy(), wanted, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("ratio", [25.0, 50.0, 75.0, 33.0])
def test_the_exact_share_is_masked_over_the_whole_network(ratio: float) -> None:
    net = MLP((6, 36, 36, 36, 2), ratio)
    masks = [net.get_buffer(f"weight_mask_{number}") for number in range(4)]
    assert sum(int((mask == 0).sum()) for mask in masks) == round(2880 * ratio / 100)
    assert n_weights(net) == 2880 - round(2880 * ratio / 100)
    shares = {round((mask == 0).float().mean().item(), 4) for mask in masks}
    assert len(shares) == 4  # one mask for the whole network: shares of layers differ


def test_masked_weights_and_lone_biases_play_no_part() -> None:
    net = MLP((7, 13, 11, 3), 90.0)
    x = torch.randn(17, 7)
    before = net(x)
    before.square().sum().backward()
    lonely = 0
    for number, layer in enumerate(net.layers):
        mask = net.get_buffer(f"weight_mask_{number}")
        no_inputs = mask.sum(dim=1) == 0
        lonely += int(no_inputs.sum())
        assert not layer.weight.grad[mask == 0].any()
        assert not layer.bias.grad[no_inputs].any()
        with torch.no_grad():
            layer.weight[mask == 0] += 5.0
            layer.bias[no_inputs] += 5.0
    assert lonely > 0
    assert torch.equal(net(x), before)
    with torch.no_grad():
        net.layers[-1].bias += 1.0
    has_inputs = net.get_buffer("weight_mask_2").any(dim=1)
    torch.testing.assert_close(net(x), before + has_inputs)


def test_the_mask_is_random_by_seed() -> None:
    config = RunConfig(model="sparse", pruning_ratio=50)
    masks = [build(config, seed).get_buffer("weight_mask_1") for seed in (1, 1, 2)]
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


# All of them


@pytest.mark.parametrize(
    ("name", "modular", "dense"),
    [("6-2-2", 86, 288), ("6-3-2-2", 206, 2880), ("6-3-3-2-2", 323, 5472)],
)
def test_published_numbers_of_weights(name: str, modular: int, dense: int) -> None:
    assert n_weights(build(RunConfig(graph=name, model="modular"), 0)) == modular
    assert n_weights(build(RunConfig(graph=name, model="dense"), 0)) == dense
    assert n_weights(build(RunConfig(graph=name, model="sparse"), 0)) == dense // 2


def test_weights_follow_from_the_seed_alone(model: str) -> None:
    config = RunConfig(model=model)
    state = torch.random.get_rng_state()
    first, other = build(config, seed=5), build(config, seed=6)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.rand(3)
    again = build(config, seed=5)
    for p, same in zip(first.parameters(), again.parameters(), strict=True):
        assert torch.equal(p, same)
    assert any(
        not torch.equal(p, q) for p, q in zip(first.parameters(), other.parameters(), strict=True)
    )


def test_modules_start_as_linear_layers_do() -> None:
    modules = Modules(71, (5, 13, 1))
    assert [tuple(w.shape) for w in modules.weight] == [(71, 13, 5), (71, 1, 13)]
    for n_in, weight, bias in zip((5, 13), modules.weight, modules.bias, strict=True):
        for values in (weight, bias):
            bound = n_in**-0.5
            assert values.abs().max() <= bound
            assert values.std().item() == pytest.approx(bound / 3**0.5, rel=0.1)


def test_a_model_of_your_own() -> None:
    @register("test-linear")
    class Linear(torch.nn.Linear):
        def __init__(self, config: RunConfig) -> None:
            super().__init__(config.graph.n_inputs, config.graph.n_outputs)
            self.rows = config.train_rows

    try:
        net = build(RunConfig(model="test-linear"), seed=0)
        assert n_weights(net) == 12
        assert net.rows == 51  # a builder gets a config with defaults resolved
        register("test-linear")(lambda config: torch.nn.Linear(6, 5))  # a cell run twice
        assert build(RunConfig(model="test-linear"), seed=0)(torch.zeros(3, 6)).shape == (3, 5)
    finally:
        del MODELS["test-linear"]


def test_built_in_names_are_taken(model: str) -> None:
    assert model in BUILT_IN
    with pytest.raises(ValueError, match=f"model name '{model}' is taken"):
        register(model)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MLP((2, 2), 100), r"pruning_ratio=100; allowed is in \[0, 100\), in percent"),
        (lambda: MLP((2, 2), -1), "pruning_ratio=-1; allowed"),
        (lambda: ModularNetwork(6, (2,), 2, (2, 12, 2)), r"module_arch=\(2, 12, 2\); allowed is 1"),
        (lambda: ModularNetwork(6, (3, 2), 2, (4, 12, 1)), "arity=4 needs at least 4 sources"),
        (
            lambda: ModularNetwork(6, (3, 2), 2, routing=[[(0, 1)] * 3]),
            r"routing has 1 levels; allowed are the 2 of \(3, 2\)",
        ),
        (
            lambda: ModularNetwork(6, (3, 2), 2, n_shared=2, selection=[[0, 0, 0]]),
            "selection has 1 levels",
        ),
        (
            lambda: ModularNetwork(6, (3, 2), 2, outputs=[0]),
            r"outputs=\[0\]; allowed are 2 places of the last level",
        ),
        (lambda: ModularNetwork(6, (3, 2), 2, outputs=[0, 2]), r"\(0, 2\); allowed are up to 2"),
    ],
)
def test_errors_say_what_is_allowed(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_known_structure_may_be_that_of_another_graph() -> None:
    config = RunConfig(graph="6-2", model="shared", routing="known", knowledge="6-3-2-2")
    network = build(config, 0)
    assert network.structure()["routing"] == [list(level) for level in GRAPHS["6-3-2-2"].routing]
    assert network.structure()["selection"] == [[0, 0, 0], [1, 1]]


def test_a_state_dict_from_before_the_output_routing_had_its_name_is_read() -> None:
    old, new = (build(RunConfig(model="shared"), seed) for seed in (0, 1))
    state = {n.replace("output_routing", "readout"): part for n, part in old.state_dict().items()}
    assert "readout.logits" in state
    assert new.load_state_dict(state)
    assert all(map(torch.equal, new.parameters(), old.parameters()))
    assert "readout.logits" in state  # a caller's dict stays as it is
