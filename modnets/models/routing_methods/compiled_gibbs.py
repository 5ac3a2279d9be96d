"""The sweep of Gibbs sampling as machine code: the bits of ``gibbs``, in a fraction of its time."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np

from modnets.compiler.c_functions import c_function
from modnets.models.routing_methods.gibbs import GibbsSampler

SOURCE = Path(__file__).with_name("gibbs.cpp")


class _Level(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_long) for name in ("n_slots", "n_sources", "n_sets", "first_table")),
        *((name, ctypes.c_long) for name in ("knows_routing", "knows_selection")),
        *((name, ctypes.c_void_p) for name in ("sets", "sources", "filled")),
    ]


class _Sweep(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_long) for name in ("n_runs", "n_chains", "n_levels", "n_inputs")),
        *((name, ctypes.c_long) for name in ("n_outputs", "n_words", "arity", "n_tables")),
        *((name, ctypes.c_long) for name in ("n_orders", "n_shared", "given_tables")),
        *((name, ctypes.c_long) for name in ("knows_outputs", "first_readable")),
        ("levels", ctypes.POINTER(_Level)),
        *((name, ctypes.c_void_p) for name in ("x", "y", "counted", "input_corners", "tables")),
        *((name, ctypes.c_void_p) for name in ("outputs", "states")),
        ("taken", ctypes.c_ulonglong),
        *((name, ctypes.c_void_p) for name in ("weights", "positions", "permuted", "errors")),
    ]


def compiled_sweep() -> Callable[[GibbsSampler, float], np.ndarray] | None:
    """What :meth:`~.gibbs.GibbsSampler.sweep` does, of a sampler; None without machine code."""
    function = c_function(SOURCE, "sweep", "search", "-O2")
    if function is None:
        return None

    def run(sampler: GibbsSampler, temperature: float) -> np.ndarray:
        given = _Arguments(sampler, sampler.weights_at(temperature))
        sampler.random.taken = function(ctypes.byref(given.sweep))
        return given.errors

    return run


class _Arguments:
    """What the machine code reads and changes: the arrays of a sampler, in place."""

    def __init__(self, sampler: GibbsSampler, weights: np.ndarray) -> None:
        shape, circuits = sampler.shape, sampler.circuits
        rows = circuits.rows
        n_runs, n_chains, n_tables = circuits.tables.shape[:3]
        circuits.tables, circuits.outputs = map(_laid_out, (circuits.tables, circuits.outputs))
        circuits.sources = [_laid_out(level) for level in circuits.sources]
        circuits.filled = [_laid_out(level) for level in circuits.filled]
        positions, permuted = sampler.orders
        self.kept: list[np.ndarray] = []
        self.errors = np.empty((n_runs, n_chains), np.int64)
        self.levels = (_Level * len(shape.slots))(
            *(self._level(sampler, level) for level in range(len(shape.slots)))
        )
        self.sweep = _Sweep(
            *(n_runs, n_chains, len(shape.slots), shape.n_inputs, shape.n_outputs),
            *(rows.x.shape[-1], shape.arity, n_tables, len(positions), shape.n_shared or 0),
            *(sampler.given is not None, shape.outputs is not None, shape.readable[0][0]),
            self.levels,
            *map(self._pointer, (rows.x, rows.y, rows.counted, sampler.input_corners)),
            *map(self._pointer, (circuits.tables, circuits.outputs, sampler.random.state)),
            sampler.random.taken,
            *map(self._pointer, (weights, positions, permuted, self.errors)),
        )

    def _level(self, sampler: GibbsSampler, level: int) -> _Level:
        shape, circuits = sampler.shape, sampler.circuits
        sets = sampler.sets[level]
        return _Level(
            *(shape.slots[level], shape.n_sources[level], sets.shape[1]),
            sampler.first_table[level],
            *(shape.routing[level] is not None, shape.selection[level] is not None),
            *map(self._pointer, (sets, circuits.sources[level], circuits.filled[level])),
        )

    def _pointer(self, array: np.ndarray) -> int:
        self.kept.append(_laid_out(array))
        return self.kept[-1].ctypes.data


def _laid_out(array: np.ndarray) -> np.ndarray:
    """The array itself where it lies as C has it, else a copy that does."""
    return np.ascontiguousarray(array)
