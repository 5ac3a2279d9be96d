"""RunConfig: everything that determines one run, checked when it is made; and grids of them."""

from __future__ import annotations

import hashlib
import inspect
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from modnets.errors import nearest, one_of, require
from modnets.models.registry import BUILT_IN, MODELS
from modnets.tasks.graphs import FunctionGraph, get_graph
from modnets.tasks.splits import n_train_rows

#: Part of every key: raised when the same config would give other results than before.
SCHEMA_VERSION = 1

CHOICES = ("known", "learned")
OPTIMIZERS = ("adam", "sgd", "momentum", "rmsprop")
SCHEDULES = ("constant", "exponential", "cosine")
LOSSES = ("bce", "mse")


def setting(default: Any, meaning: str, unit: str = "") -> Any:
    """A config field with its meaning and unit, which ``modnets train --help`` prints too."""
    return field(default=default, metadata={"meaning": meaning, "unit": unit})


class Options(dict):
    """A dict that can be part of a frozen config: hashed by its JSON text."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(json.dumps(self, sort_keys=True))


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One run: a task, a split, a network, and how it is trained.  Nothing else enters its result.

    Settings left at None follow from the others; :attr:`final` has all of them worked out.
    Settings that a model does not have (the routing of a dense network) play no part.

    Raises
    ------
    ValueError
        One line with the setting, the value given and what is allowed.
    """

    graph: FunctionGraph | str = setting("6-3-2-2", "the task: a name in GRAPHS, or a graph")
    train_rows: int | None = setting(None, "rows of the truth table shown in training", "rows")
    train_fraction: float | None = setting(
        None, "share of the table shown, where train_rows is not given; default 0.8"
    )
    split_seed: int = setting(40, "permutes the rows before they are split")

    model: str = setting("dense", "kind of network: a name in MODELS")
    hidden: tuple[int, ...] | None = setting(
        None, "monolithic: hidden widths; default 36, in 2 * levels - 1 layers", "units"
    )
    pruning_ratio: float | None = setting(
        None, "sparse: share of weights masked, in [0, 100); default 50", "percent"
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
    options: Mapping[str, Any] = setting(Options(), "what a model of your own takes, a dict")

    epochs: int = setting(1000, "passes over the training rows", "epochs")
    batch_size: int | None = setting(None, "rows in each step; default all training rows", "rows")
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
    seed: int = setting(0, "initial weights, order of rows, and noise, each a stream of its own")

    def __post_init__(self) -> None:
        object.__setattr__(self, "graph", get_graph(self.graph))
        for f in fields(self):
            value = _coerce(f.name, str(f.type), getattr(self, f.name))
            object.__setattr__(self, f.name, value)
        _check_numbers(self)
        _check(self.final)

    @property
    def is_modular(self) -> bool:
        """Whether the network has slots."""
        return self.model in ("modular", "shared")

    @cached_property
    def final(self) -> RunConfig:
        """The config with every default worked out, and None for what plays no part."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values |= self._final_rows()
        if self.model in BUILT_IN:
            values |= self._final_modular() if self.is_modular else self._final_monolithic()
        if self.schedule != "exponential":
            values["gamma"] = None
        final = object.__new__(RunConfig)
        final.__dict__.update(values)
        final.__dict__["final"] = final
        return final

    def _final_rows(self) -> dict[str, Any]:
        fraction = self.train_fraction
        if self.train_rows is None and fraction is None:
            fraction = 0.8
        rows = n_train_rows(self.graph, train_rows=self.train_rows, train_fraction=fraction)
        every = self.eval_every
        return {
            "train_rows": rows,
            "train_fraction": None,
            "batch_size": rows if self.batch_size is None else min(self.batch_size, rows),
            "eval_every": math.ceil(self.epochs / 20) if every is None else every,
        }

    def _final_monolithic(self) -> dict[str, Any]:
        depth = len(self.graph.levels) or 2
        ratio = 50.0 if self.pruning_ratio is None else self.pruning_ratio
        absent = ("routing", "selection", "outputs", "slots", "shared_modules", "arity")
        absent += ("module_hidden", "lr_routing", "lr_selection", "temperature")
        return dict.fromkeys(absent) | {
            "hidden": (36,) * (2 * depth - 1) if self.hidden is None else self.hidden,
            "pruning_ratio": ratio if self.model == "sparse" else None,
            "gumbel": False,
            "per_sample_routing": False,
        }

    def _final_modular(self) -> dict[str, Any]:
        graph, shared = self.graph, self.model == "shared"
        pool = len(graph.modules) if self.shared_modules is None else self.shared_modules
        routing = self.routing
        selection = (self.selection or routing) if shared else None
        outputs = self.outputs or routing
        learned = "learned" in (routing, selection, outputs)
        return {
            "hidden": None,
            "pruning_ratio": None,
            "selection": selection,
            "outputs": outputs,
            "slots": self.slots or graph.slots,
            "shared_modules": pool if shared else None,
            "arity": graph.fan_in if self.arity is None else self.arity,
            "lr_routing": self.lr_routing if "learned" in (routing, outputs) else None,
            "lr_selection": self.lr_selection if selection == "learned" else None,
            "temperature": self.temperature if learned else None,
            "gumbel": self.gumbel and learned,
            "per_sample_routing": self.per_sample_routing and self.gumbel and learned,
        }

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
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        lists = {k: list(v) for k, v in values.items() if isinstance(v, tuple)}
        return values | lists | {"graph": self.graph.to_dict(), "options": dict(self.options)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunConfig:
        """The config that ``to_dict`` wrote down."""
        return cls(**(dict(values) | {"graph": FunctionGraph.from_dict(values["graph"])}))

    @cached_property
    def key(self) -> str:
        """The run's name in a store: hash of the final config and of the schema version.

        For a model of your own, its source code enters too: an edited model is another run.
        """
        content = [SCHEMA_VERSION, self.final.to_dict(), source_of(self.model)]
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def to_row(self) -> dict[str, Any]:
        """The final config as the columns of a result table: numbers, words, or None."""
        values = {f.name: getattr(self.final, f.name) for f in fields(self)}
        words = {k: "-".join(map(str, v)) for k, v in values.items() if isinstance(v, tuple)}
        values |= words | {"graph": self.graph.name, "options": json.dumps(dict(self.options))}
        del values["train_fraction"]
        return {"run": self.key, "kind": self.kind, **values}

    def __str__(self) -> str:
        return f"{self.graph} {self.kind} {self.final.train_rows} rows seed {self.seed}"


def source_of(model: str) -> str:
    """The source text of a model of the user's own; of a built-in one nothing."""
    if model in BUILT_IN:
        return ""
    try:
        return inspect.getsource(MODELS[model])
    except (OSError, TypeError):
        return repr(getattr(MODELS[model], "__qualname__", model))


def _coerce(name: str, kind: str, value: Any) -> Any:
    """The value in the type of its field, so that equal settings are equal in every way."""
    if value is None:
        require("None" in kind, f"{name}=None; allowed is {kind.split(' ')[0]}")
        return None
    try:
        if kind.startswith("tuple"):
            parts = tuple(int(v) for v in value)
            require(parts == tuple(value) and min(parts, default=1) > 0, "")
            return parts
        if kind.startswith("int"):
            require(not isinstance(value, bool) and int(value) == value, "")
            return int(value)
        if kind.startswith("float"):
            require(not isinstance(value, bool | str) and math.isfinite(value), "")
            return float(value)
        if kind.startswith("bool"):
            require(value in (True, False), "")
            return bool(value)
        if name == "options":
            json.dumps(dict(value))
            return Options(value)
    except (TypeError, ValueError):
        words = {"tuple": "whole numbers of at least 1", "int": "a whole number"}
        words |= {"float": "a finite number", "bool": "True or False"}
        allowed = words.get(kind.split(" ")[0].split("[")[0], "a dict of JSON values")
        raise ValueError(f"{name}={value!r}; allowed is {allowed}") from None
    return value


def _check_numbers(config: RunConfig) -> None:
    """Raise unless every number given is in its range, whether or not it plays a part."""
    bounds = dict.fromkeys(("epochs", "batch_size", "eval_every"), 1)
    bounds |= dict.fromkeys(("seed", "split_seed", "weight_decay", "input_noise"), 0)
    for name, least in bounds.items():
        value = getattr(config, name)
        require(value is None or value >= least, f"{name}={value}; allowed is at least {least}")
    for name in ("lr", "lr_routing", "lr_selection", "temperature"):
        value = getattr(config, name)
        require(value is None or value > 0, f"{name}={value}; allowed is above 0")
    ratio = config.pruning_ratio
    require(
        ratio is None or 0 <= ratio < 100,
        f"pruning_ratio={ratio}; allowed is in [0, 100), in percent",
    )
    gamma = config.gamma
    require(
        (gamma is None and config.schedule != "exponential") or (gamma and 0 < gamma <= 1),
        f"gamma={gamma}; allowed for schedule='exponential' is in (0, 1]",
    )


def _check(final: RunConfig) -> None:
    """Raise unless the config, defaults worked out, makes sense."""
    one_of("model", final.model, MODELS)
    one_of("optimizer", final.optimizer, OPTIMIZERS)
    one_of("schedule", final.schedule, SCHEDULES)
    one_of("loss", final.loss, LOSSES)
    require(
        not (final.options and final.model in BUILT_IN),
        f"options={dict(final.options)}; allowed only with a model of your own",
    )
    if final.is_modular:
        _check_modular(final)


def _check_modular(final: RunConfig) -> None:
    graph, slots = final.graph, final.slots
    for name in ("routing", "selection", "outputs"):
        value = getattr(final, name)
        if value is not None or name == "routing":
            one_of(name, value, CHOICES)
    require(
        bool(slots), f"slots={slots}: graph {graph} has no levels to follow; give slots, as (3, 2)"
    )
    widths = "-".join(map(str, (graph.n_inputs, *slots, graph.n_outputs)))
    for level, n_sources in enumerate((graph.n_inputs, *slots[:-1]), start=1):
        require(
            1 <= final.arity <= n_sources,
            f"arity={final.arity} needs at least {final.arity} sources, but level {level} has "
            f"{n_sources} (widths {widths}); allowed is 1 to {n_sources}",
        )
    require(
        slots[-1] > max(graph.outputs),
        f"slots={slots}: the last level needs at least {max(graph.outputs) + 1} slots for the "
        f"{graph.n_outputs} outputs of {graph}",
    )
    for name in ("routing", "selection"):
        if getattr(final, name) == "known":
            require(
                graph.has_structure,
                f"{name}='known': graph {graph} has no structure; allowed is 'learned'",
            )
            require(
                slots == graph.slots,
                f"slots={slots}: with {name}='known' allowed is {graph.slots}, as graph {graph}",
            )
    require(
        final.routing != "known" or final.arity >= graph.fan_in,
        f"arity={final.arity}: with routing='known' allowed is at least {graph.fan_in}, "
        f"the fan-in of graph {graph}",
    )
    if final.shared_modules is not None:
        needed = len(graph.modules) if final.selection == "known" else 1
        require(
            final.shared_modules >= needed,
            f"shared_modules={final.shared_modules}; allowed is at least {needed}"
            + (f", the distinct gates of graph {graph}" if needed > 1 else ""),
        )
    if "learned" in (final.routing, final.outputs):
        _needs_rate("lr_routing", final.lr_routing, "learned routing or outputs")
    if final.selection == "learned":
        _needs_rate("lr_selection", final.lr_selection, "learned selection")
    if "learned" in (final.routing, final.selection, final.outputs):
        require(final.temperature is not None, "temperature=None; allowed is above 0")


def _needs_rate(name: str, value: float | None, part: str) -> None:
    require(value is not None, f"{name}=None: {part} needs a rate; allowed is above 0")


def grid(base: RunConfig | None = None, **axes: Any) -> list[RunConfig]:
    """Every combination of the given settings, each run once.

    Parameters
    ----------
    base : RunConfig, optional
        Where the other settings come from.
    **axes
        Setting -> a list of values, or one value.

    Returns
    -------
    list of RunConfig
        In the order of the axes, the last running fastest; combinations that come to the same
        run (a dense network with known and with learned routing) stand once.

    Examples
    --------
    >>> len(grid(model=["dense", "modular"], routing=["known", "learned"], seed=range(3)))
    9
    """
    base = base or RunConfig()
    names = [f.name for f in fields(RunConfig)]
    for name in axes:
        require(
            name in names,
            f"unknown setting {name!r}{nearest(name, names)}; allowed: {', '.join(names)}",
        )
    values = [_axis(name, axis) for name, axis in axes.items()]
    runs = (
        replace(base, **dict(zip(axes, point, strict=True))) for point in itertools.product(*values)
    )
    return list({run.key: run for run in runs}.values())


def _axis(name: str, values: Any) -> list[Any]:
    """The values of one axis; a single one stands for itself, as does a tuple of widths."""
    one = isinstance(values, str | Mapping | FunctionGraph) or not isinstance(values, Iterable)
    if name in ("hidden", "slots", "module_hidden"):
        one = one or isinstance(values, tuple)
    found = [values] if one else list(values)
    require(bool(found), f"{name}=[]; allowed is at least one value")
    return found
