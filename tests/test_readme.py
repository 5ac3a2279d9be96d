"""The README: its code runs, its tree and tables are complete, what it links to exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from modnets.__main__ import main
from modnets.config.run_config import RunConfig
from modnets.models.registry import MODELS
from modnets.paths import NOTEBOOKS, ROOT

TEXT = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, flags=re.DOTALL)


def test_the_python_code_runs_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(RunConfig.__init__.__kwdefaults__, "epochs", 3)  # not a thousand here
    monkeypatch.setattr("modnets.models.registry.MODELS", MODELS)
    namespace: dict = {}
    try:
        for code in blocks("python"):
            exec(code.replace("epochs=1000", "epochs=3"), namespace)
    finally:
        MODELS.pop("skip", None)
        plt.close("all")
    assert len(namespace["runs"]) == 60
    assert list((tmp_path / "results" / "study").glob("*.parquet"))


def test_the_train_command_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    shell = "\n".join(blocks("bash")).replace("\\\n", " ")
    lines = [line for line in shell.splitlines() if line.startswith("modnets train")]
    for line in lines:
        assert main([*shlex.split(line)[1:], "--epochs", "3"]) == 0
    said = capsys.readouterr().out
    assert "shared, known on 6-3-2-2, 16 rows, 20 runs" in said
    assert "shared, known on three tasks, 8 rows, 20 runs" in said
    assert "dense on 2-2-3-2-2 bundled digits, 51 rows, 4 runs" in said


def test_the_tree_names_every_room() -> None:
    rooms = {path.name for path in (ROOT / "modnets").rglob("*.py")} - {"__init__.py"}
    (tree,) = blocks("text")
    named = set(re.findall(r"\w+\.py", tree))
    assert rooms - {"__main__.py"} == named - {"__main__.py"}


def test_every_notebook_has_a_row() -> None:
    for path in NOTEBOOKS.glob("*.ipynb"):
        assert f"| [{path.stem}](notebooks/{path.name}) |" in TEXT


def test_links_lead_somewhere() -> None:
    targets = [t for t in re.findall(r"\]\(([^)]+)\)", TEXT) if not t.startswith("http")]
    assert len(targets) > 4
    for target in targets:
        assert (ROOT / target).exists(), target
