"""From the text of a truth table to cells: byte order marks, comments, delimiters and quotes."""

from __future__ import annotations

import codecs
import csv
import re
from pathlib import Path

from modnets.errors import require

Line = tuple[int, list[str]]  # its number in the file, from 1, and its cells

#: Byte order marks -> encodings; UTF-32 comes first, as its mark begins with that of UTF-16.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
DELIMITERS = ("\t", ";", ",")
ALLOWED = "allowed is a CSV file, other text in UTF-8, or an Espresso .pla file"
#: A horizontal rule, as in text and Markdown tables.
RULE = re.compile(r"(?=.*([-=~_─]{2}|:-|-:))[\s|+:=~_─-]+")
#: Bits without a delimiter, as in ``00 1``.
JOINED = re.compile(r"(?!-1$)[01xX*?-]{2,}")


def text_of(path: Path) -> str:
    """The text of a file, in UTF-8 or in UTF-16 with a byte order mark.

    Raises
    ------
    ValueError
        If it cannot be read or decoded.
    """
    try:
        content = path.read_bytes()
        marked = (name for mark, name in MARKS.items() if content.startswith(mark))
        text = content.decode(next(marked, "utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        name = " ".join(str(path).split())
        raise ValueError(f"{name} cannot be read ({reason}); {ALLOWED}") from None
    require("\0" not in text, f"{path} cannot be read (it is no text); {ALLOWED}")
    return text


def lines_of(text: str) -> tuple[list[tuple[int, str]], str | None, str | None]:
    """Lines with content; the comment right above them; the delimiter, if the text states it."""
    lines: list[tuple[int, str]] = []
    remark = delimiter = None
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), 1):
        line = line.strip(" \r\n")
        if not lines and (stated := re.fullmatch(r"sep=(.)", line)):
            delimiter = stated[1]
        elif line.startswith(("#", "//")):
            remark = remark if lines else line.lstrip("#/ ")
        elif line and not RULE.fullmatch(line):
            quoted = '"' in line
            lines.append((number, line if quoted else re.sub(r"\s#.*$", "", line)))
    return lines, remark, delimiter


def delimiter_of(lines: list[str]) -> str:
    """The delimiter of most lines; a blank stands for any number of blanks."""
    counts = {mark: sum(mark in line for line in lines) for mark in DELIMITERS}
    best = max(DELIMITERS, key=lambda mark: counts[mark])
    if counts[best]:
        return best
    bars = sum(line.strip("| ").count("|") > 1 or line.startswith("|") for line in lines)
    return "|" if 2 * bars > len(lines) else " "


def cells_of(line: str, delimiter: str) -> tuple[list[str], int | None]:
    """The cells of a line, and how many are before a bar between inputs and outputs."""
    if delimiter == "|":
        return [cell.strip() for cell in line.strip("| ").split("|")], None
    halves = line.split("|") if '"' not in line else [line]
    if len(halves) != 2:
        return _split(line, delimiter), None
    left, right = (_split(half.strip(" "), delimiter) for half in halves)
    left = left[:-1] if len(left) > 1 and not left[-1] else left
    right = right[1:] if len(right) > 1 and not right[0] else right
    return [*left, *right], len(left)


def _split(line: str, delimiter: str) -> list[str]:
    if delimiter == " ":
        return [cell.strip('"') for cell in re.findall(r'"[^"]*"|\S+', line)]
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    (cells,) = csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True)
    return [cell.strip() for cell in cells]


def split_bits(cells: list[Line], marks: dict[int, int | None]) -> None:
    """Split bits without a delimiter into cells; of two groups the first are inputs."""
    shapes = {tuple(map(len, row)) for _, row in cells}
    joined = any(JOINED.fullmatch(cell) for _, row in cells for cell in row)
    only_bits = all(len(cell) == 1 or JOINED.fullmatch(cell) for _, row in cells for cell in row)
    if not (joined and only_bits and len(shapes) == 1):
        return
    for index, (number, row) in enumerate(cells):
        if len(row) == 2:
            marks[number] = len(row[0])
        elif marks[number] is not None:
            marks[number] = sum(map(len, row[: marks[number]]))
        cells[index] = number, [*"".join(row)]
