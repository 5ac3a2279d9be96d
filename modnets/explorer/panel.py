"""The widgets of the explorer: buttons, progress, diagrams; explorer.css has their layout."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import ipywidgets as widgets
import numpy as np
from torch import nn

from modnets.config.run_config import RunConfig
from modnets.explorer.curves_widget import CurvesWidget
from modnets.explorer.page import Page
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Task
from modnets.visuals import run_views as views

FULL = "100%"


class Panel:
    """The widgets of the explorer, its controls aside.

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
        self.curves_widget = CurvesWidget()
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
        self._quarter = 0  # of the training that was last announced
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
        """Arrange the widgets, beside the controls or, for finished runs, without."""
        first = [] if controls is None else [self.train, self.stop, self.bar]
        columns = {
            "top": [*first, self.group, self.status, self.copy, self.save],
            "left": [self.curves_widget, widgets.HBox([self.play, self.epoch]), self.table],
            "right": [self.title, self.diagram, self.gates, self.text],
        }
        boxes = [] if controls is None else [controls]
        for name, children in columns.items():
            boxes.append(widgets.Box(children))
            boxes[-1].add_class(f"mn-{name}")
        body = widgets.Box(boxes)
        body.add_class("mn-body")
        if controls is None:
            body.add_class("mn-looking")
        self.view = widgets.VBox([self.page, body])
        self.view.add_class("mn-explorer")

    def explain(self, meanings: dict[str, str]) -> None:
        """Set tooltips of controls by their labels; ipywidgets does so for some kinds only."""
        widgets_here = (self.group, self.epoch)
        own = {widget.description: widget.tooltip for widget in widgets_here}
        self.page.meanings = meanings | own

    def begin(self, epochs: int) -> None:
        """Show the newest evaluation of runs of so many epochs."""
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
        """Replay from the start if it is at the end."""
        if self.play.playing and self.play.value >= self.play.max:
            self.play.value = self.play.min

    def follow(self, epoch: int) -> None:
        """Move the slider to the newest epoch, unless an earlier one is selected."""
        if not self.replaying:
            self._following = True
            self.epoch.value = epoch
            self._following = False

    def look_at_newest(self) -> None:
        """Return to the newest epoch."""
        self.play.playing = False
        self.replaying = False
        self.curves_widget.epoch = -1

    def offer(self, groups: Iterable[str]) -> None:
        """Offer groups of finished runs, the first selected; without any, hide the dropdown."""
        options = tuple(groups)
        self.group.options = options
        self.group.value = next(iter(options), None)
        self.group.layout.display = "" if options else "none"

    def ready(self, ok: bool) -> None:
        """Enable or disable the training of what the controls say."""
        self.train.disabled = not ok

    def training(self, on: bool, done: bool = False, share: float = 1.0) -> None:
        """Show whether it trains and how much is done; enable and disable buttons."""
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

    def progress(self, share: float, elapsed: float, left: float) -> None:
        """Show the share that is trained, the seconds elapsed, and those left."""
        self.bar.value = self.page.share = share
        text = f"{share:.0%}, {elapsed:.1f} s"
        text += f", {max(left, 1):.0f} s left" if np.isfinite(left) else ""
        text += ", preparing the first steps" * (share == 0)
        quarter = int(4 * share)
        self.say(text, announce=quarter != self._quarter)
        self._quarter = quarter

    def say(
        self, text: str, failed: bool = False, details: str = "", announce: bool = True
    ) -> None:
        """Set the status line, announced to screen readers; an error has its traceback on hover."""
        css_class = "mn-status mn-failed" if failed else "mn-status"
        if announce:
            self.page.announcement = text
        self.status.value = (
            f'<div class="{css_class}" title="{escape(details or text)}">{escape(text)}</div>'
        )

    def show_task(self, graph: Task) -> None:
        """Show the task in place of a network, before anything is trained."""
        self._head(f"the task {graph}", f"{graph.n_counted} rows")
        self.diagram.value = views.diagram(None, graph)
        config = RunConfig(graph=graph, model="dense", train_rows=1)
        self.table.value = views.truth_table(config, None)
        self.gates.value = '<div class="mn-quiet">Press Train to watch networks learn it.</div>'

    def show_run(self, config: RunConfig, record: dict[str, Any]) -> None:
        """Show a run at an epoch: its truth table and gates."""
        epoch = record.get("epoch")
        when = "before training" if epoch == 0 else f"epoch {epoch}"
        self._head(f"{config.kind}, seed {config.seed}", when if record else "")
        self.table.value = views.truth_table(config, record.get("predicted"))
        if epoch is None:
            self.gates.value = ""
        elif self.text.layout.display == "none":
            self.gates.value = views.findings_table(config, record.get("structure"), epoch)

    def show_network(
        self, config: RunConfig, network: nn.Module | None, recorded: bool, has_weights: bool
    ) -> None:
        """Show the network of a run or, if something of it is recorded, why it cannot be drawn.

        ``has_weights`` as in ``run_views.draw_network``.
        """
        if network is not None:
            self.diagram.value = views.diagram(network, get_graph(config.graph), has_weights)
        elif recorded:
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
        self.curves_widget.copy_text(text)
        self.say("copied: the run as Python")
