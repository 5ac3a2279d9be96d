"""User-defined truth tables, from files or text in many formats."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from modnets.errors import one_of, require
from modnets.paths import expanded
from modnets.tasks.graphs import MAX_TABLE_INPUTS, FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, get_graph
from modnets.tasks.pla import is_pla, parse_pla
from modnets.tasks.table_columns import Columns, columns_of, default_names, stated_columns
from modnets.tasks.table_grid import grid_of
from modnets.tasks.table_text import text_of
from modnets.tasks.table_values import bits_of_cells, filled
from modnets.tasks.truth_tables import TruthTable

#: Treatment of missing rows.
MISSING = ("refuse", "dont_care")
#: Extensions of the files that are searched for in a folder, in this order.
ENDINGS = (".csv", ".tsv", ".txt", ".pla")


def read_table(
    path: str | Path,
    widths: Sequence[int] | None = None,
    *,
    inputs: Columns = None,
    outputs: Columns = None,
    missing: str = "refuse",
) -> TruthTable:
    """The outputs of a truth table, rows sorted into lexicographic order of the inputs.

    Each line holds the inputs of a row and its outputs; lines may be in any order.  Delimiters are
    commas, semicolons, tabs, bars or blanks; entries may be quoted.  Bits are 0 and 1, True and
    False, T and F, yes and no, Y and N, on and off, or -1 and 1, in one notation in the whole
    table; ``-`` or ``x`` is a don't-care: an output that may be either, or an input that stands
    for both values.  A header of names, comments (``#``), empty lines, a first column of row
    numbers, and a byte order mark are allowed.  Espresso's ``.pla`` is read too, in its types f,
    fd, fr and fdr.

    Which columns are inputs follows from the first of these that there is: ``inputs`` and
    ``outputs``; ``widths``; the name of the file, as ``6-3-2-2.csv``; a bar or an empty column
    between them; names such as x0, x1, y0 or in_a, out_b; else from the number of lines, 2 to the
    number of inputs.  Columns named x0, x1, ... and y0, y1, ... are sorted by name, others keep
    their order.

    Parameters
    ----------
    path : str or Path
        A ``.csv``, ``.tsv``, ``.txt`` or ``.pla`` file; any other extension is read as text.
    widths : sequence of int, optional
        Inputs first, outputs last.
    inputs, outputs : int or sequence of str, optional
        The number of inputs, which are the first columns, and of outputs, the last; or their names,
        in the order wanted.  One of the two determines the other; columns that neither names are
        left out.
    missing : "refuse" or "dont_care"
        Treatment of missing rows; don't-cares are left out of loss and scores.

    Returns
    -------
    TruthTable of uint8, shape (2**n_inputs, n_outputs)
        An array of 0, 1, and 2 for don't-cares, with ``input_names`` and ``output_names``.
        :meth:`FunctionGraph.from_table` makes a task of it.

    Raises
    ------
    ValueError
        With file, line, value and what is allowed: if an input row is missing, or has different
        outputs in two lines, an entry is no bit, or a line has too few or too many entries.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "adder.csv"
    >>> lines = ["a;b;sum;carry", "0;0;0;0", "0;1;1;0", "1;0;1;0", "1;1;0;1"]
    >>> _ = path.write_text("\\n".join(lines))
    >>> table = read_table(path)
    >>> table.tolist(), table.input_names, table.output_names
    ([[0, 0], [1, 0], [1, 0], [0, 1]], ('a', 'b'), ('sum', 'carry'))
    >>> task = FunctionGraph.from_table(table, name="adder")
    >>> read_table(path, inputs=["b", "a"], outputs=["carry"]).ravel().tolist()
    [0, 0, 0, 1]
    >>> _ = path.write_text("\\n".join(lines[:-1]))
    >>> read_table(path, inputs=2, missing="dont_care").tolist()
    [[0, 0], [1, 0], [1, 0], [2, 2]]
    >>> folder.cleanup()
    """
    path = expanded(path)
    stated = inputs is not None or outputs is not None
    ends = None if stated else _ends(path, widths)
    text = text_of(path)
    if path.suffix.lower() == ".pla" or is_pla(text):
        return _of_pla(text, str(path), stated, ends if widths is not None else None, missing)
    return _of_text(text, str(path), inputs, outputs, ends, missing)


def parse_table(
    text: str,
    where: str = "table",
    *,
    inputs: Columns = None,
    outputs: Columns = None,
    missing: str = "refuse",
) -> TruthTable:
    """The outputs of a truth table in a text, in any format that :func:`read_table` takes.

    Parameters
    ----------
    text : str
    where : str
        Its name in errors.
    inputs, outputs, missing
        As for :func:`read_table`.

    Returns
    -------
    TruthTable of uint8, shape (2**n_inputs, n_outputs)

    Raises
    ------
    ValueError
        As :func:`read_table`; also if the text is empty.
    """
    if is_pla(text):
        stated = inputs is not None or outputs is not None
        return _of_pla(text, where, stated, None, missing)
    return _of_text(text, where, inputs, outputs, None, missing)


def _of_pla(
    text: str, where: str, stated: bool, ends: tuple[int, int] | None, missing: str
) -> TruthTable:
    one_of("missing", missing, MISSING)
    require(not stated, f"{where}: a .pla file says its inputs; allowed is none of inputs, outputs")
    table = parse_pla(text, where, missing=missing)
    sizes = len(table).bit_length() - 1, table.shape[1]
    if ends is not None and ends != sizes:
        allowed, actual = (f"{n} inputs and {m} outputs" for n, m in (ends, sizes))
        raise ValueError(f"{where}: {actual}; allowed are {allowed}")
    return table


def _of_text(
    text: str,
    where: str,
    inputs: Columns,
    outputs: Columns,
    ends: tuple[int, int] | None,
    missing: str,
) -> TruthTable:
    one_of("missing", missing, MISSING)
    grid = grid_of(text, where, () if ends is None else default_names(*ends))
    require(
        bool(grid.rows) or ends is not None,
        f"{where} is empty; allowed are 2**n lines such as 0,1,1: n inputs, then outputs",
    )
    if inputs is not None or outputs is not None:
        ins, outs = stated_columns(grid, inputs, outputs, where)
    else:
        ins, outs = columns_of(grid, ends, where, missing)
    require(
        1 <= len(ins) <= MAX_TABLE_INPUTS,
        f"{where}: {len(ins)} inputs; allowed are 1 to {MAX_TABLE_INPUTS}",
    )
    require(len(outs) > 0, f"{where}: no outputs; allowed is at least 1")
    bits = bits_of_cells(grid.rows, [*ins, *outs], where)
    lines = np.array([number for number, _ in grid.rows], int)
    table = filled(bits[:, : len(ins)], bits[:, len(ins) :], lines, where, missing)
    if not grid.names:
        return TruthTable.of(table)
    return TruthTable.of(table, [grid.names[c] for c in ins], [grid.names[c] for c in outs])


def _ends(path: Path, widths: Sequence[int] | None) -> tuple[int, int] | None:
    """Number of inputs and of outputs, from widths or the name of the file; None if unknown."""
    where = str(path)
    if widths is None:
        if not re.fullmatch(r"(0|[1-9]\d?)(-(0|[1-9]\d?))+", path.stem):
            return None
        widths = [int(width) for width in path.stem.split("-")]
        where += ": its name says"
    name = "-".join(map(str, widths))
    require(
        len(widths) > 1 and 1 <= widths[0] <= MAX_TABLE_INPUTS and widths[-1] >= 1,
        f"{where} widths {name}; allowed are 1 to {MAX_TABLE_INPUTS} inputs first, "
        "and at least 1 output last; or give inputs=",
    )
    return widths[0], widths[-1]


def find_graph(
    widths: Sequence[int], folder: str | Path | None = None
) -> tuple[FunctionGraph, str]:
    """The task of some widths, and one line that says where its table comes from.

    Parameters
    ----------
    widths : sequence of int
        Inputs, sub-functions per level, outputs.
    folder : str or Path, optional
        Folder that may hold a file ``<widths>.csv``, or ``.tsv``, ``.txt``, ``.pla``.  A table
        equal to that of the named graph gives that graph; any other, a task without known
        structure.

    Returns
    -------
    (FunctionGraph, str)

    Raises
    ------
    ValueError
        If there is neither such a file nor a graph of that name, or the file is not a table.
    """
    name = "-".join(map(str, widths))
    if folder is None:
        return _named(name), f"truth table of {name} computed"
    folder = expanded(folder, "folder")
    require(
        not folder.is_file(), f"{folder} is a file; allowed is a folder that may hold {name}.csv"
    )
    paths = [folder / f"{name}{ending}" for ending in ENDINGS]
    path = next((path for path in paths if path.exists()), None)
    if path is None:
        return _named(name), f"truth table of {name} computed (no {paths[0]})"
    table = read_table(path, widths)
    if name in GRAPHS and np.array_equal(table, GRAPHS[name].truth_table()):
        graph = GRAPHS[name]
        if table.input_names or table.output_names:
            graph = replace(graph, input_names=table.input_names, output_names=table.output_names)
        return graph, f"truth table of {name} read from {path}: that of the graph {name}"
    graph = FunctionGraph.from_table(table, name=f"{name} ({path.name})")
    return graph, f"truth table of {name} read from {path}: a function without known structure"


def _named(name: str) -> FunctionGraph:
    return cast("FunctionGraph", get_graph(name))  # widths name no set of tasks
