"""The site: generated pages leave nothing out, every page stands in a table of contents."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest

from modnets.config.run_config import RunConfig
from modnets.experiments.columns import schema
from modnets.glossary import GLOSSARY
from modnets.lazy import NAMESPACES, exports
from modnets.paths import FIGURES, NOTEBOOKS, PACKAGE, ROOT

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    """``docs/pages.py``, which writes the generated pages."""
    spec = importlib.util.spec_from_file_location("pages", DOCS / "pages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def modules() -> set[Path]:
    """Every module of the package that is no ``__init__`` or ``__main__``, below the package."""
    return {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name[0] != "_"}


def test_the_tree_names_every_module_with_what_it_is_for(pages: ModuleType) -> None:
    floors = {"": Path()} | {f"{floor}/": Path(floor) for floor in pages.FLOORS}
    named, folder = [], Path()
    for line in pages.tree().splitlines():
        if match := re.match(r"(\w+/)  \S", line):
            folder = floors[match[1]]
        elif match := re.match(r"  (\S+\.py) +\S", line):
            named.append(folder / match[1])
    assert sorted(named) == sorted(modules())


def test_every_module_stands_in_one_page_of_the_reference(pages: ModuleType) -> None:
    text = "\n".join(map(pages.api, ("", *pages.FLOORS)))
    names = (".".join(("modnets", *path.with_suffix("").parts)) for path in modules())
    assert sorted(re.findall(r"automodule:: (\S+)", text)) == sorted(names)


def test_contributing_names_every_floor(pages: ModuleType) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert tuple(re.findall(r"^\| `(\w+)/`", text, flags=re.MULTILINE)) == pages.FLOORS
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders == set(pages.FLOORS)


def rows(table: str) -> list[str]:
    """First cells of a table, of names in code."""
    return re.findall(r"^\| `([^`]+)`", table, flags=re.MULTILINE)


def test_every_setting_column_word_and_public_name_is_listed(pages: ModuleType) -> None:
    assert rows(pages.settings()) == [field.name for field in fields(RunConfig)]
    assert rows(pages.columns()) == schema().names
    words = re.findall(r"^`(.+)`\n: \S", pages.glossary(), flags=re.MULTILINE)
    assert sorted(words) == sorted(GLOSSARY)
    public = re.findall(r"^\| (?:\{py:obj\})?`(\w+)", pages.public_names(), flags=re.MULTILINE)
    assert public == [name for space in NAMESPACES for name in exports(space)]


def test_the_gallery_shows_the_figure_of_every_notebook(pages: ModuleType) -> None:
    text = pages.gallery()
    stems = [path.stem for path in sorted(NOTEBOOKS.glob("*.ipynb"))]
    assert re.findall(r"^\[(\w+)\]\(notebooks/\1\.ipynb\)$", text, flags=re.MULTILINE) == stems
    shown = re.findall(r"!\[(\w+)\]\(figures/\1\.png\)\]\(notebooks/\1\.ipynb\)", text)
    assert shown == [stem for stem in stems if (FIGURES / f"{stem}.png").exists()]


def test_every_page_stands_in_the_table_of_contents() -> None:
    entries = (DOCS / "index.md").read_text().split()
    assert [path.stem for path in DOCS.glob("*.md") if path.stem not in (*entries, "index")] == []
