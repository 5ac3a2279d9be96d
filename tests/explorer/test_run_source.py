"""Live and finished runs are the same source of runs; sessions report events in order."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from modnets.config.grid import grid
from modnets.config.run_config import RunConfig
from modnets.experiments.live import Live
from modnets.experiments.sweep import sweep
from modnets.explorer.finished_runs import FinishedRuns
from modnets.explorer.run_source import LiveRuns, RunSource
from modnets.explorer.session import Event, Session

RUNS = grid(
    RunConfig(epochs=20, eval_every=10, train_rows=16, record="every"),
    model=["dense", "shared"],
    seed=range(2),
)


def test_finished_runs_are_those_that_were_live(tmp_path: Path) -> None:
    training = Live(RUNS, tmp_path, compiled=False)
    training.train()
    live: RunSource = LiveRuns(training)
    finished: RunSource = FinishedRuns(tmp_path)
    for name in ("graph", "epochs", "configs", "seeds", "running"):
        assert getattr(live, name) == getattr(finished, name), name
    assert live.has_weights
    assert not finished.has_weights
    order = ["run", "epoch"]
    tables = [
        source.measures("test_bit_accuracy", "solved").sort_values(order, ignore_index=True)
        for source in (live, finished)
    ]
    pd.testing.assert_frame_equal(tables[0], tables[1][tables[0].columns], check_dtype=False)
    for run in RUNS:
        for epoch in (0, 15, 20):
            assert live.record(run.key, epoch) == finished.record(run.key, epoch)
        assert (finished.network(run.key, 20) is None) == (run.model == "dense")


def test_runs_with_other_schedules_are_never_in_one_group(tmp_path: Path) -> None:
    kinds = {"model": ["dense", "shared"], "seed": range(2)}
    base = RunConfig(epochs=2, train_rows=16)
    sweep(grid(base, **kinds, lr_routing_schedule=[None, "linear"]), tmp_path, progress=False)
    groups = FinishedRuns(tmp_path).groups
    assert set(groups) == {
        f"6-3-2-2, lr routing schedule {word}" for word in ("as all rates", "linear")
    }
    assert {len(rows) for rows in groups.values()} == {2 * 2 * 3}  # dense ones are in both
    annealed = {"temperature_schedule": "linear", "temperature_end": [0.5, 1.0]}
    sweep(grid(base, **kinds, **annealed), tmp_path / "other", progress=False)
    assert set(FinishedRuns(tmp_path / "other").groups) == {
        f"6-3-2-2, temperature end {end}" for end in (0.5, 1.0)
    }


def test_a_session_reports_events(tmp_path: Path) -> None:
    """Without a loop only those of the caller's thread are delivered."""
    events: list[Event] = []
    session = Session(tmp_path, events.append, lambda action: action)
    session.wait()
    assert events == []
    session.train(RUNS)
    session.wait()
    session.stop()
    without_progress = [event for event in events if event is not Event.PROGRESS]
    assert without_progress == [Event.CREATED, Event.STARTED, Event.ENDED]
    assert session.runs is not None
    assert session.runs.seeds == {run.key: run.seed for run in RUNS}
    assert not session.running
