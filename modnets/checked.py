"""Arguments of public functions, read by their annotations: one mechanism for all of them.

``@checked`` reads each argument as the kind that its annotation names, ``int``, ``float | None``,
``Sequence[str]``, ``pd.DataFrame``, any class; and within limits, where some are given.  What does
not fit is refused in one line: the parameter, the value given, what is allowed.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from modnets.annotations import in_words, options_of, read_as
from modnets.errors import nearest, require, shown
from modnets.table_errors import FOREIGN, check_table, describe, is_deliberate, tables_in
from modnets.values import MAX_WHOLE, scalar

Function = TypeVar("Function", bound=Callable[..., Any])


class Between(NamedTuple):
    """Numbers between two, the ends left out."""

    least: float
    most: float


MANY = 1000  # from here on an upper limit is named only where it is passed
#: Of arrays: entries are axes of matplotlib.
AXES = object()
#: What parameters of these names may be wherever they stand; ``@checked(name=...)`` says otherwise.
LIMITS: dict[str, Any] = {
    "confidence": Between(0, 1),
    "resamples": (1, 1_000_000),
    "seed": (0, MAX_WHOLE),
    "draws": (1, 100_000_000),
    "task": (0, 1000),
    "columns": (1, 1000),
    "axes": AXES,
    "slots": (1, 1_000_000),
    "shared_modules": (1, 1_000_000),
    "channels": (1, 1_000_000),
    "module_arch": (1, 1_000_000),
    "side": (1, 100_000),
    "widths": (1, 1_000_000),
    "window": (1, MAX_WHOLE),
}


def checked(function: Function | None = None, /, **limits: Any) -> Any:
    """Decorator: every argument is read by its annotation, and within its limits.

    Parameters
    ----------
    **limits
        Parameter -> (least, most) or ``Between``; a list of columns that a table has to have.

    Examples
    --------
    >>> @checked(count=(1, 3))
    ... def half(count: int) -> float:
    ...     return count / 2
    >>> half(5)
    Traceback (most recent call last):
    ValueError: count=5; allowed is 1 to 3
    """
    if function is None:
        return lambda function: checked(function, **limits)
    parameters = inspect.signature(function).parameters
    readers = [
        (name, p.annotation, p.default, limits.get(name, LIMITS.get(name)))
        for name, p in parameters.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.annotation is not p.empty
    ]
    places = {name: place for place, name in enumerate(parameters)}
    n_places = sum(p.kind == p.POSITIONAL_OR_KEYWORD for p in parameters.values())
    is_open = any(p.kind == p.VAR_KEYWORD for p in parameters.values())

    @functools.wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        unknown = [] if is_open else [name for name in given if name not in parameters]
        if unknown:
            called = function.__qualname__.removesuffix(".__init__")
            names = [name for name in parameters if name != "self"]
            raise TypeError(
                f"{called}() got an unexpected keyword argument {unknown[0]!r}"
                f"{nearest(unknown[0], names)}; allowed: {', '.join(names)}"
            )
        args = list(args)
        if len(args) <= n_places:
            for name, kind, default, limit in readers:
                place = places[name]
                if name in given:
                    if given[name] is not default:
                        given[name] = read(name, kind, given[name], limit, default)
                elif place < len(args) and args[place] is not default:
                    args[place] = read(name, kind, args[place], limit, default)
        tables = tables_in(given | dict(zip(parameters, args, strict=False)))
        if not tables:
            return function(*args, **given)
        for name, table in tables.items():
            check_table(name, table)
        try:
            return function(*args, **given)
        except (*FOREIGN, *_of_pandas()) as error:
            if isinstance(error, Warning) or is_deliberate(error, error.__traceback__):
                raise
            raise ValueError(describe(error, tables)) from error

    return call


def _of_pandas() -> tuple[type[Exception], ...]:
    """What pandas raises that is no ValueError."""
    from pandas.errors import InvalidIndexError

    return (InvalidIndexError,)


def check_fields(made: Any, *names: str, **limits: Any) -> None:
    """Read fields of a frozen dataclass by their annotations, as ``checked`` does arguments."""
    for name in names:
        described, value = made.__dataclass_fields__[name], getattr(made, name)
        if value is described.default:
            continue
        found = read(name, described.type, value, limits.get(name, LIMITS.get(name)))
        if found is not value:
            object.__setattr__(made, name, found)


def read(name: str, kind: str, value: Any, limit: Any = None, default: Any = None) -> Any:
    """A value as the kind that an annotation names.

    Raises
    ------
    ValueError
        ``count='x'; allowed is a whole number``
    """
    if isinstance(value, float) and value != value and default != default:
        return value  # not a number stands for none
    if not isinstance(kind, str):
        return value
    found = value
    for option in options_of("Task" if kind == "FunctionGraph" else kind):
        try:
            found = read_as(option, value)
        except (TypeError, ValueError, OverflowError, RecursionError):
            continue
        _check(name, found, limit)
        return found
    raise ValueError(f"{name}={shown(value)}; allowed is {in_words(kind)}")


def _check(name: str, value: Any, limit: Any) -> None:
    if limit is None or value is None:
        return
    if limit is AXES:
        entries = list(getattr(value, "flat", value))
        require(bool(entries), f"{name} is empty; allowed are axes of matplotlib")
        for entry in entries:
            read(name, "Axes | None", entry)
        return
    if isinstance(limit, list):
        missing = [column for column in limit if column not in value]
        require(
            not missing,
            f"{name}: missing columns {missing}; there are {shown(list(value.columns), 200)}",
        )
        return
    entries = value if isinstance(value, list | tuple) else [value]
    for entry in entries:
        if isinstance(scalar(entry), int | float):
            least, most = limit
            if isinstance(limit, Between):
                inside, between = least < entry < most, f"in ({least}, {most})"
            else:
                inside = least <= entry <= most
                below = f"at least {least}" if entry < least else f"at most {most}"
                between = below if most >= MANY else f"{least} to {most}"
            require(inside, f"{name}={entry}; allowed is {between}")
