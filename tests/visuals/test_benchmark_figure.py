"""The figure of the benchmark shows every measurement, names the machine, and every ratio."""

from __future__ import annotations

import pandas as pd
import pytest
from drawings import check_drawing

from modnets.visuals.benchmark import plot_benchmark, plot_benchmark_grid

FACTS = {"machine": "2 cores, X", "torch": "2", "sgemm_gflops": 300.0, "rows": 51, "steps": 1000}


@pytest.fixture
def table() -> pd.DataFrame:
    """Two kinds, three numbers of runs, two other ways."""
    rows = []
    for model, kind, base in (("dense", "dense", 6.0), ("shared", "shared, learned", 2.0)):
        for runs, factor in ((1, 30), (16, 2), (64, 1)):
            time = {"ms_per_run_per_1000_steps": base * factor, "gflops": 420.0 / factor}
            rows.append({"peer": "modnets 1", "model": model, "kind": kind, "runs": runs, **time})
        for peer, times in (("torch loop", 100), ("jax 1", 3.5)):
            time = {"ms_per_run_per_1000_steps": base * times}
            rows.append({"peer": peer, "model": model, "kind": kind, "runs": 1, **time})
    return pd.DataFrame([row | FACTS for row in rows])


def test_every_measurement_is_drawn(table: pd.DataFrame) -> None:
    axes = plot_benchmark(table)
    times, rates, ways = axes
    assert [line.get_label() for line in times.lines] == ["dense", "shared, learned"]
    assert list(times.lines[1].get_ydata()) == [60.0, 4.0, 2.0]
    assert list(rates.lines[0].get_ydata()) == pytest.approx([14.0, 210.0, 420.0])
    # What small matrices reach may be more than what large ones do: both lie inside the axes.
    sgemm = next(line for line in rates.lines if line.get_label() == "sgemm, large matrices")
    assert set(sgemm.get_ydata()) == {300.0}
    assert rates.get_ylim()[0] == 0
    assert rates.get_ylim()[1] > 420
    assert "%" not in rates.get_ylabel()
    assert [tick.get_text() for tick in times.get_xticklabels()] == ["1", "16", "64"]
    assert [text.get_text() for text in ways.texts].count("100×") == 2
    assert [text.get_text() for text in ways.texts].count("3.5×") == 2
    names = [text.get_text() for text in ways.get_legend().get_texts()]
    assert names == ["modnets 1", "plain loop", "jax 1"]
    (legend,) = axes[0].figure.legends
    assert "2 cores, X" in legend.get_title().get_text()
    assert "300 GFLOP/s" in legend.get_title().get_text()
    check_drawing(axes[0].figure)


def test_every_size_is_a_row_with_all_who_train_it() -> None:
    rows = [
        {"peer": peer, "model": model, "hidden": hidden, "inputs": 6, "rows": 51, "runs": runs}
        | {"ms_per_run_per_1000_steps": 2.0 * times, "times": times}
        | {"machine": "2 cores, X", "fma_gflops": 300.0}
        for model, hidden, runs in (("dense", "36-36-36", 64), ("shared", "", 1))
        for peer, times in (("modnets 1", 1.0), ("jax 1", 3.5))
    ]
    ax = plot_benchmark_grid(pd.DataFrame(rows))
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    assert labels == [
        "shared, learned: 6 inputs, 51 rows, 1 run",
        "36 x 3: 6 inputs, 51 rows, 64 runs",
    ]
    assert [text.get_text() for text in ax.texts] == ["3.5×", "3.5×"]
    assert "300 GFLOP/s" in ax.get_legend().get_title().get_text()
    check_drawing(ax.figure)


def test_a_label_is_beside_both_points_where_modnets_is_slower() -> None:
    facts = {"model": "dense", "hidden": "36", "inputs": 6, "rows": 51, "runs": 1}
    facts |= {"machine": "2 cores, X", "fma_gflops": 300.0}
    times = {"modnets 1": (10.0, 1.0), "jax 1": (7.0, 0.7), "far 1": (2.0, 0.2)}
    rows = [
        facts | {"peer": peer, "ms_per_run_per_1000_steps": ms, "times": ratio}
        for peer, (ms, ratio) in times.items()
    ]
    ax = plot_benchmark_grid(pd.DataFrame(rows))
    assert {text.get_text(): text.xy[0] for text in ax.texts} == {"0.7×": 10.0, "0.2×": 2.0}
