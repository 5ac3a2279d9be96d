"""Signals of several channels, and binary ones, in the engine: against single networks."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from lanes import needs_compiler
from literally import assert_neighbours_change_nothing, assert_same_network, results

from modnets.config.grid import grid
from modnets.config.run_config import RunConfig

CHUNK = 5
BASE = {"train_rows": 27, "epochs": 12, "module_hidden": (5,), "lr_selection": 0.07, "seed": 5}
RUNS = {
    "channels": {"model": "shared", "signal_size": 3},
    "bits": {"model": "modular", "routing": "known", "signals": "binary"},
    "bits of channels": {"model": "shared", "signal_size": 2, "signals": "binary"},
    "every level": {"model": "modular", "signal_size": 2, "output_levels": "every"},
    "tasks": {"model": "shared", "graph": "two tasks", "signal_size": 2, "signals": "binary"},
    "mixtures": {"model": "shared", "routing_method": "mixtures", "signal_size": 2},
}


def run_of(name: str) -> RunConfig:
    return RunConfig(**BASE | RUNS[name])


@pytest.mark.parametrize("name", [name for name in RUNS if name != "mixtures"])
def test_training_agrees_with_single_networks_and_torch_optim(name: str) -> None:
    assert_same_network(run_of(name), 2e-4)


@needs_compiler
@pytest.mark.parametrize("name", ["channels", "bits of channels", "mixtures"])
def test_machine_code_agrees_with_eager_whatever_is_beside_it(name: str) -> None:
    run = replace(run_of(name), input_noise=0.1)
    losses = ["train_loss", "test_loss"]
    compiled, eager = (results([run], chunk=CHUNK, compiled=one) for one in (True, False))
    pd.testing.assert_frame_equal(eager[losses], compiled[losses], rtol=1e-3, atol=1e-4)
    others = grid(run, seed=[1, 2], split_seed=[40, 3], lr=0.1)
    assert_neighbours_change_nothing(run, others, chunk=CHUNK, compiled=True)
