"""What the explorer shows: buttons, progress, pictures; where they stand is in explorer.css."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np
from torch import nn

from modnets.config.run_config import RunConfig
from modnets.explorer import run_views as views
from modnets.explorer.curves_widget import CurvesWidget
from modnets.explorer.page import Page
from modnets.tasks.task import Task

FULL = "100%"


class Panel:
    """The widgets of the explorer but for its controls.

    Parameters
    ----------
    groups : iterable of str, optional
        Groups of finished runs to choose from, where no training is offered.
    """

    def __init__(self, groups: Iterable[str] | None) -> None:
        self.page = Page()
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
        self.status = widgets.HTML()
        self.status.add_class("mn-says")
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
            layout=widgets.Layout(display="" if options else "none"),
            tooltip="task, rows, ... of the finished runs looked at",
        )
        self.group.add_class("mn-group")
        self.stage = CurvesWidget()
        self.epoch = widgets.IntSlider(
            min=0,
            max=1,
            description="epoch",
            continuous_update=True,
            layout=widgets.Layout(flex="1 1 auto", width="auto", min_width="0"),
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
        self._quarter = 0  # of the training that was last said aloud
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
        first = [] if controls is None else [self.train, self.stop, self.bar]
        parts = {
            "top": [*first, self.group, self.status, self.copy, self.save],
            "left": [self.stage, widgets.HBox([self.play, self.epoch]), self.table],
            "right": [self.title, self.diagram, self.gates, self.text],
        }
        boxes = [] if controls is None else [controls]
        for name, inside in parts.items():
            boxes.append(widgets.Box(inside))
            boxes[-1].add_class(f"mn-{name}")
        body = widgets.Box(boxes)
        body.add_class("mn-body")
        if controls is None:
            body.add_class("mn-looking")
        self.view = widgets.VBox([self.page, body])
        self.view.add_class("mn-explorer")

    def explain(self, meanings: dict[str, str]) -> None:
        """Say on hover what controls mean, by their labels; ipywidgets does for some kinds only."""
        own = {one.description: one.tooltip for one in (self.group, self.epoch)}
        self.page.meanings = meanings | own

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

    def look_at_newest(self) -> None:
        """Look back no more."""
        self.play.playing = False
        self.replaying = False
        self.stage.epoch = -1

    def offer(self, groups: Iterable[str]) -> None:
        """Groups of finished runs to choose from, the first chosen; none puts the choice away."""
        options = tuple(groups)
        self.group.options = options
        self.group.value = next(iter(options), None)
        self.group.layout.display = "" if options else "none"

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
        self.bar.value = self.page.share = share
        self.bar.bar_style = "success" if done else "info" if on else "warning"
        if on:
            self.say("starting")

    def progress(self, share: float, gone: float, left: float) -> None:
        """How far training is, the seconds gone, and those left."""
        self.bar.value = self.page.share = share
        text = f"{share:.0%}, {gone:.1f} s"
        text += f", {max(left, 1):.0f} s left" if np.isfinite(left) else ""
        text += ", preparing the first steps" * (share == 0)
        quarter = int(4 * share)
        self.say(text, aloud=quarter != self._quarter)
        self._quarter = quarter

    def say(self, text: str, failed: bool = False, details: str = "", aloud: bool = True) -> None:
        """A line of status, also for screen readers; of an error with its traceback on hover."""
        look = "mn-status mn-failed" if failed else "mn-status"
        if aloud:
            self.page.announcement = text
        self.status.value = (
            f'<div class="{look}" title="{escape(details or text)}">{escape(text)}</div>'
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
            self.gates.value = views.fit_gates_of_runs(config, record.get("structure"), epoch)

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
