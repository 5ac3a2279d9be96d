"""Trained runs as small multiples: what each network has learned, with its outcome above it."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from modnets.checked import checked
from modnets.errors import require
from modnets.experiments.single_run import TrainedRun
from modnets.models.modular import ModularNetwork
from modnets.visuals.diagrams.canvas import MARGIN
from modnets.visuals.diagrams.modular import excerpt_of, layout_of
from modnets.visuals.diagrams.network import draw
from modnets.visuals.style import PAGE_WIDTH

#: Height of a panel as a share of its width, for networks without levels.
HEIGHT = 1.0
#: Inches above a panel for two lines of title.
TITLE = 0.36
#: Points from a panel to the heading above its title.
HEADING = 30


@checked
def draw_runs(
    runs: Sequence[TrainedRun],
    axes: np.ndarray | Sequence[Axes] | None = None,
    *,
    columns: int = 5,
    sort: str | None = None,
    task: int | None = None,
    titles: Sequence[str] | None = None,
    heading: str | None = None,
) -> np.ndarray:
    """Draw trained runs as small multiples, without the matrices of their choices.

    Parameters
    ----------
    runs : sequence of TrainedRun
    axes : array or sequence of Axes, optional
        Filled in order, others are blank; by default new ones, as wide as a page.
    columns : int
        Of new Axes.
    sort : str, optional
        A column of their tables, such as ``"bit_accuracy"``: at the last epoch, largest first,
        NaN last.
    task : int, optional
        The task that is drawn, of runs of several.
    titles : sequence of str, optional
        By default seeds and outcome, see :func:`outcome`.
    heading : str, optional
        Above the first panel, from its left edge.

    Returns
    -------
    ndarray of Axes
        One for each panel, in the shape given, new ones of shape (row, column).

    Raises
    ------
    ValueError
        If there are no runs and no Axes, more runs than Axes, another number of titles, or the
        tables lack that column.
    """
    require(len(runs) > 0 or axes is not None, "runs is empty; there is nothing to draw")
    require(columns >= 1, f"columns={columns}; allowed is at least 1")
    titles = [title_of(run) for run in runs] if titles is None else list(titles)
    require(len(titles) == len(runs), f"{len(titles)} titles for {len(runs)} runs; give one each")
    if axes is None:
        axes = _new_axes(runs, columns)
    axes = np.asarray(axes)
    require(axes.size >= len(runs), f"{axes.size} axes for {len(runs)} runs; give one for each")
    order = range(len(runs)) if sort is None else _order(runs, sort)
    for ax, index in zip(axes.flat, order, strict=False):
        draw(runs[index], ax, task=task, title=titles[index], matrices=False)
    for ax in axes.flat[len(runs) :]:
        ax.set_axis_off()
    _arrange(axes, heading if runs or heading is None else f"{heading}: none")
    return axes


@checked
def draw_before_after(
    run: TrainedRun,
    axes: Sequence[Axes] | None = None,
    *,
    task: int | None = None,
    heading: str | None = None,
) -> np.ndarray:
    """Draw one run before training and after it, side by side.

    Parameters
    ----------
    run : TrainedRun
    axes : sequence of two Axes, optional
    task : int, optional
        The task that is drawn, of a run of several.
    heading : str, optional
        Above the first panel, from its left edge.

    Returns
    -------
    ndarray of Axes, shape (2,)

    Raises
    ------
    ValueError
        If there are not two Axes.
    """
    panels = np.asarray(_new_axes([run, run], 2)[0] if axes is None else axes)
    require(panels.shape == (2,), f"axes have shape {panels.shape}; allowed are two in a row")
    networks = {"before training": run.untrained, f"after: {outcome(run)}": run.network}
    for ax, (state, network) in zip(panels, networks.items(), strict=True):
        title, graph = f"{seeds_of(run)}\n{state}", run.config.graph
        draw(network, ax, graph=graph, task=task, title=title, found=True, matrices=False)
    _arrange(panels, heading)
    return panels


@checked
def outcome(run: TrainedRun) -> str:
    """How a run has ended, as a label.

    ``found``: every row is right, and the network has recovered the graph of its task; ``solved``:
    every row is right with another structure; ``stuck``: neither, with the bit accuracy.
    """
    if run.solved:
        return "found" if run.table["recovered"].iloc[-1] == 1 else "solved"
    return f"stuck at {100 * run.table['bit_accuracy'].iloc[-1]:.0f} %"


def seeds_of(run: TrainedRun) -> str:
    """The seeds of a run, as in its title."""
    return f"seed {run.config.seed}, split {run.config.split_seed}"


def title_of(run: TrainedRun) -> str:
    """The title of a run's panel: its seeds, and how it has ended."""
    return f"{seeds_of(run)}\n{outcome(run)}"


def _arrange(axes: np.ndarray, heading: str | None) -> None:
    """Align the titles of a row at the top, and add the heading."""
    for ax in axes.flat:
        ax.set_anchor("N")
    if heading is not None:
        above: dict[str, Any] = {"xytext": (2, HEADING), "textcoords": "offset points"}
        first = axes.flat[0]
        first.annotate(heading, (0, 1), xycoords="axes fraction", fontweight="bold", **above)


def _order(runs: Sequence[TrainedRun], column: str) -> list[int]:
    """Indices of the runs, largest value first; the sort is stable."""
    known = all(column in run.table for run in runs)
    require(known, f"sort={column!r}; allowed are columns of the runs' tables")
    values = np.array([run.table[column].iloc[-1] for run in runs], dtype=float)
    return np.argsort(-np.where(np.isnan(values), -np.inf, values), kind="stable").tolist()


def _new_axes(runs: Sequence[TrainedRun], columns: int) -> np.ndarray:
    """Panels as wide as a page, shape (row, column), as high as the highest network needs."""
    columns = min(columns, len(runs))
    n_rows, width = ceil(len(runs) / columns), min(PAGE_WIDTH / columns, 2.4)
    height = width * max(_height(run) for run in runs) + TITLE
    size = width * columns, height * n_rows
    figure, axes = plt.subplots(n_rows, columns, figsize=size, squeeze=False)
    top = 1 - TITLE / size[1]
    figure.subplots_adjust(0.005, 0.005, 0.995, top, 0.04, TITLE / (height - TITLE))
    return axes


def _height(run: TrainedRun) -> float:
    """Height of a run's panel, as a share of its width."""
    if not isinstance(run.network, ModularNetwork):
        return HEIGHT
    layout = layout_of(run.network, False, excerpt_of(run.network))
    height = layout.top + layout.radius - layout.bottom + 2 * MARGIN
    return height / (layout.width + 2 * MARGIN)
