"""``modnets report``: a study as one file, from a shell."""

from __future__ import annotations

from pathlib import Path

import pytest

import modnets as mn
from modnets.__main__ import main


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "store"
    runs = mn.grid(mn.RunConfig(graph="6-2-2", train_rows=16, epochs=1), seeds=range(2))
    mn.sweep(runs, folder, progress=False)
    return folder


def test_it_writes_the_file_and_says_so(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = tmp_path / "study.html"
    words = ["report", str(made), "-o", str(path), "--question", "So what?", "--no-retrain"]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"{path}: ")
    assert out.endswith(" kB\n")
    assert err == ""
    text = path.read_text(encoding="utf-8")
    assert "<h1>So what?</h1>" in text
    assert "2 runs of a dense network on 6-2-2" in text
    assert 'id="replay"' not in text
    mn.report(made, tmp_path / "same.html", question="So what?", retrain=False)
    assert (tmp_path / "same.html").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "what it is of, STORE or NOTEBOOK, is missing; modnets report --help says more"),
        ("MADE", "-o FILE.html is missing"),
        ("none -o a.html", "source='none' is no folder and no notebook"),
        ("MADE -o a.pdf", "file='a.pdf'; allowed is a name in .html"),
        ("MADE -o a.html --store MADE", "allowed is none, as source is one"),
        ("MADE -o a.html --retrain", "unknown flag '--retrain', did you mean '--no_retrain'?"),
        ("EMPTY -o a.html", "holds no runs; allowed is one that a sweep has begun"),
    ],
)
def test_wrong_use_is_one_line(
    made: Path,
    line: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = line.replace("MADE", str(made)).replace("EMPTY", str(tmp_path)).split()
    assert main(["report", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("modnets report: ")
    assert message in err
