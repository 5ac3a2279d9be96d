"""The cells of a truth table: a header of names, and rows of entries.

Empty columns, and one with row numbers, are removed.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from modnets.errors import require
from modnets.tasks.table_text import Line, cells_of, delimiter_of, lines_of, split_bits
from modnets.tasks.table_values import entry_of, is_number, notation_of


@dataclass
class Grid:
    """The cells of a table.

    Parameters
    ----------
    rows : list of (int, list of str)
        Number of the line, and its cells, as many in each.
    names : list of str, or None
        Names of the columns.
    mark : int, optional
        Number of columns before a bar or an empty column, if there is one.
    """

    rows: list[Line]
    names: list[str] | None = None
    mark: int | None = None


def grid_of(
    text: str, where: str, default: Sequence[str] = (), *, categories: bool = False
) -> Grid:
    """The cells of a table.

    Parameters
    ----------
    text : str
    where : str
        Its name in errors.
    default : sequence of str
        Names of its columns where it has none, if their number is known.
    categories : bool
        Whether entries may be any words; the first line is then one of names if it holds words,
        and none that stand in the same column below; row numbers are removed if they have no name.

    Raises
    ------
    ValueError
        With the line: if a quote is not closed, or lines have different numbers of cells.
    """
    lines, remark, delimiter = lines_of(text)
    delimiter = delimiter or delimiter_of([line for _, line in lines[1:] or lines])
    cells: list[Line] = []
    marks: dict[int, int | None] = {}
    for number, line in lines:
        try:
            row, mark = cells_of(line, delimiter)
        except csv.Error as error:
            raise ValueError(
                f"{where}, line {number}: {error}; allowed is a quote that is closed"
            ) from None
        if any(row):
            cells.append((number, row))
            marks[number] = mark
    is_header = _names_categories if categories else _is_header
    names = cells.pop(0) if cells and is_header(cells[0][1], cells[1:]) else None
    if names is None and remark is not None:
        names = _names_in(remark, delimiter, cells)
    if delimiter == " ":
        split_bits(cells, marks)
    _drop_last(cells)
    width = _check_widths(cells, names, default, where)
    mark = _mark(cells, names, marks, where)
    header = None if names is None else names[1]
    while header and len(header) > width and not header[-1]:
        header.pop()
    if header is not None and len(header) == width - 1 and _numbers_rows(cells, None):
        header.insert(0, "")  # R writes no name for the column of row numbers
    _check_header(names, width, default, where)
    for column in reversed(range(width)):
        empty = bool(cells) and not any(row[column] for _, row in cells)
        if empty and not (header and header[column]):
            _drop(cells, header, column)
            mark = column if mark is None and column else mark - (mark > column) if mark else mark
    first = header[0] if header else None
    if (not categories or first == "") and _numbers_rows(cells, first):
        _drop(cells, header, 0)
        mark = None if mark is None else mark - 1
    _check_names(names, where)
    return Grid(cells, header, mark)


def _is_header(first: list[str], rest: list[Line]) -> bool:
    """Whether the first line holds names: words that are no entries of the lines below."""
    labels = [cell for cell in first if cell]
    if len(labels) == len(first) - 1 and not first[0] and all(map(str.isdecimal, labels)):
        return [*map(int, labels)] == [*range(len(labels))]  # the default names of pandas
    below = {cell.lower() for _, row in rest for cell in row}
    if all(map(str.isdecimal, labels)):
        numbers = [*map(int, labels)]
        n = len(labels)
        return n > 2 and "2" not in below and numbers in ([*range(n)], [*range(1, n + 1)])
    notations = {notation_of(cell) for cell in below} - {None}
    if not rest:
        return any(entry_of(cell) is None and not is_number(cell) for cell in labels)
    names = [
        cell
        for cell in labels
        if not is_number(cell) and notation_of(cell) not in notations and cell not in "-*?"
    ]
    return bool(names) and not any(notation_of(cell) in notations for cell in labels)


def _names_categories(first: list[str], rest: list[Line]) -> bool:
    """Whether the first line holds names of columns whose entries may be words."""
    words = any(cell and entry_of(cell) is None and not is_number(cell) for cell in first)
    columns = (
        {row[column] for _, row in rest if column < len(row)} for column in range(len(first))
    )
    return words and not any(
        cell and cell in below for cell, below in zip(first, columns, strict=True)
    )


def _names_in(remark: str, delimiter: str, cells: list[Line]) -> Line | None:
    """The names in a comment above the table, as numpy.savetxt writes them."""
    names, _ = cells_of(remark, delimiter) if '"' not in remark else ([], None)
    fits = bool(cells) and len(names) == len(cells[0][1]) > 1 and _is_header(names, cells)
    valid = len(set(names)) == len(names) and all(n and not re.search(r"\s", n) for n in names)
    return (cells[0][0], names) if fits and valid else None


def _drop_last(cells: list[Line]) -> None:
    """Remove the empty cells that a delimiter at the end of every line leaves."""
    while cells and all(len(row) > 1 and not row[-1] for _, row in cells):
        for _, row in cells:
            row.pop()


def _check_widths(cells: list[Line], names: Line | None, default: Sequence[str], where: str) -> int:
    """The number of cells in a line; raises unless it is the same in all."""
    if not cells:
        return len(names[1]) if names else 0
    (width, _), *_ = Counter(len(row) for _, row in cells).most_common(1)
    if names is not None and len(names[1]) in {len(row) for _, row in cells}:
        width = len(names[1])
    columns = names[1] if names else default
    listed = f": {', '.join(columns)}" if len(columns) == width else ""
    for number, row in cells:
        require(
            len(row) == width,
            f"{where}, line {number}: {len(row)} entries; allowed are {width}{listed}",
        )
    return width


def _check_header(names: Line | None, width: int, default: Sequence[str], where: str) -> None:
    if names is None:
        return
    number, header = names
    require(
        len(header) == width,
        f"{where}, line {number}: columns {', '.join(header)}; allowed are "
        f"{', '.join(default) + ', or other names' if len(default) == width else 'names'} for all "
        f"{width} columns",
    )


def _check_names(names: Line | None, where: str) -> None:
    """Raise unless all columns have distinct names, or none has one."""
    if names is None:
        return
    number, header = names
    require(
        all(header),
        f"{where}, line {number}: column {header.index('') + 1 if '' in header else 0} has no "
        "name; allowed are names for all columns, or for none",
    )
    twice = next((name for name in header if header.count(name) > 1), None)
    require(
        twice is None,
        f"{where}, line {number}: the name {twice!r} stands twice; allowed are distinct names",
    )


def _mark(
    cells: list[Line], names: Line | None, marks: dict[int, int | None], where: str
) -> int | None:
    """The number of columns before the bar, if any; raises unless it is the same in all lines."""
    bars = {number: marks[number] for number, _ in cells if marks[number] is not None}
    if not bars:
        return marks.get(names[0]) if names else None
    first, mark = next(iter(bars.items()))
    for number, _ in cells:
        require(
            marks[number] == mark,
            f"{where}, line {number}: {marks[number] or 0} entries before a bar; allowed are "
            f"{mark}, as in line {first}",
        )
    return mark


def _drop(cells: list[Line], header: list[str] | None, column: int) -> None:
    for _, row in cells:
        del row[column]
    if header is not None:
        del header[column]


def _numbers_rows(cells: list[Line], name: str | None) -> bool:
    """Whether the first column holds row numbers, in any order, and is no input.

    A column of 0 and 1 alone is an input, unless it is the only one without a name.
    """
    first = [row[0] for _, row in cells]
    if len(cells) < 2 or len(cells[0][1]) < 3 or not all(map(str.isdecimal, first)):
        return False
    numbers = sorted(map(int, first))
    distinct = len(set(numbers)) == len(numbers)
    return distinct and (numbers[-1] > 1 or name == "")
