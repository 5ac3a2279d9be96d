"""Numbers, durations and amounts of memory for people."""

from __future__ import annotations


def in_time(seconds: float) -> str:
    """A duration for people.

    Examples
    --------
    >>> in_time(5), in_time(600), in_time(90000)
    ('5 s', '10 min', '25 h')
    """
    for unit, length, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 72)):
        if seconds < length * most:
            return f"{max(1, round(seconds / length))} {unit}"
    return f"{seconds / 86400:,.0f} days"


def in_bytes(size: float) -> str:
    """An amount of memory for people."""
    if size < 1e6:
        return f"{size / 1e3:,.0f} kB"
    return f"{size / 1e6:,.0f} MB" if size < 1e9 else f"{size / 1e9:,.1f} GB"


def plural(count: int | str, word: str) -> str:
    """``3 runs``, ``1 run``, ``1,000 runs``; a count in words stands as it is."""
    number = count if isinstance(count, str) else f"{count:,}"
    return f"{number} {word}{'s' * (number != '1')}"
