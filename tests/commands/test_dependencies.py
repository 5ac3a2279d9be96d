"""What a notebook depends on, against what is loaded when its names are used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from modnets.__main__ import main
from modnets.lazy import NAMESPACES, exports
from modnets.notebook_files import Notebook
from modnets.notebook_sources import files_of
from modnets.paths import PACKAGE, ROOT
from modnets.source_files import _direct as dependencies_of
from modnets.source_files import dependencies, file_of, imported


def notebook(path: Path, *cells: str) -> Notebook:
    """A notebook of code cells."""
    content = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(content, path)
    return Notebook(path)


def named(files: list[Path]) -> set[str]:
    return {str(path.relative_to(PACKAGE)) for path in files}


def test_a_name_brings_its_room_and_all_that_this_imports(tmp_path: Path) -> None:
    found = named(
        files_of(notebook(tmp_path / "a.ipynb", "import modnets as mn", "mn.draw_graph(3)"))
    )
    assert {
        "visuals/diagrams/task.py",
        "visuals/diagrams/layout.py",
        "tasks/gates.py",
        "errors.py",
    } <= found
    assert not {"visuals/plots.py", "experiments/sweep.py", "__init__.py"} & found


@pytest.mark.parametrize(
    ("line", "room"),
    [
        ("from modnets.paths import RESULTS", "paths.py"),
        ("from modnets.analysis import knowledge", "analysis/knowledge.py"),
        ("import modnets.visuals.heatmaps", "visuals/heatmaps.py"),
        ("def f():\n    from modnets.tasks.gates import gate", "tasks/gates.py"),
        ("import modnets as mn\nmn.plot.heatmap", "visuals/heatmaps.py"),
        ("import modnets as mn\nmn.analysis.knowledge_savings(mn.load)", "analysis/knowledge.py"),
        ("import modnets as m\nm.tasks.TASK_SETS", "tasks/named_graphs.py"),
        ("import modnets\nmodnets.models.MLP", "models/monolithic.py"),
        ("import modnets.plot\nmodnets.plot.ladder", "visuals/ladder.py"),
        ("import modnets.plot as figures\nfigures.ladder", "visuals/ladder.py"),
        ("from modnets import plot\nplot.ladder", "visuals/ladder.py"),
        ("from modnets import plot as p, draw\np.ladder", "visuals/diagrams/network.py"),
        ("from modnets.plot import heatmap as map", "visuals/heatmaps.py"),
        ("import modnets as mn\nmn.plot_heat", "visuals/heatmaps.py"),
        ("from modnets import plot_heat", "visuals/heatmaps.py"),
    ],
)
def test_every_way_to_import_counts(tmp_path: Path, line: str, room: str) -> None:
    if not (PACKAGE / room).exists():
        pytest.skip(f"no {room}")
    assert room in named(files_of(notebook(tmp_path / "a.ipynb", line)))


def test_what_compiled_code_is_made_of_counts(tmp_path: Path) -> None:
    found = named(files_of(notebook(tmp_path / "a.ipynb", "import modnets as mn\nmn.sweep([])")))
    assert "compiler/simd.h" in found


def test_every_file_of_the_package_that_is_no_python_is_read_by_one_that_is() -> None:
    others = {path for end in ("h", "js", "css") for path in PACKAGE.rglob(f"*.{end}")}
    assert len(others) > 3
    assert others <= set(dependencies(PACKAGE.rglob("*.py")))


def test_every_public_name_has_a_module() -> None:
    homes = [module for space in NAMESPACES for module, _ in exports(space).values()]
    homes = [module for module in homes if module != "modnets"]
    assert len(homes) > 100
    assert all(file_of(module) for module in homes)


def test_a_name_of_another_object_does_not_count(tmp_path: Path) -> None:
    lines = "import modnets as mn\nimport os as plot", "plot.ladder, mn.tasks.ladder, plot.plot.gap"
    assert files_of(notebook(tmp_path / "a.ipynb", *lines)) == []


def test_nothing_that_is_loaded_is_left_out(tmp_path: Path) -> None:
    code = "import modnets as mn\nmn.sweep, mn.plot.generalization, mn.draw, mn.analysis.choose"
    listing = "import sys; print(*(n for n in sys.modules if n.startswith('modnets.')))"
    out = subprocess.check_output([sys.executable, "-c", f"{code}\n{listing}"], text=True)
    loaded = {f"{name.removeprefix('modnets.').replace('.', '/')}.py" for name in out.split()}
    loaded = {name for name in loaded if (PACKAGE / name).is_file()}
    loaded -= {
        "lazy.py",
        "old_modules.py",
        "old_names.py",
        "plot.py",
    }  # how names are found changes no figure
    assert len(loaded) > 30
    assert loaded <= named(files_of(notebook(tmp_path / "a.ipynb", code)))


def test_the_command_lists_files_from_the_root(capsys: pytest.CaptureFixture) -> None:
    assert main(["notebook", "depends", "architectures"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "modnets/visuals/diagrams/network.py" in lines
    assert all((ROOT / line).is_file() for line in lines)
    assert main(["notebook", "depends", "architecture"]) == 2
    assert "did you mean 'architectures'?" in capsys.readouterr().err


def test_imports_found_in_the_text_are_those_of_the_syntax_tree() -> None:
    for path in PACKAGE.rglob("*.py"):
        found = {one for one in dependencies_of(path) if one.suffix == ".py"}
        assert found == set(imported(ast.parse(path.read_text(encoding="utf-8")))), path
