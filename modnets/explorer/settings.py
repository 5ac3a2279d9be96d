"""Settings that the explorer offers: limits, meanings, units, kinds of network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import ipywidgets as widgets

from modnets.config.run_config import RunConfig
from modnets.config.settings import SCHEDULE_OF, SCHEDULES
from modnets.models.registry import BUILT_IN, MODELS
from modnets.models.routing_methods.registry import PUBLISHED, ROUTING_METHODS
from modnets.visuals.style import KINDS

META = {f.name: f.metadata for f in fields(RunConfig)}
SOURCES = ("named", "random", "table")
TABLE = "x0,x1,y0\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"
MAX_INPUTS = 10
#: Routing methods that are no kind of their own here: the one without a name, steps of "best", and
#: those that need other rates and temperatures than the rest.
NOT_OFFERED = (PUBLISHED, "gibbs", "given", "mixtures", "sets", "information")

#: Setting -> its control; label, kind of widget, and limits.
SETTINGS: dict[str, tuple[str, type[widgets.Widget], dict[str, Any]]] = {
    "train_rows": ("training rows", widgets.IntSlider, {"min": 1, "max": 64}),
    "epochs": ("epochs", widgets.IntSlider, {"min": 20, "max": 5000, "step": 20}),
    "runs": ("runs of each", widgets.IntSlider, {"min": 1, "max": 128}),
    "seed": ("first seed", widgets.BoundedIntText, {"min": 0, "max": 10**6}),
    "lr": ("rate, weights", widgets.FloatLogSlider, {"min": -4, "max": 0, "step": 0.05}),
    "lr_routing": ("rate, choices", widgets.FloatLogSlider, {"min": -4, "max": 0, "step": 0.05}),
    "weight_decay": ("weight decay", widgets.FloatLogSlider, {"min": -6, "max": -1, "step": 0.1}),
    "temperature": ("temperature", widgets.FloatLogSlider, {"min": -1, "max": 1, "step": 0.05}),
}

#: Settings with a schedule -> what they are called here.
SCHEDULED = {"lr": "weights", "lr_routing": "choices", "temperature": "temp."}


def _schedule(name: str, label: str) -> dict[str, tuple[str, type[widgets.Widget], dict[str, Any]]]:
    """The controls of a schedule: how it changes, where it ends, and from when on."""
    kinds: list[tuple[str, str | None]] = [(kind, kind) for kind in SCHEDULES]
    if name == "lr_routing":
        kinds.insert(0, ("as weights", None))
    first = kinds[0][1]
    return {
        SCHEDULE_OF[name]: (f"{label}, how", widgets.Dropdown, {"options": kinds, "value": first}),
        f"{name}_end": (f"{label}, end", widgets.Text, {"placeholder": "0"}),
        f"{name}_hold": (
            f"{label}, hold",
            widgets.FloatSlider,
            {"min": 0, "max": 0.95, "step": 0.05},
        ),
    }


#: The same of settings that are folded away.
MORE: dict[str, tuple[str, type[widgets.Widget], dict[str, Any]]] = {
    "slots": ("slots", widgets.Text, {"placeholder": "as the graph has, or 4 3"}),
} | {key: made for name in SCHEDULED for key, made in _schedule(name, SCHEDULED[name]).items()}

#: Part of a schedule -> the setting that changes by it.
PART_OF = {
    part: name for name in SCHEDULED for part in (SCHEDULE_OF[name], f"{name}_end", f"{name}_hold")
}


def _numbers(text: str) -> tuple[int, ...] | None:
    return tuple(map(int, text.replace(",", " ").split())) or None


def _number(text: str) -> float | None:
    return float(text) if text.strip() else None


#: How what is typed is read, and what is allowed.
TYPED: dict[str, tuple[Callable[[str], Any], str]] = {
    "slots": (_numbers, "whole numbers, one for each level, as 4 3, or nothing"),
    **{f"{name}_end": (_number, "a number, or nothing") for name in SCHEDULED},
}


def read_value(name: str, value: Any) -> Any:
    """The value of a setting from that of its control; a ValueError if it cannot be read."""
    if name not in TYPED:
        return value
    read, allowed = TYPED[name]
    try:
        return read(value)
    except ValueError:
        raise ValueError(f"{name}={value!r}; allowed is {allowed}") from None


def shown_value(name: str, value: Any) -> Any:
    """The value of a control for that of its setting."""
    if name not in TYPED:
        return value or 0.0 if name.endswith("_hold") else value
    parts = value if isinstance(value, tuple | list) else [] if value is None else [value]
    return " ".join(f"{part:g}" for part in parts)


MEANINGS = {
    "runs": "networks of each kind; each has a split and initial weights of its own (runs)",
    "seed": "seed of the first run: of its split, its weights, its noise; the next has the next",
    "lr_routing": "learning rate of routing and selection logits (per step)",
    "temperature": "temperature: divides the logits of learned choices in training; the higher it "
    "is, the more alike the chances of all choices",
    "slots": "slots in each level of networks that learn their structure, the first level first, "
    "as 4 3; without them as many as the graph has sub-functions (slots)",
    "schedule": "how the rate of weights changes over the epochs: constant, or falling as an "
    "exponential, a cosine or a line",
    "lr_end": "the rate of weights that it ends at (per step)",
    "lr_hold": "share of the epochs before the rate of weights begins to change",
    "lr_routing_schedule": "how the rate of choices changes over the epochs; as weights: by the "
    "same factor",
    "lr_routing_end": "the rate of choices that it ends at (per step)",
    "lr_routing_hold": "share of the epochs before the rate of choices begins to change",
    "temperature_schedule": "how the temperature of learned choices changes over the epochs",
    "temperature_end": "the temperature that it ends at, above 0",
    "temperature_hold": "share of the epochs before the temperature begins to change",
    "graph": "graph: the task; its name counts inputs, gates of each level, outputs",
    "depth": "levels of sub-functions (levels)",
    "width": "sub-functions in each level; there are twice as many inputs (sub-functions)",
    "gates": "gates that are drawn from, as XOR AND OR; NAND, NOR, XNOR, ... too",
    "graph_seed": "seed of the draw: another number, another graph",
    "table": "a line for each row: inputs, then outputs, 0 or 1, or - for an output that may be "
    "either; a first line of names is optional; or a .pla file of Espresso",
    "gumbel": "Gumbel noise: random numbers of the Gumbel(0, 1) distribution, added in training to "
    "the logits of learned choices, so that they try others too, the likelier the larger the logit",
    "source": "the task: a named graph, one drawn at random, or a truth table of your own",
}


def meaning(name: str) -> str:
    """The tooltip of a control: its meaning and unit."""
    if name in MEANINGS:
        return MEANINGS[name]
    unit = META[name]["unit"]
    return META[name]["meaning"] + (f" ({unit})" if unit else "")


def available_kinds() -> dict[str, dict[str, Any]]:
    """Kind of network -> its settings; user-defined models and routing methods too."""
    kinds: dict[str, dict[str, Any]] = {}
    for kind in KINDS:
        model, _, routing = kind.partition(", ")
        kinds[kind] = {"model": model} | ({"routing": routing} if routing else {})
        for method in ROUTING_METHODS if routing == "learned" else ():
            if method not in NOT_OFFERED:
                kinds[f"{kind} ({method})"] = kinds[kind] | {"routing_method": method}
    return kinds | {name: {"model": name} for name in MODELS if name not in BUILT_IN}
