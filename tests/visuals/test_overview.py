"""The first figure of any results: a line for each combination of settings that vary."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest

import modnets as mn
from modnets.training.engine import train_chunk

BASE = mn.RunConfig(graph="6-2-2", epochs=1)


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    """Two kinds, two numbers of rows, and two rates of one of the kinds."""
    runs = mn.grid(BASE, model="dense", train_rows=[8, 16], seed=range(3))
    shared = mn.grid(
        BASE, model="shared", train_rows=[8, 16], lr_routing=[0.01, 0.1], seed=range(3)
    )
    parts = [train_chunk(some, chunk=16).table for some in (runs, shared)]
    return pd.concat(parts, ignore_index=True)


def test_every_combination_has_its_line(results: pd.DataFrame) -> None:
    axes = mn.plot.overview(results)
    assert axes.shape == (2, 1)
    lines = {line.get_label(): line for line in axes[1, 0].get_lines()}
    ends = results[results["epoch"] == 1]
    for rate in (0.01, 0.1):
        line = lines[f"shared, learned, lr_routing {rate}"]
        part = ends[(ends["kind"] == "shared, learned") & (ends["lr_routing"] == rate)]
        solved = part.groupby("train_rows")["solved"].mean()
        assert line.get_ydata() == pytest.approx(solved.to_numpy())
    assert "dense" in lines
    plt.close("all")


def test_one_number_of_rows_is_enough(results: pd.DataFrame) -> None:
    assert mn.plot.overview(results[results["train_rows"] == 8]).shape == (2, 1)
    plt.close("all")


def test_what_cannot_be_drawn_is_one_line(results: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="results is empty"):
        mn.plot.overview(results[:0])
    many = [results.assign(lr=rate, run=results["run"] + str(rate)) for rate in range(1, 9)]
    with pytest.raises(ValueError, match=r"24 kinds of runs, as lr.* vary; allowed are at most 16"):
        mn.plot.overview(pd.concat(many))
