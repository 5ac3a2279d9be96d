"""Explorers that are closed after a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from modnets.explorer.app import Explorer


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Explorer]]:
    made: list[Explorer] = []

    def build(**keywords: Any) -> Explorer:
        arguments = {"store": tmp_path / "store", "runs": 2, "epochs": 20} | keywords
        made.append(Explorer(**arguments))
        return made[-1]

    yield build
    for explorer in made:
        explorer.close()
