"""Provenance of figures: what their files carry, and what makes them out of date."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

import modnets as mn
from modnets import figure_records, provenance, runs_read
from modnets.__main__ import main
from modnets.experiments.result_digests import run_digests
from modnets.paths import NOTEBOOKS
from modnets.visuals.figure_info import FigureInfo, figure_info

RUNS = mn.grid(mn.RunConfig(graph="6-2-2", epochs=1, train_rows=8), seeds=range(3))
CELLS = (
    'seeds: int = 3  # runs\nfigure_folder: str = ""  # of the figure',
    "import modnets as mn\nmn.read_parameters(globals())",
    "results = mn.sweep(runs, store)\nmn.save_figure(figure, 'study', table, figure_folder)",
)
TABLE = pd.DataFrame({"a": [1.5, 2.0]})


@pytest.fixture(autouse=True)
def _nothing_read() -> Iterator[None]:
    runs_read.begin({})
    yield
    runs_read.begin({})


def write_notebook(path: Path, cells: tuple[str, ...] = CELLS, text: str = "# Why?") -> None:
    parts = [nbformat.v4.new_markdown_cell(text), *map(nbformat.v4.new_code_cell, cells)]
    for number, part in enumerate(parts):
        part["id"] = f"cell-{number}"
    nbformat.write(nbformat.v4.new_notebook(cells=parts), path)


def saved(folder: Path, **variables: object) -> list[Path]:
    """A figure saved as its notebook in a folder would."""
    namespace = {"In": ["", *CELLS], "seeds": 3, "figure_folder": "", **variables}
    mn.read_parameters(namespace)
    mn.sweep(RUNS, folder / "store", progress=False)
    figure = Figure(figsize=(2, 2))
    figure.add_subplot().plot([1, 2], [3, 4])
    return mn.save_figure(figure, "study", TABLE, folder / "figures")


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a notebook, the store of its runs, and its figure."""
    monkeypatch.chdir(tmp_path)
    write_notebook(tmp_path / "study.ipynb")
    saved(tmp_path)
    return tmp_path


def info(folder: Path, suffix: str = "svg") -> FigureInfo:
    return figure_info(folder / "figures" / f"study.{suffix}")


def test_all_files_carry_the_same_record(made: Path) -> None:
    svg, png, csv, beside = (made / "figures" / f"study.{s}" for s in ("svg", "png", "csv", "p"))
    record = json.loads(beside.with_suffix(".provenance.json").read_text())
    files = record.pop("files")
    for path in (svg, png, csv):
        assert files[path.name] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert figure_info(path).record == record
    purl = "{http://purl.org/dc/elements/1.1/}description"
    (description,) = ElementTree.parse(svg).getroot().iter(purl)
    assert json.loads(description.text or "") == record
    pd.testing.assert_frame_equal(pd.read_csv(csv), TABLE)


def test_the_record_names_version_state_runs_notebook_and_parameters(made: Path) -> None:
    record, keys = info(made).record, sorted(run.key for run in RUNS)
    assert record["modnets"] == mn.__version__
    assert {name: record[name] for name in ("git_commit", "git_clean")} == provenance.code_state()
    assert record["made_by"]["file"] == "../study.ipynb"
    assert record["parameters"] == {"seeds": 3}
    assert record["runs"] == 3
    by_hand = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32]
    assert record["settings"] == by_hand
    assert record["stores"] == [
        {"folder": "../store", **{n: record[n] for n in ("runs", "settings", "results")}}
    ]
    (kept,) = (made / "store").glob("keys-*.txt")
    assert kept.name == f"keys-{by_hand[:16]}.txt"
    assert kept.read_text().split() == keys


def test_the_same_figure_is_the_same_bytes_and_up_to_date(made: Path) -> None:
    before = {path.name: path.read_bytes() for path in (made / "figures").iterdir()}
    assert info(made).verdict == "up to date"
    saved(made)
    assert {path.name: path.read_bytes() for path in (made / "figures").iterdir()} == before


def test_texts_outputs_and_other_runs_change_nothing(made: Path) -> None:
    write_notebook(made / "study.ipynb", text="# Another question?")
    more = mn.grid(RUNS[0], seeds=range(9, 11))
    mn.sweep(more, made / "store", progress=False)
    mn.Store(made / "store").compact(whole=True)
    assert info(made).up_to_date is True


def test_other_code_other_results_and_other_files_are_told(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_notebook(made / "study.ipynb", (*CELLS[:2], CELLS[2] + "\nlast = 1"))
    assert info(made).verdict == "not up to date: the code of ../study.ipynb has changed"
    write_notebook(made / "study.ipynb")
    with monkeypatch.context() as patch:
        patch.setattr(figure_records, "digest_of_files", lambda paths: "other")
        assert "code of the package that it reaches has changed" in info(made).changes
    with open(made / "figures" / "study.csv", "a") as file:
        file.write("3\n")
    assert info(made, "csv").changes == ["the file has changed since it was written"]
    assert info(made).up_to_date is True
    shutil.rmtree(made / "store")
    assert info(made).unknown == ["the store ../store is not here"]
    assert info(made).up_to_date is None
    mn.sweep(RUNS[:2], made / "store", progress=False)
    assert "does not say which runs" in info(made).verdict
    mn.Store(made / "store").keep_keys([run.key for run in RUNS])
    assert info(made).changes == ["1 of 3 runs are not in ../store"]
    (made / "study.ipynb").unlink()
    assert "../study.ipynb is not here" in info(made).unknown


def test_other_results_of_the_same_runs_are_told(made: Path, tmp_path: Path) -> None:
    store = mn.Store(made / "store")
    raw = pd.concat([pd.read_parquet(path) for path in store.files()])
    for path in store.files():
        path.unlink()
    store.write(raw.assign(test_bit_accuracy=raw["test_bit_accuracy"] + 0.25), {})
    assert info(made).changes == ["results in ../store have changed"]


def test_a_list_of_runs_that_has_changed_is_a_problem_of_its_store(
    made: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["results", "verify", str(made / "store")]) == 0
    (kept,) = (made / "store").glob("keys-*.txt")
    kept.write_text(kept.read_text()[:17])
    assert main(["results", "verify", str(made / "store")]) == 1
    assert f"{kept.name}: its content has changed" in capsys.readouterr().err
    assert "does not say which runs" in info(made).verdict


def test_no_parameter_names_a_folder_of_this_machine(made: Path) -> None:
    cell = 'store: str = ""  # of the results\nname: str = "a/b"  # of a task'
    namespace = {"In": [cell], "store": str(made / "store"), "name": "a/b"}
    mn.read_parameters(namespace)
    record = figure_records.record_of("study", made / "figures")
    assert record["parameters"] == {"store": "../store", "name": "a/b"}


def test_runs_without_a_store_and_no_notebook(tmp_path: Path) -> None:
    mn.sweep(RUNS, progress=False)
    mn.train(RUNS[0], progress=False)
    (path, *_) = mn.save_figure(plt.figure(), "one", folder=tmp_path)
    plt.close("all")
    found = figure_info(path)
    assert found.record["stores"][0]["folder"] is None
    assert found.record["runs"] == 3
    assert found.record["made_by"] is None
    assert found.unknown == [
        "the notebook or script that made it is not known",
        "no store keeps 3 runs in memory",
    ]


def test_a_script_is_found_and_one_of_a_package_is_not(tmp_path: Path) -> None:
    script = tmp_path / "study.py"
    script.write_text("import modnets as mn\nmn.plot.overview\n")
    assert figure_records.script_of({"__file__": str(script)}) == script
    assert figure_records.script_of({"__file__": pytest.__file__}) is None
    assert figure_records.script_of(vars(sys)) is None
    before = figure_records.code_of(script)
    script.write_text("import modnets as mn\nmn.plot.overview  # said\n")
    after = figure_records.code_of(script)
    assert after["package"] == before["package"]
    assert after["code"] != before["code"]


def test_the_notebook_is_the_one_whose_cells_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert figure_records.notebook_of(CELLS, {}) is None
    write_notebook(tmp_path / "a.ipynb", CELLS[:1])
    assert figure_records.notebook_of(CELLS, {}) is None  # less than half of them
    write_notebook(tmp_path / "study.ipynb")
    write_notebook(tmp_path / "study-Copy1.ipynb")
    assert figure_records.notebook_of(CELLS, {}) == tmp_path / "study.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", "work/study-Copy1.ipynb")
    assert figure_records.notebook_of(CELLS, {}) == tmp_path / "study-Copy1.ipynb"
    code = figure_records.Notebook(NOTEBOOKS / "explorer.ipynb").code
    injected = [code[0], "# Parameters\nruns = 2", *code[1:]]
    assert figure_records.notebook_of(injected, {}) == NOTEBOOKS / "explorer.ipynb"


def test_digests_depend_on_numbers_alone() -> None:
    table = pd.DataFrame(
        {"run": ["b", "a", "a"], "lr": [1.0, 2.0, 2.0], "epoch": [0, 0, 1], "x": [1.0, np.nan, 3.0]}
    )
    digests = run_digests(table)
    assert set(digests) == {"a", "b"}
    assert run_digests(table[::-1]) == digests
    assert run_digests(table.assign(lr=7.0, later=np.nan, word="w")) == digests
    changed = run_digests(table.assign(x=[1.0, np.nan, 3.0000001]))
    assert changed["b"] == digests["b"]
    assert changed["a"] != digests["a"]
    assert run_digests(table.drop(columns="run")) == {}


# The command


def test_the_command_prints_all_of_it(made: Path, capsys: pytest.CaptureFixture) -> None:
    files = [str(made / "figures" / f"study.{suffix}") for suffix in ("svg", "csv")]
    assert main(["figure", "info", *files]) == 0
    out = capsys.readouterr().out
    for line in ("made by   ../study.ipynb", "seeds = 3", f"modnets   {mn.__version__}"):
        assert out.count(line) == 2
    assert "3 runs in ../store" in out
    assert out.splitlines()[-1] == "  up to date"
    write_notebook(made / "study.ipynb", (*CELLS, "more = 1"))
    assert main(["figure", "info", files[0]]) == 1
    assert "not up to date" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "what to do is missing; allowed: info"),
        (["inf"], "unknown action 'inf', did you mean 'info'?"),
        (["info"], "info takes figures; given: none"),
        (["info", "none.svg"], "file='none.svg' cannot be read (No such file or directory)"),
        (["info", "none.pdf"], "file='none.pdf'; allowed is a figure in .svg, .png, .csv"),
        (["info", "bare.svg"], "file='bare.svg' carries no provenance"),
        (["info", "bare.png"], "file='bare.png' carries no provenance"),
        (["info", "bare.csv"], "file='bare.csv' carries no provenance"),
        (["info", "bare.provenance.json"], "carries no provenance"),
    ],
)
def test_wrong_use_is_one_line(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    for suffix in ("svg", "png"):
        plt.figure().savefig(f"bare.{suffix}")
    plt.close("all")
    Path("bare.csv").write_text("a\n1\n")
    Path("bare.provenance.json").write_text("[3]")
    assert main(["figure", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("modnets figure: ")
    assert message in err
