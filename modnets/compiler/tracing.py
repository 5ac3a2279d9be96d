"""The arithmetic of one replica as a graph of tensor operations, for any number of rows."""

from __future__ import annotations

import contextlib
import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, fx
from torch.func import functionalize

from modnets.compiler.elementwise import name_of
from modnets.compiler.ir import UnsupportedOperation
from modnets.compiler.symbolic import EXAMPLE_ROWS, ROWS, Size
from modnets.errors import first_line
from modnets.imports import get_ready_for_gradients

aten = torch.ops.aten
#: Decomposed into simpler operations, beyond what torch's core set decomposes.
ALSO_DECOMPOSED = [
    *(aten._softmax, aten._softmax_backward_data, aten._log_softmax),
    *(aten._log_softmax_backward_data, aten.native_layer_norm, aten.native_layer_norm_backward),
    *(aten.gelu, aten.gelu_backward, aten.elu, aten.leaky_relu, aten.hardtanh, aten.addmv),
    *(aten.var, aten.var_mean, aten.stack, aten.baddbmm, aten.logsumexp, aten.linalg_vector_norm),
]
#: Another number of rows while a graph is traced; small, as code may branch on how many there are.
OTHER_ROWS = 4
#: Operation -> the argument that only gives the shape of its result.
SHAPES = {"view": 1, "_unsafe_view": 1, "expand": 1, "broadcast_in_dim": 1, "slice": 3, "arange": 1}
SHAPES |= {"full": 0, "empty": 0, "new_full": 1, "new_zeros": 1, "new_ones": 1, "new_empty": 1}
SHAPES |= {"empty_permuted": 0}


@dataclass(frozen=True)
class TensorSpec:
    """An input of a compiled function, as one replica sees it.

    Parameters
    ----------
    shape : tuple of Size
        With ROWS for the number of rows.
    uniform : bool
        The same for all replicas.
    """

    shape: tuple[Size, ...]
    uniform: bool = False


def leaves(part: Any) -> Iterator[Any]:
    """The inputs or tensors of nested arguments in order; None counts as nothing."""
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list | tuple):
        for inner in part:
            yield from leaves(inner)
    elif part is not None:
        yield part


def refill(part: Any, given: Iterator[Any]) -> Any:
    """The same nesting with other leaves."""
    if isinstance(part, dict):
        return {name: refill(value, given) for name, value in part.items()}
    if isinstance(part, list | tuple):
        refilled = [refill(value, given) for value in part]
        return type(part)(*refilled) if hasattr(part, "_fields") else type(part)(refilled)
    return None if part is None else next(given)


def trace_one(
    function: Callable[..., Any], arguments: Sequence[Any], *, open_rows: bool = True
) -> fx.GraphModule:
    """The graph of a function of one replica.

    A size in it that is a multiple of EXAMPLE_ROWS is one of the number of rows.

    Parameters
    ----------
    function : callable
        Tensors in, nested lists of tensors out.
    arguments : nested lists and dicts of TensorSpec or None
    open_rows : bool
        Trace with another number of rows too, and see whether the graph is the same.

    Returns
    -------
    fx.GraphModule
        Pure operations: none changes a tensor.  One placeholder for each TensorSpec, in order; its
        outputs are one flat list.

    Raises
    ------
    UnsupportedOperation
        If it is no such graph, or another one for another number of rows.
    """
    graph = _traced(function, arguments, EXAMPLE_ROWS)
    if open_rows:
        other = _traced(function, arguments, OTHER_ROWS)
        for pair in itertools.zip_longest(graph.graph.nodes, other.graph.nodes):
            if None in pair or not _same(*pair, graph, other):
                raise UnsupportedOperation(
                    f"what depends on the number of rows: {pair[0] or pair[1]}"
                )
    return graph


def _traced(function: Callable[..., Any], arguments: Sequence[Any], rows: int) -> fx.GraphModule:
    get_ready_for_gradients()
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.proxy_tensor import make_fx

    mode = FakeTensorMode(allow_non_fake_inputs=True)

    def call(*given: Tensor) -> list[Tensor]:
        return list(leaves(function(*refill(arguments, iter(given)))))

    shapes = [[rows if s == ROWS else s for s in given.shape] for given in leaves(arguments)]
    simpler = _decompositions()
    try:
        with mode, _silence():
            examples = [torch.zeros(shape) for shape in shapes]
            graph = make_fx(functionalize(call), decomposition_table=simpler)(*examples)
            if any(map(_changes, graph.graph.nodes)):  # what was written as simpler operations
                graph = make_fx(functionalize(graph), decomposition_table=simpler)(*examples)
    except Exception as error:  # it may be anything that a person's own network does
        raise UnsupportedOperation(f"what cannot be traced: {first_line(error)}") from error
    graph.graph.eliminate_dead_code()
    return graph


@cache
def _decompositions() -> dict[Any, Callable[..., Any]]:
    """How operations are written as simpler ones; looked up in torch once, which takes a while."""
    from torch._decomp import core_aten_decompositions, get_decompositions

    return {**dict(core_aten_decompositions().items()), **get_decompositions(ALSO_DECOMPOSED)}


def _changes(node: fx.Node) -> bool:
    """Whether an operation changes a tensor."""
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


def _same(one: fx.Node, other: fx.Node, graph: fx.GraphModule, again: fx.GraphModule) -> bool:
    """Whether two nodes do the same, one with EXAMPLE_ROWS and one with OTHER_ROWS."""
    if one.op == other.op == "get_attr":
        return torch.equal(getattr(graph, str(one.target)), getattr(again, str(other.target)))
    sizes = [_sizes(node.meta.get("val")) for node in (one, other)]
    if one.target != other.target or len(sizes[0]) != len(sizes[1]):
        return False
    alike = all(a == b or a * OTHER_ROWS == b * EXAMPLE_ROWS for a, b in zip(*sizes, strict=True))
    skip = SHAPES.get(name_of(one), -1)
    (given, keywords), others = (
        fx.node.map_arg((node.args, node.kwargs), lambda inner: inner.name) for node in (one, other)
    )
    pairs = itertools.zip_longest(given, others[0])
    return (
        alike
        and keywords == others[1]
        and all(repr(a) == repr(b) for place, (a, b) in enumerate(pairs) if place != skip)
    )


def _sizes(result: Any) -> list[int]:
    """All sizes of a tensor or of some; -1 between them."""
    tensors = result if isinstance(result, list | tuple) else [result]
    return [s for tensor in tensors if tensor is not None for s in (*tensor.shape, -1)]


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Without what torch logs where a graph cannot be traced."""
    logger = logging.getLogger("torch._subclasses.fake_tensor")
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = False
