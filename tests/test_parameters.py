"""Parameters of notebooks: words that stand for values, lists above all."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

import modnets as mn
from modnets.parameters import Parameter
from modnets.paths import NOTEBOOKS

CELL = """graphs: list = ["6-2-2", "6-3-2-2"]  # tasks
train_rows: list = [4, 8]  # rows
shares: list = [0.5, 1.0]  # shares
guess: list = [["AND 0 1"], ["XOR 0 1"]]  # nested
peers: list = []  # commands
epochs: int = 1000  # passes
lr: float = 0.01  # rate
usual: bool = True  # switch
store: str = ""  # folder"""


def given(**values):
    """What the cells after the parameters see, where papermill hands over these values."""
    space = {"In": ["", CELL, "# Parameters", "import modnets as mn"]}
    exec(CELL, space)
    space.update(values)
    mn.read_parameters(space)
    return {name: space[name] for name in values}


@pytest.mark.parametrize(
    ("name", "value", "meant"),
    [
        ("graphs", "6-2-2", ["6-2-2"]),
        ("graphs", "6-2-2,6-3-2-2", ["6-2-2", "6-3-2-2"]),
        ("graphs", "6-2-2, 6-3-2-2", ["6-2-2", "6-3-2-2"]),
        ("graphs", '["6-2-2"]', ["6-2-2"]),
        ("graphs", ["6-2-2"], ["6-2-2"]),
        ("graphs", ("6-2-2",), ["6-2-2"]),
        ("graphs", "12", ["12"]),
        ("train_rows", 8, [8]),
        ("train_rows", "8", [8]),
        ("train_rows", "8,16", [8, 16]),
        ("train_rows", "[8, 16]", [8, 16]),
        ("train_rows", "(8, 16)", [8, 16]),
        ("train_rows", ["8", 16], [8, 16]),
        ("shares", 1, [1]),
        ("shares", "0.5,1", [0.5, 1]),
        ("guess", '[["AND 0 1"]]', [["AND 0 1"]]),
        ("peers", "julia bench.jl", ["julia bench.jl"]),
        ("epochs", "20", 20),
        ("epochs", 1e3, 1000),
        ("lr", "1e-3", 0.001),
        ("lr", 1, 1.0),
        ("usual", "false", False),
        ("usual", 0, False),
        ("store", 5, "5"),
    ],
)
def test_a_word_is_taken_as_what_is_meant(name, value, meant):
    taken = given(**{name: value})[name]
    assert taken == meant
    assert type(taken) is type(meant)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("train_rows", "x", "a list, as [1, 2] or 1,2 with entries like 4"),
        ("train_rows", "8,x", "a list"),
        ("train_rows", 8.5, "a list"),
        ("train_rows", None, "a list"),
        ("train_rows", {"a": 1}, "a list"),
        ("train_rows", [[8]], "a list"),
        ("train_rows", str(2**63), "a list"),
        ("train_rows", "[" * 5000, "a list"),
        ("shares", "nan", "a list"),
        ("shares", float("inf"), "a list"),
        ("guess", "AND 0 1", "a list"),
        ("epochs", "many", "a whole number"),
        ("epochs", 10.5, "a whole number"),
        ("epochs", float("inf"), "a whole number"),
        ("epochs", 2**63, "a whole number"),
        ("epochs", True, "a whole number"),
        ("lr", "fast", "a number"),
        ("lr", float("nan"), "a number"),
        ("usual", "maybe", "true or false"),
        ("store", None, "a word"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line(name, value, allowed):
    with pytest.raises(ValueError, match=f"^parameter {name}=.*; allowed is ") as caught:
        given(**{name: value})
    message = str(caught.value)
    assert allowed in message
    assert "\n" not in message
    assert len(message) < 200


def test_what_was_not_given_stays_and_other_cells_are_no_parameters():
    space = {"In": ["", CELL, "rows: list = open('x')", "a: int = 3\nprint(a)"], "rows": "1,2"}
    exec(CELL, space)
    before = dict(space)
    mn.read_parameters(space)
    assert space == before
    mn.read_parameters({"graphs": "6-2-2"})  # no notebook: nothing is known of its parameters


def test_a_deep_list_of_the_command_line_is_refused():
    with pytest.raises(ValueError, match="allowed is a list"):
        Parameter("rows", "list", [1], "").read("[" * 100_000)


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_each_notebook_reads_its_parameters_before_it_uses_them(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    lines = [
        line for line in code[1].splitlines() if line and not line.startswith(("import", "from"))
    ]
    assert lines[0] == "mn.read_parameters(globals())"
