"""This machine: its processor, vector width and cores."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

#: Parameters of glibc's ``mallopt``.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
#: Lines of ``/proc/cpuinfo`` that tell the instruction sets of a processor.
FEATURES: tuple[str, ...] = (
    *("flags", "vendor_id", "cpu family", "model"),  # x86
    *("Features", "CPU implementer", "CPU architecture", "CPU variant", "CPU part"),  # ARM
    *("cpu", "features", "machine", "isa", "uarch"),  # POWER, s390, RISC-V
)


@cache
def cpu_name() -> str:
    """The processor's name."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@cache
def cpu_features() -> str:
    """Instruction sets, vendor and model of the processor, as the operating system lists them.

    Processors of one name may differ in these: a virtual machine may hide instructions.
    """
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        pairs = {tuple(" ".join(part.split()) for part in line.split(":", 1)) for line in lines}
        return repr(sorted(pair for pair in pairs if pair[0] in FEATURES))
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["sysctl", "machdep.cpu", "hw.optional"]  # macOS
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
    return platform.processor()


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """Small matrices: numpy and scipy take one thread, as several wait for each other.

    Fits of a few numbers took ten times as long with two threads on two busy cores.
    """
    libraries = _blas()
    limited = libraries and libraries.limit(limits=1, user_api="blas")
    with limited or contextlib.nullcontext():
        yield


@cache
def _blas() -> ThreadpoolController | None:
    """The libraries of linear algebra of this process; scipy brings one of its own.

    None where they cannot be listed, as a library of the process has a path that is not UTF-8.
    """
    import scipy.linalg  # noqa: F401  (loads it)
    from threadpoolctl import ThreadpoolController

    with contextlib.suppress(UnicodeDecodeError):
        return ThreadpoolController()
    return None


@cache
def keep_freed_memory() -> None:
    """Let the C library keep memory that is freed, some of it, for what is allocated next.

    Arrays of a few hundred kilobytes come and go in each pass of a search.  glibc gives their
    memory back to the system each time, and to have it again costs a page fault for 4 kB: a tenth
    of the search.  Its own settings in the environment come first; other C libraries have none.
    """
    given = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ)
    if given or platform.libc_ver()[0] != "glibc":
        return
    import ctypes

    library = ctypes.CDLL(None)
    for parameter, size in ((M_MMAP_THRESHOLD, 2**25), (M_TRIM_THRESHOLD, 2**28)):
        library.mallopt(parameter, size)


def lanes() -> int:
    """float32 lanes in a vector register of this processor: replicas in one vector."""
    import torch  # here, as it takes a second, and processes that only count cores need none of it

    return 16 if "AVX512" in torch.backends.cpu.get_cpu_capability() else 8


def cores() -> int:
    """Processor cores that this process may use, by its affinity and a container's quota."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if here > 1:
        from loky import cpu_count  # here, as it takes a while to import

        here = min(here, cpu_count())
    return here
