"""What plan, sweep and train may be called with, told before anything is trained."""

from __future__ import annotations

import re
from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np

from modnets.config.run_config import RunConfig
from modnets.errors import require, shown
from modnets.models.identity import cached_digests

#: The most that can be meant.
MOST = {"chunk": 2**16, "workers": 1024}

DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


def checked_runs(runs: Iterable[RunConfig]) -> tuple[RunConfig, ...]:
    """The runs, each once.

    Raises
    ------
    ValueError
        If they are no list of RunConfig, or there are none.
    """
    allowed = "allowed is a list of RunConfig, as mn.grid gives"
    try:
        found = list(runs)
    except TypeError:
        raise ValueError(f"runs={shown(runs)}; {allowed}") from None
    for place, run in enumerate(found):
        if not isinstance(run, RunConfig):
            raise ValueError(f"runs[{place}]={shown(run)}; {allowed}")
    require(bool(found), "runs=[]; allowed is at least one run")
    with cached_digests():
        return tuple({run.key: run for run in found}.values())


def check_arguments(**given: Any) -> None:
    """Raise ValueError unless arguments by these names are of their types and in their ranges.

    Those known are ``chunk``, ``workers``, ``compiled``, ``device``, ``progress``, ``executor``.
    """
    for name in MOST:
        if given.get(name) is not None:
            value, most = given[name], MOST[name]
            whole = isinstance(value, Integral) and not isinstance(value, bool | np.bool_)
            least = value >= 1 if whole else True
            require(whole, f"{name}={shown(value)}; allowed is a whole number, 1 to {most}")
            require(least, f"{name}={value}; allowed is at least 1")
            require(value <= most, f"{name}={value}; allowed is at most {most}")
    for name in ("compiled", "progress"):
        value = given.get(name)
        either = "True or False" + (" or None" if name == "compiled" else "")
        nothing = value is None and (name == "compiled" or name not in given)
        require(
            nothing or isinstance(value, bool | np.bool_),
            f"{name}={shown(value)}; allowed is {either}",
        )
    device = given.get("device", "auto")
    require(
        DEVICE.fullmatch(str(device)) is not None,
        f"device={shown(device)}: unknown; allowed is auto, cpu, cuda",
    )
    executor = given.get("executor")
    require(
        executor is None
        or (callable(getattr(executor, "submit", None)) and not _is_class(executor)),
        f"executor={shown(executor)}; allowed is an executor as those of concurrent.futures",
    )


def _is_class(value: object) -> bool:
    return isinstance(value, type)
