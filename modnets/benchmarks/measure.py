"""Time, rate and memory of this machine, as benchmarks need them."""

from __future__ import annotations

import contextlib
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

SGEMM_SIZE = 2048


def sgemm_rate(device: torch.device) -> float:
    """GFLOP/s of single-precision products of large matrices: the best of several."""
    a, b = (torch.rand(SGEMM_SIZE, SGEMM_SIZE, device=device) for _ in range(2))
    seconds = min(seconds_of(lambda: a @ b, device) for _ in range(12))
    return 2 * SGEMM_SIZE**3 / seconds / 1e9


def seconds_of(call: Callable[[], Any], device: torch.device) -> float:
    """How long a call takes, on the device too; s."""
    started = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


@contextlib.contextmanager
def peak_memory(device: torch.device) -> Iterator[list[float]]:
    """The most memory held from here on, in a list, in MB: the GPU's, or the process's.

    Where the system cannot start the count anew (other than Linux), since the process began.
    """
    peak: list[float] = []
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        yield peak
        peak.append(torch.cuda.max_memory_allocated(device) / 1e6)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    yield peak
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        peak.append(next(int(s.split()[1]) for s in lines if s.startswith("VmHWM")) * 1024 / 1e6)
    except (OSError, StopIteration):
        peak.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


@contextlib.contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """An environment variable set for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before
