"""Fixtures over the registries: a graph or model is tested the moment it is listed."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["MPLBACKEND"] = "Agg"  # before anything imports matplotlib

import numpy as np
import pytest
import torch
from hypothesis import settings

from modnets.imports import collect_rarely
from modnets.models.registry import BUILT_IN
from modnets.tasks.digits import FILES, Digits, load_digits
from modnets.tasks.graphs import FunctionGraph
from modnets.tasks.named_graphs import GRAPHS
from modnets.training.step_cache import forget_steps

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

NAMED = tuple(GRAPHS)


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of garbage collections: a tenth of all time."""
    gc.freeze()
    collect_rarely()


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


@pytest.fixture
def mnist(tmp_path: Path) -> Callable[..., Digits]:
    """Writes files as those of MNIST into a folder of a name, and reads them.

    Each of the ten digits has 5 images of 8 x 8 for training, and 3 for tests.
    """

    def write(name: str = "mnist", seed: int = 0) -> Digits:
        rng = np.random.default_rng(seed)
        (tmp_path / name).mkdir()
        for images, labels, number in zip(FILES[::2], FILES[1::2], (5, 3), strict=True):
            every = np.repeat(np.arange(10), number).astype(np.uint8)
            pixels = rng.integers(256, size=(len(every), 8, 8), dtype=np.uint8)
            for file, array in ((images, pixels), (labels, rng.permutation(every))):
                sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
                content = bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()
                (tmp_path / name / file).write_bytes(content)
        return load_digits("mnist", tmp_path / name)

    return write


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory):
    """Compiled steps of the tests stay among the tests, and are really compiled once."""
    with pytest.MonkeyPatch.context() as patch:
        base = tmp_path_factory.getbasetemp()
        if "PYTEST_XDIST_WORKER" in os.environ:  # one folder for all workers
            base = base.parent
        patch.setenv("MODNETS_CACHE", str(base / "compiled"))
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
    forget_steps()
    yield
    forget_steps()


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Each test starts from the same state of torch, whichever ran before it."""
    torch.manual_seed(0)


#: Files whose tests train a lot, start processes or draw: ``make test-fast`` leaves them out.
SLOW = {
    "analysis": ("pooling", "structure"),
    "benchmarks": ("size_grid", "throughput"),
    "commands": (
        *("benchmark_command", "dependencies", "notebook", "results_command", "sweep_command"),
        *("train", "train_tasks"),
    ),
    "compiler": ("compiled", "gradients", "within_a_replica"),
    "experiments": (
        *(
            "cluster_executors",
            "compaction",
            "executors",
            "live",
            "restarts_in_sweeps",
            "scale",
            "shards",
        ),
        *("store_safety", "sweep"),
    ),
    "explorer": ("app", "page"),
    "models": ("identity", "mixtures", "thresholds"),
    "reports": ("report",),
    "training": (
        *("backends", "costs", "cuda_graph", "dont_cares", "engine", "hooks", "inspection"),
        *("own_losses", "own_networks", "own_refusals", "restarts", "schedules"),
        *("tasks_in_engine",),
    ),
    "visuals": (
        *(
            "efficiency",
            "figure_info",
            "gate_shares_figures",
            "heatmaps",
            "ladder",
            "plots",
            "task_drawings",
        ),
        *("tasks_figures", "theory_figure", "trained_drawings"),
    ),
    ".": ("old_modules", "readme"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow tests; the file of most of them, of notebooks, begins, so that no process waits.

    The browser comes last, as its event loop stands in the way of others.
    """
    here = Path(__file__).parent
    slow = {here / folder / f"test_{name}.py" for folder, names in SLOW.items() for name in names}
    assert all(path.exists() for path in slow)
    for item in items:
        if item.path in slow:
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: item.path.name != "test_notebooks.py")
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)
