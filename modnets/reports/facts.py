"""What a study was: what varied and what did not, runs a point, floor and ceiling, failures."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from modnets.analysis.chance import chance_level
from modnets.analysis.clusters import SEEDS
from modnets.analysis.epoch_curves import allowed_by_data
from modnets.analysis.kinds import ladder
from modnets.analysis.pooling import OBSERVATION, SETTINGS
from modnets.analysis.statistics import majority_floor
from modnets.analysis.stores import axes_of
from modnets.config.run_config import RunConfig
from modnets.experiments.exports import meaning_of
from modnets.experiments.failed_runs import Failure
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.samples import Samples
from modnets.tasks.task import Task

#: Values of a setting that are listed.
MOST_VALUES = 12
#: Edges of routings drawn at random are enumerated, or sampled, for networks of the task's slots.
DRAWS = 2000


class Setting(NamedTuple):
    """A setting and the values it has in a study.

    Parameters
    ----------
    name, meaning, unit : str
    words : str
        Its values, in order.
    """

    name: str
    meaning: str
    unit: str
    words: str


class Settings(NamedTuple):
    """The settings of a study.

    Parameters
    ----------
    varied : list of Setting
        What tells groups of runs apart.
    following : list of Setting
        What differs too, as it follows from those.
    seeds : list of Setting
        What differs within a group.
    fixed : list of Setting
        What is the same in all runs and plays a part in some.
    """

    varied: list[Setting]
    following: list[Setting]
    seeds: list[Setting]
    fixed: list[Setting]


def settings_of(runs: pd.DataFrame) -> Settings:
    """What varied and what did not; of a table with a row per run."""
    present = [name for name in ("kind", *SETTINGS) if name in runs and runs[name].notna().any()]
    present = list(dict.fromkeys(present))
    several = {name for name in present if len(runs[name].drop_duplicates()) > 1}
    axes = [name for name in axes_of(runs) if name in several]
    apart = [name for name in SEEDS if name in runs]
    following = [n for n in present if n in several and n not in (*axes, *apart, *OBSERVATION)]
    fixed = [name for name in present if name not in (*several, *apart, "kind")]
    fixed = [name for name in fixed if not (name == "options" and runs[name].iloc[0] == "{}")]
    return Settings(
        *([setting(runs, n) for n in names] for names in (axes, following, apart, fixed))
    )


def setting(runs: pd.DataFrame, name: str) -> Setting:
    """A setting with its values in words."""
    about = meaning_of(name) if name != "kind" else None
    meaning = "model, and what of its structure is known" if about is None else about.text
    return Setting(name, meaning, about.unit if about else "", in_words(runs[name], name))


def in_words(values: pd.Series, name: str = "") -> str:
    """The distinct values of a column: numbers as ranges where they have no gap."""
    distinct: list[Any] = sorted(values.dropna().unique(), key=_rank)
    if name == "kind":
        distinct = ladder(map(str, distinct))
    numbers = all(isinstance(value, int | float | np.number) for value in distinct)
    whole = numbers and all(float(value).is_integer() for value in distinct)
    if whole and len(distinct) > 2 and distinct[-1] - distinct[0] == len(distinct) - 1:
        words = [f"{distinct[0]:g} to {distinct[-1]:g}"]
    else:
        words = [plain(value) for value in distinct]
    if len(words) > MOST_VALUES:
        words = [*words[: MOST_VALUES - 1], "…", f"{words[-1]} ({len(words)} values)"]
    words += ["none"] * bool(values.isna().any())
    return (" · " if name == "kind" else ", ").join(words)


def plain(value: Any) -> str:
    """A value for people."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | float | np.number):
        number = float(value)
        return f"{number:,.0f}" if number.is_integer() and abs(number) < 1e15 else f"{number:g}"
    return str(value)


def _rank(value: Any) -> tuple[bool, Any]:
    return (True, str(value)) if isinstance(value, str) else (False, value)


class Bound(NamedTuple):
    """Floor and ceiling of a task.

    Parameters
    ----------
    graph : str
    floor : float or None
        Accuracy of the best constant answer.
    ceiling : float or None
        The accuracy that no network exceeds.
    why : str
        What the ceiling is.
    chance : float or None
        Share of edges that a routing drawn at random has right (F1), for tasks with structure.
    allowed : dict
        ``"kind, n rows"`` -> accuracy on unseen rows that the data and its knowledge allow.
    """

    graph: str
    floor: float | None
    ceiling: float | None
    why: str
    chance: float | None
    allowed: dict[str, float]


def bound_of(task: Task, runs: Iterable[RunConfig], learned: bool) -> Bound:
    """Floor and ceiling of a task.

    Parameters
    ----------
    task : Task
    runs : iterable of RunConfig
        Of kinds whose ceiling is worked out; each with its number of training rows.
    learned : bool
        Whether any of them learns its routing.
    """
    allowed: dict[str, float] = {}
    for run in runs:
        for kind, accuracy in allowed_by_data([run]).items():
            allowed[f"{kind}, {run.final.train_rows} rows"] = accuracy
    ceiling, why = 1.0, "every row can be right"
    if isinstance(task, Samples):
        ceiling = consistent(task)
        why = "no two samples contradict each other" if ceiling == 1 else (
            "samples of the same input have different labels"
        )  # fmt: skip
    chance = None
    if learned and isinstance(task, FunctionGraph) and task.has_structure:
        chance = float(chance_level(task, draws=DRAWS)["edge_f1"])
    # Of a graph of many inputs there is no table to take a majority of.
    countable = task.enumerable or isinstance(task, Samples)
    floor = majority_floor(task) if countable else None
    return Bound(str(task.name), floor, ceiling, why, chance, allowed)


def consistent(task: Samples) -> float:
    """The share of labels that the best function of the inputs has right."""
    inputs = np.unique(task.x, axis=0, return_inverse=True)[1].reshape(-1)
    right = total = 0
    for labels in np.asarray(task.y).T:
        counts = np.stack([np.bincount(inputs[labels == bit], minlength=inputs.max() + 1)
                           for bit in (0, 1)])  # fmt: skip
        right, total = right + int(counts.max(axis=0).sum()), total + int(counts.sum())
    return right / total if total else 1.0


class Reason(NamedTuple):
    """Why runs failed.

    Parameters
    ----------
    text : str
        One line.
    n : int
        Runs.
    first, key, when : str
        One of these runs, its key, and when it failed.
    trace : str
        Its traceback.
    """

    text: str
    n: int
    first: str
    key: str
    when: str
    trace: str


def reasons_of(failures: dict[str, Failure], most: int) -> list[Reason]:
    """Why runs failed, the most frequent reasons first."""
    counts = Counter(one.reason for one in failures.values())
    found = []
    for text, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:most]:
        key = min(key for key, one in failures.items() if one.reason == text)
        one = failures[key]
        found.append(Reason(text, count, one.about, key, one.finished, one.trace))
    return found


#: Entries of the provenance of a chunk -> as the report names them.
MADE_BY = {
    "modnets": "modnets",
    "git_commit": "commit",
    "git_clean": "as committed",
    "torch": "torch",
    "numpy": "numpy",
    "python": "Python",
    "processor": "processor",
    "system": "system",
    "device": "device",
    "compiled": "compiled steps",
    "chunk": "runs side by side",
    "threads": "threads",
}


class Making(NamedTuple):
    """How runs were made.

    Parameters
    ----------
    entries : list of (str, list of (str, int))
        Name -> each value, and how many runs have it.
    first, last : str
        When the first and the last of their chunks were done, in UTC.
    seconds : float
        That training took, summed over chunks.
    """

    entries: list[tuple[str, list[tuple[str, int]]]]
    first: str
    last: str
    seconds: float


def making_of(chunks: Sequence[tuple[list[str], dict[str, Any]]], runs: set[str]) -> Making:
    """How some runs were made, from the chunks of their store."""
    ours = [(len(runs & set(keys)), made) for keys, made in chunks if runs & set(keys)]
    entries = []
    for name, word in MADE_BY.items():
        counts: Counter[str] = Counter()
        for count, made in ours:
            value = made.get(name)
            counts["not recorded" if value is None else plain(value)] += count
        if set(counts) - {"not recorded"}:
            ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            entries.append((word, ordered))
    times = sorted(str(made["finished"]) for _, made in ours if made.get("finished"))
    seconds = sum(float(made.get("duration_s") or 0) for _, made in ours)
    return Making(entries, times[0] if times else "", times[-1] if times else "", seconds)


def config_in(text: str) -> RunConfig | str:
    """A config as a store holds it; a line that says why it cannot be read here."""
    try:
        return RunConfig.from_dict(json.loads(text))
    except ValueError as error:  # a network of one's own that is not registered here
        return str(error).splitlines()[0]
