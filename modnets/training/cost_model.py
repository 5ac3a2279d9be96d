"""How long a training step takes in each backend: what the choice among them goes by.

Times are those of one core with AVX-512 (Intel Xeon, 190 GFLOP/s of FMA).  Where vectors are half
as wide (AVX2) arithmetic takes twice as long: a vector of replicas as long as one of twice as many.
Other machines differ in all times alike, so that the order stays; no time enters a result but by
the choice of a backend.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import fx

from modnets.compiler.build_cache import fingerprint
from modnets.compiler.cached_numbers import cached_numbers
from modnets.compiler.elementwise import name_of
from modnets.compiler.products import is_better_transposed, is_worthwhile
from modnets.compiler.symbolic import size_at, size_of
from modnets.config.run_config import RunConfig
from modnets.config.shapes import padded_rows, shape_of
from modnets.hardware import lanes as vector_width
from modnets.source_files import source_digest
from modnets.training.costs import (
    PRODUCTS,
    not_in_trace,
    operations_of,
    trace_of,
    training_step_on_cpu,
)
from modnets.training.step import MADE_FROM

#: Arithmetic rates, in operations a microsecond: of products with a replica in each lane, of
#: products within a replica, and of all else in both.
LANES_PRODUCTS, WITHIN_PRODUCTS = 120e3, 140e3
LANES_OTHER, WITHIN_OTHER = 45e3, 20e3
#: Of products within a replica that are too small for ``matmul.h``, and of its convolutions.
WITHIN_SMALL, WITHIN_CONVOLUTION = 5e3, 90e3
#: Of tensor operations called one by one, for many replicas and for one.
EAGER_MANY, EAGER_ONE = 10e3, 30e3
#: What each call of a tensor operation takes; microseconds.
EAGER_CALL = 6.0
#: An inner axis at which half the time goes into loading and storing results.
HALF_INNER = 8
#: Lanes of the vectors that these rates were measured with.
MEASURED_LANES = 16
#: Operations that only say how memory is seen.
FREE = {"view", "_unsafe_view", "permute", "t", "transpose", "expand", "unsqueeze", "squeeze"}
FREE |= {"select", "slice", "split_with_sizes", "getitem", "detach", "alias"}
#: Parameters of a replica at which lanes take twice as long, as they leave the cache.
CACHED_PARAMETERS = 1e5
#: Work, chunks x steps, from which on it pays to compile, 1 to 3 s once for all that train alike.
COMPILE_FROM = 200
#: The same on a GPU, where torch compiles, which takes longer.
COMPILE_FROM_ON_GPU = 1000
#: Seconds of compiling that a step within a replica has to make up for.  It takes 2 by now; with
#: fewer here, runs of truth tables would change their backend, and with it their last digits.
COMPILE_LANES, COMPILE_WITHIN = 2.0, 4.0


@dataclass(frozen=True)
class StepTimes:
    """Microseconds of one training step on one core.

    Parameters
    ----------
    lanes : float
        Of a vector of replicas, one in each lane.
    within : float
        Of one replica, vectorized within.
    eager_calls : float
        Of calling tensor operations one by one, for however many replicas.
    eager : float
        Of their arithmetic, for each of many replicas.
    eager_one : float
        Of their arithmetic for a replica alone.
    """

    lanes: float
    within: float
    eager_calls: float
    eager: float
    eager_one: float


#: Shape of runs -> times; a sweep asks for each shape.
_KNOWN: dict[str, StepTimes] = {}


def step_times(config: RunConfig) -> StepTimes:
    """Estimates for the step of a run, from the operations in its trace.

    Those of built-in networks are kept on disk, as machine code is: tracing takes 0.2 to 0.5 s.
    """
    shape = shape_of(config)
    if shape not in _KNOWN:
        rows, known_as = padded_rows(config), training_step_on_cpu(config).known_as

        def estimated() -> dict[str, float]:
            return vars(_estimated(trace_of(config), rows, not_in_trace(config)))

        if known_as is None:  # of a user's own, whose code is known once it is traced
            times = estimated()
        else:
            code = source_digest(Path(__file__), *MADE_FROM)
            name = fingerprint("step times", known_as, rows, vector_width(), code)
            times = cached_numbers(name, estimated)
        _KNOWN[shape] = StepTimes(**times)
    return _KNOWN[shape]


def _estimated(graph: fx.GraphModule, rows: int, more: int) -> StepTimes:
    """Estimates from a trace, for so many rows and operations that are not in it."""
    nodes = [node for node in graph.graph.nodes if node.op == "call_function"]
    counts = [(node, size_at(operations_of(node), rows)) for node in nodes]
    total = sum(count for _, count in counts) + more
    products = {node: count for node, count in counts if _is_product(node)}
    others = total - sum(products.values())
    within = others / WITHIN_OTHER
    within += sum(_within(node, count, rows) for node, count in products.items())
    parameters = sum(_size(node, 1) for node in graph.graph.find_nodes(op="placeholder")[:1])
    slower = 1 + parameters / CACHED_PARAMETERS
    lanes = sum(products.values()) * slower / LANES_PRODUCTS + others / LANES_OTHER
    n_calls = sum(name_of(node) not in FREE for node in nodes)
    longer = MEASURED_LANES / vector_width()
    return StepTimes(
        lanes=MEASURED_LANES * lanes,  # with fewer replicas at a slower rate: as long
        within=longer * within,
        eager_calls=n_calls * EAGER_CALL,
        eager=longer * total / EAGER_MANY,
        eager_one=longer * total / EAGER_ONE,
    )


def _is_product(node: fx.Node) -> bool:
    return name_of(node) in (*PRODUCTS, "convolution", "convolution_backward")


def _within(node: fx.Node, count: int, rows: int) -> float:
    """Microseconds of a product within a replica."""
    arguments: tuple[Any, ...] = node.args
    if name_of(node) not in PRODUCTS:
        weight = arguments[1 if name_of(node) == "convolution" else 2]
        return count / _filled(_shape(weight, rows)[0]) / WITHIN_CONVOLUTION
    left, right = (_shape(one, rows) for one in arguments[-2:])
    inner, columns = left[-1], right[-1] if len(right) > 1 else 1
    n_rows = left[-2] if len(left) > 1 else 1
    if not is_worthwhile(n_rows, inner, columns):
        return count / WITHIN_SMALL
    columns = n_rows if is_better_transposed(n_rows, columns) else columns
    return count * (1 + HALF_INNER / inner) / _filled(columns) / WITHIN_PRODUCTS


def _filled(columns: int) -> float:
    """The share of the lanes of vectors that columns fill."""
    return columns / (math.ceil(columns / vector_width()) * vector_width())


def _shape(node: fx.Node, rows: int) -> list[int]:
    """The shape of a tensor, given the number of rows."""
    return [size_at(size_of(size), rows) for size in node.meta["val"].shape]


def _size(node: fx.Node, rows: int) -> int:
    return math.prod(_shape(node, rows))
