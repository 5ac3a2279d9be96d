"""Machine code for lanes: compiled once, kept on disk, loaded by any process in milliseconds."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import torch

from modnets.paths import PACKAGE
from modnets.training.provenance import cpu_name

#: Small matrices are written out as loops, so that a compiler has little left to find.
FLAGS = ("-O2", "-std=gnu++17", "-march=native", "-fno-math-errno", "-ffp-contract=fast")
FLAGS += ("-fPIC", "-shared", "-w")

#: The files of modnets that decide what is compiled.
MADE_FROM = ("models/*.py", "training/compiler/*", "training/program.py")
MADE_FROM += ("training/optimizers.py", "training/evaluation.py", "training/machine.py")


#: Whether what is not on the disk yet may be compiled.
MAY_COMPILE: ContextVar[bool] = ContextVar("may_compile", default=True)


class NotCompiledError(Exception):
    """Machine code is not there yet, and nobody shall wait for it."""


@contextlib.contextmanager
def without_compiling() -> Iterator[None]:
    """Raise NotCompiledError inside where a compiler would have to be called."""
    token = MAY_COMPILE.set(False)
    try:
        yield
    finally:
        MAY_COMPILE.reset(token)


@cache
def compiler() -> str | None:
    """The C++ compiler: $CXX, g++, clang++ or c++."""
    wanted = os.environ.get("CXX")
    found = (shutil.which(name) for name in ([wanted] if wanted else ["g++", "clang++", "c++"]))
    return next(filter(None, found), None)


@cache
def can_compile() -> bool:
    """Whether a C++ compiler is at hand; says so once where it is not."""
    if compiler() is None:
        print("modnets: no C++ compiler; training stays eager, slower", file=sys.stderr)
    return compiler() is not None


def lanes() -> int:
    """Replicas in a vector of this processor."""
    return 16 if "AVX512" in torch.backends.cpu.get_cpu_capability() else 8


def cache_folder() -> Path:
    """Where compiled programs are kept between processes."""
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = Path(os.environ.get("MODNETS_CACHE", default / "modnets"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / "modnets"
        folder.mkdir(exist_ok=True)
    return folder


def load_library(name: str, write_source: Callable[[], str]) -> ctypes.CDLL:
    """The machine code of a source, from the cache or compiled now.

    Parameters
    ----------
    name : str
        Stands for the source: equal names, equal sources.
    write_source : callable
        Gives the C++; called only where it is not compiled yet.

    Raises
    ------
    NotCompiledError
        Inside :func:`without_compiling`, where it would have to be compiled.
    RuntimeError
        With the compiler's first complaint, if it cannot compile the source; or with what else
        there is between a source and its code.
    """
    from filelock import FileLock

    folder, name = cache_folder(), fingerprint(name)
    try:
        with FileLock(folder / f"{name}.lock"):
            path = _kept(folder, name)
            if path is None and not MAY_COMPILE.get():
                raise NotCompiledError
            path = path or _compile(write_source(), folder, name)
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise RuntimeError(str(error)) from error


def _kept(folder: Path, name: str) -> Path | None:
    """What was compiled before; a file that is damaged, which would end the process, goes."""
    for path in folder.glob(f"{name}-*.so"):
        if path.stem == f"{name}-{_digest(path)}":
            return path
        path.unlink()
    return None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:20]


def _compile(source: str, folder: Path, name: str) -> Path:
    with tempfile.TemporaryDirectory(dir=folder) as inner:
        text, made = Path(inner, "program.cpp"), Path(inner, "program.so")
        text.write_text(source)
        command = [compiler() or "c++", *FLAGS, "-o", str(made), str(text), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "error" in line]
            raise RuntimeError((lines or done.stderr.splitlines() or ["no message"])[0])
        return made.replace(folder / f"{name}-{_digest(made)}.so")


def fingerprint(*parts: Any) -> str:
    """A name for machine code: what it computes, with what, and for what machine."""
    machine = [torch.__version__, cpu_name(), lanes(), compiler(), FLAGS, platform.libc_ver()]
    return hashlib.sha256(repr([*parts, machine, own_source()]).encode()).hexdigest()[:20]


@cache
def own_source() -> str:
    """A hash of the files that code is made from."""
    digest = hashlib.sha256()
    for pattern in MADE_FROM:
        for path in sorted(filter(Path.is_file, PACKAGE.glob(pattern))):
            digest.update(path.read_bytes())
    return digest.hexdigest()
