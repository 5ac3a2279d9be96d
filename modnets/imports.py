"""Imports without garbage collections, which take up to half of their time and find nothing."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

#: Objects more than before at which a process of ours collects garbage; and each 20th time among
#: those that were left, each 100th of these among all.
RARELY = (50_000, 20, 100)


@contextmanager
def without_collections() -> Iterator[None]:
    """Context in which no garbage is collected."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def imported(module: str) -> ModuleType:
    """A module, imported without garbage collections if it is not there yet."""
    with without_collections():
        return importlib.import_module(module)


def get_ready_for_gradients() -> None:
    """Import what ``torch.func.grad`` imports at its first call."""
    imported("torch._dynamo")


def collect_rarely() -> None:
    """Collect garbage rarely in this process, which is ours alone: a command or a worker.

    PyTorch and what comes with it have a million objects, that Python searches again and again.
    """
    gc.set_threshold(*RARELY)
