"""Wrong calls from Python: one line with the parameter, its value and what is allowed."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

import modnets as mn
from modnets.checked import Between, checked
from modnets.errors import shown

XOR = mn.tasks.gate("XOR")
GRAPH = mn.tasks.get_graph("6-2-2")


class Unshown:
    def __repr__(self) -> str:
        raise RuntimeError("no notation")


#: Values that stand for no number, no word, no list, no table.
POOL = [
    None, float("nan"), float("inf"), -1, 2**70, 10**5000, "", "x", "\n", "a" * 5000, [], {}, {1},
    object(), np.arange(3), np.array([]), b"x", pd.DataFrame(), pd.Series([1]), len, [[1]], [None],
    torch.zeros(2), 3j, iter([1]), int, Unshown(), True,
]  # fmt: skip

#: Public callables with arguments that are right.
CALLS: list[tuple[Callable, dict]] = [
    (mn.FunctionGraph, {"n_inputs": 4, "levels": [["XOR 0 1"]], "outputs": (0,), "name": "a"}),
    (mn.tasks.Gate, {"name": "a", "table": (0, 1)}),
    (mn.tasks.SubFunction, {"gate": XOR, "inputs": (0, 1)}),
    (mn.TaskSet, {"graphs": (GRAPH, GRAPH), "name": "both"}),
    (mn.tasks.gate, {"name": "XOR", "n_inputs": 2}),
    (mn.tasks.get_graph, {"graph": "6-2-2"}),
    (mn.tasks.random_graph, {"widths": (6, 2, 2), "gates": ("XOR",), "fan_in": 2, "seed": 0}),
    (mn.tasks.split_rows, {"graph": GRAPH, "train_rows": 8, "seed": 0}),
    (mn.tasks.split_task, {"task": GRAPH, "train_rows": 8, "seed": 0, "held_out": "same"}),
    (mn.tasks.load_digits, {"source": "bundled", "folder": None}),
    (mn.grid, {"base": mn.RunConfig(), "seed": [1], "hidden": [(3,)], "graph": "6-2-2"}),
    (mn.RunConfig, {"graph": "6-2-2", "seed": 1, "lr": 0.1, "hidden": (3,), "routing": "known"}),
    (
        mn.analysis.modular_version_space,
        {"graph": "6-2-2", "shared": True, "slots": None, "arity": None},
    ),
    (mn.analysis.chance_level, {"graph": "6-2-2", "draws": 10, "seed": 0}),
    (
        mn.analysis.matched_hidden,
        {"run": mn.RunConfig(graph="6-2-2", model="modular"), "layers": 1},
    ),
    (mn.analysis.costs_of, {"runs": [mn.RunConfig(graph="6-2-2")]}),
    (mn.analysis.majority_floor, {"graph": "6-2-2"}),
    (mn.draw_graph, {"graph": "6-2-2", "title": "a", "ax": None}),
    (mn.plot.kind_style, {"kind": "dense"}),
    (mn.plot.module_colors, {"count": 3}),
    (mn.analysis.last, {"results": pd.DataFrame({"run": ["a"], "epoch": [1]})}),
    (mn.summarize, {"results": pd.DataFrame(), "by": ("kind",), "confidence": 0.9, "seed": 0}),
]
CASES = [(call, arguments, name) for call, arguments in CALLS for name in arguments]


@pytest.mark.parametrize(
    ("call", "arguments", "name"), CASES, ids=lambda v: getattr(v, "__name__", "") or str(v)[:20]
)
def test_a_wrong_argument_is_one_line(call: Callable, arguments: dict, name: str) -> None:
    for value in POOL:
        try:
            call(**arguments | {name: value})
        except ValueError as error:
            message = str(error)
            assert "\n" not in message
            assert len(message) < 1200
            assert "allowed" in message or "is empty" in message or " reads " in message, message


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mn.FunctionGraph("6", []), "n_inputs='6'; allowed is a whole number"),
        (lambda: mn.FunctionGraph(4, 3), "levels=3; allowed are lists of sub-functions, as"),
        (lambda: mn.FunctionGraph(4, ["XOR 0 1"]), "levels=.*; allowed are lists of sub"),
        (lambda: mn.FunctionGraph(4, [[3]]), "sub-function 3: allowed is a gate and its input pl"),
        (lambda: mn.FunctionGraph(4, [["XOR 0 ²"]]), "sub-function 'XOR 0 ²': allowed is a gate"),
        (
            lambda: mn.FunctionGraph(4, [["XOR 0 1"]], outputs=0),
            "outputs=0; allowed is a list, each",
        ),
        (lambda: mn.FunctionGraph(4, [["XOR 0 1"]], name=3), "name=3; allowed is a word or None"),
        (lambda: mn.tasks.Gate("a", 3), "table=3; allowed is a list, each a whole number"),
        (lambda: mn.tasks.SubFunction("XOR", (0, 1)), "gate='XOR'; allowed is a Gate"),
        (lambda: mn.TaskSet("6-2-2"), "graphs='6-2-2'; allowed is a list, each a FunctionGraph"),
        (lambda: mn.grid(3), "base=3; allowed is a RunConfig"),
        (lambda: mn.grid(seed=range(10**12)), "runs in a grid; allowed are at most"),
        (lambda: mn.analysis.costs_of(3), "runs=3; allowed is a list, each a RunConfig"),
        (lambda: mn.analysis.costs_of([3]), r"runs=\[3\]; allowed is a list, each a RunConfig"),
        (lambda: mn.analysis.last(3), "results=3; allowed is a table"),
        (lambda: mn.summarize(pd.DataFrame(), by="kind"), "by='kind'; allowed is a list, each a w"),
        (
            lambda: mn.summarize(pd.DataFrame(), confidence=2),
            r"confidence=2; allowed is in \(0, 1\)",
        ),
        (lambda: mn.summarize(pd.DataFrame(), resamples=0), "resamples=0; allowed is at least 1"),
        (lambda: mn.tasks.gate(["XOR"]), r"name=\['XOR'\]; allowed is a word"),
        (lambda: mn.tasks.get_graph(3), "graph=3; allowed is the name of a graph, or a task"),
    ],
)
def test_what_is_wrong_is_named(call: Callable, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_an_argument_that_there_is_not_is_named_with_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"summarize.. .*'confidense', did you mean 'confidence'"):
        mn.summarize(pd.DataFrame(), confidense=0.9)


def test_tables_are_read_as_arguments_are() -> None:
    results = pd.DataFrame({"run": ["a"], "epoch": ["one"]})
    with pytest.raises(
        ValueError, match="results: column 'epoch' holds 'one'; allowed are numbers"
    ):
        mn.analysis.last(results)

    @checked
    def total(first: pd.DataFrame, second: pd.DataFrame, by: dict[str, pd.DataFrame]) -> float:
        return float((first["a"] * second["b"]).sum() / (1 - len(first)) + by["x"]["c"].sum())

    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [1.0, 2.0], "c": [0.0, 1.0]})
    assert total(frame, frame, {"x": frame}) == -4.0
    with pytest.raises(
        ValueError, match=r"second: missing columns \['b'\]; allowed is a table"
    ) as e:
        total(frame, frame[["a"]], {"x": frame})
    assert isinstance(e.value.__cause__, KeyError)
    with pytest.raises(ValueError, match=r"by\['x'\]: missing columns \['c'\]"):
        total(frame, frame, {"x": frame[["a", "b"]]})
    with pytest.raises(ValueError, match=r"cannot be computed with \(\w+\); allowed is a table"):
        total(frame.assign(a=[{}, {}]), frame, {"x": frame})
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        total(frame, frame)


def test_numbers_of_other_libraries_are_taken() -> None:
    @checked(count=(1, 3), share=Between(0, 1))
    def given(count: int, share: float = 0.5, widths: tuple[int, ...] = ()) -> tuple:
        return count, share, widths

    assert given(np.int64(3), np.float32(0.1), np.array([4, 5])) == (3, 0.1, (4, 5))
    assert given(torch.tensor(2), widths=[1]) == (2, 0.5, (1,))
    with pytest.raises(ValueError, match="count=4; allowed is 1 to 3"):
        given(4)
    with pytest.raises(ValueError, match=r"share=1; allowed is in \(0, 1\)"):
        given(1, 1)


def test_signatures_stand() -> None:
    assert list(inspect.signature(mn.summarize).parameters)[:2] == ["results", "by"]
    assert mn.summarize.__name__ == "summarize"
    assert "Returns" in mn.summarize.__doc__


def test_values_are_shown_in_one_short_line() -> None:
    nested: list = []
    nested.append(nested)
    for value in [*POOL, nested, list(range(10**6)), {i: i for i in range(999)}, "a\nb" * 999]:
        text = shown(value)
        assert "\n" not in text
        assert len(text) < 100
