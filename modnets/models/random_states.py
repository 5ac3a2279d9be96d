"""States of random number generators: the global ones, and generator objects."""

from __future__ import annotations

import random
import threading
from typing import Any

import numpy as np
import torch

#: Types of generator objects.
GENERATORS = torch.Generator | np.random.Generator | np.random.RandomState | random.Random

#: Held while the global generators are seeded: threads that draw take turns.
ALONE = threading.RLock()


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
