"""RunConfig: its errors, what its key depends on, and grids."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from dataclasses import FrozenInstanceError, fields, replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from modnets.config import run_keys
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.config.settings import OPTIMIZERS
from modnets.models.registry import MODELS, register
from modnets.tasks.digit_pairs import DigitPairs
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS
from modnets.tasks.task_sets import TaskSet

MODULAR = RunConfig(model="modular")
TASKS = RunConfig(graph="two tasks")
LARGE = RunConfig(graph=FunctionGraph(13, [["XOR 0 12"]]))
PAIRS = RunConfig(graph=DigitPairs(), model="modular")
POOL = replace(PAIRS, shared_image_modules=2)
CNN = replace(PAIRS, image_network="cnn")
ON_PAIRS = {"graph": PAIRS.graph, "model": "modular"}
SHARED = RunConfig(model="shared")
CONTINUED = replace(SHARED, pretrained=SHARED)
ANNEALED = replace(SHARED, temperature_schedule="exponential", temperature_end=0.5)
ONE_LEVEL = FunctionGraph(6, [["XOR 0 1", "OR 2 3"]])
OFFSET = FunctionGraph(4, [["XOR 0 1", "XOR 2 3", "AND 0 1"]], outputs=(2, 0))
UNEVEN = TaskSet((GRAPHS["6-3-2-2"], GRAPHS["6-2-2"]), name="uneven")
TURNED = TaskSet(TASKS.graph.graphs[::-1])
CONTROLS = TaskSet((GRAPHS["6-2"],) * 2, name="controls")
EIGHT = FunctionGraph(8, [["XOR 0 1", "XOR 2 3"]])
FOUR_BITS = DigitPairs(graph=FunctionGraph(4, [["XOR 0 2", "XOR 1 3"]]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        # the type of each setting
        ({"epochs": 1.5}, "epochs=1.5; allowed is a whole number"),
        ({"epochs": "many"}, "epochs='many'; allowed is a whole number"),
        ({"seed": True}, "seed=True; allowed is a whole number"),
        ({"epochs": None}, "epochs=None; allowed is int"),
        ({"model": None}, "model=None; allowed is str"),
        ({"lr": float("nan")}, "lr=nan; allowed is a finite number"),
        ({"lr": float("inf")}, "lr=inf; allowed is a finite number"),
        ({"lr": "0.1"}, "lr='0.1'; allowed is a finite number"),
        ({"lr": True}, "lr=True; allowed is a finite number"),
        ({"gumbel": "no"}, "gumbel='no'; allowed is True or False"),
        ({"hidden": 36}, "hidden=36; allowed is whole numbers of at least 1"),
        ({"hidden": (36, 0)}, r"hidden=\(36, 0\); allowed is whole numbers of at least 1"),
        ({"hidden": (36.5,)}, r"hidden=\(36.5,\); allowed is whole numbers"),
        ({"slots": (3, -2)}, r"slots=\(3, -2\); allowed is whole numbers of at least 1"),
        ({"options": 3}, "options=3; allowed is a dict of JSON values"),
        ({"options": {"f": print}}, "options=.*; allowed is a dict of JSON values"),
        # words
        ({"graph": "6-3-2"}, "unknown graph '6-3-2', did you mean '6-3-2-2'"),
        ({"model": "modulr"}, "unknown model 'modulr', did you mean 'modular'.*allowed: dense"),
        ({"optimizer": "adamw"}, "unknown optimizer 'adamw'.*allowed: adam, sgd, momentum"),
        ({"schedule": "step"}, "unknown schedule 'step'.*allowed: constant, exponential, cosine"),
        ({"loss": "hinge"}, "unknown loss 'hinge'.*allowed: bce, mse"),
        ({"on_evaluation": "norm"}, "unknown on_evaluation 'norm'"),
        ({"on_evaluation": ["norm", 3]}, "on_evaluation=.*; allowed is names of hooks"),
        ({"model": "modular", "routing": "knwon"}, "unknown routing 'knwon', did you mean 'known'"),
        ({"model": "modular", "routing": None}, "unknown routing None"),
        ({"model": "shared", "selection": "free"}, "unknown selection 'free'.*known, learned"),
        ({"model": "modular", "outputs": "free"}, "unknown outputs 'free'.*known, learned"),
        # ranges
        ({"epochs": 0}, "epochs=0; allowed is at least 1"),
        ({"batch_size": 0}, "batch_size=0; allowed is at least 1"),
        ({"eval_every": 0}, "eval_every=0; allowed is at least 1"),
        ({"seed": -1}, "seed=-1; allowed is at least 0"),
        ({"split_seed": -1}, "split_seed=-1; allowed is at least 0"),
        ({"weight_decay": -0.1}, "weight_decay=-0.1; allowed is at least 0"),
        ({"input_noise": -0.1}, "input_noise=-0.1; allowed is at least 0"),
        ({"lr": -0.1}, "lr=-0.1; allowed is at least 0"),
        ({"model": "modular", "lr_routing": -1}, "lr_routing=-1.0; allowed is at least 0"),
        ({"model": "shared", "lr_selection": -1}, "lr_selection=-1.0; allowed is at least 0"),
        ({"model": "modular", "temperature": 0}, "temperature=0.0; allowed is above 0"),
        ({"lr_hold": 1.0}, r"lr_hold=1.0; allowed is in \[0, 1\)"),
        ({"lr_end": -0.1}, "lr_end=-0.1; allowed is at least 0"),
        ({"temperature_end": 0}, "temperature_end=0.0; allowed is above 0"),
        ({"temperature_schedule": "hold"}, "unknown temperature_schedule 'hold'.*linear"),
        ({"lr_routing_schedule": "hold"}, "unknown lr_routing_schedule 'hold'.*linear"),
        (
            {"model": "shared", "temperature_schedule": "cosine"},
            "temperature_end=None; allowed for temperature_schedule='cosine' is above 0",
        ),
        (
            {"model": "shared", "lr_routing_schedule": "exponential", "lr_routing_end": 0},
            "lr_routing_end=None; allowed for lr_routing_schedule='exponential' is above 0",
        ),
        ({"schedule": "exponential"}, r"gamma=None; allowed for schedule='exponential' is in"),
        ({"schedule": "exponential", "gamma": 1.1}, r"gamma=1.1; allowed for .* is in \(0, 1\]"),
        ({"schedule": "exponential", "gamma": 0}, "gamma=0.0; allowed for"),
        ({"model": "sparse", "pruning_ratio": 100}, r"pruning_ratio=100.0; allowed is in \[0, 100"),
        ({"model": "sparse", "pruning_ratio": -1}, "pruning_ratio=-1.0; allowed is in"),
        (
            {"options": {"hidden": 3}},
            "options={'hidden': 3}; allowed only with a model of your own",
        ),
        (
            {"model": "modular", "knowledge": FunctionGraph(4, [["XOR 0 1", "XOR 2 3"]])},
            r"knowledge=4-2-2: it has \(4, 2\) inputs and outputs; allowed are \(6, 2\)",
        ),
        (
            {"model": "modular", "knowledge": "6-2"},
            r"slots=\(\): graph 6-2 has no levels to follow",
        ),
        # rows
        ({"train_rows": 3, "train_fraction": 0.5}, "give exactly one of the two"),
        ({"train_rows": 64}, "train_rows=64 of 64 rows leaves no row to test on"),
        ({"train_rows": 0}, "train_rows=0 of 64 rows leaves no row to train on"),
        ({"train_fraction": 1.0}, "train_fraction=1.0; allowed is between 0 and 1"),
        (
            {"graph": "two tasks", "train_fraction": 1.0},
            "train_fraction=1.0; allowed is between 0 and 1$",
        ),
        ({"graph": "two tasks", "train_rows": 64}, "train_rows=64 of 64 rows leaves no row to tes"),
        ({"graph": PAIRS.graph, "train_fraction": 1.5}, "train_fraction=1.5; allowed is between"),
        ({"graph": PAIRS.graph, "train_rows": 65}, "train_rows=65 of 64 .*allowed is 1 to 64 rows"),
        ({"graph": "two tasks", "held_out": "sam"}, "unknown held_out 'sam', did you mean 'same'"),
        ({"graph": PAIRS.graph, "samples": 0}, "samples=0; allowed is at least 1$"),
        ({"graph": PAIRS.graph, "test_samples": 0}, "test_samples=0; allowed is at least 1$"),
        ({"graph": PAIRS.graph, "samples": 2.5}, "samples=2.5; allowed is a whole number"),
        # images
        (
            {"graph": PAIRS.graph, "image_network": "cn"},
            "unknown image_network 'cn', did you mean 'cnn'.*allowed: mlp, cnn",
        ),
        (
            {"graph": PAIRS.graph, "image_network": "cnn", "channels": (3, 5, 7, 9)},
            r"channels=\(3, 5, 7, 9\): after convolution 4 an image of 8 x 8 has a side of 1; all",
        ),
        (
            {"graph": PAIRS.graph, "image_network": "cnn", "channels": (0,)},
            r"channels=\(0,\); allowed is whole numbers of at least 1",
        ),
        (ON_PAIRS | {"image_slots": 0}, "image_slots=0; allowed is at least 1$"),
        (ON_PAIRS | {"shared_image_modules": -1}, "shared_image_modules=-1; allowed is at least 0"),
        (ON_PAIRS | {"image_routing": "knwon"}, "unknown image_routing 'knwon', did you mean 'kno"),
        (
            ON_PAIRS | {"shared_image_modules": 2, "image_selection": "free"},
            "unknown image_selection 'free'.*allowed: known, learned",
        ),
        (
            ON_PAIRS | {"image_slots": 3, "image_routing": "known"},
            "image_slots=3: with image_routing='known' allowed is 2, as graph 2-2-3-2-2 bundled",
        ),
        (
            ON_PAIRS | {"image_slots": 1, "routing": "known", "image_routing": "learned"},
            "image_slots=1: with routing='known' allowed is at least 2, as graph 2-2-3-2-2 bundled",
        ),
        (
            ON_PAIRS | {"image_slots": 1, "arity": 4},
            r"arity=4 needs at least 4 sources, but level 1 has 3 \(widths 3-3-2-2\); allowed is",
        ),
        (
            ON_PAIRS
            | {"routing": "known", "shared_image_modules": 2, "image_selection": "learned"}
            | {"lr_selection": None},
            "lr_selection=None: learned selection needs a rate",
        ),
        (
            ON_PAIRS | {"routing": "known", "image_routing": "learned", "lr_routing": None},
            "lr_routing=None: learned routing or outputs needs a rate",
        ),
        # outputs
        (
            {"model": "modular", "output_levels": "all"},
            "unknown output_levels 'all'.*last, every",
        ),
        (
            {"model": "modular", "graph": UNEVEN},
            "output_levels='last': a task of uneven has 1 levels of 2; allowed is 'every'$",
        ),
        (
            {"model": "modular", "output_levels": "every", "outputs": "known", "slots": (4, 2)},
            r"slots=\(4, 2\): with outputs='known' of every level allowed is \(3, 2\), as graph",
        ),
        (
            {"model": "modular", "output_levels": "every", "slots": (1,)},
            r"slots=\(1,\): all levels need at least 2 slots for the 2 outputs of 6-3-2-2",
        ),
        (
            {"model": "modular", "graph": CONTROLS, "slots": (3, 2), "outputs": "known"},
            "outputs='known': graph controls has no structure; allowed is 'learned'",
        ),
        (
            {"model": "modular", "graph": "6-2", "slots": (3, 2), "outputs": "known"}
            | {"output_levels": "every"},
            "outputs='known': graph 6-2 has no structure; allowed is 'learned'",
        ),
        # what counts as known
        (
            {"model": "modular", "graph": "two tasks", "knowledge": EIGHT},
            r"knowledge=8-2-2: \(8, 1\) sources .* and tasks; allowed are \(6, 2\), as graph two",
        ),
        (
            {"model": "modular", "graph": EIGHT, "knowledge": "two tasks"},
            r"knowledge=two tasks: \(6, 2\) sources .* and tasks; allowed are \(8, 1\), as graph",
        ),
        (
            {"model": "modular", "graph": "two tasks", "knowledge": "three tasks"},
            r"knowledge=three tasks: it has \(9, 2\) inputs and outputs; allowed are \(8, 2\)",
        ),
        (
            ON_PAIRS | {"knowledge": FOUR_BITS},
            r"knowledge=2-2-2-2 bundled digits: \(4, 1\) sources .*; allowed are \(6, 1\)",
        ),
        (
            ON_PAIRS | {"knowledge": "6-3-2-2"},
            r"knowledge=6-3-2-2: it has \(6, 2\) inputs and outputs; allowed are \(128, 2\)",
        ),
        # structure
        (
            {"model": "modular", "graph": "6-2"},
            r"slots=\(\): graph 6-2 has no levels to follow; give slots, as \(3, 2\)",
        ),
        (
            {"model": "modular", "arity": 4},
            r"arity=4 needs at least 4 sources, but level 2 has 3 \(widths 6-3-2-2\); allowed is "
            "1 to 3",
        ),
        ({"model": "modular", "arity": 0}, "arity=0 needs at least 0 sources.*allowed is 1 to 6"),
        (
            {"model": "modular", "slots": (3, 1)},
            r"slots=\(3, 1\): the last level needs at least 2 slots for the 2 outputs of 6-3-2-2",
        ),
        (
            {"model": "modular", "graph": OFFSET, "slots": (2,)},
            r"slots=\(2,\): the last level needs at least 3 slots for the 2 outputs of 4-3-2",
        ),
        (
            {"model": "modular", "graph": "6-2", "slots": (3, 2), "routing": "known"},
            "routing='known': graph 6-2 has no structure; allowed is 'learned'",
        ),
        (
            {"model": "shared", "graph": "6-2", "slots": (2,), "selection": "known"},
            "selection='known': graph 6-2 has no structure",
        ),
        (
            {"model": "modular", "routing": "known", "slots": (4, 2)},
            r"slots=\(4, 2\): with routing='known' allowed is \(3, 2\), as graph 6-3-2-2",
        ),
        (
            {"model": "shared", "selection": "known", "slots": (4, 2)},
            r"slots=\(4, 2\): with selection='known' allowed is \(3, 2\)",
        ),
        (
            {"model": "modular", "routing": "known", "arity": 1},
            "arity=1: with routing='known' allowed is at least 2, the fan-in of graph 6-3-2-2",
        ),
        (
            {"model": "shared", "selection": "known", "shared_modules": 1},
            "shared_modules=1; allowed is at least 2, the distinct gates of graph 6-3-2-2",
        ),
        ({"model": "shared", "shared_modules": 0}, "shared_modules=0; allowed is at least 1$"),
        (
            {"model": "modular", "lr_routing": None},
            "lr_routing=None: learned routing or outputs needs a rate; allowed is at least 0",
        ),
        (
            {"model": "shared", "lr_selection": None},
            "lr_selection=None: learned selection needs a rate",
        ),
        ({"model": "modular", "temperature": None}, "temperature=None; allowed is above 0"),
    ],
)
def test_errors_say_what_is_allowed(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        RunConfig(**settings)
    assert "\n" not in str(caught.value)


def test_a_config_is_frozen_and_keyword_only() -> None:
    with pytest.raises(FrozenInstanceError):
        MODULAR.seed = 3
    with pytest.raises(TypeError, match="positional"):
        RunConfig("6-2-2")


def test_what_settings_that_play_no_part_would_fit_is_not_checked() -> None:
    RunConfig(model="dense", arity=99, lr_routing=None, temperature=None)
    RunConfig(model="modular", routing="known", lr_routing=None, temperature=None)
    RunConfig(model="shared", routing="known", lr_selection=None, temperature=None)
    RunConfig(held_out="same", image_network="cnn", output_levels="every", channels=(9,) * 9)
    RunConfig(graph=PAIRS.graph, image_routing="known", knowledge=EIGHT, channels=(9,) * 9)
    replace(PAIRS, image_selection="known")  # own image modules
    replace(PAIRS, shared_image_modules=1, image_selection="known")  # a pool of one


def test_all_pairs_of_digits_may_be_seen() -> None:
    for settings in ({"train_fraction": 1.0}, {"train_rows": 64}):
        config = RunConfig(graph=PAIRS.graph, samples=3, test_samples=2, **settings)
        sizes = {name: len(rows) for name, rows in config.split.items()}
        assert sizes == {"train": 192, "validation": 0, "test_seen": 128, "test_unseen": 0}
        assert config.n_examples == 192


def test_outputs_of_a_table_without_levels_are_the_first_slots() -> None:
    config = RunConfig(graph="6-2", model="modular", slots=(3, 2), outputs="known")
    assert config.final.outputs == "known"
    assert config.known_graph.places_of_outputs() == (0, 1)


def test_equal_settings_are_equal_in_every_way() -> None:
    one = RunConfig(hidden=[36, 36], lr=1, epochs=10.0, graph="6-2-2", gumbel=0)
    other = RunConfig(hidden=(36, 36), lr=1.0, epochs=10, graph=GRAPHS["6-2-2"], gumbel=False)
    assert one == other
    assert hash(one) == hash(other)
    assert one.key == other.key
    assert json.dumps(one.to_dict()) == json.dumps(other.to_dict())


# Numbers of other libraries, and what has no bounds


@pytest.mark.parametrize(
    "tenth",
    [
        np.float32(0.1),
        np.float16(0.1),
        np.float64(0.1),
        np.array(0.1, np.float32),
        torch.tensor(0.1),
        torch.tensor(0.1, dtype=torch.bfloat16),
        Decimal("0.1"),
        Fraction(1, 10),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'dtype', '')}",
)
def test_a_number_is_taken_at_the_shortest_decimal_that_gives_it(tenth: object) -> None:
    plain = RunConfig(model="modular", lr=0.1, weight_decay=0.1, lr_routing=0.1, temperature=0.1)
    other = RunConfig(
        model="modular", lr=tenth, weight_decay=tenth, lr_routing=tenth, temperature=tenth
    )
    assert other == plain
    assert (other.key, type(other.lr)) == (plain.key, float)


@pytest.mark.parametrize("three", [np.int64(3), np.uint8(3), np.array(3), torch.tensor(3), 3.0])
def test_a_whole_number_of_any_library_is_pythons(three: object) -> None:
    one = RunConfig(seed=three, hidden=[three], epochs=three)
    assert one == RunConfig(seed=3, hidden=(3,), epochs=3)
    assert (type(one.seed), type(one.hidden[0])) == (int, int)
    assert RunConfig(hidden=np.array([3, 5])).hidden == (3, 5)


def test_options_are_plain_values_of_their_own() -> None:
    try:
        register("test-options")(lambda config: torch.nn.Linear(6, 2))

        def run(**options: object) -> RunConfig:
            return RunConfig(model="test-options", options=options)

        plain = run(
            width=6, rate=0.1, names=["a", ["b"]], on=True, grid=[[0, 1], [2, 3]], none=None
        )
        other = run(
            width=np.int64(6),
            rate=np.float32(0.1),
            names=("a", ["b"]),
            on=np.bool_(True),
            grid=np.arange(4).reshape(2, 2),
            none=None,
        )
        assert other == plain
        assert (other.key, hash(other)) == (plain.key, hash(plain))
        assert [type(v) for v in other.options.values()][:2] == [int, float]
        widths = grid(run(), options=[{"width": w} for w in np.arange(6, 25, 6)])
        assert [r.options["width"] for r in widths] == [6, 12, 18, 24]
        assert run(width=6).key != run(width=6.0).key
        given = {"names": ["a"]}
        one = run(**given)
        given["names"].append("b")
        assert one.options == {"names": ["a"]}
        for change in (
            lambda: one.options.update(x=1),
            lambda: one.options.__setitem__("x", 1),
            lambda: one.options["names"].append("b"),
        ):
            with pytest.raises(TypeError, match="options of a run cannot be changed"):
                change()
        assert pickle.loads(pickle.dumps(one)) == one
        assert copy.deepcopy(one) == one
        one.to_dict()["options"]["names"].append("b")
        assert one.options == {"names": ["a"]}
        assert json.dumps(one.options) == '{"names": ["a"]}'
    finally:
        del MODELS["test-options"]


ENDLESS: list = []
ENDLESS.append(ENDLESS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": 2**63}, "seed=9223372036854775808; allowed is a whole number, at most 2..63 - 1"),
        ({"split_seed": 10**30}, "split_seed=10+; allowed is a whole number, at most"),
        ({"seed": 10**5000}, "seed=.*; allowed is a whole number"),
        ({"batch_size": 2**63}, "batch_size=.*; allowed is a whole number"),
        ({"epochs": float("inf")}, "epochs=inf; allowed is a whole number"),
        ({"epochs": float("nan")}, "epochs=nan; allowed is a whole number"),
        ({"epochs": 10**15}, "epochs=10+; allowed is at most 1,000,000,000"),
        ({"epochs": 10**8, "eval_every": 1}, "eval_every=1: 100,000,000 evaluations .* at most"),
        ({"samples": 10**9}, "samples=10+; allowed is at most 100,000"),
        ({"lr": 10**400}, "lr=10+.*; allowed is a finite number"),
        ({"lr": Decimal("nan")}, "lr=.*; allowed is a finite number"),
        ({"lr": np.arange(3)}, r"lr=array\(.*; allowed is a finite number"),
        ({"lr": 1j}, "lr=1j; allowed is a finite number"),
        ({"seed": np.arange(3)}, r"seed=array\(\[0, 1, 2\]\); allowed is a whole number"),
        ({"seed": torch.arange(3)}, "seed=tensor.*; allowed is a whole number"),
        ({"seed": "3"}, "seed='3'; allowed is a whole number"),
        ({"gumbel": np.arange(3)}, "gumbel=.*; allowed is True or False"),
        ({"hidden": {3: 1}}, r"hidden=\{3: 1\}; allowed is whole numbers"),
        ({"hidden": [[3]]}, r"hidden=\[\[3\]\]; allowed is whole numbers"),
        ({"hidden": "12"}, "hidden='12'; allowed is whole numbers"),
        ({"hidden": range(1, 10**10)}, "hidden=range.*; allowed is whole numbers"),
        (
            {"hidden": (10**9,)},
            "hidden=.*: a network of 8,000,000,000 weights; allowed are at most",
        ),
        ({"model": "modular", "slots": (10**6,)}, "slots=.*weights; allowed are at most"),
        (
            {"model": "modular", "slots": (9, 9), "module_hidden": (10**8,)},
            "module_hidden=.*weights",
        ),
        ({"model": "shared", "shared_modules": 10**9}, "shared_modules=.*weights"),
        (
            {"graph": PAIRS.graph, "image_network": "cnn", "channels": (10**7,)},
            "channels=.*weights",
        ),
        ({**ON_PAIRS, "image_slots": 10**7}, "image_slots=.*weights"),
        ({"graph": None}, "graph=None; allowed is the name of a graph, or a task"),
        ({"graph": np.array(["6-2-2"])}, "graph=array.*; allowed is the name of a graph"),
        ({"knowledge": ["6-2-2"]}, r"knowledge=\['6-2-2'\]; allowed is the name of a graph"),
        ({"model": ["dense"]}, r"model=\['dense'\]; allowed is a word"),
        # where they play no part, too
        ({"routing": object()}, "routing=<object .*; allowed is a word"),
        ({"routing": float("nan")}, "routing=nan; allowed is a word"),
        ({"held_out": 3}, "held_out=3; allowed is a word"),
        ({"held_out": "sam"}, "unknown held_out 'sam', did you mean 'same'.*allowed: different"),
        ({"output_levels": "all"}, "unknown output_levels 'all'.*allowed: last, every"),
        ({"image_network": "cn"}, "unknown image_network 'cn', did you mean 'cnn'"),
        ({"image_selection": "free"}, "unknown image_selection 'free'.*allowed: known, learned"),
        ({"arity": -1}, "arity=-1; allowed is at least 1"),
        ({"shared_modules": 0}, "shared_modules=0; allowed is at least 1"),
        ({"pruning_ratio": 200}, "pruning_ratio=200.0; allowed is in"),
        ({"options": {"a": float("nan")}}, r"options=\{'a': nan\}; allowed is a dict of JSON"),
        (
            {"options": {1: 2}},
            r"options=\{1: 2\}; allowed is a dict of JSON values, named by words",
        ),
        ({"options": {"a": {"b": {3}}}}, "options=.*; allowed is a dict of JSON values"),
        ({"options": {"a": ENDLESS}}, "options=.*; allowed is a dict of JSON values"),
        ({"options": [("a", 1)]}, "options=.*; allowed is a dict of JSON values"),
        # names
        (
            {"artiy": 3},
            "unknown setting 'artiy', did you mean 'arity'.; allowed: graph, train_rows",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_built(settings: dict, message: str) -> None:
    for make in (lambda: RunConfig(**settings), lambda: replace(RunConfig(), **settings)):
        with pytest.raises(ValueError, match=message) as caught:
            make()
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 200 or "unknown setting" in message


def test_the_signature_of_a_config_stands() -> None:
    names = list(inspect.signature(RunConfig).parameters)
    assert names == [f.name for f in fields(RunConfig)]
    assert RunConfig.__doc__.startswith("One run:")


def test_configs_written_when_less_was_checked_are_read() -> None:
    values = RunConfig().to_dict() | {"image_routing": "free", "held_out": "sam"}
    assert RunConfig.from_dict(values) == RunConfig()
    with pytest.raises(ValueError, match="unknown routing 'free'"):
        RunConfig.from_dict(MODULAR.to_dict() | {"routing": "free"})
    assert RunConfig.from_dict({"seed": 3}) == RunConfig(seed=3)
    with pytest.raises(ValueError, match="values=3; allowed is a dict of settings"):
        RunConfig.from_dict(3)


# What follows from what


def test_defaults_are_worked_out() -> None:
    final = RunConfig(model="shared", routing="known").final
    assert (final.train_rows, final.train_fraction, final.batch_size) == (51, None, 51)
    assert (final.selection, final.outputs, final.slots) == ("known", "known", (3, 2))
    assert (final.shared_modules, final.arity, final.eval_every) == (2, 2, 50)
    assert (final.hidden, final.pruning_ratio) == (None, None)
    assert (final.lr_routing, final.lr_selection, final.temperature) == (None, None, None)
    assert final.final is final


def test_defaults_of_several_tasks_are_worked_out() -> None:
    final = RunConfig(graph="three tasks", model="shared", train_rows=20).final
    assert (final.held_out, final.output_levels, final.batch_size) == ("different", "last", 60)
    assert (final.slots, final.shared_modules, final.samples) == ((6, 2), 3, None)
    assert RunConfig(graph="three tasks", train_rows=20).n_examples == 60
    assert RunConfig().final.held_out is None


def test_defaults_of_digit_pairs_are_worked_out() -> None:
    final = PAIRS.final
    assert (final.train_rows, final.samples, final.test_samples) == (51, 100, 100)
    assert (final.batch_size, PAIRS.n_examples) == (128, 5100)
    assert (final.image_network, final.image_hidden, final.channels) == ("mlp", (128, 64), None)
    assert (final.image_slots, final.shared_image_modules, final.image_routing) == (2, 0, "learned")
    assert (final.image_selection, POOL.final.image_selection) == (None, "learned")
    assert replace(PAIRS, samples=1).final.batch_size == 51
    assert replace(PAIRS, model="shared").final.shared_image_modules == 1
    assert (CNN.final.channels, CNN.final.image_hidden) == ((6, 16), None)
    dense, cnn = (RunConfig(graph=PAIRS.graph, image_network=n).final for n in ("mlp", "cnn"))
    assert dense.hidden == (256, 128, 36, 36, 36, 36)
    assert (cnn.hidden, cnn.channels) == ((36,) * 4, (12, 32))
    assert (dense.image_hidden, dense.image_slots, dense.image_routing) == (None, None, None)
    known = replace(POOL, routing="known").final
    assert (known.image_routing, known.image_selection) == ("known", "known")
    assert (known.lr_routing, known.lr_selection, known.temperature) == (None, None, None)
    filled = replace(POOL, routing="known", image_selection="learned").final
    assert (filled.lr_routing, filled.lr_selection, filled.temperature) == (None, 0.1, 2.0)


@pytest.mark.parametrize(
    ("graph", "hidden"),
    [("6-2-2", (36,)), ("6-3-2-2", (36,) * 3), ("6-3-3-2-2", (36,) * 5), ("6-2", (36,) * 3)],
)
def test_hidden_widths_follow_from_the_graph(graph: str, hidden: tuple[int, ...]) -> None:
    assert RunConfig(graph=graph).final.hidden == hidden


@pytest.mark.parametrize(("rows", "batch"), [(8, 8), (51, 32)])
def test_a_batch_is_at_most_all_rows(rows: int, batch: int) -> None:
    assert RunConfig(train_rows=rows, batch_size=32).final.batch_size == batch


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"model": "dense", "routing": "known"}, "dense"),
        ({"model": "sparse"}, "sparse"),
        ({"model": "modular"}, "modular, learned"),
        ({"model": "modular", "routing": "known"}, "modular, known"),
        ({"model": "modular", "routing": "known", "outputs": "learned"}, "modular, known routing"),
        ({"model": "modular", "outputs": "known"}, "modular, known outputs"),
        ({"model": "shared"}, "shared, learned"),
        ({"model": "shared", "routing": "known"}, "shared, known"),
        ({"model": "shared", "selection": "known"}, "shared, known selection"),
        (
            {"model": "shared", "routing": "known", "selection": "learned"},
            "shared, known routing and outputs",
        ),
    ],
)
def test_kinds_in_words(settings: dict, kind: str) -> None:
    config = RunConfig(**settings)
    assert config.kind == kind
    assert str(config) == f"6-3-2-2 {kind} 51 rows seed 0"


# Keys

IRRELEVANT = [
    (RunConfig(), {"routing": "known", "temperature": 0.5, "arity": 3, "gumbel": True}),
    (RunConfig(), {"pruning_ratio": 75.0, "module_hidden": (5,), "shared_modules": 7}),
    (RunConfig(), {"train_fraction": 0.8}),
    (RunConfig(), {"train_rows": 51}),
    (RunConfig(), {"batch_size": 64}),
    (RunConfig(), {"gamma": 0.9}),
    (RunConfig(), {"lr_end": 0.1, "lr_hold": 0.5, "temperature_end": 0.5, "lr_routing_end": 0.1}),
    (RunConfig(), {"temperature_schedule": "linear", "lr_selection_schedule": "cosine"}),
    (RunConfig(schedule="cosine"), {"lr_end": 0.0, "lr_hold": 0}),
    (RunConfig(schedule="cosine"), {"lr_routing_schedule": "linear", "lr_routing_hold": 0.5}),
    (RunConfig(schedule="exponential", gamma=0.9), {"lr_end": 0.1}),
    (MODULAR, {"lr_routing_schedule": "constant", "lr_selection_schedule": "linear"}),
    (MODULAR, {"temperature_end": 0.5, "temperature_hold": 0.5}),
    (RunConfig(model="modular", routing="known"), {"temperature_schedule": "cosine"}),
    (RunConfig(), {"eval_every": 50}),
    (RunConfig(), {"initial_scale": 1.0}),
    (RunConfig(), {"transferred": "modules"}),
    (CONTINUED, {"transferred": "all"}),
    (RunConfig(pretrained=RunConfig()), {"transferred": "modules"}),
    (replace(CONTINUED, lr=0), {"lr_end": 0.0, "lr_hold": 0.5}),
    (RunConfig(), {"evaluation_rows": 64}),
    (RunConfig(), {"evaluation_rows": 2**20}),
    (PAIRS, {"evaluation_rows": 50}),
    (LARGE, {"evaluation_rows": 2**12}),
    (RunConfig(model="sparse"), {"pruning_ratio": 50}),
    (MODULAR, {"hidden": (5,), "selection": "known", "lr_selection": 0.5, "shared_modules": 3}),
    (MODULAR, {"arity": 2, "slots": (3, 2), "outputs": "learned"}),
    (MODULAR, {"per_sample_routing": True}),
    (MODULAR, {"routing_method": "published"}),
    (RunConfig(), {"routing_method": "best"}),
    (RunConfig(), {"signal_size": 3, "signals": "binary"}),
    (SHARED, {"signal_size": 1, "signals": "real"}),
    (RunConfig(), {"restarts": 1, "full_restarts": True}),
    (RunConfig(model="modular", routing="known"), {"routing_method": "best"}),
    (replace(MODULAR, routing_method="best"), {"lr_routing": 0.3, "gumbel": True}),
    (MODULAR, {"knowledge": "6-3-2-2"}),
    (RunConfig(), {"knowledge": ONE_LEVEL}),
    (RunConfig(model="modular", routing="known"), {"temperature": 1.0, "lr_routing": 0.5}),
    (RunConfig(model="modular", routing="known"), {"gumbel": True}),
    (RunConfig(model="shared", selection="known"), {"lr_selection": 0.5}),
    (RunConfig(), {"held_out": "same", "samples": 7, "test_samples": 7, "channels": (3,)}),
    (MODULAR, {"image_network": "cnn", "image_hidden": (5,), "shared_image_modules": 2}),
    (PAIRS, {"held_out": "same", "channels": (3,), "image_slots": 2, "samples": 100}),
    (PAIRS, {"image_selection": "known", "batch_size": 128}),
    (PAIRS, {"image_hidden": (128, 64), "shared_image_modules": 0, "train_fraction": 0.8}),
    (CNN, {"image_hidden": (5,), "channels": (6, 16)}),
    (TASKS, {"held_out": None}),
    (TASKS, {"held_out": "different", "output_levels": "every", "samples": 7}),
]


@pytest.mark.parametrize(("base", "changes"), IRRELEVANT)
def test_the_key_is_stable_under_what_plays_no_part(base: RunConfig, changes: dict) -> None:
    assert replace(base, **changes).key == base.key


RELEVANT = [
    (RunConfig(), {"record": "every"}),
    (RunConfig(), {"graph": "6-2-2"}),
    (RunConfig(), {"train_rows": 50}),
    (RunConfig(), {"train_fraction": 0.7}),
    (RunConfig(), {"split_seed": 41}),
    (RunConfig(), {"model": "sparse"}),
    (RunConfig(), {"hidden": (36,)}),
    (RunConfig(), {"epochs": 999, "eval_every": 50}),
    (RunConfig(), {"batch_size": 32}),
    (RunConfig(), {"optimizer": "sgd"}),
    (RunConfig(), {"lr": 0.02}),
    (RunConfig(), {"schedule": "cosine"}),
    (RunConfig(schedule="exponential", gamma=0.9), {"gamma": 0.8}),
    (RunConfig(schedule="cosine"), {"schedule": "linear"}),
    (RunConfig(schedule="linear"), {"lr_end": 0.001}),
    (RunConfig(schedule="linear"), {"lr_hold": 0.5}),
    (MODULAR, {"lr_routing_schedule": "linear"}),
    (replace(MODULAR, schedule="linear"), {"lr_routing_schedule": "constant"}),
    (replace(MODULAR, lr_routing_schedule="linear"), {"lr_routing_end": 0.01}),
    (replace(MODULAR, lr_routing_schedule="linear"), {"lr_routing_hold": 0.1}),
    (SHARED, {"lr_selection_schedule": "linear"}),
    (replace(SHARED, lr_selection_schedule="linear"), {"lr_selection_end": 0.01}),
    (replace(SHARED, lr_selection_schedule="linear"), {"lr_selection_hold": 0.1}),
    (MODULAR, {"temperature_schedule": "linear", "temperature_end": 1.0}),
    (ANNEALED, {"temperature_end": 0.1}),
    (ANNEALED, {"temperature_hold": 0.1}),
    (RunConfig(), {"initial_scale": 0.5}),
    (RunConfig(), {"lr": 0}),
    (RunConfig(), {"pretrained": RunConfig()}),
    (CONTINUED, {"pretrained": replace(SHARED, seed=1)}),
    (CONTINUED, {"pretrained": CONTINUED}),
    (CONTINUED, {"transferred": "modules"}),
    (RunConfig(), {"weight_decay": 0.0}),
    (RunConfig(), {"loss": "mse"}),
    (RunConfig(), {"input_noise": 0.3}),
    (RunConfig(), {"eval_every": 25}),
    (RunConfig(), {"evaluation_rows": 63}),
    (LARGE, {"evaluation_rows": 2**13}),
    (RunConfig(), {"seed": 1}),
    (RunConfig(model="sparse"), {"pruning_ratio": 25}),
    (RunConfig(model="modular", routing="known"), {"knowledge": ONE_LEVEL}),
    (MODULAR, {"routing": "known"}),
    (MODULAR, {"outputs": "known"}),
    (MODULAR, {"slots": (4, 2)}),
    (MODULAR, {"arity": 3}),
    (MODULAR, {"module_hidden": (5,)}),
    (MODULAR, {"signal_size": 2}),
    (SHARED, {"signals": "binary"}),
    (MODULAR, {"lr_routing": 0.2}),
    (MODULAR, {"temperature": 1.0}),
    (MODULAR, {"gumbel": True}),
    (RunConfig(model="modular", gumbel=True), {"per_sample_routing": True}),
    (MODULAR, {"output_levels": "every"}),
    (TASKS, {"held_out": "same"}),
    (PAIRS, {"samples": 7}),
    (PAIRS, {"test_samples": 7}),
    (PAIRS, {"image_network": "cnn"}),
    (PAIRS, {"image_hidden": (32,)}),
    (PAIRS, {"image_hidden": ()}),
    (CNN, {"channels": (3, 5)}),
    (CNN, {"channels": ()}),
    (PAIRS, {"image_slots": 3}),
    (PAIRS, {"shared_image_modules": 1}),
    (PAIRS, {"image_routing": "known"}),
    (POOL, {"image_selection": "known"}),
    (SHARED, {"selection": "known"}),
    (SHARED, {"shared_modules": 3}),
    (SHARED, {"lr_selection": 0.2}),
    (SHARED, {"routing_method": "best"}),
    (RunConfig(), {"restarts": 9}),
    (RunConfig(restarts=9), {"full_restarts": True}),
]


@pytest.mark.parametrize(("base", "changes"), RELEVANT)
def test_the_key_changes_with_what_plays_a_part(base: RunConfig, changes: dict) -> None:
    assert replace(base, **changes).key != base.key


def test_every_setting_is_known_to_change_the_key() -> None:
    changed = {name for _, changes in RELEVANT for name in changes}
    assert {f.name for f in fields(RunConfig)} - changed == {"options", "on_evaluation"}


#: Keys of the first stores, which knew of fewer settings.
OLD_KEYS: dict[str, dict] = {
    "2cb0150c907731fb": {"model": "shared", "train_rows": 16, "seed": 3},
    "4c66f52b856aa932": {},
    "281172c1c2c9a876": {"model": "modular"},
    "1ac6f391f23169df": {"model": "shared", "schedule": "cosine", "gumbel": True},
    "10b1406a0e7a06a0": {"model": "modular", "schedule": "exponential", "gamma": 0.9},
    "91561a31870d9df0": {"model": "sparse", "loss": "mse", "optimizer": "sgd"},
    "04ae3f4962a58942": {"model": "shared", "routing": "known", "graph": "two tasks"}
    | {"temperature": 0.5},
}


@pytest.mark.parametrize("key", OLD_KEYS)
def test_settings_that_came_later_leave_old_keys_as_they_were(key: str) -> None:
    assert RunConfig(**OLD_KEYS[key]).key == key


def test_the_key_depends_on_the_schema_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RunConfig().key
    monkeypatch.setattr(run_keys, "SCHEMA_VERSION", run_keys.SCHEMA_VERSION + 1)
    assert RunConfig().key != before


def test_two_graphs_of_one_name_have_two_keys() -> None:
    graphs = [FunctionGraph(2, [[f"{name} 0 1"]], name="mine") for name in ("AND", "OR")]
    assert (
        RunConfig(graph=graphs[0], train_rows=3).key != RunConfig(graph=graphs[1], train_rows=3).key
    )


def test_models_of_your_own_have_options_and_keys_of_their_source() -> None:
    try:

        @register("test-own")
        def first(config: RunConfig) -> torch.nn.Module:
            return torch.nn.Linear(6, 2)

        one = RunConfig(model="test-own", options={"width": 3, "names": ["a"]})
        assert one.key == RunConfig(model="test-own", options={"names": ["a"], "width": 3}).key
        assert one.key != RunConfig(model="test-own", options={"width": 4, "names": ["a"]}).key
        assert RunConfig.from_dict(json.loads(json.dumps(one.to_dict()))) == one
        assert one.kind == "test-own"
        before = one.key

        @register("test-own")
        def second(config: RunConfig) -> torch.nn.Module:
            return torch.nn.Linear(6, 2, bias=False)

        edited = RunConfig(model="test-own", options={"width": 3, "names": ["a"]})
        assert edited.key != before
        assert edited.key == one.key  # a run is one of the network as it is now
    finally:
        del MODELS["test-own"]


# To and fro


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "graph": st.sampled_from([*GRAPHS.values(), OFFSET, TASKS.graph, PAIRS.graph]),
            "train_rows": st.integers(1, 15),
            "hidden": st.lists(st.integers(1, 9), max_size=3),
            "lr": st.floats(1e-6, 10),
            "weight_decay": st.floats(0, 1),
            "seed": st.integers(0, 2**40),
            "temperature": st.none() | st.floats(0.1, 10),
            "gumbel": st.booleans(),
            "optimizer": st.sampled_from(OPTIMIZERS),
        },
    )
)
def test_a_config_survives_json(settings: dict) -> None:
    settings = {"train_rows": 8, **settings}
    config = RunConfig(**settings)
    for one in (config, config.final):
        again = RunConfig.from_dict(json.loads(json.dumps(one.to_dict())))
        assert again == one
        assert again.key == config.key


@pytest.mark.parametrize(
    "config",
    [
        replace(TASKS, model="shared", output_levels="every", held_out="same"),
        replace(TASKS, model="modular", routing="known", knowledge=TURNED),
        replace(POOL, image_selection="known", knowledge=DigitPairs(graph="6-3-2-2")),
        replace(CNN, channels=(), image_slots=3, graph=DigitPairs(normalize=True)),
        RunConfig(graph=FOUR_BITS, image_network="cnn", model="sparse"),
    ],
    ids=str,
)
def test_configs_of_every_task_survive_json(config: RunConfig) -> None:
    for one in (config, config.final):
        again = RunConfig.from_dict(json.loads(json.dumps(one.to_dict())))
        assert again == one
        assert (again.key, again.to_row()) == (config.key, config.to_row())
        assert {name: rows.tolist() for name, rows in again.split.items()} == {
            name: rows.tolist() for name, rows in config.split.items()
        }


def test_a_row_of_a_table(model: str) -> None:
    config = RunConfig(model=model, seed=7)
    row = config.to_row()
    names = {f.name for f in fields(RunConfig)} - {"train_fraction"}
    assert set(row) == names | {"run", "kind"}
    assert (row["run"], row["graph"], row["train_rows"]) == (config.key, "6-3-2-2", 51)
    assert all(v is None or isinstance(v, str | int | float) for v in row.values())
    assert row["hidden"] == ("36-36-36" if model in ("dense", "sparse") else None)
    assert row["slots"] == (None if model in ("dense", "sparse") else "3-2")


# Grids


def test_a_grid_runs_each_run_once() -> None:
    runs = grid(model=["dense", "modular", "shared"], routing=["known", "learned"], seed=range(3))
    assert len(runs) == 15
    assert len({run.key for run in runs}) == 15
    kinds = [run.kind for run in runs[::3]]
    assert kinds == [
        "dense",
        "modular, known",
        "modular, learned",
        "shared, known",
        "shared, learned",
    ]
    assert [run.seed for run in runs] == [0, 1, 2] * 5  # the last axis runs fastest


def test_a_grid_starts_from_its_base() -> None:
    base = RunConfig(graph="6-2-2", epochs=7)
    runs = grid(base, train_rows=[4, 8], lr=0.5)
    assert runs == [replace(base, train_rows=rows, lr=0.5) for rows in (4, 8)]
    assert grid() == [RunConfig()]


def test_widths_are_one_value_in_a_tuple_and_many_in_a_list() -> None:
    assert [run.hidden for run in grid(hidden=(5, 7))] == [(5, 7)]
    assert [run.hidden for run in grid(hidden=[(5, 7), (3,)])] == [(5, 7), (3,)]
    assert [run.graph.name for run in grid(graph="6-2-2")] == ["6-2-2"]
    assert [run.graph for run in grid(graph=[GRAPHS["6-2-2"], OFFSET], train_rows=8)] == [
        GRAPHS["6-2-2"],
        OFFSET,
    ]


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"sed": [0, 1]}, "unknown setting 'sed', did you mean 'seed'.*allowed: graph, train_rows"),
        ({"seed": []}, r"seed=\[\]; allowed is at least one value"),
        ({"lr": [0.1, -1]}, "lr=-1.0; allowed is at least 0"),
    ],
)
def test_grid_errors(axes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        grid(**axes)
