"""The library that reads notebooks, imported without what takes long and has no use here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(library: str) -> Iterator[None]:
    """Let the import of an optional library fail that was not imported before."""
    absent = library not in sys.modules
    if absent:
        sys.modules[library] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            del sys.modules[library]


# jsonschema would build a grammar of web addresses, which takes a second; notebooks have none.
with without("rfc3987_syntax"):
    import nbformat

__all__ = ["nbformat", "without"]
