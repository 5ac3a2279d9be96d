"""The identity of a user-defined network: a digest of all code and values that it can reach.

A result belongs to the network that gave it.  The digest holds the compiled code of a builder, of
the classes and functions that it refers to, wherever they stand in the user's own files or
notebook, and the values of their globals, closures, defaults and class attributes.  The walk stops
at installed packages, which enter by name and version.  What a constructor reads from files is not
seen: hand it over as ``options``.  Another Python version compiles code otherwise, so that digests
differ there.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from contextvars import ContextVar

from modnets.models.object_hasher import ObjectHasher
from modnets.models.registry import BUILT_IN, MODELS

#: Cached digests, so that a sweep uses one for all of its runs; see :func:`cached_digests`.
_CACHE: ContextVar[dict[str, str] | None] = ContextVar("cached_digests", default=None)
_warned: set[tuple[str, str]] = set()


def identity_of(model: str) -> str:
    """The digest of a user-defined model, as it is now; the empty string for a built-in one.

    An object whose content is not accessible, as an open file, is reported once.
    """
    if model in BUILT_IN:
        return ""
    cache = _CACHE.get()
    if cache is not None and model in cache:
        return cache[model]
    hasher = ObjectHasher()
    digest = hasher.digest(MODELS[model])
    for name in hasher.opaque:
        if (model, name) not in _warned:
            _warned.add((model, name))
            print(
                f"modnets: model {model!r} refers to {name}, which its runs' keys cannot hold",
                file=sys.stderr,
            )
    if cache is not None:
        cache[model] = digest
    return digest


@contextlib.contextmanager
def cached_digests(digests: Mapping[str, str] | None = None) -> Iterator[None]:
    """Compute each model's digest at most once inside the block; ``digests`` are known ones."""
    outer = _CACHE.get()
    token = _CACHE.set({**(outer or {}), **(digests or {})})
    try:
        yield
    finally:
        _CACHE.reset(token)
