"""How the house is built: floors, public names, one list of packages."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from modnets.lazy import NAMESPACES, exports
from modnets.paths import ROOT

PACKAGE = ROOT / "modnets"
ROOMS = sorted(PACKAGE.rglob("*.py"))
FLOORS = ("compiler", "tasks", "models", "config", "training", "experiments", "benchmarks")
FLOORS += (
    "analysis",
    "discovery",
    "visuals",
    "reports",
    "explorer",
    "",
    "commands",
    "glossary",
    "__main__",
)
GROUND = ("amounts", "annotations", "checked", "errors", "figure_records", "fork_server")
GROUND += ("hardware", "imports", "lazy")
GROUND += ("leftovers", "notebook_files", "notebook_format", "notebook_sources", "notices")
GROUND += ("old_modules", "old_names", "parameters", "paths", "plot", "provenance", "runs_read")
GROUND += ("source_files", "table_errors", "terms", "values", "worker_process")


def name_of(path: Path) -> str:
    """``modnets.tasks.graphs`` for the file of that room."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {name_of(path) for path in ROOMS}


def height(room: str) -> int:
    """-1 for the ground, then the floors; ``modnets`` itself, the public names, below commands."""
    floor = [*room.split("."), ""][1]
    return -1 if floor in GROUND else FLOORS.index(floor)


def imports(tree: ast.AST, room: str, is_package: bool) -> set[str]:
    """Rooms of the house that a file imports, also inside functions; types alone do not count."""
    found = set()
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes += node.orelse
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                up = node.level - is_package
                above = room.split(".")[: -up or None]
                base = ".".join([*above, *([base] if base else [])])
            rooms = {f"{base}.{alias.name}" for alias in node.names}
            rooms &= NAMES
            found |= rooms or {base}
        nodes += ast.iter_child_nodes(node)
    return {name for name in found if name.split(".")[0] == "modnets"}


def climbs(source: str, room: str, is_package: bool = False) -> list[str]:
    """Imports of a file that go up."""
    wanted = imports(ast.parse(source), room, is_package)
    return sorted(name for name in wanted if height(name) > height(room))


@pytest.mark.parametrize("path", ROOMS, ids=name_of)
def test_imports_go_down_only(path: Path) -> None:
    room = name_of(path)
    assert climbs(path.read_text(), room, path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("room", "line", "is_package"),
    [
        ("modnets.tasks.graphs", "from modnets.config.run_config import RunConfig", False),
        ("modnets.tasks.graphs", "def f():\n    import modnets.visuals.plots", False),
        ("modnets.tasks.graphs", "from ..models import modular", False),
        ("modnets.tasks", "from ..models.modular import ModularNetwork", True),
        ("modnets.tasks.graphs", "import modnets as mn", False),
        ("modnets.errors", "from modnets.tasks.gates import gate", False),
        ("modnets.visuals.plots", "from modnets import RunConfig", False),
        ("modnets", "from modnets.commands import notebook", True),
    ],
)
def test_an_import_that_goes_up_is_found(room: str, line: str, is_package: bool) -> None:
    assert climbs(line, room, is_package) != []


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("modnets.visuals.plots", "from modnets.analysis import statistics"),
        ("modnets.models.modular", "from .routing import Routing"),
        ("modnets.models.registry", "if TYPE_CHECKING:\n    from modnets.training import config"),
        ("modnets.commands.train", "import modnets as mn"),
    ],
)
def test_an_import_that_goes_down_is_not(room: str, line: str) -> None:
    assert climbs(line, room) == []


# Public names


def public() -> list[tuple[str, str]]:
    """(module, name) of each definition that a public name stands for."""
    found = {entry for space in NAMESPACES for entry in exports(space).values()}
    return sorted(entry for entry in found if ".".join(entry) not in NAMESPACES)


@pytest.mark.parametrize(("module", "name"), public())
def test_public_names_are_documented(module: str, name: str) -> None:
    thing = getattr(importlib.import_module(module), name)
    if inspect.isclass(thing) or inspect.isroutine(thing):
        text = thing.__doc__ or ""
        text = "" if text.startswith(f"{name}(") else text  # as dataclasses write
        assert text, "no docstring"
    else:
        lines = Path(inspect.getfile(importlib.import_module(module))).read_text().splitlines()
        numbers = [n for n, line in enumerate(lines) if re.match(rf"{name}\b.* = ", line)]
        assert any(lines[n - 1].startswith("#:") for n in numbers), "no '#:' comment above it"


@pytest.mark.parametrize("path", ROOMS, ids=name_of)
def test_every_room_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


# Packages


def test_environment_yml_follows_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["name"] == project["name"]
    assert environment["dependencies"] == [
        "python" + project["requires-python"],
        "pip",
        {"pip": ["-e .[dev]"]},
    ]
    assert "dev" in project["optional-dependencies"]


def test_torch_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    torch = [line for line in project["dependencies"] if line.startswith("torch")]
    assert len(torch) == 1
    assert re.fullmatch(r"torch==\d+\.\d+\.\d+", torch[0])


def test_every_package_that_is_imported_stands_in_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    stated = {re.match(r"[\w-]+", line).group() for lines in lists for line in lines}
    # What these bring along is theirs to state.
    stated |= {"modnets", "nbformat", "ipykernel", "IPython", "jupyter_client", "nbconvert"}
    stated = {name.replace("-", "_") for name in stated} | {"sklearn", "yaml"}
    found = set()
    for path in ROOMS:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            if isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split(".")[0])
    assert found - set(sys.stdlib_module_names) - stated == set()


# Texts


def texts() -> list[Path]:
    """Text files of the project, as git knows them or, without git, as they lie there."""
    git = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard", "-z"]
    try:
        names = subprocess.run(git, capture_output=True, check=True).stdout.decode().split("\0")
        paths = [ROOT / name for name in names if name]
    except (OSError, subprocess.CalledProcessError):
        folders = ("modnets", "tests", "notebooks")
        paths = [path for folder in folders for path in (ROOT / folder).rglob("*")]
        paths += ROOT.glob("*.*")
    endings = {".py", ".md", ".toml", ".yml", ".yaml", ".ipynb", ".csv", ".svg", ""}
    return [path for path in paths if path.is_file() and path.suffix in endings]


def test_no_text_holds_a_path_of_one_machine() -> None:
    paths = texts()
    assert len(paths) > 20
    home = re.compile(r"(?<![\w.])/(home|root|Users|work|tmp)/\w|[A-Z]:\\+Users")
    found = []
    for path in paths:
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if home.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_no_module_is_part_of_a_circle_of_imports_not_even_of_types() -> None:
    waiting = {}
    for path in ROOMS:
        tree = ast.parse(path.read_text().replace("if TYPE_CHECKING:", "if True:"))
        waiting[name_of(path)] = imports(tree, name_of(path), path.name == "__init__.py")
    while free := [name for name, needed in waiting.items() if needed.isdisjoint(waiting)]:
        for name in free:
            del waiting[name]
    assert waiting == {}
