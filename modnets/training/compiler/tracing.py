"""The arithmetic of one replica as a graph of tensor operations, for any number of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.func import functionalize

from modnets.training.compiler.indices import EXAMPLE_ROWS, ROWS, Size

aten = torch.ops.aten
#: Written as simpler operations, beyond those that torch's core set leaves out.
ALSO_DECOMPOSED = [
    *(aten._softmax, aten._softmax_backward_data, aten._log_softmax),
    *(aten._log_softmax_backward_data, aten.native_layer_norm, aten.native_layer_norm_backward),
    *(aten.gelu, aten.gelu_backward, aten.elu, aten.leaky_relu, aten.hardtanh, aten.addmv),
    *(aten.var, aten.var_mean, aten.stack, aten.baddbmm, aten.logsumexp),
]


@dataclass(frozen=True)
class Input:
    """What a program is handed, as one replica sees it.

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
        return [refill(value, given) for value in part]
    return None if part is None else next(given)


def trace_one(
    function: Callable[..., Any], arguments: Sequence[Any], *, open_rows: bool = True
) -> fx.GraphModule:
    """The graph of a function of one replica.

    Parameters
    ----------
    function : callable
        Tensors in, nested lists of tensors out.
    arguments : nested lists and dicts of Input or None
    open_rows : bool
        Trace with an open number of rows, and notice where a number is made of it.  Without, in
        half the time, every multiple of EXAMPLE_ROWS is taken for one of the number of rows.

    Returns
    -------
    fx.GraphModule
        Pure operations: none changes a tensor.  One placeholder for each Input, in order; its
        outputs are one flat list.
    """
    from torch._decomp import core_aten_decompositions, get_decompositions
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.fx.experimental.symbolic_shapes import (
        DimDynamic,
        ShapeEnv,
        StatelessSymbolicContext,
    )

    mode = FakeTensorMode(shape_env=ShapeEnv(), allow_non_fake_inputs=True)

    def example(given: Input) -> Tensor:
        is_open = [open_rows and size == ROWS for size in given.shape]
        dynamic = [DimDynamic.DUCK if one else DimDynamic.STATIC for one in is_open]
        shape = [EXAMPLE_ROWS if size == ROWS else size for size in given.shape]
        context = StatelessSymbolicContext(dynamic_sizes=dynamic)
        return mode.from_tensor(torch.zeros(shape), symbolic_context=context)

    def call(*given: Tensor) -> list[Tensor]:
        return list(leaves(function(*refill(arguments, iter(given)))))

    examples = [example(given) for given in leaves(arguments)]
    simpler = core_aten_decompositions()
    simpler.update(get_decompositions(ALSO_DECOMPOSED))
    with mode:
        graph = make_fx(functionalize(call), decomposition_table=simpler)(*examples)
    graph.graph.eliminate_dead_code()
    return graph
