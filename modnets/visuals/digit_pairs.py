"""The figure of digit pairs: new images of pairs seen, and pairs that were never seen."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from modnets.errors import require
from modnets.visuals.generalization import draw_legend
from modnets.visuals.plots import plot_accuracy
from modnets.visuals.style import PAGE_WIDTH

SEEN, UNSEEN = "test_seen_bit_accuracy", "test_unseen_bit_accuracy"
NETWORKS = {"mlp": "perceptrons", "cnn": "convolutional networks"}


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
    axes : ndarray of Axes, shape (image_network, 3), optional
        By default a new figure of a page's width.

    Returns
    -------
    ndarray of Axes, shape (image_network, 3)
    """
    networks = [name for name in NETWORKS if name in set(summaries[SEEN]["image_network"])]
    if axes is None:
        figure, axes = plt.subplots(
            *(len(networks), 3),
            figsize=(PAGE_WIDTH, 0.6 + 2.15 * len(networks)),
            sharex="col",
            sharey=True,
            squeeze=False,
        )
        figure.set_layout_engine("constrained")
    axes = np.asarray(axes).reshape(-1, 3)
    require(
        len(axes) == len(networks),
        f"axes has {len(axes)} rows; there are {len(networks)} networks: {', '.join(networks)}",
    )
    for network, row in zip(networks, axes, strict=True):
        of_pairs = {"image_network": network, "train_rows": pairs}
        of_samples = {"image_network": network, "samples": samples}
        _draw(summaries, SEEN, runs, of_pairs, "samples", row[0])
        _draw(summaries, UNSEEN, runs, of_pairs, "samples", row[1])
        _draw(summaries, UNSEEN, runs, of_samples, "train_rows", row[2])
        row[0].set_ylabel(f"{NETWORKS[network]}:\nbit accuracy")
    for ax, title in zip(axes[0], _titles(samples, pairs), strict=True):
        ax.set_title(title)
    for ax in axes[:-1].flat:
        ax.set_xlabel("")
    for ax in axes[-1, :2]:
        ax.set_xlabel("images of each pair")
    axes[-1, 2].set_xlabel("pairs of digits seen, of 64")
    draw_legend(axes, title=_caption(summaries[SEEN]))
    return axes


def _draw(
    summaries: dict[str, pd.DataFrame],
    measure: str,
    runs: pd.DataFrame | None,
    only: dict[str, object],
    over: str,
    ax: Axes,
) -> None:
    """One panel; points where nothing was measured, as all pairs were seen, are left out."""
    summary = _of(summaries[measure], only).dropna(subset=[measure])
    dots = None if runs is None else _of(runs, only).dropna(subset=[measure])
    plot_accuracy(summary, ax=ax, measure=measure, runs=dots, x=over)
    ax.set_ylabel("")


def _of(frame: pd.DataFrame, only: dict[str, object]) -> pd.DataFrame:
    for column, value in only.items():
        frame = frame[frame[column] == value]
    return frame


def _titles(samples: int, pairs: int) -> Sequence[str]:
    return (
        f"{pairs} pairs seen: new images",
        f"{pairs} pairs seen: the other pairs",
        f"{samples} images a pair: other pairs",
    )


def _caption(summary: pd.DataFrame) -> str:
    least, most = summary["n"].min(), summary["n"].max()
    n = f"{least}" if least == most else f"{least} to {most}"
    percent = f"{100 * summary['confidence'].iloc[0]:g} %"
    return (
        f"{summary['graph'].iloc[0]}; images of tests were never trained on; inter-quartile mean "
        f"of {n} runs a point,\n{percent} bootstrap interval; a dot is a run"
    )
