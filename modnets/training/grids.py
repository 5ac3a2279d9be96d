"""Grids: many configs from one, by listing values of its settings."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from modnets.errors import one_of, require, shown
from modnets.models.identity import settled
from modnets.training.config import RunConfig

#: Runs that a grid may list: more do not fit into memory.
MAX_RUNS = 2_000_000


def grid(base: RunConfig | None = None, **axes: Any) -> list[RunConfig]:
    """Every combination of the given settings, each run once.

    Parameters
    ----------
    base : RunConfig, optional
        Where the other settings come from.
    **axes
        Setting -> a list of values, or one value.

    Returns
    -------
    list of RunConfig
        In the order of the axes, the last running fastest; combinations that come to the same
        run (a dense network with known and with learned routing) stand once.

    Examples
    --------
    >>> len(grid(model=["dense", "modular"], routing=["known", "learned"], seed=range(3)))
    9
    """
    require(
        base is None or isinstance(base, RunConfig), f"base={shown(base)}; allowed is a RunConfig"
    )
    base = RunConfig() if base is None else base
    names = [f.name for f in fields(RunConfig)]
    for name in axes:
        one_of("setting", name, names)
    values = [_axis(name, axis) for name, axis in axes.items()]
    count = math.prod(map(len, values))
    require(count <= MAX_RUNS, f"{count:,} runs in a grid; allowed are at most {MAX_RUNS:,}")
    runs = (
        replace(base, **dict(zip(axes, point, strict=True))) for point in itertools.product(*values)
    )
    with settled():
        return list({run.key: run for run in runs}.values())


def _axis(name: str, values: Any) -> list[Any]:
    """The values of one axis; a single one stands for itself, as does a tuple of widths."""
    one = isinstance(values, str | Mapping) or not isinstance(values, Iterable)
    if name in ("hidden", "slots", "module_hidden", "image_hidden", "channels"):
        one = one or isinstance(values, tuple)
    one = one or getattr(values, "ndim", 1) == 0  # a number in an array
    found = [values] if one else list(itertools.islice(values, MAX_RUNS + 1))
    require(bool(found), f"{name}=[]; allowed is at least one value")
    return found
