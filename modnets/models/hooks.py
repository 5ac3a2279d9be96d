"""Measures of a user's own, taken at each evaluation of a run, by name.

A hook is a function of a run's network that gives numbers by name, which become columns of the
results.  It is a setting of a run, as its model is: its code enters the run's key::

    @mn.models.register_hook("norms")
    def norms(network, config, epoch):
        return {"norm": sum(p.square().sum() for p in network.parameters()) ** 0.5}

    mn.RunConfig(model="shared", on_evaluation="norms")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from modnets.checked import checked
from modnets.errors import first_line, require, shown
from modnets.models.random_states import ALONE
from modnets.models.registry import Config, numpy_and_python_seeded

#: Network, config and epoch -> numbers by name, or None.
Hook = Callable[[nn.Module, Any, int], Mapping[str, Any] | None]

#: Column of result files with what hooks have measured, as JSON; tables have it as columns.
MEASURED = "measured"
#: Name -> hook.
HOOKS: dict[str, Hook] = {}


@checked
def register_hook(name: str) -> Callable[[Hook], Hook]:
    """Decorator that adds a hook, which ``on_evaluation`` of a run names.

    It is called with a copy of the run's network in evaluation mode, its config and the epoch, and
    hands back numbers by name, columns of the results from then on (NaN where it gives none).
    Nothing that it does changes the run; random numbers that it draws come from the run's seed.
    Registering a name again replaces the hook.  A run's key includes all code and values that the
    hook can reach.
    """

    def add(hook: Hook) -> Hook:
        HOOKS[name] = hook
        return hook

    return add


def called(
    name: str, network: nn.Module, config: Config, epoch: int, seed: int
) -> dict[str, float]:
    """What a hook measures; random numbers that it draws come from a seed.

    Raises
    ------
    ValueError
        If it fails, or gives what are no numbers by name.
    """
    wanted = "allowed is a dict of numbers by name, or None"
    with ALONE, torch.random.fork_rng(devices=[]), numpy_and_python_seeded(seed):
        torch.default_generator.manual_seed(seed)
        try:
            measured: Any = HOOKS[name](network, config, epoch)
        except Exception as error:
            raise ValueError(
                f"on_evaluation={name!r} fails in epoch {epoch} "
                f"({type(error).__name__}: {first_line(error)[:200]})"
            ) from error
    if measured is None:
        return {}
    require(
        isinstance(measured, Mapping), f"on_evaluation={name!r} gives {shown(measured)}; {wanted}"
    )
    numbers = {}
    for column, value in measured.items():
        try:
            require(isinstance(column, str) and column.isidentifier(), "")
            numbers[column] = float(value)
        except (TypeError, ValueError, RuntimeError):
            given = f"{{{column!r}: {shown(value)}}}"
            raise ValueError(f"on_evaluation={name!r} gives {given}; {wanted}") from None
    return numbers
