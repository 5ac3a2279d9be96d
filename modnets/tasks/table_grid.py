"""What the cells of a truth table are: names, entries, and columns that say nothing.

Columns that are empty, and one that only numbers the rows, are taken off.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from modnets.errors import require
from modnets.tasks.table_text import Line, cells_of, delimiter_of, lines_of, take_apart
from modnets.tasks.table_values import entry_of, is_number, pair_of


@dataclass
class Grid:
    """The cells of a table.

    Parameters
    ----------
    rows : list of (int, list of str)
        Number of the line, and its cells, as many in each.
    names : list of str, or None
        What the columns are called.
    mark : int, optional
        Columns before a bar or an empty column, if there is one.
    """

    rows: list[Line]
    names: list[str] | None = None
    mark: int | None = None


def grid_of(text: str, where: str, usual: Sequence[str] = ()) -> Grid:
    """The cells of a table.

    Parameters
    ----------
    text : str
    where : str
        What errors call it.
    usual : sequence of str
        What its columns are called without names, where it is known how many there are.

    Raises
    ------
    ValueError
        With the line: if a quote is not closed, or lines have different numbers of cells.
    """
    lines, remark, delimiter = lines_of(text)
    delimiter = delimiter or delimiter_of([line for _, line in lines[1:] or lines])
    cells, marks = [], {}
    for number, line in lines:
        try:
            found, mark = cells_of(line, delimiter)
        except csv.Error as error:
            raise ValueError(
                f"{where}, line {number}: {error}; allowed is a quote that is closed"
            ) from None
        if any(found):
            cells.append((number, found))
            marks[number] = mark
    names = cells.pop(0) if cells and _is_header(cells[0][1], cells[1:]) else None
    if names is None and remark is not None:
        names = _names_in(remark, delimiter, cells)
    if delimiter == " ":
        take_apart(cells, marks)
    _drop_last(cells)
    width = _check_widths(cells, names, usual, where)
    mark = _mark(cells, names, marks, where)
    header = None if names is None else names[1]
    while header and len(header) > width and not header[-1]:
        header.pop()
    if header is not None and len(header) == width - 1 and _counts(cells, None):
        header.insert(0, "")  # as R writes it
    _check_header(names, width, usual, where)
    for place in reversed(range(width)):
        if not any(row[place] for _, row in cells) and not (header and header[place]) and cells:
            _drop(cells, header, place)
            mark = place if mark is None and place else mark - (mark > place) if mark else mark
    if _counts(cells, header and header[0]):
        _drop(cells, header, 0)
        mark = None if mark is None else mark - 1
    _check_names(names, where)
    return Grid(cells, header, mark)


def _is_header(first: list[str], rest: list[Line]) -> bool:
    """Whether the first line holds names: words that are no entries of the lines below."""
    given = [cell for cell in first if cell]
    if len(given) == len(first) - 1 and not first[0] and all(map(str.isdecimal, given)):
        return [*map(int, given)] == [*range(len(given))]  # columns without names, as of pandas
    below = {cell.lower() for _, row in rest for cell in row}
    if all(map(str.isdecimal, given)):
        counted = [*map(int, given)]
        return len(given) > 2 and "2" not in below and counted in _counted(len(given))
    pairs = {pair_of(cell) for cell in below} - {None}
    if not rest:
        return any(entry_of(cell) is None and not is_number(cell) for cell in given)
    names = [
        cell
        for cell in given
        if not is_number(cell) and pair_of(cell) not in pairs and cell not in "-*?"
    ]
    return bool(names) and not any(pair_of(cell) in pairs for cell in given)


def _counted(n: int) -> tuple[list[int], list[int]]:
    return [*range(n)], [*range(1, n + 1)]


def _names_in(remark: str, delimiter: str, cells: list[Line]) -> Line | None:
    """The names in a comment above the table, as numpy.savetxt writes them."""
    names, _ = cells_of(remark, delimiter) if '"' not in remark else ([], None)
    fits = bool(cells) and len(names) == len(cells[0][1]) > 1 and _is_header(names, cells)
    plain = all(name and not re.search(r"\s", name) for name in names)
    return (cells[0][0], names) if fits and plain and len(set(names)) == len(names) else None


def _drop_last(cells: list[Line]) -> None:
    """Take off what a delimiter at the end of every line leaves."""
    while cells and all(len(row) > 1 and not row[-1] for _, row in cells):
        for _, row in cells:
            row.pop()


def _check_widths(cells: list[Line], names: Line | None, usual: Sequence[str], where: str) -> int:
    """Raise unless lines have equally many cells, and hand back how many."""
    if not cells:
        return len(names[1]) if names else 0
    (width, _), *_ = Counter(len(row) for _, row in cells).most_common(1)
    if names is not None and len(names[1]) in {len(row) for _, row in cells}:
        width = len(names[1])
    known = names[1] if names else usual
    told = f": {', '.join(known)}" if len(known) == width else ""
    for number, row in cells:
        require(
            len(row) == width,
            f"{where}, line {number}: {len(row)} entries; allowed are {width}{told}",
        )
    return width


def _check_header(names: Line | None, width: int, usual: Sequence[str], where: str) -> None:
    if names is None:
        return
    number, header = names
    require(
        len(header) == width,
        f"{where}, line {number}: columns {', '.join(header)}; allowed are "
        f"{', '.join(usual) + ', or other names' if len(usual) == width else 'names'} for all "
        f"{width} columns",
    )


def _check_names(names: Line | None, where: str) -> None:
    """Raise unless every column has a name of its own."""
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
    """Where the bars stand, if there are any."""
    found = {number: marks[number] for number, _ in cells if marks[number] is not None}
    if not found:
        return marks.get(names[0]) if names else None
    first, mark = next(iter(found.items()))
    for number, _ in cells:
        require(
            marks[number] == mark,
            f"{where}, line {number}: {marks[number] or 0} entries before a bar; allowed are "
            f"{mark}, as in line {first}",
        )
    return mark


def _drop(cells: list[Line], header: list[str] | None, place: int) -> None:
    for _, row in cells:
        del row[place]
    if header is not None:
        del header[place]


def _counts(cells: list[Line], name: str | None) -> bool:
    """Whether the first column only numbers the rows, in any order, and is no input.

    The numbers 0 and 1 alone are those of an input, unless all columns but this have names.
    """
    first = [row[0] for _, row in cells]
    if len(cells) < 2 or len(cells[0][1]) < 3 or not all(map(str.isdecimal, first)):
        return False
    numbers = sorted(map(int, first))
    distinct = len(set(numbers)) == len(numbers)
    return distinct and (numbers[-1] > 1 or name == "")
