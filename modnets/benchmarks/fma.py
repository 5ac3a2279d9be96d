"""The peak of this processor: fused multiply-adds in registers, and nothing else."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import cast

from modnets.compiler.build_cache import can_compile, load_library
from modnets.hardware import cores, lanes

#: Sums that run side by side, enough to hide the latency of an instruction.
CHAINS = 12
#: Multiply-adds of each sum in a trial, and trials of which the best counts.
LENGTH, TRIALS = 4_000_000, 8
SOURCE = """
typedef float vec __attribute__((vector_size(4 * %(lanes)d)));
extern "C" float multiply_add(long n, float x) {
  const vec factor = x - vec{};
  vec %(declared)s;
  for (long i = 0; i < n; i++) {
    %(steps)s
  }
  const vec total = %(total)s;
  return total[0];
}
"""


@cache
def _kernel() -> Callable[[int, float], float]:
    sums = [f"s{number}" for number in range(CHAINS)]
    source = SOURCE % {
        "lanes": lanes(),
        "declared": ", ".join(f"{one} = factor * {number}.0f" for number, one in enumerate(sums)),
        "steps": " ".join(f"{one} = {one} * factor + factor;" for one in sums),
        "total": " + ".join(sums),
    }
    kernel = load_library(source, lambda: source).multiply_add
    kernel.argtypes, kernel.restype = [ctypes.c_long, ctypes.c_float], ctypes.c_float
    return cast("Callable[[int, float], float]", kernel)


def fma_rate() -> float:
    """GFLOP/s of fused multiply-adds in registers on all cores: the best of several; or NaN.

    NaN where there is no C++ compiler.
    """
    if not can_compile():
        return float("nan")
    kernel, threads = _kernel(), cores()
    seconds = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(TRIALS):
            started = time.perf_counter()
            list(pool.map(lambda _: kernel(LENGTH, 0.5), range(threads)))
            seconds.append(time.perf_counter() - started)
    return 2.0 * lanes() * CHAINS * LENGTH * threads / min(seconds) / 1e9
