"""The README and the pages of docs: their code runs, tables are complete, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from modnets.__main__ import main
from modnets.config.run_config import RunConfig
from modnets.models.hooks import HOOKS
from modnets.models.losses import LOSSES
from modnets.models.registry import MODELS
from modnets.models.routing_methods.registry import ROUTING_METHODS
from modnets.paths import NOTEBOOKS, ROOT

DOCS = ROOT / "docs"
#: The README first: names of its code are used in the pages.
PAGES = [
    ROOT / "README.md",
    *(DOCS / f"{name}.md" for name in ("results", "studies", "graphs", "inside", "training")),
    *(DOCS / f"{name}.md" for name in ("routing", "discovery", "reuse", "own")),
]
PROSE = [*PAGES, *sorted(set(DOCS.glob("*.md")) - set(PAGES)), ROOT / "CONTRIBUTING.md"]


def blocks(language: str) -> list[str]:
    """Code of all pages, in order."""
    text = "\n".join(page.read_text() for page in PAGES)
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


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
        for registry, name in ((MODELS, "skip"), (MODELS, "sparing"), (LOSSES, "focal")):
            registry.pop(name, None)
        HOOKS.pop("norms", None)
        ROUTING_METHODS.pop("neighbours", None)
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


def test_every_notebook_has_a_row() -> None:
    text = (ROOT / "docs" / "notebooks.md").read_text()
    for path in NOTEBOOKS.glob("*.ipynb"):
        assert f"| [{path.stem}](generated/notebooks/{path.name}) |" in text


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)]+)\)", page.read_text())
    for target in targets:
        if not target.startswith("http"):
            # What the site generates is a copy of what stands in the repository.
            source = page.parent / target.replace("generated/", "../")
            assert source.exists(), target


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    for name in re.findall(r"`([a-z_]+/[a-z_/]+\.(?:py|md|json|h))`", page.read_text()):
        assert any((folder / name).exists() for folder in (ROOT, ROOT / "modnets")), name
