"""The controls of the explorer: what will be trained, with limits, units and meanings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from html import escape
from typing import Any

import ipywidgets as widgets

from modnets.config.run_config import RunConfig
from modnets.config.settings import SCHEDULE_OF
from modnets.errors import first_line, require
from modnets.explorer.selection import RunView
from modnets.explorer.settings import (
    MAX_INPUTS,
    MEANINGS,
    META,
    MORE,
    PART_OF,
    SCHEDULED,
    SETTINGS,
    SOURCES,
    TABLE,
    available_kinds,
    meaning,
    read_value,
    shown_value,
)
from modnets.tasks.data_sets import DATA_SETS, named_data_set
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS, TASK_SETS, get_graph
from modnets.tasks.random_graphs import random_graph
from modnets.tasks.tables import parse_table
from modnets.tasks.task import Task
from modnets.visuals.descriptions import describe_kind


def wide() -> widgets.Layout:
    """A layout of full width; each control has its own, as each is shown and hidden separately."""
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
        self.kinds_settings = available_kinds()
        graph = values.get("graph", "6-3-2-2")
        self.user_task = graph if isinstance(graph, Task) else named_data_set(str(graph))
        #: The graph that known connections are those of; None for the task itself.
        self.knowledge: Task | None = values.get("knowledge")
        allowed = {*SETTINGS, *MORE, "graph", "kinds", "knowledge", "gumbel"}
        unknown = [name for name in values if name not in allowed]
        require(not unknown, f"unknown setting {unknown}; allowed: {', '.join(sorted(allowed))}")
        names = [*GRAPHS, *TASK_SETS, *DATA_SETS]
        names += [f"{graph}"] if self.user_task is not None else []
        kinds = list(values.get("kinds", ("dense", "modular, known", "shared, learned")))
        unknown = [kind for kind in kinds if kind not in self.kinds_settings]
        require(
            not unknown, f"kinds={unknown}; allowed are {', '.join(map(repr, self.kinds_settings))}"
        )
        self.source = widgets.ToggleButtons(
            options=SOURCES, tooltips=[meaning("source")] * 3, style={"button_width": "31%"}
        )
        self.graph = self._make(
            widgets.Dropdown, "graph", "graph", options=list(dict.fromkeys(names))
        )
        self.depth = self._make(widgets.IntSlider, "depth", "depth", min=1, max=4, value=2)
        self.width = self._make(widgets.IntSlider, "width", "width", min=2, max=5, value=3)
        self.gates = self._make(widgets.Text, "gates", "gates", value="XOR AND OR")
        self.graph_seed = self._make(
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
                tooltip=describe_kind(kind),
            )
            for kind in self.kinds_settings
        }
        self.settings = {
            name: self._make(cls, name, label, **limits)
            for name, (label, cls, limits) in (SETTINGS | MORE).items()
        }
        self.more = widgets.ToggleButton(
            value=any(name in values for name in MORE),
            layout=wide(),
            tooltip="slots of learned networks, and how rates and temperature change in training",
        )
        self.gumbel = widgets.Checkbox(
            description="Gumbel noise", indent=False, layout=wide(), tooltip=meaning("gumbel")
        )
        self._set_values(values, str(graph))
        self.errors = {
            name: widgets.HTML(layout=widgets.Layout(display="none"))
            for name in ("task", "kinds", *SETTINGS, *MORE)
        }
        self._on_change = on_change
        self._lay_out()
        for control in self.every():
            control.observe(self._changed, names="value")
        self.more.observe(lambda _: self._fold(), names="value")
        self._update()

    @staticmethod
    def _make(cls: type[widgets.Widget], name: str, label: str, **limits: Any) -> Any:
        if cls in (widgets.IntSlider, widgets.FloatLogSlider, widgets.FloatSlider, widgets.Text):
            limits |= {"continuous_update": False}
        if cls is widgets.FloatLogSlider:
            limits |= {"readout_format": ".2g"}
        tooltip = meaning(name) if name in META or name in MEANINGS else label
        return cls(description=label, tooltip=tooltip, layout=wide(), **limits)

    def _set_values(self, values: dict[str, Any], graph: str) -> None:
        self.graph.value = graph
        defaults = {"train_rows": 16, "epochs": 500, "runs": 32, "seed": 0}
        config = RunConfig()
        for name, control in self.settings.items():
            value = values.get(name, defaults.get(name, getattr(config, name, None)))
            if name == "train_rows":
                control.max = max(control.max, value)
            control.value = shown_value(name, value)
        self.gumbel.value = bool(values.get("gumbel", False))

    def every(self) -> list[widgets.Widget]:
        """All controls that have a value."""
        task = [self.source, self.graph, self.depth, self.width, self.gates]
        task += [self.graph_seed, self.table]
        return [*task, *self.kinds.values(), *self.settings.values(), self.gumbel]

    def meanings(self) -> dict[str, str]:
        """Label -> meaning, of every control with a label."""
        return {w.description: w.tooltip for w in self.every() if w.description}

    def _lay_out(self) -> None:
        def head(text: str) -> widgets.HTML:
            return widgets.HTML(f'<div class="mn-head">{text}</div>')

        drawn = [self.depth, self.width, self.gates, self.graph_seed]
        self.source_boxes = {
            "named": widgets.VBox([self.graph], layout=wide()),
            "random": widgets.VBox(drawn, layout=wide()),
            "table": widgets.VBox([self.table], layout=wide()),
        }
        kinds = widgets.GridBox(list(self.kinds.values()), layout=wide())
        kinds.add_class("mn-kinds")
        settings, folded = (
            [w for n in names for w in (self.settings[n], self.errors[n])]
            for names in (SETTINGS, MORE)
        )
        self.folded = widgets.VBox(folded, layout=wide())
        self.view = widgets.VBox(
            [
                head("task"),
                self.source,
                *self.source_boxes.values(),
                self.errors["task"],
                head("kinds of network"),
                kinds,
                *self._note_of_knowledge(),
                self.errors["kinds"],
                head("training"),
                *settings,
                self.gumbel,
                self.more,
                self.folded,
            ],
        )
        self.view.add_class("mn-controls")

    def _note_of_knowledge(self) -> list[widgets.Widget]:
        """A line that says whose structure is known, where it is not the task's own."""
        if self.knowledge is None:
            return []
        return [widgets.HTML(f"<small>known connections: {escape(str(self.knowledge))}</small>")]

    # The choice

    def task(self) -> Task:
        """The chosen task; raises ValueError if it cannot be made."""
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
        if self.user_task is not None and self.graph.value == str(self.user_task):
            return self.user_task
        return get_graph(self.graph.value)

    def differences(self, run_view: RunView) -> tuple[str, str]:
        """What differs between the runs shown and the choice: settings of the one, of the other."""
        task = self.task()
        pairs = [] if run_view.graph == task else [(f"{run_view.graph}", f"{task}")]
        for name, (label, *_) in SETTINGS.items():
            values, chosen = run_view.values(name), self.settings[name].value
            if name not in ("runs", "seed") and values and chosen not in values:
                text = " and ".join(f"{value:g}" for value in sorted(values))
                pairs.append((f"{label} {text}", f"{label} {chosen:g}"))
        pairs += self._folded_differences(run_view, task)
        noise = run_view.values("gumbel")
        if noise and self.gumbel.value not in noise:
            texts = ("without Gumbel noise", "with Gumbel noise")
            pairs.append((texts[not self.gumbel.value], texts[self.gumbel.value]))
        return "; ".join(shown for shown, _ in pairs), "; ".join(chosen for _, chosen in pairs)

    def _folded_differences(self, run_view: RunView, task: Task) -> list[tuple[str, str]]:
        """What differs in the settings that are folded away, where they play a part in both."""
        chosen = [] if self.problems else [run.final for run in self.configs()]
        pairs = []
        for name, (label, *_) in MORE.items():
            of = PART_OF.get(name, name)
            shown, values = run_view.values(name), _values(chosen, name)
            in_both = run_view.values(of) and _values(chosen, of)
            if in_both and shown != values and (of != "slots" or run_view.graph == task):
                texts = (" and ".join(sorted(map(_text, one))) for one in (shown, values))
                before, after = (f"{label} {text or 'none'}" for text in texts)
                pairs.append((before, after))
        return pairs

    def configs(self) -> list[RunConfig]:
        """The chosen runs, kind after kind; raises ValueError that names a wrong setting."""
        task, chosen = self.task(), [kind for kind, box in self.kinds.items() if box.value]
        require(bool(chosen), "kinds: none is chosen; allowed is at least one")
        value = {name: read_value(name, w.value) for name, w in self.settings.items()}
        first, count, epochs = value.pop("seed"), value.pop("runs"), value["epochs"]
        slots = value.pop("slots")
        falls = value["schedule"] == "exponential"
        require(
            not falls or bool(value["lr_end"]),
            f"lr_end={value['lr_end']}; allowed for an exponential is above 0",
        )
        value |= {
            name.replace("routing", "selection"): value[name] for name in MORE if "routing" in name
        }
        base = RunConfig(
            graph=task,
            knowledge=self.knowledge,
            record="every",
            gumbel=self.gumbel.value,
            lr_selection=value["lr_routing"],
            eval_every=max(1, epochs // 50),
            **value,
        )
        of_kinds = [self.kinds_settings[kind] for kind in chosen]
        learned = {"slots": slots}
        return [
            replace(base, seed=seed, split_seed=seed, **of_kind, **more)
            for of_kind in of_kinds
            for more in [learned if of_kind.get("routing") == "learned" else {}]
            for seed in range(first, first + count)
        ]

    def _changed(self, _change: Any) -> None:
        self._update()
        self._on_change()

    def _update(self) -> None:
        """Show the controls of the source, check everything, and show errors beside controls."""
        for name, box in self.source_boxes.items():
            box.layout.display = "" if name == self.source.value else "none"
        #: Control -> message; empty if the runs can be trained.
        self.problems = self.check()
        for name, line in self.errors.items():
            text = self.problems.get(name, "")
            line.value = f'<div class="mn-error" role="alert">{escape(text)}</div>' if text else ""
            line.layout.display = "" if text else "none"
        for name in SCHEDULED:
            moves = self.settings[SCHEDULE_OF[name]].value not in (None, "constant")
            for part in ("end", "hold"):
                self.settings[f"{name}_{part}"].layout.display = "" if moves else "none"
        if any(name in MORE for name in self.problems):
            self.more.value = True
        self._fold()

    def _fold(self) -> None:
        """Show what is folded away, or hide it."""
        self.folded.layout.display = "" if self.more.value else "none"
        self.more.description = "less" if self.more.value else "more: slots, schedules"
        self.more.icon = "caret-down" if self.more.value else "caret-right"

    def check(self) -> dict[str, str]:
        """Control -> message of what is wrong with it; empty if the runs can be trained."""
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
            if text.startswith("arity=") and self.settings["slots"].value:
                return {"slots": text}
            where = next((n for n in self.errors if text.startswith((f"{n}=", f"{n}:"))), "kinds")
            return {where: text}
        return {}


def _values(runs: Iterable[RunConfig], name: str) -> set[Any]:
    """Values of a setting in the runs in which it plays a part."""
    return {getattr(run, name) for run in runs} - {None}


def _text(value: Any) -> str:
    """A value of a setting in a sentence."""
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
