"""``modnets results``: what a store holds, from a shell."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import modnets as mn
from modnets.__main__ import main
from modnets.experiments.store import Store

BASE = mn.RunConfig(graph="6-2-2", train_rows=16, epochs=1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a study of 6 runs, and a failure; tests only read it."""
    folder = tmp_path_factory.mktemp("results") / "store"
    study = {"base": {"graph": "6-2-2", "epochs": 1, "train_rows": 16}}
    study |= {"axes": {"model": ["dense", "shared"], "seeds": "0:3"}}
    mn.sweep(mn.study(study), folder, progress=False)
    missing = mn.grid(BASE, seed=[77, 78], model="sparse")
    Store(folder).write_failures({run.key: (run, "a\n  b\nOSError: no wires") for run in missing})
    return folder


def told(line: str, capsys: pytest.CaptureFixture) -> tuple[int, str, str]:
    code = main(["results", *line.split()])
    return code, *capsys.readouterr()


def test_status_tells_runs_studies_and_failures(made: Path, capsys: pytest.CaptureFixture) -> None:
    before = {path: path.read_bytes() for path in made.iterdir()}
    code, out, err = told(f"status {made}", capsys)
    assert (code, err) == (0, "")
    assert f"{made}: 6 runs, 12 rows, 2 files, " in out
    assert "dense (3)" in out
    assert "6 of 6 runs done" in out
    assert "2 runs failed and are not there:" in out
    assert "2 x 6-2-2 sparse 16 rows seed 77" in out
    assert ": OSError: no wires" in out
    assert f"modnets {mn.__version__}, torch" in out
    assert {path: path.read_bytes() for path in made.iterdir()} == before


def test_show_groups_or_runs(made: Path, capsys: pytest.CaptureFixture) -> None:
    groups = told(f"show {made}", capsys)[1].splitlines()
    assert len(groups) == 3
    assert groups[1].split()[:4] == ["6-2-2", "dense", "16", "3"]
    runs = told(f"show {made} --runs --columns run,seed,solved --limit 4", capsys)[1].splitlines()
    assert runs[0].split() == ["run", "seed", "solved"]
    assert runs[-1] == "... and 2 more rows; --limit N shows them"
    assert len(runs) == 6


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_export_reads_back_equal(
    made: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / f"all.{suffix}"
    code, out, _ = told(f"export {made} -o {path}", capsys)
    assert code == 0
    assert out.splitlines()[:2] == [str(path), str(tmp_path / "all.columns.csv")]
    pd.testing.assert_frame_equal(mn.load(path), mn.load(made), check_exact=True)
    told(f"export {made} -o {path} --last --no-empty", capsys)
    short = mn.load(path)
    assert len(short) == 6
    assert short.notna().any().all()


def test_compare_tells_what_differs(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    same = told(f"compare {made} {made}", capsys)[1]
    assert "both:  6 runs, equal bit for bit" in same
    table = mn.load(made)
    more = mn.grid(BASE, model="shared", seeds=range(2, 4))
    mn.sweep(more, tmp_path / "more", progress=False)
    out = told(f"compare {made} {tmp_path / 'more'}", capsys)[1]
    assert "left:  6 runs, 5 only here" in out
    assert "right: 2 runs, 1 only here" in out
    assert "both:  1 runs" in out
    assert len(table) == 12


def test_compact_makes_one_file_and_verify_checks_it(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    store = tmp_path / "store"
    for seed in range(3):
        mn.sweep(mn.grid(BASE, seed=seed), store, progress=False)
    assert "3 runs in 3 files" in told(f"verify {store}", capsys)[1]
    assert "3 files before, 1 now" in told(f"compact {store}", capsys)[1]
    assert "all as they were written" in told(f"verify {store}", capsys)[1]
    (path,) = store.glob("runs-*")
    path.write_bytes(path.read_bytes()[:-3])
    code, out, err = told(f"verify {store}", capsys)
    assert code == 1
    assert "0 runs in 0 files" in out
    assert f"modnets results: {path.name}: its content has changed since it was written" in err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "what to do is missing; allowed: status, show"),
        ("stats made", "unknown action 'stats', did you mean 'status'?"),
        ("status", "status takes one store; given: none"),
        ("compare made", "compare takes two stores; given: made"),
        ("status none", "store='none' is no folder"),
        ("export MADE", "export needs -o FILE.csv or -o FILE.parquet"),
        ("export MADE -o a.xls", "file='a.xls'; allowed is a name in .csv or .parquet"),
        ("show MADE --runs --columns run,sed", "unknown column 'sed', did you mean 'seed'?"),
        ("show MADE --limit 0", "--limit=0; allowed is at least 1"),
        ("show MADE --limt 3", "unknown flag '--limt', did you mean '--limit'?"),
    ],
)
def test_wrong_use_is_one_line(
    made: Path, line: str, message: str, capsys: pytest.CaptureFixture
) -> None:
    code, out, err = told(line.replace("MADE", str(made)), capsys)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("modnets results: ")
    assert message in err


def test_an_empty_folder_holds_nothing(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert "0 runs, 0 rows, 0 files" in told(f"status {tmp_path}", capsys)[1]
    assert told(f"verify {tmp_path}", capsys)[0] == 0
    code, _, err = told(f"show {tmp_path}", capsys)
    assert code == 2
    assert "no runs in" in err
