"""Workers: those that are lost, what they are sent, and how interruptions end them."""

from __future__ import annotations

import importlib
import os
import pickle
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pandas as pd
import pytest
import torch

import modnets as mn
from modnets.experiments.executors import _most_workers
from modnets.experiments.failures import RunsFailed, WorkersLost
from modnets.experiments.interruption import interruption_in_one_line
from modnets.experiments.planning import plan
from modnets.experiments.sweep import sweep
from modnets.hardware import cores
from modnets.models.registry import MODELS

RUNS = mn.grid(mn.RunConfig(graph="6-2-2", train_rows=16, epochs=2), seed=range(8))


def same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(one, other, check_exact=True, check_dtype=False)


class Losing(Executor):
    """Works at once, and loses its worker now and then; or takes no more work at all."""

    def __init__(self, lost: set[int], ends: bool = False) -> None:
        self.lost, self.ends, self.given = lost, ends, 0

    def submit(self, function: object, *given: object) -> Future:
        number, self.given = self.given, self.given + 1
        if self.ends and any(one < number for one in self.lost):
            raise BrokenProcessPool("a worker ended")
        future: Future = Future()
        if number in self.lost:
            future.set_exception(RuntimeError("KilledWorker"))
        else:
            future.set_result(
                pickle.loads(pickle.dumps(function))(*pickle.loads(pickle.dumps(given)))
            )
        return future


def test_what_a_lost_worker_leaves_is_trained_by_others(store: Path) -> None:
    here = sweep(RUNS, chunk=2, compiled=False, progress=False)
    for lost in ({0, 2}, {0, 1, 2, 3, 5}):
        executor = Losing(lost)
        same(sweep(RUNS, executor=executor, chunk=2, compiled=False, progress=False), here)
        assert executor.given == 4 + len(lost)


def test_one_error_tells_what_is_left(store: Path) -> None:
    given = {"chunk": 2, "compiled": False, "progress": False}
    with pytest.raises(WorkersLost, match=r"RuntimeError: KilledWorker.*2 runs are left.*stored"):
        sweep(RUNS, store, executor=Losing({1, 4, 5}), **given)
    assert plan(RUNS, store).n_to_do == 2
    with pytest.raises(WorkersLost, match=r"a worker ended.*2 runs are left") as caught:
        sweep(RUNS, store, executor=Losing({0}, ends=True), **given)
    assert {run.key for run in caught.value.left} == {RUNS[2].key, RUNS[3].key}
    assert "\n" not in str(caught.value)
    same(sweep(RUNS, store, **given), sweep(RUNS, **given))
    with pytest.raises(WorkersLost, match=r"6 runs are left.*in \.table") as caught:
        sweep(RUNS, executor=Losing({1}, ends=True), **given)
    assert caught.value.table["run"].nunique() == 2


def test_an_executor_that_was_shut_down(store: Path) -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(WorkersLost, match=r"after shutdown.*8 runs are left"):
        sweep(RUNS, store, executor=executor, progress=False)


class Deadly(torch.nn.Linear):
    """Ends the process that builds it, if told so and not at home."""

    def __init__(self, config: mn.RunConfig) -> None:
        if config.options["deadly"] and os.getpid() != config.options["here"]:
            os._exit(1)
        super().__init__(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x)


def test_a_run_that_ends_its_workers_takes_no_others_with_it(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MODELS, "deadly", Deadly)
    base = mn.RunConfig(graph="6-2-2", model="deadly", train_rows=16, epochs=2)
    ways = [{"here": os.getpid(), "deadly": deadly} for deadly in (False, True)]
    runs = mn.grid(base, options=ways, seed=range(2))[:3]
    with pytest.raises(WorkersLost) as caught:
        sweep(runs, store, workers=2, chunk=1, compiled=False, progress=False)
    assert set(caught.value.left) == set(runs[2:])
    assert mn.Store(store).keys() == {run.key for run in runs[:2]}


def test_only_models_of_the_runs_travel_and_what_cannot_is_trained_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    namespace: dict = {"torch": torch, "__name__": "__main__", "log": open(os.devnull, "w")}  # noqa: SIM115
    source = (
        "class Logged(torch.nn.Linear):\n"
        "    def __init__(self, config): super().__init__(6, 2); log.write('built')\n"
        "    def forward(self, x): return super().forward(x)\n"
    )
    exec(source, namespace)
    monkeypatch.setitem(MODELS, "written", namespace["Logged"])
    with ThreadPoolExecutor(1) as executor:
        given = {"executor": executor, "chunk": 4, "compiled": False, "progress": False}
        sweep(RUNS, **given)
        assert capsys.readouterr().err == ""
        base = mn.RunConfig(graph="6-2-2", model="written", train_rows=16, epochs=2)
        runs = mn.grid(base, seed=range(8))
        table = sweep(runs, **given)
    said = [line for line in capsys.readouterr().err.splitlines() if "travel" in line]
    begins = "modnets: trained in this process, as it cannot travel: model 'written': "
    assert [line[: len(begins)] for line in said] == [begins]
    same(table, sweep(runs, chunk=4, compiled=False, progress=False))
    assert MODELS["written"] is namespace["Logged"]
    namespace["log"].close()


NETWORK = """
import modnets as mn
from torch import nn
import my_parts
@mn.register("filed")
class Filed(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.inner, self.outer = nn.Linear(6, 5), nn.Linear(5, 2)
    def forward(self, x): return self.outer(my_parts.act(self.inner(x)))
"""


def test_workers_build_what_this_process_would_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr("modnets.models.registry.MODELS", MODELS)
    (tmp_path / "my_nets.py").write_text(NETWORK)
    (tmp_path / "my_parts.py").write_text("def act(x): return x.relu()\n")
    nets = importlib.import_module("my_nets")

    def losses(name: str, workers: int) -> list[float]:
        MODELS[name] = MODELS["filed"]
        base = mn.RunConfig(graph="6-2-2", model=name, train_rows=24, epochs=20, eval_every=20)
        runs = mn.grid(base, seed=range(2))
        table = sweep(runs, workers=workers, chunk=1, compiled=False, progress=False)
        return table["train_loss"].tolist()

    try:
        first = losses("filed before", 2)
        assert first == losses("filed before", 1)
        (tmp_path / "my_parts.py").write_text("def act(x): return x.sin() + 0\n")
        importlib.reload(sys.modules["my_parts"])
        importlib.reload(nets)
        second = losses("filed after", 2)
        assert second == losses("filed after", 1)
        assert first != second
    finally:
        for name in ("filed", "filed before", "filed after"):
            MODELS.pop(name, None)
        for name in ("my_nets", "my_parts"):
            sys.modules.pop(name, None)


def test_failures_are_told_in_a_line_each() -> None:
    frames = "Traceback (most recent call last):\n  File 'net.py', line 3, in forward\n    x @ y\n"
    refusal = "ValueError: model 'mine' is refused; allowed is another\n"
    texts = [f"{frames}RuntimeError: shapes differ\nand more", f"{frames}{refusal}", refusal]
    failures = {run.key: (run, texts[run.seed % 3]) for run in RUNS}
    error = RunsFailed(failures)
    lines = str(error).splitlines()
    assert lines[0].startswith("8 runs failed")
    assert lines[1:] == [
        f"3 x {RUNS[0]} ({RUNS[0].key}): RuntimeError: shapes differ",
        f"5 x {RUNS[1]} ({RUNS[1].key}): model 'mine' is refused; allowed is another",
    ]
    assert error.failures == failures
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.failures) == (str(error), failures)
    many = {run.key: (run, f"E: {run.seed}") for run in mn.grid(seed=range(50))}
    assert len(str(RunsFailed(many)).splitlines()) == 12


def test_a_process_pool_of_ones_own_takes_models_of_a_notebook() -> None:
    with ProcessPoolExecutor(1) as executor:
        there = sweep(RUNS[:2], executor=executor, compiled=False, chunk=2, progress=False)
    same(there, sweep(RUNS[:2], compiled=False, chunk=2, progress=False))


def test_cores_are_those_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr("loky.cpu_count", lambda: 3)
    assert cores() == 3
    monkeypatch.setattr("loky.cpu_count", lambda: 100)
    assert cores() == 64


def test_an_interruption_is_a_line_in_a_notebook() -> None:
    with (
        pytest.raises(KeyboardInterrupt) as caught,
        interruption_in_one_line(lambda: "3 of 4 are stored"),
    ):
        raise KeyboardInterrupt
    sys.excepthook = sys.__excepthook__
    assert caught.value._render_traceback_() == ["modnets: interrupted; 3 of 4 are stored"]
    assert type(caught.value) is KeyboardInterrupt


LONG = """
import signal; signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
import sys, modnets as mn
if __name__ == "__main__":
    runs = mn.grid(mn.RunConfig(model="dense", train_rows=16, epochs=300), seed=range(90))
    mn.sweep(runs, sys.argv[1], chunk=2, workers=2, compiled=False, progress=False)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_workers_and_is_one_line(store: Path, how: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LONG, str(store)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list(store.glob("runs-*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, how) if how == signal.SIGINT else os.kill(process.pid, how)
    _, said = process.communicate(timeout=60)
    assert process.returncode == (-how if how == signal.SIGINT else 143)
    assert said.count("\n") == 1
    word = "interrupted" if how == signal.SIGINT else "ended by SIGTERM"
    assert said.startswith(f"modnets: {word}; ")
    assert "of 90 runs are stored, and the same call goes on from there" in said
    assert not list(store.glob(".*"))
    assert not mn.Store(store).table().empty


def test_the_environment_says_how_many_workers_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modnets.experiments.executors.cores", lambda: 4)
    assert _most_workers() == 4
    monkeypatch.setenv("MODNETS_WORKERS", "1")
    assert _most_workers() == 1
    monkeypatch.setenv("MODNETS_WORKERS", "0")
    with pytest.raises(ValueError, match="MODNETS_WORKERS='0'; allowed is a whole number"):
        _most_workers()
