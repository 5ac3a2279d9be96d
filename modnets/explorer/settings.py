"""Settings that the explorer offers: limits, meanings, units, kinds of network."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import ipywidgets as widgets

from modnets.config.run_config import RunConfig
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
MEANINGS = {
    "runs": "networks of each kind; each has a split and initial weights of its own (runs)",
    "seed": "seed of the first run: of its split, its weights, its noise; the next has the next",
    "lr_routing": "learning rate of routing and selection logits (per step)",
    "temperature": "temperature: divides the logits of learned choices in training; the higher it "
    "is, the more alike the chances of all choices",
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
