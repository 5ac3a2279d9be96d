"""Exact learning curves: the version space left after training rows, and its accuracy on others.

The functions that agree with the training rows are the version space (Mitchell, 1982).  Two
learners know nothing else: the Gibbs learner picks a function of it at random, the other lets all
of them vote on each bit.  Their error is the information that the rows do not contain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import pandas as pd

from modnets.analysis.intervals import critical_value, wilson_interval
from modnets.analysis.version_space.bitsets import bitset_of_rows, ranges, unpack
from modnets.errors import one_of, require

#: Measures of a row set, in [0, 1], in the order of columns.
MEASURES = (
    "bit_accuracy",
    "row_accuracy",
    "vote_bit_accuracy",
    "vote_row_accuracy",
    "single",
    "solved",
)
WEIGHTS = ("functions", "networks")

#: Numbers of rows, row sets, or splits.
Rows = Iterable["int | np.ndarray | Mapping[str, np.ndarray]"]
#: (training rows, test rows) -> ``left`` and the measures.
Answers = Callable[[np.ndarray, np.ndarray], dict[str, float]]


@dataclass(frozen=True, eq=False)
class Functions:
    """Distinct functions of the same inputs, and the target.

    Parameters
    ----------
    n_rows : int
        Of a truth table.
    bitsets : ndarray of uint64, shape (bitset, word)
        Truth tables of one output.
    outputs : ndarray of int, shape (function, output)
        Indices in ``bitsets``, ascending.
    networks : ndarray of int64, shape (function,)
        Number of labelled networks that compute each.
    target : ndarray of uint64, shape (output, word)
        Truth table of the task.
    signed : bool
        False: each function stands for all those with some outputs negated, each of which as many
        networks compute.
    """

    n_rows: int
    bitsets: np.ndarray
    outputs: np.ndarray
    networks: np.ndarray
    target: np.ndarray
    signed: bool

    @property
    def signs(self) -> int:
        """Functions that each one stands for."""
        return 1 if self.signed else 2 ** self.outputs.shape[1]

    @cached_property
    def starts(self) -> np.ndarray:
        """Index of the first function with each bitset as first output."""
        return np.searchsorted(self.outputs[:, 0], np.arange(len(self.bitsets) + 1))

    @cached_property
    def wrong(self) -> list[np.ndarray]:
        """For each output the rows where each bitset is wrong, shape (bitset, word)."""
        return [self.bitsets ^ target for target in self.target]

    def fits(self, seen: np.ndarray) -> list[np.ndarray]:
        """For each output the bitsets that are right on some rows, of bool, shape (bitset,).

        Without sign those too that are wrong on all of them.
        """
        of_outputs = []
        for wrong in self.wrong:
            on_seen = wrong & seen
            fits = _zero(on_seen)
            of_outputs.append(fits if self.signed else fits | _zero(on_seen ^ seen))
        return of_outputs

    def upright(self, wrong: np.ndarray, first: int) -> np.ndarray:
        """Rows where bitsets are wrong; without sign each is negated if it is on row ``first``."""
        if self.signed:
            return wrong
        on = wrong[:, first // 64] >> np.uint64(first % 64) & np.uint64(1)
        return np.where(on.astype(bool)[:, None], ~wrong & self.all_ones, wrong)

    @cached_property
    def all_ones(self) -> np.ndarray:
        """The bitset that is 1 on every row."""
        return bitset_of_rows(np.arange(self.n_rows), self.n_rows)

    @property
    def right(self) -> np.ndarray:
        """Index of the function that is the target, an array of length 1 or 0."""
        fits = [
            _zero(self.upright(wrong, 0))[self.outputs[:, output]]
            for output, wrong in enumerate(self.wrong)
        ]
        return np.flatnonzero(np.logical_and.reduce(fits))

    def answers(self, train: np.ndarray, test: np.ndarray, by_networks: bool) -> dict[str, float]:
        """Number of functions left after the training rows, and their accuracy on test rows."""
        fits = self.fits(bitset_of_rows(train, self.n_rows))
        firsts = np.flatnonzero(fits[0])
        left = ranges(self.starts[firsts], self.starts[firsts + 1] - self.starts[firsts])
        for output in range(1, len(fits)):
            left = left[fits[output][self.outputs[left, output]]]
        weights = self.networks[left].astype(float) if by_networks else np.ones(len(left))
        outputs, total = self.outputs[left], weights.sum()
        by_output = []
        any_wrong = np.zeros((len(left), self.bitsets.shape[1]), np.uint64)
        for wrong, ids in zip(self.wrong, outputs.T, strict=True):
            present, place = _present(ids, len(wrong))
            errors = self.upright(wrong[present], int(train[0]))
            any_wrong |= errors[place]
            errors_at = unpack(errors, self.n_rows)[:, test]
            by_output.append(total - np.bincount(place, weights) @ errors_at)
        right = np.stack(by_output)  # (output, row): weight of the functions that are right there
        vote = (2 * right > total) + (2 * right == total) / 2
        n_wrong = np.bitwise_count(any_wrong & bitset_of_rows(test, self.n_rows)).sum(axis=1)
        return {
            "left": len(left),
            "bit_accuracy": right.mean() / total,
            "row_accuracy": 1 - weights @ n_wrong / (total * len(test)),
            "vote_bit_accuracy": vote.mean(),
            "vote_row_accuracy": vote.prod(axis=0).mean(),
            "single": float(len(left) == 1),
            "solved": weights[_zero(any_wrong)].sum() / total,
        }


def _zero(bitsets: np.ndarray) -> np.ndarray:
    """Which bitsets are 0 on every row, shape (bitset,)."""
    zero = bitsets == 0
    return zero[:, 0] if zero.shape[1] == 1 else zero.all(axis=1)


def _present(ids: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct of some indices below ``count``, ascending, and the place of each among them.

    As by ``np.unique``, without sorting.
    """
    is_present = np.zeros(count, dtype=bool)
    is_present[ids] = True
    present = np.flatnonzero(is_present)
    place = np.empty(count, dtype=np.int64)
    place[present] = np.arange(len(present))
    return present, place[ids]


def row_sets(
    rows: Rows, n_rows: int, draws: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Training rows and test rows: for a number as many random sets as draws, else the given set.

    The random sets of a draw are nested, and the same for every kind of network.
    """
    require(draws >= 1, f"draws={draws}; allowed is at least 1")
    rng = np.random.default_rng(seed)
    orders = None
    for entry in rows:
        if isinstance(entry, Mapping):
            require(
                {"train", "test"} <= set(entry),
                f"rows: a split has the parts {', '.join(entry)}; allowed are train and test",
            )
            yield _checked(entry["train"], n_rows), np.asarray(entry["test"])
        elif np.ndim(entry):
            train = _checked(np.asarray(entry), n_rows)
            yield train, np.setdiff1d(np.arange(n_rows), train)
        else:
            size = cast(int, entry)
            require(1 <= size < n_rows, f"rows={size} of {n_rows}; allowed is 1 to {n_rows - 1}")
            if orders is None:
                orders = rng.permuted(np.tile(np.arange(n_rows), (draws, 1)), axis=1)
            yield from ((order[:size], order[size:]) for order in orders)


def _checked(rows: np.ndarray, n_rows: int) -> np.ndarray:
    train = np.asarray(rows)
    require(
        0 < len(np.unique(train)) == len(train) < n_rows,
        f"rows: a set of {len(train)}; allowed are 1 to {n_rows - 1} distinct ones",
    )
    require(
        train.min() >= 0 and train.max() < n_rows,
        f"rows: {train.min()} to {train.max()}; allowed are 0 to {n_rows - 1}",
    )
    return train


def answer(sets: Iterable[tuple[np.ndarray, np.ndarray]], answers: Answers) -> pd.DataFrame:
    """A row for each row set, in their order: number of ``rows``, ``left`` and the measures."""
    table = [{"rows": len(train), **answers(train, test)} for train, test in sets]
    require(bool(table), "rows=[]; allowed is at least one number or row set")
    return pd.DataFrame(table)


def curve_of(answered: pd.DataFrame) -> pd.DataFrame:
    """Means over the row sets of each size, with standard errors and 95 % intervals.

    The interval of ``single``, a share of the sets, is Wilson's; the others are Student's, in
    [0, 1].
    """
    table = []
    for n, group in answered.groupby("rows"):
        left = group["left"].to_numpy()
        low, median, high = np.quantile(left, [0.05, 0.5, 0.95], method="inverted_cdf")
        row = {"rows": n, "draws": len(group), "left_mean": left.mean(), "left_median": median}
        row |= {"left_low": low, "left_high": high}
        for name in MEASURES:
            values = group[name].to_numpy()
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
            half = critical_value(0.95, max(len(values) - 1, 1)) * error
            low, high = np.clip([values.mean() - half, values.mean() + half], 0, 1)
            if name == "single":
                low, high = wilson_interval(values.sum(), len(values))
            row |= {name: values.mean(), f"{name}_se": error}
            row |= {f"{name}_low": float(low), f"{name}_high": float(high)}
        table.append(row)
    return pd.DataFrame(table)


def by_networks(weights: str) -> bool:
    """Whether labelled networks are weighted equally, or distinct functions."""
    one_of("weights", weights, WEIGHTS)
    return weights == "networks"
