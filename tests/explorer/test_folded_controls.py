"""Controls that are folded away: schedules of rates and temperature, slots of learned networks."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

import modnets as mn
from modnets.explorer.app import Explorer
from modnets.explorer.controls import Controls
from modnets.explorer.settings import MORE, shown_value

CASES: list[dict[str, Any]] = [
    {"schedule": "cosine", "lr_end": 0.001, "lr_hold": 0.25},
    {"schedule": "exponential", "lr_end": 0.0001},
    {"lr_routing_schedule": "linear", "lr_routing_end": 0.01, "lr_routing_hold": 0.5},
    {"temperature_schedule": "exponential", "temperature_end": 0.1, "temperature_hold": 0.1},
    {"slots": (4, 3)},
]


def put(controls: Controls, **values: Any) -> None:
    """Set controls as a user does."""
    for name, value in values.items():
        controls.settings[name].value = shown_value(name, value)


def message(controls: Controls, name: str) -> str:
    return unescape(controls.errors[name].value)


@pytest.mark.parametrize("values", CASES, ids=lambda values: next(iter(values)))
def test_each_reaches_the_runs_that_learn_their_structure(
    make: Callable[..., Explorer], values: dict[str, Any]
) -> None:
    typed, given = make().controls, make(**values).controls
    put(typed, **values)
    for controls in (typed, given):
        assert controls.problems == {}
        learned = [run for run in controls.configs() if run.kind == "shared, learned"]
        assert len(learned) == 2
        for run in learned:
            assert {name: getattr(run, name) for name in values} == values
            for name in values:
                if "routing" in name:
                    of_selection = getattr(run, name.replace("routing", "selection"))
                    assert of_selection == values[name]
    assert [run.key for run in typed.configs()] == [run.key for run in given.configs()]


def test_without_a_value_all_is_as_it_was(make: Callable[..., Explorer]) -> None:
    controls = make().controls
    for run in controls.configs():
        assert (run.schedule, run.temperature_schedule) == ("constant", "constant")
        assert run.slots is run.lr_routing_schedule is run.lr_end is run.temperature_end is None
    put(controls, slots=(4, 3), lr_end=0.1)
    controls.settings["slots"].value = controls.settings["lr_end"].value = " "
    assert all(run.slots is run.lr_end is None for run in controls.configs())


def test_known_structure_keeps_its_slots(make: Callable[..., Explorer]) -> None:
    controls = make(kinds=["modular, known", "shared, learned", "shared, learned (best)"]).controls
    controls.settings["slots"].value = "5, 2"
    assert controls.problems == {}
    slots = {run.kind: run.final.slots for run in controls.configs()}
    learned = {"shared, learned": (5, 2), "shared, learned (best)": (5, 2)}
    assert slots == {"modular, known": (3, 2)} | learned


@pytest.mark.parametrize(
    ("values", "name", "text"),
    [
        ({"slots": "4 x"}, "slots", "slots='4 x'; allowed is whole numbers, one for each level"),
        ({"slots": "3 1"}, "slots", "slots=(3, 1): the last level needs at least 2 slots"),
        ({"slots": "1 2"}, "slots", "arity=2 needs at least 2 sources, but level 2 has 1"),
        ({"slots": "0"}, "slots", "slots=(0,); allowed is whole numbers of at least 1"),
        ({"schedule": "exponential"}, "lr_end", "lr_end=None; allowed for an exponential is above"),
        ({"schedule": "linear", "lr_end": "x"}, "lr_end", "lr_end='x'; allowed is a number, or"),
        ({"schedule": "linear", "lr_end": "-1"}, "lr_end", "lr_end=-1.0; allowed is at least 0"),
        ({"schedule": "linear", "lr_end": "nan"}, "lr_end", "lr_end=nan; allowed is a finite"),
        (
            {"lr_routing_schedule": "exponential"},
            "lr_routing_end",
            "lr_routing_end=None; allowed for lr_routing_schedule='exponential' is above 0",
        ),
        (
            {"temperature_schedule": "cosine"},
            "temperature_end",
            "temperature_end=None; allowed for temperature_schedule='cosine' is above 0",
        ),
    ],
)
def test_errors_stand_beside_what_is_unfolded_for_them(
    make: Callable[..., Explorer], values: dict[str, str], name: str, text: str
) -> None:
    explorer = make()
    controls = explorer.controls
    assert controls.folded.layout.display == "none"
    for key, value in values.items():
        controls.settings[key].value = value
    assert text in message(controls, name)
    assert controls.errors[name].layout.display == ""
    assert controls.folded.layout.display == ""
    assert explorer.panel.train.disabled
    controls.settings[name].value = ""
    for key in values.keys() - {name}:
        controls.settings[key].value = "constant"
    assert message(controls, name) == ""
    assert not explorer.panel.train.disabled


def test_finished_runs_of_other_signals_are_never_pooled(make: Callable[..., Explorer]) -> None:
    base = mn.RunConfig(epochs=4, train_rows=32, routing="known", record="every")
    networks = {"signal_size": [1, 2], "signals": ["real", "binary"], "model": ["dense", "shared"]}
    explorer = make(results=mn.sweep(mn.grid(base, **networks, seeds=range(2))))
    assert explorer.finished is not None
    assert sorted(explorer.finished.groups) == [
        f"6-3-2-2, signal size {size}, signals {signals}"
        for size in (1, 2)
        for signals in ("binary", "real")
    ]
    for rows in explorer.finished.groups.values():
        runs = explorer.finished.frame.loc[rows].drop_duplicates("run")
        assert runs["kind"].value_counts().to_dict() == {"dense": 2, "shared, known": 2}


def test_it_folds_and_what_plays_no_part_is_hidden(make: Callable[..., Explorer]) -> None:
    controls = make().controls
    assert controls.more.description == "more: slots, schedules"
    controls.more.value = True
    assert (controls.folded.layout.display, controls.more.description) == ("", "less")
    parts = [controls.settings[f"temperature_{part}"] for part in ("end", "hold")]
    assert {part.layout.display for part in parts} == {"none"}
    controls.settings["temperature_schedule"].value = "linear"
    assert {part.layout.display for part in parts} == {""}
    controls.more.value = False
    assert controls.folded.layout.display == "none"
    assert make(slots=(4, 3)).controls.folded.layout.display == ""
    labels = [controls.settings[name].description for name in MORE]
    assert len({*labels, *controls.meanings()}) == len(controls.meanings())
    assert all(len(controls.meanings()[label]) > 20 for label in labels)


def test_curves_of_other_schedules_and_slots_are_marked_as_old(
    make: Callable[..., Explorer],
) -> None:
    explorer = make(kinds=["dense", "shared, learned"])
    explorer.train()
    explorer.wait()
    controls, widget = explorer.controls, explorer.panel.curves_widget
    assert widget.old == ""
    put(controls, schedule="linear", lr_end=0.001)
    assert widget.old.startswith("old curves: weights, how constant; weights, end none. Press")
    assert "weights, how linear; weights, end 0.001" in widget.old
    put(controls, schedule="constant", slots=(4, 3))
    assert widget.old == "old curves: slots 3 2. Press Train for slots 4 3"
    controls.kinds["shared, learned"].value = False  # of dense networks slots play no part
    assert widget.old == ""
    controls.kinds["shared, learned"].value = True
    explorer.train()
    explorer.wait()
    assert widget.old == ""
    assert {run.final.slots for run in explorer.live.runs} == {None, (4, 3)}  # type: ignore[union-attr]
    assert "slots=(4, 3)" in explorer.copy()
