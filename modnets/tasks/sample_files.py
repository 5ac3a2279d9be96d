"""Samples from files: columns of bits or of categories, with classes as labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modnets.checked import checked
from modnets.errors import require
from modnets.paths import expanded
from modnets.tasks.pla import is_pla, parse_pla_samples
from modnets.tasks.samples import Samples
from modnets.tasks.table_columns import Columns, named_inputs, stated_columns
from modnets.tasks.table_grid import Grid, grid_of
from modnets.tasks.table_text import text_of
from modnets.tasks.table_values import EITHER, bits_of_cells, is_number, notation_of
from modnets.tasks.truth_tables import DONT_CARE, TruthTable

#: Distinct values of a column of categories, at most.
MAX_CATEGORIES = 32
#: Classes that are not known: don't-cares.
UNKNOWN = ("?", "")

Part = tuple[np.ndarray, TruthTable]


@checked
def read_samples(
    path: str | Path,
    *,
    test: str | Path | None = None,
    inputs: int | str | Sequence[str] | None = None,
    outputs: int | str | Sequence[str] | None = None,
    name: str | None = None,
) -> Samples:
    """Samples from a CSV file, other text or an Espresso .pla file.

    Each line is a sample; delimiters, quotes, names of columns and notations of bits are those of
    :func:`read_table`; a column of row numbers has no name.  A column of inputs whose entries are
    all bits of one notation is one input; any other is a column of categories, with an input for
    each value (one-hot), ``?`` and an empty cell being values too.  Numbers that are no categories
    are refused: cut them into classes first.  A column of outputs is one output if it holds bits,
    with ``-`` or ``?`` for don't-cares, or two classes, the second in alphabetical order being 1;
    else it gives an output for each class.

    Which columns are outputs follows from ``inputs`` and ``outputs``; from a bar or an empty column
    before them; from names such as x0, y0 or in_a, out_b; else it is the last column.

    Parameters
    ----------
    path : str or Path
        A .pla file is of type fr or fdr, and each of its lines has all inputs given.
    test : str or Path, optional
        File of given test samples, with the same columns.
    inputs, outputs : int or sequence of str, optional
        As for :func:`read_table`.
    name : str, optional
        Of the task; by default that of the file.

    Returns
    -------
    Samples

    Raises
    ------
    ValueError
        With file, line, value and what is allowed.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "play.csv"
    >>> lines = ["sky,windy,play", "rain,1,no", "sun,0,yes", "clouds,0,yes"]
    >>> _ = path.write_text("\\n".join(lines))
    >>> task = read_samples(path)
    >>> task.input_labels, task.output_labels
    (('sky=clouds', 'sky=rain', 'sky=sun', 'windy'), ('play',))
    >>> task.rows().tolist(), task.targets().ravel().tolist()
    ([[0, 1, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0]], [0, 1, 1])
    >>> folder.cleanup()
    """
    paths = [expanded(one) for one in (path, test) if one is not None]
    texts = [text_of(one) for one in paths]
    if any(one.suffix.lower() == ".pla" or is_pla(t) for one, t in zip(paths, texts, strict=True)):
        stated = inputs is not None or outputs is not None
        require(not stated, f"{paths[0]}: a .pla file says its inputs; allowed is none of inputs")
        read = [parse_pla_samples(t, str(one)) for one, t in zip(paths, texts, strict=True)]
        parts, names = [(x, y) for x, y, *_ in read], read[0][2:]
    else:
        grids = [grid_of(t, str(p), categories=True) for p, t in zip(paths, texts, strict=True)]
        parts, names = _parts(grids, [*map(str, paths)], inputs, outputs)
    return Samples(
        *parts[0],
        name or paths[0].stem,
        test=parts[1] if test is not None else None,
        input_names=names[0],
        output_names=names[1],
    )


def _parts(
    grids: list[Grid], where: list[str], inputs: Columns, outputs: Columns
) -> tuple[list[Part], tuple[Any, Any]]:
    """Inputs and labels of each file, and the names of inputs and outputs."""
    first = grids[0]
    for grid, file in zip(grids, where, strict=True):
        require(bool(grid.rows), f"{file} is empty; allowed are lines of inputs and outputs")
        _same_columns(grid, first, file)
    width = len(first.rows[0][1])
    require(width > 1, f"{where[0]}: one column; allowed are inputs and at least 1 output")
    if inputs is not None or outputs is not None:
        ins, outs = stated_columns(first, inputs, outputs, where[0])
    else:
        ins = named_inputs(first.names or []) or [*range(first.mark or width - 1)]
        outs = [column for column in range(width) if column not in ins]
    x, input_names = _encoded(grids, where, ins, _inputs_of)
    y, output_names = _encoded(grids, where, outs, _outputs_of)
    named = (input_names, output_names) if first.names else (None, None)
    return [(a, b.view(TruthTable)) for a, b in zip(x, y, strict=True)], named


def _same_columns(grid: Grid, first: Grid, where: str) -> None:
    """Raise unless a grid has the columns of the first; put them in its order."""
    names, wanted = grid.names, first.names
    width, expected = len(grid.rows[0][1]), len(first.rows[0][1])
    require(width == expected, f"{where}: {width} columns; allowed are {expected}, as in training")
    if names is None or wanted is None:
        return
    require(
        sorted(names) == sorted(wanted),
        f"{where}: columns {', '.join(names)}; allowed are {', '.join(wanted)}, as in training",
    )
    order = [names.index(name) for name in wanted]
    grid.rows = [(number, [row[column] for column in order]) for number, row in grid.rows]
    grid.names = wanted


def _encoded(
    grids: list[Grid], where: list[str], columns: Sequence[int], encode: Any
) -> tuple[list[np.ndarray], list[str]]:
    """The bits of some columns in each file, and their names."""
    rows = [row for grid in grids for row in grid.rows]
    sources = [file for file, grid in zip(where, grids, strict=True) for _ in grid.rows]
    blocks, names = [], []
    for column in columns:
        name = grids[0].names[column] if grids[0].names else f"column {column + 1}"
        bits, values = encode(rows, column, name, sources)
        blocks.append(bits)
        names += [f"{name}={value}" for value in values] or [name]
    ends = np.cumsum([len(grid.rows) for grid in grids])[:-1]
    return np.split(np.concatenate(blocks, axis=1).astype(np.uint8), ends), names


def _inputs_of(
    rows: list[tuple[int, list[str]]], column: int, name: str, sources: list[str]
) -> tuple[np.ndarray, list[str]]:
    """The bits of a column of inputs, and the values that they stand for, of categories."""
    cells = [row[column] for _, row in rows]
    if None not in {notation_of(cell) for cell in cells} and _one_notation(cells):
        return bits_of_cells(rows, [column], sources[0]), []
    values = _values(rows, column, name, sources)
    return np.array(cells)[:, None] == np.array(values), values


def _outputs_of(
    rows: list[tuple[int, list[str]]], column: int, name: str, sources: list[str]
) -> tuple[np.ndarray, list[str]]:
    """The bits of a column of outputs, and the classes that they stand for."""
    cells = [row[column] for _, row in rows]
    known = {cell for cell in cells if cell.lower() not in EITHER and cell not in UNKNOWN}
    if None not in map(notation_of, known) and _one_notation(known):
        filled = [(number, [cell or "?"]) for (number, _), cell in zip(rows, cells, strict=True)]
        return bits_of_cells(filled, [0], sources[0]), []
    values = [value for value in _values(rows, column, name, sources) if value not in UNKNOWN]
    wanted = values[1:] if len(values) == 2 else values
    bits = (np.array(cells)[:, None] == np.array(wanted)).astype(np.uint8)
    bits[np.isin(cells, UNKNOWN)] = DONT_CARE
    return bits, wanted if len(values) > 2 else []


def _one_notation(cells: Any) -> bool:
    """Whether bits are of one notation; 1 stands in two."""
    return len({notation_of(cell) for cell in cells if cell != "1"}) < 2


def _values(
    rows: list[tuple[int, list[str]]], column: int, name: str, sources: list[str]
) -> list[str]:
    """The distinct values of a column of categories; numbers in their order."""
    numbers = {
        row[column]: float(row[column].replace(",", "."))
        for _, row in rows
        if is_number(row[column])
    }
    distinct = {row[column] for _, row in rows}
    odd = {value for value, number in numbers.items() if not number.is_integer()}
    odd = distinct if len(distinct) > MAX_CATEGORIES else odd
    for source, (number, row) in zip(sources, rows, strict=True):
        require(
            row[column] not in odd,
            f"{source}, line {number}: {name!r} holds {row[column]!r}, one of {len(distinct)} "
            f"values; allowed are bits, or at most {MAX_CATEGORIES} categories, words or whole "
            "numbers; cut other numbers into classes first",
        )
    return sorted(distinct, key=lambda value: (value not in numbers, numbers.get(value, 0), value))
