"""Runs that start from the trained network of another run: what fits, and how it is called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modnets.config.settings import FinalSettings, Settings
from modnets.errors import require, shown
from modnets.models.registry import BUILT_IN
from modnets.models.routing_methods.registry import PUBLISHED, ROUTING_METHODS

Run = Any  # a RunConfig, of a module that imports this one

#: Runs that stand behind a run, at most.
MAX_STAGES = 100
#: Settings that the modules of two networks have in common: which are shared, how large they are.
OF_MODULES: tuple[str, ...] = (
    *("model", "shared_modules", "arity", "module_hidden", "signal_size", "signals"),
    *("image_network", "image_hidden", "channels", "shared_image_modules"),
)
#: Those that the whole networks have in common too.
OF_NETWORKS: tuple[str, ...] = (
    *OF_MODULES,
    *("hidden", "pruning_ratio", "slots", "routing", "selection", "outputs", "output_levels"),
    *("image_slots", "image_routing", "image_selection"),
)


def stages_of(stage: Run | None) -> Iterator[Run]:
    """A run, the one that it starts from, and so on to one whose weights are drawn."""
    while stage is not None:
        yield stage
        stage = stage.pretrained


def check_pretrained(final: FinalSettings) -> None:
    """Raise unless the network that a run starts from fits, its defaults worked out."""
    earlier: Run = final.pretrained
    before = earlier.final
    n_stages = sum(1 for _ in stages_of(final.pretrained))
    require(
        n_stages <= MAX_STAGES,
        f"pretrained: {n_stages} runs one after the other; allowed are at most {MAX_STAGES}",
    )
    own_modules = ("slots", "image_slots") if final.shared_modules is None else ()
    some = (*OF_MODULES, *own_modules) if final.transferred == "modules" else OF_NETWORKS
    for name in some:
        theirs, mine = getattr(before, name), getattr(final, name)
        _check_equal(final, name, theirs, mine)
    if final.model in BUILT_IN:
        _check_ends(before, final)
    if final.is_modular:
        _check_method(before, final)
    require(
        final.restarts is None or final.transferred != "all",
        f"restarts={final.restarts}: with transferred='all' they start alike; allowed is 1",
    )
    require(
        before.restarts is None or (final.model in BUILT_IN and final.model != "sparse"),
        f"pretrained: restarts={before.restarts} of model={final.model!r}; allowed is 1",
    )


def _check_equal(final: FinalSettings, name: str, theirs: object, mine: object) -> None:
    require(
        theirs == mine,
        f"pretrained: {name}={shown(theirs)}; with transferred={final.transferred!r} allowed is "
        f"{shown(mine)}, as of this run",
    )


def _check_ends(before: FinalSettings, final: FinalSettings) -> None:
    """The inputs and outputs of two networks, or the images that their modules look at."""
    names = ["side", "bits"] if final.graph.images is not None else []
    if final.transferred == "all":
        names += ["n_inputs", "n_sources", "n_outputs", "n_tasks"]
    for name in names:
        theirs, mine = getattr(before.graph, name), getattr(final.graph, name)
        _check_equal(final, f"graph with {name}", theirs, mine)


def _check_method(before: FinalSettings, final: FinalSettings) -> None:
    """Ways to learn choices whose logits are alike, or that leave modules as they are."""
    mine, theirs = (ROUTING_METHODS[one.routing_method or PUBLISHED] for one in (final, before))
    if final.transferred == "all":
        alike = all(
            getattr(mine, part) is getattr(theirs, part)
            for part in ("routing", "selection", "outputs")
        )
        if not alike:
            _check_equal(final, "routing_method", before.routing_method, final.routing_method)
        return
    require(
        not mine.changes_modules,
        f"routing_method={final.routing_method!r} starts modules at tables of its own, not at "
        "those of pretrained; allowed are methods that leave them, as 'given'",
    )


#: What is taken of another run, in words at the end of a kind of network.
REUSE = {None: "", "modules": ", reused", "all": ", continued"}
FROZEN = ", frozen"


def reuse_in_words(final: FinalSettings) -> str:
    """What is taken of another run, and whether weights stay, as the end of a kind of network."""
    return REUSE[final.transferred] + FROZEN * (final.lr == 0)


def without_reuse(kind: str) -> str:
    """A kind of network without what is taken of another run, and whether weights stay."""
    for words in (FROZEN, *filter(None, REUSE.values())):
        kind = kind.removesuffix(words)
    return kind


def stages_in_words(run: Settings) -> str | None:
    """The tasks that a run was trained on before, the first one first, and as what kind."""
    before = list(stages_of(run.pretrained))
    if not before:
        return None
    tasks = [str(stage.graph) for stage in reversed(before)]
    return f"{' > '.join(tasks)} ({before[-1].kind})"
