"""Joint thresholds by machine code: those of arrays to the last bit, within the same limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modnets.compiler import c_functions
from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.models import compiled_thresholds, gate_fits, thresholds
from modnets.models.thresholds import joint_thresholds
from modnets.tasks.random_graphs import random_graph
from modnets.training.engine import train_chunk

WIDE = random_graph([8, 4, 3, 2], seed=0)  # rows of several words
CASES: dict[str, dict[str, Any]] = {
    "own, learned": {"graph": "6-3-2-2", "model": "modular", "train_rows": 51},
    "own, known, deep": {"graph": "6-3-3-2-2", "model": "modular", "routing": "known"},
    "shared, three inputs": {"graph": "6-3-2-2", "model": "shared", "arity": 3},
    "many rows": {"graph": WIDE, "model": "shared", "train_rows": 32},
    "all levels read": {"graph": "6-3-2-2", "model": "shared", "output_levels": "every"},
}
#: Those of a search that ends before it is through, in each of its ways.
TIGHT = {
    "steps": {"steps": 1500},
    "elements": {"elements": 2**10},
    "cuts": {"cuts": 24, "kept": (2, 6)},
}
Given = tuple[Sequence[np.ndarray], ...]


@pytest.fixture(scope="module")
def given() -> dict[str, Given]:
    """What is looked at in networks that have trained for a while, 12 of each case."""
    found: dict[str, Given] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, settings in CASES.items():

            def look(*arguments: Any, name: str = name) -> list[Any]:
                found[name] = arguments
                return joint_thresholds(*arguments)

            patch.setattr(gate_fits, "joint_thresholds", look)
            runs = grid(RunConfig(**settings, epochs=30), seed=range(12))
            train_chunk(runs, chunk=12, compiled=False)
    return found


@pytest.fixture(autouse=True)
def _compiles_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_thresholds, "COMPILE_FROM", 1)


def by_arrays(given: Given, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    with monkeypatch.context() as patch:
        patch.setattr(thresholds, "compiled_thresholds", lambda *_: None)
        return joint_thresholds(*given)


def assert_same(found: list[Any], expected: list[Any]) -> None:
    assert [one is None for one in found] == [one is None for one in expected]
    for one, other in zip(found, expected, strict=True):
        for level, same in zip(one or (), other or (), strict=True):
            np.testing.assert_array_equal(level, same)  # NaN where there is none


@pytest.mark.parametrize("case", CASES)
def test_it_finds_what_arrays_find(
    case: str, given: dict[str, Given], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = by_arrays(given[case], monkeypatch)
    assert any(one is not None for one in expected)
    assert_same(joint_thresholds(*given[case]), expected)


@pytest.mark.parametrize("limits", TIGHT.values(), ids=TIGHT)
@pytest.mark.parametrize("case", CASES)
def test_it_ends_where_arrays_end(
    case: str, limits: dict[str, Any], given: dict[str, Given], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("THOROUGH", "QUICK"):
        monkeypatch.setattr(thresholds, name, replace(getattr(thresholds, name), **limits))
    assert_same(joint_thresholds(*given[case]), by_arrays(given[case], monkeypatch))


def test_a_network_that_is_not_searched_has_none(
    given: dict[str, Given], monkeypatch: pytest.MonkeyPatch
) -> None:
    values, *others = given["own, known, deep"]
    broken = [level.copy() for level in values]
    broken[0][1] = np.nan
    found = joint_thresholds(broken, *others)
    assert found[1] is None
    assert_same(found, by_arrays((broken, *others), monkeypatch))


def test_for_few_networks_nothing_is_compiled(
    given: dict[str, Given], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODNETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(c_functions, "_loaded", c_functions._loaded.__wrapped__)
    monkeypatch.setattr(compiled_thresholds, "_SEEN", Counter())
    few = [[part[:3] for part in parts] for parts in given["own, learned"]]
    monkeypatch.setattr(compiled_thresholds, "COMPILE_FROM", 6)
    found = joint_thresholds(*few)
    assert not (tmp_path / "cache").exists()
    assert_same(joint_thresholds(*few), found)  # six in all
    assert len(list((tmp_path / "cache").glob("*.so"))) == 1


@pytest.mark.parametrize("missing", ["compiler", "folder"])
def test_few_networks_say_nothing_of_what_is_missing(
    missing: str,
    given: dict[str, Given],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(compiled_thresholds, "_SEEN", Counter())
    monkeypatch.setattr(compiled_thresholds, "COMPILE_FROM", 13)
    if missing == "compiler":
        monkeypatch.setattr(c_functions, "compiler", lambda: None)
    else:
        monkeypatch.setenv("MODNETS_CACHE", "/dev/null/no/folder")
    expected = by_arrays(given["own, learned"], monkeypatch)
    assert_same(joint_thresholds(*given["own, learned"]), expected)
    assert capsys.readouterr() == ("", "")
