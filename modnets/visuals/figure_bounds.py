"""Bounds of a figure's file: room for all that is drawn, and no tick without its label."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure, SubFigure
from matplotlib.transforms import Bbox

#: Inches of padding around artists that reach beyond the figure.
PAD = 0.04


@contextmanager
def laid_out(fig: Figure, dpi: float) -> Iterator[Bbox | None]:
    """Context in which a figure keeps one layout, as that takes longer than a picture.

    Parameters
    ----------
    fig : Figure
    dpi : float
        Dots per inch of the layout: letters are whole dots wide.

    Yields
    ------
    Bbox or None
        See :func:`drawn_bbox`.
    """
    engine, before = fig.get_layout_engine(), fig.dpi
    try:
        fig.dpi = dpi
        bounds = drawn_bbox(fig)
        with mpl.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
            fig.set_layout_engine(None)  # with "none" each picture would be drawn twice
        yield bounds
    finally:
        fig.dpi = before
        fig.set_layout_engine(engine or "none")


def drawn_bbox(fig: Figure) -> Bbox | None:
    """Bounding box of the figure and all artists beyond it, in inches; None if there are none."""
    fig.draw_without_rendering()  # computes the layout
    page, drawn = fig.bbox_inches, fig.get_tightbbox()
    # Artists at the edge count too: a line has a width, and a glyph may be off by a pixel.
    left, bottom = (min(0.0, edge - PAD) if edge < 0.01 else 0.0 for edge in drawn.min)
    right, top = (
        max(size, edge + PAD) if edge > size - 0.01 else size
        for size, edge in zip(page.max, drawn.max, strict=True)
    )
    box = Bbox.from_extents(left, bottom, right, top)
    return None if np.allclose(box.extents, page.extents) else box


def hide_bare_ticks(fig: Figure | SubFigure) -> None:
    """Hide ticks without labels, such as those of panels that share their neighbour's axis."""
    for ax in fig.axes:
        for axis, sides in (
            (ax.xaxis, ("labelbottom", "labeltop")),
            (ax.yaxis, ("labelleft", "labelright")),
        ):
            params = axis.get_tick_params()
            if not any(params.get(side, False) for side in sides):
                axis.set_tick_params(which="both", length=0)
            axis.set_tick_params(which="minor", length=0)
