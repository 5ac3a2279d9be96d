"""The keys of runs, worked out in bulk: what runs have in common is written down once.

The key of a run is a hash of its settings as JSON.  Of a million runs all but a few settings are
the same, so the text between those is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any

from modnets.config.settings import NAMES, SCHEDULE_OF, SEEDS, FinalSettings
from modnets.tasks.serialization import without_labels
from modnets.values import thawed

#: Part of every key: raised when the same config would give other results than before.
SCHEMA_VERSION = 1

#: Settings that came after the first stores: at these values they do not enter a run's key.
LATER: dict[str, str | bool | None] = {
    "record": "end",
    "evaluation_rows": None,
    "on_evaluation": None,
    "initial_scale": None,
    "routing_method": None,
    "restarts": None,
    "full_restarts": False,
    "signal_size": None,
    "signals": None,
    "pretrained": None,
    "transferred": None,
    **dict.fromkeys(f"{name}_{part}" for name in SCHEDULE_OF for part in ("end", "hold")),
    **dict.fromkeys(("lr_routing_schedule", "lr_selection_schedule")),
    "temperature_schedule": "constant",
}

#: What is worked out of a config, and not sent with it to other processes.
WORKED_OUT = ("common", "_like")

#: Settings, each a number or None, that may differ between the runs of a chunk; by name.
PER_RUN: tuple[str, ...] = (
    *("gamma", "initial_scale", "input_noise", "lr", "lr_routing", "lr_selection"),
    *("seed", "split_seed", "temperature", "weight_decay"),
    *(f"{name}_{part}" for name in SCHEDULE_OF for part in ("end", "hold")),
)

#: What those are.  Of other types a text is not what JSON writes, and nothing is kept.
NUMBERS = frozenset({int, float, type(None)})

MAX_KEPT = 4096


@dataclass(eq=False)
class Common:
    """What runs have in common that differ in numbers of theirs alone.

    Parameters
    ----------
    pieces : list of str
        The text that is hashed, cut where the settings of a run stand.
    final : FinalSettings
        Of one of these runs.  It keeps the graphs alive, which are told apart by their ``id``.
    """

    pieces: list[str]
    final: FinalSettings


_known: dict[tuple, Common] = {}


def common_of(final: FinalSettings) -> Common:
    """What a run has in common with those that differ in PER_RUN alone."""
    values = vars(final)
    plain, numbers = _readers()
    types = tuple(map(type, numbers(values)))
    signature = (
        SCHEMA_VERSION,
        types,
        id(values["graph"]),
        id(values["knowledge"]),
        id(values["pretrained"] and values["pretrained"].common),  # one shape, kept by it
        repr(values["pruning_ratio"]),  # 0.0 and -0.0 are equal, and other texts
        json.dumps(thawed(values["options"])) if values["options"] else "",
        plain(values),
    )
    common = _known.get(signature)
    if common is None or not NUMBERS.issuperset(types):
        if len(_known) >= MAX_KEPT:
            _known.clear()
        common = _known[signature] = _common(final)
    return common


@cache
def _readers() -> tuple[itemgetter, itemgetter]:
    """What takes the words and whole numbers of a config, and what takes its own numbers."""
    apart = {*PER_RUN, "graph", "knowledge", "pretrained", "pruning_ratio", "options"}
    return itemgetter(*(name for name in NAMES if name not in apart)), itemgetter(*PER_RUN)


def _common(final: FinalSettings) -> Common:
    settings = final.to_dict()
    left_out = {name for name, value in LATER.items() if settings[name] == value}
    left_out.add("pretrained")  # whose key is part of the run's identity
    settings = {name: value for name, value in settings.items() if name not in left_out}
    marks = {}
    for name in PER_RUN:
        if type(settings.get(name)) in NUMBERS and settings.get(name) is not None:
            marks[name] = settings[name] = f"\0{name}\0"
    settings |= {name: without_labels(settings[name]) for name in ("graph", "knowledge")}
    text = json.dumps([SCHEMA_VERSION, settings], sort_keys=True).removesuffix("]")
    pieces = []
    for name in sorted(marks):
        before, text = text.split(json.dumps(marks[name]), 1)
        pieces += [before, name]
    return Common([*pieces, text], final)


def key_of(values: dict[str, Any], common: Common, identity: str) -> str:
    """The key of a run: 16 hexadecimal digits.

    Parameters
    ----------
    values : dict
        Its settings, those in PER_RUN at least, with every default worked out.
    common : Common
    identity : str
        Of its model, and of what it was pretrained on; see :mod:`modnets.models.identity`.
    """
    texts = list(common.pieces)
    for index in range(1, len(texts), 2):
        texts[index] = repr(values[texts[index]])  # as JSON writes numbers
    texts.append(f", {json.dumps(identity)}]")
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:16]


def keys_with_seeds(
    values: dict[str, Any], common: Common, identity: str, seeds: Sequence[tuple[int, int]]
) -> Iterator[str]:
    """The keys of a run with other seeds, as :func:`key_of` gives them one by one.

    Parameters
    ----------
    values, common, identity
        As there.
    seeds : sequence of (int, int)
        Seed and split seed.
    """
    texts = list(common.pieces)
    for index in range(1, len(texts), 2):
        texts[index] = texts[index] if texts[index] in SEEDS else repr(values[texts[index]])
    texts.append(f", {json.dumps(identity)}]")
    first, second = sorted(map(common.pieces.index, SEEDS))
    begin = hashlib.sha256("".join(texts[:first]).encode())
    between, end = "".join(texts[first + 1 : second]), "".join(texts[second + 1 :])
    is_seed_first = texts[first] == "seed"
    for seed, split_seed in seeds:
        one, other = (seed, split_seed) if is_seed_first else (split_seed, seed)
        digest = begin.copy()
        digest.update(f"{one}{between}{other}{end}".encode())
        yield digest.hexdigest()[:16]
