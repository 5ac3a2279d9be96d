"""What the tests of training share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modnets.training.replicas import forget_programs


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    """Compiled steps of the tests stay among the tests, and are really compiled once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODNETS_CACHE", str(tmp_path_factory.mktemp("compiled")))
        yield


@pytest.fixture(autouse=True)
def _nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test has been told, the next one is told again."""
    monkeypatch.setenv("MODNETS_SAID", "")


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty folder for results."""
    return tmp_path / "results"


@pytest.fixture
def forgetful() -> Iterator[None]:
    """Programs are prepared anew, and none is kept."""
    forget_programs()
    yield
    forget_programs()
