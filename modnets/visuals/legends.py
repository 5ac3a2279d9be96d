"""Legends and captions below figures, as wide as the figure and no wider."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.font_manager import FontProperties
from matplotlib.legend import Legend
from matplotlib.legend_handler import HandlerBase
from matplotlib.patches import Patch, Rectangle
from matplotlib.textpath import TextPath
from matplotlib.transforms import Transform

from modnets.visuals.style import INK, KINDS, SIGNED, hide_bare_ticks, kind_style

POINTS_PER_INCH = 72
#: Height of a line of text, and of a row of a legend, in sizes of its letters.
LINE, ROW = 1.2, 1.55


def draw_legend(
    axes: np.ndarray,
    *,
    title: str = "",
    columns: int = 4,
    first: Sequence[tuple[Artist, str]] = (),
) -> Legend:
    """One legend below all axes of a figure, each label once.

    It is as wide as the figure at most: lines of its title are wrapped, and it has fewer columns
    where labels are long.  The figure grows by the height that this takes.

    Parameters
    ----------
    axes : ndarray of Axes
    title : str
        A line or two above the labels.
    columns : int
        At most.
    first : sequence of (handle, label)
        What stands before the labels found.

    Returns
    -------
    Legend
    """
    found: dict[str, Artist] = {}
    for ax in axes.flat:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    labels = {kind_style(kind).label: place for place, kind in enumerate(KINDS)}
    order = sorted(found, key=lambda label: labels.get(label, len(labels)))
    names = [*(label for _, label in first), *order]
    figure = axes.flat[0].figure
    size = FontProperties(size=plt.rcParams["legend.fontsize"]).get_size_in_points()
    room = figure.bbox.width / figure.dpi * POINTS_PER_INCH - 2 * size
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
        [*(handle for handle, _ in first), *(found[label] for label in order)],
        names,
        title=text,
        title_fontsize=size,
        loc="outside lower center",
        ncols=n_columns,
    )


def wrapped(text: str, room: float, size: float) -> str:
    """Text whose lines are no longer than the room; words stay whole.

    Parameters
    ----------
    text : str
    room : float, points
    size : float, points
        Of the letters.
    """
    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        now = ""
        for word in line.split():
            longer = f"{now} {word}" if now else indent + word
            if now and _width(longer, size) > room:
                lines.append(now)
                longer = indent + word
            now = longer
        lines.append(now)
    return "\n".join(lines)


def _columns_that_fit(labels: Sequence[str], columns: int, room: float, size: float) -> int:
    """The most columns, up to those wanted, that are no wider than the room."""
    handle = plt.rcParams["legend.handlelength"] + plt.rcParams["legend.handletextpad"]
    space = plt.rcParams["legend.columnspacing"] * size
    widths = [_width(label, size) + handle * size for label in labels]
    for count in range(columns, 1, -1):
        # Legends are filled column by column, the first ones with one more.
        parts = np.array_split(widths, count)
        if sum(max(part, default=0) for part in parts) + (count - 1) * space <= room:
            return count
    return 1


@cache
def _width(text: str, size: float) -> float:
    """Of a line, in points."""
    family = tuple(plt.rcParams["font.family"])
    return _unit_width(text, family) * size


@cache
def _unit_width(text: str, family: tuple[str, ...]) -> float:
    if not text.strip():
        return 0.3 * len(text)
    path = TextPath(
        (0, 0), text.replace("$", r"\$"), size=100, prop=FontProperties(family=list(family))
    )
    return path.get_extents().width / 100


class SignScale(Patch):
    """In a legend: the colours of weights and logits, from the most negative to the largest."""

    def __init__(self, label: str) -> None:
        super().__init__(facecolor=INK, label=label)


class _HandleScale(HandlerBase):
    """Draws the colours of signed numbers, none in the middle."""

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
