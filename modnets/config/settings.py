"""The settings of a run: names, types, defaults and meanings, which all the rest follows from."""
# ruff: noqa: RUF009 (`setting` makes a dataclass field)

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args

from modnets.tasks.splits import HELD_OUT, HeldOut
from modnets.tasks.task import Task
from modnets.values import FrozenDict, thawed

Choice = Literal["known", "learned"]
Optimizer = Literal["adam", "sgd", "momentum", "rmsprop"]
Schedule = Literal["constant", "exponential", "cosine"]
Loss = Literal["bce", "mse"]
Record = Literal["end", "every"]
OutputLevels = Literal["last", "every"]
ImageNetwork = Literal["mlp", "cnn"]

OPTIMIZERS: tuple[str, ...] = get_args(Optimizer)
SCHEDULES: tuple[str, ...] = get_args(Schedule)
#: Settings that hold a graph.
GRAPH_SETTINGS = ("graph", "knowledge")

if TYPE_CHECKING:
    Accepted = TypeVar("Accepted")
    Stored = TypeVar("Stored")

    class Converted(Generic[Accepted, Stored]):
        """A field that accepts names too, and always holds the task."""

        def __get__(self, instance: object, owner: type) -> Stored: ...
        def __set__(self, instance: object, value: Accepted) -> None: ...

    GraphSetting = Converted[Task | str, Task]
    KnowledgeSetting = Converted[Task | str | None, Task | None]
else:
    GraphSetting = Task | str
    KnowledgeSetting = Task | str | None


class Options(FrozenDict):
    """A dict that can be part of a frozen config: never changed, hashed by its JSON text."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(json.dumps(self, sort_keys=True))


def setting(default: Any, meaning: str, unit: str = "") -> Any:
    """A config field with its meaning and unit, which ``modnets train --help`` prints too."""
    return field(default=default, metadata={"meaning": meaning, "unit": unit})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The fields of :class:`modnets.RunConfig`, before or after defaults are worked out."""

    graph: GraphSetting = setting("6-3-2-2", "the task: a name in GRAPHS or TASK_SETS, or a task")
    train_rows: int | None = setting(None, "rows of the truth table shown in training", "rows")
    train_fraction: float | None = setting(
        None, "share of the table shown, where train_rows is not given; default 0.8"
    )
    split_seed: int = setting(40, "permutes the rows before they are split")
    held_out: HeldOut | None = setting(
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
    knowledge: KnowledgeSetting = setting(
        None, "modular: the task whose structure counts as known; default the task itself"
    )
    routing: Choice | None = setting(
        "learned", "modular: which sources a slot reads, known or learned"
    )
    selection: Choice | None = setting(
        None, "shared: which module fills a slot, known or learned; default as routing"
    )
    outputs: Choice | None = setting(
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
    output_levels: OutputLevels | None = setting(
        None, "modular: levels that outputs are read from, last or every; default last"
    )
    image_network: ImageNetwork | None = setting(
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
    image_routing: Choice | None = setting(
        None, "modular: which image a slot looks at, known or learned; default as routing"
    )
    image_selection: Choice | None = setting(
        None, "modular: which image module fills a slot, known or learned; default as selection"
    )
    options: Mapping[str, Any] = setting(Options(), "what a model of your own takes, a dict")

    epochs: int = setting(1000, "passes over the training rows", "epochs")
    batch_size: int | None = setting(
        None, "rows in each step; default all training rows, of images 128", "rows"
    )
    optimizer: Optimizer = setting("adam", f"one of {', '.join(OPTIMIZERS)}")
    lr: float = setting(0.01, "learning rate of weights and biases", "per step")
    lr_routing: float | None = setting(0.1, "learning rate of routing logits", "per step")
    lr_selection: float | None = setting(0.1, "learning rate of selection logits", "per step")
    schedule: Schedule = setting("constant", f"of all rates, one of {', '.join(SCHEDULES)}")
    gamma: float | None = setting(None, "exponential schedule: factor in (0, 1]", "per epoch")
    weight_decay: float = setting(0.001, "times each parameter, added to its gradient", "per step")
    loss: Loss = setting("bce", "bce (binary cross-entropy) or mse (of the probability)")
    input_noise: float = setting(0.0, "deviation of the noise on training inputs; published 0.1")
    temperature: float | None = setting(2.0, "divides the logits of learned choices in training")
    gumbel: bool = setting(False, "add Gumbel(0, 1) noise to those logits in training")
    per_sample_routing: bool = setting(False, "with gumbel: a draw for each row, not each step")
    eval_every: int | None = setting(
        None, "epochs between evaluations; default a twentieth of epochs", "epochs"
    )
    record: Record = setting(
        "end", "evaluations at which what is learned inside is recorded, end (the last) or every"
    )
    seed: int = setting(0, "initial weights, order of rows, and noise, each a stream of its own")

    @property
    def is_modular(self) -> bool:
        """Whether the network has slots."""
        return self.model in ("modular", "shared")

    @property
    def known_graph(self) -> Task:
        """The graph that known routing, selection and outputs are those of."""
        return self.graph if self.knowledge is None else self.knowledge

    def _values(self) -> dict[str, Any]:
        """Every setting by its name."""
        return {name: vars(self)[name] for name in NAMES}

    def to_dict(self) -> dict[str, Any]:
        """The config as plain JSON values, from which ``from_dict`` makes it again."""
        values = self._values()
        lists = {k: list(v) for k, v in values.items() if isinstance(v, tuple)}
        graphs = {name: values[name] and values[name].to_dict() for name in GRAPH_SETTINGS}
        return values | lists | graphs | {"options": thawed(self.options)}


NAMES = tuple(f.name for f in fields(Settings))

if TYPE_CHECKING:

    class FinalSettings(Settings):
        """Settings with every default worked out, as type checkers see them.

        Those of a part that the network lacks are None all the same (``slots`` of a dense one).
        """

        train_rows: int
        batch_size: int
        eval_every: int
        hidden: tuple[int, ...]
        slots: tuple[int, ...]
        arity: int
        module_hidden: tuple[int, ...]
        image_hidden: tuple[int, ...]
else:
    FinalSettings = Settings
