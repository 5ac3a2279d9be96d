"""Parts of a sweep for jobs that do not know of each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modnets.config.run_config import RunConfig
from modnets.errors import require, shown
from modnets.values import whole_range


def read_shard(shard: str | tuple[int, int]) -> tuple[int, int]:
    """Which part of how many, from ``"1/3"`` or ``(1, 3)``.

    Raises
    ------
    ValueError
        If there is no such part.
    """
    allowed = f"shard={shown(shard)}; allowed is i/n, i from 1 to n, as 1/3"
    parts = shard.split("/") if isinstance(shard, str) else shard
    try:
        number, n_shards = (whole_range(str(part))[0] for part in parts)
    except (TypeError, ValueError):
        raise ValueError(allowed) from None
    require(1 <= number <= n_shards, allowed)
    return number, n_shards


def keys_of_shard(groups: Iterable[Sequence[RunConfig]], shard: str | tuple[int, int]) -> set[str]:
    """The keys of the runs of a part: of each group as many as other parts have, or one more."""
    number, n_shards = read_shard(shard)
    every = [run.key for group in groups for run in group]
    return set(every[number - 1 :: n_shards])
