"""States of random number generators: the global ones, and generator objects."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch

#: Types of generator objects.
GENERATORS = torch.Generator | np.random.Generator | np.random.RandomState | random.Random

#: Held while the global generators are seeded: threads that draw take turns.
ALONE = threading.RLock()
#: Times that something has to draw before it is said to: threads of libraries do now and then.
TIMES = 5

Result = TypeVar("Result")


class Drawn(ValueError):
    """Random numbers were drawn where none may be."""


def at_rest(check: Callable[[], Result]) -> Result:
    """What a check gives; random numbers that only other threads have drawn do not count.

    Raises
    ------
    Drawn
        If some are drawn each time.
    """
    for _ in range(TIMES - 1):
        try:
            return check()
        except Drawn:
            continue
    return check()


def random_state(generator: Any = None) -> Any:
    """The state of a generator; by default those of the global ones of torch, numpy and Python."""
    if generator is None:
        return (
            torch.default_generator.get_state().numpy().tobytes(),
            np.random.get_state(),  # noqa: NPY002
            random.getstate(),
        )
    if isinstance(generator, torch.Generator):
        return generator.get_state().numpy().tobytes()
    if isinstance(generator, np.random.Generator):
        return generator.bit_generator.state
    if isinstance(generator, np.random.RandomState):
        return generator.get_state()
    return generator.getstate()
