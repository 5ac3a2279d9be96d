"""The rows of an evaluation in blocks, as backends take them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor

from modnets.compiler.symbolic import ROW_STEP, ROWS
from modnets.compiler.tracing import TensorSpec
from modnets.config.run_config import RunConfig
from modnets.config.shapes import graph_is_data
from modnets.tasks.task import Task
from modnets.training.batches import images_on, inputs_of
from modnets.training.evaluated_rows import (
    EvaluatedRows,
    is_whole_table,
    parts_of,
    rows_in_block,
)

#: Bytes of blocks that are kept from one evaluation to the next; more are made each time.
KEPT_BYTES = 2**27


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
        """Whether inputs are the same for all replicas."""
        return self.x.dim() == 2

    @property
    def same_targets(self) -> bool:
        """Whether outputs are the same for all replicas."""
        return self.y.dim() == 2

    def of(self, replicas: slice) -> Rows:
        """The same rows, for some of the replicas."""
        x = self.x if self.uniform else self.x[replicas]
        y = self.y if self.same_targets else self.y[replicas]
        return replace(self, x=x, y=y, parts=self.parts[replicas])

    def inputs(self, replicas: slice = slice(None)) -> Tensor:
        """What networks read, of all replicas or of some; see :func:`inputs_of`."""
        return inputs_of(self.x if self.uniform else self.x[replicas], self.images)


def row_specs(final: RunConfig) -> tuple[TensorSpec, TensorSpec, TensorSpec]:
    """The shapes of the inputs, y and parts of Rows, as one replica sees them."""
    task = cast("Task", final.graph)
    whole = is_whole_table(final)
    x = TensorSpec((ROWS, task.n_inputs), uniform=whole)
    y = TensorSpec((ROWS, task.n_outputs), uniform=whole and not graph_is_data(final))
    return x, y, TensorSpec((len(parts_of(task)) + 1, ROWS))


class RowBlocks(Sequence[Rows]):
    """The rows of an evaluation in blocks, the last one padded.

    They are kept, up to ``KEPT_BYTES`` together; more than that are made anew whenever needed, so
    that memory does not grow with the table.

    Parameters
    ----------
    drawn : EvaluatedRows
    device : torch.device
    """

    def __init__(self, drawn: EvaluatedRows, device: torch.device) -> None:
        self.drawn, self.device, task = drawn, device, drawn.task
        self.images = images_on(task, device)
        self.size = rows_in_block(task.n_inputs)
        n_replicas = len(drawn.replica_split)
        width = task.n_inputs if task.images is None else 2
        numbers = width * (1 if drawn.whole else n_replicas) + (len(drawn.names) + 1) * n_replicas
        numbers += task.n_outputs * (1 if drawn.same_targets else n_replicas)
        self._kept: dict[int, Rows] | None = (
            {} if 4 * numbers * drawn.n_rows <= KEPT_BYTES else None
        )

    def __len__(self) -> int:
        return -(-self.drawn.n_rows // self.size)

    def __getitem__(self, number: int) -> Rows:  # type: ignore[override]
        if not 0 <= number < len(self):
            raise IndexError(number)
        if self._kept is None:
            return self._made(number)
        if number not in self._kept:
            self._kept[number] = self._made(number)
        return self._kept[number]

    def __iter__(self) -> Iterator[Rows]:
        return map(self.__getitem__, range(len(self)))

    def _made(self, number: int) -> Rows:
        drawn, start = self.drawn, number * self.size
        rows = slice(start, min(start + self.size, drawn.n_rows))
        missing = -(rows.stop - start) % ROW_STEP
        dtype = torch.float32 if self.images is None else torch.int64
        x, y = (torch.from_numpy(np.array(part)) for part in (drawn.x(rows), drawn.y(rows)))
        x, y, parts = x.to(dtype), y.to(torch.float32), torch.from_numpy(drawn.masks(rows))
        x, y = (torch.nn.functional.pad(part, (0, 0, 0, missing)) for part in (x, y))
        parts = torch.nn.functional.pad(parts, (0, missing))
        # what is laid out for a block's number is found again only where the block is kept
        number = number if self._kept is not None else 0
        x, y, parts = (part.contiguous().to(self.device) for part in (x, y, parts))
        return Rows(number, x, y, parts, self.images)
