"""Numbers beside the compiled libraries: what is read again, and what is computed again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modnets.compiler.cached_numbers import cached_numbers
from modnets.config.run_config import RunConfig
from modnets.models.monolithic import MLP
from modnets.models.registry import MODELS, register
from modnets.training import cost_model

NAME, NUMBERS = "1" * 20, {"a": 0.1, "b": 3.0}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test alone."""
    monkeypatch.setenv("MODNETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cost_model, "_KNOWN", {})
    return tmp_path / "cache"


def refuse() -> dict[str, float]:
    raise AssertionError("computed again")


def test_numbers_are_computed_once_and_come_back_to_the_last_bit(folder: Path) -> None:
    assert cached_numbers(NAME, lambda: NUMBERS) == NUMBERS
    assert cached_numbers(NAME, refuse) == NUMBERS
    assert cached_numbers("2" * 20, lambda: {"a": 1.0}) == {"a": 1.0}
    assert [path.suffix for path in folder.iterdir()] == [".json"] * 2


def test_a_damaged_file_is_computed_again(folder: Path) -> None:
    cached_numbers(NAME, lambda: NUMBERS)
    (path,) = folder.iterdir()
    path.write_text('{"a": 0.2, "b": 3.0}')
    assert cached_numbers(NAME, lambda: NUMBERS) == NUMBERS
    assert cached_numbers(NAME, refuse) == NUMBERS


def test_without_a_folder_they_are_computed_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> Path:
        raise OSError("no folder")

    for name in ("libraries.folders_to_read", "cached_numbers.cache_folder"):
        monkeypatch.setattr(f"modnets.compiler.{name}", none)
    for n in (1.0, 2.0):
        assert cached_numbers(NAME, lambda n=n: {"a": n}) == {"a": n}


def test_a_process_does_not_trace_what_another_one_has(monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunConfig(hidden=(5, 4))
    times = cost_model.step_times(run)
    cost_model._KNOWN.clear()
    monkeypatch.setattr(cost_model, "trace_of", lambda config: refuse())
    assert cost_model.step_times(run) == times
    for other in (replace(run, hidden=(5, 6)), replace(run, batch_size=16)):
        with pytest.raises(AssertionError, match="computed again"):
            cost_model.step_times(other)


def test_a_network_of_a_users_own_is_traced_in_each_process(folder: Path) -> None:
    register("test-numbers")(lambda config: MLP((6, 4, 2)))
    try:
        cost_model.step_times(RunConfig(model="test-numbers"))
    finally:
        del MODELS["test-numbers"]
    assert not list(folder.glob("*.json"))
