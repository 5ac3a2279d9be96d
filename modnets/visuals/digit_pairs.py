"""Figure of digit pairs: accuracy on new images of seen pairs, and on unseen pairs."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from modnets.checked import checked
from modnets.errors import require
from modnets.visuals.legends import draw_legend
from modnets.visuals.plots import label_rows, plot_accuracy, runs_behind
from modnets.visuals.style import PAGE_WIDTH

SEEN, UNSEEN = "test_seen_bit_accuracy", "test_unseen_bit_accuracy"
TICK_ROOM = 0.27  # octaves that a tick label of two digits takes
LABELS = {"samples": "images of each pair", "train_rows": "pairs seen, of 64"}
NETWORKS = {"mlp": "perceptrons", "cnn": "convolutional networks"}


@checked
def plot_digit_pairs(
    summaries: dict[str, pd.DataFrame],
    *,
    samples: int,
    pairs: int,
    runs: pd.DataFrame | None = None,
    axes: np.ndarray | None = None,
) -> np.ndarray:
    """Accuracy on seen and unseen pairs over images of each pair, and over pairs seen.

    Parameters
    ----------
    summaries : dict of DataFrame
        ``test_seen_bit_accuracy`` and ``test_unseen_bit_accuracy`` -> what
        :func:`~modnets.summarize` returns for that measure, by image_network, kind, samples and
        train_rows, with a column ``floor``.
    samples : int
        Images of each pair where the share of pairs varies.
    pairs : int
        Pairs seen where the number of images varies.
    runs : DataFrame, optional
        A row per run: a faint dot for each.
    axes : ndarray of Axes, shape (image_network, 4), optional
        By default a new figure of a page's width.

    Returns
    -------
    ndarray of Axes, shape (image_network, 4)
        Left over images of each pair, right over pairs of digits seen.
    """
    networks = [name for name in NETWORKS if name in set(summaries[SEEN]["image_network"])]
    if axes is None:
        figure, axes = plt.subplots(
            *(len(networks), 4),
            figsize=(PAGE_WIDTH, 0.8 + 2.1 * len(networks)),
            sharex="col",
            sharey=True,
            squeeze=False,
        )
        figure.set_layout_engine("constrained")
    axes = np.asarray(axes).reshape(-1, 4)
    require(
        len(axes) == len(networks),
        f"axes has {len(axes)} rows; there are {len(networks)} networks: {', '.join(networks)}",
    )
    for column, (over, fixed, measure, title) in zip(axes.T, _panels(samples, pairs), strict=True):
        # Where all pairs were seen, there is no accuracy on unseen ones.
        shown = _of(summaries[measure], fixed).dropna(subset=[measure])
        dots = None if runs is None else _of(runs, fixed).dropna(subset=[measure])
        for network, ax in zip(networks, column, strict=True):
            only = {"image_network": network}
            own_dots = None if dots is None else _of(dots, only)
            plot_accuracy(_of(shown, only), ax=ax, measure=measure, runs=own_dots, x=over)
        for ax in column:  # the x axis is shared by a column
            label_rows(shown[over], ax, room=TICK_ROOM)
            ax.set(xlabel=LABELS[over] if ax is column[-1] else "", ylabel="")
        column[0].set_title(title)
    for network, ax in zip(networks, axes[:, 0], strict=True):
        ax.set_ylabel(f"{NETWORKS[network]}:\nbit accuracy")
    draw_legend(axes, title=_caption(summaries[SEEN]))
    return axes


def _panels(samples: int, pairs: int) -> list[tuple[str, dict[str, int], str, str]]:
    """For each column: x column, fixed settings, measure, title."""
    of_pairs, of_samples = {"train_rows": pairs}, {"samples": samples}
    few, many = f"{pairs} pairs seen:\n", f"{samples} images a pair:\n"
    return [
        ("samples", of_pairs, SEEN, f"{few}new images of them"),
        ("samples", of_pairs, UNSEEN, f"{few}other pairs"),
        ("train_rows", of_samples, SEEN, f"{many}new images of pairs seen"),
        ("train_rows", of_samples, UNSEEN, f"{many}other pairs"),
    ]


def _of(frame: pd.DataFrame, only: Mapping[str, object]) -> pd.DataFrame:
    """The rows with these settings."""
    for column, value in only.items():
        frame = frame[frame[column] == value]
    return frame


def _caption(summary: pd.DataFrame) -> str:
    n, percent = runs_behind(summary)
    return (
        f"{summary['graph'].iloc[0]}; images of tests were never trained on; inter-quartile mean "
        f"of {n} runs a point, {percent} bootstrap interval; a dot is a run"
    )
