"""Grids: many configs from one, by listing values of its settings."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from modnets.errors import nearest, require
from modnets.training.config import RunConfig

#: An axis that stands for several settings.
TOGETHER = {"seeds": ("split_seed", "seed")}


def grid(base: RunConfig | None = None, **axes: Any) -> list[RunConfig]:
    """Every combination of the given settings, each run once.

    Parameters
    ----------
    base : RunConfig, optional
        Where the other settings come from.
    **axes
        Setting -> a list of values, or one value.  ``seeds`` stands for ``split_seed`` and
        ``seed`` together: as many splits as runs, which are then independent of each other.

    Returns
    -------
    list of RunConfig
        In the order of the axes, the last running fastest; combinations that come to the same
        run (a dense network with known and with learned routing) stand once.

    Examples
    --------
    >>> len(grid(model=["dense", "modular"], routing=["known", "learned"], seeds=range(3)))
    9
    """
    base = base or RunConfig()
    names = [f.name for f in fields(RunConfig)]
    for name in axes:
        require(
            name in (*names, *TOGETHER),
            f"unknown setting {name!r}{nearest(name, names)}; allowed: {', '.join(names)}",
        )
    for name, parts in TOGETHER.items():
        both = [part for part in parts if part in axes and name in axes]
        require(not both, f"{name} and {', '.join(both)}; allowed is one or the other")
    values = [_axis(name, axis) for name, axis in axes.items()]
    points = (dict(zip(axes, point, strict=True)) for point in itertools.product(*values))
    runs = (replace(base, **_settings(point)) for point in points)
    return list({run.key: run for run in runs}.values())


def _settings(point: dict[str, Any]) -> dict[str, Any]:
    """The settings of a point, with those that stand for several written out."""
    return {part: value for name, value in point.items() for part in TOGETHER.get(name, (name,))}


def _axis(name: str, values: Any) -> list[Any]:
    """The values of one axis; a single one stands for itself, as does a tuple of widths."""
    one = isinstance(values, str | Mapping) or not isinstance(values, Iterable)
    if name in ("hidden", "slots", "module_hidden", "image_hidden", "channels"):
        one = one or isinstance(values, tuple)
    found = [values] if one else list(values)
    require(bool(found), f"{name}=[]; allowed is at least one value")
    return found
