"""Which pairs of digits are seen, and which images show them in training, validation and tests."""

from __future__ import annotations

import numpy as np
import torch
from torch import Generator

from modnets.errors import require
from modnets.tasks.digit_pairs import DigitPairs

#: Share of the training images of each digit that are for validation.
VALIDATION_SHARE = 0.2

Images = list[np.ndarray]  # of each digit, by number


def split_pairs(
    task: DigitPairs, train_pairs: int, seed: int, samples: int, test_samples: int
) -> dict[str, np.ndarray]:
    """Draw pairs of digits to be seen, and images for them.

    Parameters
    ----------
    task : DigitPairs
    train_pairs : int, 1 to all
        Pairs of digits seen; of the rest the floor half is for validation.
    seed : int, at least 0
        Of all that is drawn; pairs are permuted as the rows of a truth table are.
    samples, test_samples : int
        Pairs of images for each pair of digits, in training, and in each other part.

    Returns
    -------
    dict of ndarray of int64
        ``train``, ``validation``, ``test_seen`` (pairs seen, on images that were not) and
        ``test_unseen`` -> numbers of rows, pair after pair.
    """
    source = Generator().manual_seed(seed)
    order = torch.randperm(task.n_rows, generator=source).numpy()
    half = train_pairs + (task.n_rows - train_pairs) // 2
    train, validation, test = _images(task, source)
    parts = {
        "train": (order[:train_pairs], train, samples),
        "validation": (order[train_pairs:half], validation, test_samples),
        "test_seen": (order[:train_pairs], test, test_samples),
        "test_unseen": (order[half:], test, test_samples),
    }
    return {name: _draw(task, source, *part) for name, part in parts.items()}


def _images(task: DigitPairs, source: Generator) -> tuple[Images, Images, Images]:
    """The images of each digit for training, validation and tests; none is in two of them."""
    parts: tuple[Images, Images, Images] = [], [], []
    labels, is_test = task.digits.labels, task.digits.is_test
    for digit in range(2**task.bits):
        seen = np.flatnonzero((labels == digit) & ~is_test)
        seen = seen[torch.randperm(len(seen), generator=source).numpy()]
        n_validation = round(VALIDATION_SHARE * len(seen))
        tests = np.flatnonzero((labels == digit) & is_test)
        for part, numbers in zip(
            parts, (seen[n_validation:], seen[:n_validation], tests), strict=True
        ):
            require(
                len(numbers) > 0,
                f"{task.digits.name}: {len(seen)} training and {len(tests)} test images of digit "
                f"{digit}; allowed are enough for training, validation and tests",
            )
            part.append(numbers)
    return parts


def _draw(
    task: DigitPairs, source: Generator, pairs: np.ndarray, images: Images, samples: int
) -> np.ndarray:
    """Numbers of rows: so many pairs of images for each pair of digits."""
    numbers = [np.empty(0, np.int64)]
    for digits in zip(*np.divmod(pairs, 2**task.bits), strict=True):
        first, second = (
            images[digit][torch.randint(len(images[digit]), (samples,), generator=source)]
            for digit in digits
        )
        numbers.append(task.number(first, second))
    return np.concatenate(numbers)
