"""Numbers that take long to compute, kept beside the compiled libraries for all processes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from modnets.compiler.cache_folder import cache_folder
from modnets.compiler.libraries import NUMBERS, keep, look_up


def cached_numbers(name: str, compute: Callable[[], Mapping[str, float]]) -> dict[str, float]:
    """Some numbers, each by its name: from the cache folder, or computed now and kept there.

    Parameters
    ----------
    name : str
        Identifies them: equal names, equal numbers; see :func:`~.build_cache.fingerprint`.
    compute : callable
        Called where they are not there; where they cannot be kept, every time.
    """
    with contextlib.suppress(OSError):
        path = look_up(name, NUMBERS)
        if path is not None:
            return dict(json.loads(path.read_bytes()))
    numbers = dict(compute())

    def write(work: Path) -> Path:
        path = work / "numbers"
        path.write_bytes(json.dumps(numbers).encode())
        return path

    with contextlib.suppress(OSError):
        keep(cache_folder(), name, write, NUMBERS)
    return numbers
