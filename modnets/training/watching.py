"""What those who look on while runs train are handed at each evaluation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from modnets.config.run_config import RunConfig
from modnets.errors import require, shown


class EvaluatedRuns(NamedTuple):
    """What has just been evaluated, as ``on_evaluation`` of ``train`` and ``sweep`` is handed it.

    Parameters
    ----------
    epoch : int
    runs : tuple of RunConfig
        Those that train side by side.
    measures : dict of ndarray, shape (run,)
        By the names of their columns: ``test_bit_accuracy``, ``solved``, ...; also what hooks of
        the runs have measured.
    """

    epoch: int
    runs: tuple[RunConfig, ...]
    measures: dict[str, np.ndarray]


def check_callable(on_evaluation: object) -> None:
    """Raise ValueError unless ``on_evaluation`` is None or can be called."""
    require(
        on_evaluation is None or callable(on_evaluation),
        f"on_evaluation={shown(on_evaluation)}; allowed is a function of what has been evaluated",
    )
