"""Exact evaluation: every row of the truth table, for all runs of a chunk at once.

Where rows cannot be listed, as pairs of images, they are those that a run's split has drawn.  No
random numbers are drawn here, so that evaluating a run does not change it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor

from modnets.compiler.symbolic import ROW_STEP, ROWS
from modnets.compiler.tracing import TensorSpec
from modnets.config.run_config import RunConfig
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.task import Task
from modnets.tasks.truth_tables import DONT_CARE
from modnets.training.batches import images_on, inputs_of

#: Digit pairs have the last two instead of ``test``: new images of pairs of digits that were
#: seen in training, and pairs that were not.
PARTS = ("train", "validation", "test", "test_seen", "test_unseen")
MEASURES = ("loss", "bit_accuracy", "row_accuracy")
#: Rows evaluated at once, to bound memory.
BLOCK_ROWS = 1024
#: Up to here the truth table that a run has learned, and what it computes inside, is recorded.
MAX_KEPT_ROWS = 4096


@dataclass(frozen=True)
class Rows:
    """Some of the rows to evaluate.

    Parameters
    ----------
    number : int
        Of this block of rows.
    x, y : Tensor, shape (row, column) and (row, output); each replica's own: (replica, row, ...)
    parts : Tensor, shape (replica, part, row)
        1 where a row is in a part of the split; the last is of all rows that count as the table.
    images : Tensor, shape (image, pixel), optional
        What the indices in ``x`` refer to.
    """

    number: int
    x: Tensor
    y: Tensor
    parts: Tensor
    images: Tensor | None = None

    @property
    def uniform(self) -> bool:
        """Whether they are the same for all replicas."""
        return self.x.dim() == 2

    def inputs(self, replicas: slice = slice(None)) -> Tensor:
        """What networks read, of all replicas or of some; see :func:`inputs_of`."""
        return inputs_of(self.x if self.uniform else self.x[replicas], self.images)


def parts_of(task: Task) -> tuple[str, ...]:
    """The parts that the rows of a task are split into."""
    return tuple(p for p in PARTS if p != "test") if isinstance(task, DigitPairs) else PARTS[:3]


def row_specs(final: RunConfig) -> tuple[TensorSpec, TensorSpec, TensorSpec]:
    """The shapes of the inputs, y and parts of Rows, as one replica sees them."""
    task = cast("Task", final.graph)
    x, y = (
        TensorSpec((ROWS, width), uniform=task.enumerable)
        for width in (task.n_inputs, task.n_outputs)
    )
    return x, y, TensorSpec((len(parts_of(task)) + 1, ROWS))


class Evaluation:
    """The rows to evaluate, their outputs, and which part of each run's split they are in.

    Up to 20 inputs these are all rows of the table, the same for every run.  Above that, and of
    images, they are the rows that a run's split has drawn.

    Parameters
    ----------
    finals : sequence of RunConfig
        One for each replica, of one graph.
    device : torch.device
    """

    def __init__(self, finals: Sequence[RunConfig], device: torch.device) -> None:
        self.task = task = cast("Task", finals[0].graph)
        self.whole_table = task.enumerable
        keys = [(final.train_rows, final.split_seed) for final in finals]
        one_of_each = dict(zip(keys, finals, strict=True))  # a split is drawn once
        splits = {key: final.split for key, final in one_of_each.items()}
        self.names = parts_of(task)
        assert all(tuple(split) == self.names for split in splits.values())
        if self.whole_table:
            rows = {key: list(split.values()) for key, split in splits.items()}
            x, y = task.rows(), task.targets()
            masks = {key: self._mask(indices, len(x)) for key, indices in rows.items()}
        else:  # the rows of each part, one part after the other
            drawn = {key: np.concatenate(list(split.values())) for key, split in splits.items()}
            n_rows = max(map(len, drawn.values()))
            tables = {key: task.rows(np.resize(rows, n_rows)) for key, rows in drawn.items()}
            outputs = {key: task.evaluate(rows) for key, rows in tables.items()}
            x, y = (np.stack([t[key] for key in keys]) for t in (tables, outputs))
            masks = {key: self._mask(_ranges(split), n_rows) for key, split in splits.items()}
        self.n_rows = x.shape[-2]
        parts = np.stack([masks[key] for key in keys])
        self.counts = self.bits = torch.from_numpy(parts.sum(axis=2)).to(device)
        if task.has_dont_cares:  # rows by the share of their bits that count
            share = (y != DONT_CARE).mean(axis=1, dtype=np.float32)
            self.bits = torch.from_numpy(parts @ share).to(device)
        images = images_on(task, device)
        dtype = np.float32 if images is None else np.int64
        inputs = torch.from_numpy(np.array(x, dtype)).to(device)
        targets, of_parts = (
            torch.from_numpy(np.array(t, np.float32)).to(device) for t in (y, parts)
        )
        self.blocks = self._split(inputs, targets, of_parts, images)
        self.votes = None if images is None else self._votes(inputs, of_parts)

    def _mask(self, indices: Sequence[np.ndarray], n_rows: int) -> np.ndarray:
        mask = np.zeros((len(indices) + 1, n_rows), dtype=np.float32)
        for part, rows in enumerate(indices):
            mask[part, rows] = 1.0
            if self.task.images is None or part > 0:  # images seen in training tell little
                mask[-1, rows] = 1.0
        return mask

    def _split(self, x: Tensor, y: Tensor, parts: Tensor, images: Tensor | None) -> list[Rows]:
        """Blocks of rows; the last one is padded."""
        missing = -self.n_rows % ROW_STEP
        x, y = (torch.nn.functional.pad(t, (0, 0, 0, missing)) for t in (x, y))
        parts = torch.nn.functional.pad(parts, (0, missing))
        blocks = []
        for number, start in enumerate(range(0, parts.shape[-1], BLOCK_ROWS)):
            rows = slice(start, start + BLOCK_ROWS)
            block = (x[..., rows, :], y[..., rows, :], parts[..., rows])
            of_x, of_y, of_parts = (part.contiguous() for part in block)
            blocks.append(Rows(number, of_x, of_y, of_parts, images))
        return blocks

    def _votes(self, x: Tensor, parts: Tensor) -> tuple[Tensor, Tensor]:
        """The row of the table that each row of images stands for, and whether it has a vote."""
        task = cast("DigitPairs", self.task)
        pairs = torch.from_numpy(task.pairs(x.cpu().numpy().reshape(-1, x.shape[-1])))
        return pairs.reshape(x.shape[:-1]).to(x.device), parts[:, -1]

    def answers(self, logits: Sequence[Tensor]) -> Tensor | None:
        """The table that each replica has learned, shape (replica, row of the table, output).

        Of digit pairs what most images say that it was not trained on.  None where rows of the
        table are only drawn.

        Parameters
        ----------
        logits : sequence of Tensor, shape (replica, row, output)
            Of each block of rows.
        """
        bits = torch.cat([block > 0 for block in logits], dim=1)[:, : self.n_rows]
        if self.votes is None:
            return bits if self.whole_table else None
        pairs, counted = self.votes
        ballots = (2.0 * bits - 1.0) * counted[..., None]
        table = ballots.new_zeros(len(bits), self.task.n_rows, bits.shape[-1])
        return table.scatter_add_(1, pairs[..., None].expand_as(ballots), ballots) > 0

    def solved(self, sums: Sequence[Tensor], logits: Sequence[Tensor]) -> Tensor:
        """Whether every row of the table is right, shape (replica,)."""
        if self.votes is None:
            return sums[2][:, -1] == self.counts[:, -1]
        table = torch.from_numpy(self.task.truth_table() > 0).to(self.counts.device)
        answers = self.answers(logits)
        assert answers is not None
        return answers.eq(table).flatten(1).all(dim=1)

    def measures(self, sums: Sequence[Tensor], solved: Tensor) -> dict[str, np.ndarray]:
        """Every measure of every replica, at every evaluation.

        Parameters
        ----------
        sums : three tensors of shape (evaluation, replica, part)
            Of the loss, of the share of right bits, of the rows with every bit right.
        solved : Tensor of bool, shape (evaluation, replica)

        Returns
        -------
        dict of ndarray, shape (evaluation, replica)
            ``{part}_{loss,bit_accuracy,row_accuracy}`` for all PARTS, the accuracies of the whole
            table, and ``solved``; NaN for a part without rows, or that the task does not have.
        """
        counts = self.bits, self.bits, self.counts
        means = [(total / n).cpu().numpy() for total, n in zip(sums, counts, strict=True)]
        absent = np.full(means[0].shape[:2], np.nan)
        index = {part: number for number, part in enumerate(self.names)}
        by_name = {
            f"{part}_{measure}": mean[..., index[part]] if part in index else absent
            for part in PARTS
            for measure, mean in zip(MEASURES, means, strict=True)
        }
        by_name |= {name: mean[..., -1] for name, mean in zip(MEASURES[1:], means[1:], strict=True)}
        return by_name | {"solved": solved.cpu().numpy()}

    def predicted(self, logits: Sequence[Tensor]) -> list[str | None]:
        """The truth table that each replica has learned: per output a hexadecimal number.

        The first row stands in the highest bit.  None where the table is too large to keep.
        """
        table = self.answers(logits)
        if table is None or table.shape[1] > MAX_KEPT_ROWS:
            return [None] * len(self.counts)
        packed = np.packbits(table.cpu().numpy(), axis=1, bitorder="big").transpose(0, 2, 1)
        spare = -table.shape[1] % 8
        return [
            " ".join(hex(int.from_bytes(bits.tobytes(), "big") >> spare) for bits in one)
            for one in packed
        ]


def _ranges(split: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The indices of each part, one part after the other."""
    ends = np.cumsum([0, *map(len, split.values())])
    return [np.arange(start, end) for start, end in itertools.pairwise(ends)]
