"""``modnets benchmark``: lines for programs, a table for people, errors in one line."""

from __future__ import annotations

import json
import shlex
import sys

import pandas as pd
import pytest

from modnets.__main__ import main
from modnets.commands.benchmark import as_json, as_text

MACHINE = {"machine": "2 cores, X", "torch": "2", "sgemm_gflops": 300.0, "device": "cpu"}
TABLE = pd.DataFrame(
    [
        {
            "peer": "modnets 1", "model": "dense", "runs": 256, "rows": 51, "steps": 1000,
            "ms_per_run_per_1000_steps": 6.12345678, "compile_s": 1.5, "gflops": 150.0,
            "share_of_sgemm": 0.5, "peak_memory_mb": 450.0, "threads": 2, **MACHINE,
        },
        {
            "peer": "jax 1", "model": "dense", "runs": 64, "ms_per_run_per_1000_steps": 24.5,
            **MACHINE,
        },
    ]
)  # fmt: skip


def test_a_line_of_json_has_the_keys_of_the_peers() -> None:
    own, jax = (json.loads(line) for line in as_json(TABLE).splitlines())
    assert own["ms_per_run_per_1000_steps"] == 6.123
    assert (own["model"], own["runs"], own["compile_s"]) == ("dense", 256, 1.5)
    assert {"gflops", "sgemm_gflops", "peak_memory_mb", "machine", "device"} <= set(own)
    assert isinstance(jax["runs"], int)
    assert "gflops" not in jax  # what was not measured is not there


def test_the_text_names_machine_times_and_ratios() -> None:
    text = as_text(TABLE)
    assert text.splitlines()[0] == "2 cores, X; torch 2; sgemm 300 GFLOP/s"
    assert "%" not in text  # sgemm of large matrices bounds no rate, so nothing is a share of it
    assert text.splitlines()[-1].split() == ["dense", "jax", "1", "4.001", "times"]


def test_the_command_measures_and_prints_json(capsys: pytest.CaptureFixture) -> None:
    line = json.dumps({"peer": "p", "model": "shared", "runs": 2, "ms_per_run_per_1000_steps": 9.0})
    peer = shlex.join([sys.executable, "-c", f"print({line!r})"])
    words = ["--model", "shared", "--runs", "2", "--steps", "3", "--rows", "8", "--no-usual"]
    assert main(["benchmark", *words, "--json", "--peer", peer]) == 0
    own, other = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    assert own["model"] == other["model"] == "shared"
    assert own["ms_per_run_per_1000_steps"] > 0
    assert other["ms_per_run_per_1000_steps"] == 9.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--model spars", "unknown model 'spars', did you mean 'sparse'?"),
        ("--runs 0", "runs=0; allowed is at least 1"),
        ("--runs many", "--runs: given 'many'; allowed is a whole number"),
        ("--steps 0", "steps=0; allowed is at least 1"),
        ("--rows 64", "train_rows=64 of 64 rows leaves no row to test on"),
        ("--device tpu", "device='tpu': unknown; allowed is auto, cpu, cuda"),
        ("--peer no-such-program", "peer 'no-such-program' cannot be run"),
        ("--peers x", "unknown flag '--peers', did you mean '--peer'?"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(
    words: str, message: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(["benchmark", *words.split()]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("modnets benchmark: ")
    assert message in line
