"""Splits of a task's rows into training, validation and test rows.

The rows are permuted by the split seed; the first are for training, and of the rest half, rounded
down, is for validation and the remainder for tests.  Splits of one seed are nested: its 8 training
rows are among its 16.  The permutation is torch's: with seed 40, the one of the published commands,
32 rows of 6-3-2-2 are enough for a dense network (64 of 64 init seeds, clean inputs); with most
other seeds they are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch

from modnets.checked import checked
from modnets.errors import one_of, require
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.pair_splits import split_pairs
from modnets.tasks.samples import Samples
from modnets.tasks.task import MAX_TABLE_INPUTS, Task
from modnets.tasks.task_sets import TaskSet

#: Rows drawn for validation and test together where the table is too large to enumerate.
HELD_OUT_SAMPLE = 8192
#: Indices of rows are drawn below this.
MAX_INDEX = 2**63 - 1
#: Whether each task of a set holds out rows of its own, or all the same rows.
HeldOut = Literal["different", "same"]
HELD_OUT: tuple[HeldOut, ...] = get_args(HeldOut)
#: Difference between the split seeds of consecutive tasks that hold out different rows.
SEED_STEP = 10_000


@dataclass(frozen=True)
class Split:
    """Indices of the rows for training, validation and test, which are disjoint."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Number of training, validation and test rows."""
        return len(self.train), len(self.validation), len(self.test)


def n_train_rows(
    graph: Task, *, train_rows: int | None = None, train_fraction: float | None = None
) -> int:
    """The number of training rows, from a count or a fraction.

    Parameters
    ----------
    graph : Task
        Of a set of tasks the rows of each task count, of digit pairs the pairs of digits.
    train_rows : int, at least 1, optional
        Rows shown in training.
    train_fraction : float, in (0, 1), optional
        Share of the table shown: ``int(fraction * rows)`` of them.

    Raises
    ------
    ValueError
        Unless exactly one of the two is not None, or if no row is left to train or to test on.
    """
    total = graph.n_counted
    needs_unseen = graph.tests_unseen
    require(
        total > needs_unseen,
        f"graph={graph} has {total} row with an output that is no don't-care; allowed are at "
        "least 2, one to train and one to test on",
    )
    require(
        (train_rows is None) != (train_fraction is None),
        f"train_rows={train_rows}, train_fraction={train_fraction}; give exactly one of the two",
    )
    if train_fraction is not None:
        require(
            graph.enumerable or graph.images is not None,
            f"train_fraction={train_fraction} of a table of 2**{graph.n_inputs} rows; "
            f"above {MAX_TABLE_INPUTS} inputs give train_rows",
        )
        require(
            0 < train_fraction < 1 or (train_fraction == 1 and not needs_unseen),
            f"train_fraction={train_fraction}; allowed is between 0 and 1",
        )
        count = int(train_fraction * total)
        setting = f"train_fraction={train_fraction}"
    else:
        assert train_rows is not None
        count, setting = train_rows, f"train_rows={train_rows}"
    lacking = f"leaves no row to {'train' if count < 1 else 'test'} on"
    require(
        0 < count <= total - needs_unseen,
        f"{setting} of {total if total <= MAX_INDEX else f'2**{graph.n_inputs}'} rows "
        f"{lacking if needs_unseen or count < 1 else 'is more than there are'}; "
        f"allowed is 1 to {min(total - needs_unseen, MAX_INDEX)} rows",
    )
    return count


@checked
def split_rows(graph: Task, train_rows: int, seed: int) -> Split:
    """Split the rows of a graph's table.

    Parameters
    ----------
    graph : Task
        With a truth table, as a FunctionGraph.
    train_rows : int
        Rows for training.
    seed : int, at least 0
        Permutes the rows.

    Returns
    -------
    Split
        Up to 20 inputs all rows of the table, without those whose outputs are all don't-cares.
        Above that, distinct rows drawn at random: those for training, and 8192 held out.  Samples
        are divided like the rows of a table; where test rows are given, the rest is for validation.
    """
    train_rows = n_train_rows(graph, train_rows=train_rows)
    total = graph.n_rows
    generator = torch.Generator().manual_seed(seed)
    if graph.n_inputs <= MAX_TABLE_INPUTS or isinstance(graph, Samples):
        order = torch.randperm(total, generator=generator).numpy()
        order = order[graph.counted[order]] if graph.has_dont_cares else order
    else:
        total = min(total, MAX_INDEX)
        size = min(train_rows + HELD_OUT_SAMPLE, total)
        drawn = order = np.empty(0, np.int64)
        while len(order) < size:
            more = torch.randint(total, (2 * size,), generator=generator).numpy()
            drawn = np.concatenate([drawn, more])
            _, first = np.unique(drawn, return_index=True)
            order = drawn[np.sort(first)]
        order = order[:size]
    return Split(*graph.divide(order, train_rows))


@checked
def split_task(
    task: Task,
    train_rows: int,
    seed: int,
    *,
    held_out: str = "different",
    samples: int = 100,
    test_samples: int = 100,
) -> dict[str, np.ndarray]:
    """Split the rows of any task.

    Parameters
    ----------
    task : Task
    train_rows : int
        Rows for training; of each task of a set; of digit pairs the pairs of digits seen.
    seed : int, at least 0
    held_out : "different" or "same"
        Of a set of tasks: whether task k is split by ``seed + 10_000 * k``, or all by ``seed``.
    samples, test_samples : int
        Of digit pairs: pairs of images for each pair of digits.

    Returns
    -------
    dict of ndarray of int64
        Indices of the rows of ``train``, ``validation`` and ``test``; of digit pairs ``test_seen``
        and ``test_unseen`` in place of the last.
    """
    if isinstance(task, DigitPairs):
        return split_pairs(task, train_rows, seed, samples, test_samples)
    if isinstance(task, TaskSet):
        one_of("held_out", held_out, HELD_OUT)
        step = SEED_STEP if held_out == "different" else 0
        splits = [split_rows(g, train_rows, seed + step * k) for k, g in enumerate(task.graphs)]
        starts = np.arange(task.n_tasks) * task.n_rows
        return {
            name: np.concatenate(
                [start + getattr(split, name) for start, split in zip(starts, splits, strict=True)]
            )
            for name in ("train", "validation", "test")
        }
    split = split_rows(task, train_rows, seed)
    return {"train": split.train, "validation": split.validation, "test": split.test}


def sample_of_split(split: dict[str, np.ndarray], total: int, seed: int) -> dict[str, np.ndarray]:
    """A stratified sample of a split: some rows of each part, drawn without replacement.

    Parts are sampled in equal numbers; where one has fewer rows, all of them are taken, and the
    others make up for it.  So few training rows are in every sample.  A sample of a seed holds the
    smaller ones of that seed.

    Parameters
    ----------
    split : dict of ndarray, shape (row,)
    total : int
        Rows of all parts together; all rows where there are fewer.
    seed : int

    Returns
    -------
    dict of ndarray
        Of each part the rows that are in the sample.
    """
    sizes = sample_sizes([len(rows) for rows in split.values()], total)
    return {
        name: rows[np.random.default_rng([seed, part]).permutation(len(rows))[:size]]
        for part, ((name, rows), size) in enumerate(zip(split.items(), sizes, strict=True))
    }


def sample_sizes(sizes: Sequence[int], total: int) -> list[int]:
    """How many rows of each part a sample of so many rows has; see :func:`sample_of_split`."""
    taken, left = [0] * len(sizes), total
    by_size = sorted(range(len(sizes)), key=lambda part: sizes[part])
    for done, part in enumerate(by_size):  # the smallest first
        taken[part] = min(sizes[part], left // (len(sizes) - done))
        left -= taken[part]
    return taken
