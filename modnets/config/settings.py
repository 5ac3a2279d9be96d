"""The settings of a run: names, types, defaults and meanings, which all the rest follows from."""
# ruff: noqa: RUF009 (`setting` makes a dataclass field)

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar, get_args

from modnets.tasks.splits import HeldOut
from modnets.tasks.task import Task
from modnets.values import FrozenDict, thawed

Choice = Literal["known", "learned"]
Optimizer = Literal["adam", "sgd", "momentum", "rmsprop"]
Schedule = Literal["constant", "exponential", "cosine", "linear"]
Loss = Literal["bce", "mse"]
Record = Literal["end", "every"]
OutputLevels = Literal["last", "every"]
Signals = Literal["real", "binary"]
ImageNetwork = Literal["mlp", "cnn"]
Transferred = Literal["all", "modules"]

OPTIMIZERS: tuple[str, ...] = get_args(Optimizer)
SCHEDULES: tuple[str, ...] = get_args(Schedule)
TRANSFERRED: tuple[str, ...] = get_args(Transferred)
#: Setting that changes over the epochs -> the one that says how; with ``_end`` and ``_hold`` behind
#: its name, those that say where to, and after which share of the epochs.
SCHEDULE_OF = {
    "lr": "schedule",
    "lr_routing": "lr_routing_schedule",
    "lr_selection": "lr_selection_schedule",
    "temperature": "temperature_schedule",
}
MAX_EPOCHS = 10**9
MAX_RESTARTS = 3**6
MAX_SIGNAL_SIZE = 64
#: Pairs of images drawn for each pair of digits.
MAX_SAMPLES = 10**5
#: Rows evaluated: enough for a standard error in each part of the split, and the largest table.
MIN_EVALUATION_ROWS, MAX_EVALUATION_ROWS = 16, 2**20
#: Settings from which no other follows.
SEEDS = ("seed", "split_seed")
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


class Names(tuple[str, ...]):
    """Names of what is registered, in order."""

    __slots__ = ()


class Options(FrozenDict):
    """A dict that can be part of a frozen config: never changed, hashed by its JSON text."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(json.dumps(self, sort_keys=True))


class Range(NamedTuple):
    """The numbers that a setting may be.

    Parameters
    ----------
    least, most : float, optional
    above, below : bool
        Whether ``least`` and ``most`` themselves are left out.
    """

    least: float | None = None
    most: float | None = None
    above: bool = False
    below: bool = False

    def __contains__(self, value: object) -> bool:
        assert isinstance(value, int | float)
        low = self.least is None or value > self.least or (value == self.least and not self.above)
        return low and (
            self.most is None or value < self.most or (value == self.most and not self.below)
        )

    def __str__(self) -> str:
        if self.least is None:
            return ""
        if self.most is None:
            return f"{'above' if self.above else 'at least'} {self.least:,}"
        if self.above or self.below:
            left, right = "(" if self.above else "[", ")" if self.below else "]"
            return f"in {left}{self.least}, {self.most}{right}"
        return f"{self.least:,} to {self.most:,}"


def setting(
    default: Any,
    meaning: str,
    unit: str = "",
    *,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """A config field with its meaning, unit and range.

    ``modnets train --help``, the docstring of RunConfig and ``mn.explain`` print them.

    Parameters
    ----------
    default
    meaning : str
        ``"; default ..."`` at its end says what None stands for.
    unit : str
    least, most, above, below : float, optional
        Bounds of a number, the last two exclusive.
    """
    low, high = (least if above is None else above), (most if below is None else below)
    allowed = Range(low, high, above is not None, below is not None)
    return field(default=default, metadata={"meaning": meaning, "unit": unit, "range": allowed})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The fields of :class:`modnets.RunConfig`, before or after defaults are worked out."""

    graph: GraphSetting = setting(
        "6-3-2-2", "the task: a name in GRAPHS, TASK_SETS, DATA_SETS, or a task"
    )
    train_rows: int | None = setting(
        None,
        "rows of the truth table shown in training; default by train_fraction",
        "rows",
        least=1,
    )
    train_fraction: float | None = setting(
        None,
        "share of the table shown, in place of train_rows; 1 for digit pairs only; default 0.8",
        above=0,
        most=1,
    )
    split_seed: int = setting(40, "permutes the rows before they are split", least=0)
    held_out: HeldOut | None = setting("different", "task sets: rows that tasks hold out")
    samples: int | None = setting(
        None,
        "digit pairs: training images of each pair of digits seen; default 100",
        "pairs",
        least=1,
        most=MAX_SAMPLES,
    )
    test_samples: int | None = setting(
        None,
        "digit pairs: images of each pair in other parts; default 100",
        "pairs",
        least=1,
        most=MAX_SAMPLES,
    )

    model: str = setting("dense", "kind of network: a name in MODELS")
    hidden: tuple[int, ...] | None = setting(
        None, "monolithic: hidden widths; default 36, in 2 * levels - 1 layers", "units"
    )
    pruning_ratio: float | None = setting(
        None, "sparse: share of weights masked; default 50", "percent", least=0, below=100
    )
    initial_scale: float | None = setting(
        None, "times the initial weights and biases, not logits of choices; default 1", above=0
    )
    pretrained: Settings | None = setting(
        None, "the run whose trained network this one starts from, in place of weights drawn"
    )
    transferred: Transferred | None = setting(
        None,
        "pretrained: what is taken of that network, all of it, or the modules of a modular one, "
        "whose choices are drawn anew; default all",
    )
    knowledge: KnowledgeSetting = setting(
        None, "modular: the task whose structure counts as known; default the task itself"
    )
    routing: Choice | None = setting("learned", "modular: which sources a slot reads")
    selection: Choice | None = setting(
        None, "shared: which module fills a slot; default as routing"
    )
    outputs: Choice | None = setting(
        None, "modular: which slots are the outputs; default as routing"
    )
    slots: tuple[int, ...] | None = setting(
        None, "modular: slots in each level; default as the graph", "slots"
    )
    shared_modules: int | None = setting(
        None, "shared: size of the pool; default the graph's distinct gates", "modules", least=1
    )
    arity: int | None = setting(
        None, "modular: inputs that each slot reads; default the graph's fan-in", "inputs", least=1
    )
    module_hidden: tuple[int, ...] | None = setting(
        (12,), "modular: hidden widths of a module", "units"
    )
    signal_size: int | None = setting(
        None,
        "modular: values that a module gives to the level above; default 1",
        "values",
        least=1,
        most=MAX_SIGNAL_SIZE,
    )
    signals: Signals | None = setting(
        None,
        "modular: whether a level reads outputs of modules below as they are, or as the bits 0 and "
        "1, with the gradient of a sigmoid; default real",
    )
    output_levels: OutputLevels | None = setting(
        None, "modular: levels that outputs are read from; default last"
    )
    routing_method: str | None = setting(
        None,
        "modular: how choices that are learned are found, a name in ROUTING_METHODS; default "
        "published",
    )
    image_network: ImageNetwork | None = setting(
        None, "images: what looks at the pixels; default mlp"
    )
    image_hidden: tuple[int, ...] | None = setting(
        None, "modular, mlp: hidden widths of an image module; default 128 64", "units"
    )
    channels: tuple[int, ...] | None = setting(
        None, "CNN: channels of the convolutions; default 6 16, monolithic 12 32", "channels"
    )
    image_slots: int | None = setting(
        None, "modular: slots that look at an image; default one for each", "slots", least=1
    )
    shared_image_modules: int | None = setting(
        None,
        "modular: pool of image modules, 0 for own; default 1 if modules are shared",
        "modules",
        least=0,
    )
    image_routing: Choice | None = setting(
        None, "modular: which image a slot looks at; default as routing"
    )
    image_selection: Choice | None = setting(
        None, "modular: which image module fills a slot; default as selection"
    )
    options: Mapping[str, Any] = setting(
        Options(), "options of a user-defined model, JSON values by name"
    )

    epochs: int = setting(1000, "passes over the training rows", "epochs", least=1, most=MAX_EPOCHS)
    restarts: int | None = setting(
        None,
        "networks that a run starts with, by seeds of its own: all train for a ninth of the "
        "epochs, the best third of them by training loss for a third, the best third of those to "
        "the end, and the best of these is the run's; default 1",
        "starts",
        least=1,
        most=MAX_RESTARTS,
    )
    full_restarts: bool = setting(False, "restarts: all of them train to the end, none is stopped")
    batch_size: int | None = setting(
        None, "rows in each step; default all training rows, of images 128", "rows", least=1
    )
    optimizer: Optimizer = setting("adam", "how gradients become changes of parameters")
    lr: float = setting(
        0.01, "learning rate of weights and biases; 0 leaves them as they are", "per step", least=0
    )
    lr_routing: float | None = setting(
        0.1, "learning rate of routing logits; 0 leaves them as they are", "per step", least=0
    )
    lr_selection: float | None = setting(
        0.1, "learning rate of selection logits; 0 leaves them as they are", "per step", least=0
    )
    schedule: Schedule = setting("constant", "how all rates change over the epochs")
    gamma: float | None = setting(
        None, "exponential schedule: factor", "per epoch", above=0, most=1
    )
    lr_end: float | None = setting(
        None,
        "schedule: the rate of weights that it ends at, without gamma; other rates change by the "
        "same factor; default 0",
        "per step",
        least=0,
    )
    lr_hold: float | None = setting(
        None, "schedule: share of the epochs before it sets in; default 0", least=0, below=1
    )
    lr_routing_schedule: Schedule | None = setting(
        None, "how lr_routing changes; default as schedule says"
    )
    lr_routing_end: float | None = setting(
        None, "lr_routing_schedule: the rate it ends at; default 0", "per step", least=0
    )
    lr_routing_hold: float | None = setting(
        None,
        "lr_routing_schedule: share of the epochs before it sets in; default 0",
        least=0,
        below=1,
    )
    lr_selection_schedule: Schedule | None = setting(
        None, "how lr_selection changes; default as schedule says"
    )
    lr_selection_end: float | None = setting(
        None, "lr_selection_schedule: the rate it ends at; default 0", "per step", least=0
    )
    lr_selection_hold: float | None = setting(
        None,
        "lr_selection_schedule: share of the epochs before it sets in; default 0",
        least=0,
        below=1,
    )
    weight_decay: float = setting(
        0.001, "times each parameter, added to its gradient", "per step", least=0
    )
    loss: Loss | str = setting(
        "bce",
        "of each output bit: binary cross-entropy, mean squared error of the probability, or one "
        "of your own by its name",
    )
    input_noise: float = setting(
        0.0, "deviation of the noise on training inputs; published 0.1", least=0
    )
    temperature: float | None = setting(
        2.0, "divides the logits of learned choices in training", above=0
    )
    temperature_schedule: Schedule = setting(
        "constant", "how the temperature changes over the epochs"
    )
    temperature_end: float | None = setting(
        None, "temperature_schedule: the temperature that it ends at", above=0
    )
    temperature_hold: float | None = setting(
        None,
        "temperature_schedule: share of the epochs before it sets in; default 0",
        least=0,
        below=1,
    )
    gumbel: bool = setting(
        False, "add Gumbel(0, 1) noise to the logits of learned choices in training"
    )
    per_sample_routing: bool = setting(False, "with gumbel: a draw for each row, not each step")
    eval_every: int | None = setting(
        None, "epochs between evaluations; default a twentieth of epochs", "epochs", least=1
    )
    evaluation_rows: int | None = setting(
        None,
        "rows of the table evaluated, a stratified sample if there are more; default all up to "
        "4,096, of larger tables 4,096; of 21 to 62 inputs all rows drawn",
        "rows",
        least=MIN_EVALUATION_ROWS,
        most=MAX_EVALUATION_ROWS,
    )
    record: Record = setting(
        "end", "evaluations at which what is learned inside is recorded: the end, or every one"
    )
    on_evaluation: Names | str | None = setting(
        None, "hooks of your own by their names, whose measures become columns at each evaluation"
    )
    seed: int = setting(
        0, "initial weights, order of rows, and noise, each a stream of its own", least=0
    )

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
        return dict(zip(NAMES, _values_of(vars(self)), strict=True))

    def to_dict(self) -> dict[str, Any]:
        """The config as plain JSON values, from which ``from_dict`` makes it again."""
        values = self._values()
        lists = {k: list(v) for k, v in values.items() if isinstance(v, tuple)}
        graphs = {name: values[name] and values[name].to_dict() for name in GRAPH_SETTINGS}
        pretrained = self.pretrained and self.pretrained.to_dict()
        nested = {"options": thawed(self.options), "pretrained": pretrained}
        return values | lists | graphs | nested


NAMES = tuple(f.name for f in fields(Settings))
_values_of = itemgetter(*NAMES)

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
