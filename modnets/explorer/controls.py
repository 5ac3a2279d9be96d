"""The controls of the explorer: what is to be trained, with limits, units and meanings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

import ipywidgets as widgets

from modnets.config.run_config import RunConfig
from modnets.errors import first_line, require
from modnets.explorer.selection import RunView
from modnets.explorer.settings import (
    MAX_INPUTS,
    MEANINGS,
    META,
    SETTINGS,
    SOURCES,
    TABLE,
    kinds_at_hand,
    meaning,
)
from modnets.explorer.words import what
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, TASK_SETS
from modnets.tasks.random_graphs import random_graph
from modnets.tasks.tables import parse_table
from modnets.tasks.task import Task


def wide() -> widgets.Layout:
    """The layout of a control, one for each, for they are shown and hidden apart."""
    return widgets.Layout(width="100%")


class Controls:
    """Everything that is chosen before training.

    Parameters
    ----------
    values : dict
        Values to begin with, by the names of the controls.
    on_change : callable
        Called after any of them has changed.
    """

    def __init__(self, values: dict[str, Any], on_change: Callable[[], None]) -> None:
        self.kinds_settings = kinds_at_hand()
        graph = values.get("graph", "6-3-2-2")
        self.own = graph if isinstance(graph, Task) else None
        known = {*SETTINGS, "graph", "kinds", "gumbel"}
        wrong = [name for name in values if name not in known]
        require(not wrong, f"unknown setting {wrong}; allowed: {', '.join(sorted(known))}")
        names = [*GRAPHS, *TASK_SETS, *([f"{graph}"] if self.own is not None else [])]
        kinds = list(values.get("kinds", ("dense", "modular, known", "shared, learned")))
        unknown = [kind for kind in kinds if kind not in self.kinds_settings]
        require(
            not unknown, f"kinds={unknown}; allowed are {', '.join(map(repr, self.kinds_settings))}"
        )
        self.source = widgets.ToggleButtons(
            options=SOURCES, tooltips=[meaning("source")] * 3, style={"button_width": "31%"}
        )
        self.graph = self._add(
            widgets.Dropdown, "graph", "graph", options=list(dict.fromkeys(names))
        )
        self.depth = self._add(widgets.IntSlider, "depth", "depth", min=1, max=4, value=2)
        self.width = self._add(widgets.IntSlider, "width", "width", min=2, max=5, value=3)
        self.gates = self._add(widgets.Text, "gates", "gates", value="XOR AND OR")
        self.graph_seed = self._add(
            widgets.BoundedIntText, "graph_seed", "graph seed", min=0, max=10**6
        )
        self.table = widgets.Textarea(
            value=TABLE,
            layout=widgets.Layout(width="100%", height="98px"),
            tooltip=meaning("table"),
        )
        self.kinds = {
            kind: widgets.Checkbox(
                value=kind in kinds,
                description=kind,
                indent=False,
                tooltip=what(kind),
            )
            for kind in self.kinds_settings
        }
        self.settings = {
            name: self._add(cls, name, label, **limits)
            for name, (label, cls, limits) in SETTINGS.items()
        }
        self.gumbel = widgets.Checkbox(
            description="Gumbel noise", indent=False, layout=wide(), tooltip=meaning("gumbel")
        )
        self._begin_with(values, str(graph))
        self.errors = {
            name: widgets.HTML(layout=widgets.Layout(display="none"))
            for name in ("task", "kinds", *SETTINGS)
        }
        self._on_change = on_change
        self._lay_out()
        for control in self.every():
            control.observe(self._changed, names="value")
        self._changed(None)

    @staticmethod
    def _add(cls: type[widgets.Widget], name: str, label: str, **limits: Any) -> Any:
        if cls in (widgets.IntSlider, widgets.FloatLogSlider):
            limits |= {"continuous_update": False}
        if cls is widgets.FloatLogSlider:
            limits |= {"readout_format": ".2g"}
        said = meaning(name) if name in META or name in MEANINGS else label
        return cls(description=label, tooltip=said, layout=wide(), **limits)

    def _begin_with(self, values: dict[str, Any], graph: str) -> None:
        self.graph.value = graph
        defaults = {"train_rows": 16, "epochs": 500, "runs": 32, "seed": 0}
        config = RunConfig()
        for name, control in self.settings.items():
            value = values.get(name, defaults.get(name, getattr(config, name, None)))
            if name == "train_rows":
                control.max = max(control.max, value)
            control.value = value
        self.gumbel.value = bool(values.get("gumbel", False))

    def every(self) -> list[widgets.Widget]:
        """All controls that have a value."""
        task = [self.source, self.graph, self.depth, self.width, self.gates]
        task += [self.graph_seed, self.table]
        return [*task, *self.kinds.values(), *self.settings.values(), self.gumbel]

    def meanings(self) -> dict[str, str]:
        """Label -> meaning, of every control with a label."""
        return {one.description: one.tooltip for one in self.every() if one.description}

    def _lay_out(self) -> None:
        def head(text: str) -> widgets.HTML:
            return widgets.HTML(f'<div class="mn-head">{text}</div>')

        drawn = [self.depth, self.width, self.gates, self.graph_seed]
        self.of_source = {
            "named": widgets.VBox([self.graph], layout=wide()),
            "random": widgets.VBox(drawn, layout=wide()),
            "table": widgets.VBox([self.table], layout=wide()),
        }
        kinds = widgets.GridBox(list(self.kinds.values()), layout=wide())
        kinds.add_class("mn-kinds")
        settings = [w for n in SETTINGS for w in (self.settings[n], self.errors[n])]
        self.view = widgets.VBox(
            [
                head("task"),
                self.source,
                *self.of_source.values(),
                self.errors["task"],
                head("kinds of network"),
                kinds,
                self.errors["kinds"],
                head("training"),
                *settings,
                self.gumbel,
            ],
        )
        self.view.add_class("mn-controls")

    # What is chosen

    def task(self) -> Task:
        """The task chosen; raises ValueError for one that cannot be made."""
        if self.source.value == "random":
            width, depth = self.width.value, self.depth.value
            widths = (min(2 * width, MAX_INPUTS), *[width] * (depth - 1), 2, 2)
            return random_graph(widths, self.gates.value.split(), seed=self.graph_seed.value)
        if self.source.value == "table":
            table = parse_table(self.table.value)
            require(
                len(table) <= 2**MAX_INPUTS,
                f"table: {len(table)} rows; allowed are up to {2**MAX_INPUTS}",
            )
            return FunctionGraph.from_table(table, name="typed table")
        own = self.own is not None and self.graph.value == str(self.own)
        return self.own if own else (GRAPHS | TASK_SETS)[self.graph.value]

    def differences(self, look: RunView) -> tuple[str, str]:
        """What is not the same in runs looked at and in what is chosen here; theirs, and ours."""
        task = self.task()
        found = [] if look.graph == task else [(f"{look.graph}", f"{task}")]
        for name, (label, *_) in SETTINGS.items():
            values, chosen = look.values(name), self.settings[name].value
            if name not in ("runs", "seed") and values and chosen not in values:
                theirs = " and ".join(f"{value:g}" for value in sorted(values))
                found.append((f"{label} {theirs}", f"{label} {chosen:g}"))
        noise = look.values("gumbel")
        if noise and self.gumbel.value not in noise:
            words = ("without Gumbel noise", "with Gumbel noise")
            found.append((words[not self.gumbel.value], words[self.gumbel.value]))
        return "; ".join(theirs for theirs, _ in found), "; ".join(ours for _, ours in found)

    def configs(self) -> list[RunConfig]:
        """The runs chosen, kind after kind; raises ValueError with the setting that is wrong."""
        task, chosen = self.task(), [kind for kind, box in self.kinds.items() if box.value]
        require(bool(chosen), "kinds: none is chosen; allowed is at least one")
        value = {name: control.value for name, control in self.settings.items()}
        first, count, epochs = value.pop("seed"), value.pop("runs"), value["epochs"]
        base = RunConfig(
            graph=task,
            record="every",
            gumbel=self.gumbel.value,
            lr_selection=value["lr_routing"],
            eval_every=max(1, epochs // 50),
            **value,
        )
        return [
            replace(base, seed=seed, split_seed=seed, **self.kinds_settings[kind])
            for kind in chosen
            for seed in range(first, first + count)
        ]

    def _changed(self, _change: Any) -> None:
        """Show what belongs to the source, check everything, and say what is wrong where it is."""
        for name, box in self.of_source.items():
            box.layout.display = "" if name == self.source.value else "none"
        self.wrong = found = self.check()
        for name, line in self.errors.items():
            text = found.get(name, "")
            line.value = f'<div class="mn-error" role="alert">{escape(text)}</div>' if text else ""
            line.layout.display = "" if text else "none"
        if hasattr(self, "view"):
            self._on_change()

    def check(self) -> dict[str, str]:
        """What is wrong: control -> message; empty if it can be trained."""
        try:
            task = self.task()
        except ValueError as error:
            return {"task": first_line(error)}
        rows = self.settings["train_rows"]
        rows.max = max(task.n_counted - 1, rows.value)
        try:
            self.configs()
        except ValueError as error:
            text = first_line(error)
            where = next((n for n in self.errors if text.startswith((f"{n}=", f"{n}:"))), "kinds")
            return {where: text}
        return {}
