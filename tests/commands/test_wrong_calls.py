"""Wrong calls of the command line: exit 2 and one line, whatever they are made of."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import modnets as mn
from modnets.__main__ import main

DEEP = "[" * 5000
TRAIN = ["train", "--dry_run", "--result_path", "r"]
BENCHMARK = ["benchmark", "--no_usual", "--model", "dense", "--steps", "2"]


def of_cells(*cells: object, **changes: object) -> str:
    """A notebook of these cells."""
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells} | changes
    )


def code(source: object, **changes: object) -> dict[str, object]:
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": source}
    return cell | {"outputs": [], "execution_count": None} | changes


PARAMETERS = code(
    "rows: list = [1, 2]  # rows shown\nname: str = 'a'  # of a task",
    metadata={"tags": ["parameters"]},
)
BROKEN = {
    "empty": "",
    "object": "{}",
    "list": "[]",
    "null": "null",
    "number": "3",
    "cells": '{"cells":5}',
    "metadata": of_cells(metadata=5),
    "format": of_cells(nbformat="x"),
    "minor": of_cells(nbformat_minor="x"),
    "old": json.dumps({"nbformat": 3, "worksheets": 5}),
    "future": of_cells(nbformat=99),
    "cell": of_cells(1),
    "source": of_cells(code(5)),
    "tags": of_cells(code("a: int = 1", metadata={"tags": 5})),
    "deep": DEEP,
    "cut": of_cells(PARAMETERS)[:-5],
}


def refused(capsys: pytest.CaptureFixture, *words: str) -> str:
    """The one line with which a call is refused."""
    capsys.readouterr()
    assert main(list(words)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    line = err.splitlines()[-1]
    assert len(err.splitlines()) <= 2  # what will be done, and what cannot
    assert line.startswith("modnets")
    assert "Traceback" not in err
    assert len(line) < 1100
    return line


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("x")
    Path("loop").symlink_to("loop")


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("action", [["list"], ["depends", "a"], ["run", "a", "-p", "rows", "1"]])
def test_a_file_that_is_no_notebook(text: str, action: list, capsys: pytest.CaptureFixture) -> None:
    Path("books").mkdir()
    Path("books/a.ipynb").write_text(text)
    line = refused(capsys, "notebook", *action, "--folder", "books")
    assert "books/a.ipynb is no notebook" in line


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"\xff\xfe\x00", "no notebook"), (None, "Is a directory"), ("a.ipynb", "symbolic links")],
)
def test_what_cannot_be_read(content: object, reason: str, capsys: pytest.CaptureFixture) -> None:
    path = Path("books/a.ipynb")
    path.parent.mkdir()
    if content is None:
        path.mkdir()
    elif isinstance(content, str):
        path.symlink_to(content)
    else:
        path.write_bytes(content)
    assert reason in refused(capsys, "notebook", "list", "--folder", "books")


def test_code_that_is_no_python(capsys: pytest.CaptureFixture) -> None:
    Path("books").mkdir()
    Path("books/a.ipynb").write_text(of_cells(code("x = 3"), code("y = 1\nx = = 3")))
    line = refused(capsys, "notebook", "depends", "a", "--folder", "books")
    assert "code cell 2 is no Python (line 2, invalid syntax); allowed is what runs" in line
    Path("books/a.ipynb").write_text(of_cells(code("%matplotlib inline\nimport modnets.errors")))
    assert main(["notebook", "depends", "a", "--folder", "books"]) == 0
    assert capsys.readouterr().out == "modnets/errors.py\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*TRAIN, "--seed", "9" * 20], "--seed: given '99999999999999999999'; allowed is whole"),
        ([*TRAIN, "--seed", "9" * 5000], "--seed: given '999"),
        (
            [*TRAIN, "--seed", "0:100000000000"],
            "100,000,000,000 numbers; allowed are at most 1,000",
        ),
        ([*TRAIN, "--seed", "100000000000:0:-1"], "100,000,000,000 numbers; allowed are at most"),
        (
            [*TRAIN, "--seed", "0:2000", "--dataset_split_seed", "0:2000"],
            "4,000,000 runs in a grid",
        ),
        ([*TRAIN, "--epochs", "1" + "0" * 15], "--epochs=1000000000000000; allowed is at most"),
        ([*TRAIN, "--arch", "6", "1000000000", "2"], "--arch (hidden)=(1000000000,): a network of"),
        ([*TRAIN, "--lr", "nan"], "--lr=nan; allowed is a finite number"),
        ([*TRAIN, "--device", "meta"], "--device='meta': unknown; allowed is auto, cpu, cuda"),
        ([*TRAIN, "--workers", "0"], "--workers=0; allowed is 1 to"),
        ([*TRAIN, "--workers", "1000000"], "--workers=1000000; allowed is 1 to"),
        ([*TRAIN, "--held_out", "sam"], "unknown --held_out 'sam', did you mean 'same'"),
        ([*TRAIN, "--dataset_path", "file"], "file is a file; allowed is a folder"),
        ([*TRAIN, "--num_digits", "8", "--digits_path", "file"], "files not found in"),
        (
            [*TRAIN, "--result_path", "file"],
            "--result_path (store)='file/generalization' cannot be",
        ),
        ([*TRAIN, "--result_path", "file/x"], "file is no folder; allowed is a folder that can be"),
        ([*TRAIN, "--result_path", "loop"], "loop is no folder; allowed is a folder that can be"),
        ([*TRAIN, "--result_path", "a\0b"], "allowed is a path"),
        ([*TRAIN, "--result_path", "a" * 300], "File name too long"),
        ([*BENCHMARK, "--runs", "9" * 21], "--runs: given '999999999999999999999'; allowed is a"),
        ([*BENCHMARK, "--runs", "1000000"], "runs=1000000; allowed is at least 1, at most 65536"),
        (
            ["benchmark", "--steps", "9" * 21],
            "--steps: given '999999999999999999999'; allowed is a",
        ),
        (["benchmark", "--steps", "9" * 18], "epochs=999999999999999999; allowed is at most"),
        ([*BENCHMARK, "--runs", "1", "--peer", ""], "peer='' is empty; allowed is a command"),
        ([*BENCHMARK, "--runs", "1", "--peer", "#\0"], "cannot be run"),
        ([*BENCHMARK, "--peer", "echo '{DEEP}'"], "printed no JSON line with model, runs"),
        ([*BENCHMARK, "--peer", "printf '\\377\\376'"], "cannot be run"),
        (["notebook", "run", "generalization", "-p", "train_rows", DEEP], "allowed is a list, as"),
        (["notebook", "run", "generalization", "-p", "epochs", "9" * 30], "allowed is a whole"),
        (["notebook", "run", "generalization", "-p", "temperature", "nan"], "allowed is a number"),
        (["notebook", "run", "generalization", "--timeout", "9" * 15], "at most 31622400"),
        (["notebook", "run", "generalization", "--output", "file"], "file is a file; allowed is a"),
        (["notebook", "run", DEEP], "unknown notebook '[[["),
        (
            ["notebook", "list", "--folder", "nowhere"],
            "--folder='nowhere' is no folder; allowed is",
        ),
        (
            ["notebook", "list", "--folder", "~no_such_user/x"],
            "no such user here; allowed is a path",
        ),
        (["trian"], "unknown command 'trian', did you mean 'train'?"),
        (["--verson"], "unknown command '--verson', did you mean '--version'?"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_wrong_call_is_one_line(words: list, message: str, capsys: pytest.CaptureFixture) -> None:
    assert message in refused(capsys, *(word.replace("{DEEP}", DEEP) for word in words))
    assert not Path("r").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            {"model": 1, "runs": "x", "ms_per_run_per_1000_steps": None},
            "model=1; allowed is a word",
        ),
        ({"model": "dense", "runs": "x"}, "runs='x'; allowed is a whole number, at least 1"),
        ({"model": "dense", "runs": 0}, "runs=0; allowed is a whole number, at least 1"),
        (
            {"model": "dense", "runs": 1, "ms_per_run_per_1000_steps": -1},
            "steps=-1; allowed is a po",
        ),
        ({"model": "dense", "runs": 1, "gflops": "fast"}, "gflops='fast'; allowed is a positive"),
    ],
)
def test_a_peer_whose_line_tells_nothing(
    line: dict, message: str, capsys: pytest.CaptureFixture
) -> None:
    text = json.dumps({"ms_per_run_per_1000_steps": 3.0} | line)
    assert message in refused(capsys, *BENCHMARK, "--runs", "1", "--peer", f"echo '{text}'")


def test_the_version(capsys: pytest.CaptureFixture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"modnets {mn.__version__}\n"
    assert mn.__version__.count(".") == 2


def test_help_of_a_notebook_shows_its_parameters(capsys: pytest.CaptureFixture) -> None:
    for words in (["generalization", "--help"], ["--help", "generalization"]):
        assert main(["notebook", "run", *words]) == 0
        out = capsys.readouterr().out
        assert out.startswith("usage: modnets notebook run generalization [-p NAME VALUE]")
        assert "-p epochs 1000                       passes over the training rows" in out
        assert "knowledge_ladder" not in out
    assert main(["notebook", "run", "--help"]) == 0
    assert "List the notebooks" in capsys.readouterr().out
    assert "unknown notebook 'generalisation', did you mean 'generalization'?" in refused(
        capsys, "notebook", "run", "generalisation", "--help"
    )


def test_a_reader_that_has_gone_is_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "modnets", "notebook", "list"]
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
