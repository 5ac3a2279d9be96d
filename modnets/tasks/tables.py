"""Truth tables of the user's own, from CSV files named by their widths, as 6-3-2-2.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from modnets.errors import require
from modnets.paths import expanded
from modnets.tasks.graphs import MAX_TABLE_INPUTS, FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, get_graph


def read_table(path: str | Path, widths: Sequence[int] | None = None) -> np.ndarray:
    """The outputs of a truth table, rows brought into lexicographic order of x0, x1, ...

    Each line holds the input bits, then the output bits; lines may stand in any order.  A first
    line of names (x0, x1, ..., y0, ...) is optional, and gives the order of the columns.

    Parameters
    ----------
    path : str or Path
        A CSV file.
    widths : sequence of int, optional
        Inputs first, outputs last; by default read from the name of the file.

    Returns
    -------
    ndarray of uint8, shape (2**n_inputs, n_outputs)

    Raises
    ------
    ValueError
        With file, line, value and what is allowed: if an input row is missing or stands twice,
        an entry is not 0 or 1, or a line has too few or too many of them.
    """
    path = expanded(path)
    return _table(_lines(path), str(path), *_ends(path, widths))


def parse_table(text: str, where: str = "table") -> np.ndarray:
    """The outputs of a truth table that was typed in, lines as :func:`read_table` takes them.

    Parameters
    ----------
    text : str
        Without a line of names, the number of lines tells which columns are inputs.
    where : str
        What errors call it.

    Returns
    -------
    ndarray of uint8, shape (2**n_inputs, n_outputs)

    Raises
    ------
    ValueError
        As :func:`read_table`; also if it holds no lines.
    """
    rows = csv.reader(text.strip().splitlines(), skipinitialspace=True)
    lines = [(n, [cell.strip() for cell in cells]) for n, cells in enumerate(rows, 1) if cells]
    require(bool(lines), f"{where} is empty; allowed are lines such as 0,1,1: inputs, then outputs")
    first, named = lines[0][1], any(cell[:1].isalpha() for cell in lines[0][1])
    n_inputs = (
        sum(cell.startswith("x") for cell in first)
        if named
        else max(len(lines) - 1, 1).bit_length()
    )
    n_outputs = len(first) - n_inputs
    require(
        1 <= n_inputs <= MAX_TABLE_INPUTS and n_outputs >= 1,
        f"{where}: {len(lines) - named} lines of {len(first)} entries; allowed are 2**n lines of "
        "n inputs and at least 1 output",
    )
    return _table(iter(lines), where, n_inputs, n_outputs)


def _table(
    lines: Iterator[tuple[int, list[str]]], path: str, n_inputs: int, n_outputs: int
) -> np.ndarray:
    names = [f"x{i}" for i in range(n_inputs)] + [f"y{i}" for i in range(n_outputs)]
    table = np.zeros((2**n_inputs, n_outputs), dtype=np.uint8)
    seen_at: dict[int, int] = {}
    order = list(range(len(names)))
    first = True
    for line, cells in lines:
        if first and any(cell[:1].isalpha() for cell in cells):
            order, first = _columns(path, line, cells, names), False
            continue
        first = False
        bits = _bits(path, line, cells, names)
        bits = [bits[place] for place in order]
        inputs = "".join(map(str, bits[:n_inputs]))
        row = int(inputs, 2)
        require(
            row not in seen_at,
            f"{path}, line {line}: input row {inputs} stands in line {seen_at.get(row)} already; "
            "allowed is each input row once",
        )
        seen_at[row] = line
        table[row] = bits[n_inputs:]
    missing = next((row for row in range(len(table)) if row not in seen_at), None)
    if missing is not None:
        raise ValueError(
            f"{path}: input row {missing:0{n_inputs}b} is missing ({len(seen_at)} of "
            f"{len(table)} rows are there); allowed is each input row once"
        )
    return table


def find_graph(
    widths: Sequence[int], folder: str | Path | None = None
) -> tuple[FunctionGraph, str]:
    """The task of the given widths, and one line that says where its table comes from.

    Parameters
    ----------
    widths : sequence of int
        Inputs, sub-functions per level, outputs.
    folder : str or Path, optional
        Where a file ``<widths>.csv`` is looked for.  A table equal to that of the named graph
        stands for that graph; any other is a task without known structure.

    Returns
    -------
    (FunctionGraph, str)

    Raises
    ------
    ValueError
        If there is neither such a file nor a graph of that name, or the file is not a table.
    """
    name = "-".join(map(str, widths))
    path = None if folder is None else expanded(folder, "folder") / f"{name}.csv"
    if path is not None and path.parent.is_file():
        raise ValueError(f"{folder} is a file; allowed is a folder that may hold {name}.csv")
    if path is None or not path.exists():
        reason = "" if path is None else f" (no {path})"
        return get_graph(name), f"truth table of {name} computed{reason}"
    table = read_table(path, widths)
    if name in GRAPHS and np.array_equal(table, GRAPHS[name].truth_table()):
        return GRAPHS[name], f"truth table of {name} read from {path}: that of the graph {name}"
    graph = FunctionGraph.from_table(table, name=f"{name} ({path.name})")
    return graph, f"truth table of {name} read from {path}: a function without known structure"


def _ends(path: Path, widths: Sequence[int] | None) -> tuple[int, int]:
    """Number of inputs and of outputs."""
    if widths is None:
        words = path.stem.split("-")
        require(
            len(words) > 1 and all(word.isdecimal() for word in words),
            f"{path}: allowed are files named by their widths, as 6-3-2-2.csv, or give widths",
        )
        widths = [int(word) for word in words]
    given = "-".join(map(str, widths))
    require(
        len(widths) > 1 and 1 <= widths[0] <= MAX_TABLE_INPUTS and widths[-1] >= 1,
        f"{path}: widths {given}; allowed are 1 to {MAX_TABLE_INPUTS} inputs first, "
        "and at least 1 output last",
    )
    return widths[0], widths[-1]


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The lines of a CSV file that are not empty, with their numbers from 1."""
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    yield reader.line_num, [cell.strip() for cell in cells]
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"{path} cannot be read ({reason}); allowed is a CSV file") from None


def _columns(path: str, line: int, cells: list[str], names: list[str]) -> list[int]:
    """Where each name stands in the line of names."""
    require(
        sorted(cells) == sorted(names),
        f"{path}, line {line}: columns {', '.join(cells)}; allowed are {', '.join(names)}",
    )
    return [cells.index(name) for name in names]


def _bits(path: str, line: int, cells: list[str], names: list[str]) -> list[int]:
    require(
        len(cells) == len(names),
        f"{path}, line {line}: {len(cells)} entries; allowed are {len(names)}: {', '.join(names)}",
    )
    for cell in cells:
        try:
            ok = float(cell) in (0.0, 1.0)
        except ValueError:
            ok = False
        require(ok, f"{path}, line {line}: entry {cell!r}; allowed are 0 and 1")
    return [int(float(cell)) for cell in cells]
