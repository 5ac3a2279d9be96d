"""Notebooks in batch: what papermill lets pass, ``modnets notebook run`` does not."""

import contextlib
import importlib
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

from modnets.__main__ import main
from modnets.commands import notebook as command
from modnets.commands.execution import own_kernel, stale
from modnets.notebook_files import Notebook, Parameter
from modnets.notebook_format import without
from modnets.paths import FIGURES

PARAMETERS = """depth: int = 2  # levels of the graph
rate: float = 1  # learning rate, per step
name: str = "dense"  # kind of network
fast: bool = False  # a smoke run
rows: list = [4, 8]  # rows shown
figure_folder: str = ""  # where the figure goes; empty: figures/"""
DRAW = """from pathlib import Path
for suffix in (".svg", ".png", ".csv"):
    (Path(figure_folder) / f"{NAME}{suffix}").write_text("drawn")"""

GOOD = [
    "import json, os, sys",
    "print('half way', file=sys.stderr)",
    "print(json.dumps([sys.executable, os.getcwd(), depth, rate, name, fast, rows]))",
]
HIDDEN = ["from ipywidgets import Output\nwith Output():\n    1 / 0"]
CELLS = {
    "good": [*GOOD, DRAW],
    "hidden": [*HIDDEN, DRAW],
    "no_figure": [DRAW.replace(".csv", ".pdf")],
    "left_early": [DRAW, "import sys\nsys.exit(0)", "1 + 1"],
    "raises": ["raise RuntimeError('out of luck')", DRAW],
    "thread": [
        "import threading\nt = threading.Thread(target=lambda: 1 / 0)\nt.start()\nt.join()",
        DRAW,
    ],
}


def write(folder, name, cells, parameters=PARAMETERS):
    """A notebook like those of modnets: question, parameters, cells; without outputs."""
    cells = [nbformat.v4.new_code_cell(c.replace("{NAME}", name)) for c in cells]
    tagged = nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})
    heading = nbformat.v4.new_markdown_cell(f"# How does {name} end?\n\nText.")
    content = nbformat.v4.new_notebook(cells=[heading, tagged, *cells])
    nbformat.write(content, folder / f"{name}.ipynb")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notebooks")
    for name, cells in CELLS.items():
        write(folder, name, cells)
    return folder


@pytest.fixture(scope="module")
def ran(folder, tmp_path_factory):
    """All notebooks run once, from another working folder."""
    work = tmp_path_factory.mktemp("work")
    (work / "drawn").mkdir()
    words = ["-p", "depth", "3", "-p", "rows", "16,32", "-p", "fast", "true"]
    words += ["-p", "figure_folder", "drawn", "--output", str(work / "a" / "b")]
    words += ["--timeout", "120"]  # a message lost between processes is no reason to wait for ever
    out, err = io.StringIO(), io.StringIO()
    with contextlib.chdir(work), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["notebook", "run", "all", "--folder", str(folder), *words])
    return SimpleNamespace(
        code=code, out=out.getvalue(), err=err.getvalue(), work=work, copies=work / "a" / "b"
    )


def test_a_failed_notebook_does_not_stop_the_others_and_is_listed(ran):
    assert ran.code == 1
    last = ran.err.splitlines()[-1]
    assert last == "5 of 6 notebooks failed: hidden, left_early, no_figure, raises, thread"
    assert [line.split(":")[0] for line in ran.out.splitlines()] == ["good"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("hidden", "inside an Output widget: ZeroDivisionError: division by zero"),
        ("no_figure", "no_figure.csv is missing"),
        ("left_early", "code cell 4: SystemExit: 0"),
        ("left_early", "code cells that never ran: 5"),
        ("raises", "RuntimeError: out of luck"),
        ("thread", "Exception in thread"),
    ],
)
def test_what_went_wrong_is_said(ran, name, problem):
    start = ran.err.index(f"{name}: running")
    assert problem in ran.err[start:].split(": running", 2)[1]


def test_a_good_run_gets_its_parameters_this_python_and_its_own_folder(ran, folder):
    cells = nbformat.read(ran.copies / "good.ipynb", as_version=4).cells
    printed = next(o.text for c in cells for o in c.get("outputs", ()) if o.get("name") == "stdout")
    assert json.loads(printed) == [sys.executable, str(folder), 3, 1, "dense", True, [16, 32]]


def test_progress_is_passed_through_and_nothing_else(ran):
    before_next = ran.err[: ran.err.index("hidden: running")].splitlines()
    assert before_next[1:] == ["half way"]


def test_a_relative_figure_folder_is_the_shells(ran):
    drawn = ran.work / "drawn"
    assert f"-> {drawn / 'good.svg'} {drawn / 'good.png'} {drawn / 'good.csv'}" in ran.out


def test_sources_stay_without_outputs(ran, folder):
    for path in folder.glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells
        assert not any(cell.get("outputs") for cell in cells)


def test_list_shows_question_parameters_and_figure(folder, capsys):
    assert main(["notebook", "list", "--folder", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("good: How does good end?")
    assert "-p rows [4, 8]" in lines[start + 5]
    assert lines[start + 5].endswith("rows shown")
    assert lines[start + 7].strip() == "figure: figures/good (.svg, .png, .csv)"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["runn", "good"], "unknown action 'runn', did you mean 'run'?"),
        (["run"], "run needs the name of a notebook, or all"),
        (["run", "god"], "unknown notebook 'god', did you mean 'good'?"),
        (["run", "good", "-p", "depht", "3"], "unknown parameter 'depht', did you mean 'depth'?"),
        (["run", "all", "-p", "depht", "3"], "unknown parameter 'depht', did you mean 'depth'?"),
        (["run", "good", "-p", "depth", "3.5"], "parameter depth='3.5'; allowed is a whole number"),
        (["run", "good", "-p", "rate", "fast"], "parameter rate='fast'; allowed is a number"),
        (["run", "good", "-p", "fast", "maybe"], "fast='maybe'; allowed is true or false"),
        (["run", "good", "-p", "rows", "4,x"], "parameter rows='4,x'; allowed is a list"),
        (["run", "good", "-p", "rows", "[1, 2"], "parameter rows='[1, 2'; allowed is a list"),
        (["run", "good", "-p", "depth"], "-p/--parameter: expected 2 arguments"),
        (["run", "good", "--ouput", "x"], "unknown flag '--ouput', did you mean '--output'?"),
        (["run", "good", "--timeout", "0"], "--timeout=0; allowed is at least 1"),
        (["run", "good", "--output", "."], "is the folder of the notebooks; allowed is any other"),
    ],
)
def test_wrong_use_is_one_line_and_runs_nothing(words, message, folder, capsys, monkeypatch):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    assert main(["notebook", *words, "--folder", str(folder)]) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert (out, err.count("\n")) == ("", 1)
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("kind", "default", "text", "value"),
    [
        ("int", 2, "-3", -3),
        ("float", 1.0, "1e-3", 0.001),
        ("bool", True, "False", False),
        ("str", "a", "[1, 2]", "[1, 2]"),
        ("list", [1], "[1,2]", [1, 2]),
        ("list", [1], "(1, 2)", [1, 2]),
        ("list", [1], "7", [7]),
        ("list", [0.5], "1,0.25", [1, 0.25]),
        ("list", ["a"], "dense,shared", ["dense", "shared"]),
        ("list", ["a"], '["dense"]', ["dense"]),
        ("list", [], "1,b", [1, "b"]),
    ],
)
def test_values_take_the_type_of_the_default(kind, default, text, value):
    read = Parameter("p", kind, default, "").read(text)
    assert read == value
    assert type(read) is type(value)


def test_all_hands_a_parameter_to_those_that_have_it(tmp_path, monkeypatch):
    write(tmp_path, "one", [], parameters="depth: int = 2  # levels\nwidth: int = 3  # units")
    write(tmp_path, "two", [], parameters="depth: int = 2  # levels")
    given = {}

    def run_notebook(notebook, copy, values, timeout):
        given[notebook.name] = values
        return []

    monkeypatch.setattr("modnets.commands.execution.run_notebook", run_notebook)
    words = [["depth", "5"], ["width", "7"]]
    assert command.run(tmp_path, "all", words, tmp_path / "out") == 0
    assert given == {"one": {"depth": 5, "width": 7}, "two": {"depth": 5}}


def test_a_figure_of_last_week_is_not_this_runs(tmp_path):
    files = [tmp_path / "old.svg", tmp_path / "new.svg", tmp_path / "none.svg"]
    for path, time in zip(files[:2], (1000, 5000), strict=True):
        path.touch()
        os.utime(path, (time, time))
    assert stale(files, 5000) == [
        f"figure {files[2]} is missing",
        f"figure {files[0]} was not written by this run",
    ]


def test_figures_go_to_the_repository_unless_another_folder_is_named(tmp_path):
    write(tmp_path, "one", [])
    notebook = Notebook(tmp_path / "one.ipynb")
    assert notebook.figure_files({})[0] == FIGURES / "one.svg"
    assert notebook.figure_files({"figure_folder": "/x"})[0].as_posix() == "/x/one.svg"
    assert notebook.figure_files({"scale": "small"})[0] == FIGURES / "one.svg"
    assert notebook.figure_files({"scale": "full"})[0] == FIGURES / "one_full.svg"
    assert notebook.figure_files({"scale": "full", "figure_name": "x"})[0] == FIGURES / "x.svg"


def test_a_file_that_is_no_notebook_is_named(tmp_path, capsys):
    (tmp_path / "bad.ipynb").write_text("{")
    assert main(["notebook", "run", "bad", "--folder", str(tmp_path)]) == 2
    assert "bad.ipynb is no notebook" in capsys.readouterr().err


def test_a_folder_without_notebooks_is_said(tmp_path, capsys):
    assert main(["notebook", "run", "all", "--folder", str(tmp_path)]) == 2
    assert f"no notebooks in {tmp_path}" in capsys.readouterr().err


def test_the_kernel_is_this_python_even_where_the_user_has_another(tmp_path, monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager

    other = tmp_path / "kernels" / "python3"
    other.mkdir(parents=True)
    spec = {"argv": ["/elsewhere/python"], "display_name": "x", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    assert KernelSpecManager().get_kernel_spec("python3").argv[0] == "/elsewhere/python"
    with own_kernel():
        assert KernelSpecManager().get_kernel_spec("python3").argv[0] == sys.executable
    assert os.environ["JUPYTER_PATH"] == str(tmp_path)


def test_what_a_killed_runner_leaves_is_cleared_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = """if True:
        import os, signal, sys, tempfile
        tempfile.tempdir = sys.argv[1]
        from jupyter_client.connect import write_connection_file
        from modnets.commands.execution import own_kernel
        with own_kernel():
            print(write_connection_file()[0], flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-c", code, str(tmp_path)]
    left = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    assert Path(left).exists()
    (folder,) = tmp_path.iterdir()
    assert folder in Path(left).parents
    assert folder.stat().st_mode & 0o077 == 0
    with own_kernel():
        assert not folder.exists()
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []
    assert tempfile.tempdir == str(tmp_path)


def test_small_values_stand_beside_the_notebooks(tmp_path, monkeypatch, capsys):
    write(tmp_path, "good", [*GOOD, "from modnets.errors import shown", DRAW])
    monkeypatch.setattr(command, "QUICK", tmp_path / "quick")
    (tmp_path / "quick" / "figures").mkdir(parents=True)
    small = tmp_path / "quick.json"
    small.write_text(json.dumps({"good": {"depth": 1, "rows": [4]}}))
    words = ["notebook", "run", "good", "--folder", str(tmp_path), "--quick"]
    needed = tmp_path / "needed"
    assert main([*words, "-p", "rows", "8,16", "--depends", str(needed)]) == 0
    told = capsys.readouterr().out
    assert main(["notebook", "depends", *words[2:5]]) == 0
    assert "modnets/errors.py" in needed.read_text()
    assert needed.read_text() == capsys.readouterr().out
    assert str(tmp_path / "quick" / "figures" / "good.svg") in told
    copy = nbformat.read(tmp_path / "quick" / "notebooks" / "good.ipynb", 4)
    printed = next(
        output.text
        for cell in copy.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stdout"
    )
    assert json.loads(printed)[2:] == [1, 1, "dense", False, [8, 16]]
    for wrong, message in (
        ("[", "cannot be read"),
        ('{"good": {"dept": 1}}', "no parameter 'dept'"),
    ):
        small.write_text(wrong)
        assert main(words) == 2
        assert message in capsys.readouterr().err


def test_a_plan_tells_the_times_of_notebooks_in_the_order_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("first", "second", "third"):
        write(tmp_path, name, [DRAW])
    times = "name,value,unit,runs,machine\nfirst,90,s,3,x\nsecond,200,s,,x\nthird,5,ms,,x\n"
    (tmp_path / "timings.csv").write_text(times)
    monkeypatch.setattr(command, "FIGURES", tmp_path)
    words = ["notebook", "plan", "third,second,first", "--folder", str(tmp_path)]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines() == [
        "3 notebooks to run, about 3 min on 2 cores",
        "         third: How does third end?",
        "  200 s  second: How does second end?",
        "   90 s  first: How does first end?",
    ]
    assert main([*words, "--quick"]) == 0
    assert capsys.readouterr().out.startswith("3 notebooks to run\n")
    assert main(["notebook", "plan", "first,frist", "--folder", str(tmp_path)]) == 2
    assert "unknown notebook 'frist', did you mean 'first'?" in capsys.readouterr().err
    (tmp_path / "timings.csv").unlink()
    assert command.planned(tmp_path, ["first"]).startswith("1 notebook to run\n")


def test_the_grammar_of_web_addresses_is_not_built() -> None:
    code = "import sys, modnets.notebook_files\n"
    code += "assert 'jsonschema' in sys.modules and 'rfc3987_syntax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_library_that_is_there_already_stays() -> None:
    with without("json"):
        assert sys.modules["json"] is json
    with pytest.raises(ImportError), without("wave"):
        importlib.import_module("wave")
    assert importlib.import_module("wave").__name__ == "wave"
