"""Truth tables as Espresso writes them, with cubes and don't-cares.

The format is that of Espresso (Rudell, 1986; UC Berkeley), its manual page espresso(5).  Of its
words ``.i .o .ilb .ob .type .p .e .end`` are read; ``.phase`` tells a minimiser what to minimise,
and changes no function; any other is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from modnets.errors import one_of, require
from modnets.tasks.task import MAX_TABLE_INPUTS
from modnets.tasks.truth_tables import DONT_CARE, TruthTable, checked_names

#: What a type gives: of ON, DC and OFF those that its lines list; the rest follows from them.
TYPES = ("f", "fd", "fr", "fdr")
#: Synonyms of the outputs 1, - and ~.
SYNONYMS = str.maketrans("423", "1-~")
KNOWN = (".i", ".o", ".ilb", ".ob", ".type", ".p", ".phase")
END = (".e", ".end")


def is_pla(text: str) -> bool:
    """Whether a text has lines that begin with the words of a .pla file."""
    return re.search(r"^[ \t\ufeff]*\.(i|o|ilb|ob|type|p|mv|kiss)\s", text, re.M) is not None


@dataclass
class _File:
    """What stands in a file: its words, and its cubes with the numbers of their lines."""

    words: dict[str, tuple[int, list[str]]] = field(default_factory=dict)
    cubes: list[tuple[int, str]] = field(default_factory=list)
    ended: bool = False


def parse_pla(text: str, where: str = "table", *, missing: str = "refuse") -> TruthTable:
    """The truth table of a .pla file.

    Of type ``fd``, the default, lines list where outputs are 1 and where they may be either, and
    all else is 0; of type ``f`` only where they are 1; of type ``fr`` where they are 1 and 0, and
    all else may be either; of type ``fdr`` all three.

    Parameters
    ----------
    text : str
    where : str
        What errors call it.
    missing : "refuse" or "dont_care"
        What becomes of outputs of type ``fdr`` that no line lists.

    Raises
    ------
    ValueError
        With the line: if a word or a cube is not understood, or two lines contradict each other.
    """
    file = _read(text, where)
    n_inputs, n_outputs = (_count(file, word, where) for word in (".i", ".o"))
    require(
        n_inputs <= MAX_TABLE_INPUTS,
        f"{where}: .i {n_inputs}; allowed are 1 to {MAX_TABLE_INPUTS} inputs",
    )
    kind = _one_word(file, ".type", "fd", where)
    one_of(f".type of {where}", kind, TYPES)
    if ".p" in file.words and not file.ended:
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


def _read(text: str, where: str) -> _File:
    file = _File()
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if words[0] in END:
            file.ended = True
            break
        if not words[0].startswith("."):
            file.cubes.append((number, "".join(words).replace("|", "")))
            continue
        require(
            words[0] in KNOWN,
            f"{where}, line {number}: {words[0]} is not known; allowed are {' '.join(KNOWN)}, "
            ".e and cubes",
        )
        require(
            words[0] not in file.words,
            f"{where}, line {number}: {words[0]} stands in line "
            f"{file.words.get(words[0], (0,))[0]} already; allowed is once",
        )
        file.words[words[0]] = number, words[1:]
    return file


def _one_word(file: _File, word: str, default: str | None, where: str) -> str:
    number, given = file.words.get(word, (0, [default] if default else []))
    require(bool(given), f"{where}: {word} is missing; allowed are .i and .o with numbers")
    require(
        len(given) == 1,
        f"{where}, line {number}: {word} {' '.join(given)}; allowed is one word after {word}",
    )
    return given[0]


def _count(file: _File, word: str, where: str, least: int = 1) -> int:
    given = _one_word(file, word, None, where)
    require(
        given.isdecimal() and int(given) >= least,
        f"{where}, line {file.words[word][0]}: {word} {given}; allowed is a whole number of at "
        f"least {least}",
    )
    return int(given)


def _names(file: _File, word: str, letter: str, count: int, where: str) -> tuple[str, ...] | None:
    number, given = file.words.get(word, (0, None))
    try:
        return checked_names(word, given, letter, count)
    except ValueError as error:
        raise ValueError(f"{where}, line {number}: {error}") from None


def _listed(
    file: _File, n_inputs: int, n_outputs: int, kind: str, where: str
) -> dict[str, np.ndarray]:
    """For 1, 0 and - the first line that lists each output of each row so; 0 where none does."""
    meant = {"1"} | ({"-"} if "d" in kind else set()) | ({"0"} if "r" in kind else set())
    size = (2,) * n_inputs + (n_outputs,)
    listed = {sign: np.zeros(size, np.int32) for sign in "10-"}
    for number, cube in file.cubes:
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
        rows = tuple(slice(None) if sign == "-" else int(sign) for sign in inputs)
        for place, sign in enumerate(outputs):
            if sign in meant:
                lines = listed[sign][(*rows, slice(place, place + 1))]
                lines[lines == 0] = number
    return {sign: lines.reshape(-1, n_outputs) for sign, lines in listed.items()}


def _table(listed: dict[str, np.ndarray], kind: str, missing: str, where: str) -> np.ndarray:
    ones, free, zeros = (listed[sign] for sign in "1-0")
    if kind == "fd":  # Espresso may give what both list either value
        ones = np.where(free > 0, 0, ones)
    for one, other in ((ones, zeros), (ones, free), (zeros, free)):
        both = np.argwhere((one > 0) & (other > 0))
        if len(both):
            row, place = both[0].tolist()
            lines = sorted((int(one[row, place]), int(other[row, place])))
            raise ValueError(
                f"{where}, line {lines[1]}: output {place} of input row "
                f"{_bits(row, len(ones))} is given otherwise in line {lines[0]}; allowed is one "
                "value for each"
            )
    table = np.full(ones.shape, 0 if kind in ("f", "fd") else DONT_CARE, np.uint8)
    table[ones > 0], table[zeros > 0], table[free > 0] = 1, 0, DONT_CARE
    if kind == "fdr" and missing == "refuse":
        left = np.argwhere((ones == 0) & (zeros == 0) & (free == 0))
        if len(left):
            row, place = left[0].tolist()
            raise ValueError(
                f"{where}: output {place} of input row {_bits(row, len(ones))} is not listed "
                f"({len(left)} of {ones.size} are not); allowed with .type fdr are all, or "
                "missing='dont_care'"
            )
    return table


def _bits(row: int, n_rows: int) -> str:
    return f"{row:0{(n_rows - 1).bit_length()}b}"
