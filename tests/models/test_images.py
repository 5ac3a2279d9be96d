"""Networks that read images against literal ones; convolutions as nested loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from literals import Literal, assert_gradients, gradients, literal_monolithic, tuples

from modnets.config.run_config import RunConfig
from modnets.models.images import ImageLevel
from modnets.models.modular import ModularNetwork
from modnets.models.monolithic import CNN, LARGE_SIDE, MLP
from modnets.models.registry import BUILT_IN, build, n_weights
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.digits import Digits
from modnets.tasks.graphs import FunctionGraph

CHOICES = ("known", "learned")


def digits(side: int) -> Digits:
    """Blank images: networks depend on their side alone."""
    images = np.zeros((10, side, side), np.uint8)
    return Digits("none", "blank", images, np.arange(10), np.zeros(10, bool), 255)


SMALL, LARGE = (DigitPairs(digits(side)) for side in (8, 28))


def random_rows(n: int, n_inputs: int) -> torch.Tensor:
    return torch.randn(n, n_inputs, dtype=torch.float64)


# Convolutions


def layers_of(net: CNN | MLP) -> list[tuple[list, list]]:
    """Weight and bias of each layer, with its mask."""
    result = []
    for number, layer in enumerate(net.layers):
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        if net.sparse:
            mask = net.get_buffer(f"weight_mask_{number}").numpy()
            weight = weight * mask
            bias = [b if kept.any() else 0.0 for b, kept in zip(bias, mask, strict=True)]
        result.append((np.array(weight).tolist(), np.array(bias).tolist()))
    return result


@pytest.mark.parametrize("ratio", [0.0, 60.0])
@pytest.mark.parametrize(
    ("side", "channels", "widths"),
    [(4, (1, 2), (3,)), (4, (2, 3, 5), (7, 2)), (6, (2, 3), (1,)), (LARGE_SIDE, (1, 2), (3,))],
)
def test_a_cnn_is_its_literal_network(side, channels, widths, ratio) -> None:
    net = CNN(side, channels, widths, ratio).double()
    x = random_rows(2, channels[0] * side**2)
    wanted = [literal_monolithic(net, layers_of(net), row) for row in x.tolist()]
    np.testing.assert_allclose(net(x).detach().numpy(), wanted, rtol=1e-11, atol=1e-12)
    assert net(x).shape == (2, widths[-1])


def test_a_cnn_has_the_gradient_of_torchs_own_layers() -> None:
    net, x = CNN(8, (2, 3, 5), (7, 2)).double(), random_rows(11, 128)
    layers = [layer for layer in net.layers[:2] for layer in (layer, torch.nn.ReLU())]
    layers = [part for pair in zip(layers[::2], layers[1::2]) for part in (*pair, pool())]  # noqa: B905
    torchs = torch.nn.Sequential(
        torch.nn.Unflatten(1, (2, 8, 8)),
        *layers,
        torch.nn.Flatten(),
        net.layers[2],
        torch.nn.ReLU(),
        net.layers[3],
    )
    torch.testing.assert_close(net(x), torchs(x))
    parameters = list(net.parameters())
    result, wanted = (
        torch.autograd.grad(one(x).square().sum(), parameters) for one in (net, torchs)
    )
    torch.testing.assert_close(result, wanted)


def pool() -> torch.nn.Module:
    return torch.nn.MaxPool2d(2)


@pytest.mark.parametrize("ratio", [25.0, 60.0, 90.0])
def test_the_mask_of_a_sparse_cnn_is_one_over_the_whole_network(ratio: float) -> None:
    net, dense = CNN(8, (2, 3, 5), (7, 2), ratio), CNN(8, (2, 3, 5), (7, 2))
    sizes = [9 * 2 * 3, 9 * 3 * 5, 4 * 5 * 7, 7 * 2]
    assert n_weights(dense) == sum(sizes)
    assert n_weights(net) == sum(sizes) - round(sum(sizes) * ratio / 100)
    masks = [net.get_buffer(f"weight_mask_{number}") for number in range(4)]
    assert [mask.numel() for mask in masks] == sizes
    assert len({round(mask.mean().item(), 4) for mask in masks}) == 4  # no layer has its own share
    x = torch.randn(13, 128)
    before = net(x)
    before.square().sum().backward()
    lonely = 0
    for layer, mask in zip(net.layers, masks, strict=True):
        no_inputs = mask.flatten(1).sum(dim=1) == 0
        lonely += int(no_inputs.sum())
        assert not layer.weight.grad[mask == 0].any()
        assert not layer.bias.grad[no_inputs].any()
        with torch.no_grad():
            layer.weight[mask == 0] += 5.0
            layer.bias[no_inputs] += 5.0
    assert (lonely > 0) == (ratio == 90.0)
    assert torch.equal(net(x), before)


# Shapes and numbers of weights


def shapes(net: torch.nn.Module) -> list[tuple[int, ...]]:
    """Of all weights that are no biases or logits."""
    return [tuple(p.shape) for name, p in net.named_parameters() if name.endswith("weight")]


PER_MODULE_28 = 25 * 6 + 25 * 6 * 16 + 256 * 3
PER_MODULE_8 = 9 * 6 + 9 * 6 * 16 + 64 * 3
ABOVE = (3 + 2) * (2 * 12 + 12)


def test_published_convolutions_of_28_by_28_images() -> None:
    module = build(RunConfig(graph=LARGE, model="modular", image_network="cnn"), 0).image_level
    wanted = [(6, 1, 5, 5), (16, 6, 5, 5), (3, 256)]
    assert [shapes(one) for one in module.pool] == [wanted] * 2
    monolithic = build(RunConfig(graph=LARGE, image_network="cnn"), 0)
    wanted = [(12, 2, 5, 5), (32, 12, 5, 5), (36, 512), (36, 36), (36, 36), (36, 36), (2, 36)]
    assert shapes(monolithic) == wanted
    for net in (*module.pool, monolithic):
        assert {layer.padding for layer in net.layers[:2]} == {(0, 0)}
        assert net(torch.randn(2, net.image_shape[0] * 784)).isfinite().all()


def test_convolutions_of_8_by_8_images() -> None:
    module = build(RunConfig(graph=SMALL, model="modular", image_network="cnn"), 0).image_level
    wanted = [(6, 1, 3, 3), (16, 6, 3, 3), (3, 64)]
    assert [shapes(one) for one in module.pool] == [wanted] * 2
    monolithic = build(RunConfig(graph=SMALL, image_network="cnn"), 0)
    wanted = [(12, 2, 3, 3), (32, 12, 3, 3), (36, 128), (36, 36), (36, 36), (36, 36), (2, 36)]
    assert shapes(monolithic) == wanted


def test_kernels_are_smaller_on_small_images() -> None:
    large, small = (CNN(side, (1, 2), (3,)) for side in (LARGE_SIDE, LARGE_SIDE - 2))
    assert shapes(large) == [(2, 1, 5, 5), (3, 2 * 6 * 6)]
    assert shapes(small) == [(2, 1, 3, 3), (3, 2 * 7 * 7)]


def test_published_mlps_of_28_by_28_images() -> None:
    module = build(RunConfig(graph=LARGE, model="modular"), 0).image_level
    assert [one.widths for one in module.pool] == [(784, 128, 64, 3)] * 2
    dense = build(RunConfig(graph=LARGE), 0)
    assert dense.widths == (1568, 256, 128, 36, 36, 36, 36, 2)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"routing": "known"}, 2 * PER_MODULE_8 + ABOVE),
        ({"routing": "known", "shared_image_modules": 1}, PER_MODULE_8 + ABOVE),
        ({"model": "shared", "routing": "known"}, PER_MODULE_8 + 2 * 36),
        (
            {"model": "shared", "routing": "known", "shared_image_modules": 0},
            2 * PER_MODULE_8 + 2 * 36,
        ),
        ({}, 2 * PER_MODULE_8 + ABOVE + 2 * 2 + 6 * 3 + 3 * 2 + 2),
        (
            {"shared_image_modules": 3, "image_slots": 5},
            3 * PER_MODULE_8 + ABOVE + 2 * 5 + 3 * 5 + 15 * 3 + 3 * 2 + 2,
        ),
        ({"routing": "known", "graph": LARGE}, 2 * PER_MODULE_28 + ABOVE),
        (
            {"image_network": "mlp", "image_hidden": (5,), "routing": "known"},
            2 * (64 * 5 + 5 * 3) + ABOVE,
        ),
        ({"image_network": "mlp", "image_hidden": (), "routing": "known"}, 2 * 64 * 3 + ABOVE),
        ({"channels": (), "routing": "known"}, 2 * 64 * 3 + ABOVE),
        ({"model": "dense", "hidden": (7,)}, 9 * 2 * 12 + 9 * 12 * 32 + 128 * 7 + 7 * 2),
    ],
)
def test_numbers_of_weights(settings: dict, wanted: int) -> None:
    base = {"graph": SMALL, "model": "modular", "image_network": "cnn"}
    assert n_weights(build(RunConfig(**base | settings), 0)) == wanted


def test_an_image_that_cannot_be_halved_is_named() -> None:
    for side, channels, left in ((8, (3, 5, 7, 9), 1), (28, (6, 16, 3), 0), (7, (3,), 7)):
        number = len(channels)
        message = f"after convolution {number} an image of {side} x {side} has a side of {left};"
        with pytest.raises(ValueError, match=message):
            CNN(side, (1, *channels), (3,))


# The level that reads images

#: Pools: one module for each slot, one for all, two or three to select from.
POOLS = (0, 1, 2)
IMAGE_MIXES = [
    (kind, pool, routing, selection)
    for kind, pool, routing, selection in itertools.product(
        ("modular", "shared"), POOLS, CHOICES, CHOICES
    )
    if pool > 1 or selection == "known"
]

#: Two digits of one bit, seen on 3 x 3 pixels.
TINY = DigitPairs(digits(3), FunctionGraph(2, [["XOR 0 1", "OR 1 0"], ["AND 1 0"]]))


def looking(kind: str, pool: int, looks: str, fills: str, **others) -> ModularNetwork:
    """A network whose image slots have this known or learned."""
    settings = {"image_hidden": (3,), "module_hidden": (5,), "shared_image_modules": pool}
    settings |= {"image_routing": looks, "image_selection": fills}
    return build(RunConfig(graph=TINY, model=kind, **settings | others), seed=5).double()


@pytest.mark.parametrize(("kind", "pool", "routing", "selection"), IMAGE_MIXES)
def test_every_mix_is_its_literal_network(kind, pool, routing, selection) -> None:
    net = looking(kind, pool, routing, selection)
    x = random_rows(5, 18)
    wanted = [Literal(net)(row) for row in x.tolist()]
    np.testing.assert_allclose(net(x).detach().numpy(), wanted, rtol=1e-11, atol=1e-12)
    structure = net.structure()
    assert set(structure) - {"routing", "selection", "outputs"} == (
        {"image_routing", "image_selection"} if pool else {"image_routing"}
    )
    if routing == "known":
        assert tuples(structure["image_routing"]) == ((0,), (1,))
    if pool == 1 or (pool and selection == "known"):
        assert structure["image_selection"] == [0, 0]
    logits = {name for name, _ in net.image_level.named_parameters() if "logits" in name}
    wanted = {"routing.logits"} if routing == "learned" else set()
    wanted |= {"selection.logits"} if pool > 1 and selection == "learned" else set()
    assert logits == wanted


@pytest.mark.parametrize(("kind", "pool", "routing", "selection"), IMAGE_MIXES)
def test_every_mix_has_the_straight_through_gradient(kind, pool, routing, selection) -> None:
    net = looking(kind, pool, routing, selection, image_hidden=(2,))
    x, upstream = random_rows(2, 18), random_rows(2, 1)
    net(x, temperature=0.7).backward(upstream)
    wanted = gradients(Literal(net, temperature=0.7), x.tolist(), upstream.tolist())
    assert all(slope.any() for name, slope in wanted.items() if name.endswith("logits"))
    assert wanted["image_level.pool.0.layers.0.weight"].any()
    assert_gradients(net, wanted)


@pytest.mark.parametrize("n_slots", [1, 2, 3])
def test_more_or_fewer_slots_than_images(n_slots: int) -> None:
    modules = [MLP((5, 3, 2)) for _ in range(3)]
    level = ImageLevel(2, n_slots, modules, shared=True)
    net = ModularNetwork(2 * n_slots, (3, 2), 1, (2, 3, 1), image_level=level).double()
    x = random_rows(4, 10)
    wanted = [Literal(net)(row) for row in x.tolist()]
    np.testing.assert_allclose(net(x).detach().numpy(), wanted, rtol=1e-11, atol=1e-12)
    assert len(net.structure()["image_routing"]) == n_slots


@pytest.mark.parametrize("per_sample", [False, True])
def test_gumbel_noise_reaches_the_image_slots(per_sample: bool) -> None:
    known = {"routing": "known", "selection": "known", "outputs": "known"}
    net = looking("shared", 2, "learned", "learned", **known)
    assert net.noise_size == 2 * 2 + 2 * 2
    shape = (net.noise_size, 3) if per_sample else (net.noise_size,)
    torch.manual_seed(3)  # moves choices, in either case
    noise = -torch.log(-torch.log(torch.rand(shape, dtype=torch.float64)))
    of_row = noise.T.tolist() if per_sample else [noise.tolist()] * 3
    x = random_rows(3, 18)
    wanted = [Literal(net)(row, noise=draws) for row, draws in zip(x.tolist(), of_row, strict=True)]
    logits = net(x, temperature=2.0, noise=noise)
    np.testing.assert_allclose(logits.detach().numpy(), wanted, rtol=1e-11, atol=1e-12)
    assert not torch.allclose(logits, net(x))


def test_image_modules_may_be_convolutions() -> None:
    task = DigitPairs(digits(4), TINY.graph)
    for pool in POOLS:
        config = RunConfig(
            graph=task,
            model="modular",
            image_network="cnn",
            channels=(2,),
            shared_image_modules=pool,
        )
        net = build(config, seed=1).double()
        x = random_rows(3, 32)
        wanted = [Literal(net)(row) for row in x.tolist()]
        np.testing.assert_allclose(net(x).detach().numpy(), wanted, rtol=1e-11, atol=1e-12)


def test_rows_of_images_do_not_mix() -> None:
    x = torch.randn(5, 128)
    for model, network in itertools.product(BUILT_IN, ("mlp", "cnn")):
        net = build(RunConfig(graph=SMALL, model=model, image_network=network), 0)
        alone = torch.cat([net(row[None]) for row in x])
        torch.testing.assert_close(net(x), alone, rtol=1e-4, atol=1e-5)


def test_own_image_modules_are_one_for_each_slot() -> None:
    with pytest.raises(ValueError, match="3 own image modules for 2 image slots; allowed is one"):
        ImageLevel(2, 2, [MLP((5, 2))] * 3, shared=False)


# Initialised again

AGAIN = {
    "tasks": RunConfig(graph="three tasks", model="shared", output_levels="every"),
    "tasks, dense": RunConfig(graph="two tasks"),
    "own image modules": RunConfig(graph=SMALL, model="modular"),
    "pool of one": RunConfig(graph=SMALL, model="shared", image_network="cnn"),
    "pool of three": RunConfig(graph=SMALL, model="shared", shared_image_modules=3),
    "known": RunConfig(graph=SMALL, model="shared", routing="known", shared_image_modules=2),
    "cnn": RunConfig(graph=SMALL, image_network="cnn"),
    "sparse cnn": RunConfig(graph=SMALL, model="sparse", image_network="cnn", pruning_ratio=37),
    "sparse mlp": RunConfig(graph=SMALL, model="sparse"),
}


@pytest.mark.parametrize("name", AGAIN)
def test_a_network_drawn_again_is_one_built_anew(name: str) -> None:
    config = AGAIN[name]
    network, anew = build(config, seed=1), build(config, seed=2)
    changed = any(
        not torch.equal(p, q) for p, q in zip(network.parameters(), anew.parameters(), strict=True)
    )
    assert changed
    again = build(config, seed=2, again=network)
    assert again is network
    result, wanted = again.state_dict(), anew.state_dict()
    assert list(result) == list(wanted)
    for part, value in wanted.items():
        assert torch.equal(result[part], value), part
