"""Names of inputs and outputs where they are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from drawings import words
from matplotlib.figure import Figure

import modnets as mn
from modnets.explorer.controls import Controls
from modnets.visuals import run_views as views
from modnets.visuals.diagrams.parts import short

TABLE = np.array([[0, 1], [1, 0], [1, np.nan], [0, 1]])
NAMES = {"input_names": ["go", "stop"], "output_names": ["<run>", "halt"]}
NAMED = mn.FunctionGraph.from_table(TABLE, name="control", **NAMES)
WIRED = mn.FunctionGraph(2, [["XOR 0 1", "AND 0 1"]], **NAMES)


def drawn(what: object, **keywords: object) -> list[str]:
    ax = Figure(figsize=(4, 4)).add_subplot()
    draw = mn.draw_graph if isinstance(what, mn.FunctionGraph) else mn.draw
    return words(draw(what, ax, **keywords))


@pytest.mark.parametrize("graph", [NAMED, WIRED], ids=["table", "levels"])
def test_a_task_is_drawn_with_its_names(graph: mn.FunctionGraph) -> None:
    result = drawn(graph)
    assert {"go", "stop", "<run>", "halt"} <= set(result)
    assert not {"x0", "x1", "y0", "y1"} & set(result)


@pytest.mark.parametrize("settings", [{"model": "dense"}, {"model": "modular"}])
def test_a_network_is_drawn_with_the_names_of_its_task(settings: dict) -> None:
    network = mn.build(mn.RunConfig(graph=WIRED, train_rows=2, **settings), 0)
    assert {"go", "stop", "<run>", "halt"} <= set(drawn(network, graph=WIRED))
    assert {"x0", "x1", "y0", "y1"} <= set(drawn(network))


def test_tasks_of_a_set_are_drawn_with_names_that_they_share() -> None:
    other = mn.FunctionGraph(2, [["OR 0 1", "AND 0 1"]], **NAMES)
    network = mn.build(
        mn.RunConfig(graph=mn.TaskSet((WIRED, other)), model="dense", train_rows=2), 0
    )
    assert {"go", "stop", "t0", "t1", "halt"} <= set(
        drawn(network, graph=mn.TaskSet((WIRED, other)))
    )
    bare = mn.FunctionGraph(2, [["OR 0 1", "AND 0 1"]])
    assert mn.TaskSet((WIRED, bare)).input_labels == ("x0", "x1")


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["a", "carry"], ["a", "carry"]),
        (["temperature", "pressure"], ["temp…ture", "pressure"]),
        (["in_first_1", "in_first_2"], ["in_f…st_1", "in_f…st_2"]),
        (["temperature", "temper_nurture"], ["x0", "x1"]),  # the same ends
        (["$a$", "b"], [r"\$a\$", "b"]),
    ],
)
def test_long_names_are_cut_so_that_they_differ(names: list[str], wanted: list[str]) -> None:
    assert short(names, "x") == wanted


def test_the_truth_table_of_the_explorer_has_names_and_free_cells() -> None:
    config = mn.RunConfig(graph=NAMED, model="dense", train_rows=3)
    html = views.truth_table(config, None)
    assert "&lt;run&gt;</text>" in html
    assert "<run>" not in html
    assert html.count(": either") == 1
    predicted = " ".join(hex(int(bits, 2)) for bits in ("0110", "1001"))
    html = views.truth_table(config, predicted)
    assert "&lt;run&gt;: all right" in html
    assert "halt: all right" in html  # whatever it says where either will do
    assert html.count('class="mn-ok') == 7
    assert "10: either, says 0" in html


TYPED = {
    "names and semicolons": ("go; stop; run\n0;0;0\n0;1;1\n1;0;1\n1;1;0\n", 4, ("go", "stop")),
    "an index, true and false": (
        ",a,b,run\n0,False,False,False\n1,False,True,True\n2,True,False,True\n3,True,True,False",
        4,
        ("a", "b"),
    ),
    "a .pla file": (".i 2\n.o 1\n.ilb p q\n01 1\n10 1\n00 -\n.e\n", 3, ("p", "q")),
    "an open row": ("0 0 -\n0 1 1\n1 0 1\n1 1 0\n", 3, ("x0", "x1")),
}


@pytest.mark.parametrize("form", TYPED)
def test_the_typed_table_takes_what_files_may_be(form: str) -> None:
    text, n_counted, labels = TYPED[form]
    controls = Controls({"train_rows": 2, "kinds": ["dense"]}, lambda: None)
    controls.source.value = "table"
    controls.table.value = text
    task = controls.task()
    assert controls.problems == {}
    assert task.truth_table()[1:].ravel().tolist() == [1, 1, 0]
    assert (task.n_counted, task.input_labels) == (n_counted, labels)


def test_a_typed_table_that_lacks_a_row_says_what_to_do() -> None:
    controls = Controls({"train_rows": 2, "kinds": ["dense"]}, lambda: None)
    controls.source.value = "table"
    controls.table.value = "0 0 0\n0 1 1\n1 0 1\n"
    assert "row 11 is missing (3 of 4 rows are there); allowed is" in controls.problems["task"]
    assert "outputs - leave a row out" in controls.problems["task"]
