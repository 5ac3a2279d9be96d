"""Notebooks: clean in git, parameters that papermill sees, and a run with small ones."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import nbformat
import pytest
from papermill import execute_notebook, inspect_notebook

from modnets.commands.execution import own_kernel
from modnets.paths import NOTEBOOKS

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
ADVICE = "clean it with: make clean-notebooks"
KINDS = {"int", "float", "str", "list", "bool"}

#: Small values, those of ``--quick``; notebooks that are not there run with their defaults.
SMALL = json.loads((NOTEBOOKS / "quick.json").read_text())

every = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def tagged(notebook: nbformat.NotebookNode, tag: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", ())]


def test_there_are_notebooks() -> None:
    assert PATHS, f"no notebooks in {NOTEBOOKS}"
    assert set(SMALL) <= {path.stem for path in PATHS}


@every
def test_it_is_valid(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook.nbformat == 4
    assert all("id" in cell for cell in notebook.cells)


@every
def test_it_is_stored_without_outputs(path: Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type == "code":
            assert cell.outputs == [], ADVICE
            assert cell.execution_count is None, ADVICE
        assert not cell.get("attachments"), ADVICE


@every
def test_it_holds_no_foreign_metadata(path: Path) -> None:
    notebook = read(path)
    assert set(notebook.metadata) - {"modnets"} == {"kernelspec"}, ADVICE
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata.kernelspec) <= {"name", "display_name", "language"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags"}, ADVICE


@every
def test_papermill_sees_every_parameter(path: Path) -> None:
    cells = tagged(read(path), "parameters")
    assert len(cells) == 1, "one cell is tagged 'parameters'"
    assert cells[0].cell_type == "code"
    seen = inspect_notebook(str(path))
    statements = ast.parse(cells[0].source).body
    assert statements
    lines = cells[0].source.splitlines()
    for statement in statements:
        assert isinstance(statement, ast.AnnAssign), f"{ast.unparse(statement)}: name: kind = value"
        name, kind = ast.unparse(statement.target), ast.unparse(statement.annotation)
        assert kind in KINDS, f"{name}: {kind}"
        value = ast.literal_eval(statement.value)
        assert type(value).__name__ == kind, f"{name}: {kind} = {value!r}"
        assert statement.lineno == statement.end_lineno, f"{name}: more than one line"
        assert "#" in lines[statement.lineno - 1], f"{name}: no comment that says what it means"
        assert name in seen, f"{name}: papermill does not see it"
        assert seen[name]["inferred_type_name"] == kind
        assert ast.literal_eval(seen[name]["default"]) == value
        assert seen[name]["help"].strip()
    assert len(seen) == len(statements)


@every
def test_it_asks_a_question_and_checks_its_answer(path: Path) -> None:
    notebook = read(path)
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    assert len(tagged(notebook, "checks")) >= 1
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    nodes = list(ast.walk(ast.parse(code)))
    assert not [node for node in nodes if isinstance(node, ast.ClassDef)]
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
    assert [f.name for f in functions if f.end_lineno - f.lineno >= 10] == []


def places() -> list[tuple[Path, str]]:
    """Every notebook from a folder that is not the repository's; a quick one from there too."""
    return [(path, "elsewhere") for path in PATHS] + [(NOTEBOOKS / "architectures.ipynb", "root")]


@pytest.mark.execute
@pytest.mark.parametrize(("path", "place"), places(), ids=lambda part: getattr(part, "stem", part))
def test_it_runs_from_any_folder(
    path: Path, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = inspect_notebook(str(path))
    small = SMALL.get(path.stem, {})
    assert set(small) <= set(known)
    folders = {"figure_folder": tmp_path / "figures", "store": tmp_path / "store"}
    small = small | {name: str(folder) for name, folder in folders.items() if name in known}
    assert "figure_folder" in small
    working = NOTEBOOKS.parent if place == "root" else tmp_path
    monkeypatch.chdir(working)
    monkeypatch.delenv("MPLBACKEND")  # the notebook draws as it does in JupyterLab
    copy = tmp_path / "copy.ipynb"
    before = sorted(NOTEBOOKS.parent.glob("*")), sorted(working.glob("*"))
    with own_kernel():
        execute_notebook(
            str(path), str(copy), small, cwd=str(working), progress_bar=False, execution_timeout=300
        )
    done = read(copy)
    ran = [cell for cell in done.cells if cell.cell_type == "code" and cell.source.strip()]
    assert all(cell.execution_count for cell in ran)
    assert not [out for cell in ran for out in cell.outputs if out.output_type == "error"]
    written = {file.suffix for file in folders["figure_folder"].glob("*") if file.stat().st_size}
    assert written == {".svg", ".png", ".csv", ".json"}
    ours = {copy, *folders.values()}
    assert [p for p in working.glob("*") if p not in before[1] and p not in ours] == []
    assert sorted(NOTEBOOKS.parent.glob("*")) == before[0]
