"""Legends and captions below figures, at most as wide as the figure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.font_manager import FontProperties
from matplotlib.legend import Legend
from matplotlib.legend_handler import HandlerBase
from matplotlib.patches import Patch, Rectangle
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Transform

from modnets.checked import checked
from modnets.visuals.figure_bounds import hide_bare_ticks
from modnets.visuals.style import INK, KINDS, SIGNED, kind_style

POINTS_PER_INCH = 72
#: Height of a line of text, and of a row of a legend, in font sizes.
LINE, ROW = 1.2, 1.55
#: Share of the width to use, as rendered letters are a little wider than their outlines.
USABLE_WIDTH = 0.95


@checked
def draw_legend(
    axes: np.ndarray,
    *,
    title: str = "",
    columns: int = 4,
    first: Sequence[tuple[Artist, str]] = (),
) -> Legend:
    """One legend below all axes of a figure, each label once.

    It is at most as wide as the figure: its title is wrapped, and it has fewer columns where
    labels are long.  The figure grows by the height that this takes.

    Parameters
    ----------
    axes : ndarray of Axes
    title : str
        A line or two above the labels.
    columns : int
        At most.
    first : sequence of (handle, label)
        Entries in front of those of the axes.

    Returns
    -------
    Legend
    """
    handles: dict[str, Artist] = {}
    for ax in axes.flat:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    ranks = {kind_style(kind).label: rank for rank, kind in enumerate(KINDS)}
    order = sorted(handles, key=lambda label: ranks.get(label, len(ranks)))
    names = [*(label for _, label in first), *order]
    figure = axes.flat[0].figure
    size = FontProperties(size=plt.rcParams["legend.fontsize"]).get_size_in_points()
    room = USABLE_WIDTH * figure.bbox.width / figure.dpi * POINTS_PER_INCH - 2 * size
    wanted = min(columns, max(len(names), 1))
    n_columns = _columns_that_fit(names, wanted, room, size)
    text = wrapped(title, room, size)
    more_lines = text.count("\n") - title.count("\n")
    more_rows = -(-len(names) // n_columns) + len(names) // -wanted
    extra = size * (LINE * more_lines + ROW * more_rows)
    if extra > 0:
        root = figure.get_figure(root=True)
        width, height = root.get_size_inches()
        root.set_size_inches(width, height + extra / POINTS_PER_INCH)
    hide_bare_ticks(figure)
    return figure.legend(
        [*(handle for handle, _ in first), *(handles[label] for label in order)],
        names,
        title=text,
        title_fontsize=size,
        loc="outside lower center",
        ncols=n_columns,
    )


def wrapped(text: str, room: float, size: float) -> str:
    """Text with lines wrapped between words.

    Parameters
    ----------
    text : str
    room : float, points
        Width of a line, at most.
    size : float, points
        Font size.
    """
    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        words = line.split() or [""]
        while words:
            starts = [indent + " ".join(words[:count]) for count in range(1, len(words) + 1)]
            # To measure takes long: the longest that fits is searched by halves.
            count = max(1, bisect_right(starts, room, key=lambda start: _width(start, size)))
            lines.append(starts[count - 1])
            words = words[count:]
    return "\n".join(lines)


def _columns_that_fit(labels: Sequence[str], columns: int, room: float, size: float) -> int:
    """The most columns, up to ``columns``, that fit into the room."""
    handle = plt.rcParams["legend.handlelength"] + plt.rcParams["legend.handletextpad"]
    space = plt.rcParams["legend.columnspacing"] * size
    widths = [_width(label, size) + handle * size for label in labels]
    for count in range(columns, 1, -1):
        # Legends are filled column by column, the first ones with one more.
        by_column = np.array_split(widths, count)
        if sum(max(column, default=0) for column in by_column) + (count - 1) * space <= room:
            return count
    return 1


@cache
def _width(text: str, size: float) -> float:
    """Width of a line of text, in points."""
    family = tuple(plt.rcParams["font.family"])
    return _unit_width(text, family) * size


@cache
def _unit_width(text: str, family: tuple[str, ...]) -> float:
    if not text.strip():
        return 0.3 * len(text)
    font = FontProperties(family=list(family), size=100)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 100


class SignScale(Patch):
    """Legend handle of the colours of weights and logits, from most negative to most positive."""

    def __init__(self, label: str) -> None:
        super().__init__(facecolor=INK, label=label)


class _HandleScale(HandlerBase):
    """Draws a :class:`SignScale` as a colour bar."""

    def create_artists(
        self,
        legend: Legend,
        orig_handle: Artist,
        xdescent: float,
        ydescent: float,
        width: float,
        height: float,
        fontsize: float,
        trans: Transform,
    ) -> list[Artist]:
        count = 9
        step = width / count
        cells = [
            Rectangle(
                (step * n - xdescent, -ydescent), step, height, transform=trans, linewidth=0,
                facecolor=SIGNED(n / (count - 1)),
            )
            for n in range(count)
        ]  # fmt: skip
        frame = Rectangle((-xdescent, -ydescent), width, height, transform=trans, fill=False)
        frame.set(edgecolor="#999999", linewidth=0.4)
        return [*cells, frame]


Legend.update_default_handler_map({SignScale: _HandleScale()})
