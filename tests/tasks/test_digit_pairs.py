"""Digit pairs: labels by hand, and splits whose images and unseen pairs are disjoint."""

from __future__ import annotations

import itertools
import json
import pickle
import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.digits import Digits
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS
from modnets.tasks.pair_splits import VALIDATION_SHARE
from modnets.tasks.serialization import task_from_dict
from modnets.tasks.splits import n_train_rows, split_rows, split_task

PAIRS = DigitPairs()
FOUR = FunctionGraph(4, [["XOR 0 2", "NIMPLY 3 1"], ["OR 0 1", "AND 1 0"]], outputs=(1, 0))
TWO = FunctionGraph(2, [["CIMPLY 1 0"]])
GRAPHS_OF_PAIRS = {6: PAIRS.graph, 4: FOUR, 2: TWO}


@pytest.fixture(params=GRAPHS_OF_PAIRS)
def task(request: pytest.FixtureRequest) -> DigitPairs:
    """Pairs of digits of 3 bits, of 2 and of 1."""
    return DigitPairs(graph=GRAPHS_OF_PAIRS[request.param])


def bits_of(digit: int, n_bits: int) -> list[int]:
    """Most significant first."""
    return [int(bit) for bit in f"{digit:0{n_bits}b}"]


def by_hand(a: int, b: int) -> list[int]:
    """The published labels of two digits."""
    c0, c1, c2 = (x ^ y for x, y in zip(bits_of(a, 3), bits_of(b, 3), strict=True))
    return [c0 & c1, c1 & c2]


# Labels


def test_labels_by_hand() -> None:
    wanted = [by_hand(a, b) for a in range(8) for b in range(8)]
    assert PAIRS.truth_table().tolist() == wanted
    assert np.sum(wanted, axis=0).tolist() == [16, 16]
    images = np.random.default_rng(0).permutation(np.flatnonzero(PAIRS.digits.labels < 8))
    x = images[:1400].reshape(-1, 2)
    digits = PAIRS.digits.labels[x].tolist()
    assert PAIRS.evaluate(x).tolist() == [by_hand(a, b) for a, b in digits]
    assert PAIRS.pairs(x).tolist() == [8 * a + b for a, b in digits]
    assert len(set(PAIRS.pairs(x).tolist())) == 64


def test_labels_are_the_graphs_of_the_bits_of_both_digits(task: DigitPairs) -> None:
    n_digits = 2**task.bits
    pairs = list(itertools.product(range(n_digits), repeat=2))
    bits = np.array([bits_of(a, task.bits) + bits_of(b, task.bits) for a, b in pairs])
    assert task.truth_table().tolist() == task.graph.evaluate(bits).tolist()
    shows = [np.flatnonzero(task.digits.labels == digit)[5] for digit in range(n_digits)]
    x = np.array([(shows[a], shows[b]) for a, b in pairs])
    assert task.pairs(x).tolist() == list(range(n_digits**2))
    assert task.evaluate(x).tolist() == task.truth_table().tolist()


def test_known_structure_computes_the_labels_from_what_the_image_slots_see(
    task: DigitPairs,
) -> None:
    assert len(set(task.image_selection)) == 1
    n_digits = 2**task.bits
    for pair, wanted in enumerate(task.truth_table().tolist()):
        seen = [divmod(pair, n_digits)[image] for (image,) in task.image_routing]
        values = [bit for digit in seen for bit in bits_of(digit, task.bits)]
        assert len(values) == task.n_sources
        for routing, selection in zip(task.routing, task.selection, strict=True):
            values = [
                task.modules[module].table[int("".join(str(values[s]) for s in sources), 2)]
                for sources, module in zip(routing, selection, strict=True)
            ]
        assert [values[slot] for slot in task.places_of_outputs()] == wanted


def test_published_structure() -> None:
    assert PAIRS.image_routing == ((0,), (1,))
    assert PAIRS.routing == (((0, 3), (1, 4), (2, 5)), ((0, 1), (1, 2)))
    assert (PAIRS.image_selection, PAIRS.selection) == ((0, 0), ((0, 0, 0), (1, 1)))
    assert (PAIRS.widths, PAIRS.slots, PAIRS.bits) == ((2, 2, 3, 2, 2), (3, 2), 3)
    assert str(PAIRS) == PAIRS.name == "2-2-3-2-2 bundled digits"
    assert (PAIRS.n_inputs, PAIRS.n_sources, PAIRS.n_outputs) == (128, 6, 2)
    assert (PAIRS.n_rows, PAIRS.n_tasks, PAIRS.enumerable) == (64, 1, False)
    assert PAIRS.places_of_outputs(every_level=True) == (3, 4)


def test_a_graph_without_structure_is_a_task_too() -> None:
    task = DigitPairs(graph="6-2")
    assert (task.has_structure, task.slots, task.widths) == (False, (), (2, 2, 2))
    assert task.truth_table().tolist() == GRAPHS["6-2"].truth_table().tolist()


# Pixels


def test_pixels_are_shares_of_a_full_one() -> None:
    digits = PAIRS.digits
    assert PAIRS.images.dtype == np.float32
    assert PAIRS.images.tolist() == (digits.images.reshape(1797, 64) / 16).tolist()
    assert (PAIRS.images.min(), PAIRS.images.max()) == (0, 1)


def test_normalized_pixels_follow_from_the_training_images_alone() -> None:
    digits = PAIRS.digits
    images = DigitPairs(normalize=True).images
    seen = images[~digits.is_test].astype(float)
    assert seen.mean() == pytest.approx(0, abs=1e-5)
    assert seen.std() == pytest.approx(1, abs=1e-5)
    assert abs(images[digits.is_test].mean()) > 1e-4
    scale = np.polyfit(PAIRS.images.ravel(), images.ravel(), 1)
    np.testing.assert_allclose(np.polyval(scale, PAIRS.images), images, atol=1e-5)
    others = digits.images.copy()
    others[digits.is_test] = 16
    changed = DigitPairs(replace(digits, images=others), normalize=True).images
    assert np.array_equal(changed[~digits.is_test], images[~digits.is_test])


def test_rows_name_two_images() -> None:
    n = len(PAIRS.digits.labels)
    first, second = np.array([0, 3, n - 1]), np.array([n - 1, 0, 7])
    numbers = PAIRS.number(first, second)
    assert numbers.tolist() == [n - 1, 3 * n, (n - 1) * n + 7]
    assert PAIRS.rows(numbers).tolist() == np.stack([first, second], axis=1).tolist()


# Splits


def split(task: DigitPairs = PAIRS, rows: int = 51, seed: int = 3, **drawn: int) -> dict:
    """The rows of each subset: (images, pairs)."""
    splits = split_task(task, rows, seed, **{"samples": 4, "test_samples": 3} | drawn)
    assert list(splits) == ["train", "validation", "test_seen", "test_unseen"]
    assert {part.dtype for part in splits.values()} == {np.dtype(np.int64)}
    images = {name: task.rows(part) for name, part in splits.items()}
    return {name: (x, task.pairs(x)) for name, x in images.items()}


@settings(max_examples=25)
@given(st.integers(1, 64), st.integers(0, 2**31))
def test_pairs_are_split_as_the_rows_of_a_table_are(rows: int, seed: int) -> None:
    splits = split(rows=rows, seed=seed)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(seed)).tolist()
    half = rows + (64 - rows) // 2
    wanted = {
        "train": np.repeat(order[:rows], 4),
        "validation": np.repeat(order[rows:half], 3),
        "test_seen": np.repeat(order[:rows], 3),
        "test_unseen": np.repeat(order[half:], 3),
    }
    assert {name: pairs.tolist() for name, (_, pairs) in splits.items()} == {
        name: pairs.tolist() for name, pairs in wanted.items()
    }
    if rows < 64:
        table = split_rows(GRAPHS["6-3-2-2"], rows, seed)
        assert table.train.tolist() == order[:rows]
        assert table.test.tolist() == order[half:]


def test_published_sizes() -> None:
    rows = n_train_rows(PAIRS, train_fraction=0.8)
    pairs = {name: set(pairs.tolist()) for name, (_, pairs) in split(rows=rows).items()}
    assert {name: len(part) for name, part in pairs.items()} == {
        "train": 51,
        "validation": 6,
        "test_seen": 51,
        "test_unseen": 7,
    }
    assert pairs["train"] == pairs["test_seen"]
    assert pairs["train"] | pairs["validation"] | pairs["test_unseen"] == set(range(64))


def test_no_image_serves_two_purposes_and_all_are_used() -> None:
    digits = PAIRS.digits
    splits = split(rows=20, samples=300, test_samples=300)
    seen, checked, new, unseen = (set(x.ravel().tolist()) for x, _ in splits.values())
    assert not seen & checked
    assert not digits.is_test[[*seen, *checked]].any()
    assert digits.is_test[[*new, *unseen]].all()
    for digit in range(8):
        of_digit = digits.labels == digit
        training = set(np.flatnonzero(of_digit & ~digits.is_test).tolist())
        assert len(training & checked) == round(VALIDATION_SHARE * len(training))
        assert training & (seen | checked) == training
        assert set(np.flatnonzero(of_digit & digits.is_test).tolist()) <= new
    assert digits.labels[[*seen, *checked, *new]].max() == 7
    other = split(rows=20, seed=4, samples=300, test_samples=300)["validation"][0].ravel()
    assert len(checked & set(other.tolist())) < 0.4 * len(checked)  # a fifth expected


def test_both_images_are_drawn_evenly_and_apart() -> None:
    x, pairs = split(rows=64, samples=200)["train"]
    twice = x[pairs % 9 == 0]  # of one digit
    assert 0 < (twice[:, 0] == twice[:, 1]).mean() < 0.03  # 1 of 107 or so expected
    for column in x.T:
        times = np.bincount(column, minlength=1797)
        times = times[times > 0]
        assert 1 < times.min() <= times.max() < 36  # 15 to 18 +- 4 expected


def test_digits_of_fewer_bits_are_drawn_below_their_number(task: DigitPairs) -> None:
    rows = max(1, task.n_rows // 2)
    for x, pairs in split(task, rows).values():
        assert task.digits.labels[x].max() < 2**task.bits
        assert pairs.max() < task.n_rows


def test_all_pairs_may_be_seen() -> None:
    splits = split(rows=64)
    assert {name: len(pairs) for name, (_, pairs) in splits.items()} == {
        "train": 4 * 64,
        "validation": 0,
        "test_seen": 3 * 64,
        "test_unseen": 0,
    }
    assert n_train_rows(PAIRS, train_fraction=1.0) == 64
    assert n_train_rows(PAIRS, train_rows=64) == 64


def test_splits_of_one_seed_are_nested() -> None:
    fewer, more = (split(rows=rows)["train"][0].tolist() for rows in (20, 21))
    assert more[: len(fewer)] == fewer
    assert len(more) == len(fewer) + 4


def test_the_seed_alone_decides() -> None:
    state = torch.get_rng_state()
    one, again, other = (split_task(PAIRS, 30, seed) for seed in (5, 5, 6))
    assert torch.equal(torch.get_rng_state(), state)
    for name, rows in one.items():
        assert np.array_equal(rows, again[name])
        assert not np.array_equal(rows, other[name])
    assert [len(rows) for rows in one.values()] == [3000, 1700, 3000, 1700]


def test_pairs_of_images_are_never_listed() -> None:
    PAIRS.images, PAIRS.digits.fingerprint  # noqa: B018  read once
    tracemalloc.start()
    try:
        split_task(PAIRS, 51, 0, samples=10, test_samples=10)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**20  # a byte for each pair of images would take three times as much
    with pytest.raises(ValueError, match="pairs of images are drawn, never listed"):
        PAIRS.rows()


# Serialization


def test_a_task_survives_json(task: DigitPairs) -> None:
    for one in (task, replace(task, normalize=True)):
        again = task_from_dict(json.loads(json.dumps(one.to_dict())))
        assert isinstance(again, DigitPairs)
        assert again == one
        assert again.normalize == one.normalize
        assert again.truth_table().tolist() == one.truth_table().tolist()


def test_other_images_are_refused() -> None:
    spec = PAIRS.to_dict() | {"fingerprint": "0123456789abcdef"}
    fingerprint = PAIRS.digits.fingerprint
    message = f"bundled digits with fingerprint {fingerprint}; allowed .* 0123456789abcdef$"
    with pytest.raises(ValueError, match=message):
        task_from_dict(spec)


def test_a_pickle_holds_no_images_and_finds_them_again(mnist: Callable[..., Digits]) -> None:
    for task in (PAIRS, DigitPairs(mnist(), FOUR, normalize=True)):
        packed = pickle.dumps(task)
        assert len(packed) < 2000
        again = pickle.loads(packed)
        assert again == task
        assert np.array_equal(again.images, task.images)
        assert again.digits.folder == task.digits.folder


def test_equality_and_hash_are_of_the_content(mnist: Callable[..., Digits]) -> None:
    one, same = (DigitPairs(mnist(name)) for name in ("one", "same"))
    assert one.digits is not same.digits
    assert one == same
    assert hash(one) == hash(same)
    others = [
        DigitPairs(mnist("other", seed=1)),
        replace(one, graph=FOUR),
        replace(one, normalize=True),
        PAIRS,
        PAIRS.graph,
    ]
    assert all(one != other for other in others)
    assert len({one, same, *others}) == 6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: DigitPairs(graph=FunctionGraph(5, [["XOR 0 1"]])),
            "graph=5-1-1 reads 5 bits; allowed are those of two digits, 2, 4 or 6",
        ),
        (
            lambda: DigitPairs(graph=FunctionGraph(8, [["XOR 0 1"]])),
            "graph=8-1-1 reads 8 bits; allowed",
        ),
        (lambda: DigitPairs(graph="two tasks"), "graph=two tasks reads 8 bits; allowed"),
        (lambda: DigitPairs(graph=PAIRS), "graph=2-2-3-2-2 bundled digits reads 128 bits; allow"),
        (lambda: DigitPairs(graph="6-3-2"), "unknown graph '6-3-2', did you mean '6-3-2-2'"),
        (lambda: n_train_rows(PAIRS, train_fraction=1.01), "train_fraction=1.01; allowed is"),
        (
            lambda: n_train_rows(PAIRS, train_rows=65),
            "train_rows=65 of 64 rows is more than there are; allowed is 1 to 64 rows",
        ),
        (lambda: DigitPairs("mnist"), "digits='mnist'; allowed are Digits, as load_digits gives"),
        (
            lambda: PAIRS.evaluate(np.flatnonzero(PAIRS.digits.labels == 9)[:4].reshape(2, 2)),
            "an image shows digit 9; allowed with 3 bits are 0 to 7",
        ),
        (
            lambda: DigitPairs(graph=TWO).pairs(np.flatnonzero(PAIRS.digits.labels == 2)[None, :2]),
            "an image shows digit 2; allowed with 1 bits are 0 to 1",
        ),
        (lambda: n_train_rows(PAIRS, train_rows=0), "no row to train on; allowed is 1 to 64 rows"),
    ],
)
def test_errors_say_what_is_allowed(make, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("n_train", "n_test"), [(2, 180), (182, 0)])
def test_too_few_images_are_named(n_train: int, n_test: int) -> None:
    digits, is_test = PAIRS.digits, PAIRS.digits.is_test.copy()
    is_test[digits.labels == 5] = [False] * n_train + [True] * n_test
    message = f"^bundled digits: {n_train} training and {n_test} test images of digit 5; allowed"
    with pytest.raises(ValueError, match=message):
        split_task(DigitPairs(replace(digits, is_test=is_test)), 8, 0)
