"""Evaluation of all runs of a chunk at once: every row of a table of up to 4,096 rows.

Of larger tables it is a stratified sample of the rows (setting ``evaluation_rows``), and measures
of the whole table are estimates with a standard error.  Where rows cannot be listed, as of pairs of
images and above 20 inputs, they are those that a run's split has drawn.  No random numbers are
drawn here, so that evaluating a run does not change it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from modnets.config.run_config import RunConfig
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.truth_tables import DONT_CARE
from modnets.training.evaluated_rows import (
    PARTS,
    EvaluatedRows,
)
from modnets.training.row_blocks import RowBlocks, Rows
from modnets.training.sampling_errors import Sample, stratified
from modnets.training.step import Scores

MEASURES = ("loss", "bit_accuracy", "row_accuracy")
#: Standard errors of the accuracies of the whole table.
ERRORS = ("bit_accuracy_se", "row_accuracy_se")
#: Up to here the truth table that a run has learned, and what it computes inside, is recorded.
MAX_KEPT_ROWS = 4096


class Evaluated(NamedTuple):
    """What the rows of all blocks come to.

    Parameters
    ----------
    sums : list of Tensor, shape (replica, part)
        Of the loss, of the share of right bits, of the rows with every bit right; of a sample also
        of the second squared, and by the share of bits that count where there are don't-cares.
    solved, finite : Tensor of bool, shape (replica,)
        Whether every row evaluated is right; whether every logit is a finite number.
    bits : list of Tensor of bool, shape (replica, row, output)
        The answers to each block of rows, where they are looked at.
    """

    sums: list[Tensor]
    solved: Tensor
    finite: Tensor
    bits: list[Tensor]


class Evaluation:
    """The rows to evaluate, their outputs, and which part of each run's split they are in.

    Parameters
    ----------
    finals : sequence of RunConfig
        One for each replica, of one shape.
    device : torch.device
    """

    def __init__(self, finals: Sequence[RunConfig], device: torch.device) -> None:
        self.first, self.drawn = finals[0], (drawn := EvaluatedRows(finals))
        self.task, self.names, self.device = drawn.task, drawn.names, device
        self.whole_table, self.n_rows = drawn.whole, drawn.n_rows
        counts = drawn.counts()
        self.counts, self.bits = (torch.from_numpy(part).to(device) for part in counts[:2])
        self.sample = self._sample(*counts) if drawn.is_sample else None
        self.blocks = RowBlocks(drawn, device)
        self.votes = self._votes() if self.task.images is not None else None
        small = self.whole_table and self.n_rows <= MAX_KEPT_ROWS
        self.keeps_bits = small or self.votes is not None

    def scored(self, evaluate: Callable[[Rows], Scores], *, recorded: bool = True) -> Evaluated:
        """What replicas score on all rows, block by block.

        Parameters
        ----------
        evaluate : callable
            Of a backend: rows -> Scores with a replica axis in front.
        recorded : bool
            Whether the answers will be looked at.
        """
        sums: list[Tensor] = []
        bits: list[Tensor] = []
        keeps_bits = self.keeps_bits and (recorded or self.votes is not None)
        finite = torch.ones(len(self.counts), dtype=torch.bool, device=self.device)
        for rows in self.blocks:
            *of_rows, logits = evaluate(rows)
            if self.sample is not None:
                of_rows += self._squares(rows, logits)
            sums = sums or [torch.zeros_like(part) for part in of_rows]
            sums = [part + more for part, more in zip(sums, of_rows, strict=True)]
            ends = torch.aminmax(logits.flatten(1), dim=1)  # NaN where there is one
            finite &= ends.min.isfinite() & ends.max.isfinite()
            if keeps_bits:
                bits.append(logits > 0)
        return Evaluated(sums, self.solved(sums, bits), finite, bits)

    def _squares(self, rows: Rows, logits: Tensor) -> list[Tensor]:
        """Sums of the square of the share of right bits, and of its product with those that count.

        The latter only where there are don't-cares.  Shape (replica, part).
        """
        right = (logits > 0) == (rows.y > 0.5)
        others: list[Tensor] = []
        if self.task.has_dont_cares:
            cared = rows.y < DONT_CARE
            right &= cared
            others.append(cared.to(logits.dtype).mean(dim=2))
        share = right.to(logits.dtype).mean(dim=2)
        return [(rows.parts * (share * other)[:, None]).sum(dim=2) for other in (share, *others)]

    def _sample(self, rows: np.ndarray, bits: np.ndarray, squares: np.ndarray) -> Sample:
        """The rows drawn.

        Of more than 20 inputs those held out stand for a table that is far larger.
        """
        drawn = self.drawn
        counts = (part[:, :-1].astype(float) for part in (rows, bits, squares))
        n_rows, weights, of_squares = counts
        sizes, cared = (part[drawn.replica_split] for part in (drawn.sizes, drawn.cared))
        corrected = np.array([self.task.enumerable or name == "train" for name in self.names])
        return Sample(n_rows, sizes, weights, of_squares, cared, corrected)

    def _votes(self) -> tuple[Tensor, Tensor]:
        """The row of the table that each row of images stands for, and whether it has a vote."""
        task, every = cast("DigitPairs", self.task), slice(None)
        x = self.drawn.x(every)
        pairs = torch.from_numpy(task.pairs(x.reshape(-1, x.shape[-1]))).reshape(x.shape[:-1])
        counted = torch.from_numpy(self.drawn.masks(every)[:, -1])
        return pairs.to(self.device), counted.to(self.device)

    def answers(self, logits: Sequence[Tensor]) -> Tensor | None:
        """The table that each replica has learned, shape (replica, row of the table, output).

        Of digit pairs what most images say that it was not trained on.  None where rows of the
        table are only drawn, or more than MAX_KEPT_ROWS.

        Parameters
        ----------
        logits : sequence of Tensor, shape (replica, row, output)
            Of each block of rows; or whether they are above 0.
        """
        if not self.keeps_bits:
            return None
        bits = torch.cat([block > 0 for block in logits], dim=1)[:, : self.n_rows]
        if self.votes is None:
            return bits
        pairs, counted = self.votes
        ballots = (2.0 * bits - 1.0) * counted[..., None]
        table = ballots.new_zeros(len(bits), self.task.n_rows, bits.shape[-1])
        return table.scatter_add_(1, pairs[..., None].expand_as(ballots), ballots) > 0

    def solved(self, sums: Sequence[Tensor], logits: Sequence[Tensor]) -> Tensor:
        """Whether every row that is evaluated is right, shape (replica,)."""
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
        sums : tensors of shape (evaluation, replica, part)
            See :class:`Evaluated`.
        solved : Tensor of bool, shape (evaluation, replica)

        Returns
        -------
        dict of ndarray, shape (evaluation, replica)
            ``{part}_{loss,bit_accuracy,row_accuracy}`` for all PARTS, the accuracies of the whole
            table with their standard errors, and ``solved``; NaN for a part without rows, or that
            the task does not have.
        """
        counts = self.bits, self.bits, self.counts
        means = [(total / n).cpu().numpy() for total, n in zip(sums[:3], counts, strict=True)]
        absent = np.full(means[0].shape[:2], np.nan)
        index = {part: number for number, part in enumerate(self.names)}
        by_name = {
            f"{part}_{measure}": mean[..., index[part]] if part in index else absent
            for part in PARTS
            for measure, mean in zip(MEASURES, means, strict=True)
        }
        by_name |= {name: mean[..., -1] for name, mean in zip(MEASURES[1:], means[1:], strict=True)}
        by_name |= dict.fromkeys(ERRORS, np.zeros_like(absent) if self.whole_table else absent)
        if self.sample is not None:
            by_name |= self._estimates(
                self.sample, [part.cpu().double().numpy()[..., :-1] for part in sums[1:]]
            )
        return by_name | {"solved": solved.cpu().numpy()}

    def _estimates(self, sample: Sample, sums: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Accuracies of the whole table with their standard errors, from the sums of the parts."""
        bits, rows, squares = sums[:3]
        products = sums[3] if self.task.has_dont_cares else bits
        of_bits = stratified(sample, bits, squares, products)
        of_rows = stratified(sample.of_rows(), rows, rows, rows)
        errors = dict(zip(ERRORS, (of_bits[1], of_rows[1]), strict=True))
        if self.first.evaluation_rows is None:  # the accuracies are those of all rows drawn
            return errors
        return errors | dict(zip(MEASURES[1:], (of_bits[0], of_rows[0]), strict=True))

    def predicted(self, logits: Sequence[Tensor]) -> list[str | None]:
        """The truth table that each replica has learned: per output a hexadecimal number.

        The first row stands in the highest bit.  None where the table is too large to keep.
        """
        table = self.answers(logits)
        if table is None:
            return [None] * len(self.counts)
        packed = np.packbits(table.cpu().numpy(), axis=1, bitorder="big").transpose(0, 2, 1)
        spare = -table.shape[1] % 8
        return [
            " ".join(hex(int.from_bytes(bits.tobytes(), "big") >> spare) for bits in one)
            for one in packed
        ]
