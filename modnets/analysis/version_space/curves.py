"""What is left of a set of functions after some rows were shown, and how good a pick of it is.

The functions that agree with the rows shown are the version space (Mitchell, 1982).  Two learners
that know nothing else: one picks a function of it at random (Gibbs), one lets all of them vote on
each bit.  What they get wrong is what the rows do not say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from modnets.analysis.intervals import critical_value, wilson_interval
from modnets.analysis.version_space.bitsets import ranges, unpack, words_of
from modnets.errors import one_of, require

#: Measures of a row set, in [0, 1], in the order of columns.
MEASURES = ("bit_accuracy", "row_accuracy", "vote_bit_accuracy", "vote_row_accuracy")
MEASURES += ("single", "solved")
WEIGHTS = ("functions", "networks")

#: Numbers of rows, row sets, or splits.
Rows = Iterable["int | np.ndarray | Mapping[str, np.ndarray]"]
#: (rows shown, rows to answer) -> ``left`` and the measures.
Answers = Callable[[np.ndarray, np.ndarray], dict[str, float]]


@dataclass(frozen=True, eq=False)
class Functions:
    """Distinct functions of the same inputs, and the one that is right.

    Parameters
    ----------
    n_rows : int
        Of a truth table.
    signals : ndarray of uint64, shape (signal, word)
        Truth tables of one output.
    outputs : ndarray of int, shape (function, output)
        Places in ``signals``, ascending.
    networks : ndarray of int64, shape (function,)
        Labelled networks behind each.
    target : ndarray of uint64, shape (output, word)
        What is right.
    signed : bool
        False: each function stands for all those with some outputs negated, as many networks
        behind each.
    """

    n_rows: int
    signals: np.ndarray
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
        """Where the functions with each signal as first output begin."""
        return np.searchsorted(self.outputs[:, 0], np.arange(len(self.signals) + 1))

    def errors(self, first: int) -> list[np.ndarray]:
        """By output where each signal is wrong; without sign, with the one right on a row."""
        found = []
        for right in self.target:
            wrong = self.signals ^ right
            if not self.signed:
                on = wrong[:, first // 64] >> np.uint64(first % 64) & np.uint64(1)
                wrong = np.where(on.astype(bool)[:, None], ~wrong & self.everywhere, wrong)
            found.append(wrong)
        return found

    @cached_property
    def everywhere(self) -> np.ndarray:
        """The signal that is 1 on every row."""
        return words_of(np.arange(self.n_rows), self.n_rows)

    @property
    def right(self) -> np.ndarray:
        """The function that is right on every row: its place, or nothing."""
        errors = self.errors(0)
        fits = [~(wrong.any(axis=1))[self.outputs[:, o]] for o, wrong in enumerate(errors)]
        return np.flatnonzero(np.logical_and.reduce(fits))

    def answers(self, train: np.ndarray, asked: np.ndarray, by_networks: bool) -> dict[str, float]:
        """What is left after the rows of ``train``, and how right it is on those asked."""
        errors, shown = self.errors(int(train[0])), words_of(train, self.n_rows)
        fits = [~((wrong & shown).any(axis=1)) for wrong in errors]
        firsts = np.flatnonzero(fits[0])
        left = ranges(self.starts[firsts], np.diff(self.starts)[firsts])
        for output in range(1, len(fits)):
            left = left[fits[output][self.outputs[left, output]]]
        weights = self.networks[left].astype(float) if by_networks else np.ones(len(left))
        outputs, total = self.outputs[left], weights.sum()
        right, some = [], np.uint64(0)
        for wrong, ids in zip(errors, outputs.T, strict=True):
            some = some | wrong[ids]
            weight = np.bincount(ids, weights, minlength=len(wrong))
            there = np.flatnonzero(weight)
            right.append(total - weight[there] @ unpack(wrong[there], self.n_rows)[:, asked])
        right = np.stack(right)  # (output, row): weight of the functions that are right there
        vote = (2 * right > total) + (2 * right == total) / 2
        n_wrong = np.bitwise_count(some & words_of(asked, self.n_rows)).sum(axis=1)
        return {
            "left": len(left),
            "bit_accuracy": right.mean() / total,
            "row_accuracy": 1 - weights @ n_wrong / (total * len(asked)),
            "vote_bit_accuracy": vote.mean(),
            "vote_row_accuracy": vote.prod(axis=0).mean(),
            "single": float(len(left) == 1),
            "solved": weights[~some.any(axis=1)].sum() / total,
        }


def row_sets(
    rows: Rows, n_rows: int, draws: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows shown and rows to answer: of a number as many sets as draws, else the set given.

    The sets of a draw are nested, and the same whatever is made of them.
    """
    require(draws >= 1, f"draws={draws}; allowed is at least 1")
    rng = np.random.default_rng(seed)
    orders = None
    for given in rows:
        if isinstance(given, Mapping):
            require(
                {"train", "test"} <= set(given),
                f"rows: a split has the parts {', '.join(given)}; allowed are train and test",
            )
            yield _checked(given["train"], n_rows), np.asarray(given["test"])
        elif np.ndim(given):
            train = _checked(given, n_rows)
            yield train, np.setdiff1d(np.arange(n_rows), train)
        else:
            require(1 <= given < n_rows, f"rows={given} of {n_rows}; allowed is 1 to {n_rows - 1}")
            if orders is None:
                orders = rng.permuted(np.tile(np.arange(n_rows), (draws, 1)), axis=1)
            yield from ((order[:given], order[given:]) for order in orders)


def _checked(given: np.ndarray, n_rows: int) -> np.ndarray:
    train = np.asarray(given)
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
    """A row for each row set, in their order: ``rows`` shown, ``left`` and the measures."""
    found = [{"rows": len(train), **answers(train, asked)} for train, asked in sets]
    require(bool(found), "rows=[]; allowed is at least one number or row set")
    return pd.DataFrame(found)


def curve_of(answered: pd.DataFrame) -> pd.DataFrame:
    """Means over the row sets of each size, with standard errors and 95 % intervals.

    Those of ``single``, a share of the sets, are Wilson's; the others Student's, in [0, 1].
    """
    table = []
    for n, group in answered.groupby("rows"):
        left = group["left"].to_numpy()
        low, middle, high = np.quantile(left, [0.05, 0.5, 0.95], method="inverted_cdf")
        row = {"rows": n, "draws": len(group), "left_mean": left.mean(), "left_median": middle}
        row |= {"left_low": low, "left_high": high}
        for name in MEASURES:
            values = group[name].to_numpy()
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
            half = critical_value(0.95, max(len(values) - 1, 1)) * error
            ends = np.clip([values.mean() - half, values.mean() + half], 0, 1)
            if name == "single":
                ends = wilson_interval(values.sum(), len(values))
            row |= {name: values.mean(), f"{name}_se": error}
            row |= {f"{name}_low": float(ends[0]), f"{name}_high": float(ends[1])}
        table.append(row)
    return pd.DataFrame(table)


def by_networks(weights: str) -> bool:
    """Whether labelled networks are picked, or distinct functions."""
    one_of("weights", weights, WEIGHTS)
    return weights == "networks"
