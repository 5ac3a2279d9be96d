"""Samples read from files: bits, categories, classes, .pla, given tests; what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modnets.tasks.data_sets import monks, tic_tac_toe
from modnets.tasks.sample_files import read_samples
from modnets.tasks.truth_tables import DONT_CARE

PLA = """
.i 3
.o 2
.type fr
.ilb a b c
.p 4
010 10
010 0-
111 ~1
000 01
.e
"""


def write(folder: Path, text: str, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_categories_and_bits_and_classes(tmp_path: Path) -> None:
    text = "color;big;size;class\nred;1;10;c\nblue;0;9;a\n?;1;10;b\nred;0;2;c\n"
    task = read_samples(write(tmp_path, text))
    names = ("color=?", "color=blue", "color=red", "big", "size=2", "size=9", "size=10")
    assert task.input_labels == names
    assert task.output_labels == ("class=a", "class=b", "class=c")
    rows = [(0, 0, 1, 1, 0, 0, 1), (0, 1, 0, 0, 0, 1, 0), (1, 0, 0, 1, 0, 0, 1)]
    assert task.rows().tolist() == [*map(list, rows), [0, 0, 1, 0, 1, 0, 0]]
    assert task.targets().tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert task.name == "data"


def test_two_classes_are_one_output_and_unknown_ones_are_dont_cares(tmp_path: Path) -> None:
    task = read_samples(write(tmp_path, "a,b,y\n0,1,yes\n1,1,no\n1,0,?\n1,0,no\n"))
    assert task.targets().ravel().tolist() == [1, 0, DONT_CARE, 0]
    task = read_samples(write(tmp_path, "a,b,y\n0,1,spam\n1,1,ham\n1,0,?\n1,0,\n"))
    assert task.targets().ravel().tolist() == [1, 0, DONT_CARE, DONT_CARE]
    task = read_samples(write(tmp_path, "0 1 | 1 -\n0 1 | 0 1\n1 1 | 1 0\n"))
    assert task.targets().tolist() == [[1, DONT_CARE], [0, 1], [1, 0]]


def test_a_file_without_names_as_of_tic_tac_toe(tmp_path: Path) -> None:
    """The format of the UCI repository: words, and no line of names."""
    task = tic_tac_toe()
    boards = task.rows().reshape(-1, 9, 3).argmax(axis=2)
    lines = [
        ",".join(["xob"[mark] for mark in board] + [["negative", "positive"][label]])
        for board, label in zip(boards, task.targets().ravel(), strict=True)
    ]
    again = read_samples(write(tmp_path, "\n".join(lines)))
    assert again.widths == task.widths
    alphabetical = task.rows().reshape(-1, 9, 3)[:, :, [2, 1, 0]].reshape(-1, 27)
    np.testing.assert_array_equal(again.rows(), alphabetical)
    np.testing.assert_array_equal(again.targets(), task.targets())


def test_given_tests_as_of_the_monks_problems(tmp_path: Path) -> None:
    """The values of both files make the columns; tests may have columns in another order."""
    task = monks(3, test="all")
    train, test = "y,a,b\n1,2,x\n0,1,y\n1,3,x\n", "a,b,y\n4,y,1\n1,z,0\n"
    read = read_samples(
        write(tmp_path, train), test=write(tmp_path, test, "test.csv"), outputs=["y"]
    )
    assert read.input_labels == ("a=1", "a=2", "a=3", "a=4", "b=x", "b=y", "b=z")
    assert (read.n_rows, read.has_test) == (3, True)
    assert read.rows()[3:].tolist() == [[0, 0, 0, 1, 0, 1, 0], [1, 0, 0, 0, 0, 0, 1]]
    assert read.targets().ravel().tolist() == [1, 0, 1, 1, 0]
    parts = {}
    for name, rows in (("train", slice(0, 122)), ("test", slice(122, None))):
        bits = np.concatenate([task.rows()[rows], task.targets()[rows]], axis=1)
        parts[name] = write(tmp_path, "\n".join(",".join(map(str, row)) for row in bits), name)
    again = read_samples(parts["train"], test=parts["test"], name=task.name)
    np.testing.assert_array_equal(again.rows(), task.rows())
    np.testing.assert_array_equal(again.targets(), task.targets())


def test_cubes_of_a_pla_file_are_samples(tmp_path: Path) -> None:
    task = read_samples(write(tmp_path, PLA, "one.pla"))
    assert task.rows().tolist() == [[0, 1, 0], [0, 1, 0], [1, 1, 1], [0, 0, 0]]
    assert task.targets().tolist() == [[1, 0], [0, DONT_CARE], [DONT_CARE, 1], [0, 1]]
    assert task.input_labels == ("a", "b", "c")
    both = read_samples(tmp_path / "one.pla", test=tmp_path / "one.pla")
    assert both.n_rows == 4
    assert both.targets()[4:].tolist() == task.targets().tolist()
    wide = f".i 200\n.o 1\n.type fr\n{'01' * 100} 1\n{'0' * 200} 0\n"
    assert read_samples(write(tmp_path, wide, "wide.pla")).n_inputs == 200


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,y\n0.5,1,1\n0.7,0,1\n", "line 2: 'a' holds '0.5', one of 2 values; allowed are bits"),
        (
            "a,b,y\n" + "".join(f"w{i},1,{i % 2}\n" for i in range(40)),
            "line 2: 'a' holds 'w0', one of 40 values; .* at most 32 categories",
        ),
        ("", "is empty"),
        ("a\nb\n", "one column; allowed are inputs and at least 1 output"),
        ("a,b\n1,1,0\n", "line 2: 3 entries|columns a, b"),
        (PLA.replace(".type fr", ""), "type fd, in which an output 0 says nothing"),
        (PLA.replace("111", "1-1"), "line 9: input '-'; allowed in samples are 0 and 1"),
        (PLA.replace("111", "11"), "line 9: 4 signs; allowed are 5"),
    ],
)
def test_what_is_no_sample_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as error:
        read_samples(write(tmp_path, text))
    assert "\n" not in str(error.value)


def test_other_columns_in_the_test_file_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b,y\n0,1,1\n1,1,0\n")
    for text, message in (
        ("a,c,y\n0,1,1\n", "columns a, c, y; allowed are a, b, y, as in training"),
        ("a,y\n0,1\n", "2 columns; allowed are 3, as in training"),
    ):
        with pytest.raises(ValueError, match=message):
            read_samples(path, test=write(tmp_path, text, "test.csv"))
