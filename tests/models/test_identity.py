"""The digest of a user-defined network covers all that it can reach, and nothing else."""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from modnets.config.run_config import RunConfig
from modnets.models.identity import cached_digests, identity_of
from modnets.models.object_hasher import ObjectHasher
from modnets.models.registry import MODELS

CELL = """
import functools, math
import torch
from torch import nn
from helpers_of_mine import twice
import helpers_of_mine as mine

WIDTH = {width}
TABLE = {{"a": [1, {entry}]}}
WEIGHTS = torch.tensor([1.0, {weight}])
class Settings:
    scale = {scale}
settings = Settings()
settings.bias = {bias}
def act(x): return {act}
def unused(x): return {unused}
def decorated(function):
    @functools.wraps(function)
    def inner(*args): return {wrapper} * function(*args)
    return inner
class Base(nn.Module):
    def last(self, x): return x * {base}
class Block(Base):
    factor = {attribute}
    def __init__(self, width=6, *, gain={default}):
        super().__init__()
        self.linear, self.gain = nn.Linear(6, width), gain
    @decorated
    def forward(self, x): return self.last(act(self.linear(x))) * self.factor * self.gain
    @property
    def size(self): return {property}
    @staticmethod
    def static(x): return {static}
class Net(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.block = Block(WIDTH)
        self.out = nn.Linear(WIDTH, 2)
    def forward(self, x):
        h = self.block(x) * TABLE["a"][1] * WEIGHTS[1] * settings.scale + settings.bias
        h = Block.static(h) * self.block.size * mine.thrice(1) + globals()["LATE"]
        return twice(self.out(h))
LATE = {late}
"""
USUAL = {"width": 6, "entry": 2, "weight": 2.0, "scale": 1, "bias": 0, "act": "x.relu()"}
USUAL |= {"unused": "x", "wrapper": 1, "base": 1, "attribute": 1, "default": 1, "property": 1}
USUAL |= {"static": "x", "late": 0}
EDITS = {"width": 24, "entry": 3, "weight": 2.5, "scale": 2, "bias": 1, "act": "x.sin()"}
EDITS |= {"wrapper": 2, "base": 2, "attribute": 3, "default": 2, "property": 2, "static": "-x"}
EDITS |= {"late": 1}
MINE = """
BASE = {base}
def twice(x): return x * BASE
def thrice(x): return {thrice} * x
other = {other}
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Write a module of the user's own, and load it anew."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(base: int = 2, thrice: int = 3, other: int = 0) -> types.ModuleType:
        text = MINE.format(base=base, thrice=thrice, other=other)
        (tmp_path / "helpers_of_mine.py").write_text(text)
        sys.modules.pop("helpers_of_mine", None)
        return importlib.import_module("helpers_of_mine")

    yield write
    sys.modules.pop("helpers_of_mine", None)


def identity(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> str:
    """The digest of the network of the cell, written anew."""
    cell = {"__name__": "__main__"}
    exec(CELL.format(**(USUAL | changes)), cell)
    monkeypatch.setitem(MODELS, "own", cell["Net"])
    return identity_of("own")


def test_every_edit_that_a_forward_pass_can_reach_is_seen(mine, monkeypatch) -> None:
    mine()
    first = identity(monkeypatch)
    assert identity(monkeypatch) == first
    assert identity(monkeypatch, unused="x + 1") == first
    for name, value in EDITS.items():
        assert identity(monkeypatch, **{name: value}) != first, name
    mine(base=5)
    assert identity(monkeypatch) != first
    mine(thrice=4)
    assert identity(monkeypatch) != first
    mine(other=1)
    assert identity(monkeypatch) == first


def test_values_that_change_in_place_are_seen(mine, monkeypatch: pytest.MonkeyPatch) -> None:
    mine()
    first = identity(monkeypatch)
    scope = MODELS["own"].forward.__globals__
    settings, block, table = scope["settings"], scope["Block"], scope["TABLE"]["a"]
    changes = {
        "list": (lambda: table.append(1), table.pop),
        "tensor": (lambda: scope["WEIGHTS"].add_(1), lambda: scope["WEIGHTS"].sub_(1)),
        "object": (lambda: setattr(settings, "bias", 7), lambda: setattr(settings, "bias", 0)),
        "class": (lambda: setattr(block, "factor", 7), lambda: setattr(block, "factor", 1)),
    }
    for name, (change, back) in changes.items():
        change()
        assert identity_of("own") != first, name
        back()
        assert identity_of("own") == first, name


def test_a_run_is_one_of_the_network_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MODELS, "own", lambda config: nn.Linear(6, 2))
    run = RunConfig(graph="6-2-2", model="own")
    first = run.key
    monkeypatch.setitem(MODELS, "own", lambda config: nn.Linear(6, 2, bias=False))
    assert run.key != first
    with cached_digests():
        now = run.key
        monkeypatch.setitem(MODELS, "own", lambda config: nn.Linear(6, 2))
        assert run.key == now
    with cached_digests({("model", "own"): "given"}):
        assert identity_of("own") == "given"
    assert run.key == first


def test_factories_differ_by_what_they_close_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def factory(width: int):
        return lambda config: nn.Sequential(nn.Linear(6, width), nn.Linear(width, 2))

    def wide(config, width):
        return nn.Sequential(nn.Linear(6, width), nn.Linear(width, 2))

    for build in (factory, lambda width: functools.partial(wide, width=width)):
        result = []
        for width in (3, 4, 3):
            monkeypatch.setitem(MODELS, "own", build(width))
            result.append(identity_of("own"))
        assert result[0] == result[2] != result[1]


# fmt: off
VALUES = [
    *(0, 1, True, None, 1.0, "1", b"1", (1,), [1], {1}, frozenset([1]), {1: 2}, {2: 1}, range(3)),
    *(np.float32(1), np.arange(3), np.arange(3.0), np.arange(3)[::-1]),
    *(torch.arange(3), torch.ones(3), range(4)),
    *(torch.ones(3, 1), nn.Parameter(torch.ones(3)), torch.float32, torch.relu, torch.sin, len),
    *(np.add, np.multiply, nn.Linear, nn.ReLU, 1j, slice(3), slice(1, 3), Path("a"), Path("b")),
    *(torch.nn.functional.relu, torch.nn.functional.gelu, [1, [2]], [[1], 2]),
    *(torch.ones(2).bfloat16(), abs),
    *(np.array([None, 1]), np.array(["a"]), torch.Size([1]), np.random.default_rng(1)),
    *(np.random.default_rng(2), torch.Generator().manual_seed(1)),
]
# fmt: on


def test_different_values_have_different_digests() -> None:
    result = [ObjectHasher().digest(value) for value in VALUES]
    assert len(set(result)) == len(result)
    assert result == [ObjectHasher().digest(value) for value in VALUES]


def test_what_refers_to_itself_ends() -> None:
    ring: list[Any] = [1]
    ring.append(ring)
    assert ObjectHasher().digest(ring) == ObjectHasher().digest(ring)
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    assert ObjectHasher().digest(deep)


def test_what_cannot_be_seen_into_is_said_once(tmp_path, monkeypatch, capfd) -> None:
    with (tmp_path / "log").open("w") as log:

        def builder(config):
            log.write("built")
            return nn.Linear(6, 2)

        monkeypatch.setitem(MODELS, "logged", builder)
        assert identity_of("logged") == identity_of("logged")
    printed = capfd.readouterr().err
    assert printed.count("\n") == 1
    assert (
        "model 'logged' refers to a _io.TextIOWrapper, which its runs' keys cannot hold" in printed
    )


def test_another_process_finds_the_same(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
            import modnets as mn
            from torch import nn
            NAMES = {"a", "b", "c"}
            @mn.register("own")
            class Net(nn.Linear):
                kinds = frozenset(["x", "y", "z"])
                def __init__(self, config): super().__init__(6, 2)
                def forward(self, x): return super().forward(x) * len(NAMES)
            print(mn.RunConfig(model="own").key)
        """)
    )
    result = {
        subprocess.run(
            [sys.executable, script], capture_output=True, text=True, check=True,
            env={**__import__("os").environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(result) == 1
