"""Compiled C++: built once, cached on disk, loaded by any process in milliseconds."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import torch

from modnets.compiler.cache_folder import cache_folder, folders_to_read
from modnets.compiler.libraries import clear_leftovers, keep, look_up
from modnets.hardware import cpu_features, cpu_name, lanes
from modnets.leftovers import clear_temporary
from modnets.notices import say_once

FLAGS: tuple[str, ...] = (
    *("-std=gnu++17", "-march=native", "-fno-math-errno", "-ffp-contract=fast"),
    *("-fPIC", "-shared", "-w"),
)

#: How much is optimized: where all vectors are explicit, and where loops have to become vectors.
EXPLICIT_VECTORS, PLAIN_LOOPS = "-O2", "-O2 -fvect-cost-model -freciprocal-math -pthread"
#: The same for g++, without passes that take it a third of its time, and its code none less.
OF_GCC = {
    EXPLICIT_VECTORS: "-O1 -fexpensive-optimizations -ftree-loop-vectorize "
    "-fvect-cost-model=very-cheap -fno-tree-ccp -fno-web",
    PLAIN_LOOPS: f"{PLAIN_LOOPS} -fno-tree-ccp -fno-tree-loop-distribution "
    "-fno-rerun-cse-after-loop -fno-web",
}

#: Whether a library that is not in the cache may be compiled.
MAY_COMPILE: ContextVar[bool] = ContextVar("may_compile", default=True)


class NotCompiledError(Exception):
    """Cache miss while compilation is disabled."""


@contextlib.contextmanager
def without_compiling() -> Iterator[None]:
    """Disable compilation inside the block: a cache miss raises NotCompiledError."""
    token = MAY_COMPILE.set(False)
    try:
        yield
    finally:
        MAY_COMPILE.reset(token)


@cache
def compiler() -> str | None:
    """The command that compiles C++: $CXX, with its arguments, or g++, clang++ or c++."""
    own = _from_environment()
    for command in [own] if own else [["g++"], ["clang++"], ["c++"]]:
        path = shutil.which(command[0])
        if path is not None:
            return shlex.join([os.path.abspath(path), *command[1:]])
    return None


def _from_environment() -> list[str]:
    """The command in $CXX, which by convention may have arguments; empty if it is not set."""
    command = os.environ.get("CXX", "")
    try:
        return shlex.split(command)
    except ValueError:  # unbalanced quotes
        return [command]


@cache
def can_compile() -> bool:
    """Whether there is a C++ compiler; a message says once that there is none."""
    if compiler() is None:
        missing = (
            f"CXX={os.environ['CXX']!r} is not there" if _from_environment() else "no C++ compiler"
        )
        say_once(f"{missing}; training stays eager, slower")
    return compiler() is not None


@cache
def compiler_version() -> str:
    """The output of the compiler's ``--version``; empty if it fails."""
    command = [*shlex.split(compiler() or "c++"), "--version"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return _run(command, timeout=30).stdout
    return ""


def get_ready(compiled: bool) -> None:
    """Print messages about the cache before workers start; remove what killed processes left.

    Parameters
    ----------
    compiled : bool
        Whether compiled libraries will be used.
    """
    if compiled and can_compile():
        with contextlib.suppress(OSError):  # reported where a library has to be compiled
            folders_to_read()
    clear_leftovers()
    clear_temporary()


def load_library(
    name: str, write_source: Callable[[], str], level: str = EXPLICIT_VECTORS
) -> ctypes.CDLL:
    """The library compiled from a source, from the cache or compiled now.

    Parameters
    ----------
    name : str
        Identifies the source: equal names, equal sources.
    write_source : callable
        Returns the C++; called only on a cache miss.
    level : str
        How much the compiler optimizes; overrides FLAGS.

    Raises
    ------
    NotCompiledError
        On a cache miss inside :func:`without_compiling`.
    RuntimeError
        With the compiler's first error message if compilation fails, or with that of the operating
        system if a file cannot be read or written.
    """
    name, folder = fingerprint(name, level), None
    try:
        library = look_up(name)
        if library is None and not MAY_COMPILE.get():
            raise NotCompiledError
        if library is None:
            folder = cache_folder()
            library = keep(folder, name, lambda work: _compile(write_source(), work, level))
        return ctypes.CDLL(str(library))
    except OSError as error:
        reason = error.strerror and f"{error.strerror}: {error.filename or folder}"
        raise RuntimeError(reason or str(error)) from error


def _compile(text: str, work: Path, level: str) -> Path:
    """The library compiled from a source in a working folder."""
    source, library = work / "program.cpp", work / "program.so"
    source.write_text(text, encoding="utf-8")
    command = [*shlex.split(compiler() or "c++"), *_flags(level)]
    process = _run([*command, "-o", str(library), str(source), "-lm"], TMPDIR=str(work))
    if process.returncode or not library.exists():
        raise RuntimeError(_first_error(process).replace(str(source), source.name))
    library.chmod(library.stat().st_mode & 0o755)
    return library


def _flags(level: str) -> tuple[str, ...]:
    """Those of any compiler, and of how much is optimized."""
    is_gcc = "Free Software Foundation" in compiler_version()
    return (*FLAGS, *(OF_GCC.get(level, level) if is_gcc else level).split())


def _run(
    command: list[str], timeout: float | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a compiler with English messages, and capture its output."""
    return subprocess.run(
        command,
        env=os.environ | {"LC_ALL": "C"} | variables,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )


def _first_error(process: subprocess.CompletedProcess[str]) -> str:
    """The first line of the compiler's output that reports an error."""
    lines = [line for line in process.stderr.splitlines() if line.strip()]
    silent = f"{process.args[0]} ended with {process.returncode} and said nothing"
    return next((line for line in lines if "error" in line), lines[0] if lines else silent)


def fingerprint(*sources: Any) -> str:
    """The cache key of a library: a digest of its source, the compiler, flags and machine."""
    machine = [torch.__version__, cpu_name(), cpu_features(), lanes(), platform.libc_ver()]
    machine += [compiler(), compiler_version(), FLAGS, OF_GCC]
    return hashlib.sha256(repr([*sources, machine]).encode()).hexdigest()[:20]
