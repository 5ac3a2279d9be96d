"""Grids: many configs from one, by listing values of its settings."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from modnets.checked import checked
from modnets.config.points import MAX_RUNS, Axis, Points, distinct
from modnets.config.run_config import RunConfig
from modnets.config.settings import TRANSFERRED
from modnets.errors import one_of, require, shown

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
    settings = {f.name: getattr(base, f.name) for f in fields(base)}
    return distinct([Points(settings, tuple(axis_of(name, axes[name]) for name in axes))])


@checked
def independent(runs: Iterable[RunConfig]) -> list:
    """The same runs with seeds that no two graphs share: splits of one are not those of another.

    Seeds of equal number draw the same rows for every graph of as many inputs; then graphs are no
    independent observations.  Here graph number g, in order of appearance, has seeds from g times
    the number of seeds on.

    Parameters
    ----------
    runs : iterable of RunConfig
        With ``split_seed`` and ``seed`` from 0 on.

    Returns
    -------
    list of RunConfig
        In the same order.

    Examples
    --------
    >>> runs = independent(grid(graph=["6-2-2", "6-3-2-2"], seeds=range(4)))
    >>> sorted({run.split_seed for run in runs})
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    given = list(runs)
    for run in given:
        require(isinstance(run, RunConfig), f"runs has {shown(run)}; allowed are RunConfigs")
    size = 1 + max((max(run.split_seed, run.seed) for run in given), default=0)
    first: dict[Any, int] = {}
    starts = [size * first.setdefault(run.graph, len(first)) for run in given]
    return [
        replace(run, split_seed=start + run.split_seed, seed=start + run.seed)
        for run, start in zip(given, starts, strict=True)
    ]


@checked
def in_sequence(stages: Iterable[Iterable[RunConfig]], *, transferred: str = "all") -> list:
    """Runs one after the other: each stage starts from the trained networks of the one before.

    Parameters
    ----------
    stages : iterable of lists of RunConfig
        As many runs in each; the n-th of a stage starts from the n-th of the one before.  The first
        stage stays as it is.
    transferred : "all" or "modules"
        What each stage takes from the one before.

    Returns
    -------
    list of list of RunConfig
        The stages.  Sweep them in this order, or all at once: a stage that was trained in this
        process is not trained again for the next.

    Raises
    ------
    ValueError
        If stages have unequal numbers of runs, or networks do not fit.
    """
    one_of("transferred", transferred, TRANSFERRED)
    chained: list[list[RunConfig]] = []
    for stage in stages:
        runs = list(stage)
        for run in runs:
            require(isinstance(run, RunConfig), f"stages hold {shown(run)}; allowed are RunConfigs")
        if chained:
            require(
                len(runs) == len(chained[-1]),
                f"stages of {len(chained[-1])} and {len(runs)} runs; allowed are as many in each",
            )
            pairs = zip(runs, chained[-1], strict=True)
            how: Any = {"transferred": transferred}
            runs = [replace(run, pretrained=one, **how) for run, one in pairs]
        chained.append(runs)
    return chained


def axis_of(name: str, values: Any) -> Axis:
    """The axis of a setting, or of one that stands for several."""
    members = TOGETHER.get(name, (name,))
    return Axis(members, [(value,) * len(members) for value in _axis(name, values)])


def _axis(name: str, values: Any) -> list[Any]:
    """The values of one axis; a single one stands for itself, as does a tuple."""
    single = isinstance(values, str | Mapping) or not isinstance(values, Iterable)
    if name in ("hidden", "slots", "module_hidden", "image_hidden", "channels", "on_evaluation"):
        single = single or isinstance(values, tuple)
    single = single or getattr(values, "ndim", 1) == 0  # a number in an array
    axis = [values] if single else list(itertools.islice(values, MAX_RUNS + 1))
    require(bool(axis), f"{name}=[]; allowed is at least one value")
    return axis
