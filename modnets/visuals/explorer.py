"""The explorer: train kinds of network side by side in JupyterLab, and look into each run.

All drawing happens in the notebook's event loop, training in a thread of its own; the curves are
drawn by the browser, so that watching costs the training next to nothing.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from modnets.analysis.learning import allowed_by_data, learning_curves
from modnets.analysis.statistics import majority_floor
from modnets.errors import first_line, require
from modnets.paths import RESULTS
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Task
from modnets.training.config import RunConfig
from modnets.training.live import Live
from modnets.training.progress import in_jupyter
from modnets.training.store import Store
from modnets.visuals import explorer_views as views
from modnets.visuals.explorer_controls import Controls
from modnets.visuals.explorer_layout import Panel, reproduction
from modnets.visuals.explorer_results import Finished
from modnets.visuals.explorer_stage import curves_of, strip_of
from modnets.visuals.learning import plot_learning_curves
from modnets.visuals.plots import kind_order
from modnets.visuals.redraw import Redraw, running_loop
from modnets.visuals.style import PAGE_WIDTH, save_figure, style

MEASURE = "test_bit_accuracy"
#: Share of the time that pictures may take while training goes on.
SHARE_CURVES, SHARE_DETAILS = 0.06, 0.1


class Explorer:
    """Play with modular networks: choose a task and kinds of network, train, watch, look inside.

    Displayed by a notebook; every control is also an attribute of ``controls`` or ``panel``, and
    can be set from code.

    Parameters
    ----------
    graph : str or Task
        The task to begin with.
    kinds : sequence of str
        Kinds of network to begin with, such as ``"shared, learned"``.
    results : str, Path, Store or DataFrame, optional
        A finished sweep, to be looked at in place of training.
    store : str or Path, optional
        Where results go; by default ``results/explorer`` of the repository.
    figure_folder : str or Path, optional
        Where "Save figure" writes; by default ``results/explorer/figures``.
    **settings
        Other values to begin with: ``train_rows``, ``epochs``, ``runs`` (of each kind), ``seed``
        (the first), ``lr``, ``lr_routing``, ``weight_decay``, ``temperature``, ``gumbel``.

    Raises
    ------
    ValueError
        If a kind or task is unknown, or the results hold no runs.

    Examples
    --------
    >>> explorer = Explorer(kinds=["dense"], runs=4, epochs=20)
    >>> explorer.panel.train.description
    'Train'
    """

    def __init__(
        self,
        graph: str | Task = "6-3-2-2",
        kinds: Sequence[str] = ("dense", "modular, known", "shared, learned"),
        *,
        results: str | Path | Store | pd.DataFrame | None = None,
        store: str | Path | None = None,
        figure_folder: str | Path | None = None,
        **settings: Any,
    ) -> None:
        self.store = Path(store) if store else RESULTS / "explorer"
        self.figure_folder = Path(figure_folder) if figure_folder else self.store / "figures"
        self.live: Live | None = None
        self.finished = None if results is None else Finished(results)
        self.theory: dict[str, float] = {}
        self.loop = running_loop()
        self._drawn_details: Any = None
        self.curves_drawn = Redraw(self._draw_curves, share=SHARE_CURVES, rest=0.2)
        self.details_drawn = Redraw(self._draw_details, share=SHARE_DETAILS, rest=0.2)
        self.preview = Redraw(self._draw_details, waits_for_quiet=True)
        get_graph(graph)
        self.panel = Panel(self.finished.groups if self.finished else None)
        self.controls = Controls({"graph": graph, "kinds": kinds} | settings, self._chosen)
        self.panel.lay_out(None if self.finished else self.controls.view)
        self._connect()
        self._show_results() if self.finished else self._chosen()

    def _connect(self) -> None:
        panel = self.panel
        panel.train.on_click(self._guarded(self.train))
        panel.stop.on_click(self._guarded(self.stop_or_resume))
        panel.copy.on_click(self._guarded(self.copy))
        panel.save.on_click(self._guarded(self.save))
        panel.group.observe(self._guarded(self._show_results), names="value")
        panel.stage.observe(self._guarded(self._picked), names="selected")
        panel.stage.observe(self._guarded(self._clicked_epoch), names="epoch")
        panel.epoch.observe(self._guarded(self._replay), names="value")

    def _guarded(self, action: Any) -> Any:
        """An action of a widget: what goes wrong is told in the status line, and raised."""

        def act(*_: Any) -> None:
            try:
                action()
            except Exception as error:
                self.panel.say(first_line(error), failed=True, details=traceback.format_exc())
                if not isinstance(error, ValueError):
                    raise

        return act

    def _repr_mimebundle_(self, **keywords: Any) -> Any:
        return self.panel.view._repr_mimebundle_(**keywords)

    # Training

    def train(self) -> None:
        """Train what the controls say, in a thread; what trained before is stopped."""
        found = self.controls.check()
        require(not found, next(iter(found.values()), ""))
        self.stop()
        self.live = Live(self.controls.configs(), self.store)
        self.loop = running_loop()
        self.theory, self._drawn_details = {}, None
        self._begin(self.live.runs[0].graph, self.live.runs[0].epochs)
        self.panel.stage.selected = self._first_of_interest()
        self._go()

    def _begin(self, graph: Task, epochs: int) -> None:
        """Empty curves, and what does not change while training goes on."""
        stage = self.panel.stage
        with stage.hold_sync():
            stage.epochs, stage.epoch = epochs, -1
            stage.floor = majority_floor(graph)
            stage.curves, stage.strip = [], []
        self.panel.begin(epochs)

    def _first_of_interest(self) -> str:
        """The run that is looked at first: of the kind that has most to learn."""
        order = kind_order({run.kind for run in self.live.runs})
        modular = [kind for kind in order if "," in kind]
        learned = [kind for kind in modular if kind.endswith("learned")]
        kind = (learned or modular or order)[-1]
        return next(run.key for run in self.live.runs if run.kind == kind)

    def stop_or_resume(self) -> None:
        """What the button says: stop the training, or go on with it."""
        if self.live is None:
            return
        if self.live.running:
            self.stop()
        elif not self.live.is_done:
            self._go()

    def _go(self) -> None:
        """Train in a thread, from where it stands."""
        self.panel.training(True)
        self.live.start(self._from_thread(self._evaluated), self._from_thread(self._ended))

    def stop(self) -> None:
        """Stop between two evaluations; nothing is lost, and no thread is left."""
        if self.live is not None and self.live.running:
            self.live.stop()
            self._ended()

    def wait(self) -> None:
        """Wait until training has ended, and draw what is to be drawn; for scripts and tests.

        Raises
        ------
        Exception
            That which ended the training.
        """
        if self.live is not None:
            self.live.join()
            self._ended()
            if self.live.error is not None:
                raise self.live.error
        self.flush()

    def flush(self) -> None:
        """Draw at once what waits to be drawn."""
        for picture in (self.curves_drawn, self.details_drawn, self.preview):
            picture.flush()

    def close(self) -> None:
        """Stop training, and remove the widgets."""
        self.stop()
        for picture in (self.curves_drawn, self.details_drawn, self.preview):
            picture.cancel()
        self.panel.view.close()

    def _from_thread(self, action: Any) -> Any:
        """A call for the training thread that is carried out in the notebook's loop."""
        live, waiting = self.live, []

        def carry_out() -> None:
            waiting.clear()
            if live is self.live:
                self._guarded(action)()

        def call() -> None:
            if self.loop is None or self.loop.is_closed() or waiting:
                return  # in a script: drawn by whoever waits
            waiting.append(True)
            self.loop.call_soon_threadsafe(carry_out)

        return call

    def _evaluated(self) -> None:
        live = self.live
        if live.running:
            self.panel.progress(live.share, live.seconds_left)
        self.curves_drawn.ask()
        self.details_drawn.ask()

    def _ended(self) -> None:
        """Training was stopped, is done, or has failed."""
        live, panel = self.live, self.panel
        if live.running:
            return
        panel.training(False, done=live.is_done)
        if live.error is not None:
            text = "".join(traceback.format_exception(live.error))
            panel.say(first_line(live.error), failed=True, details=text)
        elif live.is_done:
            self.theory = self.theory or allowed_by_data(live.runs)
            panel.say(f"done: {len(live.runs)} runs, stored in {_short(self.store)}")
        else:
            panel.say(f"stopped at {live.share:.0%}; Resume goes on")
        self._draw_curves()
        self._draw_details()
        for picture in (self.curves_drawn, self.details_drawn):
            picture.cancel()

    # Pictures

    @property
    def source(self) -> Live | Finished | None:
        """Where runs come from: the training, or the results."""
        return self.live or self.finished

    def config(self, run: str) -> RunConfig | None:
        """The config of a run."""
        if self.live is not None:
            return next((config for config in self.live.runs if config.key == run), None)
        return self.finished.config(run)

    def _draw_curves(self) -> None:
        """Curves and strip from what has been evaluated."""
        found = self.source.measures(MEASURE, "bit_accuracy", "solved")
        if found.empty:
            return
        kinds = found["kind"].unique()
        if self.live is not None:
            found = found.assign(seed=found["run"].map({r.key: r.seed for r in self.live.runs}))
        ends = found["epoch"].max() if self.live is None else self.live.runs[0].epochs
        runs = found.groupby("run", sort=False).tail(1)
        runs = runs.assign(accuracy=runs[MEASURE], done=runs["epoch"] >= ends)
        stage = self.panel.stage
        with stage.hold_sync():
            stage.curves = curves_of(learning_curves(found, MEASURE), kinds, self.theory)
            stage.strip = strip_of(runs, kinds)

    def _draw_details(self) -> None:
        """Network, truth table and read-outs of the run and epoch looked at; or the task."""
        panel, run = self.panel, self.panel.stage.selected
        config = self.config(run) if run and self.source is not None else None
        if config is None:
            graph = None if self.finished else self._task()
            if graph is not None:
                panel.show_task(graph)
            elif self.finished:
                panel.say("this table holds no configs; give the folder of the store to see runs")
            return
        epoch = panel.epoch.value if panel.replaying else config.epochs
        record = self.source.record(run, epoch)
        network = self.source.network(run, epoch)
        key = (run, record.get("epoch"), config.key)
        if key != self._drawn_details:
            self._drawn_details = key
            panel.show_run(config, network, record)

    def _task(self) -> Task | None:
        try:
            return self.controls.task()
        except ValueError:
            return None  # said beside the control

    def _chosen(self) -> None:
        """A control was changed: what it comes to is drawn unless a run is looked at."""
        if not hasattr(self, "controls"):
            return
        self.panel.ready(not self.controls.check())
        if self.live is None:
            task = self._task()
            if task is not None:
                self.panel.stage.floor = majority_floor(task)
            self.preview.ask()

    def _picked(self) -> None:
        self.preview.ask()

    def _clicked_epoch(self) -> None:
        if self.panel.stage.epoch >= 0:
            self.panel.epoch.value = self.panel.stage.epoch

    def _replay(self) -> None:
        self.panel.stage.epoch = self.panel.epoch.value
        self.preview.ask()

    def _show_results(self) -> None:
        """The group of finished runs that is chosen."""
        self.finished.choose(self.panel.group.value)
        part = self.finished.part
        config = next((c for c in map(self.finished.config, self.finished.runs) if c), None)
        graph = config.graph if config else get_graph(part["graph"].iloc[0])
        self._begin(graph, int(part["epoch"].max()))
        self._drawn_details = None
        self.panel.training(False, done=True)
        self.panel.say(f"{len(self.finished.runs)} runs of {self.finished.label}")
        self._draw_curves()
        last = part.groupby("run", sort=False).tail(1)
        modular = last[last["kind"].str.contains(",")]
        self.panel.stage.selected = (modular if len(modular) else last)["run"].iloc[-1]
        self._draw_details()

    # To take away

    def figure(self) -> Figure:
        """The comparison as a figure: curves, and the network of the run looked at.

        Raises
        ------
        ValueError
            If nothing has been trained.
        """
        require(self.source is not None, "nothing was trained; press Train first")
        curves = self.curves()
        run = self.panel.stage.selected
        config = self.config(run)
        with style():
            figure = Figure(figsize=(PAGE_WIDTH, 2.9))
            ax = figure.add_axes((0.075, 0.15, 0.47, 0.75))
            stage = self.panel.stage
            plot_learning_curves(
                curves, ax=ax, floor=stage.floor, theory=self.theory, measure=MEASURE
            )
            network = self.source.network(run, stage.epochs) if config else None
            if network is not None:
                inner = figure.add_axes((0.57, 0.02, 0.42, 0.86))
                views.draw_network(network, inner, config.graph)
                inner.set_title(f"{config.kind}, seed {config.seed}, last epoch")
            if config is not None:
                ax.set_title(f"{config.graph}, {config.final.train_rows} training rows")
        return figure

    def curves(self) -> pd.DataFrame:
        """The numbers behind the curves; see :func:`~modnets.learning_curves`."""
        return learning_curves(self.source.measures(MEASURE, "solved"), MEASURE)

    def save(self) -> list[Path]:
        """Write the figure as SVG and PNG with the CSV of its numbers."""
        files = save_figure(self.figure(), "explorer", self.curves(), self.figure_folder)
        self.panel.say(f"saved {_short(files[0])}, .png and .csv")
        return files

    def copy(self) -> str:
        """The run looked at as Python that trains it again; shown, and put on the clipboard."""
        config = self.config(self.panel.stage.selected)
        require(config is not None, "no run is looked at; click one in the strip")
        text = reproduction(config)
        self.panel.show_text(text)
        return text

    @property
    def in_batch(self) -> bool:
        """Whether nobody looks on: papermill, nbconvert, a script."""
        return not in_jupyter()


def _short(path: Path) -> str:
    """A path as seen from the working folder."""
    return escape(os.path.relpath(path) if path.is_absolute() else str(path))
