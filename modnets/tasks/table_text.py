"""From the text of a truth table to cells: byte order marks, comments, delimiters and quotes."""

from __future__ import annotations

import codecs
import csv
import re
from pathlib import Path

from modnets.errors import require

Line = tuple[int, list[str]]  # its number in the file, from 1, and its cells

#: First match first; UTF-32 begins as UTF-16 does.
MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
DELIMITERS = ("\t", ";", ",")
ALLOWED = "allowed is a CSV file, other text in UTF-8, or an Espresso .pla file"
#: A line that only separates others, as in text and Markdown.
RULE = re.compile(r"(?=.*([-=~_─]{2}|:-|-:))[\s|+:=~_─-]+")
#: Bits that stand side by side, as in ``00 1``.
TOGETHER = re.compile(r"(?!-1$)[01xX*?-]{2,}")


def text_of(path: Path) -> str:
    """The text of a file, in UTF-8 or in UTF-16 with a byte order mark.

    Raises
    ------
    ValueError
        If it cannot be read, or is no text.
    """
    try:
        content = path.read_bytes()
        kind = next((kind for mark, kind in MARKS.items() if content.startswith(mark)), "utf-8-sig")
        text = content.decode(kind)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        place = " ".join(str(path).split())
        raise ValueError(f"{place} cannot be read ({reason}); {ALLOWED}") from None
    require("\0" not in text, f"{path} cannot be read (it is no text); {ALLOWED}")
    return text


def lines_of(text: str) -> tuple[list[tuple[int, str]], str | None, str | None]:
    """Lines that hold something; the comment right above them; the delimiter, where it is said."""
    lines: list[tuple[int, str]] = []
    remark = delimiter = None
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), 1):
        line = line.strip(" \r\n")
        if not lines and (said := re.fullmatch(r"sep=(.)", line)):
            delimiter = said[1]
        elif line.startswith(("#", "//")):
            remark = remark if lines else line.lstrip("#/ ")
        elif line and not RULE.fullmatch(line):
            quoted = '"' in line
            lines.append((number, line if quoted else re.sub(r"\s#.*$", "", line)))
    return lines, remark, delimiter


def delimiter_of(lines: list[str]) -> str:
    """What most lines are divided by; a blank stands for any number of blanks."""
    counts = {mark: sum(mark in line for line in lines) for mark in DELIMITERS}
    best = max(DELIMITERS, key=lambda mark: counts[mark])
    if counts[best]:
        return best
    bars = sum(line.strip("| ").count("|") > 1 or line.startswith("|") for line in lines)
    return "|" if 2 * bars > len(lines) else " "


def cells_of(line: str, delimiter: str) -> tuple[list[str], int | None]:
    """The cells of a line, and how many stand before a bar."""
    if delimiter == "|":
        return [cell.strip() for cell in line.strip("| ").split("|")], None
    parts = line.split("|") if '"' not in line else [line]
    if len(parts) != 2:
        return _split(line, delimiter), None
    left, right = (_split(part.strip(" "), delimiter) for part in parts)
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


def take_apart(cells: list[Line], marks: dict[int, int | None]) -> None:
    """Bits that stand side by side become cells of their own; two groups are told apart."""
    shapes = {tuple(map(len, row)) for _, row in cells}
    together = any(TOGETHER.fullmatch(cell) for _, row in cells for cell in row)
    plain = all(len(cell) == 1 or TOGETHER.fullmatch(cell) for _, row in cells for cell in row)
    if not (together and plain and len(shapes) == 1):
        return
    for place, (number, row) in enumerate(cells):
        if len(row) == 2:
            marks[number] = len(row[0])
        elif marks[number] is not None:
            marks[number] = sum(map(len, row[: marks[number]]))
        cells[place] = number, [*"".join(row)]
