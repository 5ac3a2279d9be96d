"""Espresso's .pla files: what each type defines."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import modnets as mn
from modnets.tasks.tables import find_graph, parse_table, read_table

#: Two inputs; the first output by a cube of two rows, the second by single rows.
CUBES = "1- 1~\n01 -1\n00 0-\n10 ~0\n"


def pla(cubes: str, n_inputs: int = 2, n_outputs: int = 2, more: str = "") -> str:
    return f".i {n_inputs}\n.o {n_outputs}\n{more}{cubes}.e\n"


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("f", ("0011", "0100")),
        ("fd", ("0-11", "-100")),
        ("fr", ("0-11", "-10-")),
        ("", ("0-11", "-100")),  # fd
    ],
)
def test_each_type_lists_other_sets(kind: str, columns: tuple[str, str]) -> None:
    """Rows 00, 01, 10, 11: what is not listed is 0, or with a list of zeros a don't-care."""
    table = parse_table(pla(CUBES, more=f".type {kind}\n" if kind else ""))
    assert tuple("".join("01-"[bit] for bit in column) for column in table.T) == columns


def test_type_fdr_lists_all() -> None:
    text = pla("1- 1-\n01 -1\n00 0-\n", more=".type fdr\n")
    assert parse_table(text).tolist() == [[0, 2], [2, 1], [1, 2], [1, 2]]
    lacking = text.replace("00 0-", "00 0~")
    with pytest.raises(ValueError, match=r"output 1 of input row 00 is not listed .1 of 8 are not"):
        parse_table(lacking)
    assert parse_table(lacking, missing="dont_care")[0].tolist() == [0, 2]


def test_what_on_and_dont_care_list_both_may_be_either() -> None:
    """As Espresso takes it, which may give it either value."""
    assert parse_table(pla("1- 1\n11 -\n", 2, 1)).ravel().tolist() == [0, 0, 1, 2]


def test_synonyms_and_signs_between_are_read() -> None:
    text = (
        "# a comment\n.i 2 # inputs\n\n.o 3\n.p 2\n1 2|4 2 3\n.end\nwhat follows counts for nothing"
    )
    assert parse_table(text).tolist() == [[0, 0, 0], [0, 0, 0], [1, 2, 0], [1, 2, 0]]
    assert parse_table(".i 2\n.o 1\n111").ravel().tolist() == [0, 0, 0, 1]
    assert parse_table("\ufeff.i 2\r\n.o 1\r\n11\t1\r\n").ravel().tolist() == [0, 0, 0, 1]
    assert parse_table(pla("11 1\n", 2, 1, ".phase 0\n")).ravel().tolist() == [0, 0, 0, 1]


def test_names_are_kept_and_the_task_has_dont_cares(tmp_path: Path) -> None:
    path = tmp_path / "control.pla"
    path.write_text(pla(CUBES, more=".ilb go stop\n.ob run halt\n"))
    graph = mn.FunctionGraph.from_table(mn.tasks.read_table(path), name="control")
    assert (graph.input_names, graph.output_names) == (("go", "stop"), ("run", "halt"))
    assert graph.has_dont_cares
    run = mn.RunConfig.from_dict(mn.RunConfig(graph=graph, train_rows=3).to_dict())
    assert run.graph.truth_table().tolist() == graph.truth_table().tolist()
    usual = pla(CUBES, more=".ilb x0 x1\n.ob y0 y1\n")
    assert parse_table(usual).input_names is None


def test_a_folder_may_hold_one(tmp_path: Path) -> None:
    (tmp_path / "2-1-2.pla").write_text(pla(CUBES))
    graph, source = find_graph([2, 1, 2], tmp_path)
    assert (graph.name, graph.has_dont_cares) == ("2-1-2 (2-1-2.pla)", True)
    assert "2-1-2.pla" in source
    with pytest.raises(ValueError, match="2 inputs and 2 outputs; allowed are 3 inputs and 2 out"):
        read_table(tmp_path / "2-1-2.pla", widths=(3, 2))
    with pytest.raises(
        ValueError, match=r"a \.pla file says its inputs; allowed is none of inputs"
    ):
        read_table(tmp_path / "2-1-2.pla", inputs=2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (pla("11 1-\n1- 0-\n", more=".type fr\n"), "line 5: output 0 of input row 11 .* line 4"),
        (pla("1- 1-\n11 --\n", more=".type fdr\n"), "line 5: output 0 of input row 11 .* line 4"),
        (".o 1\n11 1\n", "table: .i is missing"),
        (".i 2\n11 1\n", "table: .o is missing"),
        (".i two\n.o 1\n", "line 1: .i two; allowed is a whole number of at least 1"),
        (".i 2 3\n.o 1\n", "line 1: .i 2 3; allowed is one word"),
        (".i 0\n.o 1\n", "line 1: .i 0; allowed is a whole number of at least 1"),
        (".i 21\n.o 1\n", "table: .i 21; allowed are 1 to 20 inputs"),
        (".i 2\n.o 1\n.i 3\n", "line 3: .i stands in line 1 already"),
        (pla("11 11 1\n"), "line 3: 5 signs; allowed are 4: 2 inputs and 2 outputs"),
        (pla("1z 11\n"), "line 3: input 'z'; allowed are 0 1 -"),
        (pla("11 1x\n"), "line 3: output 'x'; allowed are 0 1 - ~"),
        (pla("", more=".mv 4 2 3 2\n"), "line 3: .mv is not known; allowed are .i .o"),
        (pla("", more=".type fx\n"), "unknown .type of table 'fx'.*allowed: f, fd, fr, fdr"),
        (pla("", more=".ilb a\n"), r"line 3: .ilb=\('a',\); allowed are 2 distinct names"),
        (pla("", more=".ob a a\n"), r"line 3: .ob=\('a', 'a'\); allowed are 2 distinct names"),
        (".i 2\n.o 1\n.p 3\n11 1\n", "1 cubes, but .p says 3, and there is no .e"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        parse_table(text)
    assert "\n" not in str(error.value)


CUBE = st.tuples(st.text("01-", min_size=4, max_size=4), st.text("01-~", min_size=2, max_size=2))


@settings(max_examples=100, deadline=None)
@given(st.lists(CUBE, max_size=6), st.sampled_from(["f", "fd", "fr"]))
def test_cubes_are_what_their_rows_say(cubes: list[tuple[str, str]], kind: str) -> None:
    """Row by row and cube by cube."""
    wanted, contradicts = [], False
    for row in itertools.product("01", repeat=4):
        bits = []
        for output in range(2):
            listed = {
                outputs[output]
                for inputs, outputs in cubes
                if all(sign in ("-", bit) for sign, bit in zip(inputs, row, strict=True))
            }
            contradicts |= kind == "fr" and {"0", "1"} <= listed
            if kind == "fd" and "-" in listed:
                bits.append(2)
            elif "1" in listed:
                bits.append(1)
            else:
                bits.append(2 if kind == "fr" and "0" not in listed else 0)
        wanted.append(bits)
    text = pla("".join(f"{i} {o}\n" for i, o in cubes), 4, 2, f".type {kind}\n")
    if contradicts:
        with pytest.raises(ValueError, match="is given otherwise in line"):
            parse_table(text)
    else:
        assert np.asarray(parse_table(text)).tolist() == wanted
