"""What the explorer shows: runs, the selected one, an epoch; and how they are drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from modnets.amounts import plural
from modnets.analysis.epoch_curves import training_curves
from modnets.config.run_config import RunConfig
from modnets.explorer.curves_widget import curves_of, floor_of, strip_of
from modnets.explorer.panel import Panel
from modnets.explorer.run_source import RunSource
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Task
from modnets.visuals.plots import kind_order
from modnets.visuals.run_views import EDGE_COLORS, draw_network, tells_edges_apart
from modnets.visuals.style import PAGE_WIDTH, style
from modnets.visuals.training_curves import plot_training_curves

#: The accuracy that is drawn -> its label; the second is for tasks with images.
MEASURES = {
    "test_bit_accuracy": "unseen bits right",
    "test_seen_bit_accuracy": "bits of new images right",
}


def _choices(record: dict[str, Any]) -> list[Any]:
    """What the diagram of a modular network shows, logits aside."""
    structure = json.loads(record.get("structure") or "{}")
    return [structure.get(name) for name in ("routing", "selection", "outputs", "gates")]


def spread(counts: pd.Series) -> str:
    """What a curve and its band show, for the numbers of runs of each kind."""
    least, most = int(counts.min()), int(counts.max())
    if most == 1:
        return "1 run"
    number = f"{most}" if least == most else f"{least} to {most}"
    return f"median, quartiles of {number} runs"


class RunView:
    """The runs shown in a panel, and which of them is selected.

    Parameters
    ----------
    panel : Panel
    """

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.source: RunSource | None = None
        self.graph: Task | None = None
        self.configs: Mapping[str, RunConfig | None] = {}
        self.epochs, self.measure = 1, next(iter(MEASURES))
        self._shown: tuple[object, ...] | None = None
        self._diagram: tuple[object, ...] = ()
        self._states: list[object] = []

    def show(self, source: RunSource) -> None:
        """Show other runs; their curves are not drawn yet."""
        self.source, self.graph, self.epochs = source, source.graph, source.epochs
        self.configs = source.configs
        self.measure = list(MEASURES)[source.graph.images is not None]
        self._shown, self._states = None, []
        widget = self.panel.curves_widget
        with widget.hold_sync():
            widget.epochs, widget.epoch = source.epochs, -1
            widget.floor = floor_of(source.graph)
            widget.curves, widget.strip, widget.old = [], [], ""
            widget.measure, widget.caption = MEASURES[self.measure], ""
        self.panel.begin(source.epochs)

    def first_of_interest(self) -> str:
        """Key of the run to select first: of the kind that has most to learn."""
        kinds = {run: config.kind for run, config in self.configs.items() if config is not None}
        order = kind_order(kinds.values())
        modular = [kind for kind in order if "," in kind]
        learned = [kind for kind in modular if kind.endswith("learned")]
        first = (learned or modular or order or [""])[-1]
        return next((run for run, kind in kinds.items() if kind == first), "")

    @property
    def config(self) -> RunConfig | None:
        """The config of the selected run, if it is known."""
        return self.configs.get(self.panel.curves_widget.selected)

    def curves(self) -> pd.DataFrame:
        """The numbers behind the curves; see :func:`~modnets.analysis.training_curves`.

        Raises
        ------
        ValueError
            If nothing has been trained.
        """
        if self.source is None:
            raise ValueError("nothing has been trained yet; press Train first")
        return training_curves(self.source.measures(self.measure, "solved"), self.measure)

    @property
    def task(self) -> str:
        """The task and, where it is the same for all runs, the number of training rows."""
        counts = {c.final.train_rows for c in self.configs.values() if c is not None}
        count = counts.pop() if len(counts) == 1 else None
        return f"{self.graph}" + ("" if count is None else f", {plural(count, 'training row')}")

    def values(self, name: str) -> set[Any]:
        """Values of a setting in the runs shown for which it matters."""
        known = [config.final for config in self.configs.values() if config is not None]
        if name == "gumbel":
            known = [config for config in known if config.temperature is not None]
        return {getattr(config, name, None) for config in known} - {None}

    def draw_curves(self) -> None:
        """Draw curves and strip, from what has been evaluated until now."""
        if self.source is None:
            return
        measures = self.source.measures(self.measure, "solved")
        if measures.empty:
            return
        kinds = measures["kind"].unique()
        runs = measures.groupby("run", sort=False).tail(1)
        runs = runs.assign(
            seed=runs["run"].map(self.source.seeds),
            accuracy=runs[self.measure],
            done=runs["epoch"] >= self.epochs,
        ).sort_values("seed", kind="stable")
        curves, widget = training_curves(measures, self.measure), self.panel.curves_widget
        with widget.hold_sync():
            widget.caption = f"{self.task}: {widget.measure} ({spread(curves['n'])})"
            widget.curves = curves_of(curves, kinds, self.source.theory)
            states = runs[["run", "solved", "done"]].to_numpy().tolist()
            if states != self._states:
                self._states, widget.strip = states, strip_of(runs, kinds)

    def invalidate(self) -> None:
        """Redraw the selected run at the next request, as something else is shown instead."""
        self._shown = None

    def draw_details(self) -> None:
        """Draw network, truth table and gates of the selected run, at the selected epoch."""
        source, config, panel = self.source, self.config, self.panel
        if source is None:
            return
        if config is None:
            if source.missing_configs:
                panel.say(source.missing_configs)
            return
        run, epoch = panel.curves_widget.selected, self.epochs
        if panel.replaying:
            epoch = panel.epoch.value
        record = source.record(run, epoch)
        if (run, record.get("epoch")) == self._shown:
            return
        self._shown = run, record.get("epoch")
        panel.show_run(config, record)
        # In training a modular network is redrawn only if what it reads or computes has changed.
        drawn = (run, *map(str, _choices(record)))
        if not (source.running and config.is_modular) or drawn != self._diagram:
            network = source.network(run, epoch)
            panel.show_network(config, network, bool(record), source.has_weights)
        self._diagram = drawn

    def figure(self) -> Figure:
        """Curves, and the network of the selected run after training.

        Raises
        ------
        ValueError
            If nothing has been trained.
        """
        curves, config, widget = self.curves(), self.config, self.panel.curves_widget
        assert self.source is not None  # else there were no curves
        source = self.source
        with style():
            figure = Figure(figsize=(PAGE_WIDTH, 2.9))
            ax = figure.add_axes((0.085, 0.15, 0.455, 0.75))
            plot_training_curves(
                curves,
                ax=ax,
                floor=np.nan if widget.floor is None else widget.floor,
                theory=source.theory,
                measure=self.measure,
            )
            if config is not None:
                ax.set_title(f"{config.graph}, {config.final.train_rows} training rows")
                network = source.network(widget.selected, self.epochs)
                if network is not None:
                    inner = figure.add_axes((0.57, 0.02, 0.42, 0.86))
                    graph = get_graph(config.graph)
                    draw_network(network, inner, graph, source.has_weights)
                    if tells_edges_apart(network, graph, source.has_weights):
                        figure.text(0.99, 0.02, EDGE_COLORS, ha="right", fontsize=6)
                    inner.set_title(f"{config.kind}, seed {config.seed}, after training")
        return figure
