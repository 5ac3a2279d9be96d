"""Groups of replicas, one after the other: more of them than a batch of tensor operations holds.

What a tensor operation gives for a replica may depend on how many there are, so that each group is
as large as a chunk without restarts.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from modnets.training.backends.eager import EagerBackend
from modnets.training.batches import Block
from modnets.training.row_blocks import Rows
from modnets.training.step import Scores


class GroupedBackend:
    """Backends of equally many replicas.

    Parameters
    ----------
    groups : sequence of EagerBackend
    """

    threads = 1

    def __init__(self, groups: Sequence[EagerBackend]) -> None:
        self.groups, self.compiled = groups, groups[0].compiled
        size = len(groups[0].flat)
        self.replicas = [slice(i * size, (i + 1) * size) for i in range(len(groups))]

    @property
    def flat(self) -> Tensor:
        """Parameters, shape (replica, parameter)."""
        return torch.cat([group.flat for group in self.groups])

    @property
    def states(self) -> list[Tensor]:
        """What the optimizer keeps, each of shape (replica, parameter)."""
        return [torch.cat(parts) for parts in zip(*(g.states for g in self.groups), strict=True)]

    def train(self, block: Block) -> None:
        """Take the steps of a block."""
        for group, replicas in zip(self.groups, self.replicas, strict=True):
            group.train(block.of(replicas))

    def evaluate(self, rows: Rows) -> Scores:
        """What ``TrainingStep.evaluate`` gives, with a replica axis in front."""
        scores = [
            group.evaluate(rows.of(replicas))
            for group, replicas in zip(self.groups, self.replicas, strict=True)
        ]
        return Scores(*(torch.cat(part) for part in zip(*scores, strict=True)))
