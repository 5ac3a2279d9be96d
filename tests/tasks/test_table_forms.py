"""Formats of truth tables: each is compared with one table that is written out by hand."""

from __future__ import annotations

import codecs
import io
import random
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import modnets as mn
from modnets.tasks.tables import find_graph, parse_table, read_table
from modnets.tasks.truth_tables import DONT_CARE

#: sum = a XOR b, carry = b AND c.
ROWS = """0 0 0 0 0
0 0 1 0 0
0 1 0 1 0
0 1 1 1 1
1 0 0 1 0
1 0 1 1 0
1 1 0 0 0
1 1 1 0 1""".splitlines()
TABLE = [[0, 0], [0, 0], [1, 0], [1, 1], [1, 0], [1, 0], [0, 0], [0, 1]]
NAMES = (("a", "b", "c"), ("sum", "carry"))
BARE = (None, None)
FRAME = pd.DataFrame(
    [list(map(int, row.split())) for row in ROWS], columns=[*"abc", "sum", "carry"]
)
HEAD = "a,b,c,sum,carry\n"
CSV = FRAME.to_csv(index=False)


def lines(template: str, rows: list[str] = ROWS) -> str:
    """Each row by a template such as ``{},{},{} | {},{}``."""
    return "".join(template.format(*row.split()) + "\n" for row in rows)


def saved(**keywords: object) -> str:
    text = io.StringIO()
    np.savetxt(text, FRAME.to_numpy(), **keywords)
    return text.getvalue()


FORMS = {
    "csv": (CSV, NAMES),
    "without names": (lines("{},{},{},{},{}"), BARE),
    "semicolons": (FRAME.to_csv(index=False, sep=";"), NAMES),
    "tabs": (FRAME.to_csv(index=False, sep="\t"), NAMES),
    "blanks": (FRAME.to_csv(index=False, sep=" "), NAMES),
    "many blanks": (lines("  {}   {} {}      {}  {}  "), BARE),
    "quotes": (FRAME.to_csv(index=False, quoting=1), NAMES),
    "quoted names": (
        CSV.replace("sum,carry", '"sum, no carry","the ""carry"""'),
        (NAMES[0], ("sum, no carry", 'the "carry"')),
    ),
    "names in letters of all kinds": (
        "größe,β,入,Σ ,übertrag é\n" + lines("{},{},{},{},{}"),
        (("größe", "β", "入"), ("Σ", "übertrag é")),
    ),
    "usual names": ("x0,x1,x2,y0,y1\n" + lines("{},{},{},{},{}"), BARE),
    "index": (FRAME.to_csv(), NAMES),
    "index from 1": (FRAME.set_axis(range(1, 9)).to_csv(), NAMES),
    "index with a name": (FRAME.to_csv(index_label="row"), NAMES),
    "index in another order": (FRAME.sample(frac=1, random_state=3).to_csv(), NAMES),
    "index without names": (FRAME.to_csv(header=False), BARE),
    "numbers as names": (FRAME.set_axis(range(5), axis=1).to_csv(), (("0", "1", "2"), ("3", "4"))),
    "as R writes it": (
        '"a" "b" "c" "sum" "carry"\n'
        + "".join(f'"{n}" {row}\n' for n, row in enumerate(ROWS, start=1)),
        NAMES,
    ),
    "as Excel writes it": (
        "sep=;\r\n" + FRAME.to_csv(index=False, sep=";") + ";;;;\r\n" * 3,
        NAMES,
    ),
    "as numpy writes it": (saved(), BARE),
    "as numpy writes names": (saved(fmt="%d", delimiter=",", header="a,b,c,sum,carry"), NAMES),
    "as Markdown": ("| a | b | c | sum | carry |\n|---|:-:|--:|---|---|\n"
                    + lines("| {} | {} | {} | {} | {} |"), NAMES),
    "as Logisim writes it": (
        "# Truth table\n# of a circuit\n\na b c | sum carry\n~~~~~\n" + lines("{} {} {} | {} {}"),
        NAMES,
    ),
    "a bar between": (lines("{},{},{} | {},{}"), BARE),
    "an empty column between": (lines("{},{},{},,{},{}"), BARE),
    "bits side by side": (lines("{}{}{} {}{}"), BARE),
    "a delimiter at the end": (CSV.replace("\n", ",\n"), NAMES),
    "a delimiter at the end of rows": (HEAD + lines("{},{},{},{},{},"), NAMES),
    "True and False": (FRAME.astype(bool).to_csv(index=False), NAMES),
    "true and false with an index": (FRAME.astype(bool).to_csv().lower(), NAMES),
    "T and F": (FRAME.replace({0: "F", 1: "T"}).to_csv(index=False, header=False), BARE),
    "yes and no": (FRAME.replace({0: "no", 1: "Yes"}).to_csv(index=False), NAMES),
    "on and off": (FRAME.replace({0: "off", 1: "ON"}).to_csv(index=False), NAMES),
    "-1 and 1": ((2 * FRAME - 1).to_csv(), NAMES),
    "-1.0 and 1.0": ((2.0 * FRAME - 1).to_csv(index=False, sep=" "), NAMES),
    "0.0 and 1.0": (FRAME.astype(float).to_csv(), NAMES),
    "a decimal comma": (FRAME.astype(float).to_csv(index=False, sep=";", decimal=","), NAMES),
    "comments and empty lines": (
        "# from the lab, 3 inputs\n\n// twice\n" + CSV.replace("\n", "\n\n# a row\n"),
        NAMES,
    ),
    "comments after rows": (HEAD + lines("{},{},{},{},{}  # a row"), NAMES),
    "any order": (HEAD + lines("{},{},{},{},{}", ROWS[::-1]), NAMES),
    "rows that stand twice": (CSV + lines("{},{},{},{},{}", ROWS[2:5]), NAMES),
    "inputs of two rows": (
        "a,b,c | sum,carry\n0,0,- | 0,0\n0,1,0|1,0\n0,1,1|1,1\n1,0,x|1,0\n1,1,0|0,0\n1,1,1|0,1\n",
        NAMES,
    ),
    "names that are signs elsewhere": (
        "x,y,n,f,t\n" + lines("{},{},{},{},{}"),
        (("x", "y", "n"), ("f", "t")),
    ),
    "names that say what they are": (
        "in_a,in_b,in_c,out_s,out_c\n" + lines("{},{},{},{},{}"),
        (("in_a", "in_b", "in_c"), ("out_s", "out_c")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_table(tmp_path: Path, form: str) -> None:
    text, names = FORMS[form]
    path = tmp_path / "measured.csv"
    path.write_text(text, encoding="utf-8", newline="")
    for table in (read_table(path), parse_table(text)):
        assert (table.tolist(), (table.input_names, table.output_names)) == (TABLE, names)
        assert table.dtype == np.uint8


CODES = {
    "UTF-8": CSV.encode(),
    "UTF-8 with a mark": codecs.BOM_UTF8 + CSV.encode(),
    "UTF-16": CSV.encode("utf-16"),
    "UTF-16, big end first": codecs.BOM_UTF16_BE + CSV.encode("utf-16-be"),
    "UTF-32": CSV.encode("utf-32"),
    "lines of Windows": CSV.replace("\n", "\r\n").encode(),
    "lines of old Macs": CSV.replace("\n", "\r").encode(),
}


@pytest.mark.parametrize("code", CODES)
def test_every_encoding_is_the_same_table(tmp_path: Path, code: str) -> None:
    path = tmp_path / "2024-05-01.csv"  # a date is no widths
    path.write_bytes(CODES[code])
    table = read_table(path)
    assert (table.tolist(), table.input_names, table.output_names) == (TABLE, *NAMES)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".txt", ".dat", ""])
def test_any_ending_is_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"table{ending}"
    path.write_text(CSV)
    assert read_table(str(path)).tolist() == TABLE


def test_a_path_from_home_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "t.csv").write_text(CSV)
    assert read_table("~/t.csv").tolist() == TABLE


# Inputs and outputs


@pytest.mark.parametrize(
    "stated",
    [
        {"inputs": 3},
        {"outputs": 2},
        {"inputs": 3, "outputs": 2},
        {"inputs": ["a", "b", "c"]},
        {"outputs": ("sum", "carry")},
        {"inputs": ["a", "b", "c"], "outputs": ["sum", "carry"]},
        {"widths": (3, 7, 2)},
    ],
)
def test_what_columns_are_can_be_said(tmp_path: Path, stated: dict) -> None:
    path = tmp_path / "t.csv"
    path.write_text(CSV)
    table = read_table(path, **stated)
    assert (table.tolist(), table.input_names, table.output_names) == (TABLE, *NAMES)


def test_columns_may_stand_in_any_order_and_others_be_left_out() -> None:
    frame = FRAME.assign(note="what a day")[["carry", "note", "c", "a", "b", "sum"]]
    table = parse_table(frame.to_csv(), inputs=["a", "b", "c"], outputs=["carry", "sum"])
    assert table.tolist() == [row[::-1] for row in TABLE]
    assert (table.input_names, table.output_names) == (("a", "b", "c"), ("carry", "sum"))
    other = parse_table(CSV, inputs=["c", "b", "a"])
    assert other[0b110].tolist() == TABLE[0b011]


def test_names_that_say_what_they_are_may_stand_in_any_order() -> None:
    """If names do not tell, the first columns are inputs."""
    rows = "0,0,0\n1,0,1\n0,1,0\n0,1,1\n"  # the first is: not the second, and the third
    table = parse_table("out,in_a,in_b\n" + rows)
    assert (table.ravel().tolist(), table.input_names) == ([0, 1, 0, 0], ("in_a", "in_b"))
    assert parse_table("y0,x1,x0\n" + rows).ravel().tolist() == [0, 0, 1, 0]
    assert parse_table("y,x,z\n0,0,1\n0,1,0\n1,0,0\n1,1,1").input_names == ("y", "x")


def test_one_input_and_one_output() -> None:
    for text in (
        "0,1\n1,0",
        "0 1\n1 0",
        "0|1\n1|0",
        "F T\nT F",
        "a,y\n0,1\n1,0",
        ",a,y\n0,0,1\n1,1,0",
    ):
        assert parse_table(text).tolist() == [[1], [0]]


@pytest.mark.parametrize(
    ("text", "stated", "message"),
    [
        (CSV, {"inputs": 5}, "inputs=5; allowed is 1 to 4 of table"),
        (CSV, {"inputs": 0}, "inputs=0; allowed is 1 to 4"),
        (CSV, {"inputs": 2.5}, "inputs=2.5; allowed is how many columns, or a list of names"),
        (CSV, {"inputs": True}, "inputs=True; allowed is how many columns, or a list of names"),
        (CSV, {"inputs": ["a", 1]}, r"inputs=\['a', 1\]; allowed is how many"),
        (CSV, {"inputs": ["a", "bb"]}, "inputs='bb', did you mean 'b'.*: a, b, c, sum, carry"),
        (CSV, {"inputs": ["a", "a"]}, "allowed is each column once"),
        (CSV, {"inputs": ["a"], "outputs": ["a"]}, "and no column twice"),
        (lines("{},{},{},{},{}"), {"inputs": ["a"]}, r"inputs=\['a'\]: table has no line of names"),
        (CSV, {"missing": "drop"}, "unknown missing 'drop'.*: refuse, dont_care"),
        (CSV + "1,1,1,1,1\n", {}, "line 10: input row 111 stands in line 9 already, with other"),
        (CSV.replace("1,1,1,0,1\n", ""), {}, "input row 111 is missing .7 of 8 .*missing='dont_c"),
        (CSV, {"missing": "dont_care"}, "does not say how many are inputs; allowed .* inputs=3"),
        (CSV.replace("1,1,1,0,1", "1,1,True,0,1"), {}, "line 9: entry 'True'; allowed are 0 and 1"),
        (CSV.replace("1,1,1,0,1", "1,1,1,-1,1"), {}, "line 9: entry '-1'; allowed .*whole table"),
        (CSV.replace("1,1,1,0,1", "1,1,1,0"), {}, "line 9: 4 entries; allowed are 5: a, b, c, s"),
        (CSV.replace("0,1,1,1,1", '0,1,"1,1,1'), {}, "line 5: .*; allowed is a quote that is cl"),
        (CSV.replace("b", "a", 1), {}, "line 1: the name 'a' stands twice; allowed are distinct"),
        (CSV.replace("b", "", 1), {}, "line 1: column 2 has no name; allowed are names for all"),
        ("x0,x1,x2,y0\n" + lines("{},{},{} | {}"), {}, None),
        ("out,a,b\n0,0,0\n0,1,1\n1,0,1\n1,1,0", {}, "column 'out' would be an input, as the fir"),
        ("a,b,in_c\n0,0,0\n0,1,1\n1,0,1\n1,1,0", {}, "column 'in_c' would be an output, as the"),
        ("x0,x1,y0,y1\n" + lines("{},{},{} | {}"), {}, "3 inputs by the bar .*, 2 inputs by the n"),
        ("0,0|1\n0|1,0\n1,0|1\n1,1|0", {}, "line 2: 1 entries before a bar; allowed are 2, as in"),
        (",".join("0" * 22), {"inputs": 21}, "21 inputs; allowed are 1 to 20"),
        ("0,-\n1,-", {}, "all outputs are don't-cares; allowed is at least one 0 or 1"),
        ("# nothing\n\n", {}, "table is empty; allowed are 2"),
        ("a,b\n", {}, "table is empty; allowed are 2"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(text: str, stated: dict, message: str | None) -> None:
    if message is None:
        assert parse_table(text, **stated).shape == (8, 1)
        return
    with pytest.raises(ValueError, match=message) as error:
        parse_table(text, **stated)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04\x14\x00\xff", "cannot be read .*; allowed is a CSV file"),
        ("ä,b\n0,1\n".encode("latin1"), "cannot be read .*utf-8.*; allowed is a CSV file"),
        (b"0,1\x00,1\n", "cannot be read .it is no text.; allowed is a CSV file"),
        (None, "cannot be read .No such file or directory.; allowed is a CSV file"),
    ],
)
def test_what_is_no_text_is_one_line(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "t.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"t\.csv {message}"):
        read_table(path)
    with pytest.raises(ValueError, match=r"cannot be read .Is a directory."):
        read_table(tmp_path)


def test_the_name_of_the_file_and_those_of_columns_must_agree(tmp_path: Path) -> None:
    path = tmp_path / "2-3.csv"
    path.write_text("x0,x1,x2,y0,y1\n" + lines("{},{},{},{},{}"))
    with pytest.raises(ValueError, match=r"2 inputs by widths, 3 inputs by the names; allowed"):
        read_table(path)
    assert read_table(path, inputs=3).tolist() == TABLE


# Don't-cares


def test_rows_that_are_not_there_can_be_dont_cares() -> None:
    table = parse_table(HEAD + lines("{},{},{},{},{}", ROWS[1:6]), inputs=3, missing="dont_care")
    free = [DONT_CARE] * 2
    assert table.tolist() == [free, *TABLE[1:6], free, free]
    graph = mn.FunctionGraph.from_table(table)
    assert (graph.has_dont_cares, graph.n_counted, graph.input_labels) == (True, 5, NAMES[0])
    assert graph.truth_table().tolist() == table.tolist()


@pytest.mark.parametrize("sign", ["-", "x", "X", "*", "?"])
def test_outputs_may_be_either(sign: str) -> None:
    text = CSV.replace("1,1,0,0,0", f"1,1,0,{sign},0").replace("a,b", "x,y")
    table = parse_table(text)
    assert (table[6].tolist(), table.input_names) == ([DONT_CARE, 0], ("x", "y", "c"))


# The names of a task


def test_a_task_keeps_the_names_of_its_table() -> None:
    graph = mn.FunctionGraph.from_table(parse_table(CSV), name="adder")
    assert (graph.input_names, graph.output_names) == NAMES
    again = mn.FunctionGraph.from_dict(graph.to_dict())
    assert (again, again.input_names, again.output_names) == (graph, *NAMES)
    assert (graph.input_labels, graph.output_labels) == NAMES
    names = {"input_names": ["p", "q", "r"], "output_names": ["s", "t"]}
    named = mn.FunctionGraph.from_table(np.array(TABLE), **names)
    assert (named.input_names, named.output_names) == (("p", "q", "r"), ("s", "t"))


def test_names_change_no_key_and_no_task() -> None:
    named = mn.FunctionGraph.from_table(parse_table(CSV), name="adder")
    bare = mn.FunctionGraph.from_table(np.array(TABLE), name="adder")
    assert named == bare
    assert hash(named) == hash(bare)
    assert "input_names" not in bare.to_dict()
    keys = {mn.RunConfig(graph=graph, train_rows=5).key for graph in (named, bare)}
    both = {
        mn.RunConfig(graph=mn.TaskSet((g, g), name="2"), train_rows=5).key for g in (named, bare)
    }
    assert (len(keys), len(both)) == (1, 1)
    assert mn.RunConfig.from_dict(
        mn.RunConfig(graph=named, train_rows=5).to_dict()
    ).graph.input_names


def test_keys_of_tables_are_those_of_before() -> None:
    """Stores include them."""
    table = mn.FunctionGraph.from_table(np.array(TABLE), name="adder")
    assert mn.RunConfig(graph=table, train_rows=5, seed=2).key == "e0965e325e88dbc7"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"input_names": ["a", "b"]}, r"input_names=\('a', 'b'\); allowed are 3 distinct names"),
        ({"input_names": ["a", "b", "b"]}, "allowed are 3 distinct names"),
        ({"output_names": ["a", ""]}, "allowed are 2 distinct names"),
        ({"output_names": [1, 2]}, "allowed are 2 distinct names"),
    ],
)
def test_names_must_fit(names: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mn.FunctionGraph.from_table(np.array(TABLE), **names)


def test_a_named_graph_from_a_file_has_the_names_of_its_columns(tmp_path: Path) -> None:
    graph = mn.GRAPHS["6-2-2"]
    rows = pd.DataFrame(
        np.hstack([graph.rows(), graph.truth_table()]), columns=[*"abcdef", "p", "q"]
    )
    rows.to_csv(tmp_path / "6-2-2.tsv", sep="\t")
    result, source = find_graph([6, 2, 2], tmp_path)
    assert result == graph
    assert (result.has_structure, result.output_labels) == (True, ("p", "q"))
    assert source.endswith("6-2-2.tsv: that of the graph 6-2-2")
    run = mn.RunConfig(graph=result, model="shared", routing="known")
    assert run.key == mn.RunConfig(graph="6-2-2", model="shared", routing="known").key


# Any table in any format


WAYS = [("0", "1"), ("0.0", "1.0"), ("-1", "1"), ("False", "True"), ("f", "t"), ("NO", "yes")]


def written(
    table: np.ndarray, n_inputs: int, style: random.Random
) -> tuple[bytes, list[str] | None]:
    """A table in a random format, and the names of its columns."""
    zero_one, delimiter = style.choice(WAYS), style.choice([",", ";", "\t", ", ", "  "])
    rows = [[*np.binary_repr(row, n_inputs), *map(str, bits)] for row, bits in enumerate(table)]
    rows = [[(*zero_one, "-")[int(bit)] for bit in row] for row in rows]
    style.shuffle(rows)
    rows += style.choices(rows, k=style.randint(0, 2))
    names = style.sample(
        ["a", "b c", "Σ", "out", "in", "T1", "x", "y", "n", "p,q", "z;"], len(rows[0])
    )
    names = None if style.random() < 0.3 else names
    numbered = style.random() < 0.5 and len(rows) > 2
    first = style.choice([0, 1])
    cells = [[*([str(n)] if numbered else []), *row] for n, row in enumerate(rows, first)]
    if names is not None:
        cells.insert(0, [*([style.choice(["", "row"])] if numbered else []), *names])
    quoted = [[f'"{c}"' if set(c) & set(",; \t") or not c else c for c in row] for row in cells]
    text = [delimiter.join(row) for row in quoted]
    for _ in range(style.randint(0, 3)):
        text.insert(style.randint(0, len(text)), style.choice(["", "# so it is", "#", "   "]))
    joined = style.choice(["\n", "\r\n"]).join(text) + style.choice(["", "\n", "\n\n"])
    return joined.encode(style.choice(["utf-8", "utf-8-sig", "utf-16"])), names


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2**32), st.booleans())
def test_what_is_written_is_read_back(
    tmp_path: Path, n_inputs: int, n_outputs: int, seed: int, free: bool
) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 2 + free, (2**n_inputs, n_outputs))
    table[0, 0] = 1
    content, names = written(table, n_inputs, random.Random(seed))
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    result = read_table(path, inputs=n_inputs)
    assert result.tolist() == table.tolist()
    if names is not None:
        assert [*result.input_names, *result.output_names] == names


def outcome(text: str) -> np.ndarray | str:
    try:
        return parse_table(text)
    except ValueError as error:
        return str(error)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='01-x,;|\t \n"#.abTF\ufeffio', max_size=60))
def test_any_text_is_a_table_or_one_line(text: str) -> None:
    result = outcome(text)
    whole = isinstance(result, str) or result.shape[0] == 1 << (result.shape[0] - 1).bit_length()
    assert whole
    assert not isinstance(result, str) or "\n" not in result
