"""Splits of digit pairs: which are seen, and on which images in training, validation and tests."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator

from modnets.errors import require
from modnets.tasks.digit_pairs import DigitPairs

#: Share of the training images of each digit that is for validation.
VALIDATION_SHARE = 0.2

Images = list[np.ndarray]  # [digit] -> indices of its images


def split_pairs(
    task: DigitPairs, train_pairs: int, seed: int, samples: int, test_samples: int
) -> dict[str, np.ndarray]:
    """Draw the pairs of digits that are seen, and images for all pairs.

    Parameters
    ----------
    task : DigitPairs
    train_pairs : int, 1 to all
        Pairs of digits seen; half of the rest, rounded down, is for validation.
    seed : int, at least 0
        Of all random draws; pairs are permuted as the rows of a truth table are.
    samples, test_samples : int
        Pairs of images for each pair of digits, in training, and in each other part.

    Returns
    -------
    dict of ndarray of int64
        ``train``, ``validation``, ``test_seen`` (pairs seen in training, on other images) and
        ``test_unseen`` -> indices of rows, pair after pair.
    """
    generator = Generator().manual_seed(seed)
    order = torch.randperm(task.n_rows, generator=generator).numpy()
    half = train_pairs + (task.n_rows - train_pairs) // 2
    train, validation, test = _images(task, generator)
    splits = {
        "train": (order[:train_pairs], train, samples),
        "validation": (order[train_pairs:half], validation, test_samples),
        "test_seen": (order[:train_pairs], test, test_samples),
        "test_unseen": (order[half:], test, test_samples),
    }
    return {name: _draw(task, generator, *split) for name, split in splits.items()}


def _images(task: DigitPairs, generator: Generator) -> tuple[Images, Images, Images]:
    """The images of each digit for training, validation and tests, which are disjoint."""
    groups: tuple[Images, Images, Images] = [], [], []
    labels, is_test = task.digits.labels, task.digits.is_test
    for digit in range(2**task.bits):
        seen = np.flatnonzero((labels == digit) & ~is_test)
        seen = seen[torch.randperm(len(seen), generator=generator).numpy()]
        n_validation = round(VALIDATION_SHARE * len(seen))
        tests = np.flatnonzero((labels == digit) & is_test)
        for group, indices in zip(
            groups, (seen[n_validation:], seen[:n_validation], tests), strict=True
        ):
            require(
                len(indices) > 0,
                f"{task.digits.name}: {len(seen)} training and {len(tests)} test images of digit "
                f"{digit}; allowed are enough for training, validation and tests",
            )
            group.append(indices)
    return groups


def _draw(
    task: DigitPairs, generator: Generator, pairs: np.ndarray, images: Images, samples: int
) -> np.ndarray:
    """Indices of rows: ``samples`` pairs of images for each pair of digits."""
    rows = [np.empty(0, np.int64)]
    for digits in zip(*np.divmod(pairs, 2**task.bits), strict=True):
        first, second = (
            images[digit][torch.randint(len(images[digit]), (samples,), generator=generator)]
            for digit in digits
        )
        rows.append(task.number(first, second))
    return np.concatenate(rows)
