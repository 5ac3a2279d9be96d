"""The benchmark: what it counts, what it measures beside the engine, and other programs."""

from __future__ import annotations

import json
import mmap
import shlex
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from lanes import needs_compiler
from torch.utils.flop_counter import FlopCounterMode

from modnets.benchmarks.external import run_peer
from modnets.benchmarks.measure import environment, peak_memory
from modnets.benchmarks.throughput import KINDS, benchmark, best
from modnets.benchmarks.torch_loop import train_usually
from modnets.config.run_config import RunConfig
from modnets.models.registry import build
from modnets.tasks.digit_pairs import DigitPairs
from modnets.training.costs import arithmetic_of, memory_of
from modnets.training.engine import train_chunk

LINE = {"peer": "other 1", "model": "dense", "runs": 7, "ms_per_run_per_1000_steps": 12.5}


def printing(*lines: str) -> str:
    """A command that prints lines."""
    return shlex.join([sys.executable, "-c", f"print({chr(10).join(lines)!r})"])


def test_arithmetic_of_a_dense_step_is_that_of_its_matrix_products_and_little_more() -> None:
    run = RunConfig(train_rows=51)
    network = build(run, 0)
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(51, 6)).sum().backward()
    products = counter.get_total_flops()
    assert products < arithmetic_of(run) < 1.15 * products
    twice = RunConfig(train_rows=52)
    assert arithmetic_of(run, rows=52) == arithmetic_of(twice)


def test_modular_networks_need_less_arithmetic_and_known_ones_least() -> None:
    counts = [arithmetic_of(RunConfig(train_rows=51, **KINDS[name])) for name in KINDS]
    dense, sparse, modular, modular_known, shared, shared_known = counts
    assert sparse > dense > shared > modular > modular_known
    assert shared > shared_known
    assert memory_of(RunConfig()) > 4 * 4 * 2990  # parameters, gradient and two moments at least


@pytest.mark.parametrize(
    ("settings", "workers"),
    [
        ({}, None),
        ({}, 0),
        ({"graph": "two tasks"}, None),
        ({"graph": "monks-3"}, None),
        ({"graph": DigitPairs(), "samples": 2, "hidden": (7,)}, None),
    ],
)
def test_the_usual_way_is_what_the_engine_does(settings: dict, workers: int | None) -> None:
    run = RunConfig(train_rows=23, epochs=12, seed=4, **settings)
    network, seconds = train_usually(run, workers)
    assert seconds > 0
    (engine,) = train_chunk([run], chunk=2, keep_networks=True).networks
    for name, value in network.state_dict().items():
        torch.testing.assert_close(engine.state_dict()[name], value, rtol=2e-4, atol=2e-4)


@needs_compiler
def test_a_row_for_each_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modnets.benchmarks.throughput.USUAL_EPOCHS", {None: 3, 0: 3, "workers": 1})
    monkeypatch.setattr("modnets.benchmarks.measure.SGEMM_SIZE", 128)
    peer = printing("hello", json.dumps(LINE), "[1]", json.dumps({"model": "dense"}))
    table = benchmark(["dense"], [1, 3], steps=4, rows=9, peers=[peer], progress=False)
    own = table[table["peer"].str.startswith("modnets")]
    assert own["runs"].tolist() == [1, 3]
    assert own["compiled"].all()
    assert (own["compile_s"] > 0).all()
    np.testing.assert_allclose(
        own["gflops"],
        arithmetic_of(RunConfig(train_rows=9)) / own["ms_per_run_per_1000_steps"] / 1e3,
    )
    np.testing.assert_allclose(own["share_of_sgemm"], own["gflops"] / own["sgemm_gflops"])
    assert (own["peak_memory_mb"] > 50).all()
    assert table["peer"].str.startswith("torch").sum() == 3
    assert table["peer"].iloc[-1] == "other 1"
    assert set(table["kind"]) == {"dense"}
    assert table["mean_bit_accuracy"].dropna().between(0, 1).all()


def test_best_is_each_ways_fastest_and_how_many_times_modnets() -> None:
    rows = [("modnets 1", "dense", 1, 9.0), ("modnets 1", "dense", 64, 2.0)]
    rows += [("jax", "dense", 8, 6.0), ("jax", "dense", 9, 7.0), ("jax", "shared", 8, 5.0)]
    names = ["peer", "model", "runs", "ms_per_run_per_1000_steps"]
    found = best(pd.DataFrame(rows, columns=names)).set_index(["peer", "model"])
    assert found.loc[("modnets 1", "dense"), "runs"] == 64
    assert found.loc[("jax", "dense"), "times"] == 3.0
    assert np.isnan(found.loc[("jax", "shared"), "times"])


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("no-such-program --runs 3", "cannot be run"),
        ("'unclosed", "cannot be run"),
        (shlex.join([sys.executable, "-c", "raise SystemExit('no jax here')"]), "no jax here"),
        (printing("nothing", "{}"), "printed no JSON line with model, runs, ms_per_run"),
    ],
)
def test_a_peer_that_fails_is_named_in_one_line(command: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        run_peer(command)
    assert repr(command) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["dens"],), "unknown model 'dens', did you mean 'dense'"),
        ((["dense"], [0]), "runs=0; allowed is at least 1"),
        ((["dense"], []), "models and runs"),
    ],
)
def test_wrong_arguments(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        benchmark(*arguments, progress=False)


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is counted anew on Linux only")
def test_peak_memory_sees_what_was_held_and_let_go() -> None:
    cpu = torch.device("cpu")
    with peak_memory(cpu) as before:
        pass
    # Not by malloc, which may still have as much that earlier tests gave back to it.
    with peak_memory(cpu) as peak, mmap.mmap(-1, 200_000_000) as held:
        held[:: mmap.PAGESIZE] = bytes(len(range(0, len(held), mmap.PAGESIZE)))
    assert peak[0] - before[0] > 100


def test_an_environment_variable_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setenv("MODNETS_X", "1")
    monkeypatch.delenv("MODNETS_Y", raising=False)
    with environment("MODNETS_X", "2"), environment("MODNETS_Y", "3"):
        assert (os.environ["MODNETS_X"], os.environ["MODNETS_Y"]) == ("2", "3")
    assert os.environ["MODNETS_X"] == "1"
    assert "MODNETS_Y" not in os.environ
