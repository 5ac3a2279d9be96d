"""Numbers that take long to compute, kept beside the compiled libraries for all processes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping

from modnets.compiler.cache_folder import cache_folder, folders_to_read
from modnets.compiler.libraries import NUMBERS, file_name, find, working_folder


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
        for folder in folders_to_read():
            path = find(folder, name, NUMBERS)
            if path is not None:
                return dict(json.loads(path.read_bytes()))
    numbers = dict(compute())
    content = json.dumps(numbers).encode()
    with contextlib.suppress(OSError):
        folder = cache_folder()
        with working_folder(folder) as work:
            path = work / "numbers"
            path.write_bytes(content)
            path.replace(folder / file_name(name, content, NUMBERS))
    return numbers
