"""What a figure needs to be whole: room for all that is drawn, and no tick without its label."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure, SubFigure
from matplotlib.transforms import Bbox

#: Inches between what is drawn beyond the edge of a figure and the edge of its file.
PAD = 0.04


def whole(fig: Figure) -> Bbox | None:
    """The figure and all that reaches beyond it, in inches; None if nothing does."""
    fig.draw_without_rendering()  # the layout, and where everything comes to lie
    page, drawn = fig.bbox_inches, fig.get_tightbbox()
    # What touches the edge counts too: a line has a width, and a letter may lie a pixel aside.
    left, bottom = (min(0.0, edge - PAD) if edge < 0.01 else 0.0 for edge in drawn.min)
    right, top = (
        max(size, edge + PAD) if edge > size - 0.01 else size
        for size, edge in zip(page.max, drawn.max, strict=True)
    )
    box = Bbox.from_extents(left, bottom, right, top)
    return None if np.allclose(box.extents, page.extents) else box


def hide_bare_ticks(fig: Figure | SubFigure) -> None:
    """Ticks without labels are not drawn, as those of panels that share their neighbour's axis."""
    for ax in fig.axes:
        for name, axis, sides in (
            ("x", ax.xaxis, ("labelbottom", "labeltop")),
            ("y", ax.yaxis, ("labelleft", "labelright")),
        ):
            shown = axis.get_tick_params()
            if not any(shown.get(side, False) for side in sides):
                ax.tick_params(axis=name, which="both", length=0)
            ax.tick_params(axis=name, which="minor", length=0)
