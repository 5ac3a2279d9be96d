"""The explorer: train kinds of network side by side in JupyterLab, and look into each run.

All drawing happens in the notebook's event loop, training in a thread of its own; the curves are
drawn by the browser, so that watching costs the training next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML, display
from matplotlib.figure import Figure

from modnets.analysis.statistics import majority_floor
from modnets.checked import checked
from modnets.errors import first_line, require
from modnets.experiments.progress import in_batch
from modnets.experiments.store import Store
from modnets.explorer.controls import Controls
from modnets.explorer.finished_runs import FinishedRuns, latest
from modnets.explorer.page import HINT
from modnets.explorer.panel import Panel
from modnets.explorer.python_copy import reproduction
from modnets.explorer.selection import plural
from modnets.explorer.session import Training, short
from modnets.paths import RESULTS, expanded
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.task import Task
from modnets.training.backends.eager import warm_up
from modnets.visuals.style import save_figure


class Explorer(Training):
    """Play with modular networks: choose a task and kinds of network, train, watch, look inside.

    A notebook displays it.  Everything that can be clicked or dragged can be set from code too: the
    widgets are attributes of ``controls`` (what is trained) and ``panel`` (buttons, pictures).

    Parameters
    ----------
    graph : str or Task
        The task to begin with.
    kinds : sequence of str
        Kinds of network to begin with, such as ``"shared, learned"``.
    results : str, Path, Store or DataFrame, optional
        A finished sweep, to be looked at in place of training.
    store : str or Path, optional
        Where results go; by default ``results/explorer`` of the repository.  Runs that it holds
        are shown at the start, and a training that goes on for it in this session is followed.
    figure_folder : str or Path, optional
        Where "Save figure" writes; by default ``figures`` in the store.
    **settings
        Other values to begin with: ``train_rows``, ``epochs``, ``runs`` (of each kind), ``seed``
        (the first), ``lr``, ``lr_routing``, ``weight_decay``, ``temperature``, ``gumbel``.

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
        self.finished = None if results is None else FinishedRuns(results)
        #: Whether it only looks at results.
        self.only_looks = results is not None
        super().__init__(Panel(self.finished.groups if self.only_looks else None))
        get_graph(graph)
        self.controls = Controls({"graph": graph, "kinds": kinds} | settings, self._chosen)
        self.panel.lay_out(None if self.only_looks else self.controls.view)
        self.panel.explain(self.controls.meanings())
        self._connect()
        if self.only_looks:
            self._show_results()
        else:
            self._chosen()
            if self.take_over():
                self._mark_old()
            else:
                self.guarded(self._find_again)()
            warm_up()

    def _connect(self) -> None:
        panel, on = self.panel, self.guarded
        panel.train.on_click(on(self.train))
        panel.stop.on_click(on(self.stop_or_resume))
        panel.copy.on_click(on(self.copy))
        panel.save.on_click(on(self.save))
        panel.group.observe(on(self._show_results), names="value")
        panel.stage.observe(on(self._picked), names="selected")
        panel.stage.observe(on(self._clicked_epoch), names="epoch")
        panel.epoch.observe(on(self._replay), names="value")

    def _repr_mimebundle_(self, **keywords: Any) -> Any:
        return self.panel.view._repr_mimebundle_(**keywords)

    def _ipython_display_(self) -> None:
        """The widgets, and a line that takes their place where no kernel knows them any more."""
        display(self.panel.view)
        if not in_batch():
            display(HTML(HINT))

    # What a person does

    def _chosen(self) -> None:
        """A control was changed; a training that goes on keeps what it began with."""
        if not hasattr(self, "controls"):
            return
        self.panel.ready(not self.controls.wrong)
        if self.controls.wrong.get("task"):
            return
        before, self._task = getattr(self, "_task", None), self.controls.task()
        if self.look.source is None:
            self.panel.stage.floor = majority_floor(self._task)
        else:
            self._mark_old()
            if self._task == before or (self.live is not None and self.live.running):
                return
        self.previewing = True
        self.asked_for.ask()

    def _mark_old(self) -> None:
        """Say of curves that they are not of what is chosen now."""
        theirs, ours = self.controls.differences(self.look)
        text = f"old curves: {theirs}. Press Train for {ours}" if theirs else ""
        self.panel.stage.old = text

    def _find_again(self) -> None:
        """The runs that the store holds: those of what is chosen, else the latest."""
        if not any(self.store.glob("runs-*.parquet")):
            return
        try:
            store = Store(self.store)
            self.finished = FinishedRuns(store)
            wanted = set() if self.controls.wrong else {run.key for run in self.controls.configs()}
            group = self.finished.group_of(wanted) or self.finished.group_of(latest(store))
        except OSError as error:
            raise ValueError(first_line(error)) from error
        self.panel.offer([group, *(one for one in self.finished.groups if one != group)])

    def _picked(self) -> None:
        self.panel.text.layout.display = "none"
        self._look_again()

    def _look_again(self) -> None:
        """Back from a preview of another task to the run."""
        if self.previewing:
            self.previewing = False
            self.look.forget()
        self.asked_for.ask()

    def _clicked_epoch(self) -> None:
        if self.panel.stage.epoch >= 0:
            self.panel.epoch.value = self.panel.stage.epoch

    def _replay(self) -> None:
        if self.panel.replaying:
            self.panel.stage.epoch = self.panel.epoch.value
            self._look_again()

    def _show_results(self) -> None:
        """The group of finished runs that is chosen."""
        if self.finished is None or self.panel.group.value is None:
            return
        self.finished.choose(self.panel.group.value)
        configs = filter(None, map(self.finished.config, self.finished.runs))
        config, part = next(configs, None), self.finished.part
        graph = config.graph if config else get_graph(part["graph"].iloc[0])
        self.look.at(self.finished, graph, int(part["epoch"].max()))
        self.panel.training(False, done=True)
        text = f"{plural(len(self.finished.runs), 'run')} of {self.finished.label}"
        self.panel.say(text if self.only_looks else f"found in {short(self.store)}: {text}")
        self.panel.stage.selected = self.look.first_of_interest()
        self.look.draw_curves()
        self.look.draw_details()
        if not self.only_looks and not self.controls.wrong:
            self._mark_old()

    # To take away

    def figure(self) -> Figure:
        """The comparison as a figure: curves, and the network of the run looked at."""
        return self.look.figure()

    def curves(self) -> pd.DataFrame:
        """The numbers behind the curves; see :func:`~modnets.learning_curves`."""
        return self.look.curves()

    def save(self) -> list[Path]:
        """Write the figure as SVG and PNG, with the CSV of its numbers; hands back the files."""
        files = save_figure(self.figure(), "explorer", self.curves(), self.figure_folder)
        self.panel.say(f"saved {short(files[0])}, .png and .csv")
        return files

    def copy(self) -> str:
        """The run looked at as Python that trains it again; shown, and put on the clipboard."""
        config = self.look.config
        require(config is not None, "no run is looked at; click one in the strip")
        text = reproduction(config, self.live.chunk_of(config.key) if self.live else None)
        self.panel.show_text(text)
        return text
