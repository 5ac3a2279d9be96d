"""RunConfig: everything that determines one run, checked when it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from modnets.checked import read
from modnets.config.defaults import worked_out
from modnets.config.run_keys import SEEDS, WORKED_OUT, common_of, key_of
from modnets.config.validation import (
    OPTIMIZERS,
    SCHEDULES,
    WORDS,
    Options,
    check,
    check_numbers,
    check_words,
    coerce,
    naming_settings,
)
from modnets.errors import one_of, require, shown
from modnets.models.identity import identity_of
from modnets.tasks.named_graphs import get_graph
from modnets.tasks.serialization import task_from_dict
from modnets.tasks.splits import HELD_OUT, split_task
from modnets.tasks.task import Task
from modnets.values import thawed

#: Settings that hold a graph.
GRAPH_SETTINGS = ("graph", "knowledge")


def setting(default: Any, meaning: str, unit: str = "") -> Any:
    """A config field with its meaning and unit, which ``modnets train --help`` prints too."""
    return field(default=default, metadata={"meaning": meaning, "unit": unit})


@naming_settings
@dataclass(frozen=True, kw_only=True)
class RunConfig:
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

    graph: Task | str = setting("6-3-2-2", "the task: a name in GRAPHS or TASK_SETS, or a task")
    train_rows: int | None = setting(None, "rows of the truth table shown in training", "rows")
    train_fraction: float | None = setting(
        None, "share of the table shown, where train_rows is not given; default 0.8"
    )
    split_seed: int = setting(40, "permutes the rows before they are split")
    held_out: str | None = setting(
        "different", f"task sets: rows that tasks hold out, {' or '.join(HELD_OUT)}"
    )
    samples: int | None = setting(
        None, "digit pairs: training images of each pair of digits seen; default 100", "pairs"
    )
    test_samples: int | None = setting(
        None, "digit pairs: images of each pair in other parts; default 100", "pairs"
    )

    model: str = setting("dense", "kind of network: a name in MODELS")
    hidden: tuple[int, ...] | None = setting(
        None, "monolithic: hidden widths; default 36, in 2 * levels - 1 layers", "units"
    )
    pruning_ratio: float | None = setting(
        None, "sparse: share of weights masked, in [0, 100); default 50", "percent"
    )
    knowledge: Task | str | None = setting(
        None, "modular: the task whose structure counts as known; default the task itself"
    )
    routing: str | None = setting(
        "learned", "modular: which sources a slot reads, known or learned"
    )
    selection: str | None = setting(
        None, "shared: which module fills a slot, known or learned; default as routing"
    )
    outputs: str | None = setting(
        None, "modular: which slots are the outputs, known or learned; default as routing"
    )
    slots: tuple[int, ...] | None = setting(
        None, "modular: slots in each level; default as the graph", "slots"
    )
    shared_modules: int | None = setting(
        None, "shared: size of the pool; default the graph's distinct gates", "modules"
    )
    arity: int | None = setting(
        None, "modular: inputs that each slot reads; default the graph's fan-in", "inputs"
    )
    module_hidden: tuple[int, ...] | None = setting(
        (12,), "modular: hidden widths of a module", "units"
    )
    output_levels: str | None = setting(
        None, "modular: levels that outputs are read from, last or every; default last"
    )
    image_network: str | None = setting(
        None, "images: what looks at the pixels, mlp or cnn; default mlp"
    )
    image_hidden: tuple[int, ...] | None = setting(
        None, "modular, mlp: hidden widths of an image module; default 128 64", "units"
    )
    channels: tuple[int, ...] | None = setting(
        None, "cnn: channels of the convolutions; default 6 16, monolithic 12 32", "channels"
    )
    image_slots: int | None = setting(
        None, "modular: slots that look at an image; default one for each", "slots"
    )
    shared_image_modules: int | None = setting(
        None,
        "modular: pool of image modules, 0 for own; default 1 if modules are shared",
        "modules",
    )
    image_routing: str | None = setting(
        None, "modular: which image a slot looks at, known or learned; default as routing"
    )
    image_selection: str | None = setting(
        None, "modular: which image module fills a slot, known or learned; default as selection"
    )
    options: Mapping[str, Any] = setting(Options(), "what a model of your own takes, a dict")

    epochs: int = setting(1000, "passes over the training rows", "epochs")
    batch_size: int | None = setting(
        None, "rows in each step; default all training rows, of images 128", "rows"
    )
    optimizer: str = setting("adam", f"one of {', '.join(OPTIMIZERS)}")
    lr: float = setting(0.01, "learning rate of weights and biases", "per step")
    lr_routing: float | None = setting(0.1, "learning rate of routing logits", "per step")
    lr_selection: float | None = setting(0.1, "learning rate of selection logits", "per step")
    schedule: str = setting("constant", f"of all rates, one of {', '.join(SCHEDULES)}")
    gamma: float | None = setting(None, "exponential schedule: factor in (0, 1]", "per epoch")
    weight_decay: float = setting(0.001, "times each parameter, added to its gradient", "per step")
    loss: str = setting("bce", "bce (binary cross-entropy) or mse (of the probability)")
    input_noise: float = setting(0.0, "deviation of the noise on training inputs; published 0.1")
    temperature: float | None = setting(2.0, "divides the logits of learned choices in training")
    gumbel: bool = setting(False, "add Gumbel(0, 1) noise to those logits in training")
    per_sample_routing: bool = setting(False, "with gumbel: a draw for each row, not each step")
    eval_every: int | None = setting(
        None, "epochs between evaluations; default a twentieth of epochs", "epochs"
    )
    record: str = setting(
        "end", "evaluations at which what is learned inside is recorded, end (the last) or every"
    )
    seed: int = setting(0, "initial weights, order of rows, and noise, each a stream of its own")

    def __post_init__(self) -> None:
        object.__setattr__(self, "graph", get_graph(self.graph))
        if self.knowledge is not None:
            read("knowledge", "Task | str", self.knowledge)
            object.__setattr__(self, "knowledge", get_graph(self.knowledge))
        for name, described in self.__dataclass_fields__.items():
            given = vars(self)[name]
            value = coerce(name, described.type, given)
            if value is not given:
                object.__setattr__(self, name, value)
        check_numbers(self)
        check_words(self)
        check(self.final)

    def _values(self) -> dict[str, Any]:
        return {name: vars(self)[name] for name in self.__dataclass_fields__}

    @property
    def is_modular(self) -> bool:
        """Whether the network has slots."""
        return self.model in ("modular", "shared")

    @property
    def known_graph(self) -> Task:
        """The graph that known routing, selection and outputs are those of."""
        return self.graph if self.knowledge is None else self.knowledge

    @cached_property
    def final(self) -> RunConfig:
        """The config with every default worked out, and None for what plays no part."""
        like = vars(self).get("_like")
        if like is None:
            values = self._values() | worked_out(self)
        else:
            values = like.final._values() | {name: vars(self)[name] for name in SEEDS}
        final = object.__new__(RunConfig)
        final.__dict__.update(values)
        final.__dict__["final"] = final
        return final

    @property
    def n_examples(self) -> int:
        """Rows that an epoch passes over: of every task of a set, every pair of images drawn."""
        return self.final.train_rows * self.graph.n_tasks * (self.final.samples or 1)

    @property
    def split(self) -> dict[str, np.ndarray]:
        """The rows of each part of its split; see :func:`modnets.tasks.splits.split_task`."""
        final = self.final
        drawn = {name: getattr(final, name) for name in ("held_out", "samples", "test_samples")}
        drawn = {name: value for name, value in drawn.items() if value is not None}
        return split_task(final.graph, final.train_rows, final.split_seed, **drawn)

    @property
    def kind(self) -> str:
        """The kind of network in words: model, and what of its structure is known."""
        if not self.is_modular:
            return self.model
        final = self.final
        parts = {"routing": final.routing, "selection": final.selection, "outputs": final.outputs}
        known = [part for part, choice in parts.items() if choice == "known"]
        if not known:
            return f"{self.model}, learned"
        if "learned" not in parts.values():
            return f"{self.model}, known"
        return f"{self.model}, known {' and '.join(known)}"

    def to_dict(self) -> dict[str, Any]:
        """The config as plain JSON values, from which ``from_dict`` makes it again."""
        values = self._values()
        lists = {k: list(v) for k, v in values.items() if isinstance(v, tuple)}
        graphs = {name: values[name] and values[name].to_dict() for name in GRAPH_SETTINGS}
        return values | lists | graphs | {"options": thawed(self.options)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunConfig:
        """The config that ``to_dict`` wrote down."""
        require(
            isinstance(values, Mapping), f"values={shown(values)}; allowed is a dict of settings"
        )
        given = {n: values[n] for n in GRAPH_SETTINGS if isinstance(values.get(n), Mapping)}
        settings = dict(values) | {name: task_from_dict(spec) for name, spec in given.items()}
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

        For a model of your own, all code and values that it can reach enter too, as they are now:
        an edited model is another run.
        """
        identity = identity_of(self.model)
        if vars(self).get("_key", ("", None))[1] != identity:
            values = vars(self) if "_like" in vars(self) else vars(self.final)
            vars(self)["_key"] = key_of(values, common_of(self), identity), identity
        return vars(self)["_key"][0]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in WORKED_OUT}

    def to_row(self) -> dict[str, Any]:
        """The final config as the columns of a result table: numbers, words, or None."""
        values = self.final._values()
        words = {k: "-".join(map(str, v)) for k, v in values.items() if isinstance(v, tuple)}
        words |= {name: values[name] and values[name].name for name in GRAPH_SETTINGS}
        values |= words | {"options": json.dumps(dict(self.options))}
        del values["train_fraction"]
        return {"run": self.key, "kind": self.kind, **values}

    def __str__(self) -> str:
        return f"{self.graph} {self.kind} {self.final.train_rows} rows seed {self.seed}"
