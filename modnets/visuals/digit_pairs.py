"""The figure of digit pairs: new images of pairs seen, and pairs that were never seen."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from modnets.errors import require
from modnets.visuals.generalization import draw_legend
from modnets.visuals.plots import label_rows, plot_accuracy
from modnets.visuals.style import PAGE_WIDTH

SEEN, UNSEEN = "test_seen_bit_accuracy", "test_unseen_bit_accuracy"
TICK_ROOM = 0.27  # octaves that two digits take where the pairs of digits fill a panel
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
    for network, row in zip(networks, axes, strict=True):
        of_pairs = {"image_network": network, "train_rows": pairs}
        of_samples = {"image_network": network, "samples": samples}
        for ax, measure in zip(row, (SEEN, UNSEEN) * 2, strict=True):
            over, only = ("samples", of_pairs) if ax in row[:2] else ("train_rows", of_samples)
            _draw(summaries, measure, runs, only, over, ax)
        row[0].set_ylabel(f"{NETWORKS[network]}:\nbit accuracy")
    of = f"{pairs} pairs seen", f"{samples} images a pair"
    titles = [f"{one}:\n{shown}" for one in of for shown in ("new images of them", "other pairs")]
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title.replace("pair:\nnew images of them", "pair:\nnew images of pairs seen"))
    summary = summaries[SEEN]
    tried = [summary.loc[summary["train_rows"] == pairs, "samples"]] * 2
    tried += [summary.loc[summary["samples"] == samples, "train_rows"]] * 2
    tried[3] = (
        tried[3][tried[3] < summary["train_rows"].max()] if _all_seen(summaries) else tried[3]
    )
    labels = ["images of each pair"] * 2 + ["pairs seen, of 64"] * 2
    for column, values, label in zip(axes.T, tried, labels, strict=True):
        for ax in column:  # all networks of a column have one axis
            label_rows(values, ax, room=TICK_ROOM)
            ax.set_xlabel(label if ax is column[-1] else "")
    draw_legend(axes, title=_caption(summaries[SEEN]))
    return axes


def _all_seen(summaries: dict[str, pd.DataFrame]) -> bool:
    """Whether there are points at which no pair is left unseen."""
    return bool(summaries[UNSEEN][UNSEEN].isna().any())


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


def _caption(summary: pd.DataFrame) -> str:
    least, most = summary["n"].min(), summary["n"].max()
    n = f"{least}" if least == most else f"{least} to {most}"
    percent = f"{100 * summary['confidence'].iloc[0]:g} %"
    return (
        f"{summary['graph'].iloc[0]}; images of tests were never trained on; inter-quartile mean "
        f"of {n} runs a point,\n{percent} bootstrap interval; a dot is a run"
    )
