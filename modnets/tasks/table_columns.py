"""Which columns of a truth table are inputs, and which are outputs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from modnets.errors import nearest, require, shown
from modnets.tasks.table_grid import Grid

#: Names of columns that are inputs, and that are outputs.
INPUTS = re.compile(r"x(?=[\d_])|(in|inputs?)(?![a-z])", re.IGNORECASE)
OUTPUTS = re.compile(r"y(?=[\d_])|(out|outputs?)(?![a-z])", re.IGNORECASE)

#: How many columns, or their names; None where the caller does not say.
Columns = int | Sequence[str] | None


def default_names(n_inputs: int, n_outputs: int) -> list[str]:
    """Names of columns without names: x0, x1, ... and y0, y1, ..."""
    return [f"x{i}" for i in range(n_inputs)] + [f"y{i}" for i in range(n_outputs)]


def stated_columns(
    grid: Grid, inputs: Columns, outputs: Columns, where: str
) -> tuple[list[int], list[int]]:
    """Indices of the input and output columns, as the caller states them for at least one.

    Raises
    ------
    ValueError
        If there is no such column, a column is both, or none is left for one of them.
    """
    width = len(grid.rows[0][1])
    ins = _stated(grid, "inputs", inputs, width, where)
    outs = _stated(grid, "outputs", outputs, width, where)
    if ins is None:
        ins = [column for column in range(width) if column not in (outs or ())]
    if outs is None:
        outs = [column for column in range(width) if column not in ins]
    both = sorted({*ins} & {*outs})
    require(
        not both and bool(ins) and bool(outs),
        f"{where}: inputs={inputs!r} and outputs={outputs!r} of {width} columns; allowed is at "
        "least one input and one output, and no column twice",
    )
    return ins, outs


def _stated(grid: Grid, name: str, columns: Any, width: int, where: str) -> list[int] | None:
    columns = columns.tolist() if hasattr(columns, "tolist") else columns  # of numpy, of pandas
    if columns is None:
        return None
    if isinstance(columns, int) and not isinstance(columns, bool):
        require(0 < columns < width, f"{name}={columns}; allowed is 1 to {width - 1} of {where}")
        return [*range(columns)] if name == "inputs" else [*range(width - columns, width)]
    columns = [columns] if isinstance(columns, str) else columns
    require(
        isinstance(columns, list | tuple) and all(isinstance(one, str) for one in columns),
        f"{name}={shown(columns)}; allowed is how many columns, or a list of names",
    )
    if grid.names is None:
        raise ValueError(
            f"{name}={shown(columns)}: {where} has no line of names; allowed is how many columns"
        )
    for one in columns:
        require(
            one in grid.names,
            f"{name}={one!r}{nearest(one, grid.names)}; allowed are columns of {where}: "
            f"{', '.join(grid.names)}",
        )
    require(len({*columns}) == len(columns), f"{name}={columns!r}; allowed is each column once")
    return [grid.names.index(one) for one in columns]


def columns_of(
    grid: Grid, ends: tuple[int, int] | None, where: str, missing: str
) -> tuple[list[int], list[int]]:
    """Indices of the input and output columns, from widths, names, a bar or the number of rows.

    Columns with default names are sorted by these, others keep the order of the table.

    Parameters
    ----------
    grid : Grid
    ends : (int, int), optional
        Number of inputs, and of outputs, if known.
    where, missing
        As for :func:`read_table`.

    Raises
    ------
    ValueError
        If these contradict each other, or none of them tells the inputs.
    """
    width = len(grid.rows[0][1]) if grid.rows else sum(ends or ())
    by_name = named_inputs(grid.names or [])
    evidence = {
        "widths": ends[0] if ends else 0,
        "the bar or empty column": grid.mark or 0,
        "the names": len(by_name),
    }
    evidence = {source: n for source, n in evidence.items() if n}
    require(
        len({*evidence.values()}) < 2,
        f"{where}: {', '.join(f'{n} inputs by {source}' for source, n in evidence.items())}; "
        "allowed is that they agree, or inputs=",
    )
    n_inputs = next(iter(evidence.values())) if evidence else _by_number(grid, where, missing)
    names = default_names(n_inputs, ends[1] if ends else width - n_inputs)
    for number, cells in grid.rows[:1]:
        require(
            len(cells) == len(names),
            f"{where}, line {number}: {len(cells)} entries; allowed are {len(names)}: "
            f"{', '.join(names)}",
        )
    if grid.names and sorted(grid.names) == sorted(names):
        order = [grid.names.index(name) for name in names]
        return order[:n_inputs], order[n_inputs:]
    ins = by_name or [*range(n_inputs)]
    outs = [column for column in range(len(names)) if column not in ins]
    if grid.names and not grid.mark:
        for kind, columns, others in (("an input", ins, OUTPUTS), ("an output", outs, INPUTS)):
            wrong = next((grid.names[c] for c in columns if others.match(grid.names[c])), None)
            require(
                wrong is None,
                f"{where}: column {wrong!r} would be {kind}, as the first {n_inputs} columns are "
                "inputs; allowed is to say which are, by inputs=",
            )
    return ins, outs


def _by_number(grid: Grid, where: str, missing: str) -> int:
    """The number of inputs from that of distinct lines, rounded to the nearest power of 2."""
    width, lines = len(grid.rows[0][1]), {tuple(cells) for _, cells in grid.rows}
    require(
        missing == "refuse",
        f"{where}: {width} columns, of which it does not say how many are inputs; allowed with "
        "missing='dont_care' is inputs=, as inputs=3",
    )
    n_inputs = max(len(lines) - 1, 1).bit_length()
    fewer = n_inputs - 1
    is_nearer = fewer and len(lines) - 2**fewer < 2**n_inputs - len(lines)
    if is_nearer and len({line[:fewer] for line in lines}) == 2**fewer:
        n_inputs = fewer
    require(
        n_inputs < width,
        f"{where}: {len(grid.rows)} lines of {width} entries; allowed are 2**n lines of n inputs "
        "and at least 1 output",
    )
    return n_inputs


def named_inputs(names: Sequence[str]) -> list[int]:
    """Indices of the inputs, if the names of all columns tell what they are; else empty."""
    ins = [column for column, name in enumerate(names) if INPUTS.match(name)]
    outs = [column for column, name in enumerate(names) if OUTPUTS.match(name)]
    return ins if outs and len(ins) + len(outs) == len(names) else []
