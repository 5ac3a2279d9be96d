"""Grids: many configs from one, by listing values of its settings."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from modnets.config.run_config import RunConfig
from modnets.config.run_keys import SEEDS
from modnets.errors import one_of, require, shown
from modnets.models.identity import cached_digests

#: Runs that a grid may list: more do not fit into memory.
MAX_RUNS = 2_000_000

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
    require(
        base is None or isinstance(base, RunConfig), f"base={shown(base)}; allowed is a RunConfig"
    )
    base = RunConfig() if base is None else base
    names = [f.name for f in fields(RunConfig)]
    for name in axes:
        one_of("setting", name, [*names, *TOGETHER])
    for name, members in TOGETHER.items():
        both = [member for member in members if member in axes and name in axes]
        require(not both, f"{name} and {', '.join(both)}; allowed is one or the other")
    values = [_axis(name, axis) for name, axis in axes.items()]
    count = math.prod(map(len, values))
    require(count <= MAX_RUNS, f"{count:,} runs in a grid; allowed are at most {MAX_RUNS:,}")
    # All settings are checked once; copies with other seeds are made from that run.
    checked: dict[tuple[int, ...], RunConfig] = {}
    runs: dict[str, RunConfig] = {}
    others = [axis for axis, name in enumerate(axes) if name not in (*SEEDS, *TOGETHER)]
    with cached_digests():
        for point in itertools.product(*map(enumerate, values)):
            indices = tuple(point[axis][0] for axis in others)
            settings = _settings(dict(zip(axes, (value for _, value in point), strict=True)))
            if indices not in checked:
                run = checked[indices] = replace(base, **settings)
            else:
                seeds = {name: settings[name] for name in SEEDS if name in settings}
                run = checked[indices].with_seeds(**seeds)
            runs.setdefault(run.key, run)
    return list(runs.values())


def _settings(point: dict[str, Any]) -> dict[str, Any]:
    """The settings of a point, with those that stand for several written out."""
    return {n: value for name, value in point.items() for n in TOGETHER.get(name, (name,))}


def _axis(name: str, values: Any) -> list[Any]:
    """The values of one axis; a single one stands for itself, as does a tuple."""
    single = isinstance(values, str | Mapping) or not isinstance(values, Iterable)
    if name in ("hidden", "slots", "module_hidden", "image_hidden", "channels", "on_evaluation"):
        single = single or isinstance(values, tuple)
    single = single or getattr(values, "ndim", 1) == 0  # a number in an array
    axis = [values] if single else list(itertools.islice(values, MAX_RUNS + 1))
    require(bool(axis), f"{name}=[]; allowed is at least one value")
    return axis
