"""What tests of drawings share: artists by what they are, their colours, the words."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from modnets.visuals.style import save_figure


def labelled(ax: Axes, label: str) -> list:
    """The artists of that label."""
    return [artist for artist in ax.get_children() if artist.get_label() == label]


def faces(ax: Axes, label: str) -> list[str]:
    """Their fills."""
    return [to_hex(patch.get_facecolor()) for patch in labelled(ax, label)]


def words(ax: Axes) -> list[str]:
    """All that is written."""
    return [text.get_text() for text in ax.texts]


def check_drawing(figure: Figure, loose: tuple[str, ...] = ()) -> None:
    """What holds for every figure: nothing is cut, ticks have labels, data lie inside the axes.

    Parameters
    ----------
    figure : Figure
    loose : tuple of str
        Labels of lines that may leave their axes, as they say.
    """
    with TemporaryDirectory() as folder:
        picture = plt.imread(save_figure(figure, "drawn", folder=Path(folder))[1])[..., :3]
    edges = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
    assert all((edge == 1.0).all() for edge in edges), "something reaches the edge"
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            check_ticks(axis)
        if ax.axison:
            for line in ax.lines:
                if line.get_label() not in loose and line.get_clip_on():
                    check_inside(ax, line)
    dotted = [
        line.get_label()
        for ax in figure.axes
        for line in ax.lines
        if line.get_linestyle() == ":" and line.get_linewidth() > 0
    ]
    assert set(dotted) <= {"majority floor", "routings drawn at random"}


def check_ticks(axis) -> None:
    """A tick mark that is seen has a label that is seen."""
    if not axis.get_visible() or not axis.axes.axison:
        return
    low, high = sorted(axis.get_view_interval())
    for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
        for mark, label in ((tick.tick1line, tick.label1), (tick.tick2line, tick.label2)):
            seen = mark.get_visible() and mark.get_markersize() > 0
            if seen and low <= tick.get_loc() <= high:
                assert label.get_visible(), f"a tick without label at {tick.get_loc()}"
                assert label.get_text(), f"a tick without label at {tick.get_loc()}"


def check_inside(ax: Axes, line) -> None:
    """All points of a line lie inside the axes, where they are data."""
    if line.get_transform() != ax.transData:
        return
    points = np.asarray(line.get_xydata(), dtype=float)
    points = points[np.isfinite(points).all(axis=1)]
    for values, limits in zip(points.T, (ax.get_xlim(), ax.get_ylim()), strict=True):
        low, high = sorted(limits)
        assert (values >= low).all(), f"{line.get_label()} leaves its axes"
        assert (values <= high).all(), f"{line.get_label()} leaves its axes"
