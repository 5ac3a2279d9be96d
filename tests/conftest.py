"""Fixtures over the registries: a graph or model is tested the moment it is listed."""

from __future__ import annotations

import os

os.environ["MPLBACKEND"] = "Agg"  # before anything imports matplotlib

import numpy as np
import pytest
import torch
from hypothesis import settings

from modnets.models.registry import BUILT_IN
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

NAMED = tuple(GRAPHS)


@pytest.fixture(params=NAMED)
def graph(request: pytest.FixtureRequest) -> FunctionGraph:
    """Each named graph."""
    return GRAPHS[request.param]


@pytest.fixture(params=[name for name in NAMED if GRAPHS[name].has_structure])
def structured(request: pytest.FixtureRequest) -> FunctionGraph:
    """Each named graph whose levels are known."""
    return GRAPHS[request.param]


@pytest.fixture(params=BUILT_IN)
def model(request: pytest.FixtureRequest) -> str:
    """The name of each model."""
    return request.param


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same for every test."""
    return np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Each test starts from the same state of torch, whichever ran before it."""
    torch.manual_seed(0)
