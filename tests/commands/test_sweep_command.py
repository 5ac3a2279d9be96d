"""``modnets sweep``: a study's file from a shell, and one clear line for what is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import modnets as mn
from modnets.__main__ import main
from modnets.experiments import estimates
from modnets.experiments.store import Store

STUDY = """
base: {graph: 6-2-2, epochs: 2}
axes:
  model: [dense, shared]
  train_rows: [8, 16]
  seeds: 0:3
"""


@pytest.fixture(autouse=True)
def _study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(STUDY)


def swept(line: str, capsys: pytest.CaptureFixture) -> tuple[int, str, str]:
    """Exit code, output, and errors of a command."""
    code = main(["sweep", *line.split()])
    return code, *capsys.readouterr()


def test_a_study_from_a_shell_is_that_in_python(capsys: pytest.CaptureFixture) -> None:
    code, out, err = swept("study.yaml --store made", capsys)
    assert code == 0
    assert "modnets sweep: study.yaml: 12 runs -> " in err
    assert "dense on 6-2-2, 8 rows, 3 runs: solved" in out
    table = mn.sweep(mn.study("study.yaml"), progress=False)
    assert mn.load("made")["run"].nunique() == table["run"].nunique() == 12
    assert set(mn.load("made")["run"]) == set(table["run"])
    assert list(Store("made").studies().values()) == [STUDY]
    before = {path: path.stat().st_mtime_ns for path in Path("made").iterdir()}
    assert swept("study.yaml --store made", capsys)[0] == 0  # nothing is done twice
    assert {path: path.stat().st_mtime_ns for path in Path("made").iterdir()} == before


def test_settings_are_replaced(capsys: pytest.CaptureFixture) -> None:
    line = "study.yaml --store made --set model=dense,shared --set seeds=0:2 --set train_rows=8"
    assert swept(line, capsys)[0] == 0
    table = mn.load("made")
    assert table["run"].nunique() == 4
    assert set(table["train_rows"]) == {8}
    (name,) = Store("made").studies()
    assert {run.key for run in mn.study(Path("made") / name)} == set(table["run"])


def test_shards_are_together_all(capsys: pytest.CaptureFixture) -> None:
    counts = []
    for shard in ("3/3", "1/3", "2/3"):
        assert swept(f"study.yaml --store made --shard {shard}", capsys)[0] == 0
        counts.append(len(Store("made").keys()))
    assert counts == [4, 8, 12]
    assert "12 runs: 12 done, 0 to do" in swept("study.yaml --store made --dry-run", capsys)[1]


def test_a_dry_run_tells_and_writes_nothing(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates, "TRIAL", 0.0)
    monkeypatch.setattr(estimates, "PATIENCE", 1e9)
    code, out, err = swept("study.yaml --store made --dry_run", capsys)
    assert (code, err) == (0, "")
    first, second, third = out.splitlines()
    assert first == "12 runs: 0 done, 12 to do, 0 failed before"
    assert second.startswith("about ")
    assert "of memory" in second
    assert "2 of 2 kinds of network measured" in second
    assert third.startswith("nothing was trained")
    assert not Path("made").exists()
    swept("study.yaml --store made --set train_rows=8", capsys)
    before = sorted(Path("made").iterdir())
    assert "12 runs: 6 done, 6 to do" in swept("study.yaml --store made --dry_run", capsys)[1]
    out = swept("study.yaml --store made --dry_run --shard 1/2", capsys)[1]
    assert "6 runs: 4 done, 2 to do" in out
    assert sorted(Path("made").iterdir()) == before


def test_a_million_runs_are_not_made_in_a_dry_run(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates, "TRIAL", 0.0)
    monkeypatch.setattr("modnets.config.points.Points.runs", None)
    line = "study.yaml --store made --dry-run --set seeds=0:250000"
    assert "1,000,000 runs: 0 done, 1,000,000 to do" in swept(line, capsys)[1]


def test_failed_runs_are_told_left_out_and_tried_again(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from modnets.training import initialization

    drawn = initialization.NetworkInitializer.draw

    def fails(self: object, run: mn.RunConfig, *rest: object) -> object:
        if run.model == "shared":
            raise RuntimeError("its wires are crossed")
        return drawn(self, run, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(initialization.NetworkInitializer, "draw", fails)
        code, _, err = swept("study.yaml --store made --workers 1", capsys)
        assert code == 1
        assert "6 runs failed; modnets results status" in err
        assert "6 x 6-2-2 shared, learned 8 rows seed 0" in err
    assert len(Store("made").keys()) == 6
    code, _, err = swept("study.yaml --store made", capsys)
    assert code == 1
    assert "RuntimeError: its wires are crossed" in err
    out = swept("study.yaml --store made --dry_run", capsys)[1]
    assert "12 runs: 6 done, 0 to do, 6 failed before" in out
    out = swept("study.yaml --store made --dry_run --retry_failed", capsys)[1]
    assert "12 runs: 6 done, 6 to do, 6 failed before" in out
    assert swept("study.yaml --store made --retry-failed", capsys)[0] == 0
    assert Store("made").failures() == {}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "a study's file, as study.yaml is missing; modnets sweep --help shows an example"),
        ("study.yaml", "--store FOLDER is missing"),
        ("none.yaml --store made", "study='none.yaml' cannot be read (No such file"),
        ("study.yaml --store study.yaml", "store='study.yaml' cannot be written"),
        ("study.yaml --store made --shard 4/3", "shard='4/3'; allowed is i/n, i from 1 to n"),
        ("study.yaml --store made --workers 0", "workers=0; allowed is at least 1"),
        ("study.yaml --store made --set modle=x", "unknown setting in --set 'modle', did you mean"),
        ("study.yaml --store made --set model", "--set 'model'; allowed is name=values"),
        ("study.yaml --store made --set seed=1", "seed: study.yaml has seeds"),
        ("study.yaml --store made --set lr=1 --set lr=2", "--set lr: it stands twice"),
        ("study.yaml --store made --set train_rows=99", "train_rows=99 of 64 rows leaves no row"),
        ("study.yaml --store made --set model=[a", "model, line 1: expected ',' or ']'"),
        ("study.yaml --store made --dry", "unknown flag '--dry'"),
        ("study.yaml more.yaml --store made", "unexpected 'more.yaml'"),
        ("study.yaml --store made --device tpu", "device='tpu': unknown; allowed is auto"),
    ],
)
def test_wrong_use_is_one_line(line: str, message: str, capsys: pytest.CaptureFixture) -> None:
    code, out, err = swept(line, capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("modnets sweep: ")
    assert message in err
    assert not Path("made").exists()


def test_help_shows_a_file_that_works(capsys: pytest.CaptureFixture) -> None:
    assert main(["sweep", "--help"]) == 0
    text = capsys.readouterr().out
    example = text[text.index("  base:") : text.index("`parts:`")]
    Path("example.yaml").write_text(example)
    assert len(mn.study("example.yaml")) == 160
    for flag in ("--store", "--set", "--dry_run", "--shard", "--workers", "--retry_failed"):
        assert flag in text


def test_a_store_that_cannot_be_read_is_exit_1(
    capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept("study.yaml --store made", capsys)

    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)
    code, _, err = swept("study.yaml --store made", capsys)
    assert code == 1
    assert "cannot be read (Permission denied)" in err
    monkeypatch.undo()
    shutil.rmtree("made", ignore_errors=True)
