"""The search for joint thresholds as machine code: what ``thresholds`` finds, in less time."""

from __future__ import annotations

import ctypes
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from modnets.compiler.c_functions import c_function
from modnets.models.cuts import MAX_THRESHOLDS, SAME

SOURCE = Path(__file__).with_name("thresholds.cpp")
#: Networks of a process from which on it pays to compile, which takes 2 s, once on a machine.
COMPILE_FROM = 16
_SEEN: Counter[str] = Counter()


class _Level(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_long) for name in ("n_slots", "arity")),
        *((name, ctypes.c_void_p) for name in ("values", "sources", "used", "is_output")),
        ("thresholds", ctypes.c_void_p),
    ]


class _Limits(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_long) for name in ("cuts", "few", "many", "steps", "elements")),
        *((name, ctypes.c_long) for name in ("comparison", "pairs", "thresholds")),
        ("same", ctypes.c_double),
    ]


class _Networks(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_long) for name in ("n_runs", "n_rows", "n_levels")),
        ("limits", _Limits),
        ("levels", ctypes.POINTER(_Level)),
        *((name, ctypes.c_void_p) for name in ("searched", "found")),
    ]


def compiled_thresholds(
    values: Sequence[np.ndarray],
    sources: Sequence[np.ndarray],
    used: Sequence[np.ndarray],
    is_output: Sequence[np.ndarray],
    searched: np.ndarray,
    limits: Sequence[int],
) -> list[list[np.ndarray] | None] | None:
    """What :func:`~.thresholds.joint_thresholds` finds; None where there is no machine code.

    Parameters
    ----------
    values, sources, used, is_output
        As there.
    searched : ndarray of bool, shape (run,)
    limits : sequence of int
        In the order of ``_Limits`` up to ``pairs``.
    """
    n_runs, _, n_rows = values[0].shape
    _SEEN["networks"] += int(searched.sum())
    if _SEEN["networks"] < COMPILE_FROM:
        return None
    function = c_function(SOURCE, "joint_thresholds", "joint thresholds", "-O1")
    if function is None:
        return None
    found = np.zeros(n_runs, dtype=bool)
    thresholds = [np.full((*level.shape[:2], MAX_THRESHOLDS), np.nan) for level in values]
    kept: list[np.ndarray] = []

    def pointer(array: np.ndarray, dtype: type) -> int:
        kept.append(np.ascontiguousarray(array, dtype))
        return kept[-1].ctypes.data

    levels = (_Level * len(values))(
        *(
            _Level(
                *(level.shape[1], reads.shape[2], pointer(level, np.float64)),
                *(pointer(reads, np.int64), pointer(uses, np.bool_), pointer(ends, np.bool_)),
                result.ctypes.data,
            )
            for level, reads, uses, ends, result in zip(
                values, sources, used, is_output, thresholds, strict=True
            )
        )
    )
    every = _Limits(*limits, MAX_THRESHOLDS, SAME)
    networks = _Networks(n_runs, n_rows, len(values), every, levels)
    networks.searched, networks.found = pointer(searched, np.bool_), found.ctypes.data
    function(ctypes.byref(networks))
    return [
        [level[run] for level in thresholds] if is_found else None
        for run, is_found in enumerate(found.tolist())
    ]
