"""What a run's settings may be: types, ranges, and what fits together.

Every refusal is one line: the setting, the value given, what is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import wraps
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import numpy as np

from modnets.config.limits import MAX_LAYERS, check_sizes
from modnets.config.settings import (
    SCHEDULE_OF,
    SEEDS,
    FinalSettings,
    Names,
    Options,
    Range,
    Settings,
)
from modnets.errors import one_of, require, shown
from modnets.models.hooks import HOOKS
from modnets.models.losses import LOSSES
from modnets.models.monolithic import sides
from modnets.models.registry import BUILT_IN, MODELS
from modnets.models.routing_methods.registry import ROUTING_METHODS
from modnets.models.set_routing import SetRouting
from modnets.values import boolean, integer, number, plain


def _widths(value: Any) -> tuple[int, ...]:
    require(hasattr(value, "__len__") and not isinstance(value, str | bytes | set | Mapping), "")
    require(len(value) <= MAX_LAYERS, "")
    parts = tuple(map(integer, value))
    require(min(parts, default=1) > 0, "")
    return parts


def _word(value: Any) -> str:
    require(isinstance(value, str), "")
    return str(value)


def _options(value: Any) -> Options:
    require(isinstance(value, Mapping), "")
    return value if type(value) is Options else Options(plain(value))


def _run(value: Any) -> Settings:
    require(isinstance(value, Settings), "")
    return value  # type: ignore[no-any-return]


def _names(value: Any) -> Names | None:
    value = [value] if isinstance(value, str) else list(value)
    require(all(isinstance(name, str) for name in value), "")
    return Names(dict.fromkeys(value)) or None


#: Type of a setting -> what converts a value to it, and what is allowed.
CONVERTERS: dict[Any, tuple[Callable[[Any], Any], str]] = {
    tuple: (_widths, "whole numbers of at least 1"),
    Names: (_names, "names of hooks"),
    int: (integer, "a whole number, at most 2**63 - 1"),
    float: (number, "a finite number"),
    bool: (boolean, "True or False"),
    str: (_word, "a word"),
    Mapping: (_options, "a dict of JSON values, named by words"),
    Settings: (_run, "a RunConfig"),
}


class SettingType(NamedTuple):
    """The type of a setting, as its annotation says it.

    Parameters
    ----------
    kind : type
        A type that is a key of CONVERTERS; or of a task, which is converted elsewhere.
    optional : bool
        Whether it may be None.
    words : tuple of str
        The values allowed, where it is a ``Literal``.
    """

    kind: Any
    optional: bool
    words: tuple[str, ...] = ()


def _setting_type(annotation: Any) -> SettingType:
    options = get_args(annotation) if isinstance(annotation, UnionType) else (annotation,)
    options = get_args(annotation) if get_origin(annotation) is Union else options
    optional, first = NoneType in options, options[0]
    if get_origin(first) is Literal:
        return SettingType(str, optional, get_args(first))
    return SettingType(get_origin(first) or first, optional)


_HINTS = get_type_hints(Settings)
SETTING_TYPES = {f.name: _setting_type(_HINTS[f.name]) for f in fields(Settings)}
#: Words of settings that play a part in some networks only; they are checked in all.
WORDS = {name: kind.words for name, kind in SETTING_TYPES.items() if kind.words and kind.optional}
#: Words of the others.
REQUIRED_WORDS = {
    name: kind.words for name, kind in SETTING_TYPES.items() if kind.words and not kind.optional
}
REQUIRED_WORDS.pop("loss")  # there may be others, of a user's own
RANGES: dict[str, Range] = {f.name: f.metadata["range"] for f in fields(Settings)}
#: Those of train_rows and train_fraction depend on the task; gamma's, on the schedule; of arity in
#: a network with slots, the line about its levels tells more.
_RANGED = {
    name: allowed
    for name, allowed in RANGES.items()
    if str(allowed) and name not in ("train_rows", "train_fraction", "gamma", "arity")
}
_LEAST = [
    (n, r.least) for n, r in _RANGED.items() if r.least is not None and not r.above and not r.below
]
_LEAST_WITHOUT_SLOTS = [*_LEAST, ("arity", 1)]
_MOST = [(n, r.most) for n, r in _RANGED.items() if r.most is not None and not r.below]
_BELOW: list[tuple[str, Any]] = [(n, r) for n, r in _RANGED.items() if r.below]
_ABOVE = [(n, r.least) for n, r in _RANGED.items() if r.least is not None and r.above]


def coerce(name: str, value: Any) -> Any:
    """The value in the type of its setting, so that equal settings are equal in every way.

    Raises
    ------
    ValueError
        If it is of another type.
    """
    kind, optional, _ = SETTING_TYPES[name]
    if value is None:
        require(optional, f"{name}=None; allowed is {kind.__name__}")
        return None
    if kind not in CONVERTERS or ((kind is str or kind is bool) and type(value) is kind):
        return value
    convert, allowed = CONVERTERS[kind]
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError, RecursionError):
        raise ValueError(f"{name}={shown(value)}; allowed is {allowed}") from None


def naming_settings(kind: type) -> type:
    """Decorator of a dataclass: a field that it does not have is refused with the nearest one."""
    generated: Any = vars(kind)["__init__"]
    names = [f.name for f in fields(kind)]

    @wraps(generated)
    def __init__(self: Any, *args: Any, **settings: Any) -> None:  # noqa: N807
        for name in settings.keys() - set(names):
            one_of("setting", name, names)
        generated(self, *args, **settings)

    init: Any = __init__
    init.__kwdefaults__ = generated.__kwdefaults__  # for introspection of the defaults
    kind.__init__ = init  # type: ignore[misc]
    return kind


def check_numbers(config: Settings) -> None:
    """Raise unless every number given is in its range, whether or not it plays a part."""
    for name, least in _LEAST if config.is_modular else _LEAST_WITHOUT_SLOTS:
        value = getattr(config, name)
        require(value is None or value >= least, f"{name}={value}; allowed is at least {least}")
    for name, most in _MOST:
        value = getattr(config, name)
        require(value is None or value <= most, f"{name}={value}; allowed is at most {most:,}")
    for name, least in _ABOVE:
        value = getattr(config, name)
        require(value is None or value > least, f"{name}={value}; allowed is above {least}")
    for name, allowed in _BELOW:
        value = getattr(config, name)
        require(
            value is None or allowed.least <= value < allowed.most,
            f"{name}={value}; allowed is {allowed}" + ", in percent" * (name == "pruning_ratio"),
        )
    gamma = config.gamma
    require(
        (gamma is None and (config.schedule != "exponential" or bool(config.lr_end)))
        or (gamma is not None and 0 < gamma <= 1),
        f"gamma={gamma}; allowed for schedule='exponential' is in (0, 1], or lr_end above 0",
    )


def check_seeds(config: Settings) -> None:
    """Raise unless the seeds are in their ranges; quick, as there are many."""
    for name in SEEDS:
        value, least = vars(config)[name], RANGES[name].least
        require(value >= least, f"{name}={value}; allowed is at least {least}")


def check_words(config: Settings) -> None:
    """Raise unless every word given is an allowed one, whether or not it plays a part."""
    for name, allowed in (WORDS | REQUIRED_WORDS).items():
        if name in REQUIRED_WORDS or getattr(config, name) is not None:
            one_of(name, getattr(config, name), allowed)


def check(final: FinalSettings) -> None:
    """Raise unless the config, defaults worked out, makes sense."""
    one_of("model", final.model, MODELS)
    one_of("loss", final.loss, LOSSES)
    for name in final.on_evaluation or ():
        one_of("on_evaluation", name, HOOKS)
    _check_schedules(final)
    require(
        not (final.options and final.model in BUILT_IN),
        f"options={shown(dict(final.options))}; allowed only with a model of your own",
    )
    if final.channels is not None and final.model in BUILT_IN:
        sides(final.graph.side, final.channels)
    if final.is_modular:
        _check_modular(final)
        _check_outputs(final)
        if final.graph.images is not None:
            _check_image_slots(final)
    check_sizes(final, final.model in BUILT_IN)


def _check_schedules(final: FinalSettings) -> None:
    """What divides, and what falls by a factor, has an end above 0."""
    for name, schedule in SCHEDULE_OF.items():
        kind, end = getattr(final, schedule), getattr(final, f"{name}_end")
        require(
            getattr(final, name) != 0 or kind != "exponential" or final.gamma is not None,
            f"{schedule}='exponential': {name}=0 cannot fall; allowed are gamma, other schedules",
        )
        needed = kind == "exponential" and (name != "lr" or final.gamma is None)
        needed = needed or (name == "temperature" and kind != "constant")
        require(
            end is not None or not needed,
            f"{name}_end={end}; allowed for {schedule}={kind!r} is above 0",
        )


def _check_modular(final: FinalSettings) -> None:
    graph, slots = final.known_graph, final.slots
    ends = (graph.n_inputs, graph.n_outputs), (final.graph.n_inputs, final.graph.n_outputs)
    require(
        ends[0] == ends[1],
        f"knowledge={graph}: it has {ends[0]} inputs and outputs; allowed are {ends[1]}, as "
        f"graph {final.graph} has",
    )
    parts = (graph.n_sources, graph.n_tasks), (final.graph.n_sources, final.graph.n_tasks)
    require(
        parts[0] == parts[1],
        f"knowledge={graph}: {parts[0]} sources of the first level and tasks; allowed are "
        f"{parts[1]}, as graph {final.graph} has",
    )
    one_of("routing", final.routing, WORDS["routing"])
    require(
        bool(slots), f"slots={slots}: graph {graph} has no levels to follow; give slots, as (3, 2)"
    )
    n_first = graph.n_sources if final.image_slots is None else final.image_slots * graph.bits
    widths = "-".join(map(str, (n_first, *slots, graph.n_outputs)))
    # Known gates of several fan-ins fit beside each other: places that a slot lacks read zero.
    follows = final.routing == "known" and final.arity == graph.fan_in
    for level, n_sources in enumerate((n_first, *slots[:-1]), start=1):
        require(
            final.arity >= 1 and (final.arity <= n_sources or follows),
            f"arity={final.arity} needs at least {final.arity} sources, but level {level} has "
            f"{n_sources} (widths {widths}); allowed is 1 to {n_sources}",
        )
    for name in ("routing", "selection"):
        if getattr(final, name) == "known":
            require(
                graph.has_structure,
                f"{name}='known': graph {graph} has no structure; allowed is 'learned'",
            )
            require(
                slots == graph.slots,
                f"slots={slots}: with {name}='known' allowed is {graph.slots}, as graph {graph}",
            )
    require(
        final.routing != "known" or final.arity >= graph.fan_in,
        f"arity={final.arity}: with routing='known' allowed is at least {graph.fan_in}, "
        f"the fan-in of graph {graph}",
    )
    if final.shared_modules is not None:
        needed = len(graph.modules) if final.selection == "known" else 1
        require(
            final.shared_modules >= needed,
            f"shared_modules={final.shared_modules}; allowed is at least {needed}"
            + (f", the distinct gates of graph {graph}" if needed > 1 else ""),
        )
    if final.routing_method is not None:
        _check_routing_method(final)
        if ROUTING_METHODS[final.routing_method].fixed:
            return
    read = final.routing, final.outputs, final.image_routing
    filled = final.selection, final.image_selection
    if "learned" in read:
        _needs_rate("lr_routing", final.lr_routing, "learned routing or outputs")
    if "learned" in filled:
        _needs_rate("lr_selection", final.lr_selection, "learned selection")
    if "learned" in (*read, *filled):
        require(final.temperature is not None, "temperature=None; allowed is above 0")


def _check_routing_method(final: FinalSettings) -> None:
    name, task = final.routing_method, final.graph
    one_of("routing_method", name, ROUTING_METHODS)
    assert name is not None
    require(
        not ROUTING_METHODS[name].of_bits or (task.images is None and task.n_tasks == 1),
        f"routing_method={name!r} of graph {task}; allowed are tasks of bits, one at a time",
    )
    routing = ROUTING_METHODS[name].routing
    if final.routing == "learned" and issubclass(routing, SetRouting):
        for n_sources in (final.known_graph.n_sources, *final.slots[:-1]):
            routing.check(n_sources, final.arity)


def _check_outputs(final: FinalSettings) -> None:
    """The outputs are slots that are there."""
    graph, slots = final.known_graph, final.slots
    every_level = final.output_levels == "every"
    # Of one table without levels they are the first slots of the last level.
    require(
        final.outputs != "known" or graph.has_structure or (graph.n_tasks == 1 and not every_level),
        f"outputs='known': graph {graph} has no structure; allowed is 'learned'",
    )
    needed = graph.n_outputs
    if graph.has_structure and (final.outputs == "known" or not every_level):
        known = np.array(graph.places_of_outputs(every_level))
        needed = max(needed, int(known.max()) + 1)
        require(
            not every_level or slots == graph.slots,
            f"slots={slots}: with outputs='known' of every level allowed is {graph.slots}, as "
            f"graph {graph}",
        )
    if every_level:
        require(
            sum(slots) >= needed,
            f"slots={slots}: all levels need at least {needed} slots for the {graph.n_outputs} "
            f"outputs of {graph}",
        )
        return
    require(
        slots[-1] >= needed,
        f"slots={slots}: the last level needs at least {needed} slots for the "
        f"{graph.n_outputs} outputs of {graph}",
    )


def _check_image_slots(final: FinalSettings) -> None:
    """The level that looks at images."""
    task = final.graph
    slots = final.image_slots
    assert slots is not None  # of every modular network that sees images
    require(
        slots == task.image_slots or final.image_routing != "known",
        f"image_slots={slots}: with image_routing='known' allowed is {task.image_slots}, as "
        f"graph {task}",
    )
    require(
        slots >= task.image_slots or final.routing != "known",
        f"image_slots={slots}: with routing='known' allowed is at least {task.image_slots}, as "
        f"graph {task}",
    )


def _needs_rate(name: str, value: float | None, part: str) -> None:
    require(value is not None, f"{name}=None: {part} needs a rate; allowed is at least 0")
