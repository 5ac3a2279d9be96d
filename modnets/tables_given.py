"""What is wrong with a table that a function was given, told in one line.

Columns by known names hold numbers; and where a function stumbles over a table all the same, the
line says over which of them, and over what.  The error itself stays attached as the cause.
"""

from __future__ import annotations

import linecache
import re
from types import TracebackType
from typing import Any

from modnets.errors import require, shown

#: Columns of results and of what is worked out of them that hold numbers, whole names or endings.
NUMBERS = re.compile(
    r"(train_rows|batch_size|epochs?|eval_every|(split_)?seed|samples|test_samples|lr(_\w+)?|gamma"
    r"|weight_decay|input_noise|temperature|pruning_ratio|arity|weights|n|n_\w+|confidence|share"
    r"|level|slot|clarity|flips|time|\w*(accuracy|_loss|solved|flops|_low|_high|_share))"
)
#: What a function raises when a table is not as it takes it for.
FOREIGN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)


def is_table(value: object) -> bool:
    """Whether it is a DataFrame, without importing pandas."""
    return any(kind.__name__ == "DataFrame" for kind in type(value).__mro__)


def tables_in(given: dict[str, Any]) -> dict[str, Any]:
    """The tables among arguments, also those in a dict, by what an error calls them."""
    found = {}
    for name, value in given.items():
        if isinstance(value, dict):
            within = {f"{name}[{shown(key)}]": entry for key, entry in value.items()}
            found |= {key: entry for key, entry in within.items() if is_table(entry)}
        elif is_table(value):
            found[name] = value
    return found


def check_table(name: str, table: Any) -> None:
    """Raise ValueError if a column that holds numbers holds words."""
    for column, kind in zip(table.columns, table.dtypes, strict=True):
        if str(kind) in ("str", "string", "object") and NUMBERS.fullmatch(str(column)):
            words = [value for value in table[column].head(1000) if isinstance(value, str)]
            require(
                not words,
                f"{name}: column {column!r} holds {shown(words[0]) if words else ''}; "
                "allowed are numbers",
            )


def told(error: Exception, tables: dict[str, Any]) -> str:
    """One line for an error that a function raised over these tables."""
    words = re.findall(r"'([^']+)'", str(error)) if isinstance(error, LookupError) else []
    for word in words:
        lacking = [name for name, table in tables.items() if word not in table.columns]
        if lacking:
            have = f"; there are {', '.join(map(str, tables[lacking[0]].columns))[:400]}"
            return (
                f"{' or '.join(lacking)}: missing columns [{word!r}]; allowed is a table that has "
                f"them{have}"
            )
    empty = [name for name, table in tables.items() if len(table) == 0]
    if empty:
        return f"{' and '.join(empty)} is empty; allowed is a table with rows"
    return (
        f"{' or '.join(tables)}: what the columns hold cannot be computed with "
        f"({type(error).__name__}); allowed is a table as modnets makes it, of these runs"
    )


def is_own(error: Exception, trace: TracebackType | None) -> bool:
    """Whether modnets raised it on purpose, or a caller who left out an argument did."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    if len(frames) < 2:
        return True
    file, line = frames[-1].tb_frame.f_code.co_filename, frames[-1].tb_lineno
    return "modnets" in file and linecache.getline(file, line).lstrip().startswith("raise")
