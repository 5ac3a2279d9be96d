"""What the explorer shows and where: buttons, progress, pictures; one screen of 1280 x 800."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np
from torch import nn

from modnets.tasks.named_graphs import GRAPHS, TASK_SETS
from modnets.tasks.task import Task
from modnets.training.config import RunConfig
from modnets.visuals import explorer_views as views
from modnets.visuals.explorer_stage import Stage

FULL = "100%"


class Panel:
    """The widgets of the explorer but for its controls.

    Parameters
    ----------
    groups : iterable of str, optional
        Groups of finished runs to choose from, where no training is offered.
    """

    def __init__(self, groups: Iterable[str] | None) -> None:
        button = widgets.Layout(width="84px")
        self.train = widgets.Button(
            description="Train",
            button_style="primary",
            icon="play",
            layout=button,
            tooltip="train what the controls say, many networks at once",
        )
        self.stop = widgets.Button(
            description="Stop",
            icon="pause",
            layout=button,
            disabled=True,
            tooltip="stop between two evaluations, or go on where it was stopped",
        )
        self.bar = widgets.FloatProgress(
            min=0, max=1, layout=widgets.Layout(width="120px", height="16px", margin="7px 4px")
        )
        self.status = widgets.HTML(layout=widgets.Layout(flex="1 1 auto", min_width="0"))
        wide = widgets.Layout(width="128px")
        self.copy = widgets.Button(
            description="Copy as config",
            icon="copy",
            layout=wide,
            disabled=True,
            tooltip="the run looked at as Python that trains it again",
        )
        self.save = widgets.Button(
            description="Save figure",
            icon="download",
            layout=widgets.Layout(width="112px"),
            disabled=True,
            tooltip="curves and network as SVG and PNG, with the CSV of the numbers",
        )
        options = list(groups or [])
        self.group = widgets.Dropdown(
            options=options,
            description="runs of",
            layout=widgets.Layout(width="330px"),
            tooltip="task, rows, ... of the finished runs looked at",
        )
        self.stage = Stage(layout=widgets.Layout(width=FULL))
        self.epoch = widgets.IntSlider(
            min=0,
            max=1,
            description="epoch",
            continuous_update=True,
            layout=widgets.Layout(flex="1 1 auto", width="auto"),
            tooltip="look back: the network, its table and gates as they were then (epochs)",
        )
        self.play = widgets.Play(
            min=0,
            max=1,
            step=1,
            interval=250,
            show_repeat=False,
            layout=widgets.Layout(width="auto"),
            tooltip="replay the training",
        )
        self.title, self.diagram = widgets.HTML(), widgets.HTML()
        self.table, self.gates = widgets.HTML(), widgets.HTML()
        self.text = widgets.Textarea(
            layout=widgets.Layout(display="none", width=FULL, height="96px"),
            tooltip="Python that trains this run again",
        )
        self.replaying = False
        self._following = False
        self._link = widgets.link((self.play, "value"), (self.epoch, "value"))
        self.epoch.observe(self._moved, names="value")
        self.play.observe(self._rewind, names="playing")

    def close(self) -> None:
        """Remove the widgets."""
        if self._link is not None:
            self._link.unlink()
            self._link = None
        self.view.close()

    def lay_out(self, controls: widgets.Widget | None) -> None:
        """Put everything in its place, beside the controls or, of finished runs, without."""
        first = [self.group] if controls is None else [self.train, self.stop, self.bar]
        top = widgets.HBox(
            [*first, self.status, self.copy, self.save], layout=widgets.Layout(width=FULL)
        )
        left = widgets.VBox(
            [self.stage, widgets.HBox([self.play, self.epoch]), self.table],
            layout=widgets.Layout(flex="1.15 1 0", min_width="0"),
        )
        right = widgets.VBox(
            [self.title, self.diagram, self.gates, self.text],
            layout=widgets.Layout(flex="1 1 0", min_width="0"),
        )
        pictures = widgets.HBox([left, right], layout=widgets.Layout(width=FULL, grid_gap="14px"))
        main = widgets.VBox([top, pictures], layout=widgets.Layout(flex="1 1 auto", min_width="0"))
        parts = [main] if controls is None else [controls, main]
        self.view = widgets.HBox(parts, layout=widgets.Layout(grid_gap="14px", width=FULL))
        self.view.add_class("mn-explorer")

    def begin(self, epochs: int) -> None:
        """Look at the newest evaluation of a training of so many epochs."""
        self.replaying, self._following = False, True
        for widget in (self.play, self.epoch):
            widget.max = epochs
        self.play.step = self.epoch.step = max(1, epochs // 50)
        self._following = False
        self.follow(epochs)
        self.text.layout.display = "none"

    def _moved(self, _change: Any) -> None:
        if not self._following:
            self.replaying = self.epoch.value < self.epoch.max

    def _rewind(self, _change: Any) -> None:
        """Replay from the start, where it is at the end."""
        if self.play.playing and self.play.value >= self.play.max:
            self.play.value = self.play.min

    def follow(self, epoch: int) -> None:
        """Show where training is, unless somebody looks back."""
        if not self.replaying:
            self._following = True
            self.epoch.value = epoch
            self._following = False

    def ready(self, ok: bool) -> None:
        """Whether what the controls say can be trained."""
        self.train.disabled = not ok

    def training(self, on: bool, done: bool = False, share: float = 1.0) -> None:
        """Whether training goes on, how much is done, and what may be pressed."""
        self.stop.description, self.stop.icon = ("Stop", "pause") if on else ("Resume", "forward")
        self.stop.disabled = not on and done
        self.copy.disabled = False
        self.save.disabled = on
        if done:
            self.stop.description, self.stop.icon = "Stop", "pause"
        self.bar.value = share
        self.bar.bar_style = "success" if done else "info" if on else "warning"
        if on:
            self.say("starting")

    def progress(self, share: float, gone: float, left: float) -> None:
        """How far training is, the seconds gone, and those left."""
        self.bar.value = share
        text = f"{share:.0%}, {gone:.1f} s"
        text += f", {max(left, 1):.0f} s left" if np.isfinite(left) else ""
        self.say(text + ", preparing the first steps" * (share == 0))

    def say(self, text: str, failed: bool = False, details: str = "") -> None:
        """A line of status; of an error with its traceback on hover."""
        look = "mn-status mn-failed" if failed else "mn-status"
        role = ' role="alert"' if failed else ""
        self.status.value = (
            f'<div class="{look}"{role} title="{escape(details or text)}">{escape(text)}</div>'
        )

    def show_task(self, graph: Task) -> None:
        """The task in place of a network, before anything is trained."""
        self._head(f"the task {graph}", f"{graph.n_counted} rows")
        self.diagram.value = views.diagram(None, graph)
        one = RunConfig(graph=graph, model="dense", train_rows=1)
        self.table.value = views.truth_table(one, None)
        self.gates.value = '<div class="mn-quiet">Press Train to watch networks learn it.</div>'

    def show_run(self, config: RunConfig, record: dict[str, Any]) -> None:
        """A run at an epoch: its truth table and read-outs."""
        epoch = record.get("epoch")
        when = "before training" if epoch == 0 else f"epoch {epoch}"
        self._head(f"{config.kind}, seed {config.seed}", when if record else "")
        self.table.value = views.truth_table(config, record.get("predicted"))
        if not record:
            self.gates.value = ""
        elif self.text.layout.display == "none":
            self.gates.value = views.read_outs(config, record.get("structure"), epoch)

    def show_network(
        self, config: RunConfig, network: nn.Module | None, kept: bool, found: bool
    ) -> None:
        """Its network, or why there is none; ``found`` as for ``explorer_views.draw_network``."""
        if network is not None:
            self.diagram.value = views.diagram(network, config.graph, found)
        elif kept:
            self.diagram.value = (
                '<div class="mn-quiet">Weights are not kept in a store. "Copy as config" gives '
                "the lines that train this network again.</div>"
            )

    def _head(self, title: str, more: str) -> None:
        self.title.value = (
            f'<div class="mn-title">{escape(title)} '
            f'<span class="mn-quiet">{escape(more)}</span></div>'
        )

    def show_text(self, text: str) -> None:
        """Show a text to be copied, and put it on the clipboard."""
        self.text.value = text
        self.text.layout.height = f"{17 * (text.count(chr(10)) + 1) + 10}px"
        self.text.layout.display = ""
        self.gates.value = ""
        self.stage.copy_text(text)
        self.say("copied: the run as Python")


def reproduction(config: RunConfig, chunk: tuple[int, bool] | None = None) -> str:
    """Python that trains a run again, its settings that are not the defaults written out.

    Parameters
    ----------
    config : RunConfig
    chunk : (int, bool), optional
        Runs side by side, and whether steps are compiled: then it is the same bit for bit.
    """
    default, parts = RunConfig(), []
    for f in fields(RunConfig):
        value = getattr(config, f.name)
        if f.name == "graph":
            parts.append(f"graph={_graph_text(value)}")
        elif value != getattr(default, f.name):
            parts.append(f"{f.name}={value!r}")
    inner = "".join(f"    {part},\n" for part in parts)
    how = "" if chunk is None else f", chunk={chunk[0]}, compiled={chunk[1]}"
    return f"import modnets as mn\n\nrun = mn.RunConfig(\n{inner})\ntrained = mn.train(run{how})\n"


def _graph_text(graph: Task) -> str:
    named = GRAPHS | TASK_SETS
    if named.get(str(graph)) == graph:
        return repr(str(graph))
    return f"mn.{type(graph).__name__}.from_dict({graph.to_dict()!r})"
