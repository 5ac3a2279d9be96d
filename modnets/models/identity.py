"""What a network of a person's own is: a digest of all code and values that it can reach.

A result belongs to the network that gave it.  The digest holds the compiled code of a builder, of
the classes and functions that it refers to, wherever they stand in a person's own files or
notebook, and the values of their globals, closures, defaults and class attributes.  The walk stops
at installed packages, which count by name and version.  What a constructor reads from files is not
seen: hand it over as ``options``.  Another Python version compiles code otherwise, so that digests
differ there.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from contextvars import ContextVar

from modnets.models.reach import Reach
from modnets.models.registry import BUILT_IN, MODELS

#: Digests that hold for a while, so that a sweep goes by one; see :func:`settled`.
_SETTLED: ContextVar[dict[str, str] | None] = ContextVar("settled", default=None)
_told: set[tuple[str, str]] = set()


def identity_of(model: str) -> str:
    """The digest of a model of a person's own, as it is now; nothing for one of modnets.

    What cannot be seen into, as an open file, is named once.
    """
    if model in BUILT_IN:
        return ""
    known = _SETTLED.get()
    if known is not None and model in known:
        return known[model]
    reach = Reach()
    digest = reach.digest(MODELS[model])
    for name in reach.unseen:
        if (model, name) not in _told:
            _told.add((model, name))
            print(
                f"modnets: model {model!r} refers to {name}, which its runs' keys cannot hold",
                file=sys.stderr,
            )
    if known is not None:
        known[model] = digest
    return digest


@contextlib.contextmanager
def settled(digests: Mapping[str, str] | None = None) -> Iterator[None]:
    """Each model's digest is worked out at most once inside; given ones are taken as they are."""
    known = _SETTLED.get()
    token = _SETTLED.set({**(known or {}), **(digests or {})})
    try:
        yield
    finally:
        _SETTLED.reset(token)
