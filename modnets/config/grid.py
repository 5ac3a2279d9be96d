"""Grids: many configs from one, by listing values of its settings."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from modnets.config.run_config import RunConfig
from modnets.config.run_keys import SEEDS, common_of
from modnets.config.validation import check_numbers, coerce
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
    for name, parts in TOGETHER.items():
        both = [part for part in parts if part in axes and name in axes]
        require(not both, f"{name} and {', '.join(both)}; allowed is one or the other")
    values = [_axis(name, axis) for name, axis in axes.items()]
    count = math.prod(map(len, values))
    require(count <= MAX_RUNS, f"{count:,} runs in a grid; allowed are at most {MAX_RUNS:,}")
    # Checked whole once, and made anew with each of the seeds.
    alike: dict[tuple[int, ...], RunConfig] = {}
    runs: dict[str, RunConfig] = {}
    others = [place for place, name in enumerate(axes) if name not in (*SEEDS, *TOGETHER)]
    with cached_digests():
        for point in itertools.product(*map(enumerate, values)):
            place = tuple(point[other][0] for other in others)
            given = _settings(dict(zip(axes, (value for _, value in point), strict=True)))
            if place not in alike:
                run = alike[place] = replace(base, **given)
            else:
                run = _seeded(alike[place], {name: given[name] for name in SEEDS if name in given})
            runs.setdefault(run.key, run)
    return list(runs.values())


def _seeded(run: RunConfig, seeds: dict[str, Any]) -> RunConfig:
    """A run with other seeds, of which alone is checked anew what they are."""
    types = {name: str(RunConfig.__dataclass_fields__[name].type) for name in SEEDS}
    seeds = {name: coerce(name, types[name], value) for name, value in seeds.items()}
    made = object.__new__(RunConfig)
    made.__dict__.update(run._values() | seeds | {"_like": run, "_common": common_of(run)})
    check_numbers(made)
    return made


def _settings(point: dict[str, Any]) -> dict[str, Any]:
    """The settings of a point, with those that stand for several written out."""
    return {part: value for name, value in point.items() for part in TOGETHER.get(name, (name,))}


def _axis(name: str, values: Any) -> list[Any]:
    """The values of one axis; a single one stands for itself, as does a tuple of widths."""
    one = isinstance(values, str | Mapping) or not isinstance(values, Iterable)
    if name in ("hidden", "slots", "module_hidden", "image_hidden", "channels"):
        one = one or isinstance(values, tuple)
    one = one or getattr(values, "ndim", 1) == 0  # a number in an array
    found = [values] if one else list(itertools.islice(values, MAX_RUNS + 1))
    require(bool(found), f"{name}=[]; allowed is at least one value")
    return found
