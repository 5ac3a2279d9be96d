"""Functions of one replica as machine code for many, one in each lane of a vector."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from modnets.compiler.build_cache import EXPLICIT_VECTORS, PLAIN_LOOPS, load_library
from modnets.compiler.codegen import write_function, write_program
from modnets.compiler.tracing import leaves, trace_one
from modnets.hardware import lanes as vector_width


@dataclass(frozen=True)
class Function:
    """What is to be compiled.

    Parameters
    ----------
    name : str
    call : callable
        Tensors in, nested lists of tensors out.
    inputs : nested lists and dicts of TensorSpec or None
    in_place : int
        The first outputs take the memory of the first inputs: how many.
    many_rows : bool
        Whether there may be so many rows that they had better go in blocks; it changes the order
        of sums, and so their last digits.
    trace : callable, optional
        Gives its graph, where that may be at hand already; not asked for user-defined code.
    """

    name: str
    call: Callable[..., Any]
    inputs: Sequence[Any]
    in_place: int = 0
    many_rows: bool = False
    trace: Callable[[], fx.GraphModule] | None = None


def compile_functions(
    functions: Sequence[Function], known_as: str | None = None, *, lanes: int | None = None
) -> CompiledFunctions:
    """Functions as machine code: from the cache on disk, or compiled now.

    Parameters
    ----------
    functions : sequence of Function
    known_as : str, optional
        Stands for the functions where their source is a part of modnets; others are traced in
        each process, to see whether they are what was compiled before.
    lanes : int, optional
        Replicas in a vector, by default as many as it holds; 1 to vectorize within a replica.

    Raises
    ------
    UnsupportedOperation
        If a function has an operation for which no code can be written.
    NotCompiledError
        Inside ``without_compiling``, if they are not in the cache.
    RuntimeError
        If the compiler refuses.
    """

    lanes = vector_width() if lanes is None else lanes
    level = EXPLICIT_VECTORS if lanes > 1 else PLAIN_LOOPS

    def write() -> str:
        parts = []
        for one in functions:
            if one.trace is not None and known_as is not None:
                graph = one.trace()
            else:
                graph = trace_one(one.call, one.inputs, open_rows=known_as is None)
            inputs = list(leaves(one.inputs))
            parts.append(
                write_function(one.name, graph, inputs, one.in_place, lanes, one.many_rows)
            )
        return write_program(parts, lanes)

    if known_as is None:
        source = write()
        library = load_library(source, lambda: source, level)
    else:
        library = load_library(f"{known_as} {lanes}", write, level)
    entries = {one.name: _entry(library, one.name) for one in functions}
    return CompiledFunctions(library, entries, lanes)


def _entry(library: ctypes.CDLL, name: str) -> tuple[Any, Any]:
    """The C functions of a compiled function: the size of its workspace, and its run."""
    size, run = getattr(library, f"workspace_{name}"), getattr(library, f"run_{name}")
    size.argtypes, size.restype = [ctypes.c_long] * 2, ctypes.c_long
    run.argtypes = [*[ctypes.c_long] * 2, *[ctypes.c_void_p] * 3, ctypes.c_long]
    run.restype = None
    return size, run


class CompiledFunctions:
    """Machine code of functions of one replica; see :func:`compile_functions`.

    Parameters
    ----------
    library : CDLL
    entries : dict
        Name of a function -> its C functions: the size of its workspace, and its run.
    lanes : int
        Replicas in a vector.
    """

    def __init__(
        self, library: ctypes.CDLL, entries: dict[str, tuple[Any, Any]], lanes: int
    ) -> None:
        self.library, self.entries, self.lanes = library, entries, lanes

    def workspace(self, name: str, rows: int, threads: int = 1) -> Tensor:
        """Memory for what a function computes on the way, for a call with so many threads."""
        return torch.empty(self.entries[name][0](rows, threads) * self.lanes)

    def call(
        self,
        name: str,
        steps: int,
        rows: int,
        arguments: Sequence[Tensor],
        workspace: Tensor,
        threads: int = 1,
    ) -> Callable[[], None]:
        """A call of a function for one vector of replicas, to be made once or again.

        Python's lock is free meanwhile.

        Parameters
        ----------
        name : str
        steps : int
            How many times.
        rows : int
            A multiple of ROW_STEP.
        arguments : sequence of Tensor, shape (steps or 1, ..., lane)
            Inputs, then the outputs that have no input's memory.  Those with an axis of steps go
            on from step to step; a uniform one has no lanes.
        workspace : Tensor
            For at least as many rows and threads.
        threads : int
            That share the work within a replica, where there is one lane; it changes no result.
        """
        pointers = (ctypes.c_void_p * len(arguments))(*[t.data_ptr() for t in arguments])
        steps_apart = [t.stride(0) * t.element_size() if t.shape[0] > 1 else 0 for t in arguments]
        strides = (ctypes.c_long * len(arguments))(*steps_apart)
        run, memory = self.entries[name][1], (*arguments, workspace)

        def call() -> None:
            run(steps, rows, pointers, strides, memory[-1].data_ptr(), threads)

        return call
