"""What each step is fed: the run's own rows and noise, whatever stands beside it."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.config.shapes import padded_rows, steps_per_epoch
from modnets.tasks.splits import split_rows
from modnets.training.batches import Batches
from modnets.training.random_streams import STREAMS, stream_seed

CPU = torch.device("cpu")


def feed(run: RunConfig, noise_size: int = 0, replicas: int = 2) -> Batches:
    return Batches([run], replicas, noise_size, CPU)


@given(st.integers(1, 63), st.integers(1, 64))
def test_an_epoch_shows_each_training_row_once(rows: int, batch: int) -> None:
    run = RunConfig(train_rows=rows, batch_size=batch, split_seed=5)
    batches = feed(run)
    for _ in range(2):
        seen: list[tuple] = []
        for x, y, weight, noise in batches.epoch():
            assert noise is None
            assert float(weight[0].sum()) == pytest.approx(1.0)
            used = weight[0] > 0
            bits = torch.cat([x[0, used], y[0, used]], dim=1)
            seen += [tuple(map(int, row)) for row in bits.tolist()]
        train = run.graph.rows(split_rows(run.graph, rows, 5).train)
        wanted = [tuple(map(int, [*x, *y])) for x, y in zip(train, run.graph.evaluate(train))]  # noqa: B905
        assert sorted(seen) == sorted(wanted)


def test_order_differs_between_epochs_and_seeds() -> None:
    one, other = (RunConfig(train_rows=40, batch_size=8, seed=seed) for seed in (1, 2))
    epochs = [[x[0] for x, *_ in feed(run).epoch()] for run in (one, other)]
    assert not torch.equal(epochs[0][0], epochs[1][0])
    batches = feed(one)
    first, second = (next(iter(batches.epoch()))[0] for _ in range(2))
    assert not torch.equal(first[0], second[0])


def test_input_noise_has_the_deviation_asked_for_and_is_fresh() -> None:
    run = RunConfig(train_rows=48, input_noise=0.1)
    batches = feed(run)
    steps = [next(iter(batches.epoch()))[0] - batches.x for _ in range(60)]
    noise = torch.stack(steps)[:, 0, :48]
    assert noise.std().item() == pytest.approx(0.1, rel=0.03)
    assert noise.mean().item() == pytest.approx(0.0, abs=0.003)
    assert not torch.equal(noise[0], noise[1])


@pytest.mark.parametrize("per_sample", [False, True])
def test_gumbel_noise_is_gumbel(per_sample: bool) -> None:
    run = RunConfig(model="modular", train_rows=40, gumbel=True, per_sample_routing=per_sample)
    batches = feed(run, noise_size=26)
    draws = torch.stack([next(iter(batches.epoch()))[3] for _ in range(200)])[:, 0]
    assert draws.shape == ((200, 26, 64) if per_sample else (200, 26))
    assert draws.mean().item() == pytest.approx(0.5772, abs=0.06)  # Euler's constant
    assert draws.std().item() == pytest.approx(math.pi / 6**0.5, rel=0.05)


def test_streams_differ_from_each_other() -> None:
    seeds = [stream_seed(seed, stream) for seed in range(5) for stream in STREAMS]
    assert len(set(seeds)) == len(seeds)


def test_a_runs_stream_does_not_depend_on_its_place() -> None:
    run = RunConfig(model="shared", train_rows=30, input_noise=0.1, gumbel=True, seed=3)
    others = grid(run, seed=[7, 8], train_rows=[12])
    alone = Batches([run], 4, 30, CPU)
    among = Batches([*others, run], 4, 30, CPU)
    for a, b in itertools.islice(zip(alone.epoch(), among.epoch(), strict=True), 3):
        for one, other in zip(a, b, strict=True):
            assert torch.equal(one[0], other[2])


def test_padding_depends_on_the_run_alone() -> None:
    sizes = {rows: padded_rows(RunConfig(train_rows=rows)) for rows in (4, 51, 63)}
    assert sizes == {4: 64, 51: 64, 63: 64}
    assert padded_rows(RunConfig(train_rows=51, batch_size=8)) == 8
    assert steps_per_epoch(RunConfig(train_rows=51, batch_size=8)) == 7
