"""Which columns of a truth table are inputs, and which are outputs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from modnets.errors import nearest, require
from modnets.tasks.table_grid import Grid

#: Names of columns that say by themselves what they are.
INPUTS = re.compile(r"(x|in|inputs?)(?![a-z])", re.IGNORECASE)
OUTPUTS = re.compile(r"(y|out|outputs?)(?![a-z])", re.IGNORECASE)

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
        f"{name}={given!r}; allowed is how many columns, or a list of names",
    )
    require(
        known is not None,
        f"{name}={given!r}: {where} has no line of names; allowed is how many columns",
    )
    for one in given:
        require(
            one in known,
            f"{name}={one!r}{nearest(one, known)}; allowed are columns of {where}: "
            f"{', '.join(known)}",
        )
    require(len({*given}) == len(given), f"{name}={given!r}; allowed is each column once")
    return [known.index(one) for one in given]


def in_order(grid: Grid, n_inputs: int, n_outputs: int, where: str) -> tuple[list[int], list[int]]:
    """The first columns are inputs, the others outputs; x0, y0, ... are put in that order."""
    names = usual_names(n_inputs, n_outputs)
    width = len(names)
    for number, cells in grid.rows[:1]:
        require(
            len(cells) == width,
            f"{where}, line {number}: {len(cells)} entries; allowed are {width}: "
            f"{', '.join(names)}",
        )
    order = [*range(width)]
    if grid.names and sorted(grid.names) == sorted(names):
        order = [grid.names.index(name) for name in names]
    return order[:n_inputs], order[n_inputs:]


def found_ends(
    grid: Grid, ends: tuple[int, int] | None, where: str, missing: str
) -> tuple[int, int]:
    """Inputs and outputs: as is known already, or as the table itself tells them.

    Raises
    ------
    ValueError
        If what tells them disagrees, or nothing does.
    """
    told = {
        "widths": ends and ends[0],
        "the bar or empty column": grid.mark,
        "the names": grid.names and _by_name(grid.names),
    }
    told = {what: n for what, n in told.items() if n}
    require(
        len({*told.values()}) < 2,
        f"{where}: {', '.join(f'{n} inputs by {what}' for what, n in told.items())}; allowed is "
        "that they agree, or inputs=",
    )
    if ends:
        return ends
    n_lines, width = len(grid.rows), len(grid.rows[0][1])
    if told:
        (n_inputs,) = {*told.values()}
        return n_inputs, width - n_inputs
    require(
        missing == "refuse",
        f"{where}: {width} columns, of which it does not say how many are inputs; allowed with "
        "missing='dont_care' is inputs=, as inputs=3",
    )
    n_inputs = _by_number({tuple(cells) for _, cells in grid.rows})
    require(
        n_inputs < width,
        f"{where}: {n_lines} lines of {width} entries; allowed are 2**n lines of n inputs and at "
        "least 1 output",
    )
    return n_inputs, width - n_inputs


def _by_number(lines: set[tuple[str, ...]]) -> int:
    """How many inputs so many distinct lines have; if it is no power of 2, those nearest."""
    n_inputs = max(len(lines) - 1, 1).bit_length()
    fewer = n_inputs - 1
    too_many = fewer and len(lines) - 2**fewer < 2**n_inputs - len(lines)
    whole = too_many and len({line[:fewer] for line in lines}) == 2**fewer
    return fewer if whole else n_inputs


def _by_name(names: Sequence[str]) -> int | None:
    """How many names are those of inputs, if all say what they are, inputs first or x0, y0."""
    are_inputs = [bool(INPUTS.match(name)) for name in names]
    all_told = all(one or OUTPUTS.match(name) for one, name in zip(are_inputs, names, strict=True))
    n_inputs = sum(are_inputs)
    if not all_told or n_inputs in (0, len(names)):
        return None
    usual = sorted(usual_names(n_inputs, len(names) - n_inputs)) == sorted(names)
    return n_inputs if all(are_inputs[:n_inputs]) or usual else None
