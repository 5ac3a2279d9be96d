"""Truth tables from files: lines in any order are read, anything else is an error of one line."""

from pathlib import Path

import numpy as np
import pytest

from modnets.tasks.named_graphs import GRAPHS
from modnets.tasks.tables import find_graph, parse_table, read_table

#: y0 = x0 and x1, y1 = x1.
LINES = ["0,0,0,0", "0,1,0,1", "1,0,0,0", "1,1,1,1"]
TABLE = [[0, 0], [0, 1], [0, 0], [1, 1]]


def write(folder, lines, name="2-1-2"):
    path = folder / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def table_lines(graph):
    rows = np.hstack([graph.rows(), graph.truth_table()])
    return [",".join(map(str, row)) for row in rows.tolist()]


@pytest.mark.parametrize(
    "lines",
    [
        LINES,
        LINES[::-1],
        ["x0,x1,y0,y1", *LINES],
        ["\ufeffx0, x1, y0, y1", *LINES],
        ["y1,x1,y0,x0", *[",".join(np.array(line.split(","))[[3, 1, 2, 0]]) for line in LINES]],
        ["", *LINES, "", ""],
        [line.replace(",", " , ") for line in LINES],
        [line.replace("0", "0.000e+00").replace("1", "1.0") for line in LINES],
    ],
)
def test_a_table_is_read_whatever_its_order(tmp_path, lines):
    assert read_table(write(tmp_path, lines)).tolist() == TABLE


@pytest.mark.parametrize("name", GRAPHS)
def test_shuffled_tables_of_the_named_graphs_are_read_back(tmp_path, name):
    lines = table_lines(GRAPHS[name])
    np.random.default_rng(0).shuffle(lines)
    path = write(tmp_path, lines, name)
    np.testing.assert_array_equal(read_table(path), GRAPHS[name].truth_table())
    graph, source = find_graph(GRAPHS[name].widths, tmp_path)
    assert graph is GRAPHS[name]
    assert str(path) in source


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (LINES[:2] + LINES[3:], r"input row 10 is missing \(3 of 4 rows are there\)"),
        ([], r"input row 00 is missing \(0 of 4 rows are there\)"),
        ([*LINES, "0,1,1,1"], "line 5: input row 01 stands in line 2 already, with other outputs"),
        ([*LINES[:3], "1,1,1,2"], "line 4: entry '2'; allowed are 0 and 1"),
        ([*LINES[:3], "1,1,1,0.5"], "line 4: entry '0.5'; allowed are 0 and 1"),
        ([*LINES[:3], "1,1,,1"], "line 4: entry ''; allowed are 0 and 1"),
        ([*LINES[:3], "1,1,yes,1"], "line 4: entry 'yes'; allowed are 0 and 1"),
        ([*LINES[:3], "1,1,nan,1"], "line 4: entry 'nan'; allowed are 0 and 1"),
        ([*LINES[:3], "1,1,1"], "line 4: 3 entries; allowed are 4: x0, x1, y0, y1"),
        (["x0,x1,y0", *LINES], "line 1: columns x0, x1, y0; allowed are x0, x1, y0, y1"),
    ],
)
def test_what_is_no_table_is_named_with_its_line(tmp_path, lines, message):
    with pytest.raises(ValueError, match=rf"2-1-2\.csv.*{message}"):
        read_table(write(tmp_path, lines))


def test_bytes_that_are_no_text_are_one_error(tmp_path):
    path = tmp_path / "2-1-2.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"cannot be read .*; allowed is a CSV file"):
        read_table(path)


@pytest.mark.parametrize("name", ["21-1", "2-0", "0-2"])
def test_a_file_name_without_fitting_widths_is_an_error(tmp_path, name):
    with pytest.raises(ValueError, match=rf"{name}\.csv.*allowed are"):
        read_table(write(tmp_path, LINES, name))


def test_a_table_of_ones_own_is_a_graph_without_structure(tmp_path):
    path = write(tmp_path, LINES)
    graph, source = find_graph([2, 1, 2], tmp_path)
    assert graph.truth_table().tolist() == TABLE
    assert graph.name == "2-1-2 (2-1-2.csv)"
    assert not graph.has_structure
    assert source == f"truth table of 2-1-2 read from {path}: a function without known structure"


def test_a_table_that_differs_in_one_bit_is_not_the_named_graph(tmp_path):
    lines = table_lines(GRAPHS["6-3-2-2"])
    lines[7] = lines[7][:-1] + str(1 - int(lines[7][-1]))
    write(tmp_path, lines, "6-3-2-2")
    assert not find_graph([6, 3, 2, 2], tmp_path)[0].has_structure


def test_without_a_file_the_named_graph_is_computed(tmp_path):
    graph, source = find_graph([6, 3, 2, 2], tmp_path / "nowhere")
    assert graph is GRAPHS["6-3-2-2"]
    missing = tmp_path / "nowhere" / "6-3-2-2.csv"
    assert source == f"truth table of 6-3-2-2 computed (no {missing})"
    assert find_graph([6, 3, 2, 2])[1] == "truth table of 6-3-2-2 computed"


def test_neither_file_nor_graph_names_the_nearest(tmp_path):
    with pytest.raises(ValueError, match="unknown graph '6-3-2', did you mean '6-3-2-2'"):
        find_graph([6, 3, 2], tmp_path)


def test_a_file_in_place_of_a_folder_is_an_error(tmp_path):
    path = write(tmp_path, LINES)
    with pytest.raises(ValueError, match=r"is a file; allowed is a folder"):
        find_graph([2, 1, 2], path)


# From text


def test_a_typed_table_is_that_of_a_file(tmp_path: Path) -> None:
    text = "".join(f"{r >> 2},{r >> 1 & 1}, {r & 1},{r % 2},{int(r > 4)}\n" for r in range(8))
    path = tmp_path / "3-2.csv"
    path.write_text(text)
    assert (parse_table(text) == read_table(path)).all()
    assert (parse_table("x1,x0,x2,y1,y0\n" + text) != parse_table(text)).any()
    swapped = "\n".join(reversed(text.splitlines()))
    assert (parse_table(f"\n{swapped}\n\n") == parse_table(text)).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "table is empty"),
        ("abc", "allowed are 2\\*\\*n lines"),
        ("0,1", "line 1|missing"),
        ("0,0\n1,2", "line 2: entry '2'; allowed are 0 and 1"),
        ("0,0\n0,1", "line 2: input row 0 stands in line 1 already"),
        ("x0,x1,y0\n0,0,1", "input row 01 is missing"),
        ("x0,y0,z\n0,0\n1,1", "columns x0, y0, z; allowed are names for all 2 columns"),
        ("0,0,1\n1,1", "2 lines of 3 entries|line 2"),
    ],
)
def test_what_is_wrong_with_a_typed_table_is_told(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_table(text)
