"""The explorer: train kinds of network side by side in JupyterLab, and look into each run.

All drawing happens in the notebook's event loop, training in a thread of its own; the curves are
drawn by the browser, so that watching hardly slows the training down.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML, display
from matplotlib.figure import Figure

from modnets.amounts import plural
from modnets.checked import checked
from modnets.config.python_copy import reproduction
from modnets.errors import first_line, require
from modnets.experiments.live import Live
from modnets.experiments.progress import in_batch
from modnets.experiments.store import Store
from modnets.explorer.controls import Controls
from modnets.explorer.curves_widget import floor_of
from modnets.explorer.finished_runs import FinishedRuns, latest
from modnets.explorer.page import HINT
from modnets.explorer.panel import Panel
from modnets.explorer.selection import RunView
from modnets.explorer.session import Event, Session
from modnets.explorer.throttle import Throttle
from modnets.paths import RESULTS, expanded
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Task
from modnets.training.backends.eager import warm_up
from modnets.visuals.style import save_figure

#: Shares of the time that redraws may take during training.
SHARE_OF_CURVES, SHARE_OF_DETAILS = 0.08, 0.03
#: Least seconds between two drawings of the curves.
CURVES_INTERVAL = 0.3


class Explorer:
    """Play with modular networks: choose a task and kinds of network, train, watch, look inside.

    A notebook displays it.  Everything that can be clicked or dragged can be set from code too: the
    widgets are attributes of ``controls`` (what is trained) and ``panel`` (buttons, diagrams).

    Parameters
    ----------
    graph : str or Task
        The task to begin with.
    kinds : sequence of str
        Kinds of network to begin with, such as ``"shared, learned"``.
    knowledge : Task, optional
        The graph whose structure networks with known connections are given, such as one that
        :func:`modnets.discover` found; by default that of the task.
    results : str, Path, Store or DataFrame, optional
        A finished sweep, to be shown instead of training.
    store : str or Path, optional
        Where results go; by default ``results/explorer`` of the repository.  Runs that it holds
        are shown at the start, and a training of this kernel that still runs for it is followed.
    figure_folder : str or Path, optional
        Where "Save figure" writes; by default ``figures`` in the store.
    **settings
        Other values to begin with: ``train_rows``, ``epochs``, ``runs`` (of each kind), ``seed``
        (the first), ``lr``, ``lr_routing``, ``weight_decay``, ``temperature``, ``gumbel``; and
        those that are folded away: ``slots``, ``schedule``, ``lr_end``, ``lr_hold``,
        ``lr_routing_schedule``, ``temperature_schedule``, and so on.

    Raises
    ------
    ValueError
        If a kind, task or setting is unknown, or the results hold no runs.

    Examples
    --------
    >>> explorer = Explorer(kinds=["dense"], runs=4, epochs=20)
    >>> explorer.panel.train.description
    'Train'
    """

    @checked
    def __init__(
        self,
        graph: str | Task = "6-3-2-2",
        kinds: Sequence[str] = ("dense", "modular, known", "shared, learned"),
        *,
        knowledge: Task | None = None,
        results: str | Path | Store | pd.DataFrame | None = None,
        store: str | Path | None = None,
        figure_folder: str | Path | None = None,
        **settings: Any,
    ) -> None:
        self.store = expanded(store, "store").absolute() if store else RESULTS / "explorer"
        self.figure_folder = (
            expanded(figure_folder, "figure_folder").absolute()
            if figure_folder
            else self.store / "figures"
        )
        #: Whether it shows results and trains nothing.
        self.read_only = results is not None
        self.finished = None if results is None else FinishedRuns(results)
        self.panel = Panel(None if self.finished is None else self.finished.groups)
        self.run_view = RunView(self.panel)
        self.session = Session(self.store, self._on_event, self.guarded)
        self.curves_redraw = Throttle(
            self._draw_curves, share=SHARE_OF_CURVES, interval=CURVES_INTERVAL
        )
        self.details_redraw = Throttle(self.draw_details, share=SHARE_OF_DETAILS)
        #: Redraws the details on user input: controls, epochs, runs.
        self.input_redraw = Throttle(self.draw_details, debounce=True)
        #: Whether the chosen task is shown in place of a run.
        self.previewing = False
        self._task: Task | None = None
        get_graph(graph)
        self.controls = Controls(
            {"graph": graph, "kinds": kinds, "knowledge": knowledge} | settings,
            self._controls_changed,
        )
        self.panel.lay_out(None if self.read_only else self.controls.view)
        self.panel.explain(self.controls.meanings())
        self._connect()
        if self.read_only:
            self._show_results()
        else:
            self._controls_changed()
            if self.session.take_over():
                self._mark_old()
            else:
                self.guarded(self._show_stored)()
            warm_up()

    def _connect(self) -> None:
        panel, on = self.panel, self.guarded
        panel.train.on_click(on(self.train))
        panel.stop.on_click(on(self.stop_or_resume))
        panel.copy.on_click(on(self.copy))
        panel.save.on_click(on(self.save))
        panel.group.observe(on(self._show_results), names="value")
        panel.curves_widget.observe(on(self._run_selected), names="selected")
        panel.curves_widget.observe(on(self._epoch_clicked), names="epoch")
        panel.epoch.observe(on(self._epoch_moved), names="value")

    def _repr_mimebundle_(self, **keywords: Any) -> Any:
        return self.panel.view._repr_mimebundle_(**keywords)

    def _ipython_display_(self) -> None:
        """The widgets, and a hint shown in their place if no kernel has them any more."""
        display(self.panel.view)
        if not in_batch():
            display(HTML(HINT))

    def guarded(self, action: Callable[[], Any]) -> Callable[..., None]:
        """A callback that shows errors in the status line; only a ValueError is not raised too."""

        def act(*_: Any) -> None:
            try:
                action()
            except Exception as error:
                self.panel.say(first_line(error), failed=True, details=traceback.format_exc())
                if not isinstance(error, ValueError):
                    raise

        return act

    # Training

    @property
    def live(self) -> Live | None:
        """The training that was started last, if any."""
        return self.session.live

    def train(self) -> None:
        """Train what the controls say, in a thread; what trained before is stopped.

        Raises
        ------
        ValueError
            If the controls do not fit together.
        """
        problems = self.controls.check()
        require(not problems, next(iter(problems.values()), ""))
        self.session.train(self.controls.configs())

    def stop_or_resume(self) -> None:
        """What the button says: stop the training, or resume it."""
        if self.session.running:
            self.stop()
        elif self.live is not None and not self.live.is_done:
            self.panel.look_at_newest()
            self.run_view.invalidate()
            self.session.resume()

    def stop(self) -> None:
        """Stop between two evaluations; nothing is lost, and no thread is left."""
        self.session.stop()

    def wait(self) -> None:
        """Wait until training has ended, and draw what is pending: in scripts, in batch.

        Raises
        ------
        Exception
            The error that ended the training.
        """
        self.session.wait()
        self.flush()

    def flush(self) -> None:
        """Draw at once what is pending."""
        for redraw in (self.curves_redraw, self.details_redraw, self.input_redraw):
            redraw.flush()

    def close(self) -> None:
        """Stop training, and remove the widgets."""
        self.stop()
        for redraw in (self.curves_redraw, self.details_redraw, self.input_redraw):
            redraw.cancel()
        self.panel.close()

    def _on_event(self, event: Event) -> None:
        """Show a progress event of the session."""
        runs = self.session.runs
        if runs is None:
            return
        live, panel = runs.live, self.panel
        if event is Event.CREATED:
            panel.offer([])
            self.run_view.show(runs)
            self.previewing = False
            panel.curves_widget.selected = self.run_view.first_of_interest()
        elif event is Event.STARTED:
            panel.training(True, share=live.share)
        elif event is Event.PROGRESS:
            panel.progress(live.share, live.seconds, live.seconds_left)
        elif event is Event.EVALUATED:
            self.curves_redraw.request()
            self.details_redraw.request()
        elif event is Event.THEORY:
            self.curves_redraw.request()
        elif event is Event.ENDED:
            self._show_end(live)
        elif event is Event.TAKEN_OVER:
            panel.training(False, done=True, share=live.share)
            panel.say("training goes on in the explorer that was made after this one")

    def _show_end(self, live: Live) -> None:
        """Training is complete, was stopped, or has failed."""
        panel = self.panel
        panel.follow(self.run_view.epochs if live.is_done else live.epoch)
        for redraw in (self.curves_redraw, self.details_redraw):
            redraw.cancel()
            redraw.draw()
        panel.training(False, done=live.is_done, share=live.share)
        if live.error is not None:
            text = "".join(traceback.format_exception(live.error))
            panel.say(first_line(live.error), failed=True, details=text)
        elif live.is_done:
            panel.say(f"done: {plural(len(live.runs), 'run')}, stored in {short(self.store)}")
        else:
            panel.say(f"stopped at {live.share:.0%}; Resume goes on")

    def _draw_curves(self) -> None:
        """Draw the curves, and the progress of the training."""
        live = self.live
        if live is not None and live.running:
            self.panel.progress(live.share, live.seconds, live.seconds_left)
            self.panel.follow(live.epoch)
        self.run_view.draw_curves()

    def draw_details(self) -> None:
        """Draw the selected run; the task, before any training or where another was chosen."""
        if self.run_view.source is not None and not self.previewing:
            self.run_view.draw_details()
        elif not self.controls.problems.get("task"):
            self.panel.show_task(self.controls.task())

    # User input

    def _controls_changed(self) -> None:
        """A control was changed; a training that is running keeps its settings."""
        self.panel.ready(not self.controls.problems)
        if self.controls.problems.get("task"):
            return
        before, self._task = self._task, self.controls.task()
        if self.run_view.source is None:
            self.panel.curves_widget.floor = floor_of(self._task)
        else:
            self._mark_old()
            if self._task == before or self.session.running:
                return
        self.previewing = True
        self.input_redraw.request()

    def _mark_old(self) -> None:
        """Mark curves of other settings than the chosen ones."""
        shown, chosen = self.controls.differences(self.run_view)
        text = f"old curves: {shown}. Press Train for {chosen}" if shown else ""
        self.panel.curves_widget.old = text

    def _show_stored(self) -> None:
        """Show the runs that the store holds: those with the chosen settings, else the latest."""
        if not any(self.store.glob("runs-*.parquet")):
            return
        try:
            store, controls = Store(self.store), self.controls
            self.finished = FinishedRuns(store)
            keys = set() if controls.problems else {run.key for run in controls.configs()}
            group = self.finished.group_of(keys) or self.finished.group_of(latest(store))
        except OSError as error:
            raise ValueError(first_line(error)) from error
        first = [] if group is None else [group]
        self.panel.offer([*first, *(name for name in self.finished.groups if name != group)])

    def _run_selected(self) -> None:
        self.panel.text.layout.display = "none"
        self._end_preview()

    def _end_preview(self) -> None:
        """Back from the preview of another task to the run."""
        if self.previewing:
            self.previewing = False
            self.run_view.invalidate()
        self.input_redraw.request()

    def _epoch_clicked(self) -> None:
        if self.panel.curves_widget.epoch >= 0:
            self.panel.epoch.value = self.panel.curves_widget.epoch

    def _epoch_moved(self) -> None:
        if self.panel.replaying:
            self.panel.curves_widget.epoch = self.panel.epoch.value
            self._end_preview()

    def _show_results(self) -> None:
        """Show the selected group of finished runs."""
        if self.finished is None or self.panel.group.value is None:
            return
        self.finished.choose(self.panel.group.value)
        self.run_view.show(self.finished)
        self.panel.training(False, done=True)
        text = f"{plural(len(self.finished.runs), 'run')} of {self.finished.label}"
        self.panel.say(text if self.read_only else f"found in {short(self.store)}: {text}")
        self.panel.curves_widget.selected = self.run_view.first_of_interest()
        self.run_view.draw_curves()
        self.run_view.draw_details()
        if not self.read_only and not self.controls.problems:
            self._mark_old()

    # Output

    def figure(self) -> Figure:
        """The comparison as a figure: curves, and the network of the selected run."""
        return self.run_view.figure()

    def curves(self) -> pd.DataFrame:
        """The numbers behind the curves; see :func:`~modnets.analysis.training_curves`."""
        return self.run_view.curves()

    def save(self) -> list[Path]:
        """Write the figure as SVG and PNG, with the CSV of its numbers; returns the files."""
        files = save_figure(self.figure(), "explorer", self.curves(), self.figure_folder)
        self.panel.say(f"saved {short(files[0])}, .png and .csv")
        return files

    def copy(self) -> str:
        """The selected run as Python that trains it again; shown, and put on the clipboard."""
        config = self.run_view.config
        if config is None:
            raise ValueError("no run is looked at; click one in the strip")
        text = reproduction(config, self.live.chunk_of(config.key) if self.live else None)
        self.panel.show_text(text)
        return text


def short(path: Path) -> str:
    """A path relative to the working folder, where that is shorter."""
    return min((os.path.relpath(path), str(path)), key=len)
