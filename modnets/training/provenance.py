"""Where a result comes from: code, versions, machine."""

from __future__ import annotations

import contextlib
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from modnets.paths import ROOT
from modnets.training.run_keys import SCHEMA_VERSION

#: Lines of ``/proc/cpuinfo`` that say what a processor can do: x86, ARM, POWER, s390, RISC-V.
FEATURES = ("flags", "vendor_id", "cpu family", "model")
FEATURES += ("Features", "CPU implementer", "CPU architecture", "CPU variant", "CPU part")
FEATURES += ("cpu", "features", "machine", "isa", "uarch")


@cache
def machine() -> dict[str, Any]:
    """The code, the libraries and the machine, as JSON values."""
    return {
        "schema_version": SCHEMA_VERSION,
        "modnets": version("modnets"),
        "git_commit": _git("rev-parse", "HEAD"),
        "git_clean": _git("status", "--porcelain") == "",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": version("numpy"),
        "system": platform.platform(),
        "processor": cpu_name(),
    }


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
    """What the processor can do, as the system says it: its instructions, its make and model.

    Processors of one name may differ in it: of one family, or one of them in a virtual machine.
    """
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        pairs = {tuple(" ".join(part.split()) for part in line.split(":", 1)) for line in lines}
        return repr(sorted(pair for pair in pairs if pair[0] in FEATURES))
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["sysctl", "machdep.cpu", "hw.optional"]  # macOS
        return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
    return platform.processor()


def _git(*words: str) -> str | None:
    """What git says of the repository that this package stands in; None without git."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["git", "-C", str(ROOT), *words]
        return subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).strip()
    return None
