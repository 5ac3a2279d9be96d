"""Provenance of a result: code, versions, machine."""

from __future__ import annotations

import contextlib
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from typing import Any

import torch

from modnets.hardware import cpu_name
from modnets.paths import ROOT


@cache
def machine() -> dict[str, Any]:
    """The code, the libraries and the machine, as JSON values."""
    return {
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
def code_state() -> dict[str, Any]:
    """The commit, and whether the package and the notebooks are as they were committed."""
    changes = _git("status", "--porcelain", "--", "modnets", "notebooks")
    return {
        "git_commit": _git("rev-parse", "HEAD"),
        "git_clean": None if changes is None else changes == "",
    }


def _git(*arguments: str) -> str | None:
    """The output of git on the repository of this package; None without git or repository."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL).strip()
    return None
