"""How long notebooks take: the CSV that plans tell from, and what writes it."""

from pathlib import Path

import nbformat
import pytest

from modnets.__main__ import main
from modnets.commands import notebook as command
from modnets.commands.timings import FILE, durations, record, runs_of
from modnets.hardware import cores, cpu_name
from modnets.paths import FIGURES

TIMES = 'name,value,unit,runs,machine\nfirst,90,s,3,"2 cores, x"\nsecond,5,ms,,x\n'


def executed(path: Path, *lines: str) -> Path:
    """A notebook that has printed these lines to its standard error, a cell each."""
    cells = []
    for line in lines:
        stream = nbformat.v4.new_output("stream", name="stderr", text=f"{line}\n")
        cells.append(nbformat.v4.new_code_cell("1", outputs=[stream]))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_a_time_is_written_into_its_row_or_a_new_one_and_nothing_else_changes(
    tmp_path: Path,
) -> None:
    (tmp_path / FILE).write_text(TIMES)
    record(tmp_path, "first", 61.6, 1200)
    record(tmp_path, "third", 7.2, 0)
    machine = f'"{cores()} cores, {cpu_name()}"'
    rows = f"first,62,s,1200,{machine}\nsecond,5,ms,,x\nthird,7,s,,{machine}\n"
    assert (tmp_path / FILE).read_text() == f"name,value,unit,runs,machine\n{rows}"
    assert durations(tmp_path) == {"first": 62, "third": 7}


def test_the_committed_times_are_kept_as_they_are_written(tmp_path: Path) -> None:
    text = (FIGURES / FILE).read_text()
    (tmp_path / FILE).write_text(text)
    record(tmp_path, "new", 1, 0)
    assert (tmp_path / FILE).read_text().startswith(text)


def test_runs_are_those_of_sweeps_that_came_to_their_end(tmp_path: Path) -> None:
    lines = ["8 of 12 runs done, 4 to do, 9.0 runs/s", "12 of 12 runs done, 0 to do, 9.0 runs/s"]
    lines += ["110 of 10 runs done, 0 to do", "30 of 30 runs done, 0 to do, 2.0 runs/s, 0 s left"]
    assert runs_of(executed(tmp_path / "one.ipynb", *lines)) == 12 + 30
    assert runs_of(executed(tmp_path / "none.ipynb")) == 0


def test_times_are_written_after_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parameters = f"figure_folder: str = {str(tmp_path)!r}  # where the figure goes"
    work = """import sys
from pathlib import Path
print('7 of 7 runs done, 0 to do', file=sys.stderr)
for suffix in (".svg", ".png", ".csv"):
    (Path(figure_folder) / f"first{suffix}").write_text("drawn")"""
    cells = [
        nbformat.v4.new_markdown_cell("# How long?\n\nText."),
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(work),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "first.ipynb")
    (tmp_path / FILE).write_text(TIMES)
    monkeypatch.setattr(command, "FIGURES", tmp_path)
    words = ["notebook", "run", "first", "--folder", str(tmp_path)]
    words += ["--output", str(tmp_path / "copies")]
    assert main(words) == 0
    assert (tmp_path / FILE).read_text() == TIMES  # not asked for
    assert main([*words, "--times"]) == 0
    first, second = (tmp_path / FILE).read_text().splitlines()[1:]
    name, seconds, unit, runs, _ = first.split(",", 4)
    assert (name, unit, runs, second) == ("first", "s", "7", "second,5,ms,,x")
    assert 0 < int(seconds) != 90


def test_times_are_those_of_parameters_as_they_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in (["--quick"], ["-p", "seeds", "2"]):
        assert main(["notebook", "run", "generalization", "--times", *more]) == 2
        assert "allowed is without -p and --quick" in capsys.readouterr().err
    with pytest.raises(ValueError, match=r"timings.csv is missing"):
        record(tmp_path, "first", 1, 0)
