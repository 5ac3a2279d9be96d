"""RunConfig: everything that determines one run, checked when it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from modnets.checked import read
from modnets.config.defaults import n_examples, worked_out
from modnets.config.pretraining import check_pretrained, reuse_in_words, stages_in_words
from modnets.config.run_keys import WORKED_OUT, Common, common_of, key_of
from modnets.config.setting_docs import with_parameters
from modnets.config.settings import (
    GRAPH_SETTINGS,
    SEEDS,
    FinalSettings,
    GraphSetting,
    KnowledgeSetting,
    Settings,
    setting,
)
from modnets.config.validation import (
    SETTING_TYPES,
    WORDS,
    check,
    check_numbers,
    check_seeds,
    check_words,
    coerce,
    naming_settings,
)
from modnets.errors import one_of, require, shown
from modnets.models.identity import identity_of_run
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.serialization import task_from_dict
from modnets.tasks.splits import split_task


@naming_settings
@dataclass(frozen=True, kw_only=True)
class RunConfig(Settings):
    """One run: a task, a split, a network, and how it is trained.  Nothing else enters its result.

    Settings left at None follow from the others; :attr:`final` has all of them worked out.
    Numbers of numpy, torch or decimal are taken at the shortest decimal that gives them; options
    are copied and frozen, and tell 6 from 6.0.
    Settings that a model does not have (the routing of a dense network) play no part.

    Raises
    ------
    ValueError
        One line with the setting, the value given and what is allowed.
    """

    if TYPE_CHECKING:  # as in Settings: mypy forgets the descriptors of a frozen base class
        pretrained: RunConfig | None = setting(None, "")  # type: ignore[assignment]
        graph: GraphSetting = setting("6-3-2-2", "")
        knowledge: KnowledgeSetting = setting(None, "")

    # Caches beside the fields: never compared.
    #: The run that this one differs from in seeds alone, where it was made from one.
    _like: ClassVar[RunConfig | None] = None
    #: Its key, and the identity of the model when that was worked out.
    _key: ClassVar[tuple[str, str | None]] = ("", None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "graph", get_graph(self.graph))
        if self.knowledge is not None:
            read("knowledge", "Task | str", self.knowledge)
            object.__setattr__(self, "knowledge", get_graph(self.knowledge))
        for name in SETTING_TYPES:
            value = vars(self)[name]
            converted = coerce(name, value)
            if converted is not value:
                object.__setattr__(self, name, converted)
        check_numbers(self)
        check_words(self)
        check(self.final)
        if self.pretrained is not None:
            check_pretrained(self.final)

    @cached_property
    def final(self) -> FinalConfig:
        """The config with every default worked out, and None for what plays no part."""
        if self._like is None:
            values = self._values() | worked_out(self)
        else:
            values = self._like.final._values() | {name: vars(self)[name] for name in SEEDS}
        final = object.__new__(FinalConfig)
        final.__dict__.update(values)
        final.__dict__["final"] = final
        return final

    @cached_property
    def common(self) -> Common:
        """What this run has in common with those that differ in rates, noise and seeds alone."""
        return common_of(self.final)

    def with_seeds(self, **seeds: int) -> RunConfig:
        """This run with other seeds, which alone are checked."""
        seeds = {name: coerce(name, value) for name, value in seeds.items()}
        run = object.__new__(RunConfig)
        run.__dict__.update(self._values() | seeds | {"_like": self.like, "common": self.common})
        check_seeds(run)
        return run

    @property
    def like(self) -> RunConfig:
        """The run that it was made from by other seeds; itself, if it was made by none."""
        return self if self._like is None else self._like

    @property
    def n_examples(self) -> int:
        """Rows that an epoch passes over: of every task of a set, every pair of images drawn."""
        return n_examples(self.final)

    @property
    def split(self) -> dict[str, np.ndarray]:
        """The rows of each part of its split; see :func:`modnets.tasks.splits.split_task`."""
        final = self.final
        drawn = {name: getattr(final, name) for name in ("held_out", "samples", "test_samples")}
        drawn = {name: value for name, value in drawn.items() if value is not None}
        return split_task(final.graph, final.train_rows, final.split_seed, **drawn)

    @property
    def kind(self) -> str:
        """The kind of network in words: model, what of its structure is known, routing method.

        Behind that ``reused`` where modules are those of another run, ``continued`` where all of
        its network is, and ``frozen`` where weights stay as they are.
        """
        final = self.final
        reuse = reuse_in_words(final)
        if not self.is_modular:
            return self.model + reuse
        choices = {name: getattr(final, name) for name in ("routing", "selection", "outputs")}
        known = [name for name, choice in choices.items() if choice == "known"]
        if "learned" not in choices.values():
            return f"{self.model}, known{reuse}"
        knowledge = f"known {' and '.join(known)}" if known else "learned"
        method = "" if final.routing_method is None else f" ({final.routing_method})"
        return f"{self.model}, {knowledge}{method}{reuse}"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunConfig:
        """The config that ``to_dict`` wrote down."""
        require(
            isinstance(values, Mapping), f"values={shown(values)}; allowed is a dict of settings"
        )
        given = {n: values[n] for n in GRAPH_SETTINGS if isinstance(values.get(n), Mapping)}
        settings = dict(values) | {name: task_from_dict(spec) for name, spec in given.items()}
        if isinstance(values.get("pretrained"), Mapping):
            settings["pretrained"] = cls.from_dict(values["pretrained"])
        # What plays no part was not always checked.
        odd = {n for n, words in WORDS.items() if settings.get(n) not in (None, *words)}
        config = cls(**{name: value for name, value in settings.items() if name not in odd})
        for name in odd:
            if getattr(config.final, name) is not None:
                one_of(name, settings[name], WORDS[name])
        return config

    @property
    def key(self) -> str:
        """The run's name in a store: hash of the final config and of the schema version.

        For a model, a loss or a hook of your own, all code and values that it can reach enter too,
        as they are now: an edited model is another run.
        """
        identity = identity_of_run(self)
        if self._key[1] != identity:
            values = vars(self.final if self._like is None else self)
            object.__setattr__(self, "_key", (key_of(values, self.common, identity), identity))
        return self._key[0]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in WORKED_OUT}

    def to_row(self) -> dict[str, Any]:
        """The final config as the columns of a result table: numbers, words, or None."""
        values = self.final._values()
        words = {k: "-".join(map(str, v)) for k, v in values.items() if isinstance(v, tuple)}
        words |= {name: values[name] and values[name].name for name in GRAPH_SETTINGS}
        values |= words | {"options": json.dumps(dict(self.options))}
        values["pretrained"] = stages_in_words(self)
        del values["train_fraction"]
        return {"run": self.key, "kind": self.kind, **values}

    def __str__(self) -> str:
        return f"{self.graph} {self.kind} {self.final.train_rows} rows seed {self.seed}"


RunConfig.__doc__ = with_parameters(RunConfig.__doc__ or "")

if TYPE_CHECKING:

    class FinalConfig(FinalSettings, RunConfig):
        """A :class:`RunConfig` with every default worked out."""
else:
    FinalConfig = RunConfig
