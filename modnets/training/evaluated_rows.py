"""Which rows of each run are evaluated, and which part of its split each of them is in.

Up to 4,096 rows of the table these are all rows, the same for every run; of larger tables, a
stratified sample of each run's split; where rows cannot be listed, all that the split has drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from modnets.config.run_config import RunConfig
from modnets.config.shapes import graph_is_data
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.splits import sample_of_split
from modnets.tasks.task import Task
from modnets.tasks.truth_tables import DONT_CARE

#: Digit pairs have the last two instead of ``test``: new images of pairs of digits that were
#: seen in training, and pairs that were not.
PARTS = ("train", "validation", "test", "test_seen", "test_unseen")
#: In place of the number of a part: the row is in none.
NO_PART = 255
#: Input numbers of a replica's block of rows, and rows in a block, at most; this bounds memory.
BLOCK_NUMBERS, BLOCK_ROWS = 2**18, 1024


def parts_of(task: Task) -> tuple[str, ...]:
    """The parts that the rows of a task are split into."""
    return tuple(p for p in PARTS if p != "test") if isinstance(task, DigitPairs) else PARTS[:3]


def is_whole_table(final: RunConfig) -> bool:
    """Whether every row of the table is evaluated, the same rows for every run."""
    task, rows = cast("Task", final.graph), final.evaluation_rows
    return task.enumerable and (rows is None or rows >= task.n_rows)


def rows_in_block(n_inputs: int) -> int:
    """Rows that are evaluated at once: 1,024, and fewer of more than 256 inputs."""
    return min(BLOCK_ROWS, 2 ** (BLOCK_NUMBERS // n_inputs).bit_length() // 2)


class EvaluatedRows:
    """The rows to evaluate of some runs, for each distinct split.

    Parameters
    ----------
    finals : sequence of RunConfig
        One for each replica, of one shape.

    Attributes
    ----------
    whole : bool
        Whether they are the whole table; then ``index`` is None.
    names : tuple of str
        The parts of the splits.
    replica_split : ndarray of int, shape (replica,)
        Which of the distinct splits each replica has.
    index : ndarray of int64, shape (split, row), or None
    targets : ndarray of uint8, shape (row, output), or (distinct, row, output)
        The latter with ``index``, and where the runs of a chunk may be of several graphs.
    replica_targets : ndarray of int, shape (replica,)
        Which of the distinct targets each replica has.
    part : ndarray of uint8, shape (split, row)
        Number of the part that a row is in, or NO_PART.
    n_rows : int
        Rows evaluated of a split, with those that fill up.
    share : ndarray of float32, shape (row of the table,), or None
        Of each row's outputs those that are no don't-cares; None without don't-cares.
    sizes : ndarray of float, shape (split, part)
        Rows of each part, evaluated or not.
    cared : ndarray of float, shape (split, part)
        The same, each counted by the share of its outputs that are no don't-cares.
    """

    def __init__(self, finals: Sequence[RunConfig]) -> None:
        first = finals[0]
        self.task = task = cast("Task", first.graph)
        self.whole, self.names = is_whole_table(first), parts_of(task)
        keys = [(final.train_rows, final.split_seed) for final in finals]
        one_of_each = dict(zip(keys, finals, strict=True))  # a split is drawn once
        place = {key: number for number, key in enumerate(one_of_each)}
        self.replica_split = np.array([place[key] for key in keys])
        self.index: np.ndarray | None = None
        self.same_targets = False
        indices, parts, sizes, cared = [], [], [], []
        self.share = _share_cared(task)
        for final in one_of_each.values():
            split = final.split
            assert tuple(split) == self.names
            sizes.append([len(rows) for rows in split.values()])
            cared.append(sizes[-1])
            if self.share is not None:
                cared[-1] = [self.share[rows].sum(dtype=float) for rows in split.values()]
            if self.whole:
                parts.append(self._parts_of_table(split))
                continue
            if final.evaluation_rows is not None:
                total = final.evaluation_rows * task.n_tasks
                split = sample_of_split(split, total, final.split_seed)
            indices.append(np.concatenate(list(split.values())))
            of_rows = [np.full(len(rows), n, np.uint8) for n, rows in enumerate(split.values())]
            parts.append(np.concatenate(of_rows))
        self.sizes, self.cared = np.array(sizes, float), np.array(cared, float)
        graphs = [final.graph for final in finals]
        if self.whole:
            self.part, self.n_rows = np.stack(parts), len(parts[0])
            self.same_targets = not graph_is_data(first)
            self.targets = np.asarray(task.targets())
            if not self.same_targets:
                distinct = {graph: number for number, graph in enumerate(dict.fromkeys(graphs))}
                self.targets = np.stack([np.asarray(graph.targets()) for graph in distinct])
                self.replica_targets = np.array([distinct[graph] for graph in graphs])
            return
        self.n_rows = max(map(len, indices))
        self.index = np.stack([np.resize(rows, self.n_rows) for rows in indices])
        missing = [(0, self.n_rows - len(part)) for part in parts]
        self.part = np.stack(
            [np.pad(p, m, constant_values=NO_PART) for p, m in zip(parts, missing, strict=True)]
        )
        pairs = list(zip(graphs, self.replica_split.tolist(), strict=True))
        number_of = {pair: number for number, pair in enumerate(dict.fromkeys(pairs))}
        self.targets = np.stack(
            [np.asarray(graph.targets(self.index[split])) for graph, split in number_of]
        )
        self.replica_targets = np.array([number_of[pair] for pair in pairs])

    @property
    def is_sample(self) -> bool:
        """Whether measures of the whole table are estimates."""
        return not self.whole and self.task.images is None

    def _parts_of_table(self, split: dict[str, np.ndarray]) -> np.ndarray:
        part = np.full(len(self.task.targets()), NO_PART, np.uint8)
        for number, rows in enumerate(split.values()):
            part[rows] = number
        return part

    def x(self, rows: slice) -> np.ndarray:
        """Some of the rows, shape (row, column), or (replica, row, column) where not the whole."""
        if self.index is None:
            return self.task.rows(np.arange(self.n_rows)[rows])
        index = self.index[:, rows]
        x = self.task.rows(index.ravel())
        return x.reshape(*index.shape, -1)[self.replica_split]

    def y(self, rows: slice) -> np.ndarray:
        """Their outputs, shape (row, output), or (replica, row, output) unless the same for all."""
        return self.targets[rows] if self.same_targets else self.targets[self.replica_targets, rows]

    def masks(self, rows: slice = slice(None)) -> np.ndarray:
        """Which part they are in: float32, shape (replica, part, row).

        The last part is of all rows that count as the table.
        """
        return self._masks(self.part[:, rows])[self.replica_split]

    def counts(self) -> tuple[np.ndarray, ...]:
        """Rows evaluated of each part; their shares of outputs that count, and squares of these.

        Returns
        -------
        three ndarrays of float32, shape (replica, part)
            Sums over the rows of a part.
        """
        rows, bits, squares = [], [], []
        for number, part in enumerate(self.part):
            masks = self._masks(part[None])[0]
            rows.append(masks.sum(axis=1))
            bits.append(rows[-1])
            squares.append(rows[-1])
            if self.share is not None:
                share = self.share if self.index is None else self.share[self.index[number]]
                bits[-1], squares[-1] = masks @ share, masks @ share**2
        return tuple(np.stack(sums)[self.replica_split] for sums in (rows, bits, squares))

    def _masks(self, part: np.ndarray) -> np.ndarray:
        """Shape (split, row) -> (split, part, row)."""
        masks = np.zeros((len(part), len(self.names) + 1, part.shape[1]), np.float32)
        for number in range(len(self.names)):
            masks[:, number] = part == number
        first = 0 if self.task.images is None else 1  # images seen in training tell little
        masks[:, -1] = (part >= first) & (part != NO_PART)
        return masks


def _share_cared(task: Task) -> np.ndarray | None:
    """Of each row's outputs those that are no don't-cares; None without don't-cares."""
    if not task.has_dont_cares:
        return None
    return (np.asarray(task.targets()) != DONT_CARE).mean(axis=1, dtype=np.float32)
