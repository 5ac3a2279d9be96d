"""Where random numbers come from, and the states of those sources."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch

SOURCES = torch.Generator | np.random.Generator | np.random.RandomState | random.Random


def random_state(source: Any = None) -> Any:
    """The state of a source of random numbers; of torch's, numpy's and Python's own if None."""
    if source is None:
        return (
            torch.default_generator.get_state().numpy().tobytes(),
            np.random.get_state(),  # noqa: NPY002
            random.getstate(),
        )
    if isinstance(source, torch.Generator):
        return source.get_state().numpy().tobytes()
    if isinstance(source, np.random.Generator):
        return source.bit_generator.state
    return source.get_state() if isinstance(source, np.random.RandomState) else source.getstate()
