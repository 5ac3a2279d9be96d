"""Exact evaluation: every row of the truth table, for all runs of a chunk at once.

No random numbers are drawn, so that looking at a run does not change it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from modnets.tasks.graphs import MAX_TABLE_INPUTS
from modnets.tasks.splits import split_rows
from modnets.training.compiler.indices import ROW_STEP, ROWS
from modnets.training.compiler.tracing import Input
from modnets.training.config import RunConfig

PARTS = ("train", "validation", "test")
MEASURES = ("loss", "bit_accuracy", "row_accuracy")
#: Rows evaluated at once, to bound memory.
BLOCK_ROWS = 1024
#: Up to here the truth table that a run has learned is kept in its results.
MAX_KEPT_ROWS = 4096


@dataclass(frozen=True)
class Rows:
    """Some of the rows to evaluate.

    Parameters
    ----------
    number : int
        Which of the blocks of rows they are.
    x, y : Tensor, shape (row, input) and (row, output); each replica's own: (replica, row, ...)
    parts : Tensor, shape (replica, part, row)
        1 where a row is in train, validation, test; and in any, for rows that only fill up.
    """

    number: int
    x: Tensor
    y: Tensor
    parts: Tensor

    @property
    def uniform(self) -> bool:
        """Whether they are the same for all replicas."""
        return self.x.dim() == 2

    @property
    def inputs(self) -> tuple[Input, Input, Input]:
        """The shapes of x, y and parts, as one replica sees them."""
        x, y = (Input((ROWS, t.shape[-1]), uniform=self.uniform) for t in (self.x, self.y))
        return x, y, Input((self.parts.shape[1], ROWS))


class Evaluation:
    """The rows to evaluate, their outputs, and which part of each run's split they are in.

    Up to 20 inputs these are all rows of the table, the same for every run.  Above that they are
    the rows that a run's split has drawn.

    Parameters
    ----------
    finals : sequence of RunConfig
        One for each replica, of one graph.
    device : torch.device
    """

    def __init__(self, finals: Sequence[RunConfig], device: torch.device) -> None:
        graph = finals[0].graph
        self.whole_table = graph.n_inputs <= MAX_TABLE_INPUTS
        keys = {(f.train_rows, f.split_seed) for f in finals}
        splits = {key: split_rows(graph, *key) for key in keys}
        if self.whole_table:
            x, y = graph.rows(), graph.truth_table()
            numbers = {key: (s.train, s.validation, s.test) for key, s in splits.items()}
        else:  # rows in the order train, validation, test
            drawn = {k: np.concatenate([s.train, s.validation, s.test]) for k, s in splits.items()}
            n_rows = max(map(len, drawn.values()))
            tables = {key: graph.rows(np.resize(rows, n_rows)) for key, rows in drawn.items()}
            outputs = {key: graph.evaluate(rows) for key, rows in tables.items()}
            x, y = (
                np.stack([t[f.train_rows, f.split_seed] for f in finals]) for t in (tables, outputs)
            )
            ends = {key: np.cumsum([0, *s.sizes]) for key, s in splits.items()}
            numbers = {
                key: [np.arange(a, b) for a, b in itertools.pairwise(e)] for key, e in ends.items()
            }
        self.n_rows = x.shape[-2]
        masks = {key: self._mask(rows_of) for key, rows_of in numbers.items()}
        parts = np.stack([masks[f.train_rows, f.split_seed] for f in finals])
        self.counts = torch.from_numpy(parts.sum(axis=2)).to(device)
        whole = (torch.from_numpy(np.array(t, np.float32)).to(device) for t in (x, y, parts))
        self.blocks = self._split(*whole)

    def _mask(self, rows_of: Sequence[np.ndarray]) -> np.ndarray:
        mask = np.zeros((len(PARTS) + 1, self.n_rows), dtype=np.float32)
        for part, rows in enumerate(rows_of):
            mask[part, rows] = mask[-1, rows] = 1.0
        return mask

    def _split(self, x: Tensor, y: Tensor, parts: Tensor) -> list[Rows]:
        """Blocks of rows; the last one is filled up."""
        missing = -self.n_rows % ROW_STEP
        x, y = (torch.nn.functional.pad(t, (0, 0, 0, missing)) for t in (x, y))
        parts = torch.nn.functional.pad(parts, (0, missing))
        blocks = []
        for number, start in enumerate(range(0, parts.shape[-1], BLOCK_ROWS)):
            now = slice(start, start + BLOCK_ROWS)
            block = (x[..., now, :], y[..., now, :], parts[..., now])
            blocks.append(Rows(number, *(part.contiguous() for part in block)))
        return blocks

    def measures(self, sums: Sequence[Tensor]) -> dict[str, np.ndarray]:
        """Every measure of every replica, at every evaluation.

        Parameters
        ----------
        sums : three tensors of shape (evaluation, replica, part)
            Of the loss, of the share of right bits, of the rows with every bit right.

        Returns
        -------
        dict of ndarray, shape (evaluation, replica)
            ``{train,validation,test}_{loss,bit_accuracy,row_accuracy}``, the accuracies of the
            whole table, and ``solved``; NaN for a part without rows.
        """
        means = [(total / self.counts).cpu().numpy() for total in sums]
        found = {
            f"{part}_{measure}": means[j][..., i]
            for i, part in enumerate(PARTS)
            for j, measure in enumerate(MEASURES)
        }
        found |= {measure: means[j][..., -1] for j, measure in enumerate(MEASURES) if j > 0}
        return found | {"solved": (sums[2][..., -1] == self.counts[:, -1]).cpu().numpy()}

    def predicted(self, logits: Sequence[Tensor]) -> list[str | None]:
        """The truth table that each replica has learned: per output a hexadecimal number.

        The first row stands in the highest bit.  None where the table is too large to keep.

        Parameters
        ----------
        logits : sequence of Tensor, shape (replica, row, output)
            Of each block of rows.
        """
        if not self.whole_table or self.n_rows > MAX_KEPT_ROWS:
            return [None] * len(self.counts)
        bits = torch.cat([block > 0 for block in logits], dim=1)[:, : self.n_rows].cpu().numpy()
        packed = np.packbits(bits, axis=1, bitorder="big").transpose(0, 2, 1)
        spare = -self.n_rows % 8
        return [
            " ".join(hex(int.from_bytes(bits.tobytes(), "big") >> spare) for bits in table)
            for table in packed
        ]
