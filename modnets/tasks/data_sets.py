"""Data sets that follow from published rules: generated, never downloaded.

The three MONK's problems are those of Thrun et al., "The MONK's Problems: A Performance Comparison
of Different Learning Algorithms" (1991).  The endgames of tic-tac-toe are those of Aha, in the UCI
repository (1991): all boards at which a game ends where x moves first.  In parity with distractors
the label is the parity of a few inputs among many that play no part.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from functools import cache, partial

import numpy as np

from modnets.checked import checked
from modnets.errors import one_of, require
from modnets.tasks.samples import MAX_INPUTS, Samples

#: Number of values of each attribute of the MONK's problems.
MONKS_VALUES = (3, 3, 2, 3, 4, 2)
#: Training rows of the three problems, as published.
MONKS_TRAIN_ROWS = (124, 169, 122)
MONKS_NOISE = 0.05  # of the third problem, as published
#: How the MONK's problems are tested.
MONKS_TESTS = ("unseen", "all")
#: The eight lines of three squares of a board.
LINES = (
    *((0, 1, 2), (3, 4, 5), (6, 7, 8)),
    *((0, 3, 6), (1, 4, 7), (2, 5, 8)),
    *((0, 4, 8), (2, 4, 6)),
)
MAX_SAMPLES = 10**6


@checked(problem=(1, 3), noise=(0, 0.5))
def monks(
    problem: int = 1, noise: float | None = None, seed: int = 0, test: str = "unseen"
) -> Samples:
    """A MONK's problem: 432 rows, all combinations of six attributes, 17 bits one-hot.

    The label is 1 in problem 1 where a1 = a2 or a5 = 1; in problem 2 where exactly two of the
    attributes have their first value; in problem 3 where a5 = 3 and a4 = 1, or a5 is not 4 and a2
    is not 3, with noise in training.

    Parameters
    ----------
    problem : int, 1 to 3
    noise : float, 0 to 0.5, optional
        Share of the rows, rounded, that have the wrong label in training and validation; tests are
        without noise.  By default 0.05 for the third problem, else 0.
    seed : int, at least 0
        Draws the rows with noise and, with ``test="all"``, the training rows.
    test : "unseen" or "all"
        Whether the 432 rows are divided by split seed, tests on rows that are unseen; or, as
        published, 124, 169 or 122 rows are drawn by ``seed`` for training and validation, and all
        432 are tested on, seen or not.

    Examples
    --------
    >>> monks(2).n_rows, monks(2, test="all").n_rows, monks(1).targets().sum()
    (432, 169, np.uint64(216))
    """
    one_of("test", test, MONKS_TESTS)
    usual = MONKS_NOISE if problem == 3 else 0.0
    noise = usual if noise is None else noise
    values = np.array(list(itertools.product(*(range(1, n + 1) for n in MONKS_VALUES))))
    x = np.concatenate(
        [values[:, [a]] == np.arange(1, n + 1) for a, n in enumerate(MONKS_VALUES)], axis=1
    )
    rule = _monks_rule(problem, *values.T)
    random = np.random.default_rng(seed)
    noisy, y = random.permutation(len(x)), rule.copy()
    drawn = random.permutation(len(x))[: MONKS_TRAIN_ROWS[problem - 1]]
    if test == "all":
        noisy = drawn  # in a random order
    y[noisy[: round(noise * len(noisy))]] ^= 1
    name = f"monks-{problem}" + ", tests on all" * (test == "all")
    name += f", noise {noise:g}" * (noise != usual)
    name += f", seed {seed}" * (seed > 0 and (noise > 0 or test == "all"))
    names = [f"a{a}={v}" for a, n in enumerate(MONKS_VALUES, 1) for v in range(1, n + 1)]
    if test == "all":
        return Samples(x[drawn], y[drawn], name, test=(x, rule), input_names=names)
    return Samples(x, y, name, clean=rule if noise else None, input_names=names)


def _monks_rule(problem: int, *attributes: np.ndarray) -> np.ndarray:
    a1, a2, _, a4, a5, _ = attributes
    if problem == 1:
        label = (a1 == a2) | (a5 == 1)
    elif problem == 2:
        label = sum((a == 1).astype(int) for a in attributes) == 2
    else:
        label = ((a5 == 3) & (a4 == 1)) | ((a5 != 4) & (a2 != 3))
    return np.asarray(label, np.uint8)


def tic_tac_toe() -> Samples:
    """All 958 boards at which a game of tic-tac-toe ends, x first; 27 bits, 9 squares one-hot.

    The label is 1 where x has three in a row, as on 626 boards.  In the order of the board as text,
    b for a blank, square by square.

    Examples
    --------
    >>> task = tic_tac_toe()
    >>> task.n_rows, task.n_inputs, task.targets().sum()
    (958, 27, np.uint64(626))
    """
    boards = sorted(_ends("b" * 9, "x", set()))
    marks = np.array([[*board] for board in boards])
    x = (marks[:, :, None] == np.array([*"xob"])).reshape(len(boards), -1)
    y = [any(board[a] == board[b] == board[c] == "x" for a, b, c in LINES) for board in boards]
    names = [f"{square}={mark}" for square in range(9) for mark in "xob"]
    return Samples(x, y, "tic-tac-toe", input_names=names, output_names=["x wins"])


def _ends(board: str, player: str, seen: set[str]) -> Iterable[str]:
    """The boards at which a game that has reached this one ends, each once."""
    if board in seen:
        return
    seen.add(board)
    if "b" not in board or any(board[a] == board[b] == board[c] != "b" for a, b, c in LINES):
        yield board
        return
    for square in (square for square, mark in enumerate(board) if mark == "b"):
        after = board[:square] + player + board[square + 1 :]
        yield from _ends(after, "o" if player == "x" else "x", seen)


@checked(n_relevant=(1, MAX_INPUTS), n_distractors=(0, MAX_INPUTS), n_samples=(2, MAX_SAMPLES))
def parity(
    n_relevant: int = 5, n_distractors: int = 15, n_samples: int = 1000, seed: int = 0
) -> Samples:
    """Parity of the first inputs; the others are distractors that play no part.

    Parameters
    ----------
    n_relevant, n_distractors : int
        Inputs, together at most 1,000.
    n_samples : int
        Rows of uniform random bits.
    seed : int, at least 0
        Of the rows.

    Examples
    --------
    >>> task = parity(2, 3, n_samples=8)
    >>> task.name, bool((task.targets()[:, 0] == task.rows()[:, :2].sum(axis=1) % 2).all())
    ('parity-2-of-5, 8 samples', True)
    """
    n_inputs = n_relevant + n_distractors
    require(
        n_inputs <= MAX_INPUTS,
        f"n_relevant={n_relevant}, n_distractors={n_distractors}; allowed are {MAX_INPUTS:,} "
        "inputs together",
    )
    x = np.random.default_rng(seed).integers(0, 2, (n_samples, n_inputs), dtype=np.uint8)
    name = f"parity-{n_relevant}-of-{n_inputs}" + f", {n_samples:,} samples" * (n_samples != 1000)
    return Samples(x, x[:, :n_relevant].sum(axis=1) % 2, name + f", seed {seed}" * (seed > 0))


#: The data sets with a name, and what makes them; ``parity-K-of-N`` is one for all K up to N.
DATA_SETS: dict[str, Callable[[], Samples]] = {
    "monks-1": partial(monks, 1),
    "monks-2": partial(monks, 2),
    "monks-3": partial(monks, 3),
    "tic-tac-toe": tic_tac_toe,
    "parity-5-of-20": parity,
}


def named_data_set(name: str) -> Samples | None:
    """The data set of a name, made once; None if there is none."""
    found = re.fullmatch(r"parity-([1-9]\d{0,3})-of-([1-9]\d{0,3})", name)
    n_relevant, n_inputs = map(int, found.groups()) if found else (0, 0)
    if name not in DATA_SETS and not 1 <= n_relevant <= n_inputs <= MAX_INPUTS:
        return None
    return _made(name, n_relevant, n_inputs)


@cache
def _made(name: str, n_relevant: int, n_inputs: int) -> Samples:
    return DATA_SETS[name]() if name in DATA_SETS else parity(n_relevant, n_inputs - n_relevant)
