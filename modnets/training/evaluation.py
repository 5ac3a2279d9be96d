"""Exact evaluation: every row of the truth table, for all runs of a chunk at once.

No random numbers are drawn, so that looking at a run does not change it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from modnets.tasks.graphs import MAX_TABLE_INPUTS
from modnets.tasks.splits import split_rows
from modnets.training.config import RunConfig

PARTS = ("train", "validation", "test")
MEASURES = ("loss", "bit_accuracy", "row_accuracy")
#: Rows evaluated at once, to bound memory.
BLOCK_ROWS = 1024
#: Up to here the truth table that a run has learned is kept in its results.
MAX_KEPT_ROWS = 4096

Predict = Callable[[Tensor], Tensor]


class Evaluation:
    """The rows to evaluate, their outputs, and which part of each run's split they are in.

    Up to 20 inputs these are all rows of the table, the same for every run.  Above that they are
    the rows that a run's split has drawn.

    Parameters
    ----------
    finals : sequence of RunConfig
        One for each replica, of one graph.
    loss : callable
        ``loss(logits, y)``, for each bit.
    device : torch.device
    """

    def __init__(self, finals: Sequence[RunConfig], loss: Callable, device: torch.device) -> None:
        graph = finals[0].graph
        self.loss = loss
        self.whole_table = graph.n_inputs <= MAX_TABLE_INPUTS
        splits = [split_rows(graph, final.train_rows, final.split_seed) for final in finals]
        if self.whole_table:
            x, y = graph.rows(), graph.truth_table()
            numbers = [(s.train, s.validation, s.test) for s in splits]
        else:  # rows in the order train, validation, test
            drawn = [np.concatenate([s.train, s.validation, s.test]) for s in splits]
            n_rows = max(map(len, drawn))
            x = np.stack([graph.rows(np.resize(rows, n_rows)) for rows in drawn])
            y = np.stack([graph.evaluate(rows) for rows in x])
            ends = [np.cumsum([0, *s.sizes]) for s in splits]
            numbers = [[np.arange(a, b) for a, b in itertools.pairwise(e)] for e in ends]
        parts = np.zeros((len(splits), len(PARTS), x.shape[-2]), dtype=bool)
        for place, rows_of in enumerate(numbers):
            for part, rows in enumerate(rows_of):
                parts[place, part, rows] = True
        self.x = torch.from_numpy(np.array(x, np.float32)).to(device)
        self.y = torch.from_numpy(np.array(y, np.float32)).to(device)
        self.parts = torch.from_numpy(parts).to(device)
        self.counts = self.parts.sum(dim=2)
        self.n_rows = self.x.shape[-2]

    def __call__(self, predict: Predict) -> dict[str, Tensor]:
        """Every measure of every replica.

        Parameters
        ----------
        predict : callable
            Rows, shape (row, input) or (replica, row, input) -> logits (replica, row, output).

        Returns
        -------
        dict of Tensor, shape (replica,)
            ``{train,validation,test}_{loss,bit_accuracy,row_accuracy}``, the accuracies of the
            whole table, and ``solved``; NaN for a part without rows.
        """
        by_part, whole = 0.0, 0.0
        for start in range(0, self.n_rows, BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            found = self._measure(predict, rows)
            by_part = by_part + self.parts[:, :, rows].to(found.dtype) @ found
            whole = whole + found.sum(dim=1)
        measures = {
            f"{part}_{measure}": by_part[:, i, j] / self.counts[:, i]
            for i, part in enumerate(PARTS)
            for j, measure in enumerate(MEASURES)
        }
        measures |= {m: whole[:, j] / self.n_rows for j, m in enumerate(MEASURES) if j > 0}
        return measures | {"solved": whole[:, 2] == self.n_rows}

    def _measure(self, predict: Predict, rows: slice) -> Tensor:
        """Loss, share of right bits, and whether all are right; shape (replica, row, measure)."""
        logits = predict(self.x[..., rows, :])
        y = self.y[..., rows, :].expand_as(logits)
        right = ((logits > 0) == (y > 0.5)).to(logits.dtype)
        loss = self.loss(logits, y).mean(dim=2)
        return torch.stack([loss, right.mean(dim=2), right.amin(dim=2)], dim=2)

    def predicted(self, predict: Predict) -> list[str | None]:
        """The truth table that each replica has learned: per output a hexadecimal number.

        The first row stands in the highest bit.  None where the table is too large to keep.
        """
        if not self.whole_table or self.n_rows > MAX_KEPT_ROWS:
            return [None] * len(self.parts)
        blocks = [predict(block) > 0 for block in self.x.split(BLOCK_ROWS)]
        tables = torch.cat(blocks, dim=1).cpu().numpy().astype(int)
        return [
            " ".join(hex(int("".join(map(str, bits)), 2)) for bits in table.T) for table in tables
        ]
