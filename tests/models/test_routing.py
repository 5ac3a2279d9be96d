"""Straight-through choices: forward the hard one-hot, backward the gradient of the soft one."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from modnets.models.hard_choices import FEW_CANDIDATES, preferred, ranks
from modnets.models.modules import read
from modnets.models.routing import Routing, Selection

# Few distinct values, so that ties are common.
tied = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(1, 2)),
    elements=st.integers(-2, 2).map(float),
)


CHOICES = {"routing": lambda d, s: Routing(d, s, arity=2), "selection": Selection}


@pytest.fixture(params=CHOICES)
def make(request: pytest.FixtureRequest):
    """A learned choice of this many sources and slots."""
    return CHOICES[request.param]


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@given(tied)
def test_ranks_are_those_of_a_stable_sort(logits: np.ndarray) -> None:
    order = np.argsort(-logits, axis=0, kind="stable")
    wanted = np.argsort(order, axis=0, kind="stable")
    assert ranks(torch.from_numpy(logits)).tolist() == wanted.tolist()


@pytest.mark.parametrize("n_sources", [5, FEW_CANDIDATES, 53, 211])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_sources_preferred_are_those_of_the_lowest_ranks(n_sources: int, count: int) -> None:
    generator = torch.Generator().manual_seed(n_sources)
    logits = torch.randint(-9, 9, (n_sources, 7, 3), generator=generator).float()  # many ties
    logits[1] = -torch.inf
    expected = torch.stack([ranks(logits) == position for position in range(count)])
    chosen = preferred(logits, count)
    assert chosen.dtype == logits.dtype
    assert torch.equal(chosen, expected.float())


@pytest.mark.parametrize("rows", [1, 11])
@pytest.mark.parametrize("n_sources", [7, 53])
def test_slots_read_what_the_sum_over_sources_is(n_sources: int, rows: int) -> None:
    torch.manual_seed(0)
    choice = torch.randn(3, 2, n_sources, rows, requires_grad=True)
    values = torch.randn(n_sources, 11, requires_grad=True)
    literal = torch.einsum("spnr,nr->spr", choice.expand(-1, -1, -1, 11), values)
    found, grads = read(choice, values), torch.randn(3, 2, 11)
    assert torch.allclose(found, literal, atol=1e-5)
    for one, other in zip(
        torch.autograd.grad(found, (choice, values), grads),
        torch.autograd.grad(literal, (choice, values), grads),
        strict=True,
    ):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("arity", [1, 2, 3, 4])
def test_a_slot_reads_its_largest_logits_in_order(arity: int) -> None:
    routing = Routing(11, 7, arity)
    order = routing.logits.argsort(dim=0, descending=True)[:arity].T
    choice = routing()
    assert choice.shape == (7, arity, 11, 1)
    assert set(choice.unique().tolist()) == {0.0, 1.0}
    assert choice.sum(dim=2).eq(1).all()
    assert choice.argmax(dim=2)[..., 0].tolist() == order.tolist()
    assert routing.read() == [tuple(slot) for slot in order.tolist()]


def test_equal_logits_prefer_the_earlier_source() -> None:
    routing = Routing(5, 1, 3)
    with torch.no_grad():
        routing.logits[:] = torch.tensor([1.0, 3.0, 1.0, 3.0, 1.0])[:, None]
    assert routing.read() == [(1, 3, 0)]
    assert routing().argmax(dim=2)[..., 0].tolist() == [[1, 3, 0]]
    selection = Selection(5, 1)
    with torch.no_grad():
        selection.logits[:] = routing.logits
    assert selection.fill() == [1]
    assert selection().argmax(dim=1).item() == 1


def test_forward_is_exactly_one_hot_even_where_the_soft_choice_saturates(make) -> None:
    choice = make(5, 3)
    with torch.no_grad():
        choice.logits[:] = torch.tensor([60.0, 70.0, 1e4, -1e4, 65.0])[:, None]
    for temperature in (0.01, 1.0, 2.0):
        result = choice(temperature).detach()[..., 0]
        wanted = [2, 1] if isinstance(choice, Routing) else 2
        assert result.argmax(dim=-1).tolist() == [wanted] * 3
        assert set(result.unique().tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("arity", [1, 2, 3, 4])
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_routing_has_the_gradient_of_a_sigmoid_at_every_place(
    arity: int, temperature: float
) -> None:
    routing = Routing(7, 3, arity).double()
    upstream = torch.randn(3, arity, 7, 1, dtype=torch.float64)
    routing(temperature).backward(upstream)
    for source in range(7):
        for slot in range(3):
            s = sigmoid(routing.logits[source, slot].item() / temperature)
            slope = s * (1 - s) / temperature
            wanted = sum(slope * upstream[slot, r, source, 0].item() for r in range(arity))
            assert routing.logits.grad[source, slot].item() == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_selection_has_the_gradient_of_a_softmax(temperature: float) -> None:
    selection = Selection(5, 3).double()
    upstream = torch.randn(3, 5, 1, dtype=torch.float64)
    selection(temperature).backward(upstream)
    for slot in range(3):
        powers = [math.exp(selection.logits[m, slot].item() / temperature) for m in range(5)]
        p = [power / sum(powers) for power in powers]
        for m in range(5):
            wanted = sum(
                upstream[slot, k, 0].item() * p[k] * ((k == m) - p[m]) / temperature
                for k in range(5)
            )
            assert selection.logits.grad[m, slot].item() == pytest.approx(wanted, rel=1e-10)


def test_noise_is_added_to_the_logits_before_they_are_divided(make) -> None:
    choice, same = make(7, 3), make(7, 3)
    noise = 3 * torch.randn(choice.noise_size)
    with torch.no_grad():
        same.logits[:] = choice.logits + noise.reshape(7, 3)
    assert not torch.equal(choice(2.0), same(2.0))
    noisy = choice(2.0, noise)
    assert torch.equal(noisy, same(2.0))
    upstream = torch.randn_like(noisy)
    noisy.backward(upstream)
    same(2.0).backward(upstream)
    assert torch.equal(choice.logits.grad, same.logits.grad)


def test_noise_of_each_row_gives_each_row_its_choice(make) -> None:
    choice = make(7, 3)
    noise = 3 * torch.randn(choice.noise_size, 13)
    result = choice(2.0, noise)
    assert result.shape[-1] == 13
    alone = [choice(2.0, noise[:, row]) for row in range(13)]
    assert torch.equal(result, torch.cat(alone, dim=-1))
    assert not torch.equal(alone[0], alone[1])


def test_known_choices_are_constants() -> None:
    routing = Routing(5, 3, 3, known=[(4, 0), (1, 2, 3), (2,)])
    selection = Selection(7, 3, known=[6, 0, 6])
    for choice in (routing, selection):
        assert list(choice.parameters()) == []
        assert choice.noise_size == 0
        assert not choice().requires_grad
        assert torch.equal(choice(0.1, None), choice(7.0, None))
    assert routing.read() == [(4, 0), (1, 2, 3), (2,)]
    assert selection.fill() == [6, 0, 6]
    wanted = torch.zeros(3, 3, 5, 1)
    for slot, index, source in [(0, 0, 4), (0, 1, 0), (1, 0, 1), (1, 1, 2), (1, 2, 3), (2, 0, 2)]:
        wanted[slot, index, source] = 1
    assert torch.equal(routing(), wanted)  # inputs beyond the known sources read nothing


def test_logits_start_as_standard_normal() -> None:
    for logits in (Routing(71, 67, 2).logits, Selection(71, 67).logits):
        assert abs(logits.mean().item()) < 0.06
        assert abs(logits.std().item() - 1) < 0.05


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: Routing(3, 2, 4), "arity=4 needs at least 4 sources; there are 3"),
        (lambda: Routing(3, 2, 0), "arity=0 needs"),
        (lambda: Routing(3, 2, 2, [(0, 1)]), "allowed are the sources of 2 slots"),
        (lambda: Routing(3, 1, 2, [(0, 3)]), r"slot 0 reads \(0, 3\); allowed are up to 2 places"),
        (lambda: Routing(3, 1, 2, [(0, -1)]), r"slot 0 reads \(0, -1\); .* from 0 to 2"),
        (lambda: Routing(3, 1, 2, [(0, 1, 2)]), r"slot 0 reads \(0, 1, 2\); allowed are up to 2"),
        (lambda: Selection(2, 2, [0]), r"selection=\(0,\); allowed are 2 modules from 0 to 1"),
        (lambda: Selection(2, 1, [2]), r"selection=\(2,\); allowed are 1 modules"),
        (lambda: Selection(2, 1, [-1]), r"selection=\(-1,\); allowed"),
    ],
)
def test_errors_say_what_is_allowed(wrong, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wrong()
