"""What tests of drawings share: artists by what they are, their colours, the words."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.colors import to_hex


def labelled(ax: Axes, label: str) -> list:
    """The artists of that label."""
    return [artist for artist in ax.get_children() if artist.get_label() == label]


def faces(ax: Axes, label: str) -> list[str]:
    """Their fills."""
    return [to_hex(patch.get_facecolor()) for patch in labelled(ax, label)]


def words(ax: Axes) -> list[str]:
    """All that is written."""
    return [text.get_text() for text in ax.texts]
