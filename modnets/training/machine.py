"""A function of one replica as machine code for many, one in each lane of a vector."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from modnets.training.compilation import lanes, load_library
from modnets.training.compiler.source import write_source
from modnets.training.compiler.tracing import leaves, trace_one


class Machine:
    """Compiled code of a function of one replica.

    Parameters
    ----------
    function : callable
        Tensors in, nested lists of tensors out.
    inputs : nested lists and dicts of Input or None
    in_place : int
        The first outputs take the memory of the first inputs: how many.
    known_as : str, optional
        Stands for the function where its source is a part of modnets; others are traced in each
        process, to see whether they are what was compiled before.

    Raises
    ------
    Unsupported
        If the function has an operation for which no code can be written.
    RuntimeError
        If the compiler refuses.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        inputs: Sequence[Any],
        in_place: int = 0,
        known_as: str | None = None,
    ) -> None:
        def write() -> str:
            graph = trace_one(function, inputs)
            return write_source(graph, list(leaves(inputs)), in_place, lanes())

        if known_as is None:
            source = write()
            library = load_library(source, lambda: source)
        else:
            library = load_library(known_as, write)
        self.library = library
        library.workspace.argtypes, library.workspace.restype = [ctypes.c_long], ctypes.c_long
        library.run.argtypes = [ctypes.c_long, ctypes.c_long, *[ctypes.c_void_p] * 3]
        library.run.restype = None

    def workspace(self, rows: int) -> Tensor:
        """Memory for what is computed on the way; one for each thread."""
        return torch.empty(self.library.workspace(rows) * lanes())

    def __call__(
        self, steps: int, rows: int, arguments: Sequence[Tensor], workspace: Tensor
    ) -> None:
        """Run for one vector of replicas; Python's lock is free meanwhile.

        Parameters
        ----------
        steps : int
            How many times.
        rows : int
            A multiple of ROW_STEP.
        arguments : sequence of Tensor, shape (steps or 1, ..., lane)
            Inputs, then the outputs that have no input's memory.  Those with an axis of steps go
            on from step to step; a uniform one has no lanes.
        workspace : Tensor
            For at least as many rows.
        """
        pointers = (ctypes.c_void_p * len(arguments))(*[t.data_ptr() for t in arguments])
        strides = [t.stride(0) * t.element_size() if len(t) > 1 else 0 for t in arguments]
        strides = (ctypes.c_long * len(arguments))(*strides)
        self.library.run(steps, rows, pointers, strides, workspace.data_ptr())
