"""What is wrong with a DataFrame argument, in one line.

Columns of known names have to hold numbers.  Where a function fails on a table all the same, the
line says on which table, and on what.  The original error stays attached as the cause.
"""

from __future__ import annotations

import linecache
import re
from types import TracebackType
from typing import Any

from modnets.errors import require, shown

#: Columns of results and derived tables that hold numbers, by full name or ending.
NUMBERS = re.compile(
    r"(train_rows|batch_size|epochs?|eval_every|(split_)?seed|samples|test_samples|gamma"
    r"|(lr(_routing|_selection)?|temperature)(_end|_hold)?|weight_decay|input_noise|pruning_ratio|arity|weights|n|n_\w+|confidence|share"
    r"|level|slot|clarity|flips|time|\w*(accuracy|_loss|solved|flops|_low|_high|_share))"
)
#: What a function raises where a table is not as it expects.
FOREIGN: tuple[type[Exception], ...]
FOREIGN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


def is_table(value: object) -> bool:
    """Whether it is a DataFrame, without importing pandas."""
    return any(kind.__name__ == "DataFrame" for kind in type(value).__mro__)


def tables_in(arguments: dict[str, Any]) -> dict[str, Any]:
    """The tables among arguments, also those in a dict, by their names in an error."""
    tables: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, dict):
            within = {f"{name}[{shown(key)}]": entry for key, entry in value.items()}
            tables |= {key: entry for key, entry in within.items() if is_table(entry)}
        elif is_table(value):
            tables[name] = value
    return tables


def check_table(name: str, table: Any) -> None:
    """Raise ValueError if a column that should hold numbers holds strings."""
    for column, kind in zip(table.columns, table.dtypes, strict=True):
        if str(kind) in ("str", "string", "object") and NUMBERS.fullmatch(str(column)):
            strings = [value for value in table[column].head(1000) if isinstance(value, str)]
            require(
                not strings,
                f"{name}: column {column!r} holds {shown(strings[0]) if strings else ''}; "
                "allowed are numbers",
            )


def describe(error: Exception, tables: dict[str, Any]) -> str:
    """One line for an error that a function raised when called with these tables."""
    quoted = re.findall(r"'([^']+)'", str(error)) if isinstance(error, LookupError) else []
    for column in quoted:
        lacking = [name for name, table in tables.items() if column not in table.columns]
        if lacking:
            have = f"; there are {', '.join(map(str, tables[lacking[0]].columns))[:400]}"
            return (
                f"{' or '.join(lacking)}: missing columns [{column!r}]; allowed is a table that "
                f"has them{have}"
            )
    empty = [name for name, table in tables.items() if len(table) == 0]
    if empty:
        return f"{' and '.join(empty)} is empty; allowed is a table with rows"
    return (
        f"{' or '.join(tables)}: what the columns hold cannot be computed with "
        f"({type(error).__name__}); allowed is a table as modnets makes it, of these runs"
    )


def is_deliberate(error: Exception, trace: TracebackType | None) -> bool:
    """Whether a ``raise`` of modnets raised it, or a call that lacks an argument."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    if len(frames) < 2:
        return True
    file, line = frames[-1].tb_frame.f_code.co_filename, frames[-1].tb_lineno
    return "modnets" in file and linecache.getline(file, line).lstrip().startswith("raise")
