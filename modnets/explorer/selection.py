"""What the explorer looks at: the runs, one of them, an epoch; and the pictures of it."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from modnets.analysis.statistics import majority_floor
from modnets.analysis.training_curves import learning_curves
from modnets.config.run_config import RunConfig
from modnets.errors import require
from modnets.experiments.live import Live
from modnets.explorer.curves_widget import curves_of, strip_of
from modnets.explorer.finished_runs import FinishedRuns
from modnets.explorer.panel import Panel
from modnets.explorer.run_views import FOUND, draw_network, is_found
from modnets.tasks.task import Task
from modnets.visuals.plots import kind_order
from modnets.visuals.style import PAGE_WIDTH, style
from modnets.visuals.training_curves import plot_learning_curves

#: The accuracy that is drawn -> what it is, in words; the second of tasks with images.
MEASURES = {
    "test_bit_accuracy": "unseen bits right",
    "test_seen_bit_accuracy": "bits of new images right",
}


def _choices(record: dict[str, Any]) -> list[Any]:
    """What the diagram of a modular network shows, logits aside."""
    found = json.loads(record.get("structure") or "{}")
    return [found.get(name) for name in ("routing", "selection", "outputs", "gates")]


def plural(count: int, word: str) -> str:
    """``3 runs``, ``1 run``."""
    return f"{count} {word}{'s' * (count != 1)}"


def spread(counts: pd.Series) -> str:
    """What a curve and its band are, of so many runs of each kind."""
    least, most = int(counts.min()), int(counts.max())
    if most == 1:
        return "1 run"
    number = f"{most}" if least == most else f"{least} to {most}"
    return f"median, quartiles of {number} runs"


class RunView:
    """Runs to look at, from a training or a finished sweep, and where they are shown.

    Parameters
    ----------
    panel : Panel
    """

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.source: Live | FinishedRuns | None = None
        self.graph: Task | None = None
        self.configs: dict[str, RunConfig | None] = {}
        self.seeds: dict[str, int] = {}
        self.epochs, self.measure = 1, next(iter(MEASURES))
        #: Kind -> accuracy that theory allows.
        self.theory: dict[str, float] = {}
        self._shown: tuple[object, ...] | None = None
        self._diagram: tuple[object, ...] = ()
        self._states: list[object] = []

    def at(self, source: Live | FinishedRuns, graph: Task, epochs: int) -> None:
        """Look at other runs."""
        self.source, self.epochs, self.theory, self.graph = source, epochs, {}, graph
        self.measure = list(MEASURES)[graph.images is not None]
        self._shown, self._states = None, []
        if isinstance(source, Live):
            self.configs = {run.key: run for run in source.runs}
            self.seeds = {run.key: run.seed for run in source.runs}
        else:
            self.configs = {run: source.config(run) for run in source.runs}
            part = source.part.drop_duplicates("run")
            self.seeds = dict(zip(part["run"], part["seed"], strict=True))
        stage = self.panel.stage
        with stage.hold_sync():
            stage.epochs, stage.epoch = epochs, -1
            stage.floor = majority_floor(graph)
            stage.curves, stage.strip, stage.old = [], [], ""
            stage.measure, stage.caption = MEASURES[self.measure], ""
        self.panel.begin(epochs)

    def first_of_interest(self) -> str:
        """The run to look at first: of the kind that has most to learn; its key."""
        kinds = {run: config.kind for run, config in self.configs.items() if config is not None}
        order = kind_order(kinds.values())
        modular = [kind for kind in order if "," in kind]
        learned = [kind for kind in modular if kind.endswith("learned")]
        wanted = (learned or modular or order or [""])[-1]
        return next((run for run, kind in kinds.items() if kind == wanted), "")

    @property
    def config(self) -> RunConfig | None:
        """The config of the run looked at, where it is kept."""
        return self.configs.get(self.panel.stage.selected)

    def curves(self) -> pd.DataFrame:
        """The numbers behind the curves; see :func:`~modnets.learning_curves`."""
        require(self.source is not None, "nothing has been trained yet; press Train first")
        return learning_curves(self.source.measures(self.measure, "solved"), self.measure)

    @property
    def task(self) -> str:
        """What was learned from how much, in words."""
        rows = {c.final.train_rows for c in self.configs.values() if c is not None}
        more = f", {plural(rows.pop(), 'training row')}" if len(rows) == 1 else ""
        return f"{self.graph}{more}"

    def values(self, name: str) -> set[Any]:
        """What a setting is in the runs looked at; of those in which it plays a part."""
        known = [config.final for config in self.configs.values() if config is not None]
        if name == "gumbel":
            known = [config for config in known if config.temperature is not None]
        return {getattr(config, name, None) for config in known} - {None}

    def draw_curves(self) -> None:
        """Curves and strip, from what has been evaluated until now."""
        found = self.source.measures(self.measure, "solved")
        if found.empty:
            return
        kinds = found["kind"].unique()
        runs = found.groupby("run", sort=False).tail(1)
        runs = runs.assign(
            seed=runs["run"].map(self.seeds),
            accuracy=runs[self.measure],
            done=runs["epoch"] >= self.epochs,
        ).sort_values("seed", kind="stable")
        curves, stage = learning_curves(found, self.measure), self.panel.stage
        with stage.hold_sync():
            stage.caption = f"{self.task}: {stage.measure} ({spread(curves['n'])})"
            stage.curves = curves_of(curves, kinds, self.theory)
            states = runs[["run", "solved", "done"]].to_numpy().tolist()
            if states != self._states:
                self._states, stage.strip = states, strip_of(runs, kinds)

    def forget(self) -> None:
        """Draw the run anew at the next wish, as something else stands in its place."""
        self._shown = None

    def draw_details(self) -> None:
        """Network, truth table and read-outs of the run, at the epoch looked at."""
        run, config, panel = self.panel.stage.selected, self.config, self.panel
        if config is None:
            if isinstance(self.source, FinishedRuns):
                panel.say("this table keeps no configs: give the folder of its store to see runs")
            return
        epoch = panel.epoch.value if panel.replaying else self.epochs
        record = self.source.record(run, epoch)
        if (run, record.get("epoch")) == self._shown:
            return
        self._shown = run, record.get("epoch")
        panel.show_run(config, record)
        # While it trains a network is drawn anew if it has changed what it reads or computes.
        looks = (run, *map(str, _choices(record)))
        live = isinstance(self.source, Live)  # a finished sweep has kept no weights
        trains = live and self.source.running and config.is_modular
        if not trains or looks != self._diagram:
            panel.show_network(config, self.source.network(run, epoch), bool(record), live)
        self._diagram = looks

    def figure(self) -> Figure:
        """Curves, and the network of the run looked at, as it is at the end.

        Raises
        ------
        ValueError
            If nothing has been trained.
        """
        curves, config, stage = self.curves(), self.config, self.panel.stage
        with style():
            figure = Figure(figsize=(PAGE_WIDTH, 2.9))
            ax = figure.add_axes((0.085, 0.15, 0.455, 0.75))
            plot_learning_curves(
                curves, ax=ax, floor=stage.floor, theory=self.theory, measure=self.measure
            )
            if config is not None:
                ax.set_title(f"{config.graph}, {config.final.train_rows} training rows")
                network = self.source.network(stage.selected, self.epochs)
                if network is not None:
                    inner = figure.add_axes((0.57, 0.02, 0.42, 0.86))
                    found = isinstance(self.source, Live)
                    draw_network(network, inner, config.graph, found)
                    if is_found(network, config.graph, found):
                        figure.text(0.99, 0.02, FOUND, ha="right", fontsize=6)
                    inner.set_title(f"{config.kind}, seed {config.seed}, after training")
        return figure
