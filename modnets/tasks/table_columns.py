"""Which columns of a truth table are inputs, and which are outputs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from modnets.errors import nearest, require, shown
from modnets.tasks.table_grid import Grid

#: Names of columns that say by themselves what they are.
INPUTS = re.compile(r"x(?=[\d_])|(in|inputs?)(?![a-z])", re.IGNORECASE)
OUTPUTS = re.compile(r"y(?=[\d_])|(out|outputs?)(?![a-z])", re.IGNORECASE)

Columns = int | Sequence[str] | None


def usual_names(n_inputs: int, n_outputs: int) -> list[str]:
    """What columns are called that have no names."""
    return [f"x{i}" for i in range(n_inputs)] + [f"y{i}" for i in range(n_outputs)]


def stated_columns(
    grid: Grid, inputs: Columns, outputs: Columns, where: str
) -> tuple[list[int], list[int]]:
    """The columns that the caller has said."""
    width = len(grid.rows[0][1])
    ins, outs = (
        _places(grid, name, given, width, where)
        for name, given in (("inputs", inputs), ("outputs", outputs))
    )
    if ins is None:
        ins = [place for place in range(width) if place not in outs]
    if outs is None:
        outs = [place for place in range(width) if place not in ins]
    both = sorted({*ins} & {*outs})
    require(
        not both and bool(ins) and bool(outs),
        f"{where}: inputs={inputs!r} and outputs={outputs!r} of {width} columns; allowed is at "
        "least one input and one output, and no column twice",
    )
    return ins, outs


def _places(grid: Grid, name: str, given: Columns, width: int, where: str) -> list[int] | None:
    given = given.tolist() if hasattr(given, "tolist") else given  # of numpy, of pandas
    if given is None:
        return None
    if isinstance(given, int) and not isinstance(given, bool):
        require(0 < given < width, f"{name}={given}; allowed is 1 to {width - 1} of {where}")
        return [*range(given)] if name == "inputs" else [*range(width - given, width)]
    given, known = [given] if isinstance(given, str) else given, grid.names
    require(
        isinstance(given, list | tuple) and all(isinstance(one, str) for one in given),
        f"{name}={shown(given)}; allowed is how many columns, or a list of names",
    )
    require(
        known is not None,
        f"{name}={shown(given)}: {where} has no line of names; allowed is how many columns",
    )
    for one in given:
        require(
            one in known,
            f"{name}={one!r}{nearest(one, known)}; allowed are columns of {where}: "
            f"{', '.join(known)}",
        )
    require(len({*given}) == len(given), f"{name}={given!r}; allowed is each column once")
    return [known.index(one) for one in given]


def columns_of(
    grid: Grid, ends: tuple[int, int] | None, where: str, missing: str
) -> tuple[list[int], list[int]]:
    """The columns of inputs and of outputs, as is known already or as the table itself tells them.

    Columns that have the usual names are put in their order, others stay in that of the table.

    Parameters
    ----------
    grid : Grid
    ends : (int, int), optional
        Number of inputs, and of outputs.
    where, missing
        As for :func:`read_table`.

    Raises
    ------
    ValueError
        If what tells them disagrees, or nothing does.
    """
    width = len(grid.rows[0][1]) if grid.rows else sum(ends or ())
    by_name = _by_name(grid.names or [])
    told = {"widths": ends and ends[0], "the bar or empty column": grid.mark}
    told = {what: n for what, n in (told | {"the names": len(by_name)}).items() if n}
    require(
        len({*told.values()}) < 2,
        f"{where}: {', '.join(f'{n} inputs by {what}' for what, n in told.items())}; allowed is "
        "that they agree, or inputs=",
    )
    n_inputs = next(iter(told.values())) if told else _by_number(grid, where, missing)
    names = usual_names(n_inputs, ends[1] if ends else width - n_inputs)
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
    outs = [place for place in range(len(names)) if place not in ins]
    if grid.names and not grid.mark:
        for kind, places, others in (("an input", ins, OUTPUTS), ("an output", outs, INPUTS)):
            wrong = next((grid.names[p] for p in places if others.match(grid.names[p])), None)
            require(
                wrong is None,
                f"{where}: column {wrong!r} would be {kind}, as the first {n_inputs} columns are "
                "inputs; allowed is to say which are, by inputs=",
            )
    return ins, outs


def _by_number(grid: Grid, where: str, missing: str) -> int:
    """How many inputs so many distinct lines have; if it is no power of 2, those nearest."""
    width, lines = len(grid.rows[0][1]), {tuple(cells) for _, cells in grid.rows}
    require(
        missing == "refuse",
        f"{where}: {width} columns, of which it does not say how many are inputs; allowed with "
        "missing='dont_care' is inputs=, as inputs=3",
    )
    n_inputs = max(len(lines) - 1, 1).bit_length()
    fewer = n_inputs - 1
    too_many = fewer and len(lines) - 2**fewer < 2**n_inputs - len(lines)
    if too_many and len({line[:fewer] for line in lines}) == 2**fewer:
        n_inputs = fewer
    require(
        n_inputs < width,
        f"{where}: {len(grid.rows)} lines of {width} entries; allowed are 2**n lines of n inputs "
        "and at least 1 output",
    )
    return n_inputs


def _by_name(names: Sequence[str]) -> list[int]:
    """Which columns are inputs, if the names of all say what they are; else none."""
    ins = [place for place, name in enumerate(names) if INPUTS.match(name)]
    outs = [place for place, name in enumerate(names) if OUTPUTS.match(name)]
    return ins if outs and len(ins) + len(outs) == len(names) else []
