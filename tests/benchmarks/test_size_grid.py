"""The grid of sizes: what is measured, and that a peer is asked for the same."""

from __future__ import annotations

import json
import shlex
import sys

import numpy as np
import pytest
from lanes import needs_compiler

from modnets.benchmarks import size_grid
from modnets.benchmarks.fma import fma_rate
from modnets.benchmarks.size_grid import SIZES, Size, benchmark_grid, flags_of, neighbours
from modnets.tasks.named_graphs import get_graph

ECHO = """
import json, sys
flags = sys.argv[1:]
runs = int(flags[flags.index("--runs") + 1])
print(json.dumps({"model": "dense", "runs": runs, "ms_per_run_per_1000_steps": 1e9}))
"""


def test_the_task_of_six_inputs_is_the_published_one() -> None:
    assert np.array_equal(neighbours(6).truth_table(), get_graph("6-3-2-2").truth_table())


def test_sizes_are_told_to_peers_as_flags() -> None:
    flags = flags_of(Size(10, 128, (64, 32), 4), steps=50)
    assert flags.split() == (
        [
            "--model",
            "dense",
            "--inputs",
            "10",
            "--rows",
            "128",
            "--runs",
            "4",
            "--steps",
            "50",
            "--hidden",
            "64",
            "32",
        ]
    )
    assert "--hidden" not in flags_of(Size(10, 128, (), 4), steps=50)
    assert len(set(SIZES)) == len(SIZES) > 20


@needs_compiler
def test_each_size_is_measured_beside_its_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(size_grid, "steps_of", lambda size: 3)
    peer = shlex.join([sys.executable, "-c", ECHO])
    table = benchmark_grid([Size(6, 16, (12,), 2)], peers=[peer], progress=False)
    own, other = table.to_dict("records")
    assert own["peer"].startswith("modnets")
    assert own["lanes"] == 1  # two runs leave most lanes empty
    assert own["ms_per_run_per_1000_steps"] > 0
    assert own["gflops"] < own["fma_gflops"]
    assert other["times"] > 1
    assert json.loads(json.dumps(own["hidden"])) == "12"
    with pytest.raises(ValueError, match="at least one"):
        benchmark_grid([])


@needs_compiler
def test_the_peak_is_that_of_multiply_adds() -> None:
    assert 1 < fma_rate() < 1e6
