"""Points of a study: every combination of values of its settings, each a run."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from modnets.config.filters import Filter
from modnets.config.pretraining import stages_of
from modnets.config.run_config import RunConfig
from modnets.config.run_keys import keys_with_seeds
from modnets.config.settings import SEEDS
from modnets.config.shapes import shape_of
from modnets.errors import require
from modnets.models.identity import cached_digests, identity_of_run

#: Runs that a grid may list: more do not fit into memory.
MAX_RUNS = 2_000_000


@dataclass(frozen=True)
class Axis:
    """Values that some settings take together, one after another.

    Parameters
    ----------
    names : tuple of str
    values : list of tuple
        Of each, a value for each name.
    """

    names: tuple[str, ...]
    values: list[tuple[Any, ...]]

    @property
    def is_of_seeds(self) -> bool:
        """Whether nothing but seeds differs along it."""
        return set(self.names) <= set(SEEDS)

    def at(self, index: int) -> dict[str, Any]:
        """The settings at a place of it."""
        return dict(zip(self.names, self.values[index], strict=True))


@dataclass(frozen=True)
class Points:
    """The product of axes, the last running fastest, without those that a filter leaves out.

    Parameters
    ----------
    base : dict
        The other settings.
    axes : tuple of Axis
        Their names are all different.
    keep : Filter
    """

    base: dict[str, Any]
    axes: tuple[Axis, ...]
    keep: Filter = field(default_factory=Filter)

    @property
    def size(self) -> int:
        """Number of points, before any is left out."""
        return math.prod(len(axis.values) for axis in self.axes)

    def runs(self) -> Iterator[RunConfig]:
        """The run of each point; some may be the same run."""
        # All settings are checked once; copies with other seeds are made from that run.
        checked: dict[tuple[int, ...], RunConfig] = {}
        others = [number for number, axis in enumerate(self.axes) if not axis.is_of_seeds]
        start = RunConfig(**self.base)
        for indices in self.indices(range(len(self.axes))):
            settings = self.settings(indices)
            place = tuple(indices[number] for number in others)
            if place not in checked:
                run = checked[place] = replace(start, **settings)
            else:
                seeds = {name: settings[name] for name in SEEDS if name in settings}
                run = checked[place].with_seeds(**seeds)
            yield run

    def indices(self, axes: Sequence[int]) -> Iterator[dict[int, int]]:
        """Of each point kept, its place on some axes: those on which the filter depends at least.

        Without the filter's own axes all combinations are kept.
        """
        sizes = [range(len(self.axes[number].values)) for number in axes]
        decides = self.deciding() <= set(axes)
        for places in itertools.product(*sizes):
            point = dict(zip(axes, places, strict=True))
            if not (decides and self.keep.texts) or self.keep(self.base | self.settings(point)):
                yield point

    def settings(self, indices: dict[int, int]) -> dict[str, Any]:
        """The settings at places on some axes."""
        found: dict[str, Any] = {}
        for number, index in indices.items():
            found |= self.axes[number].at(index)
        return found

    def deciding(self) -> set[int]:
        """The axes on which the filter depends."""
        named = self.keep.names
        return {n for n, axis in enumerate(self.axes) if named.intersection(axis.names)}

    def count(self) -> int:
        """Number of points that are kept."""
        deciding = sorted(self.deciding())
        rest = math.prod(len(a.values) for n, a in enumerate(self.axes) if n not in deciding)
        return sum(1 for _ in self.indices(deciding)) * rest

    def families(self) -> Iterator[tuple[RunConfig, list[tuple[int, int]]]]:
        """Runs that differ in seeds alone: one of them, and the seeds and split seeds of all."""
        numbers = range(len(self.axes))
        seeded = [number for number in numbers if self.axes[number].is_of_seeds]
        others = [number for number in numbers if number not in seeded]
        start = RunConfig(**self.base)
        apart = self.deciding() <= set(others)
        everywhere = list(self._seeds(start, {}, seeded)) if apart else []
        for place in self.indices(others):
            run = replace(start, **self.settings(place))
            if apart:
                given = {name for number in others for name in self.axes[number].names}
                own = everywhere if not given & set(SEEDS) else list(self._seeds(run, {}, seeded))
            else:
                own = list(self._seeds(run, place, seeded))
            if own:
                yield run, own

    def _seeds(
        self, run: RunConfig, place: dict[int, int], seeded: Sequence[int]
    ) -> Iterator[tuple[int, int]]:
        """Seed and split seed of each point at a place on the other axes."""
        ranges = (range(len(self.axes[number].values)) for number in seeded)
        filtered = bool(place) and bool(self.keep.texts)
        for indices in itertools.product(*ranges):
            settings = self.settings(place | dict(zip(seeded, indices, strict=True)))
            if not filtered or self.keep(self.base | settings):
                yield settings.get("seed", run.seed), settings.get("split_seed", run.split_seed)


@dataclass
class Tally:
    """How many runs a study has.

    Parameters
    ----------
    n_runs, n_done : int
        Each run once; those of which a store holds the key.
    n_failed : int
        Of the others, those that failed before.
    groups : dict
        Shape -> a run of it, and how many there are; also of those that runs start from, as they
        are trained first.
    exact : bool
        Whether runs that come to the same were found; else ``n_runs`` is a bound from above.
    """

    n_runs: int = 0
    n_done: int = 0
    n_failed: int = 0
    groups: dict[str, tuple[RunConfig, int]] = field(default_factory=dict)
    exact: bool = True


def distinct(points: Sequence[Points]) -> list[RunConfig]:
    """The runs of some points, each once, in their order.

    Raises
    ------
    ValueError
        If there are more than memory holds, or a setting is wrong.
    """
    count = sum(part.size for part in points)
    require(count <= MAX_RUNS, f"{count:,} runs in a grid; allowed are at most {MAX_RUNS:,}")
    found: dict[str, RunConfig] = {}
    with cached_digests():
        for part in points:
            for run in part.runs():
                found.setdefault(run.key, run)
    return list(found.values())


def tally(
    points: Sequence[Points], held: Set[str] = frozenset(), failed: Set[str] = frozenset()
) -> Tally:
    """How many runs some points are, and how many of them are done, without listing them.

    Parameters
    ----------
    points : sequence of Points
    held, failed : set of str
        Keys of runs that a store holds, and of runs that failed.

    Raises
    ------
    ValueError
        If a setting is wrong.
    """
    seen: dict[str, tuple[RunConfig, list[list[tuple[int, int]]]]] = {}
    earlier: dict[str, RunConfig] = {}
    found = Tally()
    with cached_digests():
        for part in points:
            for run, seeds in part.families():
                first = run.with_seeds(seed=0, split_seed=0)
                lists = seen.setdefault(first.key, (first, []))[1]
                if not any(seeds is other for other in lists):
                    lists.append(seeds)
        for first, lists in seen.values():
            several = len(lists) > 1 or len(lists[0]) > len(set(lists[0]))
            seeds = list(dict.fromkeys(itertools.chain(*lists))) if several else lists[0]
            _check_seeds(first, seeds)
            found.n_runs += len(seeds)
            shape = shape_of(first)
            sample, n_before = found.groups.get(shape, (first, 0))
            found.groups[shape] = sample, n_before + len(seeds)
            earlier |= {stage.key: stage for stage in stages_of(first.pretrained)}
            if held or failed:
                identity = identity_of_run(first)
                keys = set(keys_with_seeds(vars(first), first.common, identity, seeds))
                found.n_done += len(keys & held)
                found.n_failed += len((keys & failed) - held)
        for run in earlier.values():
            sample, n_before = found.groups.get(shape_of(run), (run, 0))
            found.groups[shape_of(run)] = sample, n_before + 1
    return found


def _check_seeds(run: RunConfig, seeds: Sequence[tuple[int, int]]) -> None:
    """Raise ValueError unless all seeds may be seeds: whole numbers from 0 on."""
    for number, name in enumerate(("seed", "split_seed")):
        values = {pair[number] for pair in seeds}
        if all(type(value) is int for value in values):
            for value in {min(values), max(values)}:
                run.with_seeds(**{name: value})
        else:
            for value in values:
                run.with_seeds(**{name: value})
