"""Machine code for lanes: compiled once, kept on disk, loaded by any process in milliseconds."""

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
from modnets.compiler.libraries import alone, clear_leftovers, file_name, find, working_folder
from modnets.hardware import cpu_features, cpu_name, lanes
from modnets.leftovers import clear_temporary
from modnets.notices import say_once

#: Small matrices are written out as loops, so that a compiler has little left to find.
FLAGS = ("-O2", "-std=gnu++17", "-march=native", "-fno-math-errno", "-ffp-contract=fast")
FLAGS += ("-fPIC", "-shared", "-w")

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
    """The command that compiles C++: $CXX, with its arguments, or g++, clang++ or c++."""
    for command in [_wanted()] if _wanted() else [["g++"], ["clang++"], ["c++"]]:
        found = shutil.which(command[0])
        if found is not None:
            return shlex.join([os.path.abspath(found), *command[1:]])
    return None


def _wanted() -> list[str]:
    """The words of $CXX, which by custom may hold arguments; none if it is not set."""
    wanted = os.environ.get("CXX", "")
    try:
        return shlex.split(wanted)
    except ValueError:  # a quotation that is not closed
        return [wanted]


@cache
def can_compile() -> bool:
    """Whether a C++ compiler is at hand; says so once where it is not."""
    if compiler() is None:
        missing = f"CXX={os.environ['CXX']!r} is not there" if _wanted() else "no C++ compiler"
        say_once(f"{missing}; training stays eager, slower")
    return compiler() is not None


@cache
def compiler_version() -> str:
    """What the compiler says of itself; nothing if it says nothing."""
    command = [*shlex.split(compiler() or "c++"), "--version"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return _run(command, timeout=30).stdout
    return ""


def get_ready(compiled: bool) -> None:
    """Say what there is to say before workers start, and clear what killed processes left.

    Parameters
    ----------
    compiled : bool
        Whether machine code will be wanted.
    """
    if compiled and can_compile():
        with contextlib.suppress(OSError):  # it is said where there is something to compile
            folders_to_read()
    clear_leftovers()
    clear_temporary()


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
    name, folder = fingerprint(name), None
    try:
        found = next(filter(None, (find(folder, name) for folder in folders_to_read())), None)
        if found is None and not MAY_COMPILE.get():
            raise NotCompiledError
        if found is None:
            folder = cache_folder()
            found = _compile(write_source, folder, name)
        return ctypes.CDLL(str(found))
    except OSError as error:
        reason = error.strerror and f"{error.strerror}: {error.filename or folder}"
        raise RuntimeError(reason or str(error)) from error


def _compile(write_source: Callable[[], str], folder: Path, name: str) -> Path:
    """Compile, unless another process has just done so; what is left of a failure goes."""
    with alone(folder, name), working_folder(folder) as inner:
        found = find(folder, name)
        if found is not None:
            return found
        text, made = inner / "program.cpp", inner / "program.so"
        text.write_text(write_source(), encoding="utf-8")
        command = [*shlex.split(compiler() or "c++"), *FLAGS, "-o", str(made), str(text), "-lm"]
        done = _run(command, TMPDIR=str(inner))
        if done.returncode or not made.exists():
            raise RuntimeError(_complaint(done).replace(str(text), text.name))
        made.chmod(made.stat().st_mode & 0o755)
        return made.replace(folder / file_name(name, made.read_bytes()))


def _run(
    command: list[str], timeout: float | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a compiler that speaks English, and keep what it says."""
    environment = os.environ | {"LC_ALL": "C"} | variables
    keywords = {"stdin": subprocess.DEVNULL, "capture_output": True, "errors": "replace"}
    return subprocess.run(command, env=environment, timeout=timeout, **keywords)


def _complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The line that says what is wrong."""
    said = [line for line in done.stderr.splitlines() if line.strip()]
    silent = f"{done.args[0]} ended with {done.returncode} and said nothing"
    return next((line for line in said if "error" in line), said[0] if said else silent)


def fingerprint(*parts: Any) -> str:
    """A name for machine code: what it computes, with what, and for what machine."""
    machine = [torch.__version__, cpu_name(), cpu_features(), lanes(), platform.libc_ver()]
    machine += [compiler(), compiler_version(), FLAGS]
    return hashlib.sha256(repr([*parts, machine]).encode()).hexdigest()[:20]
