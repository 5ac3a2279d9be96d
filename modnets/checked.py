"""Validation of the arguments of public functions, by their annotations.

``@checked`` converts each argument to the type that its annotation names, ``int``,
``float | None``, ``Sequence[str]``, ``pd.DataFrame``, any class, and checks limits where there are
some.  What does not fit is refused in one line: the parameter, its value, what is allowed.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar, overload

from modnets.annotations import in_words, options_of, read_as
from modnets.errors import nearest, require, shown
from modnets.table_errors import FOREIGN, check_table, describe, is_deliberate, tables_in
from modnets.values import MAX_INTEGER, scalar

Function = TypeVar("Function", bound=Callable[..., Any])


class Between(NamedTuple):
    """An open interval."""

    least: float
    most: float


MANY = 1000  # an upper limit of at least this is named only where it is exceeded
#: Limit of an array whose entries are axes of matplotlib.
AXES = object()
#: Default limits of parameters of these names; ``@checked(name=...)`` overrides them.
LIMITS: dict[str, Any] = {
    "confidence": Between(0, 1),
    "resamples": (1, 1_000_000),
    "seed": (0, MAX_INTEGER),
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
    "window": (1, MAX_INTEGER),
}


@overload
def checked(function: Function, /) -> Function: ...
@overload
def checked(function: None = None, /, **limits: Any) -> Callable[[Function], Function]: ...
def checked(function: Any = None, /, **limits: Any) -> Any:
    """Decorator: every argument is converted by its annotation, and checked against its limits.

    Parameters
    ----------
    **limits
        Parameter -> (least, most) or ``Between``; a list of columns that a table has to have.

    Raises
    ------
    ValueError, TypeError
        From the decorated function, one line: for a value that does not fit, and for an unknown
        parameter, with the nearest name.

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
    positions = {name: position for position, name in enumerate(parameters)}
    n_positional = sum(p.kind == p.POSITIONAL_OR_KEYWORD for p in parameters.values())
    takes_any = any(p.kind == p.VAR_KEYWORD for p in parameters.values())

    @functools.wraps(function)
    def call(*positional: Any, **keywords: Any) -> Any:
        unknown = [] if takes_any else [name for name in keywords if name not in parameters]
        if unknown:
            called = function.__qualname__.removesuffix(".__init__")
            names = [name for name in parameters if name != "self"]
            raise TypeError(
                f"{called}() got an unexpected keyword argument {unknown[0]!r}"
                f"{nearest(unknown[0], names)}; allowed: {', '.join(names)}"
            )
        args = list(positional)
        if len(args) <= n_positional:
            for name, kind, default, limit in readers:
                position = positions[name]
                if name in keywords:
                    if keywords[name] is not default:
                        keywords[name] = read(name, kind, keywords[name], limit, default)
                elif position < len(args) and args[position] is not default:
                    args[position] = read(name, kind, args[position], limit, default)
        tables = tables_in(keywords | dict(zip(parameters, args, strict=False)))
        if not tables:
            return function(*args, **keywords)
        for name, table in tables.items():
            check_table(name, table)
        try:
            return function(*args, **keywords)
        except FOREIGN + _pandas_errors() as error:
            if isinstance(error, Warning) or is_deliberate(error, error.__traceback__):
                raise
            raise ValueError(describe(error, tables)) from error

    return call


def _pandas_errors() -> tuple[type[Exception], ...]:
    """Errors of pandas that derive from Exception alone."""
    from pandas.errors import InvalidIndexError

    return (InvalidIndexError,)


def check_fields(instance: Any, *names: str, **limits: Any) -> None:
    """Convert fields of a frozen dataclass by their annotations, as ``checked`` does arguments."""
    for name in names:
        field, value = instance.__dataclass_fields__[name], getattr(instance, name)
        if value is field.default:
            continue
        converted = read(name, field.type, value, limits.get(name, LIMITS.get(name)))
        if converted is not value:
            object.__setattr__(instance, name, converted)


def read(name: str, kind: str, value: Any, limit: Any = None, default: Any = None) -> Any:
    """A value converted to the type that an annotation names.

    Parameters
    ----------
    name : str
        The parameter, for the error.
    kind : str
        The text of the annotation; what is no text allows any value.
    value
    limit : optional
        As for :func:`checked`.
    default : optional
        If it is NaN, NaN is allowed.

    Raises
    ------
    ValueError
        ``count='x'; allowed is a whole number``
    """
    if isinstance(value, float) and value != value and default != default:
        return value  # NaN stands for a missing value
    if not isinstance(kind, str):
        return value
    for option in options_of("Task" if kind == "FunctionGraph" else kind):
        try:
            converted = read_as(option, value)
        except (TypeError, ValueError, OverflowError, RecursionError):
            continue
        _check(name, converted, limit)
        return converted
    raise ValueError(f"{name}={shown(value)}; allowed is {in_words(kind)}")


def _check(name: str, value: Any, limit: Any) -> None:
    if limit is None or value is None:
        return
    if limit is AXES:
        entries: Sequence[Any] = list(getattr(value, "flat", value))
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
