"""Parser of Espresso's .pla files, truth tables with cubes and don't-cares.

The format is that of Espresso (Rudell, 1986; UC Berkeley), its manual page espresso(5).  Of its
keywords ``.i .o .ilb .ob .type .p .e .end`` are read; ``.phase``, an option of the minimiser, is
ignored as it changes no function; any other is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from modnets.errors import one_of, require
from modnets.tasks.task import MAX_TABLE_INPUTS
from modnets.tasks.truth_tables import DONT_CARE, TruthTable, checked_names

#: Types by the sets that their cubes list: f is the ON set, d the don't-care set, r the OFF set.
TYPES = ("f", "fd", "fr", "fdr")
#: 4, 2 and 3 are synonyms of the outputs 1, - and ~.
SYNONYMS = str.maketrans("423", "1-~")
KNOWN = (".i", ".o", ".ilb", ".ob", ".type", ".p", ".phase")
END = (".e", ".end")


def is_pla(text: str) -> bool:
    """Whether a text has lines that begin with keywords of a .pla file."""
    return re.search(r"^[ \t\ufeff]*\.(i|o|ilb|ob|type|p|mv|kiss)\s", text, re.M) is not None


@dataclass
class _File:
    """The content of a file: keyword -> line and arguments; cubes with their lines."""

    keywords: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    cubes: list[tuple[int, str]] = field(default_factory=list)
    ended: bool = False


def parse_pla(text: str, where: str = "table", *, missing: str = "refuse") -> TruthTable:
    """The truth table of a .pla file.

    In type ``fd``, the default, cubes list where outputs are 1 and where they are don't-cares, and
    all others are 0; in type ``f`` only where they are 1; in type ``fr`` where they are 1 and 0,
    and all others are don't-cares; in type ``fdr`` all three.

    Parameters
    ----------
    text : str
    where : str
        Its name in errors.
    missing : "refuse" or "dont_care"
        Treatment of outputs of type ``fdr`` that no cube lists.

    Raises
    ------
    ValueError
        With the line: if a keyword or a cube is invalid, or two cubes contradict each other.
    """
    file = _read(text, where)
    n_inputs, n_outputs = (_count(file, keyword, where) for keyword in (".i", ".o"))
    require(
        n_inputs <= MAX_TABLE_INPUTS,
        f"{where}: .i {n_inputs}; allowed are 1 to {MAX_TABLE_INPUTS} inputs",
    )
    kind = _argument(file, ".type", "fd", where)
    one_of(f".type of {where}", kind, TYPES)
    if ".p" in file.keywords and not file.ended:
        n_cubes = _count(file, ".p", where, least=0)
        require(
            len(file.cubes) == n_cubes,
            f"{where}: {len(file.cubes)} cubes, but .p says {n_cubes}, and there is no .e; "
            "allowed is a file that is whole",
        )
    listed = _listed(file, n_inputs, n_outputs, kind, where)
    table = _table(listed, kind, missing, where)
    return TruthTable.of(
        table,
        _names(file, ".ilb", "x", n_inputs, where),
        _names(file, ".ob", "y", n_outputs, where),
    )


def parse_pla_samples(
    text: str, where: str = "samples"
) -> tuple[np.ndarray, TruthTable, tuple[str, ...] | None, tuple[str, ...] | None]:
    """The cubes of a .pla file as samples, in their order; repeated and contradictory ones too.

    Parameters
    ----------
    text : str
        Of type ``fr`` or ``fdr``, whose cubes list zeros too, each with all inputs given.
    where : str
        Its name in errors.

    Returns
    -------
    x : ndarray of uint8, shape (row, n_inputs)
    y : TruthTable of uint8, shape (row, n_outputs)
        DONT_CARE where a cube does not list an output.
    input_names, output_names : tuple of str, or None

    Raises
    ------
    ValueError
        With the line: if a keyword or a cube is invalid, or an input is ``-``.
    """
    file = _read(text, where)
    n_inputs, n_outputs = (_count(file, keyword, where) for keyword in (".i", ".o"))
    kind = _argument(file, ".type", "fd", where)
    require(
        kind in ("fr", "fdr"),
        f"{where}: .type {kind}, in which an output 0 says nothing; allowed for samples are fr "
        "and fdr",
    )
    rows = []
    for number, cube in file.cubes:
        inputs, outputs = _signs(number, cube, n_inputs, n_outputs, where)
        require(
            "-" not in inputs,
            f"{where}, line {number}: input '-'; allowed in samples are 0 and 1 (read_table reads "
            "cubes that stand for several rows)",
        )
        rows.append([*inputs, *outputs.replace("~", "-")])
    require(bool(rows), f"{where}: no cubes; allowed is at least one")
    bits = np.searchsorted(["-", "0", "1"], rows) - 1
    y = np.where(bits < 0, DONT_CARE, bits)[:, n_inputs:].astype(np.uint8).view(TruthTable)
    names = _names(file, ".ilb", "x", n_inputs, where), _names(file, ".ob", "y", n_outputs, where)
    return bits[:, :n_inputs].astype(np.uint8), y, *names


def _read(text: str, where: str) -> _File:
    file = _File()
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), 1):
        fields = line.split("#")[0].split()
        if not fields:
            continue
        keyword, *arguments = fields
        if keyword in END:
            file.ended = True
            break
        if not keyword.startswith("."):
            file.cubes.append((number, "".join(fields).replace("|", "")))
            continue
        require(
            keyword in KNOWN,
            f"{where}, line {number}: {keyword} is not known; allowed are {' '.join(KNOWN)}, "
            ".e and cubes",
        )
        require(
            keyword not in file.keywords,
            f"{where}, line {number}: {keyword} stands in line "
            f"{file.keywords.get(keyword, (0,))[0]} already; allowed is once",
        )
        file.keywords[keyword] = number, arguments
    return file


def _argument(file: _File, keyword: str, default: str | None, where: str) -> str:
    """The only argument of a keyword."""
    number, arguments = file.keywords.get(keyword, (0, [default] if default else []))
    require(bool(arguments), f"{where}: {keyword} is missing; allowed are .i and .o with numbers")
    require(
        len(arguments) == 1,
        f"{where}, line {number}: {keyword} {' '.join(arguments)}; "
        f"allowed is one word after {keyword}",
    )
    return arguments[0]


def _count(file: _File, keyword: str, where: str, least: int = 1) -> int:
    """The number that follows a keyword."""
    text = _argument(file, keyword, None, where)
    require(
        text.isdecimal() and int(text) >= least,
        f"{where}, line {file.keywords[keyword][0]}: {keyword} {text}; allowed is a whole number "
        f"of at least {least}",
    )
    return int(text)


def _names(
    file: _File, keyword: str, letter: str, count: int, where: str
) -> tuple[str, ...] | None:
    number, names = file.keywords.get(keyword, (0, None))
    try:
        return checked_names(keyword, names, letter, count)
    except ValueError as error:
        raise ValueError(f"{where}, line {number}: {error}") from None


def _listed(
    file: _File, n_inputs: int, n_outputs: int, kind: str, where: str
) -> dict[str, np.ndarray]:
    """For each of 1, 0 and -, the first line that lists an output so, shape (row, output); or 0."""
    listing = {"1"} | ({"-"} if "d" in kind else set()) | ({"0"} if "r" in kind else set())
    shape = (2,) * n_inputs + (n_outputs,)
    listed = {sign: np.zeros(shape, np.int32) for sign in "10-"}
    for number, cube in file.cubes:
        inputs, outputs = _signs(number, cube, n_inputs, n_outputs, where)
        rows = tuple(slice(None) if sign == "-" else int(sign) for sign in inputs)
        for column, sign in enumerate(outputs):
            if sign in listing:
                lines = listed[sign][(*rows, slice(column, column + 1))]
                lines[lines == 0] = number
    return {sign: lines.reshape(-1, n_outputs) for sign, lines in listed.items()}


def _signs(number: int, cube: str, n_inputs: int, n_outputs: int, where: str) -> tuple[str, str]:
    """The inputs (0 1 -) and outputs (0 1 - ~) of the cube in a line."""
    require(
        len(cube) == n_inputs + n_outputs,
        f"{where}, line {number}: {len(cube)} signs; allowed are {n_inputs + n_outputs}: "
        f"{n_inputs} inputs and {n_outputs} outputs",
    )
    inputs, outputs = cube[:n_inputs].replace("2", "-"), cube[n_inputs:].translate(SYNONYMS)
    wrong = next((sign for sign in inputs if sign not in "01-"), None)
    require(wrong is None, f"{where}, line {number}: input {wrong!r}; allowed are 0 1 -")
    wrong = next((sign for sign in outputs if sign not in "01-~"), None)
    require(wrong is None, f"{where}, line {number}: output {wrong!r}; allowed are 0 1 - ~")
    return inputs, outputs


def _table(listed: dict[str, np.ndarray], kind: str, missing: str, where: str) -> np.ndarray:
    ones, free, zeros = (listed[sign] for sign in "1-0")
    if kind == "fd":  # in Espresso an output that both list is a don't-care
        ones = np.where(free > 0, 0, ones)
    for one, other in ((ones, zeros), (ones, free), (zeros, free)):
        both = np.argwhere((one > 0) & (other > 0))
        if len(both):
            row, column = both[0].tolist()
            lines = sorted((int(one[row, column]), int(other[row, column])))
            raise ValueError(
                f"{where}, line {lines[1]}: output {column} of input row "
                f"{_bits(row, len(ones))} is given otherwise in line {lines[0]}; allowed is one "
                "value for each"
            )
    table = np.full(ones.shape, 0 if kind in ("f", "fd") else DONT_CARE, np.uint8)
    table[ones > 0], table[zeros > 0], table[free > 0] = 1, 0, DONT_CARE
    if kind == "fdr" and missing == "refuse":
        left = np.argwhere((ones == 0) & (zeros == 0) & (free == 0))
        if len(left):
            row, column = left[0].tolist()
            raise ValueError(
                f"{where}: output {column} of input row {_bits(row, len(ones))} is not listed "
                f"({len(left)} of {ones.size} are not); allowed with .type fdr are all, or "
                "missing='dont_care'"
            )
    return table


def _bits(row: int, n_rows: int) -> str:
    return f"{row:0{(n_rows - 1).bit_length()}b}"
