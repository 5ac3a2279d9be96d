"""From networks, rows or routing runs to a function graph with a confidence for each edge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from modnets.checked import Between, checked
from modnets.config.run_config import RunConfig
from modnets.discovery.decomposition import MOST_INPUTS
from modnets.discovery.discoveries import Discovery, decide
from modnets.discovery.proposals import HowToLook, from_networks, from_routing, from_rows
from modnets.errors import one_of, require, shown

#: How a graph is looked for.
METHODS = {"dense": from_networks, "data": from_rows, "routing": from_routing}
#: Which modules of networks are looked at.
MODULES = ("both", "responses", "units")


@overload
def discover(
    runs: RunConfig,
    *,
    method: str = "dense",
    votes: int = 4,
    modules: str = "both",
    false_positives: float = 0.05,
    most_inputs: int = 3,
) -> Discovery: ...
@overload
def discover(
    runs: Sequence[RunConfig],
    *,
    method: str = "dense",
    votes: int = 4,
    modules: str = "both",
    false_positives: float = 0.05,
    most_inputs: int = 3,
) -> list[Discovery]: ...
@checked(votes=(1, 1000), false_positives=Between(0, 1), most_inputs=(2, 4))
def discover(
    runs: RunConfig | Sequence[RunConfig],
    *,
    method: str = "dense",
    votes: int = 4,
    modules: str = "both",
    false_positives: float = 0.05,
    most_inputs: int = 3,
) -> Discovery | list[Discovery]:
    """The function graph behind a task, from the training rows of a run alone.

    Parameters
    ----------
    runs : RunConfig or sequence of RunConfig
        Each tells a task, its training rows and how networks train; test rows and the task's own
        graph are not looked at, but for the shape of networks that takes it for a default:
        ``hidden`` of dense ones, ``slots`` and ``arity`` of modular ones.  Several train and are
        pruned side by side.
    method : {"dense", "data", "routing"}
        ``"dense"``: networks train, monolithic ones as the run says, are pruned to the accuracy
        kept, and taken apart into modules.  ``"data"``: the rows themselves are, the sets of inputs
        first that keep most of the information about the outputs.  ``"routing"``: modular networks
        learn their connections, by default by ``routing_method="best"``.
    votes : int
        Networks, each with a seed of its own; resamples of the rows, the first of all of them; or
        routing runs.
    modules : {"both", "responses", "units"}
        Of dense networks: by what the outputs of the pruned network tell apart, by the outgoing
        connectivity of its sources (cosine, modularity against shuffled connections), or both.
    false_positives : float, in (0, 1)
        The chance at most with which a graph is found where outputs have nothing to do with inputs.
    most_inputs : int, 2 to 4
        Of a sub-function.

    Returns
    -------
    Discovery, or list of Discovery for several runs

    Raises
    ------
    ValueError
        If a task has more than 12 inputs, reads images, or is several tasks at once.
    RunsFailed
        If networks cannot be trained.
    """
    one_of("method", method, METHODS)
    one_of("modules", modules, MODULES)
    given = [runs] if isinstance(runs, RunConfig) else list(runs)
    require(bool(given), "runs is empty; allowed is at least one")
    for run in given:
        _check(run)
    voted = METHODS[method](given, HowToLook(votes, modules, most_inputs))
    pairs = zip(given, voted, strict=True)
    found = [decide(run, method, own, false_positives) for run, own in pairs]
    return found[0] if isinstance(runs, RunConfig) else found


def _check(run: RunConfig) -> None:
    require(isinstance(run, RunConfig), f"runs has {shown(run)}; allowed are RunConfigs")
    task = run.graph
    require(
        task.images is None and task.n_tasks == 1 and task.n_inputs <= MOST_INPUTS,
        f"graph={task}; allowed are tasks of up to {MOST_INPUTS} input bits, one at a time",
    )
